"""RetryPolicies and CacheConfig of a step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from twin.pipelines.expressions import DefinitionError
from twin.service_shapes import refuse_unsupported

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
_EXCEPTIONS = (SERVICE_FAULT, THROTTLING, JOB_INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT)

_DURATION = re.compile(
    r"P?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When and how often a step starts again; either `max_attempts` or `expires_after` bounds it."""

    exceptions: frozenset[str]
    interval: timedelta
    backoff: float
    max_attempts: int | None
    expires_after: timedelta | None

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> RetryPolicy:
        refuse_unsupported(
            "RetryPolicies",
            entry,
            ("ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"),
        )
        policy = cls(
            exceptions=frozenset(entry["ExceptionType"]),
            interval=timedelta(seconds=entry.get("IntervalSeconds", 1)),
            backoff=float(entry.get("BackoffRate", 2.0)),
            max_attempts=entry.get("MaxAttempts", None if "ExpireAfterMin" in entry else 5),
            expires_after=timedelta(minutes=entry["ExpireAfterMin"]) if "ExpireAfterMin" in entry else None,
        )
        policy._check(entry)
        return policy

    def _check(self, entry: Mapping[str, Any]) -> None:
        if unknown := sorted(self.exceptions - set(_EXCEPTIONS)):
            raise DefinitionError(f"RetryPolicies: unknown ExceptionType {', '.join(unknown)}")
        if "MaxAttempts" in entry and "ExpireAfterMin" in entry:
            raise DefinitionError("RetryPolicies: MaxAttempts and ExpireAfterMin exclude one another")
        if not 1 <= self.interval.total_seconds() <= 43_200:
            raise DefinitionError("RetryPolicies: IntervalSeconds must be from 1 to 43200")
        if self.max_attempts is not None and not 1 <= self.max_attempts <= 20:
            raise DefinitionError("RetryPolicies: MaxAttempts must be from 1 to 20")

    def delay(self, attempts: int, since_start: timedelta) -> timedelta | None:
        """How long to wait after so many failed attempts, or None to give up."""
        wait = self.interval * self.backoff ** (attempts - 1)
        if self.expires_after is not None:
            return wait if since_start + wait <= self.expires_after else None
        return wait if self.max_attempts is not None and attempts < self.max_attempts else None


def cache_lifetime(config: Mapping[str, Any] | None) -> timedelta | None:
    """How old a step's result may be to be used again; None where caching is off, as by default."""
    if not config:
        return None
    refuse_unsupported("CacheConfig", config, ("Enabled", "ExpireAfter"))
    if not config["Enabled"]:
        return None
    match = _DURATION.fullmatch(config["ExpireAfter"].upper())
    parts = {name: int(value) for name, value in match.groupdict().items() if value} if match else {}
    if not parts:
        raise DefinitionError(f"CacheConfig: ExpireAfter {config['ExpireAfter']!r} is no duration")
    return timedelta(**parts)
