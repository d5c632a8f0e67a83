"""One attempt at a training job in script mode, under the /opt/ml contract."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from twin.interfaces import TwinError
from twin.jobs.process import Exit
from twin.jobs.record import TrainingRecord
from twin.jobs.script_mode import Script, environment, input_data_config, resource_config
from twin.jobs.storage import JobFailedError, Location, pack, unpack
from twin.jobs.training_rules import max_runtime
from twin.jobs.workplace import Outcome, Workplace, failed, last_line

_CODE = "/opt/ml/code"
_MODEL = "/opt/ml/model"
_OUTPUT_DATA = "/opt/ml/output/data"


def run_training(job: TrainingRecord, at: Workplace, *, interrupted_after: float | None) -> Outcome:
    """Run one attempt to its end, or until spot capacity is taken away after so many real seconds."""
    script = Script.of(job.request["HyperParameters"])
    at.sandbox.reset()
    try:
        code = _prepare(job, at, script)
    except JobFailedError as failure:
        return failed(str(failure))
    limit = float(max_runtime(job.request))
    by_spot = interrupted_after is not None and interrupted_after < limit
    ended = at.run(
        script.command,
        environment(job, script),
        directory=code,
        limit_seconds=interrupted_after if by_spot and interrupted_after is not None else limit,
    )
    _save_checkpoints(job, at)
    if ended.cut_short and by_spot:
        return Outcome(status="Interrupted", secondary_status="Interrupted")
    if ended.cut_short:
        # As on AWS, what the program saved before its time was over is the job's model.
        return Outcome(
            status="Stopped", secondary_status="MaxRuntimeExceeded", publish=lambda: _publish(job, at)
        )
    if ended.code != 0:
        return failed(f"AlgorithmError: {_failure(at, script, ended)}, exit code: {ended.code}")
    return Outcome(
        status="Completed",
        secondary_status="Completed",
        metrics=_final_metrics(job, ended.log),
        publish=lambda: _publish(job, at),
    )


def _prepare(job: TrainingRecord, at: Workplace, script: Script) -> Path:
    for directory in (_MODEL, _OUTPUT_DATA, "/opt/ml/output/intermediate", "/opt/ml/input/data"):
        at.sandbox.directory(directory)
    at.sandbox.write_json("/opt/ml/input/config/hyperparameters.json", job.request.get("HyperParameters", {}))
    at.sandbox.write_json("/opt/ml/input/config/inputdataconfig.json", input_data_config(job))
    at.sandbox.write_json("/opt/ml/input/config/resourceconfig.json", resource_config(job))
    for channel in job.request.get("InputDataConfig", ()):
        source = channel["DataSource"]["S3DataSource"]
        into = at.sandbox.directory(f"/opt/ml/input/data/{channel['ChannelName']}")
        if source["S3DataType"] == "ManifestFile":
            at.store.download_manifest(source["S3Uri"], into)
        else:
            at.store.download_prefix(source["S3Uri"], into)
    if checkpoints := job.request.get("CheckpointConfig"):
        at.store.restore(checkpoints["S3Uri"], at.sandbox.directory(_checkpoint_path(checkpoints)))
    code = at.sandbox.directory(_CODE)
    unpack(at.store.read(script.archive), code)
    _check_code(code, script)
    return code


def _check_code(code: Path, script: Script) -> None:
    if not (code / script.program).is_file():
        raise JobFailedError(f"AlgorithmError: {script.program} is not in {script.archive}, exit code: 1")
    for file in ("requirements.txt", "setup.py"):
        if (code / file).exists():
            raise TwinError(
                f"{script.archive} holds a {file}: the twin installs no packages, its jobs run with those of"
                " its own environment"
            )


def _checkpoint_path(checkpoints: Mapping[str, Any]) -> str:
    return str(checkpoints.get("LocalPath", "/opt/ml/checkpoints"))


def _save_checkpoints(job: TrainingRecord, at: Workplace) -> None:
    if checkpoints := job.request.get("CheckpointConfig"):
        at.store.upload_tree(at.sandbox.path(_checkpoint_path(checkpoints)), checkpoints["S3Uri"])


def _failure(at: Workplace, script: Script, ended: Exit) -> str:
    """What the program wrote to /opt/ml/output/failure, or else what the toolkit would."""
    written = at.sandbox.path("/opt/ml/output/failure")
    if written.is_file():
        return written.read_text(errors="replace")
    return (
        f'ExecuteUserScriptError:\nExitCode {ended.code}\nErrorMessage "{last_line(ended.log)}"\n'
        f'Command "{" ".join(script.command)}"'
    )


def _final_metrics(job: TrainingRecord, log: str) -> dict[str, float]:
    """The last value of each metric definition in the log; a metric that never appeared is absent."""
    found: dict[str, float] = {}
    for metric in job.request["AlgorithmSpecification"].get("MetricDefinitions", ()):
        for match in re.finditer(metric["Regex"], log):
            found[metric["Name"]] = _number(metric["Name"], match[1])
    return found


def _number(metric: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise TwinError(f"the Regex of metric {metric} captured {text!r}, which is no number") from error


def metric_data(metrics: Mapping[str, float], now: datetime) -> list[dict[str, Any]]:
    return [{"MetricName": name, "Value": value, "Timestamp": now} for name, value in metrics.items()]


def _publish(job: TrainingRecord, at: Workplace) -> None:
    config = job.request["OutputDataConfig"]
    output = Location.parse(job.artifact.rpartition("/")[0])
    at.store.upload(pack(at.sandbox.path(_MODEL)), output / "model.tar.gz", config.get("KmsKeyId"))
    data = at.sandbox.path(_OUTPUT_DATA)
    if any(data.iterdir()):
        at.store.upload(pack(data), output / "output.tar.gz", config.get("KmsKeyId"))
