# ruff: noqa: T201 - a command, and what it prints is its result
"""`make soak`: the campaign for long, with new seeds each time, on all cores.

A violation ends it with its story; the seed that found it is printed, and `--seed` runs that batch again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import get_state_machine_test

from machine.campaign import Campaign
from machine.installation import installed
from machine.template import Deployed

ASSEMBLY = Path(__file__).resolve().parents[2] / "cdk.out"
BATCH = 1000
STEPS = 30


class Batch(NamedTuple):
    seed: int
    counts: Counter[str]
    failure: str | None


def run_batch(number: int) -> Batch:
    """One batch of interleavings; what it found is found again with the same number."""
    Campaign.counts = Counter()
    Campaign.deployed = Deployed(ASSEMBLY)
    how = settings(
        max_examples=BATCH,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
    )
    failure = None
    with installed(Campaign.deployed):
        try:
            seed(number)(get_state_machine_test(Campaign, settings=how))()
        except Exception:
            failure = traceback.format_exc()
    return Batch(number, Campaign.counts, failure)


def main() -> int:
    arguments = _arguments()
    first = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    print(f"soaking: {arguments.interleavings:,} interleavings, seeds from {first} on", flush=True)
    total: Counter[str] = Counter()
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        for batch in pool.imap_unordered(run_batch, range(first, first + 10**6)):
            total.update(batch.counts)
            if batch.failure:
                pool.terminate()
                print(batch.failure)
                print(
                    f"found by seed {batch.seed}: make soak ARGS='--seed {batch.seed} --interleavings {BATCH}'"
                )
                return 1
            if total["interleavings"] >= arguments.interleavings:
                pool.terminate()
                break
            print(f"  {total['interleavings']:>9,} after {time.monotonic() - begun:,.0f} s", flush=True)
    _print(total, time.monotonic() - begun)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--interleavings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, help="of the first batch; each batch has the next one")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return parser.parse_args()


def _print(total: Counter[str], seconds: float) -> None:
    print(
        f"{total['interleavings']:,} interleavings in {seconds:,.0f} s: "
        f"{total['happenings']:,} things happened in them, {total['invocations']:,} functions ran, "
        f"{total['calls']:,} calls were made to AWS"
    )
    named = ("interleavings", "happenings", "invocations", "calls")
    for name, count in sorted(total.items()):
        if name not in named:
            print(f"{count:>12,}  {name}")


if __name__ == "__main__":
    sys.exit(main())
