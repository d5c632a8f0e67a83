"""Predictions, their outcomes, and the join: late, twice, or never."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from selfheal.observe.performance.outcomes import (
    Outcomes,
    Predictions,
    PredictionsError,
    hash_of,
    join,
    microseconds,
)

NOW = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)


def hours_ago(*hours):
    return np.array([microseconds(NOW - hour * HOUR) for hour in hours], dtype=np.int64)


def predictions(keys, hours, values=None):
    values = np.linspace(0.1, 0.9, len(keys)) if values is None else np.array(values, dtype=float)
    return Predictions(keys=tuple(keys), at=hours_ago(*hours), values=values)


def outcomes(keys, labels, hours):
    return Outcomes(keys=tuple(keys), labels=np.array(labels, dtype=float), at=hours_ago(*hours))


# --- join


def test_matured_predictions_find_their_labels_in_the_order_of_the_predictions():
    joined = join(
        predictions("abc", (30, 29, 28), (0.1, 0.2, 0.3)), outcomes("cax", (1, 0, 1), (2, 2, 2)), NOW, 24
    )
    assert joined.values.tolist() == [0.1, 0.3]
    assert joined.labels.tolist() == [0.0, 1.0]
    assert (joined.matured, joined.coverage) == (3, pytest.approx(2 / 3))


def test_a_young_prediction_is_not_judged_though_its_label_is_in():
    joined = join(predictions("ab", (25, 23), (0.1, 0.2)), outcomes("ab", (1, 1), (1, 1)), NOW, 24)
    assert joined.values.tolist() == [0.1]
    assert joined.young.tolist() == [0.2]
    assert joined.matured == 1


def test_a_prediction_matures_at_the_very_moment():
    assert join(predictions("a", (24,)), outcomes("", (), ()), NOW, 24).matured == 1
    late = Predictions(keys=("a",), at=hours_ago(24) + 1, values=np.array([0.5]))
    assert join(late, outcomes("", (), ()), NOW, 24).matured == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_label_that_was_collected_last_wins_whatever_the_order_of_arrival(order):
    labels, hours = np.array([0.0, 1.0])[list(order)], np.array([10, 5])[list(order)]
    joined = join(predictions("a", (30,)), outcomes("aa", labels, hours), NOW, 24)
    assert joined.labels.tolist() == [1.0]
    # The outcome was known after 20 hours, and corrected after 25.
    assert joined.delay_median_hours == 20.0


def test_of_labels_of_one_moment_the_later_in_order_wins():
    joined = join(predictions("a", (30,)), outcomes("aaa", (0, 1, 0), (5, 5, 5)), NOW, 24)
    assert joined.labels.tolist() == [0.0]


def test_a_label_that_is_collected_after_now_is_not_known_yet():
    joined = join(predictions("a", (30,)), outcomes("aa", (0, 1), (1, -1)), NOW, 24)
    assert joined.labels.tolist() == [0.0]


def test_delays_are_those_of_matured_predictions_and_never_negative():
    keys = [f"k{place}" for place in range(11)]
    arrived = [40 - delay for delay in range(10)] + [1]
    joined = join(
        predictions(keys, [40] * 10 + [2]), outcomes(keys, [1] * 11, [*arrived[:9], 41, 1]), NOW, 24
    )
    assert joined.delay_median_hours == pytest.approx(np.quantile([*range(9), 0], 0.5))
    assert joined.delay_p90_hours == pytest.approx(np.quantile([*range(9), 0], 0.9))


def test_nothing_joins_to_nothing_and_has_no_coverage():
    joined = join(Predictions.merge([]), Outcomes.merge([]), NOW, 24)
    assert (joined.matured, joined.coverage, joined.delay_median_hours) == (0, None, None)
    assert joined.values.shape == joined.labels.shape == (0,)


def test_labels_that_stopped_show_as_coverage():
    joined = join(predictions("abcd", (30,) * 4), outcomes("a", (1,), (5,)), NOW, 24)
    assert joined.coverage == 0.25


def test_class_probabilities_are_joined_as_rows():
    values = [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]]
    joined = join(predictions("ab", (30, 30), values), outcomes("b", (2,), (5,)), NOW, 24)
    assert joined.values.tolist() == [[0.1, 0.8, 0.1]]


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(PredictionsError, match="has no zone"):
        join(predictions("a", (30,)), outcomes("", (), ()), NOW.replace(tzinfo=None), 24)


# --- predictions


def test_a_key_that_comes_twice_counts_once_and_the_later_prediction_wins():
    early, late = predictions("ab", (5, 4), (0.1, 0.2)), predictions("ca", (3, 2), (0.3, 0.4))
    for parts in ([early, late], [late, early]):
        merged = Predictions.merge(parts)
        assert dict(zip(merged.keys, merged.values, strict=True)) == {"a": 0.4, "b": 0.2, "c": 0.3}
    assert Predictions.merge([early, late]).keys == ("a", "b", "c")


def test_of_predictions_of_one_moment_the_later_part_wins():
    one, two = predictions("a", (5,), (0.1,)), predictions("a", (5,), (0.9,))
    assert Predictions.merge([one, two]).values.tolist() == [0.9]


def test_an_empty_hour_merges_with_any_shape_and_two_shapes_do_not():
    three = predictions("a", (5,), [[0.1, 0.2, 0.7]])
    assert Predictions.merge([Predictions.merge([]), three]) == three
    with pytest.raises(PredictionsError, match="different shapes"):
        Predictions.merge([three, predictions("b", (5,), (0.5,))])


def many(start, rows, hours=30):
    keys = [f"k{place}" for place in range(start, start + rows)]
    return Predictions(keys=tuple(keys), at=np.repeat(hours_ago(hours), rows), values=np.arange(rows) / rows)


def test_a_cut_keeps_the_smallest_hashes_in_their_order():
    whole = many(0, 1000)
    kept = whole.cut(50)
    hashes = hash_of(whole.keys)
    assert kept.keys == tuple(
        key for key, hash_ in zip(whole.keys, hashes, strict=True) if hash_ < np.sort(hashes)[50]
    )
    assert len(kept) == 50
    assert kept.kept_share == pytest.approx(0.05, rel=0.5)
    assert whole.cut(1000) is whole


def test_a_window_of_a_cut_hour_and_a_thin_one_is_a_uniform_sample_of_both():
    busy, thin = many(0, 20_000).cut(1000), many(20_000, 2000)
    merged = Predictions.merge([busy, thin])
    from_thin = sum(int(key[1:]) >= 20_000 for key in merged.keys)
    # Kept whole, the thin hour would be two thirds of the window; it is one eleventh of the traffic.
    assert from_thin / len(merged) == pytest.approx(1 / 11, abs=0.03)
    assert len(merged) / merged.kept_share == pytest.approx(22_000, rel=0.1)


def test_a_cut_is_unbiased():
    whole = many(0, 50_000)
    assert whole.cut(5000).values.mean() == pytest.approx(whole.values.mean(), abs=4 * 0.29 / 5000**0.5)


def test_a_cut_to_nothing_is_refused():
    with pytest.raises(PredictionsError, match="keep one at least"):
        many(0, 5).cut(0)


@pytest.mark.parametrize("values", [[0.1, np.nan], [[0.1, 0.2, 0.7], [0.0, 0.0, 1.0]]])
def test_predictions_survive_json_to_the_bit(values):
    one = predictions(("ü", "b#1"), (5, 4), values)
    assert Predictions.from_json(json.loads(json.dumps(one.to_json()))) == one
    cut = many(0, 100).cut(10)
    assert Predictions.from_json(json.loads(json.dumps(cut.to_json()))) == cut


def test_a_large_hour_is_a_small_file():
    rows = 20_000
    text = json.dumps(many(0, rows).to_json())
    assert len(text) < rows * (2 * 8 * 4 / 3 + 12)


@pytest.mark.parametrize(
    "change", [{"at": "!"}, {"values": None}, {"classes": "x"}, {"limit": "x"}, {"keys": 3}]
)
def test_what_is_no_predictions_is_refused(change):
    with pytest.raises(PredictionsError):
        Predictions.from_json({**predictions("ab", (5, 4)).to_json(), **change})


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(PredictionsError, match="2 keys"):
        Predictions(keys=("a", "b"), at=hours_ago(1), values=np.array([0.1, 0.2]))
    with pytest.raises(PredictionsError, match="2 keys"):
        outcomes("ab", (1,), (1, 1))


def test_predictions_are_never_mistaken_for_others():
    one = predictions("a", (5,), (0.1,))
    assert one != predictions("a", (5,), (0.2,))
    assert one != predictions("a", (4,), (0.1,))
    assert one != "a"
