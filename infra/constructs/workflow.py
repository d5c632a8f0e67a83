"""The parts that workflows are made of.

Every task hands its function {at, execution, input} and goes on with the function's answer. The answer's
`next` says where: Step Functions owns waiting, order, retries and catch, the functions own every decision.
Whatever goes wrong ends in Record, with `$.error` saying what; nothing vanishes.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.constructs.encrypted_log import MACHINE_LOGS, EncryptedLog

_LAMBDA_FAULTS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
]
# What AWS refuses now it may grant in a moment; functions may be asked twice. Step Functions goes by the name of
# the error's class: botocore has one of its own for each error that a service's model names, else ClientError.
_PASSING = [
    "ClientError",
    "ThrottlingException",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TransactionInProgressException",
    "InternalServerError",
    "InternalErrorException",
    "InternalServiceException",
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "Sandbox.Timedout",
]
# Raised by a function that finds the endpoint in the middle of another update.
ENDPOINT_BUSY = "EndpointBusy"

Functions = Mapping[str, lambda_.IFunction]


class Workflow(Construct):
    """A state machine under construction; `record` is where every failure ends."""

    def __init__(self, scope: Construct, construct_id: str, *, functions: Functions) -> None:
        super().__init__(scope, construct_id)
        self._functions = functions
        self.record = self._invoke("Record", "record")
        self._escalate = self._unknown_answer()

    def task(self, name: str, function: str, *, waits_for_endpoint: bool = False) -> tasks.LambdaInvoke:
        """Run a function and go on with its answer."""
        task = self._invoke(name, function)
        if waits_for_endpoint:
            # Six hours: longer than any deployment that could be in the way.
            task.add_retry(
                errors=[ENDPOINT_BUSY], interval=Duration.minutes(5), backoff_rate=1, max_attempts=72
            )
        task.add_catch(self.record, errors=[sfn.Errors.ALL], result_path="$.error")
        return task

    def wait_for(self, name: str, kind: str, *, patience: Duration) -> tasks.LambdaInvoke:
        """Park until an event, or the sweep behind it, sends the token back; the input passes through.

        Args:
            kind: `endpoint` or `pipeline`: what is waited for.
            patience: longer than the thing's own timeout, so that its own outcome arrives first.
        """
        task = self._with_token(name, "park", patience, {"kind": kind}, sfn.JsonPath.DISCARD)
        task.add_catch(self.record, errors=[sfn.Errors.ALL], result_path="$.error")
        return task

    def ask(
        self, name: str, function: str, *, patience: Duration, then: tasks.LambdaInvoke
    ) -> tasks.LambdaInvoke:
        """Ask people, and go on: with their answer as `$.answer`, or with `$.error` where none came in time."""
        task = self._with_token(name, function, patience, {}, "$.answer")
        task.add_catch(then, errors=[sfn.Errors.TIMEOUT], result_path="$.error")
        task.add_catch(self.record, errors=[sfn.Errors.ALL], result_path="$.error")
        task.next(then)
        return task

    def choose(self, task: tasks.LambdaInvoke, branches: Mapping[str, sfn.IChainable]) -> None:
        """Go from a task to the branch that its answer's `next` names; an unknown name escalates."""
        answer = sfn.Choice(self, f"{task.id}Next")
        # A comparison with a path that is not there would fail the execution without a catch.
        answer.when(sfn.Condition.is_not_present("$.next"), self._escalate)
        for value, target in branches.items():
            answer.when(sfn.Condition.string_equals("$.next", value), target)
        answer.otherwise(self._escalate)
        task.next(answer)

    def machine(self, start: sfn.IChainable, *, name: str, key: kms.IKey, comment: str) -> sfn.StateMachine:
        return sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type=sfn.StateMachineType.STANDARD,
            query_language=sfn.QueryLanguage.JSON_PATH,
            definition_body=sfn.DefinitionBody.from_chainable(start),
            comment=comment,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=EncryptedLog(self, "Log", name=MACHINE_LOGS + name, key=key),
                level=sfn.LogLevel.ERROR,
                include_execution_data=False,
            ),
        )

    def _invoke(self, name: str, function: str) -> tasks.LambdaInvoke:
        task = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self._functions[function],
            payload=sfn.TaskInput.from_object(_envelope()),
            output_path="$.Payload",
            retry_on_service_exceptions=False,
        )
        _retry_faults(task)
        return task

    def _with_token(
        self, name: str, function: str, patience: Duration, told: Mapping[str, str], result_path: str
    ) -> tasks.LambdaInvoke:
        """Hand a function a token, and wait until somebody sends it back."""
        task = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=self._functions[function],
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            payload=sfn.TaskInput.from_object({**_envelope(), "token": sfn.JsonPath.task_token, **told}),
            result_path=result_path,
            task_timeout=sfn.Timeout.duration(patience),
            retry_on_service_exceptions=False,
        )
        _retry_faults(task)
        return task

    def _unknown_answer(self) -> sfn.Pass:
        answer = sfn.JsonPath.json_to_string(sfn.JsonPath.object_at("$"))
        escalate = sfn.Pass(
            self,
            "Escalate",
            comment="The answer's `next` has no branch here.",
            parameters={"Error": "UnknownAnswer", "Cause": answer},
            result_path="$.error",
        )
        escalate.next(self.record)
        return escalate


def _envelope() -> dict[str, str]:
    return {
        "at": sfn.JsonPath.string_at("$$.State.EnteredTime"),
        "execution": sfn.JsonPath.string_at("$$.Execution.Id"),
        "input": sfn.JsonPath.entire_payload,
    }


def _retry_faults(task: tasks.LambdaInvoke) -> None:
    task.add_retry(
        errors=_LAMBDA_FAULTS,
        interval=Duration.seconds(2),
        backoff_rate=2,
        max_attempts=6,
        jitter_strategy=sfn.JitterType.FULL,
    )
    task.add_retry(errors=_PASSING, interval=Duration.seconds(10), backoff_rate=2, max_attempts=4)
