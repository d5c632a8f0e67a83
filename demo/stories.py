"""The four stories: when a person acts, and how each must end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from demo.chronicle import Chronicle, IncidentRecord
from demo.stage import Stage

# New York's traffic is dense from here on: a canary needs people who fly.
MORNING_UTC = 14
# A supplier's mistake is found out the next day.
BROKEN = timedelta(days=1)
# How long a story may take before the demo says that it did not happen.
PATIENCE = timedelta(days=5)


@dataclass(frozen=True)
class Verdict:
    """How a story ended: what is missing, if anything is."""

    story: str
    missing: tuple[str, ...]

    @property
    def told(self) -> bool:
        return not self.missing


def drift(stage: Stage, until: datetime) -> Verdict:
    """The weather moves on its own. Time passes until an incident has put a new champion into service."""
    stage.say("Story 1: the weather and the delays of 2013 move on their own")
    _advance(stage, until, lambda: bool(_drifts(stage.chronicle.closed())))
    return judge_drift(stage.chronicle)


def judge_drift(chronicle: Chronicle) -> Verdict:
    """Whether some incident of drift ended with a new champion whose recovery was verified."""
    incidents = [i for i in chronicle.closed() if "retrain" in i.remedies]
    if _drifts(incidents):
        return Verdict("drift", ())
    return Verdict("drift", ("no incident ended with a retrained champion", *(_tell(i) for i in incidents)))


def bad_release(stage: Stage) -> Verdict:
    """A hotfix that fails for some carriers is approved by hand; the guardrails must send it back."""
    before = _calm_morning(stage, "Story 2: a hotfix is approved by hand that fails for some carriers")
    package = stage.person.register_hotfix("fare_table", before)
    stage.person.approve(package)
    found = _await_incident(stage, lambda i: i.trigger == "release")
    missing = _common(stage, found, package, before, cause="bad-release", remedy="rollback")
    if not stage.chronicle.guardrails_rolled_back(package):
        missing.append("SageMaker did not roll the release back")
    return Verdict("bad release", tuple(missing))


def late_failure(stage: Stage) -> Verdict:
    """A hotfix is fine through its bake and turns slow later; our own remediator must return to the old config."""
    before = _calm_morning(stage, "Story 3: a hotfix is fine through its bake and turns slow an hour later")
    package = stage.person.register_hotfix("audit_trail", before)
    stage.person.approve(package)
    found = _await_incident(stage, lambda i: i.trigger == "latency")
    missing = _common(stage, found, package, before, cause="bad-release", remedy="rollback")
    if not stage.chronicle.was_champion(package):
        missing.append("the release never passed its bake")
    return Verdict("late failure", tuple(missing))


def celsius(stage: Stage) -> Verdict:
    """The weather feed sends Celsius for a day: the hours are set aside, and nothing is retrained on them."""
    before = _calm_morning(stage, "Story 4: the weather feed sends its temperatures in Celsius, for a day")
    since = stage.twin.clock.now
    stage.application.feed.send_celsius(since, since + BROKEN)
    found = _await_incident(stage, lambda i: i.trigger == "data-quality")
    if found is None:
        return Verdict("celsius", (f"no incident came within {PATIENCE.days} days",))
    missing = []
    if found.cause != "upstream-data":
        missing.append(f"the cause was {found.cause}, not upstream-data")
    if not any("fahrenheit to celsius" in reason for reason in found.evidence):
        missing.append(f"no evidence names the unit: {'; '.join(found.evidence)}")
    if found.remedies != ("quarantine",):
        missing.append(f"the remedies were {', '.join(found.remedies) or 'none'}, not quarantine alone")
    if found.outcome != "resolved":
        missing.append(_tell(found))
    if stage.chronicle.champion_model() != before:
        missing.append("the champion changed")
    return Verdict("celsius", tuple(missing))


def _common(
    stage: Stage, incident: IncidentRecord | None, package: str, before: str, *, cause: str, remedy: str
) -> list[str]:
    """What stories 2 and 3 share: diagnosed, rolled back, quarantined, verified, and the old champion serves."""
    if incident is None:
        return [f"no incident came within {PATIENCE.days} days"]
    missing = []
    if incident.cause != cause:
        missing.append(f"the cause was {incident.cause}, not {cause}")
    if remedy not in incident.remedies:
        missing.append(f"{remedy} is not among the remedies ({', '.join(incident.remedies) or 'none'})")
    if incident.outcome != "resolved":
        missing.append(_tell(incident))
    if not stage.chronicle.is_quarantined(package):
        missing.append("the package is not quarantined")
    if stage.chronicle.champion_model() != before:
        missing.append("the champion before the release does not serve")
    return missing


def _calm_morning(stage: Stage, title: str) -> str:
    """Wait for a morning at which nothing is going on; returns the champion's model."""
    chronicle, twin = stage.chronicle, stage.twin
    limit = twin.clock.now + PATIENCE

    def calm() -> bool:
        return twin.clock.now.hour == MORNING_UTC and not chronicle.is_open() and not twin.endpoints.busy

    _advance(stage, limit, calm)
    stage.say(title)
    return chronicle.champion_model()


def _await_incident(stage: Stage, wanted: Callable[[IncidentRecord], bool]) -> IncidentRecord | None:
    known = {incident.id for incident in stage.chronicle.closed()}

    def new() -> list[IncidentRecord]:
        return [i for i in stage.chronicle.closed() if i.id not in known and wanted(i)]

    _advance(stage, stage.twin.clock.now + PATIENCE, lambda: bool(new()))
    return new()[0] if new() else None


def _advance(stage: Stage, limit: datetime, happened: Callable[[], bool]) -> None:
    """Let time run, half an hour at a time, until something happened or the limit is reached."""
    while stage.twin.clock.now < limit and not happened():
        step = stage.twin.clock.now + timedelta(minutes=30)
        stage.twin.advance_to(
            min(limit, step.replace(minute=30 * (step.minute // 30), second=0, microsecond=0))
        )


def _drifts(incidents: Sequence[IncidentRecord]) -> list[IncidentRecord]:
    return [
        i
        for i in incidents
        if "retrain" in i.remedies
        and i.cause in ("harmful-covariate-drift", "concept-drift")
        and i.outcome == "resolved"
        and i.champion_after not in (None, i.champion_before)
    ]


def _tell(incident: IncidentRecord) -> str:
    return (
        f"incident {incident.id} ended {incident.outcome}: {'; '.join(incident.notes) or 'no note says why'}"
    )
