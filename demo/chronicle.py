"""What happened, read from where it was recorded: the ledger, the registry, the endpoint's own events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from selfheal.aws.champion import ChampionPointer
from selfheal.aws.ledger_table import LedgerTable
from selfheal.aws.registry import Registry
from selfheal.record.ledger import Entry, EntryKind, broken_at
from twin.interfaces import Invocation

if TYPE_CHECKING:
    import boto3

    from twin.template import DeployedStack


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Names of what the stacks made, as far as the demo looks at it."""

    bucket: str
    table: str
    champion_parameter: str
    group: str
    endpoint: str

    @classmethod
    def of(
        cls, stacks: Sequence[DeployedStack], templates: Mapping[str, Mapping[str, Any]], name: str
    ) -> Resources:
        """Find them by their type: physical names are the account's own."""
        refs = {
            resource["Type"]: stack.resources[logical_id]
            for stack in stacks
            for logical_id, resource in templates[stack.name]["Resources"].items()
            if logical_id in stack.resources
        }
        return cls(
            bucket=refs["AWS::S3::Bucket"],
            table=refs["AWS::DynamoDB::Table"],
            champion_parameter=f"/selfheal/{name}/champion/model",
            group=name,
            endpoint=name,
        )


@dataclass(frozen=True, kw_only=True)
class IncidentRecord:
    """A closed incident, as the summary shows it."""

    id: str
    opened_at: str
    trigger: str
    signals: tuple[str, ...]
    cause: str | None
    evidence: tuple[str, ...]
    remedies: tuple[str, ...]
    outcome: str
    detected_at: str
    mitigated_at: str | None
    verified_at: str | None
    champion_before: str | None
    champion_after: str | None
    notes: tuple[str, ...]


class Chronicle:
    """Reads the account's records."""

    def __init__(self, session: boto3.Session, resources: Resources) -> None:
        self._table = LedgerTable(session.client("dynamodb"), resources.table)
        self._registry = Registry(session.client("sagemaker"))
        self._pointer = ChampionPointer(session.client("ssm"), resources.champion_parameter)
        self._closes = f"{resources.endpoint}-record"
        self._closed: list[IncidentRecord] | None = None

    def note(self, invocation: Invocation) -> None:
        """A function ran: after the one that closes incidents, there may be another that ended."""
        if invocation.function == self._closes:
            self._closed = None

    def entries(self) -> list[Entry]:
        return list(self._table.entries())

    def broken_at(self) -> str | None:
        """Where the ledger's chain is broken, or None where it is whole."""
        return broken_at(self.entries())

    def is_open(self) -> bool:
        return self._table.open_incident() is not None

    def champion_model(self) -> str:
        model = self._pointer.model()
        if model is None:
            raise RuntimeError("there is no champion: the stacks were not deployed to their end")
        return model

    def is_quarantined(self, package: str) -> bool:
        found = self._registry.package(package)
        return found.is_quarantined and found.status == "Rejected"

    def guardrails_rolled_back(self, package: str) -> bool:
        """Whether a release of the package came to rest with another config in service."""
        return self._release_of(package, succeeded=False)

    def was_champion(self, package: str) -> bool:
        """Whether a release of the package passed its bake."""
        return self._release_of(package, succeeded=True)

    def releases(self) -> list[tuple[datetime, str]]:
        """When each package came into service, in order."""
        return [
            (entry.at, entry.body["package"])
            for entry in self.entries()
            if _is_release(entry) and entry.body["succeeded"]
        ]

    def closed(self) -> list[IncidentRecord]:
        """Incidents that ended, in order. Stories ask every half hour for weeks, and the ledger grows: it is read
        again only where an incident may have ended since."""
        if self._closed is None:
            entries = self.entries()
            self._closed = [_record(e.body, entries) for e in entries if e.kind is EntryKind.CLOSED]
        return self._closed

    def _release_of(self, package: str, *, succeeded: bool) -> bool:
        return any(
            _is_release(entry) and entry.body["package"] == package and entry.body["succeeded"] is succeeded
            for entry in self.entries()
        )


def _is_release(entry: Entry) -> bool:
    """Whether an entry tells how a release ended."""
    return entry.kind is EntryKind.OUTCOME and entry.body.get("action") == "release"


def _record(body: Mapping[str, Any], entries: Sequence[Entry]) -> IncidentRecord:
    attached = [
        f"{e.body['kind']}: {e.body['subject']}"
        for e in entries
        if e.kind is EntryKind.ATTACHED and e.incident == body["id"]
    ]
    trigger = body["trigger"]
    return IncidentRecord(
        id=body["id"],
        opened_at=body["opened_at"],
        trigger=trigger["kind"],
        signals=(f"{trigger['kind']}: {trigger['subject']}", *attached),
        cause=body["cause"],
        evidence=tuple(body["evidence"]),
        remedies=tuple(body["tried"]),
        outcome=body["outcome"],
        detected_at=trigger["at"],
        mitigated_at=body["mitigated_at"],
        verified_at=body["verified_at"],
        champion_before=body["champion_before"],
        champion_after=body["champion_after"] or body["champion_before"],
        notes=tuple(body["notes"]),
    )
