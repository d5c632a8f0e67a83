"""Reading a baseline that Model Monitor itself made, so that a team can bring the one it has.

`statistics.json` becomes a layout and a profile, `constraints.json` what is allowed of each input. Numeric
features get the bins of the KLL sketch (256 quantiles of its items) where there is a true one, else those of
the ten buckets: drift is then seen at their bounds alone, and what needs finer bins (a stuck sensor, a
changed unit) is not looked for. Moments are those of the file. There are no rows behind it, so that a
changed correlation cannot be seen, and no rhythm of the week.

Formats: "Schema for statistics" and "Schema for constraints" of Amazon SageMaker Model Monitor, developer
guide. The items of a sketch at level i stand for 2^i values each: Z. Karnin, K. Lang, E. Liberty, "Optimal
quantile approximation in streams", FOCS 2016.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.profiles.json_place import Place
from selfheal.observe.profiles.layout import (
    BINS,
    OUTER,
    BaselineError,
    Categorical,
    Counts,
    Feature,
    Floats,
    Layout,
    Numeric,
)
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.profiles.row_sample import RowSample
from selfheal.observe.quality.constraints import Constraint, InferredType

SKETCH_ERROR = 0.01
"""A sketch whose weights miss the number of values by more than this is another tool's, whose levels mean
something else: the buckets are taken in its stead."""


@dataclass(frozen=True, kw_only=True)
class MonitorBaseline:
    """What Model Monitor knows of the training data.

    Attributes:
        profile: of its features, all of them inputs, in the file's order: that of a payload without names.
        constraints: by feature; one that `constraints.json` leaves out is not judged by data quality.
        from_sketch: names of the numeric features whose bins come from a sketch.
    """

    profile: Profile
    constraints: Mapping[str, Constraint]
    from_sketch: frozenset[str]


def read_monitor_baseline(statistics: str | bytes, constraints: str | bytes) -> MonitorBaseline:
    """The baseline of both files' text.

    Raises:
        BaselineError: a file is not what Model Monitor writes, or the two do not belong together; the
            message names the file, the place in it, and what is expected there.
    """
    rules = Place.read("constraints.json", constraints)
    allowed = {each["name"].text(): each for each in rules["features"].each()}
    document = Place.read("statistics.json", statistics)
    rows = document["dataset"]["item_count"].count()
    columns = [_column(each, rows, allowed) for each in document["features"].each()]
    names = [column.feature.name for column in columns]
    if not names:
        raise document["features"].wrong("at least one feature")
    if len(set(names)) < len(names):
        raise BaselineError(f"statistics.json: features: two are named {_repeated(names)}: keep one of them")
    for name, place in allowed.items():
        if name not in names:
            raise place["name"].wrong("a feature of statistics.json: take it out, or baseline again")
    return MonitorBaseline(
        profile=_profile(columns, rows),
        constraints={
            c.feature.name: _rule(allowed[c.feature.name], c) for c in columns if c.feature.name in allowed
        },
        from_sketch=frozenset(column.feature.name for column in columns if column.sketched),
    )


@dataclass(frozen=True, kw_only=True)
class _Column:
    feature: Feature
    counts: Counts
    missing: int
    inferred: InferredType
    first: int = 0
    second: int = 0
    negative: int = 0
    low: float = np.inf
    high: float = -np.inf
    sketched: bool = False

    @property
    def completeness(self) -> float:
        present = int(self.counts.sum())
        return present / max(1, present + self.missing)


def _column(place: Place, rows: int, allowed: Mapping[str, Place]) -> _Column:
    name = place["name"].text()
    kind = "string_statistics" if place.has("string_statistics") else "numerical_statistics"
    body = place[kind]
    present = body["common"]["num_present"].count()
    missing = body["common"]["num_missing"].count()
    if present + missing != rows:
        raise body["common"].wrong(f"counts that add up to dataset.item_count, {rows}: baseline again")
    inferred = _type(place["inferred_type"])
    if kind == "string_statistics":
        return _textual(name, body, (present, missing), inferred, allowed.get(name))
    if not present:
        raise body["common"]["num_present"].wrong(
            "a value to make bins of: take the feature out of both files"
        )
    return _numerical(name, body, (present, missing), inferred)


def _type(place: Place) -> InferredType:
    try:
        return InferredType(place.text())
    except ValueError:
        raise place.wrong(f"one of {', '.join(kind.value for kind in InferredType)}") from None


def _textual(
    name: str, body: Place, common: tuple[int, int], inferred: InferredType, rule: Place | None
) -> _Column:
    present, missing = common
    counts: dict[str, int] = {}
    if body.has("distribution"):
        for bucket in body["distribution"]["categorical"]["buckets"].each():
            counts[bucket["value"].text()] = bucket["count"].count()
    if sum(counts.values()) > present:
        raise body["distribution"].wrong(f"buckets of no more than num_present, {present}, values")
    complete = sum(counts.values()) == present
    domain = _domain(rule)
    for value in domain or ():
        counts.setdefault(value, 0)
    if counts:
        feature = Categorical.of(name, counts)
        is_open = feature.is_open or not (complete or domain)
        feature = Categorical(name=name, categories=feature.categories, is_open=is_open)
    else:
        feature = Categorical(name=name, categories=(), is_open=True)
    bins = np.array([counts[category] for category in feature.categories] + [0], dtype=np.int64)
    bins[-1] = present - bins.sum()
    return _Column(feature=feature, counts=bins, missing=missing, inferred=inferred)


def _numerical(name: str, body: Place, common: tuple[int, int], inferred: InferredType) -> _Column:
    present, missing = common
    kll = body["distribution"]["kll"]
    uppers, weights = _buckets(kll["buckets"])
    low, high = body["min"].number(), body["max"].number()
    if not low <= high:
        raise body["min"].wrong(f"no more than max, {high:g}")
    items = (
        _items(kll["sketch"]["data"], present) if kll.has("sketch") and kll["sketch"].has("data") else None
    )
    if items is not None:
        uppers, weights = _quantiles(*items)
    # Bins are closed above: what lies on a bucket's upper bound belongs to the next, but for the last.
    tops = uppers if items is not None else np.nextafter(uppers, -np.inf)
    frame = Numeric.of(name, np.array([low, high]))
    inside = (tops > low if items is None else tops >= low) & (uppers < high) & _last_of_equals(tops)
    cuts = np.concatenate((frame.cuts[: OUTER + 1], tops[inside], [high], frame.cuts[-OUTER:]))
    levels = np.concatenate((np.cumsum(weights)[inside], [weights.sum()])) / weights.sum()
    inner = np.diff(np.rint(levels * present).astype(np.int64), prepend=0)
    outer = np.zeros(OUTER + 1, dtype=np.int64)
    feature = Numeric(name=name, cuts=cuts, unit=frame.unit)
    mean, deviation = body["mean"].number(), body["std_dev"].number()
    first, second = _sums(present, mean, deviation, feature.unit)
    below_zero = int(inner[np.append(tops[inside], high) < 0].sum())
    return _Column(
        feature=feature,
        counts=np.concatenate((outer, inner, outer)),
        missing=missing,
        inferred=inferred,
        first=first,
        second=second,
        negative=max(1, below_zero) if low < 0 else 0,
        low=low,
        high=high,
        sketched=items is not None,
    )


def _buckets(place: Place) -> tuple[Floats, Floats]:
    """Upper bounds and counts of the buckets, which must be in order and hold something."""
    found = [
        (each["lower_bound"].number(), each["upper_bound"].number(), each["count"].count())
        for each in place.each()
    ]
    uppers = np.array([upper for _, upper, _ in found])
    counts = np.array([count for _, _, count in found], dtype=np.float64)
    if not found or counts.sum() == 0:
        raise place.wrong("buckets that hold the values that are there")
    if any(lower > upper for lower, upper, _ in found) or (np.diff(uppers) < 0).any():
        raise place.wrong("buckets in ascending order")
    return uppers, counts


def _last_of_equals(ascending: Floats) -> NDArray[np.bool_]:
    return np.append(np.diff(ascending) > 0, True)


def _items(place: Place, present: int) -> tuple[Floats, Floats] | None:
    """The sketch's items in order and the values that each stands for; None where it is not of these values."""
    values: list[float] = []
    weights: list[float] = []
    for level, items in enumerate(place.each()):
        found = [item.number() for item in items.each()]
        values += found
        weights += [2.0**level] * len(found)
    if abs(sum(weights) - present) > SKETCH_ERROR * present:
        return None
    order = np.argsort(np.array(values), kind="stable")
    return np.array(values)[order], np.array(weights)[order]


