"""Spark's entry into `pipelines.steps.profile_spark`: spark-submit runs a file, not a module.

It lies at the source bundle's root. Were it the step itself, Spark would put the steps' folder first on the
path of modules, and `profile` of the standard library, which Spark uses, would be ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.steps.profile_spark import main

if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
