# ruff: noqa: N803 - parameters are called as AWS calls them
"""DynamoDB: tables of string keys `pk` and `sk`."""

from __future__ import annotations

import copy
from typing import Any

from machine.account.calls import Refused, Service
from machine.account.expressions import condition, invalid, update

Key = tuple[str, str]
# Small, so that whoever reads a partition whole has to ask for its next page.
PAGE = 40


def _key(item: dict[str, Any]) -> Key:
    try:
        return item["pk"]["S"], item["sk"]["S"]
    except KeyError as error:
        raise invalid(f"the key lacks {error}") from error


class Table(Service):
    """One table: everything is held by its key, whatever the table is called."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, dict[str, Any]]] = {}
        self._done: set[str] = set()

    def put_item(self, TableName: str, Item: dict[str, Any], **conditions: Any) -> dict[str, Any]:
        self._require(_key(Item), conditions)
        self._put(Item)
        return {}

    def get_item(
        self,
        TableName: str,
        Key: dict[str, Any],
        ConsistentRead: bool = False,
        **more: Any,
    ) -> dict[str, Any]:
        _nothing_else(more)
        found = self._get(_key(Key))
        return {"Item": copy.deepcopy(found)} if found is not None else {}

    def delete_item(self, TableName: str, Key: dict[str, Any], **conditions: Any) -> dict[str, Any]:
        self._require(_key(Key), conditions)
        self._delete(_key(Key))
        return {}

    def update_item(
        self,
        TableName: str,
        Key: dict[str, Any],
        UpdateExpression: str,
        ReturnValues: str = "NONE",
        **conditions: Any,
    ) -> dict[str, Any]:
        self._require(_key(Key), conditions)
        new = self._updated(Key, UpdateExpression, conditions)
        self._put(new)
        if ReturnValues == "NONE":
            return {}
        if ReturnValues != "ALL_NEW":
            raise NotImplementedError(f"ReturnValues {ReturnValues} is not known")
        return {"Attributes": copy.deepcopy(new)}

    def transact_write_items(
        self,
        TransactItems: list[dict[str, Any]],
        ClientRequestToken: str | None = None,
    ) -> dict[str, Any]:
        """All of it or nothing."""
        if ClientRequestToken in self._done:
            return {}
        reasons = ["None" if self._holds(item) else "ConditionalCheckFailed" for item in TransactItems]
        if any(reason != "None" for reason in reasons):
            raise Refused(
                "TransactionCanceledException",
                f"Transaction cancelled, please refer cancellation reasons for specific reasons [{', '.join(reasons)}]",
                CancellationReasons=[{"Code": reason} for reason in reasons],
            )
        self._done.add(ClientRequestToken)
        for item in TransactItems:
            ((kind, body),) = item.items()
            if kind == "Put":
                self._put(body["Item"])
            elif kind == "Update":
                self._put(self._updated(body["Key"], body["UpdateExpression"], body))
            elif kind == "Delete":
                self._delete(_key(body["Key"]))
        return {}

    def query(
        self,
        TableName: str,
        KeyConditionExpression: str,
        ScanIndexForward: bool = True,
        Limit: int = PAGE,
        ConsistentRead: bool = False,
        ExclusiveStartKey: dict[str, Any] | None = None,
        **conditions: Any,
    ) -> dict[str, Any]:
        values = _values(conditions)
        holds = condition(KeyConditionExpression)
        partition = self.items.get(_partition(values), {})
        found = [
            partition[sk]
            for sk in sorted(partition, reverse=not ScanIndexForward)
            if holds(partition[sk], values)
        ]
        if ExclusiveStartKey is not None:
            after = ExclusiveStartKey["sk"]["S"]
            found = [i for i in found if (i["sk"]["S"] > after) is ScanIndexForward and i["sk"]["S"] != after]
        page = found[: min(Limit, PAGE)]
        answer: dict[str, Any] = {"Items": copy.deepcopy(page), "Count": len(page)}
        # A page that the limit filled has a next one, be it empty.
        if len(found) > len(page) or len(page) == Limit:
            answer["LastEvaluatedKey"] = {"pk": page[-1]["pk"], "sk": page[-1]["sk"]}
        return answer

    def _get(self, key: Key) -> dict[str, Any] | None:
        return self.items.get(key[0], {}).get(key[1])

    def _put(self, item: dict[str, Any]) -> None:
        pk, sk = _key(item)
        self.items.setdefault(pk, {})[sk] = copy.deepcopy(item)

    def _delete(self, key: Key) -> None:
        self.items.get(key[0], {}).pop(key[1], None)

    def _updated(self, key: dict[str, Any], text: str, conditions: dict[str, Any]) -> dict[str, Any]:
        values, old = _values(conditions), self._get(_key(key)) or key
        new = dict(old)
        for change in update(text):
            name, value = change(old, values)
            new.pop(name, None)
            if value is not None:
                new[name] = value
        return new

    def _holds(self, item: dict[str, Any]) -> bool:
        ((kind, body),) = item.items()
        if kind not in ("Put", "Update", "Delete", "ConditionCheck"):
            raise NotImplementedError(f"a transaction's {kind} is not known")
        key = _key(body["Item"] if kind == "Put" else body["Key"])
        return condition_holds(self._get(key) or {}, body)

    def _require(self, key: Key, conditions: dict[str, Any]) -> None:
        if not condition_holds(self._get(key) or {}, conditions):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")


def condition_holds(item: dict[str, Any], conditions: dict[str, Any]) -> bool:
    text = conditions.get("ConditionExpression")
    return text is None or condition(text)(item, _values(conditions))


def _values(conditions: dict[str, Any]) -> dict[str, Any]:
    known = {
        "TableName", "Item", "Key", "UpdateExpression",
        "ConditionExpression", "ExpressionAttributeValues", "ExpressionAttributeNames",
    }  # fmt: skip
    _nothing_else({name: value for name, value in conditions.items() if name not in known})
    return {
        **conditions.get("ExpressionAttributeValues", {}),
        **conditions.get("ExpressionAttributeNames", {}),
    }


def _partition(values: dict[str, Any]) -> str:
    if ":pk" not in values:
        raise NotImplementedError("a query names its partition by :pk in these tests")
    return str(values[":pk"]["S"])


def _nothing_else(more: dict[str, Any]) -> None:
    if more:
        raise NotImplementedError(f"{', '.join(sorted(more))} is not known")
