"""The workload's table: the ledger, the open incident, releases and parked task tokens.

    pk         sk               what
    LEDGER     0000000042       one entry of the chain
    OPEN       incident         the lease of the one open incident, with its fencing token
    TRIGGER    <alarm>@<time>   a change that was taken up already
    RELEASE    <endpoint config>
    WAIT       <hash of token>  a workflow that waits

Every write that two functions could race for is conditional; the loser reads again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from selfheal.aws.errors import AwsError, LeaseLost
from selfheal.aws.items import IS_NEW, Items, key
from selfheal.diagnose.snapshot import Release, ReleaseStatus
from selfheal.record.incident import Incident
from selfheal.record.lease import LEASE_TIME, Lease
from selfheal.record.ledger import Entry, EntryKind

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ATTEMPTS = 10


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A workflow that waits for something of AWS's to come to rest.

    Attributes:
        token: Step Functions' task token.
        kind: "endpoint" or "pipeline".
        target: the endpoint's name, or the pipeline execution's ARN.
        since: when it began to wait.
    """

    token: str
    kind: str
    target: str
    since: datetime


class LedgerTable:
    """One workload's table."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._items = Items(dynamodb, table)

    # --- the ledger

    def append(self, *, at: datetime, incident: str, kind: EntryKind, body: Mapping[str, Any]) -> Entry:
        """Append an entry to the chain; two writers take turns.

        Raises:
            AwsError: other writers won ten times in a row.
        """
        entries = self._candidates(at=at, incident=incident, kind=kind, body=body)
        return next(entry for entry in entries if self._items.put_new(_link(entry)))

    def append_fenced(
        self, *, at: datetime, incident: Incident, kind: EntryKind, body: Mapping[str, Any]
    ) -> Entry:
        """Append an entry and renew the incident's lease; both are written or neither is.

        Raises:
            LeaseLost: the lease is not held with the incident's token: nothing was written, nothing may be done.
            AwsError: other writers won ten times in a row.
        """
        entries = self._candidates(at=at, incident=incident.id, kind=kind, body=body)
        held = _holds(incident.fencing_token)
        return next(
            entry
            for entry in entries
            if self._items.write_all(
                self._items.putting(_link(entry), IS_NEW),
                self._items.putting(_lease_item(self._held(incident).renewed(at)), held),
            )
        )

    def entries(self) -> Iterator[Entry]:
        """The whole chain, in order."""
        for item in self._items.query("LEDGER"):
            yield Entry.from_json(json.loads(item["entry"]["S"]))

    def _candidates(self, **fields: Any) -> Iterator[Entry]:
        """The entry that comes next; the one after that where another writer was first, and so on."""
        for _ in range(ATTEMPTS):
            yield Entry.after(self._last(), **fields)
        raise AwsError(
            f"the ledger {self._items.table} was written by others {ATTEMPTS} times in a row; try again"
        )

    def _last(self) -> Entry | None:
        item = self._items.last("LEDGER")
        return Entry.from_json(json.loads(item["entry"]["S"])) if item else None

    # --- the open incident

    def take_up(self, name: str, execution: str, now: datetime) -> bool:
        """Whether this change is new, or was taken up by this very execution, which then tries again.

        It is remembered for 30 days, so that nothing is taken up twice.
        """
        expires = str(int((now + timedelta(days=30)).timestamp()))
        change = {**key("TRIGGER", name), "execution": {"S": execution}, "expires_at": {"N": expires}}
        if self._items.put_new(change):
            return True
        item = self._items.get("TRIGGER", name)
        return item is not None and item["execution"]["S"] == execution

    def knows(self, name: str) -> bool:
        """Whether a change was taken up already."""
        return self._items.get("TRIGGER", name) is not None

    def attach(self, name: str, incident: str) -> None:
        """Let a change wait for the end of an incident: what is still wrong then is taken up anew."""
        self._items.set("TRIGGER", name, "attached_to", incident)

    def detach_all(self, incident: str) -> None:
        """Forget the changes that waited for an incident, so that the sweep finds those that persist."""
        self._forget_triggers("attached_to", incident)

    def open(self, *, at: datetime, incident: str, execution: str, body: Mapping[str, Any]) -> Lease:
        """Open an incident: its entry and its lease, both or neither. Where the lease is taken, nothing is written.

        Returns:
            The lease as it stands: this execution's, also where it asks again, or that of another.

        Raises:
            AwsError: other writers won ten times in a row.
        """
        entries = self._candidates(at=at, incident=incident, kind=EntryKind.OPENED, body=body)
        leases = (self._take(entry, execution) for entry in entries)
        return next(lease for lease in leases if lease is not None)

    def _take(self, opening: Entry, execution: str) -> Lease | None:
        """The lease that is held, or else ours; None where another writer came between the two."""
        held = self.lease()
        if held is not None:
            return held
        ours = Lease(
            incident=opening.incident,
            execution=execution,
            token=opening.seq,
            held_until=opening.at + LEASE_TIME,
        )
        items = (_link(opening), _lease_item(ours))
        return ours if self._items.write_all(*(self._items.putting(item, IS_NEW) for item in items)) else None

    def open_incident(self) -> str | None:
        lease = self.lease()
        return lease.incident if lease else None

    def lease(self) -> Lease | None:
        item = self._items.get("OPEN", "incident")
        if item is None:
            return None
        return Lease(
            incident=item["incident"]["S"],
            execution=item["execution"]["S"],
            token=int(item["token"]["N"]),
            held_until=datetime.fromisoformat(item["held_until"]["S"]),
        )

    def _held(self, incident: Incident) -> Lease:
        lease = self.lease()
        if lease is None or lease.token != incident.fencing_token:
            now = f"incident {lease.incident} is, with token {lease.token}" if lease else "none is"
            raise LeaseLost(
                f"incident {incident.id} is not open with fencing token {incident.fencing_token} any more: {now}"
            )
        return lease

    def abandon(self, lease: Lease, *, at: datetime, body: Mapping[str, Any]) -> bool:
        """Take the lease from an incident whose execution has ended, on the record: both are written or neither is.

        Returns:
            False where the lease has not expired, or is not as it was found: somebody acts under it.
        """
        entries = self._candidates(at=at, incident=lease.incident, kind=EntryKind.ABANDONED, body=body)
        taken = (self._take_away(lease, entry) for entry in entries)
        return next(outcome for outcome in taken if outcome is not None)

    def _take_away(self, lease: Lease, abandoned: Entry) -> bool | None:
        """As `abandon`; None where another writer came between."""
        if not lease.is_expired(abandoned.at) or self.lease() != lease:
            return False
        written = self._items.write_all(
            self._items.putting(_link(abandoned), IS_NEW),
            self._items.deleting("OPEN", "incident", _is_still(lease)),
        )
        return True if written else None

    def close(self, token: int | None) -> None:
        """Give the lease back; does nothing where it is not held with this token."""
        self._items.delete("OPEN", "incident", _holds(token))

    def forget_execution(self, execution: str) -> None:
        """Forget the changes that an execution took up and then failed on, so that the sweep finds them again."""
        self._forget_triggers("execution", execution)

    def _forget_triggers(self, attribute: str, value: str) -> None:
        for item in self._items.query("TRIGGER"):
            if item.get(attribute, {}).get("S") == value:
                self._items.delete("TRIGGER", item["sk"]["S"])

    # --- releases

    def save_release(self, release: Release) -> None:
        body = {
            "config": release.config,
            "model": release.model,
            "package": release.package,
            "previous_config": release.previous_config,
            "started_at": release.started_at.isoformat(),
            "ended_at": _text(release.ended_at),
            "endpoint_modified_at": _text(release.endpoint_modified_at),
            "status": release.status.value,
            "seq": release.seq,
        }
        self._items.put(
            {**key("RELEASE", release.config), "release": {"S": json.dumps(body, sort_keys=True)}}
        )

    def release(self, config: str) -> Release | None:
        item = self._items.get("RELEASE", config)
        return _release(item) if item else None

    def last_release(self) -> Release | None:
        """The release whose deployment began last, whatever came of it."""
        return max(self.releases(), key=lambda release: release.order, default=None)

    def releases(self) -> list[Release]:
        """All of them, in no order."""
        return [_release(item) for item in self._items.query("RELEASE")]

    # --- waiting workflows

    def park(self, wait: Wait) -> None:
        item = {
            **key("WAIT", _digest(wait.token)),
            "token": {"S": wait.token},
            "kind": {"S": wait.kind},
            "target": {"S": wait.target},
            "since": {"S": wait.since.isoformat()},
        }
        self._items.put(item)

    def waits(self) -> list[Wait]:
        return [
            Wait(
                token=item["token"]["S"],
                kind=item["kind"]["S"],
                target=item["target"]["S"],
                since=datetime.fromisoformat(item["since"]["S"]),
            )
            for item in self._items.query("WAIT")
        ]

    def unpark(self, wait: Wait) -> None:
        self._items.delete("WAIT", _digest(wait.token))


def _link(entry: Entry) -> dict[str, Any]:
    return {
        **key("LEDGER", f"{entry.seq:010d}"),
        "incident": {"S": entry.incident},
        "entry": {"S": json.dumps(entry.to_json(), sort_keys=True)},
    }


def _lease_item(lease: Lease) -> dict[str, Any]:
    # Not named `expires_at`: the table forgets items by that attribute, and a long wait must not lose the lease.
    return {
        **key("OPEN", "incident"),
        "incident": {"S": lease.incident},
        "execution": {"S": lease.execution},
        "token": {"N": str(lease.token)},
        "held_until": {"S": lease.held_until.isoformat()},
    }


def _holds(token: int | None) -> dict[str, Any]:
    """The condition that the lease is held with this token; with None, which no lease has, it never holds."""
    return {
        "ConditionExpression": "#token = :token",
        "ExpressionAttributeNames": {"#token": "token"},
        "ExpressionAttributeValues": {":token": {"N": str(token)} if token is not None else {"NULL": True}},
    }


def _is_still(lease: Lease) -> dict[str, Any]:
    """The condition that nobody has acted under the lease since it was read."""
    held = _holds(lease.token)
    until = {":until": {"S": lease.held_until.isoformat()}}
    return {
        **held,
        "ConditionExpression": f"{held['ConditionExpression']} AND held_until = :until",
        "ExpressionAttributeValues": {**held["ExpressionAttributeValues"], **until},
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _release(item: Mapping[str, Any]) -> Release:
    body = json.loads(item["release"]["S"])
    return Release(
        config=body["config"],
        model=body["model"],
        package=body["package"],
        previous_config=body["previous_config"],
        started_at=datetime.fromisoformat(body["started_at"]),
        ended_at=_moment(body["ended_at"]),
        endpoint_modified_at=_moment(body.get("endpoint_modified_at")),
        status=ReleaseStatus(body["status"]),
        seq=body.get("seq", 0),
    )
