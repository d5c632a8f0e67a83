"""Fall back: the last good endpoint config that served before the one that serves now, whatever the cause.

A rollback undoes a release that is to blame. Falling back blames nobody: it is for trouble that no release explains
any more, and that neither more nor fresh instances end. So nothing is quarantined by it, and a person may release the
same model again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from selfheal.diagnose.snapshot import Release, ReleaseStatus


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """An endpoint config that served before the one that serves now.

    Attributes:
        config, model: its name, and that of its model; no model where the config is gone.
        obstacle: why it may not serve again; None where it may.
    """

    config: str
    model: str | None
    obstacle: str | None

    def to_json(self) -> dict[str, Any]:
        return {"config": self.config, "model": self.model, "obstacle": self.obstacle}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Earlier:
        return cls(config=body["config"], model=body["model"], obstacle=body["obstacle"])


def served_before(releases: Iterable[Release], model: str) -> tuple[str, ...]:
    """Names of the endpoint configs that served before a model's release, latest first.

    What served is told by the releases: each names the config that it found. Those after the model's own release are
    left out, so that falling back twice does not lead back to where it began. A model that no release brought into
    service has nothing before it.

    Args:
        releases: all of them, in any order.
        model: name of the one that serves now.
    """
    latest_first = sorted(releases, key=lambda release: release.order, reverse=True)
    brought = next((r for r in latest_first if r.model == model and r.status is ReleaseStatus.PROMOTED), None)
    if brought is None:
        return ()
    up_to_it = (r for r in latest_first if r.order <= brought.order)
    return tuple(dict.fromkeys(release.previous_config for release in up_to_it))


def last_good(earlier: Iterable[Earlier]) -> Earlier | None:
    """The first that may serve again, or None."""
    return next((each for each in earlier if each.obstacle is None), None)


def obstacle(earlier: Iterable[Earlier]) -> str | None:
    """Why there is nothing to fall back to, or None where there is."""
    found = tuple(earlier)
    if last_good(found) is not None:
        return None
    if not found:
        return "no other config served before the one that serves"
    return "; ".join(f"{each.config}: {each.obstacle}" for each in found)
