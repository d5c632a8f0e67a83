"""Whether a model still puts the right cases before the others, however sure of them it is.

Area under the ROC curve depends on the order of the scores alone (Fawcett 2006, An introduction to ROC
analysis): where classes become more or less frequent and nothing else changes, log loss suffers and the area
does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# One for each task that ranks; a regression has none.
METRICS = ("auc", "macro_auc")


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The ranking metric on matured labels.

    Attributes:
        metric: "auc" or "macro_auc".
        value, low: the metric from 0 to 1, and its lower confidence bound.
        promised: the champion's own on its holdout.
        rows: labels that it rests on.
    """

    metric: str
    value: float
    low: float
    promised: float
    rows: int

    @classmethod
    def of(cls, performance: Mapping[str, Any]) -> Ranking | None:
        """From a report's performance; None where that holds no ranking metric, or none with a bound."""
        metrics = performance.get("metrics", {})
        for name in METRICS:
            realized = metrics.get(name, {}).get("realized")
            promised = metrics.get(name, {}).get("promised")
            if realized and realized["low"] is not None and promised is not None:
                return cls(
                    metric=name,
                    value=realized["value"],
                    low=realized["low"],
                    promised=promised,
                    rows=realized["rows"],
                )
        return None

    def is_intact(self, worse_percent: float) -> bool:
        """Whether it is certain that no more than this part of the promise is lost. NaN is never intact."""
        limit = self.promised * (1 - worse_percent / 100)
        return math.isfinite(limit) and self.low >= limit

    def __str__(self) -> str:
        return (
            f"{self.metric} {self.value:.3f} (at least {self.low:.3f}) on {self.rows} labels, "
            f"promised {self.promised:.3f}"
        )
