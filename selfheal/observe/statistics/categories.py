r"""Categories that are new in a window, and those that vanished from it.

Whether chance explains that one side never saw a category is judged by Fisher's exact argument: if nothing
changed, every one of its c rows was as likely to be any of the n + m rows, so that all of them lie on the
side of n rows with probability

$$ \binom{n}{c} \Big/ \binom{n + m}{c} $$

A category with one baseline row in 20,000 is absent from a window of 2,000 with probability 0.91: no news.

Source: R. A. Fisher, "Statistical Methods for Research Workers", section 21.02 (5th edition, 1934).

>>> change = compare_categories({"a": 900, "b": 90, "c": 10}, {"a": 95, "d": 5})
>>> [(new.name, new.rows) for new in change.new]
[('d', 5)]
>>> [(gone.name, gone.rows, round(gone.chance, 4)) for gone in change.vanished]
[('b', 90, 0.0001), ('c', 10, 0.384)]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from selfheal.observe.statistics.shares import Counts


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """A category that one side never saw.

    Attributes:
        name: of the category.
        rows: it has on the side that saw it.
        share: of that side's rows.
        chance: probability of its absence from the other side if nothing changed, for this one category;
            with many categories correct for their number.
    """

    name: str
    rows: int
    share: float
    chance: float


@dataclass(frozen=True, kw_only=True)
class CategoryChange:
    """Attributes:
    new: categories of the window alone, most rows first, then by name.
    vanished: categories of the baseline alone, in the same order.
    """

    new: tuple[OneSided, ...]
    vanished: tuple[OneSided, ...]


def compare_categories(baseline: Mapping[str, int], window: Mapping[str, int]) -> CategoryChange:
    """What each side holds that the other does not. A category that counts 0 rows is absent.

    Raises:
        ValueError: a count is negative, or one side has no rows.
    """
    n, m = _rows("baseline", baseline), _rows("window", window)
    return CategoryChange(new=_one_sided(window, baseline, m, n), vanished=_one_sided(baseline, window, n, m))


def align_categories(baseline: Mapping[str, int], window: Mapping[str, int]) -> tuple[Counts, Counts]:
    """Counts of both sides over all their categories, in the order of the names, for the statistics that
    take arrays.

    >>> align_categories({"b": 2, "a": 1}, {"c": 3, "a": 4})
    (array([1, 2, 0]), array([4, 0, 3]))
    """
    names = sorted({*baseline, *window})
    before, after = (
        np.array([side.get(name, 0) for name in names], dtype=np.int64) for side in (baseline, window)
    )
    return before, after


def _rows(side: str, counts: Mapping[str, int]) -> int:
    if any(rows < 0 for rows in counts.values()):
        raise ValueError(f"{side} holds a negative count of {min(counts, key=lambda name: counts[name])!r}")
    total = sum(counts.values())
    if total == 0:
        raise ValueError(f"{side} is empty: at least one value a side is needed")
    return total


def _one_sided(
    seen: Mapping[str, int], unseen: Mapping[str, int], seen_rows: int, unseen_rows: int
) -> tuple[OneSided, ...]:
    names = _ordered(seen, (name for name, rows in seen.items() if rows and not unseen.get(name)))
    chances = _absence([seen[name] for name in names], seen_rows, unseen_rows)
    return tuple(
        OneSided(name=name, rows=seen[name], share=seen[name] / seen_rows, chance=chance)
        for name, chance in zip(names, chances, strict=True)
    )


def _ordered(counts: Mapping[str, int], names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-counts[name], name))


def _absence(rows: list[int], n: int, m: int) -> list[float]:
    """The ratio of binomial coefficients for each number of rows, through logarithms of gamma functions."""
    c = np.asarray(rows, dtype=np.float64)
    logs = gammaln(n + 1) - gammaln(n - c + 1) - gammaln(n + m + 1) + gammaln(n + m - c + 1)
    return np.exp(np.minimum(logs, 0.0)).tolist()  # type: ignore[no-any-return]
