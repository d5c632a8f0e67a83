"""Jobs that profile hours too large for a function: a processing job whose machines share the files out, or Spark.

profiling/<endpoint>/<job>/request.json            what to read, and how
profiling/<endpoint>/<job>/capture.manifest        the same files, for SageMaker to share out
profiling/<endpoint>/<job>/hours/*.json            a part of an hour and machine
rejected/<endpoint>/yyyy/mm/dd/hh/*.jsonl          lines that could not be read

A job's name follows from what it is asked, so that it does not matter how often anybody asks: the job is there
already, runs, or has a result. A file that comes late makes another request, and so another job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from selfheal.aws.errors import code, is_missing
from selfheal.aws.objects import Objects
from selfheal.aws.profile_job_arguments import JobPlan, JobSettings, job_arguments
from selfheal.aws.traffic_store import Elsewhere, Folders
from selfheal.observe.profile_request import ProfileRequest
from selfheal.observe.quality.volume import BYTES_PER_MB, Place, VolumePolicy, place_of
from selfheal.observe.reading.files import Part, Reading

if TYPE_CHECKING:
    from types_boto3_sagemaker.client import SageMakerClient

HOUR = timedelta(hours=1)
# A job that failed is tried again under another name, since SageMaker never gives one away twice.
ATTEMPTS = 3
# The account has no room for a job now; the next look tries again.
_NOT_NOW = ("ResourceLimitExceeded", "ThrottlingException", "Throttling")


@dataclass(frozen=True, kw_only=True)
class JobState:
    """Where a job stands, and why it failed if it did."""

    name: str
    status: str
    failure: str = ""


class ProfileJobs:
    """The profile jobs of one endpoint."""

    def __init__(
        self,
        sagemaker: SageMakerClient,
        objects: Objects,
        endpoint: str,
        *,
        settings: JobSettings,
        policy: VolumePolicy,
    ) -> None:
        self._sagemaker = sagemaker
        self._objects = objects
        self._endpoint = endpoint
        self._settings = settings
        self._policy = policy

    def look(
        self, folders: Folders, prefix: str, reading: Reading, now: datetime
    ) -> dict[datetime, Elsewhere]:
        """What is known of the folders that are too large for a function; jobs begin where none has.

        Args:
            prefix: what the names of all captured files begin with.
            now: folders of hours that have not closed by then are still being written: nothing reads them yet.
        """
        found = {}
        for hour, files in folders.items():
            size = sum(listed.size for listed in files)
            place = place_of(size, self._policy)
            if place is Place.FUNCTION:
                continue
            if hour + HOUR > now:
                found[hour] = Elsewhere(awaited=f"the hour of {hour:%H:%M} has not closed")
                continue
            request = ProfileRequest(
                folder=hour,
                prefix=prefix,
                files=tuple((listed.key, listed.etag) for listed in files),
                reading=reading,
            )
            told = f"{len(files)} files of {size / BYTES_PER_MB:,.1f} MB"
            found[hour] = self._known(request, place, told)
        return found

    def _known(self, request: ProfileRequest, place: Place, told: str) -> Elsewhere:
        failures: list[str] = []
        for attempt in range(1, ATTEMPTS + 1):
            name = job_name(self._endpoint, request, attempt)
            job = self._state(name)
            if job is None:
                refused = self._start(name, request, place)
                begun = refused or f"job {name} profiles {told}"
                return Elsewhere(awaited="; ".join([*failures, begun]))
            if job.status in ("InProgress", "Stopping"):
                return Elsewhere(awaited="; ".join([*failures, f"job {name} profiles {told}"]))
            if job.status != "Completed":
                failures.append(f"job {name} {job.status.lower()}: {job.failure or 'it does not say why'}")
                continue
            parts = self._parts(name, request)
            missing = request.names - {file for part in parts for file in part.files}
            if not missing:
                return Elsewhere(parts=parts)
            failures.append(
                f"job {name} completed without {len(missing)} of {told}, {min(missing)} among them"
            )
        return Elsewhere(awaited=f"{told} could not be profiled: {'; '.join(failures)}")

    def _state(self, name: str) -> JobState | None:
        """None where there is no such job."""
        try:
            body = self._sagemaker.describe_processing_job(ProcessingJobName=name)
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return JobState(name=name, status=body["ProcessingJobStatus"], failure=body.get("FailureReason", ""))

    def _start(self, name: str, request: ProfileRequest, place: Place) -> str:
        """Begin a job; what keeps it from beginning now, if anything does."""
        folder = self._folder(name)
        self._objects.write_json(f"{folder}/request.json", request.to_json())
        self._objects.write_json(f"{folder}/capture.manifest", _manifest(self._objects.bucket, request))
        plan = JobPlan(
            name=name,
            place=place,
            files=len(request.files),
            bucket=self._objects.bucket,
            folder=folder,
            rejected=f"rejected/{self._endpoint}/{request.folder:%Y/%m/%d/%H}",
        )
        try:
            self._sagemaker.create_processing_job(**job_arguments(plan, self._settings, self._policy))
        except ClientError as error:
            if code(error) in _NOT_NOW:
                return f"job {name} could not begin and is tried again: {error}"
            # Somebody else asked for the same in this moment.
            if code(error) != "ResourceInUse":
                raise
        return ""

    def _parts(self, name: str, request: ProfileRequest) -> tuple[Part, ...]:
        """A job's result. Read anew where it is needed: an hour is looked at twice or so."""
        layout = request.reading.layout
        keys = [listed.key for listed in self._objects.list(f"{self._folder(name)}/hours/")]
        return tuple(Part.from_json(json.loads(self._objects.read(key)), layout) for key in keys)

    def _folder(self, name: str) -> str:
        return f"profiling/{self._endpoint}/{name}"


def job_name(endpoint: str, request: ProfileRequest, attempt: int) -> str:
    """`<endpoint>-profile-<yyyymmddhh>-<digest>-<attempt>`: at most 63 characters for endpoints of up to 26.

    The digest is of the champion and its bins, and of the files with their ETags.
    """
    return f"{endpoint}-profile-{request.folder:%Y%m%d%H}-{request.digest[:12]}-{attempt}"


def _manifest(bucket: str, request: ProfileRequest) -> list[Any]:
    common: Mapping[str, str] = {"prefix": f"s3://{bucket}/{request.prefix}"}
    return [common, *(name.removeprefix(request.prefix) for name, _ in request.files)]
