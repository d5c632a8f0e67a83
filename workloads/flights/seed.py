"""Write the seed: the labelled flights that the first champion learns from.

    python -m workloads.flights.seed

The file is part of the repository, so that synthesis needs no data package; a test makes it anew.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from workloads.flights.data import FEATURES, SEED_END, flights

SEED = Path(__file__).parent / "seed.csv.gz"


def seed_csv() -> bytes:
    """The seed as CSV: flights that arrived before the replay begins, in order of their schedule."""
    rows = flights()
    rows = rows[(rows["scheduled_at"] < SEED_END) & rows["late"].notna()].copy()
    rows["scheduled_at"] = rows["scheduled_at"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    rows["late"] = rows["late"].astype(int)
    return bytes(rows[["scheduled_at", *FEATURES, "late"]].to_csv(index=False, lineterminator="\n").encode())


if __name__ == "__main__":
    # No time in the header: the same seed is the same file.
    SEED.write_bytes(gzip.compress(seed_csv(), compresslevel=9, mtime=0))
    print(f"wrote {SEED} ({SEED.stat().st_size} bytes)")  # noqa: T201
