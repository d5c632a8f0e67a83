"""make bench-observe: what observing costs, beside other monitors, in one run on one machine.

(a) all numeric statistics of 100,000 x 50 floats on both sides; (b) from capture files to the report;
(c) time and peak memory at 10^4, 10^5, 10^6 records; (d) a week judged from 168 stored hourly profiles; and
where the time goes. Medians of five. Writes build/bench/observe.json.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.observe.measures import Bench
from bench.report import OUTPUT, Report, Row, publish, say


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured: rows of each side in (a) and records in (b), records of (c), rows an hour of (d)."""

    rows: int = 100_000
    growth: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    hourly: int = 2_000
    repeats: int = 5


QUICK = Plan(rows=5_000, growth=(1_000, 5_000, 10_000), hourly=200, repeats=1)


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else Plan()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=OUTPUT) as folder:
        bench = Bench(
            folder=Path(folder).absolute(),
            repeats=plan.repeats,
            ours=not options.peers_only,
            peers=not options.ours_only,
        )
        rows: list[Row] = []
        for title, part in _parts(bench, plan):
            say(f"measuring: {title}")
            rows += part()
    notes = ["a smoke run: the figures are of no size that matters"] if options.quick else []
    report = Report(
        name="observe",
        rows=rows,
        versions=bench.versions,
        notes=[
            *notes,
            f"medians of {plan.repeats}; seconds measured inside each process, imports excluded",
            *bench.notes,
        ],
    )
    publish(report, as_json=options.json)


def _parts(bench: Bench, plan: Plan) -> list[tuple[str, Callable[[], list[Row]]]]:
    return [
        ("statistics", lambda: bench.statistics(plan.rows)),
        ("capture files to the report", lambda: bench.capture(plan.rows)),
        ("growth", lambda: bench.growth(plan.growth)),
        ("a week from profiles", lambda: bench.week(plan.hourly)),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.observe", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of about a minute")
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--peers-only", action="store_true", help="leave ours out")
    side.add_argument("--ours-only", action="store_true", help="leave the peers out")
    return parser.parse_args()


if __name__ == "__main__":
    main()
