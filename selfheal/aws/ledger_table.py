"""The workload's table: the ledger, the open incident, releases and parked task tokens.

    pk         sk               what
    LEDGER     0000000042       one entry of the chain
    OPEN       incident         the lease of the one open incident
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

from botocore.exceptions import ClientError

from selfheal.aws.errors import AwsError, code
from selfheal.diagnose.snapshot import Release, ReleaseStatus
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
        self._dynamodb = dynamodb
        self._table = table

    # --- the ledger

    def append(self, *, at: datetime, incident: str, kind: EntryKind, body: Mapping[str, Any]) -> Entry:
        """Append an entry to the chain; two writers take turns.

        Raises:
            AwsError: other writers won ten times in a row.
        """
        for _ in range(ATTEMPTS):
            entry = Entry.after(self._last(), at=at, incident=incident, kind=kind, body=body)
            item = {"incident": {"S": incident}, "entry": {"S": json.dumps(entry.to_json(), sort_keys=True)}}
            if self._put_new("LEDGER", f"{entry.seq:010d}", item):
                return entry
        raise AwsError(f"the ledger {self._table} was written by others {ATTEMPTS} times in a row; try again")

    def entries(self) -> Iterator[Entry]:
        """The whole chain, in order."""
        for item in self._query("LEDGER"):
            yield Entry.from_json(json.loads(item["entry"]["S"]))

    def _last(self) -> Entry | None:
        found = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "LEDGER"}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return Entry.from_json(json.loads(found[0]["entry"]["S"])) if found else None

    # --- the open incident

    def take_up(self, key: str, execution: str, now: datetime) -> bool:
        """Whether this change is new, or was taken up by this very execution, which then tries again.

        It is remembered for 30 days, so that nothing is taken up twice.
        """
        expires = str(int((now + timedelta(days=30)).timestamp()))
        if self._put_new("TRIGGER", key, {"execution": {"S": execution}, "expires_at": {"N": expires}}):
            return True
        item = self._get("TRIGGER", key)
        return item is not None and item["execution"]["S"] == execution

    def knows(self, key: str) -> bool:
        """Whether a change was taken up already."""
        return self._get("TRIGGER", key) is not None

    def attach(self, key: str, incident: str) -> None:
        """Let a change wait for the end of an incident: what is still wrong then is taken up anew."""
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key("TRIGGER", key),
            UpdateExpression="SET attached_to = :incident",
            ExpressionAttributeValues={":incident": {"S": incident}},
        )

    def detach_all(self, incident: str) -> None:
        """Forget the changes that waited for an incident, so that the sweep finds those that persist."""
        self._forget_triggers("attached_to", incident)

    def open(self, incident: str, execution: str) -> str | None:
        """Take the lease of the one open incident; None if it is ours now, else the id of the other one."""
        if self._put_new("OPEN", "incident", {"incident": {"S": incident}, "execution": {"S": execution}}):
            return None
        holder = self.open_incident()
        if holder is None:  # it was given back between the two calls
            return self.open(incident, execution)
        return None if holder == incident else holder

    def open_incident(self) -> str | None:
        lease = self.lease()
        return lease[0] if lease else None

    def lease(self) -> tuple[str, str] | None:
        """The open incident and the execution that heals it."""
        item = self._get("OPEN", "incident")
        return (item["incident"]["S"], item["execution"]["S"]) if item else None

    def close(self, incident: str) -> None:
        """Give the lease back; does nothing where another incident holds it."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key("OPEN", "incident"),
                ConditionExpression="incident = :incident",
                ExpressionAttributeValues={":incident": {"S": incident}},
            )
        except ClientError as error:
            if code(error) != "ConditionalCheckFailedException":
                raise

    def forget_execution(self, execution: str) -> None:
        """Forget the changes that an execution took up and then failed on, so that the sweep finds them again."""
        self._forget_triggers("execution", execution)

    def _forget_triggers(self, attribute: str, value: str) -> None:
        for item in self._query("TRIGGER"):
            if item.get(attribute, {}).get("S") == value:
                self._dynamodb.delete_item(TableName=self._table, Key=_key("TRIGGER", item["sk"]["S"]))

    # --- releases

    def save_release(self, release: Release) -> None:
        body = {
            "config": release.config,
            "model": release.model,
            "package": release.package,
            "previous_config": release.previous_config,
            "started_at": release.started_at.isoformat(),
            "ended_at": release.ended_at.isoformat() if release.ended_at else None,
            "status": release.status.value,
        }
        item = {**_key("RELEASE", release.config), "release": {"S": json.dumps(body, sort_keys=True)}}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def release(self, config: str) -> Release | None:
        item = self._get("RELEASE", config)
        return _release(item) if item else None

    def last_release(self) -> Release | None:
        """The release that was started last, whatever came of it."""
        releases = [_release(item) for item in self._query("RELEASE")]
        return max(releases, key=lambda release: release.started_at, default=None)

    # --- waiting workflows

    def park(self, wait: Wait) -> None:
        item = {
            **_key("WAIT", hashlib.sha256(wait.token.encode()).hexdigest()),
            "token": {"S": wait.token},
            "kind": {"S": wait.kind},
            "target": {"S": wait.target},
            "since": {"S": wait.since.isoformat()},
        }
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def waits(self) -> list[Wait]:
        return [
            Wait(
                token=item["token"]["S"],
                kind=item["kind"]["S"],
                target=item["target"]["S"],
                since=datetime.fromisoformat(item["since"]["S"]),
            )
            for item in self._query("WAIT")
        ]

    def unpark(self, wait: Wait) -> None:
        self._dynamodb.delete_item(
            TableName=self._table, Key=_key("WAIT", hashlib.sha256(wait.token.encode()).hexdigest())
        )

    # --- the table

    def _put_new(self, pk: str, sk: str, attributes: Mapping[str, Any]) -> bool:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={**_key(pk, sk), **attributes},
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        return self._dynamodb.get_item(TableName=self._table, Key=_key(pk, sk), ConsistentRead=True).get(
            "Item"
        )

    def _query(self, pk: str) -> Iterator[dict[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            page = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
                **more,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _release(item: Mapping[str, Any]) -> Release:
    body = json.loads(item["release"]["S"])
    return Release(
        config=body["config"],
        model=body["model"],
        package=body["package"],
        previous_config=body["previous_config"],
        started_at=datetime.fromisoformat(body["started_at"]),
        ended_at=datetime.fromisoformat(body["ended_at"]) if body["ended_at"] else None,
        status=ReleaseStatus(body["status"]),
    )
