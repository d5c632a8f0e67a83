"""Jobs in virtual time: from InProgress to their end, with the events that SageMaker sends on the way.

A job's program runs for real, at once, when its virtual start comes; its results and its final status
appear at its virtual end. Until then a job is in progress for everybody who looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

from twin.interfaces import Appointment, Bus, Clock
from twin.jobs.processing import run_processing
from twin.jobs.record import JobRecord, ProcessingRecord, TrainingRecord
from twin.jobs.storage import JobFailedError
from twin.jobs.training import metric_data, run_training
from twin.jobs.training_rules import max_runtime
from twin.jobs.workplace import Outcome, Workplace, failed
from twin.service_shapes import validation_error

SpotInterruptions = Callable[[str, int], float | None]
ServiceFaults = Callable[[str], str | None]


@dataclass(frozen=True, kw_only=True)
class Durations:
    """Virtual time that things take; real programs are usually much faster."""

    launch: timedelta = timedelta(minutes=1)
    processing: timedelta = timedelta(minutes=3)
    training: timedelta = timedelta(minutes=5)
    stop: timedelta = timedelta(seconds=30)
    spot_wait: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The weather that jobs run in.

    `spot_interruptions(job name, attempt)` takes spot capacity away after so many real seconds;
    `service_faults(job name)` makes a job fail with that FailureReason, as SageMaker itself does for
    want of capacity; `billed_share` is the spot price as a share of the on-demand price.
    """

    spot_interruptions: SpotInterruptions = field(default=lambda _job, _attempt: None)
    service_faults: ServiceFaults = field(default=lambda _job: None)
    billed_share: float = 0.3


Record = TypeVar("Record", bound=JobRecord)


class _Lifecycle(Generic[Record]):
    """One job's way; subclasses know the statuses of their kind and how to run it."""

    detail_type: str

    def __init__(
        self, job: Record, at: Workplace, clock: Clock, bus: Bus, durations: Durations, conditions: Conditions
    ) -> None:
        self.job = job
        self._at = at
        self._clock = clock
        self._bus = bus
        self._durations = durations
        self._conditions = conditions
        self._next: Appointment | None = None

    def start(self) -> None:
        self._entered("Starting", "Preparing the instances")
        self._appoint(self._durations.launch, self._begin, "starts")

    def stop(self) -> None:
        """StopTrainingJob or StopProcessingJob: nothing that the program wrote is handed over.

        Its program has run to its end already, and what it would have written by now nobody can tell.
        """
        if self.job.finished:
            raise validation_error(
                f"The request was rejected because the job is in status {self.job.status}."
            )
        if self.job.status == "Stopping":
            return
        if self._next:
            self._next.cancel()
        self.job.status = "Stopping"
        self._entered("Stopping", "Stopping the job")
        stopped = Outcome(status="Stopped", secondary_status="Stopped")
        self._appoint(self._durations.stop, lambda: self._end(stopped), "stops")

    def _begin(self) -> None:
        now = self._clock.now
        self.job.started = self.job.started or now
        if fault := self._conditions.service_faults(self.job.name):
            self._end(failed(fault))
            return
        self._run()

    def _run(self) -> None:
        raise NotImplementedError

    def _entered(self, secondary_status: str, message: str) -> None:
        """The job's kind records its secondary status, if it has one, and the world hears of it."""
        raise NotImplementedError

    def _end(self, outcome: Outcome) -> None:
        try:
            outcome.publish()
        except JobFailedError as failure:
            outcome = failed(str(failure))
        now = self._clock.now
        self.job.status = outcome.status
        self.job.failure_reason = outcome.reason
        self.job.ended = now
        self._keep(outcome)
        self._entered(outcome.secondary_status, outcome.reason or f"The job is {outcome.status.lower()}")

    def _keep(self, outcome: Outcome) -> None:
        raise NotImplementedError

    def _appoint(self, after: timedelta, action: Callable[[], None], what: str) -> None:
        self._next = self._clock.at(self._clock.now + after, action, f"{self.job.name} {what}")

    def _announce(self) -> None:
        detail: dict[str, Any] = self.job.event_detail()
        self._bus.emit("aws.sagemaker", self.detail_type, detail, [self.job.arn])


class ProcessingLifecycle(_Lifecycle[ProcessingRecord]):
    detail_type = "SageMaker Processing Job State Change"

    def _run(self) -> None:
        outcome = run_processing(self.job, self._at)
        limit = timedelta(
            seconds=self.job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400)
        )
        self._appoint(min(self._durations.processing, limit), lambda: self._end(outcome), "ends")

    def _entered(self, secondary_status: str, message: str) -> None:  # noqa: ARG002 - training jobs' only
        self.job.last_modified_time = self._clock.now
        self._announce()

    def _keep(self, outcome: Outcome) -> None:
        self.job.exit_message = outcome.exit_message


class TrainingLifecycle(_Lifecycle[TrainingRecord]):
    detail_type = "SageMaker Training Job State Change"
    _attempt = 1

    def _run(self) -> None:
        self._entered("Training", "Training image download completed. Training in progress.")
        interrupted_after = (
            self._conditions.spot_interruptions(self.job.name, self._attempt) if self.job.spot else None
        )
        outcome = run_training(self.job, self._at, interrupted_after=interrupted_after)
        runtime = min(self._durations.training, timedelta(seconds=max_runtime(self.job.request)))
        if self._clock.now + runtime > self._deadline:
            self._appoint(self._deadline - self._clock.now, self._give_up, "is out of time")
        elif outcome.status == "Interrupted":
            self._appoint(runtime, lambda: self._interrupted(runtime), "loses its spot instance")
        else:
            self._appoint(runtime, lambda: self._trained(outcome, runtime), "ends")

    @property
    def _deadline(self) -> datetime:
        """When waiting and running must be over; only spot jobs have a limit to both together."""
        wait = self.job.request.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
        latest = datetime.max.replace(tzinfo=timezone.utc)
        return latest if wait is None else self.job.creation_time + timedelta(seconds=wait)

    def _interrupted(self, runtime: timedelta) -> None:
        self._count(runtime)
        self._entered("Interrupted", "Training job interrupted: spot capacity was taken away")
        self._attempt += 1
        if self._clock.now + self._durations.spot_wait >= self._deadline:
            self._appoint(self._deadline - self._clock.now, self._give_up, "waits in vain")
        else:
            self._appoint(self._durations.spot_wait, self._restart, "restarts from its checkpoints")

    def _give_up(self) -> None:
        # As on AWS, exhausted spot is Stopped and not Failed.
        self._end(Outcome(status="Stopped", secondary_status="MaxWaitTimeExceeded"))

    def _restart(self) -> None:
        self._entered("Starting", "Preparing the instances for training")
        self._run()

    def _trained(self, outcome: Outcome, runtime: timedelta) -> None:
        self._count(runtime)
        if outcome.status == "Completed":
            self._entered("Uploading", "Uploading generated training model")
        self._end(outcome)

    def _count(self, runtime: timedelta) -> None:
        seconds = (self.job.training_seconds or 0) + round(runtime.total_seconds())
        share = self._conditions.billed_share if self.job.spot else 1.0
        self.job.training_seconds = seconds
        self.job.billable_seconds = round(seconds * share)

    def _entered(self, secondary_status: str, message: str) -> None:
        self.job.move(secondary_status, message, self._clock.now)
        self._announce()

    def _keep(self, outcome: Outcome) -> None:
        self.job.metrics = metric_data(outcome.metrics, self._clock.now)