def _quantiles(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The items' quantiles, each once, and how many values lie between one and the next. A value that fills
    more than a bin has one to itself, as in the layout of training data."""
    levels = np.append(0.0, np.cumsum(weights))
    wanted = np.searchsorted(
        levels[1:], levels[-1] * np.arange(1, BINS + 1) / BINS * (1 - 1e-12), side="left"
    )
    quantiles = values[wanted]
    heavy = quantiles[:-1][quantiles[1:] == quantiles[:-1]]
    tops = np.unique(np.concatenate((np.nextafter(heavy, -np.inf), quantiles)))
    return tops, np.diff(levels[np.searchsorted(values, tops, side="right")], prepend=0.0)


def _sums(count: int, mean: float, deviation: float, unit: float) -> tuple[int, int]:
    """Sums in fixed point that have this mean and deviation, to within the unit."""
    first = round(count * Fraction(mean) / Fraction(unit))
    spread = round(count * (Fraction(deviation) / Fraction(unit)) ** 2)
    return first, -(-first * first // count) + spread


def _domain(rule: Place | None) -> tuple[str, ...] | None:
    if rule is None or not rule.has("string_constraints") or not rule["string_constraints"].has("domains"):
        return None
    return tuple(value.text() for value in rule["string_constraints"]["domains"].each())


def _rule(place: Place, column: _Column) -> Constraint:
    """What the file says of a feature; where it says nothing, what the statistics do."""
    completeness = column.completeness
    if place.has("completeness"):
        completeness = place["completeness"].number()
        if not 0 <= completeness <= 1:
            raise place["completeness"].wrong("a share from 0 to 1")
    kind = _type(place["inferred_type"]) if place.has("inferred_type") else column.inferred
    if isinstance(column.feature, Categorical):
        domain = _domain(place)
        if domain is None and not column.feature.is_open:
            domain = column.feature.categories
        return Constraint(inferred_type=kind, completeness=completeness, domain=domain)
    positive = False
    if place.has("num_constraints") and place["num_constraints"].has("is_non_negative"):
        positive = place["num_constraints"]["is_non_negative"].truth()
    return Constraint(inferred_type=kind, completeness=completeness, non_negative=positive)


def _profile(columns: list[_Column], rows: int) -> Profile:
    none = np.zeros(len(columns), dtype=np.int64)
    return Profile(
        layout=Layout(features=tuple(column.feature for column in columns)),
        rows=rows,
        counts=np.concatenate([column.counts for column in columns]),
        missing=np.array([column.missing for column in columns], dtype=np.int64),
        invalid=none,
        absent=none,
        negative=np.array([column.negative for column in columns], dtype=np.int64),
        sums=tuple(column.first for column in columns),
        squares=tuple(column.second for column in columns),
        low=np.array([column.low for column in columns]),
        high=np.array([column.high for column in columns]),
        unseen={},
        sample=RowSample.empty(len(columns)),
    )


def _repeated(names: list[str]) -> str:
    return next(name for name in names if names.count(name) > 1)
