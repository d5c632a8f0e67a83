"""What each feature contributes to a model: a file that the retraining writes beside the package's baseline."""

from __future__ import annotations

from collections.abc import Mapping

from selfheal.aws.errors import AwsError
from selfheal.aws.objects import Objects, split_uri
from selfheal.aws.registry import Package

FILE = "importance.json"


def importance_of(objects: Objects, package: Package) -> Mapping[str, float]:
    """By feature, its share of the gain of all splits.

    Raises:
        Missing: the package carries no baseline, or none with importances beside it.
        AwsError: the file holds something else.
    """
    _, key = split_uri(package.baseline_uri)
    key = f"{key.rpartition('/')[0]}/{FILE}"
    try:
        found = {str(name): float(share) for name, share in objects.read_json(key).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise AwsError(f"{key} does not hold a share of one by feature: {error}; train again") from error
    # NaN is in no range.
    if not all(0 <= share <= 1 for share in found.values()):
        raise AwsError(f"{key} holds a share outside 0 to 1; train again")
    return found
