"""Where the hours that no training may read are written down in the data bucket: one object an incident.

quarantine/<incident>.json
"""

from __future__ import annotations

import json

from selfheal.aws.errors import AwsError, Missing
from selfheal.aws.objects import Objects
from selfheal.remediate.quarantine import Quarantine

ROOT = "quarantine/"


class QuarantinedHours:
    """Quarantines of one workload."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def uri(self, incident: str) -> str:
        return f"s3://{self._objects.bucket}/{_key(incident)}"

    def of(self, incident: str) -> Quarantine | None:
        """The hours of an incident; None where it quarantined none.

        Raises:
            AwsError: the object holds something else.
        """
        try:
            return _parsed(self._objects.read(_key(incident)), self.uri(incident))
        except Missing:
            return None

    def all(self) -> list[Quarantine]:
        """Those that were ever written, in order of incident; what was read before is read again if it changed.

        Raises:
            AwsError: an object holds something else. Which hours are broken is not known then.
        """
        listed = [each for each in self._objects.list(ROOT) if each.key.endswith(".json")]
        return [self._objects.parsed(each.key, each.etag, _parsed) for each in listed]

    def write(self, quarantine: Quarantine) -> None:
        self._objects.write_json(_key(quarantine.incident), quarantine.to_json())


def _key(incident: str) -> str:
    return f"{ROOT}{incident}.json"


def _parsed(text: str, key: str) -> Quarantine:
    try:
        return Quarantine.from_json(json.loads(text))
    except ValueError as error:
        raise AwsError(
            f"{key}: {error}; restore its last version, or remove it to release its hours"
        ) from error
