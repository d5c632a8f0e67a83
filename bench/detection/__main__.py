"""make bench-detection: how soon drift is found, and how often it is seen where there is none.

20 features, 720 hourly windows of 2,000 rows, references of 5,000, 20,000 and 200,000 rows; beside ours the
plain rules of monitors, ADWIN on ranks, Evidently and NannyML. Writes build/bench/detection.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.detection.rivals import ROWS_BESIDE, Found, Months, watch_rivals
from bench.detection.scenarios import SCENARIOS
from bench.detection.table import rows
from bench.detection.tasks import Task
from bench.detection.traffic import SIZES, Month
from bench.detection.watch import watch_all
from bench.report import OUTPUT, Report, publish, say

SEED = 20260730


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is watched.

    Attributes:
        quiet: months of ours against each size of reference.
        dependent: months of ours of each quiet kind whose rows or hours depend on one another.
        repeats: months of ours of each change.
        rules_quiet, rules_repeats: quiet months, and months of each other kind, of the plain rules and of ADWIN.
        rivals: months of each kind of NannyML; Evidently takes one.
        tuning: simulated quiet months that ADWIN is tuned on.
        sizes: rows of the references.
    """

    quiet: int = 200
    dependent: int = 50
    repeats: int = 20
    rules_quiet: int = 20
    rules_repeats: int = 10
    rivals: int = 3
    tuning: int = 200
    sizes: Sequence[int] = SIZES

    def tasks(self, names: Sequence[str], *, ours: bool, peers: bool) -> Iterator[Task]:
        """Months to watch; the plain rules join the first of them."""
        for name in names:
            scenario = SCENARIOS[name]
            own = self._months(name) if ours else 0
            beside = (self.rules_quiet if name == "quiet" else self.rules_repeats) if peers else 0
            for number in range(max(own, beside)):
                yield Task(
                    name=name,
                    month=Month(scenario=scenario, number=number, seed=SEED),
                    ours=self.sizes if number < own else (),
                    rules=(self.sizes if scenario.quiet else (ROWS_BESIDE,)) if number < beside else (),
                )

    def _months(self, name: str) -> int:
        if name == "quiet":
            return self.quiet
        return self.dependent if SCENARIOS[name].quiet else self.repeats


QUICK = Plan(
    quiet=2,
    dependent=1,
    repeats=1,
    rules_quiet=1,
    rules_repeats=1,
    rivals=1,
    tuning=10,
    sizes=(5_000, ROWS_BESIDE),
)
QUICK_RIVALS = ("quiet", "half")


def main() -> None:
    options = _options()
    plan = QUICK if options.quick else Plan()
    names = options.only or list(SCENARIOS)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    ours, peers = not options.peers_only, not options.ours_only
    tasks = list(plan.tasks(names, ours=ours, peers=peers))
    say(f"watching {len(tasks)} months")
    watches, ranks = watch_all(tasks)
    found: list[Found] = []
    if peers:
        kinds = [name for name in names if not options.quick or name in QUICK_RIVALS]
        found = watch_rivals(Months(scenarios=kinds, numbers=plan.rivals, seed=SEED), ranks, plan.tuning)
    for rival in found:
        watches |= rival.watches
    report = Report(
        name="detection",
        rows=[row for row in rows(watches, plan.sizes) if row.measured],
        versions={name: version for rival in found for name, version in rival.versions.items()},
        notes=[*_notes(plan, quick=options.quick), *(note for rival in found for note in rival.notes)],
    )
    publish(report, as_json=options.json)


def _notes(plan: Plan, *, quick: bool) -> Iterator[str]:
    if quick:
        yield "a smoke run: too few months for any of these figures to mean much"
    yield (
        f"ours: {plan.quiet} quiet months, {plan.dependent} of each kind whose rows or hours depend on one "
        f"another and {plan.repeats} of each change, against each reference; plain rules and ADWIN: "
        f"{plan.rules_quiet} quiet months, {plan.rules_repeats} of each other kind, changes against "
        f"{ROWS_BESIDE:,} rows alone; seed {SEED}"
    )
    yield (
        "a delay of 1 = found in the first changed window; delays count the first alarm at or after the "
        "onset, so a rule that always alarms is quick: read it with its quiet months"
    )
    yield "shifts are made where a feature is still Gaussian, before it is lognormal or exponential"
    yield "rules of one level stand beside both our warnings and our breaches"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.detection", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of a minute or two")
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the table")
    side = parser.add_mutually_exclusive_group()
    side.add_argument("--peers-only", action="store_true", help="leave ours out")
    side.add_argument("--ours-only", action="store_true", help="leave the peers out")
    parser.add_argument(
        "--only", nargs="+", choices=list(SCENARIOS), metavar="SCENARIO", help=f"of: {', '.join(SCENARIOS)}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
