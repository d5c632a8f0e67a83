"""What is counted: rules against their oracles, delays, shares, and the rows."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from bench.detection import kept as kept_module
from bench.detection import scoring, watch
from bench.detection.kept import Kept
from bench.detection.protocol import Level, Reference, Window
from bench.detection.rivals import RIVALS
from bench.detection.rules import BONFERRONI, KS, PSI, ROBUST, RULES, PlainRules
from bench.detection.scenarios import SCENARIOS
from bench.detection.table import rows
from bench.detection.tasks import OURS, Key, Task, Watch
from bench.detection.traffic import Month


def seen(levels, onset=None) -> Watch:
    return Watch(levels=np.array(levels, np.int8), onset=onset)


def reference(values, categorical=frozenset()) -> Reference:
    names = [str(place) for place in range(values.shape[1])]
    return Reference(values=values, at=np.zeros(len(values), int), names=names, categorical=categorical)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.06, 0.1, 0.5])
def test_plain_rules_agree_with_scipy_and_the_formulas(shift: float) -> None:
    rng = np.random.default_rng(int(1000 * shift))
    before, now = rng.normal(size=(20_000, 1)), rng.normal(shift, size=(2_000, 1))
    sight = PlainRules(reference(before)).look(Window(values=now, at=0))
    ks = stats.ks_2samp(before[:, 0], now[:, 0], method="asymp")
    edges = np.quantile(before[:, 0], np.arange(1, 10) / 10)
    share = np.bincount(np.searchsorted(edges, now[:, 0]), minlength=10) / 2_000
    assert sight.alarms[KS] == (ks.pvalue < 0.05)
    assert sight.alarms[BONFERRONI] == (ks.pvalue < 0.05)  # one feature
    assert sight.alarms[PSI] == (np.sum((share - 0.1) * np.log(share / 0.1)) > 0.2)
    assert sight.alarms[ROBUST] == (ks.statistic - 1.8 * math.sqrt(22_000 / (2_000 * 20_000)) > 0.1)
    larger = stats.mannwhitneyu(now[:, 0], before[:, 0]).statistic / (2_000 * 20_000)
    assert sight.ranks[0] == pytest.approx((larger - 0.5) * math.sqrt(12 * 2_000))


@pytest.mark.parametrize("moved", [0.0, 0.02, 0.05, 0.15])
def test_categories_are_judged_by_chi_square(moved: float) -> None:
    rng = np.random.default_rng(4)
    before = rng.choice(3, p=[0.5, 0.3, 0.2], size=(20_000, 1)).astype(float)
    now = rng.choice(3, p=[0.5 - moved, 0.3 + moved, 0.2], size=(2_000, 1)).astype(float)
    sight = PlainRules(reference(before, frozenset({0}))).look(Window(values=now, at=0))
    table = [np.bincount(rows[:, 0].astype(int), minlength=3) for rows in (before, now)]
    assert sight.alarms[KS] == (stats.chi2_contingency(table).pvalue < 0.05)


def test_delays_count_from_the_onset_and_include_it() -> None:
    watches = [seen([1, 0, 1, 2], onset=1), seen([0, 1, 0, 0], onset=1), seen([0, 0, 0, 0], onset=1)]
    assert [scoring.delay(one, Level.WARN) for one in watches] == [2, 1, math.inf]
    assert scoring.median_delay(watches, Level.WARN) == 2
    assert scoring.median_delay(watches, Level.BREACH) == math.inf
    assert scoring.found_share(watches, Level.WARN) == pytest.approx(200 / 3)
    assert scoring.early_share(watches, Level.WARN) == pytest.approx(100 / 3)


def test_a_median_between_a_number_and_never_is_never() -> None:
    watches = [seen([1], onset=0), seen([0], onset=0)]
    assert scoring.median_delay(watches, Level.WARN) == math.inf


def test_quiet_months_with_and_without_alarms() -> None:
    watches = [seen([0, 1, 1]), seen([0, 0, 0]), seen([0, 2, 0]), seen([0, 0, 0])]
    assert scoring.alarming_share(watches, Level.WARN) == 50
    assert scoring.alarming_share(watches, Level.BREACH) == 25
    assert scoring.alarming_windows(watches, Level.WARN) == 0.5


def test_what_was_not_watched_has_no_number() -> None:
    assert scoring.median_delay([], Level.WARN) is None
    assert scoring.alarming_share([], Level.WARN) is None
    unseen = Watch(levels=np.array([0, 0, 2], np.int8), onset=2, since=2)
    assert scoring.early_share([unseen], Level.WARN) is None


class _FindsMeans:
    """A detector of one rule: the first feature's mean has moved by 0.3."""

    def start(self, reference: Reference) -> None:
        self.mean = reference.values[:, 0].mean()

    def look(self, window: Window) -> Level:
        return Level.BREACH if abs(window.values[:, 0].mean() - self.mean) > 0.3 else Level.NONE


def test_a_watch_ends_when_there_is_no_more_to_learn(monkeypatch) -> None:
    monkeypatch.setattr(watch, "OurDetector", _FindsMeans)
    number = next(n for n in range(99) if Month(scenario=SCENARIOS["half"], number=n, seed=1).changed == [0])
    month = Month(scenario=SCENARIOS["half"], number=number, seed=1)
    watches, ranks = watch.watch_month(Task(name="half", month=month, ours=(5_000,), rules=()))
    found = watches[Key(OURS, 5_000, "half")]
    assert (len(found.levels), scoring.delay(found, Level.BREACH)) == (month.onset + 1, 1)
    assert ranks == {}


def test_rows_carry_reach_and_peers_and_are_json() -> None:
    watches = {
        Key(OURS, 20_000, "quiet"): [seen([0, 0]), seen([0, 1])],
        Key(OURS, 20_000, "half"): [seen([0, 2], onset=1)],
        Key(RULES[0], 20_000, "half"): [seen([0, 0], onset=1)],
    }
    made = {row.measure: row.to_json() for row in rows(watches, (20_000,))}
    quiet = made["quiet months with a warning, reference 20,000"]
    assert (quiet["value"], quiet["unit"], quiet["reach"], quiet["met"]) == (
        50,
        "% of 2 months",
        "<= 2",
        False,
    )
    half = made["0.5 sd in one feature: breach, reference 20,000"]
    assert (half["value"], half["met"], half["beside"][RULES[0]]) == (1, True, "never")
    assert set(half["beside"]) == {*RULES, *RIVALS}
    assert set(half) == {"measure", "value", "unit", "reach", "met", "beside"}
    json.dumps(list(made.values()), allow_nan=False)


def test_a_month_is_kept_with_what_was_seen_in_it(tmp_path) -> None:
    kept = Kept(tmp_path)
    quiet = Task(
        name="quiet",
        month=Month(scenario=SCENARIOS["quiet"], number=0, seed=1),
        ours=(5_000,),
        rules=(5_000,),
    )
    other = replace(quiet, month=replace(quiet.month, number=1))
    assert kept.load(quiet) is None
    watches = {Key(OURS, 5_000, "quiet"): seen([0, 1, 2]), Key(KS, 5_000, "quiet"): seen([2])}
    kept.save(quiet, (watches, {5_000: np.ones((3, 2))}))
    found = kept.load(quiet)
    assert found is not None
    assert {key: watch.levels.tolist() for key, watch in found[0].items()} == {
        key: watch.levels.tolist() for key, watch in watches.items()
    }
    assert found[1][5_000].shape == (3, 2)
    assert kept.load(other) is None
    # What was watched by other sources is not what these would see.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_module, "_digest", lambda: "other sources")
        assert kept.load(quiet) is None
