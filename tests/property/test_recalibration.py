"""Recalibration: whatever the answers and the outcomes, order is kept and nothing passes that is not proven."""

from __future__ import annotations

import io
import tarfile

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from selfheal.aws.model_archive import CALIBRATION, recalibrate_archive
from selfheal.observe.performance.scoring import log_loss, roc_auc
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.recalibration import LogitMap, recalibrate
from selfheal.verdict import Verdict

POLICY = GatePolicy(min_holdout_rows=50, min_auc=0.5, resamples=100)

maps = st.builds(LogitMap, slope=st.floats(0.05, 5), intercept=st.floats(-4, 4))
probabilities = st.floats(1e-6, 1 - 1e-6)
seeds = st.integers(0, 2**32 - 1)


@given(maps, st.lists(probabilities, min_size=2, max_size=30))
def test_a_map_never_moves_a_case_before_another(found, scores):
    ordered = np.sort(np.array(scores))
    mapped = found.probability(ordered)
    assert (np.diff(mapped) >= 0).all()
    assert ((mapped >= 0) & (mapped <= 1)).all()


@given(maps, st.lists(st.integers(1, 999), min_size=4, max_size=60, unique=True), seeds)
def test_a_map_never_changes_how_well_answers_rank(found, thousandths, seed):
    scores = np.array(thousandths) / 1000
    labels = np.random.default_rng(seed).integers(0, 2, scores.size).astype(float)
    assume(0 < labels.sum() < labels.size)
    mapped = found.probability(scores)
    # Where the logits are so large that floats run out, two answers may become one.
    assume(np.unique(mapped).size == scores.size)
    assert roc_auc(mapped, labels).value == roc_auc(scores, labels).value


@given(maps, maps, st.lists(probabilities, min_size=1, max_size=20))
def test_two_maps_in_turn_are_one(first, second, scores):
    scores = np.array(scores)
    once = second.after(first).probability(scores)
    halfway = first.probability(scores)
    assume((np.abs(halfway - 0.5) < 0.4999999).all())  # beyond, answers are cut off in between
    np.testing.assert_allclose(second.probability(halfway), once, atol=1e-7)


@given(seeds, st.integers(0, 400), st.floats(-2, 2), st.floats(0.3, 2))
def test_what_passes_is_better_on_labels_that_it_has_not_seen(seed, rows, by, slope):
    generator = np.random.default_rng(seed)
    scores = generator.beta(2, 5, rows)
    meaning = LogitMap(slope=slope, intercept=by)
    labels = (generator.random(rows) < meaning.probability(scores)).astype(float)
    found = recalibrate(scores, labels, POLICY)
    if isinstance(found, str):
        assert found
        return
    judged = len(found.labels)
    assert judged >= POLICY.min_holdout_rows
    assert found.fitted + judged <= rows
    assert (found.labels == labels[-judged:]).all()
    assert found.gate.verdict is Verdict.PASS
    assert log_loss(found.after, found.labels).value < log_loss(found.before, found.labels).value


@given(seeds, st.sampled_from([np.nan, np.inf, -1.0, 2.0]), st.booleans(), st.integers(0, 299))
def test_a_single_row_that_is_no_pair_is_never_passed_over(seed, bad, in_scores, place):
    generator = np.random.default_rng(seed)
    scores = generator.beta(2, 5, 300)
    labels = (generator.random(300) < LogitMap(intercept=1.5).probability(scores)).astype(float)
    (scores if in_scores else labels)[place] = bad
    assert isinstance(recalibrate(scores, labels, POLICY), str)


names = st.text("abc/", min_size=1, max_size=8).filter(
    lambda name: not name.startswith("/") and name.strip("/")
)


@given(st.dictionaries(names, st.binary(max_size=200), max_size=4), maps, maps, st.integers(0, 4))
def test_an_archive_keeps_everything_but_its_calibration(files, before, after, place):
    held = [*files.items()]
    held.insert(place, (CALIBRATION, str(before.to_json()).replace("'", '"').encode()))
    packed, copied = io.BytesIO(), io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in held:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    assert recalibrate_archive(packed, copied, after) == after.after(before)
    copied.seek(0)
    with tarfile.open(fileobj=copied) as tar:
        found = [(member.name, tar.extractfile(member).read()) for member in tar]
    assert [(name, content) for name, content in found if name != CALIBRATION] == [
        (tarfile.TarInfo(name).name, content) for name, content in held if name != CALIBRATION
    ]
