"""An AWS account in memory, small and quick: just the calls that the functions make, each as AWS answers it.

moto answers a call in about a millisecond and an interleaving makes hundreds of them, so this is what thousands of
interleavings are run against. `test_account.py` holds it against moto, call by call. What it does not have it
refuses by name; it never makes an answer up.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from machine.account.alarms import Alarms
from machine.account.calls import Service
from machine.account.endpoint import Endpoints
from machine.account.executions import Executions
from machine.account.pipelines import Pipelines
from machine.account.stores import Bucket, Notices, Parameters
from machine.account.table import Table

REGION = "us-east-1"
ACCOUNT = "123456789012"


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class SageMaker(Endpoints, Pipelines):
    """SageMaker's part of the account: three modules, one service."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        Endpoints.__init__(self, clock)
        Pipelines.__init__(self)


class Account:
    """The services of one account. `clock` says what time it is there."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.dynamodb = Table()
        self.ssm = Parameters()
        self.sagemaker = SageMaker(clock)
        self.cloudwatch = Alarms(clock)
        self.stepfunctions = Executions()
        self.s3 = Bucket(clock)
        self.sns = Notices()

    def service(self, name: str) -> Service:
        found: Any = getattr(self, name, None)
        if not isinstance(found, Service):
            raise NotImplementedError(f"the account of these tests has no service {name!r}")
        return found
