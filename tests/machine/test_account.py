"""The account in memory answers as moto does, call by call: the same answers, and errors of the same code and class.

What moto does not have is held against AWS's own model instead: parameters at every first call (`account.calls`),
answers here. How deployments and retrainings go nobody can check without AWS; `docs` and FACTS of the service say it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from machine.account import Account
from machine.account.calls import Client
from machine.drawn_calls import (
    ARN,
    BUCKET,
    GROUP,
    ROLE,
    TABLE,
    Call,
    alarm_calls,
    sagemaker_calls,
    store_calls,
    table_calls,
)
from selfheal.aws.registry import Registry

NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
# What carries a name that may be taken.
NAMED_BY = {
    "create_endpoint_config": "EndpointConfigName",
    "create_model": "ModelName",
    "put_metric_alarm": "AlarmName",
}
# What moto adds to an answer, and no function reads.
ADDED = {"ResponseMetadata", "ScannedCount", "ConsumedCapacity", "NextToken"}


@functools.cache
def moto_client(service: str) -> Any:
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    return session.client(service, config=Config(retries={"max_attempts": 0}))


@pytest.mark.parametrize(
    "calls",
    [table_calls, store_calls, alarm_calls, sagemaker_calls],
    ids=["table", "stores", "alarms", "sagemaker"],
)
def test_it_answers_as_moto_does(calls: st.SearchStrategy[Call]) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate],
    )
    @given(sequence=st.lists(calls, min_size=5, max_size=30))
    def run(sequence: list[Call]) -> None:
        with mock_aws():
            _set_up()
            account = Account(lambda: NOW)
            for service, method, arguments in _without_second_ones(sequence):
                ours = Client(service, lambda service=service: account.service(service), _send)
                expected = _outcome(getattr(moto_client(service), method), arguments)
                actual = _outcome(getattr(ours, method), arguments)
                _require_same(actual, expected, f"{service}.{method}({arguments})")

    run()


def _without_second_ones(sequence: list[Call]) -> Iterator[Call]:
    """AWS refuses a model or endpoint config whose name is taken, and leaves the state of an alarm that is put again;
    moto replaces all of them."""
    made: set[tuple[str, str]] = set()
    for service, method, arguments in sequence:
        named = NAMED_BY.get(method)
        thing = (method, arguments[named] if named else "")
        if named is None or thing not in made:
            yield service, method, arguments
        made.add(thing)


def _send(service: str, operation: str, arguments: dict[str, Any], send: Callable[[], Any]) -> Any:
    return send()


def _set_up() -> None:
    moto_client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    moto_client("s3").create_bucket(Bucket=BUCKET)
    moto_client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    moto_client("sagemaker").create_model(
        ModelName="x", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "x"}
    )


def _outcome(call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """The answer, or the error's code, class and reasons: what a function can tell errors by."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        reasons = [reason["Code"] for reason in error.response.get("CancellationReasons", [])]
        return (error.response["Error"]["Code"], type(error).__name__, reasons)
    # Where a page ends is the service's to say; what there is in all is not.
    while "LastEvaluatedKey" in answer:
        more = call(**arguments, ExclusiveStartKey=answer.pop("LastEvaluatedKey"))
        answer = {**more, "Items": answer["Items"] + more["Items"], "Count": answer["Count"] + more["Count"]}
    if "Parameters" in answer:  # in no order
        answer["Parameters"].sort(key=lambda parameter: parameter["Name"])
    if "MetricAlarms" in answer:
        answer["MetricAlarms"].sort(key=lambda alarm: alarm["AlarmName"])
    return {
        name: value.read() if name == "Body" else value for name, value in answer.items() if name not in ADDED
    }


def _require_same(actual: Any, expected: Any, where: str) -> None:
    """What is answered is also what moto answers; only moto may say more, of what a function never asks for."""
    if isinstance(actual, dict):
        assert isinstance(expected, dict), f"{where}: {actual} where moto has {expected}"
        for name, value in actual.items():
            if not isinstance(value, datetime):
                assert name in expected, f"{where}: moto's answer has no {name}"
                _require_same(value, expected[name], f"{where}.{name}")
        missing = {"Item", "Items", "Attributes", "Contents", "MetricAlarms"} & set(expected)
        assert missing <= set(actual), f"{where}: without {missing - set(actual)}"
    elif isinstance(actual, list):
        assert len(actual) == len(expected), f"{where}: {actual} where moto has {expected}"
        for place, (ours, theirs) in enumerate(zip(actual, expected, strict=True)):
            _require_same(ours, theirs, f"{where}[{place}]")
    elif actual != "INSUFFICIENT_DATA":  # a new alarm has no data yet, as AWS has it; moto's is OK at once
        assert actual == expected, f"{where}: {actual!r} where moto has {expected!r}"


def test_what_does_not_exist_is_missing_to_the_library() -> None:
    """The words of the refusal matter: SageMaker says in a ValidationException that a thing is not there."""
    from selfheal.aws.endpoint import Endpoint
    from selfheal.aws.errors import Missing

    account = Account(lambda: NOW)
    sagemaker: Any = Client("sagemaker", lambda: account.service("sagemaker"), _send)
    for look in (
        lambda: Endpoint(sagemaker, "none").state(),
        lambda: Endpoint(sagemaker, "none").config("none"),
        lambda: Registry(sagemaker).package(ARN.format(9)),
    ):
        with pytest.raises(Missing):
            look()
