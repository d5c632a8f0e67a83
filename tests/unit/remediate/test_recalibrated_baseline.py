"""The baseline of a recalibrated model: the champion's inputs, and its own answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.standing import advance, first_standing
from selfheal.observe.performance.estimation import Calibration
from selfheal.observe.policy import DriftPolicy
from selfheal.observe.profiles.layout import Role
from selfheal.observe.profiles.outputs import LABEL, SCORE
from selfheal.remediate.recalibrated_baseline import recalibrated_baseline
from unit.samples import NOW, baseline, hour, hours_before

GENERATOR = np.random.default_rng(4)
SCORES = GENERATOR.beta(6, 2, 900)
LABELS = (GENERATOR.random(900) < SCORES).astype(float)


@pytest.fixture(scope="module")
def champion():
    return baseline()


@pytest.fixture(scope="module")
def found(champion):
    return recalibrated_baseline(champion, SCORES, LABELS)


def places(layout, role):
    return [place for place, feature in enumerate(layout.features) if feature.role is role]


def test_the_inputs_are_as_they_were(champion, found):
    for place in places(champion.layout, Role.INPUT):
        feature = champion.layout.features[place]
        assert found.layout.features[place].to_json() == feature.to_json()
        assert found.profile.of(place).tolist() == champion.profile.of(place).tolist()
        assert found.profile.sums[place] == champion.profile.sums[place]
        assert found.profile.missing[place] == champion.profile.missing[place]
    assert found.profile.rows == champion.profile.rows
    assert found.paces == champion.paces
    assert found.window == champion.window


def test_the_answers_are_the_calibrated_ones(champion, found):
    names = found.layout.names
    assert names == champion.layout.names
    score = names.index(SCORE)
    assert found.profile.present(score) == len(SCORES)
    assert found.profile.moments(score)[0] == pytest.approx(SCORES.mean())
    positive = names.index(LABEL)
    counts = dict(zip(found.layout.features[positive].categories, found.profile.of(positive), strict=False))
    assert counts["1"] == np.count_nonzero(SCORES >= 0.5)


def test_metrics_and_meaning_are_those_of_what_judged_it(found):
    assert found.metrics["rows"] == 900
    assert found.metrics["brier"] == pytest.approx(np.mean((SCORES - LABELS) ** 2))
    meant = Calibration.from_json(found.calibrator).soft_labels(SCORES)[:, 1]
    assert meant.mean() == pytest.approx(LABELS.mean(), abs=0.01)


def test_the_watch_knows_the_inputs_and_learns_the_answers_anew(champion, found):
    before, after = champion.rhythm.watch, found.rhythm.watch
    inputs, outputs = places(champion.layout, Role.INPUT), places(champion.layout, Role.OUTPUT)
    assert after.rows[:, inputs].tolist() == before.rows[:, inputs].tolist()
    assert after.rows[:, inputs].sum() > 0
    assert before.rows[:, outputs].sum() > 0
    assert after.rows[:, outputs].sum() == 0
    known = np.isin(found.scores.owner, inputs)
    assert after.means[:, known].tolist() == before.means[:, np.isin(champion.scores.owner, inputs)].tolist()
    assert not after.means[:, ~known].any()


def test_the_hours_of_the_week_are_those_of_the_inputs(champion, found):
    for place in places(champion.layout, Role.INPUT):
        before = champion.rhythm.seasons.counts[:, champion.coarse.bins(place)]
        assert found.rhythm.seasons.counts[:, found.coarse.bins(place)].tolist() == before.tolist()


def test_traffic_is_watched_against_it(found):
    generator = np.random.default_rng(5)
    hours = [
        hour(found, start, generator.normal(size=60), generator.choice(["a", "b", "c"], 60))
        for start in hours_before(NOW, 30)
    ]
    standing = advance(found, first_standing(found), hours, DriftPolicy())
    assert not standing.watch.moved.any()


def test_it_survives_json(found):
    assert Baseline.from_json(json.loads(json.dumps(found.to_json()))).to_json() == found.to_json()


def test_a_baseline_without_times_has_none_afterwards(champion):
    assert recalibrated_baseline(replace(champion, rhythm=None), SCORES, LABELS).rhythm is None


def test_answers_of_one_class_are_a_baseline_as_well(champion):
    found = recalibrated_baseline(champion, SCORES * 0.4, LABELS)
    assert found.layout.features[found.layout.names.index(LABEL)].categories == ("0",)
