"""Running executions on the virtual clock: which step is next, how each ends, and who hears of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from twin.interfaces import Bus, Clock
from twin.pipelines.definition import Step
from twin.pipelines.execution import STEP_FAILURE, Execution, StepRun
from twin.pipelines.expressions import UnresolvedError, resolve
from twin.pipelines.scope import ExecutionScope
from twin.pipelines.steps import Attempt, Done, StepFailedError, StepTypes

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Virtual time: what a step without a job takes, and how often a job is looked at."""

    instant: timedelta = timedelta(seconds=5)
    poll: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, kw_only=True)
class StepChange:
    """A step that changed its status, for listeners."""

    pipeline: str
    execution_id: str
    step: str
    type: str
    status: str
    at: datetime
    failure_reason: str | None


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A succeeded step's result, for executions that ask the same again."""

    run: StepRun
    ended: datetime
    execution_arn: str


class Executor:
    """Every method runs on the clock's thread but `begin` and `stop`, which only make appointments."""

    def __init__(self, clock: Clock, bus: Bus, steps: StepTypes, s3: S3Client, pace: Pace) -> None:
        self._clock = clock
        self._bus = bus
        self._steps = steps
        self._s3 = s3
        self._pace = pace
        self._kept: dict[str, _Kept] = {}
        self._listeners: list[Callable[[StepChange], None]] = []

    def listen(self, callback: Callable[[StepChange], None]) -> None:
        self._listeners.append(callback)

    def begin(self, execution: Execution) -> None:
        self._announce(execution, "Executing")
        self._soon(lambda: self._advance(execution), f"{execution.pipeline_name} starts")

    def stop(self, execution: Execution) -> None:
        self._change(execution, "Stopping")
        for run in execution.running:
            if run.work and run.status == "Executing":
                run.work.stop()
                self._move(execution, run, "Stopping")
        self._soon(lambda: self._advance(execution), f"{execution.pipeline_name} stops")

    def _advance(self, execution: Execution) -> None:
        if execution.status not in ("Executing", "Stopping"):
            return
        failed = any(run.status == "Failed" for run in execution.runs.values())
        if execution.status == "Executing" and not failed:
            for step in execution.ready()[: execution.parallelism - len(execution.running)]:
                self._schedule(execution, step)
        if execution.running:
            return
        if execution.status == "Stopping":
            self._change(execution, "Stopped")
        elif failed:
            execution.failure_reason = STEP_FAILURE
            self._change(execution, "Failed")
        else:
            self._change(execution, "Succeeded")

    def _schedule(self, execution: Execution, step: Step) -> None:
        run = StepRun(step=step, started=self._clock.now)
        execution.runs[step.name] = run
        self._tell(execution, run, "Starting")
        self._soon(lambda: self._begin_step(execution, run), f"step {step.name} starts")

    def _begin_step(self, execution: Execution, run: StepRun) -> None:
        if execution.status == "Stopping":
            self._finish(execution, run, "Stopped")
            return
        run.attempts += 1
        if run.status != "Executing":
            self._move(execution, run, "Executing")
        try:
            attempt = self._attempt(execution, run)
            run.cache_key = _cache_key(execution, attempt) if run.step.cache_lifetime else None
            if kept := self._find(run):
                run.cached_from = kept.execution_arn
                run.work = Done(metadata=kept.run.metadata, properties=kept.run.properties)
            else:
                run.work = self._steps.start(attempt)
        except UnresolvedError as error:
            run.work = Done(metadata={}, failure=StepFailedError(f"ClientError: {error}"))
        except StepFailedError as failure:
            run.work = Done(metadata={}, failure=failure)
        else:
            run.metadata = run.work.metadata
        self._later(self._pace.instant, execution, run)

    def _attempt(self, execution: Execution, run: StepRun) -> Attempt:
        scope = ExecutionScope(execution, self._clock, self._s3)
        # A condition resolves its own values, one by one.
        arguments = {} if run.step.type == "Condition" else resolve(run.step.arguments, scope)
        return Attempt(
            step=run.step,
            execution_id=execution.id,
            number=run.attempts,
            arguments=arguments,
            function=resolve(run.step.body.get("FunctionArn"), scope),
            scope=scope,
        )

    def _later(self, after: timedelta, execution: Execution, run: StepRun) -> None:
        self._clock.at(
            self._clock.now + after, lambda: self._check(execution, run), f"step {run.step.name} is looked at"
        )

    def _check(self, execution: Execution, run: StepRun) -> None:
        assert run.work is not None, "a step is looked at only after it began"
        try:
            properties = run.work.poll()
        except StepFailedError as failure:
            self._failed(execution, run, failure)
            return
        if properties is None:
            self._later(self._pace.poll, execution, run)
            return
        run.properties = properties
        self._finish(execution, run, "Succeeded")

    def _failed(self, execution: Execution, run: StepRun, failure: StepFailedError) -> None:
        if execution.status == "Stopping":
            self._finish(execution, run, "Stopped")
            return
        delay = self._retry_delay(run, failure)
        if delay is None:
            # The API's limit for a step's FailureReason.
            run.failure_reason = str(failure)[:1024]
            self._finish(execution, run, "Failed")
        else:
            self._clock.at(
                self._clock.now + delay,
                lambda: self._begin_step(execution, run),
                f"step {run.step.name} is tried again",
            )

    def _retry_delay(self, run: StepRun, failure: StepFailedError) -> timedelta | None:
        for policy in run.step.retries:
            if failure.exception_type in policy.exceptions:
                return policy.delay(run.attempts, self._clock.now - run.started)
        return None

    def _finish(self, execution: Execution, run: StepRun, status: str) -> None:
        run.ended = self._clock.now
        self._move(execution, run, status)
        if status == "Succeeded" and run.cache_key and run.cached_from is None:
            self._kept[run.cache_key] = _Kept(run=run, ended=run.ended, execution_arn=execution.arn)
        self._advance(execution)

    def _find(self, run: StepRun) -> _Kept | None:
        kept = self._kept.get(run.cache_key) if run.cache_key else None
        lifetime = run.step.cache_lifetime
        return kept if kept and lifetime and self._clock.now - kept.ended <= lifetime else None

    def _change(self, execution: Execution, status: str) -> None:
        previous, execution.status = execution.status, status
        execution.modified = self._clock.now
        if status in ("Succeeded", "Failed", "Stopped"):
            execution.ended = execution.modified
        self._announce(execution, previous)

    def _announce(self, execution: Execution, previous: str) -> None:
        self._emit(EXECUTION_EVENT, execution, execution.event_detail(previous))

    def _move(self, execution: Execution, run: StepRun, status: str) -> None:
        previous, run.status = run.status, status
        self._tell(execution, run, previous)

    def _tell(self, execution: Execution, run: StepRun, previous: str) -> None:
        self._emit(STEP_EVENT, execution, run.event_detail(execution, previous))
        change = StepChange(
            pipeline=execution.pipeline_name,
            execution_id=execution.id,
            step=run.step.name,
            type=run.step.type,
            status=run.status,
            at=self._clock.now,
            failure_reason=run.failure_reason,
        )
        for listener in self._listeners:
            listener(change)

    def _emit(self, detail_type: str, execution: Execution, detail: dict[str, Any]) -> None:
        self._bus.emit("aws.sagemaker", detail_type, detail, [execution.pipeline_arn, execution.arn])

    def _soon(self, action: Callable[[], None], label: str) -> None:
        self._clock.at(self._clock.now, action, label)


def _cache_key(execution: Execution, attempt: Attempt) -> str:
    """What makes two steps the same: pipeline, step, and every resolved argument."""
    identity = [execution.pipeline_arn, attempt.step.name, attempt.step.type, attempt.function]
    return json.dumps([*identity, attempt.arguments], sort_keys=True, default=str)
