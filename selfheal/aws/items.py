"""Items of a DynamoDB table with the keys `pk` and `sk`, and the conditional writes that races are decided by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from selfheal.aws.errors import code

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

IS_NEW: Mapping[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}

# What another writer does to a transaction; everything else that cancels one is an error.
_RACED = {"None", "ConditionalCheckFailed", "TransactionConflict"}


class Items:
    """The items of one table. Reads are strongly consistent."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self.table = table

    def get(self, pk: str, sk: str) -> dict[str, Any] | None:
        found = self._dynamodb.get_item(TableName=self.table, Key=key(pk, sk), ConsistentRead=True)
        return found.get("Item")

    def query(self, pk: str) -> Iterator[dict[str, Any]]:
        """All items of a partition, in the order of `sk`."""
        more: dict[str, Any] = {}
        while True:
            page = self._dynamodb.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
                **more,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def last(self, pk: str) -> dict[str, Any] | None:
        """The item of a partition with the greatest `sk`."""
        found = self._dynamodb.query(
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return found[0] if found else None

    def put(self, item: Mapping[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self.table, Item=dict(item))

    def put_new(self, item: Mapping[str, Any]) -> bool:
        """False where there is such an item already, or a transaction is about to put it."""
        try:
            self._dynamodb.put_item(TableName=self.table, Item=dict(item), **IS_NEW)
        except ClientError as error:
            if code(error) in ("ConditionalCheckFailedException", "TransactionConflictException"):
                return False
            raise
        return True

    def set(self, pk: str, sk: str, attribute: str, value: str) -> None:
        self._dynamodb.update_item(
            TableName=self.table,
            Key=key(pk, sk),
            UpdateExpression=f"SET {attribute} = :value",
            ExpressionAttributeValues={":value": {"S": value}},
        )

    def delete(self, pk: str, sk: str, condition: Mapping[str, Any] | None = None) -> None:
        """Delete an item; does nothing where the condition does not hold."""
        try:
            self._dynamodb.delete_item(TableName=self.table, Key=key(pk, sk), **(condition or {}))
        except ClientError as error:
            if code(error) != "ConditionalCheckFailedException":
                raise

    def putting(self, item: Mapping[str, Any], condition: Mapping[str, Any]) -> TransactWriteItemTypeDef:
        return {"Put": {"TableName": self.table, "Item": dict(item), **condition}}  # type: ignore[typeddict-item]

    def deleting(self, pk: str, sk: str, condition: Mapping[str, Any]) -> TransactWriteItemTypeDef:
        return {"Delete": {"TableName": self.table, "Key": key(pk, sk), **condition}}  # type: ignore[typeddict-item]

    def write_all(self, *writes: TransactWriteItemTypeDef) -> bool:
        """All of them or none; False where a condition did not hold, or another writer was at one of the items."""
        try:
            self._dynamodb.transact_write_items(TransactItems=writes)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            if {reason["Code"] for reason in error.response["CancellationReasons"]} <= _RACED:
                return False
            raise
        return True


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}
