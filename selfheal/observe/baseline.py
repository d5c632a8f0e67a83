"""The champion's baseline: the frozen reference that traffic is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from selfheal.observe.drift.rhythm import Rhythm
from selfheal.observe.drift.scores import Scores
from selfheal.observe.drift.seasons import Coarse
from selfheal.observe.performance.metrics.names import Task
from selfheal.observe.profiles.layout import BaselineError, Layout, Numeric, Role
from selfheal.observe.profiles.profile import Profile, ProfileError
from selfheal.observe.reading.traffic import Schema
from selfheal.observe.statistics.unit_change import Pace

VERSION = 4


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a champion was trained on, and how good it was on its holdout.

    Attributes:
        profile: of the training data (inputs) and of the champion's answers on its holdout (outputs).
        metrics: of the champion on its holdout: by metric's name, and `rows`.
        window: ISO times between which the training data lie.
        task: what is predicted.
        classes: names of the classes of a multiclass task.
        rhythm: what the hours of the week look like, and what the detector knows of them; None where the
            training data carry no times.
        calibrator: JSON of the calibrator that estimated performance needs, or None.
        paces: of numeric inputs, by name, how fast their hourly means move; of none where the training data
            carry no times.
    """

    profile: Profile
    metrics: Mapping[str, float]
    window: tuple[str, str]
    task: Task = Task.BINARY
    classes: tuple[str, ...] = ()
    rhythm: Rhythm | None = None
    calibrator: Mapping[str, Any] | None = None
    paces: Mapping[str, Pace] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return self.profile.layout

    @cached_property
    def scores(self) -> Scores:
        """What of its features is followed from hour to hour."""
        return Scores.of(self.profile)

    @cached_property
    def coarse(self) -> Coarse:
        """The bins in which its hours of the week are kept."""
        return Coarse(self.layout)

    @cached_property
    def schema(self) -> Schema:
        """What payloads and answers look like."""
        inputs = [feature for feature in self.layout.features if feature.role is Role.INPUT]
        return Schema(
            features=tuple((feature.name, isinstance(feature, Numeric)) for feature in inputs),
            task=self.task,
            classes=self.classes,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "layout": self.layout.to_json(),
            "profile": self.profile.to_json(),
            "metrics": dict(self.metrics),
            "window": list(self.window),
            "task": self.task.value,
            "classes": list(self.classes),
            "rhythm": self.rhythm.to_json() if self.rhythm else None,
            "calibrator": dict(self.calibrator) if self.calibrator else None,
            "paces": {name: pace.to_json() for name, pace in self.paces.items()},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Baseline:
        """Raises BaselineError where a part is missing or of another version."""
        try:
            if body["version"] != VERSION:
                raise BaselineError(f"baseline version {body['version']} is not {VERSION}: train again")
            layout = Layout.from_json(body["layout"])
            start, end = body["window"]
            return cls(
                profile=Profile.from_json(body["profile"], layout),
                metrics=dict(body["metrics"]),
                window=(start, end),
                task=Task(body["task"]),
                classes=tuple(body["classes"]),
                rhythm=Rhythm.from_json(body["rhythm"], layout) if body["rhythm"] else None,
                calibrator=body["calibrator"],
                paces={name: Pace.from_json(pace) for name, pace in body["paces"].items()},
            )
        except BaselineError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError, ProfileError) as error:
            raise BaselineError(f"not a baseline: {type(error).__name__} {error}") from error
