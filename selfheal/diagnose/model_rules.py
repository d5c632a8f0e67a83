"""Rules for what is the model's, asked once nothing else explains what is seen."""

from __future__ import annotations

from selfheal.diagnose import attribution
from selfheal.diagnose.policy import DiagnosisPolicy
from selfheal.diagnose.ranking import METRICS as RANKING_METRICS
from selfheal.diagnose.rule import Explains, RuledOut, moment, reasons
from selfheal.diagnose.snapshot import Retraining, Snapshot
from selfheal.observe.signals import Signal, SignalKind, Status

# As many retrainings in a row without a challenger are no bad luck.
IN_A_ROW = 2
UNMOVED = "no feature moved beyond its tolerance"


def training_fails(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    """What a retraining would be for is there, and retraining does not work."""
    own = [each for each in snapshot.retrainings if each.incident == snapshot.incident]
    failed = [each for each in own[-1:] if each.failure is not None]
    if failed:
        return _failures(failed)
    before = [each for each in snapshot.retrainings if each.incident != snapshot.incident][-IN_A_ROW:]
    if len(before) < IN_A_ROW or any(each.failure is None for each in before):
        return f"the last {IN_A_ROW} retrainings did not both fail"
    called_for = (label_shift, harmful_drift, concept_drift, stale_model)
    if all(isinstance(rule(snapshot, policy), str) for rule in called_for):
        return "nothing was found that a retraining would be for"
    return _failures(before)


def label_shift(snapshot: Snapshot, policy: DiagnosisPolicy) -> Explains | RuledOut:
    """The classes became more or less frequent: the model is wrong about how sure it is, not about the order.

    Each case is as its like were before, so the answers move with the mix of classes (Z. Lipton, Y. Wang, A. Smola,
    "Detecting and correcting for label shift with black box predictors", ICML 2018). How far depends on how well the
    model tells the classes apart, and a weak one's hardly do: that they moved must be certain, not that it is much.
    Where they did not move, it is the meaning of the cases that changed.
    """
    worse, answers = snapshot.breaches(SignalKind.PERFORMANCE), _moved(snapshot, SignalKind.PREDICTION_DRIFT)
    if not worse:
        return _unharmed(snapshot)
    if not answers:
        known = snapshot.knows(SignalKind.PREDICTION_DRIFT)
        return "the predictions did not move" if known else "whether the predictions moved is not known"
    if snapshot.breaches(SignalKind.DATA_DRIFT):
        return "the inputs moved as well"
    if not snapshot.knows(SignalKind.DATA_DRIFT):
        return "whether the inputs moved is not known"
    ranking = snapshot.ranking
    if ranking is None:
        return "whether the model ranks as well as it did is not known"
    suffers = any(signal.statistic in RANKING_METRICS for signal in worse)
    if suffers or not ranking.is_intact(policy.ranking_worse_percent):
        return f"that the ranking is intact is not certain: {ranking}"
    return _doubt(snapshot) or (
        *reasons(worse),
        *reasons(answers),
        f"the ranking is intact: {ranking}",
        UNMOVED,
    )


def harmful_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    worse, moved = snapshot.breaches(SignalKind.PERFORMANCE), snapshot.breaches(SignalKind.DATA_DRIFT)
    if not worse:
        return _unharmed(snapshot)
    if not moved:
        return _unmoved(snapshot)
    explained = attribution.sentences(moved, snapshot.importance)
    return _doubt(snapshot) or (*reasons(worse), *reasons(moved), *explained)


def concept_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    worse = snapshot.breaches(SignalKind.PERFORMANCE)
    if not worse:
        return _unharmed(snapshot)
    if snapshot.breaches(SignalKind.DATA_DRIFT):
        return "the inputs moved as well"
    if not snapshot.knows(SignalKind.DATA_DRIFT):
        return _unmoved(snapshot)
    return _doubt(snapshot) or (*reasons(worse), UNMOVED)


def stale_model(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    """The champion learned too long ago, and nothing is wrong yet. Asked before harmless drift: a model that is past
    its limit is renewed, whether or not its inputs have begun to move."""
    old = snapshot.breaches(SignalKind.MODEL_AGE)
    if not old:
        known = snapshot.knows(SignalKind.MODEL_AGE)
        return (
            "the model is no older than it may be"
            if known
            else "the model has no limit of age, or no known age"
        )
    if snapshot.breaches(SignalKind.PERFORMANCE):
        return "measured quality suffers"
    if not snapshot.knows(SignalKind.PERFORMANCE):
        return "whether quality suffers is not known"
    if not snapshot.knows(SignalKind.DATA_DRIFT):
        return _unmoved(snapshot)
    moved = reasons(snapshot.breaches(SignalKind.DATA_DRIFT)) or (UNMOVED,)
    return _doubt(snapshot) or (*reasons(old), *moved, "measured quality is intact")


def harmless_drift(snapshot: Snapshot, _: DiagnosisPolicy) -> Explains | RuledOut:
    moved = snapshot.breaches(SignalKind.DATA_DRIFT)
    if not moved:
        return _unmoved(snapshot)
    if snapshot.breaches(SignalKind.PERFORMANCE):
        return "measured quality suffers"
    if not snapshot.knows(SignalKind.PERFORMANCE):
        return "whether quality suffers is not known"
    explained = attribution.sentences(moved, snapshot.importance)
    return (*reasons(moved), *explained, "measured quality is intact")


def _moved(snapshot: Snapshot, kind: SignalKind) -> list[Signal]:
    """What certainly moved, however little."""
    return [
        each for each in snapshot.signals if each.kind is kind and each.status in (Status.WARN, Status.BREACH)
    ]


def _doubt(snapshot: Snapshot) -> RuledOut | None:
    """What is not known and could clear the model: the rules before said nothing of it. None: all is known."""
    if not snapshot.knows(SignalKind.DATA_QUALITY):
        return "whether the input is sound is not known"
    if snapshot.elsewhere is None:
        return "whether other endpoints are in alarm is not known"
    if snapshot.capture is None:
        return "whether traffic is captured is not known"
    return None


def _failures(failed: list[Retraining]) -> Explains:
    return tuple(
        f"the retraining of {moment(each.at)} brought no challenger: {each.failure}" for each in failed
    )


def _unharmed(snapshot: Snapshot) -> RuledOut:
    if snapshot.knows(SignalKind.PERFORMANCE):
        return "measured quality is intact"
    return "no matured labels say that quality suffers"


def _unmoved(snapshot: Snapshot) -> RuledOut:
    return UNMOVED if snapshot.knows(SignalKind.DATA_DRIFT) else "whether the inputs moved is not known"
