"""The golden set that a package carries: training rows that show what there is, with the model's own answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.steps.workload import Workload
from selfheal.verify.golden import GoldenSet

# A few dozen: one request of an ordinary size.
ROWS = 48
SEED = 1
# What lies beyond this share of a feature's values, on either side, is its tail.
TAIL = 0.01
Mask = NDArray[np.bool_]


def golden_set(
    train: pd.DataFrame, workload: Workload, score: Callable[[Sequence[Sequence[str]]], NDArray[np.float64]]
) -> GoldenSet:
    """Rows of the training set, and what the model says of them.

    Args:
        train: rows as text, with the workload's columns.
        score: the model, through its own serving code.
    """
    rows = train.iloc[chosen(train, workload)][workload.names].to_numpy().tolist()
    return GoldenSet(rows=tuple(map(line, rows)), answers=tuple(score(rows).tolist()))


def chosen(train: pd.DataFrame, workload: Workload) -> list[int]:
    """Places of `ROWS` rows, or of all where there are fewer.

    Features take turns: of each its most telling sight that no row shows yet, the tails and what is missing of a
    number, the most frequent of the categories that are left. What remains is filled with any rows. Which of
    several rows is taken is drawn, by a seed, so that the same training set makes the same golden set.
    """
    order = np.random.default_rng(SEED).permutation(len(train))
    shuffled = train.iloc[order]
    found = list[int]()
    sights = [list(_sights(shuffled[name], name in workload.categorical)) for name in workload.names]
    for turn in range(max(map(len, sights))):
        for seen in (each[turn] for each in sights if turn < len(each)):
            if len(found) < ROWS and not seen[found].any():
                found.append(int(seen.argmax()))
    taken = set(found)
    fill = (place for place in range(len(order)) if place not in taken)
    found += [place for place, _ in zip(fill, range(ROWS - len(found)), strict=False)]
    return sorted(order[found].tolist())


def _sights(texts: pd.Series[str], categorical: bool) -> Iterator[Mask]:
    """What a feature has to show, the most telling first: which rows show it; at least one does."""
    if categorical:
        for value in texts.value_counts().index[:ROWS]:
            yield (texts == value).to_numpy()
        return
    numbers = pd.to_numeric(texts.replace("", None), errors="coerce").to_numpy(dtype=np.float64)
    missing = np.isnan(numbers)
    if not missing.all():
        low, high = np.nanquantile(numbers, (TAIL, 1 - TAIL))
        yield numbers <= low
        yield numbers >= high
    if missing.any():
        yield missing


def line(row: Sequence[str]) -> str:
    """A row as a line of CSV, as requests carry it."""
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(row)
    return written.getvalue()
