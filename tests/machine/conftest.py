from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from machine.installation import installed
from machine.template import Deployed


@pytest.fixture(scope="module")
def deployed(synthesized: Path) -> Iterator[Deployed]:
    """The workload's functions, workflows and rules, and the functions ready to be run."""
    found = Deployed(synthesized)
    with installed(found):
        yield found
