"""The live timeline: what the account does, as it does it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from twin.alarms import Transition
from twin.interfaces import Invocation
from twin.pipelines import StepChange

STYLES = {
    "story": "bold magenta",
    "alarm": "bold red",
    "calm": "green",
    "incident": "bold yellow",
    "endpoint": "cyan",
    "pipeline": "blue",
    "account": "dim",
}


class Timeline:
    """Prints lines with the virtual time above a progress bar of virtual days and invocations."""

    def __init__(self, console: Console, start: datetime, end: datetime) -> None:
        self._console = console
        self._start = start
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("days, {task.fields[invocations]:,} invocations"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        days = int((end - start) / timedelta(days=1))
        self._task = self._progress.add_task(f"{start:%a %d %b}", total=days, invocations=0)
        self._endpoint = ""

    def __enter__(self) -> Timeline:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tick(self, now: datetime, invocations: int) -> None:
        days = max(0, int((now - self._start) / timedelta(days=1)))
        self._progress.update(
            self._task, completed=days, description=f"{now:%a %d %b %H:%M}", invocations=invocations
        )

    def say(self, at: datetime, what: str, text: str) -> None:
        line = Text(f"{at:%Y-%m-%d %H:%M}  ", style="dim")
        line.append(f"{what:<9} ", style=STYLES[what])
        line.append(text, style=STYLES[what] if what in ("story", "alarm", "incident") else "")
        self._console.print(line)

    def alarm(self, change: Transition) -> None:
        if change.after == "ALARM":
            self.say(change.at, "alarm", f"{change.alarm} is in ALARM")
        elif change.before == "ALARM":
            self.say(change.at, "calm", f"{change.alarm} is well again")

    def step(self, change: StepChange) -> None:
        if change.status in ("Succeeded", "Failed"):
            reason = f": {change.failure_reason}" if change.failure_reason else ""
            self.say(change.at, "pipeline", f"{change.step} {change.status.lower()}{reason}")

    def event(self, event: Mapping[str, Any]) -> None:
        """The endpoint's own changes; SageMaker tells each several times."""
        if event["detail-type"] != "SageMaker Endpoint State Change":
            return
        detail = event["detail"]
        text = f"{detail['EndpointName']} is {detail['EndpointStatus']} on {detail['EndpointConfigName']}"
        if text != self._endpoint:
            self._endpoint = text
            self.say(datetime.fromisoformat(event["time"]), "endpoint", text)

    def invocation(self, invocation: Invocation, at: datetime) -> None:
        """What the healing functions decided: their answers name it."""
        if invocation.errored:
            self.say(at, "incident", f"{invocation.function} failed: {invocation.result.decode()[:300]}")
            return
        name = invocation.function.split("-", 1)[1]
        if name in _TOLD:
            for line in _TOLD[name](json.loads(invocation.result)):
                self.say(at, "incident", line)


def _opened(answer: Mapping[str, Any]) -> list[str]:
    incident = answer.get("incident")
    return [f"incident {incident['id']} opened by {incident['trigger']['subject']}"] if incident else []


def _diagnosed(answer: Mapping[str, Any]) -> list[str]:
    incident = answer["incident"]
    return [f"cause: {incident['cause']}", *(f"  because {reason}" for reason in incident["evidence"][:4])]


def _planned(answer: Mapping[str, Any]) -> list[str]:
    return [f"remedy: {answer['next']}"]


def _candidate(answer: Mapping[str, Any]) -> list[str]:
    return [f"challenger: {answer['package']}"] if answer["next"] == "release" else ["no challenger"]


def _settled(answer: Mapping[str, Any]) -> list[str]:
    return [
        "the endpoint serves what was asked for" if answer["next"] == "verify" else "the release did not hold"
    ]


def _verified(answer: Mapping[str, Any]) -> list[str]:
    return (
        []
        if answer["next"] == "wait"
        else [f"verification: {'recovered' if answer['next'] == 'record' else 'not recovered'}"]
    )


def _recorded(answer: Mapping[str, Any]) -> list[str]:
    incident = answer.get("incident")
    return [f"incident {incident['id']} is {incident['outcome']}"] if incident else []


_TOLD = {
    "open-incident": _opened,
    "diagnose": _diagnosed,
    "plan": _planned,
    "candidate": _candidate,
    "settle": _settled,
    "verify": _verified,
    "record": _recorded,
}
