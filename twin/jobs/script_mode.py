"""What the sagemaker-training toolkit, inside the framework images, makes of a training job.

It decodes the hyperparameters, keeps those that begin with `sagemaker_` to itself, gives the others to
the user's program as `--name value`, and tells the program its surroundings in SM_* variables.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twin.interfaces import REGION, TwinError
from twin.jobs.containers import framework_image, gpu_count
from twin.jobs.record import TrainingRecord
from twin.jobs.training_rules import instance_type

_HOST = "algo-1"


@dataclass(frozen=True, kw_only=True)
class Script:
    """A user's training program: its file, the archive that it ships in, its own hyperparameters."""

    program: str
    archive: str
    hyperparameters: Mapping[str, Any]

    @classmethod
    def of(cls, hyperparameters: Mapping[str, str]) -> Script:
        decoded = {name: _decode(value) for name, value in hyperparameters.items()}
        program = str(decoded["sagemaker_program"])
        archive = str(decoded.get("sagemaker_submit_directory"))
        if not program.endswith(".py"):
            raise TwinError(f"sagemaker_program {program!r}: the twin runs Python files only")
        if "/" in program:
            raise TwinError(
                f"sagemaker_program {program!r}: the image runs it as a module (python -m), which a path is not; "
                "put it at the root of the source archive"
            )
        if not archive.startswith("s3://"):
            raise TwinError(f"sagemaker_submit_directory {archive!r}: the twin takes an s3:// archive only")
        own = {name: value for name, value in decoded.items() if not name.startswith("sagemaker_")}
        return cls(program=program, archive=archive, hyperparameters=own)

    @property
    def arguments(self) -> list[str]:
        """`--name value`, sorted by name; a one-letter name takes one dash."""
        flat: list[str] = []
        for name, value in sorted(self.hyperparameters.items()):
            flat += [f"--{name}" if len(name) > 1 else f"-{name}", _spelled(value)]
        return flat

    @property
    def command(self) -> list[str]:
        return ["python3", "-m", self.program.removesuffix(".py"), *self.arguments]


def _decode(value: str) -> Any:
    # The SDK writes JSON, other callers plain text; the toolkit takes both.
    try:
        return json.loads(value)
    except ValueError:
        return value


def _spelled(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={member}" for name, member in sorted(value.items()))
    return str(value)


def resource_config(job: TrainingRecord) -> dict[str, Any]:
    kind = instance_type(job.request)
    group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": [_HOST]}
    return {
        "current_host": _HOST,
        "current_instance_type": kind,
        "current_group_name": "homogeneousCluster",
        "hosts": [_HOST],
        "instance_groups": [group],
        "network_interface_name": "eth0",
    }


def input_data_config(job: TrainingRecord) -> dict[str, dict[str, str]]:
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": "File",
            "S3DistributionType": "FullyReplicated",
            "RecordWrapperType": "None",
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in job.request.get("InputDataConfig", ())
    }


def environment(job: TrainingRecord, script: Script) -> dict[str, str]:
    """The SM_* variables, with the container's paths, below the request's own variables."""
    module = framework_image(job.request["AlgorithmSpecification"]["TrainingImage"]).framework_module
    channels = sorted(input_data_config(job))
    facts: dict[str, Any] = {
        # The toolkit puts the code's root on the path.
        "PYTHONPATH": "/opt/ml/code",
        "SM_CHANNELS": channels,
        "SM_CURRENT_HOST": _HOST,
        "SM_CURRENT_INSTANCE_TYPE": instance_type(job.request),
        "SM_FRAMEWORK_MODULE": module,
        "SM_HOSTS": [_HOST],
        "SM_HPS": dict(script.hyperparameters),
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_INPUT_DATA_CONFIG": input_data_config(job),
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_LOG_LEVEL": 20,
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_MODULE_DIR": script.archive,
        "SM_MODULE_NAME": script.program.removesuffix(".py"),
        "SM_NETWORK_INTERFACE_NAME": "eth0",
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": gpu_count(),
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_INTERMEDIATE_DIR": "/opt/ml/output/intermediate",
        "SM_RESOURCE_CONFIG": resource_config(job),
        "SM_USER_ARGS": script.arguments,
        "SM_USER_ENTRY_POINT": script.program,
        "SAGEMAKER_REGION": REGION,
        "TRAINING_JOB_ARN": job.arn,
        "TRAINING_JOB_NAME": job.name,
    }
    facts |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels}
    facts |= {f"SM_HP_{_variable(name)}": value for name, value in script.hyperparameters.items()}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    return texts | dict(job.request.get("Environment", {}))


def _variable(hyperparameter: str) -> str:
    return hyperparameter.upper().replace("-", "_")
