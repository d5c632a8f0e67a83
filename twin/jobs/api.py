"""SageMaker's training and processing jobs in the twin: the API operations over real processes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from twin.interfaces import ACCOUNT_ID, REGION, Bus, Clock
from twin.jobs.containers import Interpreter
from twin.jobs.lifecycle import Conditions, Durations, ProcessingLifecycle, TrainingLifecycle
from twin.jobs.listing import list_jobs
from twin.jobs.process import Processes
from twin.jobs.processing import check_processing
from twin.jobs.record import ProcessingRecord, TrainingRecord
from twin.jobs.sandbox import Sandbox
from twin.jobs.script_mode import Script
from twin.jobs.storage import ObjectStore
from twin.jobs.training_rules import check_training
from twin.jobs.workplace import Workplace
from twin.patching import Patches
from twin.service_shapes import validation_error

if TYPE_CHECKING:
    import boto3


class Jobs:
    """Training and processing jobs; `patches` puts them behind moto's SageMaker API.

    Sandboxes and logs stay below `state`/jobs/<kind>/<job name> for whoever wants to look.
    """

    def __init__(
        self,
        clock: Clock,
        bus: Bus,
        state: Path,
        patches: Patches,
        session: boto3.Session,
        *,
        durations: Durations | None = None,
        conditions: Conditions | None = None,
    ) -> None:
        self._clock = clock
        self._bus = bus
        self._state = state.resolve()
        self._s3 = session.client("s3", region_name=REGION)
        self._durations = durations or Durations()
        self._conditions = conditions or Conditions()
        self._interpreter = Interpreter(self._state / "container")
        self._processes = Processes()
        self._training: dict[str, TrainingLifecycle] = {}
        self._processing: dict[str, ProcessingLifecycle] = {}
        # Requests may come from server threads at the same time; the work itself is the clock's.
        self._lock = threading.RLock()
        self._install(patches)

    def close(self) -> None:
        """End every process; jobs that would start later raise a TwinError."""
        self._processes.close()

    def create_training_job(self, request: dict[str, Any]) -> str:
        check_training(request)
        Script.of(request["HyperParameters"])
        name = request["TrainingJobName"]
        with self._lock:
            self._refuse_used(name, self._training)
            job = TrainingRecord(
                name=name,
                arn=_arn("training-job", name),
                request=request,
                creation_time=self._clock.now,
            )
            lifecycle = TrainingLifecycle(
                job, self._workplace(job), self._clock, self._bus, self._durations, self._conditions
            )
            self._training[name] = lifecycle
            _in_moto("training_jobs")[name] = job
            lifecycle.start()
        return job.arn

    def create_processing_job(self, request: dict[str, Any]) -> str:
        check_processing(request)
        name = request["ProcessingJobName"]
        with self._lock:
            self._refuse_used(name, self._processing)
            job = ProcessingRecord(
                name=name,
                arn=_arn("processing-job", name),
                request=request,
                creation_time=self._clock.now,
            )
            lifecycle = ProcessingLifecycle(
                job, self._workplace(job), self._clock, self._bus, self._durations, self._conditions
            )
            self._processing[name] = lifecycle
            _in_moto("processing_jobs")[name] = job
            lifecycle.start()
        return job.arn

    def stop_training_job(self, name: str) -> None:
        with self._lock:
            self._known(name, self._training, "training").stop()

    def stop_processing_job(self, name: str) -> None:
        with self._lock:
            self._known(name, self._processing, "processing").stop()

    def training_jobs(self) -> list[TrainingRecord]:
        return [lifecycle.job for lifecycle in self._training.values()]

    def processing_jobs(self) -> list[ProcessingRecord]:
        return [lifecycle.job for lifecycle in self._processing.values()]

    def _workplace(self, job: TrainingRecord | ProcessingRecord) -> Workplace:
        # Training and processing jobs may bear the same name.
        kind = "training" if isinstance(job, TrainingRecord) else "processing"
        sandbox = Sandbox(self._state / "jobs" / kind / job.name)
        sandbox.discard()
        return Workplace(
            sandbox=sandbox,
            store=ObjectStore(self._s3, job.role),
            interpreter=self._interpreter,
            processes=self._processes,
        )

    @staticmethod
    def _refuse_used(name: str, jobs: dict[str, Any]) -> None:
        if name in jobs:
            raise SagemakerClientError("ResourceInUse", f"Job name must be unique, {name} already exists")

    @staticmethod
    def _known(name: str, jobs: dict[str, Any], kind: str) -> Any:
        if name not in jobs:
            raise validation_error(f"Could not find {kind} job '{_arn(f'{kind}-job', name)}'.")
        return jobs[name]

    def _install(self, patches: Patches) -> None:
        jobs = self

        def create_training_job(response: SageMakerResponse) -> ActionResult:
            return ActionResult({"TrainingJobArn": jobs.create_training_job(dict(response.params))})

        def create_processing_job(response: SageMakerResponse) -> ActionResult:
            return ActionResult({"ProcessingJobArn": jobs.create_processing_job(dict(response.params))})

        def stop_training_job(response: SageMakerResponse) -> ActionResult:
            jobs.stop_training_job(response.params["TrainingJobName"])
            return EmptyResult()

        def stop_processing_job(response: SageMakerResponse) -> ActionResult:
            jobs.stop_processing_job(response.params["ProcessingJobName"])
            return EmptyResult()

        def list_training_jobs(response: SageMakerResponse) -> ActionResult:
            summaries, token = list_jobs(jobs.training_jobs(), response.params)
            return ActionResult({"TrainingJobSummaries": summaries, "NextToken": token})

        def list_processing_jobs(response: SageMakerResponse) -> ActionResult:
            summaries, token = list_jobs(jobs.processing_jobs(), response.params)
            return ActionResult({"ProcessingJobSummaries": summaries, "NextToken": token})

        patches.replace(SageMakerResponse, "create_training_job", create_training_job)
        patches.replace(SageMakerResponse, "create_processing_job", create_processing_job)
        patches.add(SageMakerResponse, "stop_training_job", stop_training_job)
        patches.replace(SageMakerResponse, "stop_processing_job", stop_processing_job)
        patches.replace(SageMakerResponse, "list_training_jobs", list_training_jobs)
        patches.replace(SageMakerResponse, "list_processing_jobs", list_processing_jobs)


def _arn(kind: str, name: str) -> str:
    # SageMaker lower-cases names in ARNs.
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT_ID}:{kind}/{name.lower()}"


def _in_moto(collection: str) -> dict[str, Any]:
    """Where moto's describe, tagging and search look for jobs."""
    jobs: dict[str, Any] = getattr(sagemaker_backends[ACCOUNT_ID][REGION], collection)
    return jobs
