"""The replay pipeline: would a previous champion have answered better of late?

request, seed, capture, labels, quarantine ─▶ Assemble ─▶ holdout.csv ─▶ Replay ─▶ replay.json ─▶ Gate ─▶ (end)
                                                                                                  └─▶ Refuse
"""

from __future__ import annotations

from typing import Any

from pipelines.definition.builder import (
    Condition,
    Definition,
    Fail,
    Parameter,
    Processing,
    PropertyFile,
    Text,
    join,
    json_get,
    parameter,
)
from pipelines.definition.jobs import PipelineInputs, assemble, output_uri, processing_job


def definition(inputs: PipelineInputs) -> dict[str, Any]:
    """The pipeline's definition, as the service reads it."""
    return Definition(
        parameters=(Parameter("RequestUri"), Parameter("Incident", "by-hand")),
        steps=(assemble(inputs), _replay(inputs), _gate()),
    ).to_json()


def _replay(inputs: PipelineInputs) -> Processing:
    name = "Replay"
    sources: dict[str, Text] = {
        "source": inputs.source_uri,
        "request": parameter("RequestUri"),
        "holdout": output_uri("Assemble", "holdout"),
    }
    return Processing(
        name=name,
        description="Lets a previous champion and the one that serves answer the newest labelled requests.",
        arguments=processing_job(inputs, name, "replay", sources, ("replay",)),
        property_files=(PropertyFile("Replay", "replay", "replay.json"),),
    )


def _gate() -> Condition:
    reason = json_get("Replay", "Replay", "gate.reason")
    return Condition(
        name="Gate",
        description="Only a previous champion that is proven better comes back.",
        left=json_get("Replay", "Replay", "gate.verdict"),
        right="PASS",
        depends_on=("Replay",),
        then=(),
        otherwise=(
            Fail(
                name="Refuse", message=join(" ", ["The gate did not let the previous champion pass:", reason])
            ),
        ),
    )
