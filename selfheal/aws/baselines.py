"""The baseline that a package carries. For functions with the science layer: a baseline is arrays."""

from __future__ import annotations

import json

from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import Package
from selfheal.observe.baseline import Baseline
from selfheal.observe.profiles.layout import BaselineError


def baseline_of(objects: Objects, package: Package) -> Baseline:
    """Read it.

    Raises:
        Missing: the package names none, or the object is gone.
        BaselineError: it is not JSON, or no baseline of this version.
    """
    _, key = split_uri(package.baseline_uri)
    try:
        body = json.loads(objects.read(key))
    except ValueError as error:
        raise BaselineError(f"the baseline of {package.arn} is not JSON: {error}") from error
    return Baseline.from_json(body)
