"""What went wrong at AWS, in this project's words.

AwsError
├── Missing        the thing does not exist
├── EndpointBusy   a deployment is running; try again later
├── LeaseLost      the incident is another workflow's now, or nobody's; this one must not act
├── NothingToUndo  what a rollback would undo is not there, or not there any more
└── Refused        the thing exists, and must not be acted on
"""

from __future__ import annotations

from botocore.exceptions import ClientError


class AwsError(Exception):
    """Something at AWS is not as it must be; the message says what, where and the way out."""


class Missing(AwsError):
    """A thing that was asked for does not exist."""


class EndpointBusy(AwsError):
    """The endpoint is being updated. The workflow tries again later."""


class LeaseLost(AwsError):
    """A workflow that does not hold the lease of its incident any more: it was aborted, redriven or superseded."""


class NothingToUndo(AwsError):
    """No release is to blame, or it is not what serves any more; the incident goes on to its next rung."""


class Refused(AwsError):
    """A thing that must not be acted on: not approved, quarantined, or not what its digest says."""


_MISSING = ("not find", "not found", "does not exist")


def code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def is_missing(error: ClientError) -> bool:
    """Whether AWS says that the thing does not exist; SageMaker says so in a ValidationException."""
    message = str(error.response.get("Error", {}).get("Message", ""))
    return code(error) in (
        "NoSuchKey",
        "404",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "ParameterNotFound",
    ) or (code(error) == "ValidationException" and any(said in message for said in _MISSING))
