"""Every statistic of every feature, for people who want to look for themselves; signals judge some of them."""

from __future__ import annotations

import math
from typing import Any

from selfheal.observe.profiles.layout import Categorical, Counts, Numeric
from selfheal.observe.profiles.profile import Profile
from selfheal.observe.statistics.categories import compare_categories
from selfheal.observe.statistics.chi_square import chi_square
from selfheal.observe.statistics.jensen_shannon import jensen_shannon_distance
from selfheal.observe.statistics.kolmogorov_smirnov import ks_distance, ks_p_value
from selfheal.observe.statistics.kullback_leibler import kullback_leibler
from selfheal.observe.statistics.l_infinity import l_infinity_categorical, l_infinity_numeric
from selfheal.observe.statistics.mean_shift import Moments, mean_shift
from selfheal.observe.statistics.stability_index import group_bins, stability_index
from selfheal.observe.statistics.wasserstein import normalized, wasserstein_from_counts

# Intervals of the mean's shift, two-sided.
ALPHA = 0.05


def measures(reference: Profile, window: Profile) -> list[dict[str, Any]]:
    """Statistics by feature, as JSON; a feature without a value on either side has none.

    Logarithms are natural (`kl`, in nats) but for the Jensen-Shannon distance (base 2). `wasserstein` and
    `mean_shift_sd` are in the training data's deviations.
    """
    return [
        {"feature": feature.name, **_measure(reference, window, place, feature)}
        for place, feature in enumerate(window.layout.features)
        if reference.of(place).any() and window.of(place).any()
    ]


def _measure(
    reference: Profile, window: Profile, place: int, feature: Numeric | Categorical
) -> dict[str, Any]:
    before, after = reference.of(place), window.of(place)
    rows = {"rows": int(after.sum()), "missing": int(window.missing[place])}
    if isinstance(feature, Categorical):
        return rows | _categorical(before, after, feature, window.unseen.get(feature.name, ()))
    return rows | _numeric(before, after) | _moments(reference, window, place, feature)


def _numeric(before: Counts, after: Counts) -> dict[str, Any]:
    distance = ks_distance(before, after)
    grouped = group_bins(before, after)
    return {
        "ks": distance,
        "ks_p_value": ks_p_value(distance, float(before.sum()), float(after.sum())),
        "psi": stability_index(*grouped),
        "kl": kullback_leibler(*grouped),
        "js": jensen_shannon_distance(*grouped),
        "l_infinity": l_infinity_numeric(before, after, "Simple"),
        "l_infinity_robust": l_infinity_numeric(before, after, "Robust"),
    }


def _moments(reference: Profile, window: Profile, place: int, feature: Numeric) -> dict[str, Any]:
    before, after = (_sample(side, place) for side in (reference, window))
    distance = wasserstein_from_counts(reference.of(place), window.of(place), feature.cuts)
    shift = mean_shift(before, after, ALPHA)
    estimates = {"mean_shift_sd": shift.deviations, "mean_shift_percent": shift.percent}
    return {
        "wasserstein": _finite(normalized(distance, before.deviation)),
        "mean": after.mean,
        "deviation": after.deviation,
        "low": float(window.low[place]),
        "high": float(window.high[place]),
        **{
            name: {"value": _finite(each.value), "low": _finite(each.low), "high": _finite(each.high)}
            for name, each in estimates.items()
        },
    }


def _sample(side: Profile, place: int) -> Moments:
    rows = side.present(place)
    mean, deviation = side.moments(place)
    # Profiles have the population's deviation; of one row there is no other.
    return Moments(rows=rows, mean=mean, deviation=deviation * math.sqrt(rows / max(1, rows - 1)))


def _categorical(
    before: Counts, after: Counts, feature: Categorical, unseen: tuple[str, ...]
) -> dict[str, Any]:
    test = chi_square(before, after)
    names = (*feature.categories, "(others)")
    change = compare_categories(_counted(names, before), _counted(names, after))
    return {
        "psi": stability_index(before, after),
        "js": jensen_shannon_distance(before, after),
        "l_infinity": l_infinity_categorical(before, after, "Simple"),
        "l_infinity_robust": l_infinity_categorical(before, after, "Robust"),
        "chi_square": test.statistic,
        "chi_square_p_value": test.p_value,
        "cramers_v": test.cramers_v,
        "unseen": list(unseen),
        "vanished": [{"name": each.name, "chance": each.chance} for each in change.vanished],
    }


def _counted(names: tuple[str, ...], counts: Counts) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
