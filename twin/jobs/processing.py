"""CreateProcessingJob: the request's rules, and a run of its containers under the /opt/ml contract."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from twin.interfaces import TwinError
from twin.jobs.containers import framework_image
from twin.jobs.process import Exit
from twin.jobs.record import ProcessingRecord
from twin.jobs.storage import EVERYTHING, JobFailedError, Share
from twin.jobs.workplace import Outcome, Workplace, failed, last_line
from twin.service_shapes import check_request, refuse_unsupported, validation_error

_LOCAL = "/opt/ml/processing/"
_MESSAGE_BYTES = 1024
# Each is a process of this one machine.
_MACHINES = 8

# Accepted and described without effect here: networks, trials and tags change nothing on one machine.
_SUPPORTED = (
    "AppSpecification",
    "Environment",
    "ExperimentConfig",
    "NetworkConfig",
    "ProcessingInputs",
    "ProcessingJobName",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "RoleArn",
    "StoppingCondition",
    "Tags",
)


def check_processing(request: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses (ValidationException) and what the twin cannot do (TwinError)."""
    check_request("CreateProcessingJob", request)
    refuse_unsupported("CreateProcessingJob", request, _SUPPORTED)
    application = request["AppSpecification"]
    image = framework_image(application["ImageUri"])
    if not application.get("ContainerEntrypoint"):
        raise TwinError(
            f"a processing job on {image.repository} needs a ContainerEntrypoint: the twin has no image"
        )
    if _hosts(request)[_MACHINES:]:
        raise TwinError(
            f"the twin runs processing jobs on {_MACHINES} instances at most: set InstanceCount so"
        )
    names: set[str] = set()
    for given in request.get("ProcessingInputs", ()):
        _check_input(given)
        names.add(given["InputName"])
    if len(names) != len(request.get("ProcessingInputs", ())):
        raise validation_error("ProcessingInputs must have unique InputName values")
    for output in _outputs(request):
        _check_output(output)


def _check_input(given: Mapping[str, Any]) -> None:
    refuse_unsupported(
        f"processing input {given['InputName']}", given, ("InputName", "AppManaged", "S3Input")
    )
    if given.get("AppManaged"):
        raise TwinError(f"processing input {given['InputName']}: the twin has no AppManaged inputs")
    source = given.get("S3Input")
    if source is None or "LocalPath" not in source:
        raise validation_error(f"ProcessingInput {given['InputName']} needs an S3Input with a LocalPath")
    if source.get("S3InputMode", "File") != "File":
        raise TwinError(f"processing input {given['InputName']}: the twin knows the File mode only")
    if source.get("S3CompressionType", "None") != "None":
        raise validation_error("S3CompressionType Gzip can only be used if S3InputMode is Pipe")
    _check_local(source["LocalPath"])


def _check_output(output: Mapping[str, Any]) -> None:
    refuse_unsupported(
        f"processing output {output['OutputName']}", output, ("OutputName", "AppManaged", "S3Output")
    )
    target = output.get("S3Output")
    if output.get("AppManaged") or target is None:
        raise TwinError(f"processing output {output['OutputName']}: the twin knows S3Output only")
    if target["S3UploadMode"] != "EndOfJob":
        raise TwinError(f"processing output {output['OutputName']}: the twin uploads at EndOfJob only")
    _check_local(target["LocalPath"])


def _check_local(path: str) -> None:
    if not path.startswith(_LOCAL):
        raise validation_error(f"LocalPath must be a path below {_LOCAL}, got {path}")


@dataclass(frozen=True, kw_only=True)
class _Machine:
    """One of a job's machines: its name, its place among them, and its file system."""

    host: str
    index: int
    at: Workplace


def run_processing(job: ProcessingRecord, at: Workplace) -> Outcome:
    """Run the job's program to its end on every machine, at once, on this one, now."""
    hosts = _hosts(job.request)
    machines = [
        _Machine(host=host, index=index, at=at if len(hosts) == 1 else at.machine(host))
        for index, host in enumerate(hosts)
    ]
    try:
        for machine in machines:
            machine.at.sandbox.reset()
            _download(job, machine)
            _write_configuration(job, machine)
    except JobFailedError as failure:
        return failed(str(failure))
    at.interpreter.prepare()
    with ThreadPoolExecutor(len(machines)) as together:
        exits = list(together.map(lambda machine: _run(job, machine.at), machines))
    for machine, ended in zip(machines, exits, strict=True):
        if ended.cut_short or ended.code:
            return _ended_badly(machine.at, ended)
    return Outcome(
        status="Completed",
        secondary_status="Completed",
        exit_message=_exit_message(machines[0].at),
        publish=lambda: _upload(job, machines),
    )


def _hosts(request: Mapping[str, Any]) -> list[str]:
    count = request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
    return [f"algo-{number}" for number in range(1, count + 1)]


def _run(job: ProcessingRecord, at: Workplace) -> Exit:
    application = job.request["AppSpecification"]
    return at.run(
        [*application["ContainerEntrypoint"], *application.get("ContainerArguments", ())],
        {"PROCESSING_JOB_NAME": job.name, **job.request.get("Environment", {})},
        directory=at.sandbox.home,
        limit_seconds=float(job.request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400)),
    )


def _ended_badly(at: Workplace, ended: Exit) -> Outcome:
    message = _exit_message(at)
    if ended.cut_short:
        return Outcome(status="Stopped", secondary_status="MaxRuntimeExceeded", exit_message=message)
    reason = f"AlgorithmError: {message or last_line(ended.log)}, exit code: {ended.code}"
    return failed(reason, exit_message=message)


def _download(job: ProcessingRecord, machine: _Machine) -> None:
    for given in job.request.get("ProcessingInputs", ()):
        source = given["S3Input"]
        into = machine.at.sandbox.directory(source["LocalPath"])
        shared_out = source.get("S3DataDistributionType") == "ShardedByS3Key"
        share = Share(machine.index, len(_hosts(job.request))) if shared_out else EVERYTHING
        if source["S3DataType"] == "ManifestFile":
            machine.at.store.download_manifest(source["S3Uri"], into, share)
        else:
            machine.at.store.download_prefix(source["S3Uri"], into, share)


def _write_configuration(job: ProcessingRecord, machine: _Machine) -> None:
    cluster, at = job.request["ProcessingResources"]["ClusterConfig"], machine.at
    resources = {
        "current_host": machine.host,
        "hosts": _hosts(job.request),
        "current_instance_type": cluster["InstanceType"],
    }
    at.sandbox.write_json("/opt/ml/config/resourceconfig.json", resources)
    described = {name: value for name, value in job.request.items() if name != "Tags"}
    at.sandbox.write_json(
        "/opt/ml/config/processingjobconfig.json", {"ProcessingJobArn": job.arn, **described}
    )
    at.sandbox.directory("/opt/ml/output")
    for output in _outputs(job.request):
        at.sandbox.directory(output["S3Output"]["LocalPath"])


def _upload(job: ProcessingRecord, machines: list[_Machine]) -> None:
    """What every machine left, in one place: of files of one name the last machine's stays."""
    key = job.request.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for output in _outputs(job.request):
        target = output["S3Output"]
        for machine in machines:
            tree = machine.at.sandbox.path(target["LocalPath"])
            machine.at.store.upload_tree(tree, target["S3Uri"], key)


def _exit_message(at: Workplace) -> str | None:
    written = at.sandbox.path("/opt/ml/output/message")
    if not written.is_file():
        return None
    return written.read_bytes()[:_MESSAGE_BYTES].decode(errors="replace")


def _outputs(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(request.get("ProcessingOutputConfig", {}).get("Outputs", ()))
