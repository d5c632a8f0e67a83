"""Data quality: broken input is told apart from input that merely moved, and certainty from chance."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from scipy import stats

from selfheal.observe.baseline import Baseline
from selfheal.observe.hours import Hour, Window
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import QualityPolicy
from selfheal.observe.profiles.layout import Categorical, Layout, Numeric, Role
from selfheal.observe.profiles.profile import Rows, empty, profile
from selfheal.observe.quality.checks.judging import Certainty, Share, judge_share
from selfheal.observe.quality.checks.proportion import lower_share, upper_share
from selfheal.observe.quality.data_quality import Context, quality_signals
from selfheal.observe.reference import Champion, make_baseline
from selfheal.observe.signals import SignalKind, Status

NOW = datetime(2013, 3, 1, 12, tzinfo=timezone.utc)
POLICY = QualityPolicy()
TRAINED = 20_000


def keys(rows):
    return [str(row) for row in range(rows)]


def training(seed=1):
    """x ~ N(50, 10), positive; z ~ N(0, 1); mostly: 0 in nine of ten rows; c in a, b, c; score is an output."""
    generator = np.random.default_rng(seed)
    return {
        "x": generator.normal(50, 10, TRAINED).clip(1),
        "z": generator.normal(0, 1, TRAINED),
        "mostly": np.where(generator.random(TRAINED) < 0.9, 0.0, generator.gamma(2, 1, TRAINED)),
        "c": list(generator.choice(["a", "b", "c"], TRAINED)),
        "score": generator.random(TRAINED),
    }


def made_of(columns):
    features = tuple(
        Categorical.of(name, {v: values.count(v) for v in set(values) - {None}})
        if isinstance(values, list)
        else Numeric.of(name, values, Role.OUTPUT if name == "score" else Role.INPUT)
        for name, values in columns.items()
    )
    rows = len(next(iter(columns.values())))
    reference = profile(Layout(features=features), Rows(keys=keys(rows), columns=columns))
    return Baseline(profile=reference, metrics={}, window=("a", "b"))


BASELINE = made_of(training())


def fresh(rows=2000, seed=2):
    """A window like training."""
    return {
        name: values[:rows] if isinstance(values, list) else values[:rows].copy()
        for name, values in training(seed).items()
    }


def window_of(columns, baseline=BASELINE, hours=1, masks=None, **counts):
    rows = len(next(iter(columns.values()), ()))
    start = NOW - timedelta(hours=hours)
    hour = Hour(
        start=start,
        profile=profile(baseline.layout, Rows(keys=keys(rows), columns=columns, **(masks or {}))),
        predictions=Predictions.merge([]),
        **{"newest": NOW - timedelta(minutes=1) if rows else None, **counts},
    )
    return Window(parts=(hour,), start=start, end=NOW)


def judge(columns, policy=POLICY, baseline=BASELINE, usual=None, now=NOW, days=None, **more):
    window = window_of(columns, baseline, **more)
    signals = quality_signals(baseline, window, policy, now, Context(usual_rows_per_hour=usual, days=days))
    assert {signal.kind for signal in signals} <= {SignalKind.DATA_QUALITY}
    for signal in signals:
        json.dumps(signal.to_json(), allow_nan=False)
    return {(signal.subject, signal.statistic): signal for signal in signals}


def those(signals, status):
    return {key for key, signal in signals.items() if signal.status is status}


def breaches(signals):
    return those(signals, Status.BREACH)


class TestHealthyTraffic:
    def test_is_ok_in_every_check_and_the_models_outputs_are_not_judged(self):
        signals = judge(fresh())
        assert those(signals, Status.OK) | those(signals, Status.NO_DATA) == set(signals)
        assert those(signals, Status.NO_DATA) == {("rows", "volume_times")}
        assert {subject for subject, _ in signals} == {"records", "rows", "x", "z", "mostly", "c"}
        assert {statistic for subject, statistic in signals if subject == "x"} == {
            "absent_percent",
            "null_percent",
            "invalid_percent",
            "outside_range_percent",
            "negative_percent",
            "mean_shift_percent",
            "rescaled",
        }

    def test_does_not_cry_wolf_in_a_month_of_hourly_looks(self):
        # The bounds are exact, so this is one chance in a hundred or so at most; the seed fixes it.
        generator = np.random.default_rng(7)
        for hour in range(720):
            window = {
                "x": generator.normal(50, 10, 500).clip(1),
                "z": generator.normal(0, 1, 500),
                "mostly": np.where(generator.random(500) < 0.9, 0.0, generator.gamma(2, 1, 500)),
                "c": list(generator.choice(["a", "b", "c"], 500)),
            }
            signals = judge(window, usual=500.0)
            assert not breaches(signals) | those(signals, Status.WARN), hour

    def test_a_season_that_leads_beyond_the_training_range_is_drift_and_not_broken(self):
        policy = QualityPolicy(mean_shift_percent=200)
        assert breaches(judge({**fresh(), "x": fresh()["x"] + 40}, policy)) == set()


class TestShares:
    def test_one_bad_row_of_three_is_certain_of_little(self):
        share = Share(bad=1, total=3, before=0, trained=1000)
        signal = judge_share("x", "null_percent", share, 10, "are empty", Certainty(alpha=0.001, min_rows=1))
        assert (signal.status, round(signal.value, 1)) == (Status.OK, 33.3)
        assert signal.low < 0.1

    def test_certain_beyond_the_limit_is_a_breach_certain_beyond_training_a_warning(self):
        found = {}
        for nulls in (0, 100, 600):
            window = fresh()
            window["z"][:nulls] = np.nan
            found[nulls] = judge(window)["z", "null_percent"].status
        assert found == {0: Status.OK, 100: Status.WARN, 600: Status.BREACH}

    def test_the_bound_and_not_the_point_must_pass_the_limit(self):
        window = fresh()
        window["z"][:220] = np.nan
        signal = judge(window)["z", "null_percent"]
        assert signal.value == pytest.approx(11.0)
        assert signal.low < signal.threshold == pytest.approx(10.0)
        assert signal.status is Status.WARN
        assert "11.00 % of 2,000 rows are empty" in signal.reason

    def test_nulls_that_training_had_too_are_fine(self):
        columns = training()
        columns["z"][::2] = np.nan
        window = fresh()
        window["z"][::2] = np.nan
        assert judge(window, baseline=made_of(columns))["z", "null_percent"].status is Status.OK

    @pytest.mark.parametrize(("bad", "total"), [(0, 10), (1, 3), (7, 200), (200, 200), (0, 0)])
    def test_bounds_are_those_of_clopper_and_pearson(self, bad, total):
        if total:
            exact = stats.binomtest(bad, total).proportion_ci(1 - 2 * 0.001, method="exact")
            assert lower_share(bad, total, 0.001) == pytest.approx(exact.low, abs=1e-12)
            assert upper_share(bad, total, 0.001) == pytest.approx(exact.high, abs=1e-12)
        else:
            assert (lower_share(0, 0, 0.001), upper_share(0, 0, 0.001)) == (0.0, 1.0)

    @pytest.mark.parametrize(("bad", "total"), [(-1, 3), (4, 3)])
    def test_a_count_that_is_no_share_is_refused(self, bad, total):
        with pytest.raises(ValueError, match="is no share"):
            lower_share(bad, total, 0.01)

    def test_a_limit_that_is_no_number_passes_nothing(self):
        # The settings refuse it; should it come about all the same, it must not read as "fine".
        policy = QualityPolicy()
        for name in ("malformed_percent", "null_percent_above_baseline", "mean_shift_percent"):
            object.__setattr__(policy, name, math.nan)
        object.__setattr__(policy, "mean_shift_deviations", 0.0)
        signals = quality_signals(BASELINE, window_of(fresh()), policy, NOW)
        found = {(s.subject, s.statistic) for s in signals if s.status is Status.BREACH}
        assert {("records", "malformed_percent"), ("c", "null_percent"), ("x", "mean_shift_percent")} <= found


class TestColumns:
    def test_each_bad_value_is_counted_by_one_check(self):
        window, rows = fresh(), 2000
        window["x"][:600] = np.nan
        marks = {"absent": {"x": np.arange(rows) < 300}, "invalid": {"x": np.arange(rows) // 200 == 2}}
        signals = judge(window, masks=marks)
        assert breaches(signals) == {("x", "absent_percent"), ("x", "invalid_percent")}
        assert signals["x", "absent_percent"].value == pytest.approx(15.0)
        assert signals["x", "invalid_percent"].value == pytest.approx(100 * 200 / 1700)
        assert signals["x", "null_percent"].value == pytest.approx(100 * 100 / 1700)

    def test_a_column_that_is_never_there_is_a_breach_and_its_other_checks_have_no_data(self):
        window = fresh()
        del window["x"]
        signals = judge(window, masks={"absent": {"x": np.ones(2000, dtype=bool)}})
        assert breaches(signals) == {("x", "absent_percent")}
        assert {key for key in those(signals, Status.NO_DATA) if key[0] == "x"} == {
            ("x", name)
            for name in ("null_percent", "invalid_percent", "outside_range_percent", "negative_percent")
        }

    def test_categories_that_training_never_saw_are_a_breach_and_named(self):
        window = fresh()
        window["c"][:300] = ["zz"] * 200 + ["yy"] * 100
        signals = judge(window)
        assert breaches(signals) == {("c", "unseen_percent")}
        assert "(yy, zz)" in signals["c", "unseen_percent"].reason

    @pytest.mark.parametrize(
        ("known", "new", "word"),
        [
            (["a", "b"], ["1", "2.5"], "numbers, where training had text"),
            (["1", "2"], ["1.0", "2.0"], "numbers of training, written in another way"),
            (["1", "2"], ["one"], "text, where training had numbers"),
            (["a", "b"], ["A", " b"], "in other letters or with blanks"),
            (["a", "b"], ["q"], "(q)"),
        ],
    )
    def test_the_reason_says_how_values_are_new(self, known, new, word):
        baseline = made_of({"c": known * 1000})
        signal = judge({"c": new * 1000}, baseline=baseline)["c", "unseen_percent"]
        assert signal.status is Status.BREACH
        assert word in signal.reason

    def test_an_identifier_has_no_domain(self):
        baseline = made_of({"c": [str(row) for row in range(3000)]})
        assert ("c", "unseen_percent") not in judge(
            {"c": [f"new{row}" for row in range(500)]}, baseline=baseline
        )

    def test_rare_categories_keep_turning_up(self):
        # Zipf's law: training has hundreds of categories once, so that new ones are to be expected.
        generator = np.random.default_rng(5)
        draw = lambda rows: [str(value) for value in generator.zipf(2.0, rows)]  # noqa: E731
        signal = judge({"c": draw(3000)}, baseline=made_of({"c": draw(5000)}))["c", "unseen_percent"]
        assert signal.value > 0.5
        assert signal.status is Status.OK

    def test_far_beyond_the_training_range_is_a_breach(self):
        window = fresh()
        window["z"][:300] = 9999
        signals = judge(window)
        assert ("z", "outside_range_percent") in breaches(signals)
        assert "from -" in signals["z", "outside_range_percent"].reason

    def test_a_margin_of_nothing_is_the_training_range_itself(self):
        policy = QualityPolicy(range_margin_percent=0, outside_range_percent=5)
        window = fresh()
        window["z"] += 3
        assert ("z", "outside_range_percent") in breaches(judge(window, policy))
        assert judge(fresh(), policy)["z", "outside_range_percent"].status is Status.OK

    def test_negative_values_count_only_where_training_has_none(self):
        window = fresh()
        window["x"][:200] *= -1
        signals = judge(window)
        assert ("x", "negative_percent") in breaches(signals)
        assert ("z", "negative_percent") not in signals


class TestNumbers:
    def test_a_mean_that_moved_by_more_than_the_limit_is_a_breach(self):
        window = fresh()
        window["x"] *= 1.4
        signal = judge(window)["x", "mean_shift_percent"]
        assert signal.status is Status.BREACH
        assert signal.value == pytest.approx(40, abs=2)
        assert signal.threshold < signal.low < signal.value
        assert "mean 69" in signal.reason or "mean 70" in signal.reason

    @pytest.mark.parametrize("factor", [1.29, 1.305, 0.72])
    def test_a_mean_within_the_limit_or_not_certain_to_be_beyond_is_fine(self, factor):
        window = {**fresh(300), "x": fresh(300)["x"] * factor}
        assert judge(window)["x", "mean_shift_percent"].status is Status.OK

    def test_a_mean_near_zero_moves_by_any_number_of_per_cent(self):
        # z's mean in training is zero but for chance; a tenth of a deviation is hundreds of per cent of it.
        signal = judge({**fresh(), "z": fresh()["z"] + 0.1})["z", "mean_shift_percent"]
        assert signal.value > 100
        assert signal.status is Status.OK

    def test_a_small_mean_must_move_in_deviations_too(self):
        rng = np.random.default_rng(3)
        baseline = made_of({"x": rng.normal(0.2, 1, TRAINED)})
        signals = {
            shift: judge({"x": rng.normal(0.2 + shift, 1, 20_000)}, baseline=baseline)[
                "x", "mean_shift_percent"
            ]
            for shift in (0.15, 0.4)
        }
        assert [signals[0.15].status, signals[0.4].status] == [Status.OK, Status.BREACH]
        assert signals[0.15].low > POLICY.mean_shift_percent

    def test_a_constant_zero_has_no_percentage(self):
        baseline = made_of({"x": np.zeros(5000)})
        signal = judge({"x": np.full(500, 0.01)}, baseline=baseline)["x", "mean_shift_percent"]
        assert (signal.status, signal.value) == (Status.OK, None)
        assert "of zero nothing is a percentage" in signal.reason

    def test_a_stuck_sensor_is_a_breach_once_the_window_is_long_enough(self):
        window = {**fresh(), "x": np.full(2000, 51.0)}
        assert ("x", "constant") not in judge(window, hours=POLICY.stuck_hours - 1)
        signals = judge(window, hours=POLICY.stuck_hours)
        assert breaches(signals) == {("x", "constant")}
        assert "all of 2,000 values are 51" in signals["x", "constant"].reason

    def test_an_hour_of_a_busy_endpoint_is_no_reason_and_its_days_are(self):
        still = {**fresh(), "x": np.full(2000, 51.0)}
        days = window_of(still, BASELINE, hours=POLICY.stuck_hours)
        found = judge(still, hours=1, days=days)
        assert breaches(found) == {("x", "constant")}
        assert found["x", "constant"].since == days.start
        moving = window_of(fresh(), BASELINE, hours=POLICY.stuck_hours)
        moved = judge(still, hours=1, days=moving)["x", "constant"]
        assert (moved.status, moved.since) == (Status.OK, None)
        # What moves now is not stuck, whatever it did for days.
        assert ("x", "constant") not in judge(fresh(), hours=1, days=days)

    def test_a_dry_week_is_no_stuck_sensor(self):
        signals = judge({**fresh(), "mostly": np.zeros(2000)}, hours=168)
        assert signals["mostly", "constant"].status is Status.OK

    def test_a_flag_is_never_stuck(self):
        baseline = made_of({"x": np.arange(5000) % 7 + 0.0})
        assert ("x", "constant") not in judge({"x": np.zeros(2000)}, baseline=baseline, hours=168)

    def test_another_unit_is_named(self):
        rng = np.random.default_rng(4)
        baseline = made_of({"x": rng.normal(15, 8, TRAINED)})
        signals = judge({"x": 32 + 1.8 * rng.normal(15, 8, 2000)}, baseline=baseline)
        assert signals["x", "rescaled"].status is Status.BREACH
        assert (
            "1.8 times its training values, plus 32 (celsius to fahrenheit)"
            in signals["x", "rescaled"].reason
        )

    @pytest.mark.parametrize("scale", [1.0, 1e305])
    def test_a_moved_column_is_no_other_unit(self, scale):
        rng = np.random.default_rng(4)
        baseline = made_of({"x": rng.normal(50, 10, TRAINED) * scale})
        signals = judge({"x": rng.normal(65, 10, 2000) * scale}, baseline=baseline)
        assert signals["x", "rescaled"].status is Status.OK


class TestRecords:
    @pytest.mark.parametrize(
        ("counts", "statistic", "word"),
        [
            ({"malformed": 300}, "malformed_percent", "could not be read"),
            ({"duplicates": 500}, "duplicate_percent", "repeat the key"),
            ({"extra_rows": 900, "extra": ("colour", "size")}, "extra_column_percent", "(colour, size)"),
        ],
    )
    def test_records_beyond_their_limit_are_a_breach(self, counts, statistic, word):
        signals = judge(fresh(), **counts)
        assert breaches(signals) == {("records", statistic)}
        assert word in signals["records", statistic].reason

    def test_traffic_of_which_nothing_can_be_read_is_a_breach(self):
        assert breaches(judge({}, malformed=300)) == {("records", "malformed_percent")}

    @pytest.mark.parametrize("rows", [0, 1, 199])
    def test_too_few_rows_are_no_data_and_nothing_else(self, rows):
        signals = judge({"x": np.full(rows, -1e9), "c": ["zz"] * rows} if rows else {})
        assert [signal.status for signal in signals.values()] == [Status.NO_DATA]
        assert f"{rows} rows, 200 are needed" in next(iter(signals.values())).reason

    def test_a_window_without_an_hour_is_no_data(self):
        window = Window(parts=(), start=NOW - timedelta(hours=168), end=NOW)
        (signal,) = quality_signals(BASELINE, window, POLICY, NOW)
        assert signal.status is Status.NO_DATA


class TestArrivals:
    def test_volume_is_not_judged_where_the_usual_is_not_known(self):
        assert judge(fresh())["rows", "volume_times"].status is Status.NO_DATA

    @pytest.mark.parametrize(
        ("usual", "status"),
        [
            (2000.0, Status.OK),
            (450.0, Status.OK),
            (300.0, Status.BREACH),
            (9000.0, Status.OK),
            (12e3, Status.BREACH),
        ],
    )
    def test_many_times_more_or_fewer_rows_are_a_breach(self, usual, status):
        signal = judge(fresh(), usual=usual)["rows", "volume_times"]
        assert signal.status is status
        assert 1 <= signal.low <= signal.value

    def test_a_thin_endpoints_chance_is_no_alarm(self):
        policy = QualityPolicy(volume_times=1.5)
        rng = np.random.default_rng(1)
        for rows in rng.poisson(3, 2000):
            window = window_of({"x": np.full(rows, 50.0)} if rows else {}, hours=1)
            signals = quality_signals(BASELINE, window, policy, NOW, Context(usual_rows_per_hour=3.0))
            assert all(signal.status is not Status.BREACH for signal in signals)

    def test_no_rows_where_many_are_usual_are_a_breach_though_there_is_no_data(self):
        signals = judge({}, usual=1000.0)
        assert breaches(signals) == {("rows", "volume_times")}
        assert signals["rows", "count"].status is Status.NO_DATA

    def test_silence_is_a_breach_after_the_limit(self):
        for hours, expected in ((23, Status.OK), (25, Status.BREACH)):
            silent = {"newest": NOW - timedelta(hours=hours), "hours": 48}
            assert judge(fresh(), **silent)["rows", "silent_hours"].status is expected

    def test_a_long_silence_that_may_be_chance_is_none(self):
        signal = judge(fresh(300), newest=NOW - timedelta(hours=30), hours=168, usual=0.1)[
            "rows", "silent_hours"
        ]
        assert signal.status is Status.OK
        assert "may be chance" in signal.reason

    def test_a_clock_that_is_ahead_is_no_silence(self):
        assert judge(fresh(), newest=NOW + timedelta(hours=1))["rows", "silent_hours"].value == 0.0


def test_many_columns_divide_the_chance_of_a_false_certainty():
    one = made_of({"x": training()["x"]})
    bad = fresh()["x"]
    bad[:60] = np.nan
    alone = judge({"x": bad}, baseline=one)["x", "null_percent"].low
    assert judge({**fresh(), "x": bad})["x", "null_percent"].low < alone


def test_the_profile_of_no_rows_has_no_share():
    assert empty(BASELINE.layout).rows == 0
    assert those(judge({}, malformed=1000), Status.WARN) == set()


def thermometer(hours, seed=11):
    """So many hours of 12 rows: a temperature that wanders, in Fahrenheit."""
    generator = np.random.default_rng(seed)
    levels = 60 + np.cumsum(generator.normal(0, 1.5, hours)) * 0.5
    return [level + generator.normal(0, 2, 12) for level in levels]


def test_a_new_unit_is_seen_within_hours_where_hours_are_thin():
    rows = thermometer(700)
    layout = Layout(features=(Numeric.of("temp", np.concatenate(rows[:600])),))
    start = datetime(2013, 2, 1, tzinfo=timezone.utc)
    seen = [
        Hour(
            start=start + timedelta(hours=place),
            newest=start + timedelta(hours=place, minutes=59),
            profile=profile(
                layout, Rows(keys=keys(12), columns={"temp": (each - 32) / 1.8 if broken else each})
            ),
            predictions=Predictions.merge([]),
        )
        for place, (each, broken) in enumerate(zip(rows, [False] * 680 + [True] * 20, strict=True))
    ]
    trained = [(hour.number, hour.profile) for hour in seen[:600]]
    baseline = make_baseline(trained, [], Champion(metrics={}, window=("a", "b")))
    policy = QualityPolicy(min_rows=100)

    def units(end):
        hours = seen[600:end]
        window = Window(
            parts=tuple(hours[-24:]), start=hours[-24].start, end=hours[-1].start + timedelta(hours=1)
        )
        signals = quality_signals(baseline, window, policy, window.end, Context(hours=hours))
        return [s for s in signals if s.statistic == "rescaled" and s.status is Status.BREACH]

    assert units(680) == []
    assert units(682) == []
    [found] = units(686)
    assert found.subject == "temp"
    assert "fahrenheit to celsius" in found.reason
    assert f"since {seen[680].start:%Y-%m-%d %H}:00" in found.reason
    assert found.since == seen[680].start
