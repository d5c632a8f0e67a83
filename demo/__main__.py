"""The demo: the synthesized stacks heal a real model on real flights, on this machine.

python -m demo            (make demo does the set-up and the synthesis)
"""

from __future__ import annotations

import gc
import json
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from demo import stories
from demo.chronicle import IncidentRecord
from demo.memory import PeakMemory
from demo.onset import onset
from demo.stage import DEPLOYMENT, ENDPOINT, Stage, set_up
from demo.stories import Verdict
from demo.summary import champions, incident_json, quality, show
from demo.timeline import Timeline
from twin.account import Twin
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

app = typer.Typer(add_completion=False)


@app.command()
def main(
    assembly: Annotated[Path, typer.Option(help="the synthesized cdk.out")] = Path("cdk.out"),
    out: Annotated[Path, typer.Option(help="where summary.json goes")] = Path("build/demo"),
    weeks: Annotated[int, typer.Option(min=8, max=40, help="weeks of flights to replay, at least")] = 8,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the summary as JSON, and nothing else")
    ] = False,
) -> None:
    """Replay weeks of flights through the account's twin, and watch it heal. Exit status 0: all stories told."""
    if not (assembly / "manifest.json").is_file():
        raise typer.BadParameter(
            f"{assembly} holds no synthesized stacks: run make synth", param_hint="--assembly"
        )
    # A pipe has no width of its own; eighty columns would break every table.
    console = Console(quiet=as_json, highlight=False, width=None if sys.stdout.isatty() else 110)
    summary, verdicts = Demo(console, assembly, out, timedelta(weeks=weeks)).run()
    out.mkdir(parents=True, exist_ok=True)
    path = out / "summary.json"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        show(console, summary)
        _close(console, summary, verdicts, path)
    raise typer.Exit(0 if all(verdict.told for verdict in verdicts) else 1)


class Demo:
    """One run of the demo."""

    def __init__(self, console: Console, assembly: Path, out: Path, length: timedelta) -> None:
        self._console = console
        self._assembly = assembly
        self._out = out
        self._end = SEED_END + length
        self._started = time.perf_counter()

    def run(self) -> tuple[dict[str, Any], list[Verdict]]:
        """Play the stories, then sum up once the twin's processes are gone."""
        # Stories may take longer than planned; flights must not run out on them.
        replay = Replay(end=self._end + 4 * stories.PATIENCE)
        with (
            PeakMemory() as memory,
            Twin(state=self._out / "twin", start=SEED_END - DEPLOYMENT) as twin,
            Timeline(self._console, SEED_END, self._end) as timeline,
        ):
            listen(twin, timeline)
            stage = set_up(
                twin,
                self._assembly,
                replay,
                SEED_END,
                say=lambda text: timeline.say(twin.clock.now, "story", text),
                on_stack=lambda stack: timeline.say(
                    twin.clock.now, "account", f"stack {stack.name}: {len(stack.resources)} resources"
                ),
            )
            # What was made so far lives as long as the demo, and so does most of what comes, the account's
            # records: the collector need not go through it again and again.
            gc.freeze()
            gc.set_threshold(10_000, 20, 20)
            twin.on_tick(lambda _since, until: timeline.tick(until, twin.traffic.invocations))
            verdicts = self._play(stage)
            releases = stage.chronicle.releases()
            incidents = [{**incident_json(i), "began_at": _began(i, stage)} for i in stage.chronicle.closed()]
            facts = {
                "workload": ENDPOINT,
                "virtual_start": SEED_END.isoformat(),
                "virtual_end": twin.clock.now.isoformat(),
                "invocations": twin.traffic.invocations,
            }
        answers = stage.application.answers
        return {
            **facts,
            "champions": champions(answers, [(stage.first.since, stage.first.package), *releases]),
            "incidents": incidents,
            "quality": quality(answers, stage.first.archive),
            "wall_seconds": round(time.perf_counter() - self._started, 1),
            "peak_memory_mb": memory.megabytes,
        }, verdicts

    def _play(self, stage: Stage) -> list[Verdict]:
        # Story 1 has all but the last days, which are the others'.
        first = stories.drift(stage, self._end - timedelta(days=14))
        second = stories.bad_release(stage)
        third = stories.late_failure(stage)
        fourth = stories.celsius(stage)
        stage.twin.advance_to(self._end)
        # What was still open when the flights ran out may end now.
        if not first.told:
            first = stories.judge_drift(stage.chronicle)
        broken = stage.chronicle.broken_at()
        ledger = Verdict("the ledger's chain is whole", () if broken is None else (broken,))
        undelivered = tuple(str(failure) for failure in stage.twin.bus.failed)
        return [first, second, third, fourth, ledger, Verdict("every event was delivered", undelivered)]


def listen(twin: Twin, timeline: Timeline) -> None:
    """Let the timeline hear of everything that it tells."""
    twin.alarms.listen(timeline.alarm)
    twin.pipelines.listen(timeline.step)
    twin.bus.listen(timeline.event)
    twin.functions.listen(lambda invocation: timeline.invocation(invocation, twin.clock.now))


def _began(incident: IncidentRecord, stage: Stage) -> str | None:
    """When the harm began: the alarm's first breaching datapoint, or the application's first failed answer."""
    detected = datetime.fromisoformat(incident.detected_at)
    if incident.trigger != "release":
        began = onset(stage.twin, incident.signals[0].split(": ")[1], detected)
        return began.isoformat() if began else None
    recent = detected - timedelta(days=1)
    failed = [
        a.flight.at
        for a in stage.application.answers
        if a.status != 200 and recent <= a.flight.at <= detected
    ]
    return failed[0].isoformat() if failed else None


def _close(console: Console, summary: dict[str, Any], verdicts: list[Verdict], path: Path) -> None:
    for verdict in verdicts:
        console.print(
            f"[{'green' if verdict.told else 'bold red'}]{'✓' if verdict.told else '✗'} {verdict.story}[/]"
        )
        for missing in verdict.missing:
            console.print(f"    {missing}", style="red", markup=False)
    console.print(
        f"{summary['invocations']:,} invocations, {summary['wall_seconds']:.0f} s, "
        f"{summary['peak_memory_mb']:,} MB of memory at most; wrote {path}",
        style="bold",
    )


if __name__ == "__main__":
    app()
