"""What all functions share: their environment, the form of a workflow step, and the log.

Nothing here runs at import but the logger's construction: clients and settings are made at the first
invocation, so that a module can be imported by anyone, anywhere.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, TypeVar

import boto3
from aws_lambda_powertools import Logger

from selfheal.aws.ledger_table import LedgerTable
from selfheal.record.incident import Incident

logger = Logger()

E = TypeVar("E")


class BadEnvironment(Exception):
    """The function is deployed without settings that it needs."""


class UnknownEvent(Exception):
    """An event of a shape that the function does not know; it is refused, and nothing is done."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Settings that every function has. Fields are environment variables `SELFHEAL_<FIELD>`."""

    endpoint: str
    variant: str
    table: str
    bucket: str


@dataclass(frozen=True, kw_only=True)
class ActingEnvironment(Environment):
    """Settings of functions that change something: the parameters that say whether they may."""

    mode_parameter: str
    kill_switch_parameter: str


def read_environment(model: type[E], variables: Mapping[str, str] = os.environ) -> E:
    """A function's environment as its own dataclass.

    Raises:
        BadEnvironment: naming every variable that is missing.
    """
    names = {field.name: f"SELFHEAL_{field.name.upper()}" for field in fields(model)}  # type: ignore[arg-type]
    missing = [name for name in names.values() if name not in variables]
    if missing:
        raise BadEnvironment(f"missing environment variables: {', '.join(missing)}")
    return model(**{field: variables[name] for field, name in names.items()})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One task of a workflow: when it was entered, by which execution, and with what state."""

    at: datetime
    execution: str
    input: Mapping[str, Any]
    token: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Step:
        """Raises UnknownEvent for anything that the workflows do not send."""
        try:
            step = cls(
                at=utc(event["at"]),
                execution=event["execution"],
                input=event["input"],
                token=event.get("token"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownEvent(f"not a workflow step: {type(error).__name__} {error}") from error
        if not isinstance(step.input, Mapping):
            raise UnknownEvent(f"the step's input is {type(step.input).__name__}, not an object")
        return step

    @property
    def incident(self) -> Incident:
        """Raises UnknownEvent where the state carries no incident."""
        incident = self.incident_if_any
        if incident is None:
            raise UnknownEvent("the workflow's state carries no incident")
        return incident

    @property
    def incident_if_any(self) -> Incident | None:
        """The incident that the workflow heals; a release by hand belongs to none."""
        body = self.input.get("incident")
        if body is None:
            return None
        try:
            incident = Incident.from_json(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnknownEvent(f"not an incident: {type(error).__name__} {error}") from error
        logger.append_keys(incident=incident.id)
        return incident


def answer(next_: str, incident: Incident | None = None, **more: Any) -> dict[str, Any]:
    """The workflow's next state: where to go, and what is known."""
    return {"next": next_, "incident": incident.to_json() if incident else None, **more}


def utc(text: str) -> datetime:
    """An ISO time, as AWS's services write it, in UTC."""
    return datetime.fromisoformat(text).astimezone(timezone.utc)


def time_of(event: Mapping[str, Any]) -> datetime:
    """When an EventBridge event happened; raises UnknownEvent where it does not say so."""
    try:
        return utc(event["time"])
    except (KeyError, TypeError, ValueError) as error:
        raise UnknownEvent(f"an event must carry its time: {type(error).__name__} {error}") from error


def ledger_table(environment: Environment) -> LedgerTable:
    return LedgerTable(boto3.client("dynamodb"), environment.table)
