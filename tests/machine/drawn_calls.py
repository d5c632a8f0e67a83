"""Calls to the account, as Hypothesis draws them: those that the functions make, and their neighbours."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TABLE, BUCKET, GROUP = "ledger", "data", "flights"
ROLE = "arn:aws:iam::123456789012:role/serving"
Call = tuple[str, str, dict[str, Any]]

names = st.sampled_from(["a", "b", "c"])
sort_keys = st.sampled_from(["1", "2", "30", "x/1", "x/2"])
numbers = st.integers(0, 3).map(lambda n: {"N": str(n)})
texts = st.sampled_from(["p", "q"]).map(lambda text: {"S": text})


@st.composite
def keys(draw: Any) -> dict[str, Any]:
    return {"pk": {"S": draw(st.sampled_from(["L", "T"]))}, "sk": {"S": draw(sort_keys)}}


# Conditions that the ledger's table uses, and their neighbours.
conditions = st.one_of(
    st.just({}),
    st.sampled_from(
        [
            {"ConditionExpression": "attribute_not_exists(pk)"},
            {"ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(held)"},
        ]
    ),
    st.builds(
        lambda expression, token, held: {
            "ConditionExpression": expression,
            "ExpressionAttributeNames": {"#token": "token"},
            "ExpressionAttributeValues": {":token": token, ":held": held},
        },
        st.sampled_from(
            [
                "#token = :token AND held = :held",
                "#token = :token OR held <> :held",
                "NOT (#token >= :token) AND held = :held",
                "attribute_not_exists(pk) OR (#token < :token AND begins_with(held, :held))",
            ]
        ),
        st.one_of(numbers, st.just({"NULL": True})),
        texts,
    ),
)


@st.composite
def items(draw: Any) -> dict[str, Any]:
    more = {}
    if draw(st.booleans()):
        more["token"] = draw(numbers)
    if draw(st.booleans()):
        more["held"] = draw(texts)
    return {**draw(keys()), **more}


@st.composite
def writes(draw: Any) -> dict[str, Any]:
    condition = draw(conditions)
    if draw(st.booleans()):
        return {"Put": {"TableName": TABLE, "Item": draw(items()), **condition}}
    return {"Delete": {"TableName": TABLE, "Key": draw(keys()), **condition}}


def _transaction(parts: list[dict[str, Any]]) -> Call:
    return ("dynamodb", "transact_write_items", {"TransactItems": parts})


def _item(part: dict[str, Any]) -> str:
    ((_, body),) = part.items()
    key = body.get("Item") or body["Key"]
    return f"{key['pk']['S']} {key['sk']['S']}"


def _update(key: dict[str, Any], expression: str, value: dict[str, Any]) -> Call:
    values = {":value": value} if ":value" in expression else {}
    more = {"ExpressionAttributeValues": values} if values else {}
    body = {"TableName": TABLE, "Key": key, "UpdateExpression": expression, "ReturnValues": "ALL_NEW", **more}
    return ("dynamodb", "update_item", body)


def _query(pk: str, forward: bool, limit: int, begins: str | None) -> Call:
    text, values = "pk = :pk", {":pk": {"S": pk}}
    if begins is not None:
        text, values = f"{text} AND begins_with(sk, :begins)", {**values, ":begins": {"S": begins}}
    body = {"TableName": TABLE, "KeyConditionExpression": text, "ExpressionAttributeValues": values}
    return ("dynamodb", "query", {**body, "ScanIndexForward": forward, "Limit": limit})


table_calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(
        lambda item, condition: ("dynamodb", "put_item", {"TableName": TABLE, "Item": item, **condition}),
        items(),
        conditions,
    ),
    st.builds(
        lambda key, condition: ("dynamodb", "delete_item", {"TableName": TABLE, "Key": key, **condition}),
        keys(),
        conditions,
    ),
    st.builds(lambda key: ("dynamodb", "get_item", {"TableName": TABLE, "Key": key}), keys()),
    st.builds(_update, keys(), st.sampled_from(["SET held = :value", "REMOVE held"]), texts),
    st.builds(
        _update,
        keys(),
        st.sampled_from(
            [
                "SET visits = if_not_exists(visits, :value)",
                "SET visits = if_not_exists(visits, :value) + :value",
            ]
        ),
        numbers,
    ),
    st.builds(_transaction, st.lists(writes(), min_size=1, max_size=3, unique_by=_item)),
    st.builds(
        _query,
        st.sampled_from(["L", "T"]),
        st.booleans(),
        st.integers(1, 5),
        st.sampled_from([None, "x", "3"]),
    ),
)

store_calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(
        lambda key, body: ("s3", "put_object", {"Bucket": BUCKET, "Key": key, "Body": body.encode()}),
        sort_keys,
        names,
    ),
    st.builds(lambda key: ("s3", "get_object", {"Bucket": BUCKET, "Key": key}), sort_keys),
    st.builds(
        lambda prefix, after: (
            "s3",
            "list_objects_v2",
            {"Bucket": BUCKET, "Prefix": prefix, "StartAfter": after},
        ),
        st.sampled_from(["", "x/", "z"]),
        sort_keys,
    ),
    st.builds(
        lambda key, source: (
            "s3",
            "copy_object",
            {"Bucket": BUCKET, "Key": key, "CopySource": {"Bucket": BUCKET, "Key": source}},
        ),
        sort_keys,
        sort_keys,
    ),
    st.builds(
        lambda name, value, over: (
            "ssm",
            "put_parameter",
            {"Name": f"/{name}", "Value": value, "Overwrite": over, "Type": "String"},
        ),
        names,
        names,
        st.booleans(),
    ),
    st.builds(lambda name: ("ssm", "get_parameter", {"Name": f"/{name}"}), names),
    st.just(("ssm", "get_parameters", {"Names": ["/a", "/b"]})),
)


def _alarm(name: str) -> dict[str, Any]:
    return {
        "AlarmName": f"flights-{name}",
        "MetricName": "any",
        "Namespace": "any",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Statistic": "Sum",
    }


alarm_calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(
        lambda name, state: (
            "cloudwatch",
            "set_alarm_state",
            {"AlarmName": f"flights-{name}", "StateValue": state, "StateReason": "a test"},
        ),
        names,
        st.sampled_from(["ALARM", "OK"]),
    ),
    st.builds(lambda name: ("cloudwatch", "put_metric_alarm", _alarm(name)), names),
    st.builds(
        lambda name, other: (
            "cloudwatch",
            "delete_alarms",
            {"AlarmNames": [f"flights-{name}", f"flights-{other}"]},
        ),
        names,
        names,
    ),
    # Not both at once: moto forgets the state then.
    st.sampled_from(
        [
            ("cloudwatch", "describe_alarms", {"AlarmNamePrefix": "flights-"}),
            ("cloudwatch", "describe_alarms", {"AlarmNamePrefix": "other-"}),
            ("cloudwatch", "describe_alarms", {"AlarmNames": ["flights-a"]}),
            ("cloudwatch", "describe_alarms", {"StateValue": "ALARM"}),
        ]
    ),
)

CONTAINERS = [{"Image": "image", "ModelDataUrl": "s3://data/model.tar.gz"}]
PACKAGE = {
    "ModelPackageGroupName": GROUP,
    "InferenceSpecification": {
        "Containers": CONTAINERS,
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/{}"
VARIANT = {"VariantName": "all", "ModelName": "a", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}

sagemaker_calls: st.SearchStrategy[Call] = st.one_of(
    st.builds(
        lambda status, marks: (
            "sagemaker",
            "create_model_package",
            {**PACKAGE, "ModelApprovalStatus": status, "CustomerMetadataProperties": marks},
        ),
        st.sampled_from(["Approved", "PendingManualApproval"]),
        st.dictionaries(names, names, min_size=1, max_size=2),
    ),
    st.builds(
        lambda number, status, marks: (
            "sagemaker",
            "update_model_package",
            {
                "ModelPackageArn": ARN.format(number),
                "ModelApprovalStatus": status,
                "CustomerMetadataProperties": marks,
            },
        ),
        st.integers(1, 2),
        st.sampled_from(["Approved", "Rejected"]),
        st.dictionaries(names, names, min_size=1, max_size=1),
    ),
    st.builds(
        lambda number: ("sagemaker", "describe_model_package", {"ModelPackageName": ARN.format(number)}),
        st.integers(1, 2),
    ),
    st.builds(
        lambda name: (
            "sagemaker",
            "create_model",
            {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": name}},
        ),
        names,
    ),
    st.builds(lambda name: ("sagemaker", "describe_model", {"ModelName": name}), names),
    st.builds(
        lambda name: (
            "sagemaker",
            "create_endpoint_config",
            {"EndpointConfigName": name, "ProductionVariants": [VARIANT]},
        ),
        names,
    ),
    st.builds(lambda name: ("sagemaker", "describe_endpoint_config", {"EndpointConfigName": name}), names),
    st.builds(lambda name: ("sagemaker", "describe_endpoint", {"EndpointName": name}), names),
)
