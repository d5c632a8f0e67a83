"""What the steps know of the workload: `workload.json` at the root of the source bundle.

It is written at synthesis from the settings, since a job's arguments hold no more than 256 characters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfheal.observe.policy import ObservePolicy
from selfheal.remediate.gate_policy import GatePolicy


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The payload's columns and the limits that the steps hold data and models against."""

    code: str
    label: str
    timestamp: str
    features: tuple[tuple[str, str], ...]
    holdout_days: int
    gate: GatePolicy
    observe: ObservePolicy

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.features]

    @property
    def categorical(self) -> list[str]:
        return [name for name, kind in self.features if kind == "categorical"]

    @classmethod
    def load(cls, root: Path = Path()) -> Workload:
        body: dict[str, Any] = json.loads((root / "workload.json").read_text(encoding="utf-8"))
        return cls(
            code=body["workload"]["code"],
            label=body["workload"]["label"],
            timestamp=body["workload"]["timestamp"],
            features=tuple((feature["name"], feature["kind"]) for feature in body["workload"]["features"]),
            holdout_days=body["training"]["holdout_days"],
            gate=GatePolicy(**body["gate"]),
            observe=ObservePolicy.from_json(body["observe"]),
        )
