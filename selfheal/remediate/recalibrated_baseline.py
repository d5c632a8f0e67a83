"""The baseline of a recalibrated model: the champion's, with other answers.

The inputs are what the model was trained on, and stay as they are. Its answers, how good they are and what they mean
are those on the newest labels, which judged the calibration: as a trained model's are those on its holdout. What the
watch had learned of the champion's answers is not true of these, so it learns them anew from traffic.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from selfheal.observe.baseline import Baseline
from selfheal.observe.drift.rhythm import Rhythm
from selfheal.observe.drift.scores import Scores
from selfheal.observe.drift.seasons import Coarse, Seasons
from selfheal.observe.drift.wander import Wander
from selfheal.observe.drift.watch import Watch, fresh
from selfheal.observe.hours import WEEK, class_names
from selfheal.observe.performance.estimation import calibrate
from selfheal.observe.performance.metrics.measure import measure, names_and_values
from selfheal.observe.performance.scoring import Floats
from selfheal.observe.profiles.layout import Categorical, Feature, Layout, Numeric, Role, Values
from selfheal.observe.profiles.outputs import output_columns
from selfheal.observe.profiles.profile import Profile, Rows, profile

Mask = NDArray[np.bool_]


def recalibrated_baseline(champion: Baseline, scores: Floats, labels: Floats) -> Baseline:
    """The baseline beside a recalibrated model.

    Args:
        champion: the baseline of the model whose answers are calibrated.
        scores, labels: calibrated answers and outcomes of the cases that judged the calibration, shape (rows,).
    """
    columns = output_columns(scores, class_names(champion.schema))
    features = [_laid_out(feature, columns) for feature in champion.layout.features]
    layout = Layout(features=tuple(features))
    keys = [str(place) for place in range(len(scores))]
    answered = profile(layout, Rows(keys=keys, columns=columns))
    reference = _side_by_side(champion.profile, answered)
    meaning = calibrate(champion.task, scores, labels)
    return replace(
        champion,
        profile=reference,
        metrics=dict(names_and_values(measure(champion.task, scores, labels))),
        rhythm=_rhythm(champion.rhythm, champion, reference) if champion.rhythm else None,
        calibrator=meaning.to_json() if meaning else None,
    )


def _laid_out(feature: Feature, columns: dict[str, Values]) -> Feature:
    """An input as it is; an answer on bins of its own."""
    if feature.role is Role.INPUT:
        return feature
    values = columns[feature.name]
    if isinstance(feature, Numeric):
        return Numeric.of(feature.name, np.asarray(values, dtype=np.float64), Role.OUTPUT)
    return Categorical.of(feature.name, Counter(value for value in values if value is not None), Role.OUTPUT)


def _inputs(layout: Layout) -> Mask:
    return np.array([feature.role is Role.INPUT for feature in layout.features])


def _side_by_side(trained: Profile, answered: Profile) -> Profile:
    """The inputs of the one beside the answers of the other."""
    layout, is_input = answered.layout, _inputs(answered.layout)
    counts = answered.counts.copy()
    for place in np.flatnonzero(is_input).tolist():
        counts[layout.bins(place)] = trained.of(place)
    return replace(
        trained,
        layout=layout,
        counts=counts,
        missing=np.where(is_input, trained.missing, answered.missing),
        invalid=np.where(is_input, trained.invalid, answered.invalid),
        absent=np.where(is_input, trained.absent, answered.absent),
        negative=np.where(is_input, trained.negative, answered.negative),
        sums=_either(is_input, trained.sums, answered.sums),
        squares=_either(is_input, trained.squares, answered.squares),
        low=np.where(is_input, trained.low, answered.low),
        high=np.where(is_input, trained.high, answered.high),
    )


def _either(own: Mask, trained: Sequence[int], answered: Sequence[int]) -> tuple[int, ...]:
    """Whole numbers of any size, which an array would cut."""
    pairs = zip(own.tolist(), trained, answered, strict=True)
    return tuple(before if mine else after for mine, before, after in pairs)


def _rhythm(rhythm: Rhythm, champion: Baseline, reference: Profile) -> Rhythm:
    return replace(
        rhythm,
        watch=_watch(rhythm.watch, champion.scores, Scores.of(reference), _inputs(reference.layout)),
        seasons=_seasons(rhythm.seasons, champion.layout, reference.layout),
    )


def _watch(watch: Watch, before: Scores, after: Scores, is_input: Mask) -> Watch:
    """The watch with what it knows of the inputs, and nothing of the answers."""
    old, new = is_input[before.owner], is_input[after.owner]
    blank = fresh(after, watch.period)

    def kept(known: Floats, unknown: Floats, own: Mask, theirs: Mask) -> Floats:
        """The inputs' last columns of the one in those of the other."""
        found = unknown.copy()
        found[..., theirs] = known[..., own]
        return found

    def by_score(name: str) -> Floats:
        return kept(getattr(watch, name), getattr(blank, name), old, new)

    def by_feature(name: str) -> Floats:
        return kept(getattr(watch, name), getattr(blank, name), is_input, is_input)

    wandering = {
        name: kept(getattr(watch.wander, name), getattr(blank.wander, name), old, new)
        for name in ("level", "variance", "squares", "fit")
    }
    return replace(
        watch,
        rows=by_feature("rows"),
        means=by_score("means"),
        wander=Wander(**wandering),
        looks=by_feature("looks"),
        usual=by_score("usual"),
        lasting=by_score("lasting"),
        evidence=kept(watch.evidence.T, blank.evidence.T, old, new).T,
        moved=np.where(is_input, watch.moved, blank.moved),
        calm=by_feature("calm"),
    )


def _seasons(seasons: Seasons, before: Layout, after: Layout) -> Seasons:
    """Counts by hour of the week on the bins of another layout; answers have none."""
    old, new = Coarse(before), Coarse(after)
    counts = np.zeros((WEEK, new.size), dtype=np.int64)
    for place in np.flatnonzero(_inputs(after)).tolist():
        counts[:, new.bins(place)] = seasons.counts[:, old.bins(place)]
    return Seasons(rows=seasons.rows, counts=counts)
