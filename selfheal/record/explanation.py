"""An incident as a person would tell it: what was seen, what it was taken for, what was done, and whether it helped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from selfheal.diagnose.causes import Cause
from selfheal.observe.signals import SignalKind
from selfheal.record.episode import Episode, State, Times
from selfheal.record.moments import (
    Abandoned,
    Answered,
    Asked,
    Begun,
    Closed,
    Diagnosed,
    Ended,
    HoursReleased,
    Moment,
    Planned,
    Signalled,
    Unread,
    Verified,
)
from selfheal.record.vocabulary import words
from selfheal.remediate.playbook import Remedy
from selfheal.verdict import Verdict


@dataclass(frozen=True)
class Telling:
    """One dated sentence, and the reasons under it."""

    at: datetime
    sentence: str
    reasons: tuple[str, ...] = ()


def explain(episode: Episode) -> str:
    """The incident from its first signal to its end, in lines for a terminal or a mail. Times are UTC."""
    lines = [_headline(episode), ""]
    for telling in _tellings(episode.moments):
        lines.append(f"{telling.at:%Y-%m-%d %H:%M}  {telling.sentence}")
        lines += [f"{'':18}- {reason}" for reason in telling.reasons]
    return "\n".join(packages_by_number(line) for line in [*lines, "", _pace(episode.times), _need(episode)])


def span(time: timedelta) -> str:
    """A span of time in the unit that a person would choose.

    >>> span(timedelta(seconds=40)), span(timedelta(minutes=90)), span(timedelta(hours=18)), span(timedelta(days=3))
    ('40 s', '90 min', '18.0 h', '3.0 d')
    """
    seconds = time.total_seconds()
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / unit:.{1 if name == 'h' else 0}f} {name}"
    return f"{seconds / 86400:.1f} d"


def packages_by_number(text: str) -> str:
    """Model packages by group and number instead of by their ARN.

    >>> packages_by_number("arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/2 serves")
    'flights/2 serves'
    """
    return re.sub(r"arn:[^\s:]*:sagemaker:[^\s:]*:[^\s:]*:model-package/", "", text)


def _headline(episode: Episode) -> str:
    cause = _cause(episode.cause) if episode.cause else "not diagnosed yet"
    done = " and ".join(words(attempt.remedy) for attempt in episode.attempts) or "nothing"
    ends = {
        State.OPEN: "is open",
        State.RESOLVED: "was resolved",
        State.MITIGATED: "was mitigated, and not verified",
        State.ESCALATED: "was handed over to people",
        State.ABANDONED: "was abandoned: its workflow ended before it did",
    }
    return f"Incident {episode.id} {ends[episode.state]}. Cause: {cause}. Done about it: {done}."


def _cause(cause: Cause) -> str:
    return "none of those that are known" if cause is Cause.UNKNOWN else words(cause)


def _tellings(moments: Sequence[Moment]) -> Iterator[Telling]:
    said: list[str] = []
    for moment in _without_repetition(moments):
        telling = _closed(moment, said) if isinstance(moment, Closed) else _tell(moment)
        said += [telling.sentence, *telling.reasons]
        yield telling


def _without_repetition(moments: Sequence[Moment]) -> Iterator[Moment]:
    """Of looks in a row that could not tell yet, the last: a day of them says no more. Of a verification that
    failed, not the outcome that repeats it."""
    neighbours = zip([None, *moments], moments, [*moments[1:], None], strict=False)
    for before, moment, after in neighbours:
        if not (_undecided(moment) and _undecided(after)) and not _repeated(moment, before):
            yield moment


def _undecided(moment: Moment | None) -> bool:
    return isinstance(moment, Verified) and moment.verdict is Verdict.INCONCLUSIVE


def _repeated(moment: Moment, before: Moment | None) -> bool:
    return (
        isinstance(moment, Ended)
        and not moment.succeeded
        and isinstance(before, Verified)
        and moment.reason == "; ".join(before.reasons)
    )


def _tell(moment: Moment) -> Telling:
    match moment:
        case Signalled():
            return _signalled(moment)
        case Diagnosed():
            return _diagnosed(moment)
        case Planned():
            return _planned(moment)
        case Asked() | Answered():
            return _approval(moment)
        case Begun() | Ended():
            return _acted(moment)
        case Verified():
            return _verified(moment)
        case HoursReleased():
            return _released(moment)
        case Abandoned() | Closed():
            return _closed(moment, ())
        case Unread(at=at, kind=kind, reason=reason):
            return Telling(at, f"An entry that this version cannot read ({kind}): {reason}.")


def _signalled(moment: Signalled) -> Telling:
    trigger = moment.trigger
    release = f"a release that did not hold, endpoint config {trigger.subject}"
    by = release if trigger.kind is SignalKind.RELEASE else f"the alarm {trigger.subject}"
    sentence = f"Opened by {by}." if moment.opened else f"Another signal came in: {by}."
    return Telling(moment.at, sentence, (trigger.reason,) if trigger.reason else ())


def _diagnosed(moment: Diagnosed) -> Telling:
    ruled_out = (f"not {_spoken(reason, Cause)}" for reason in moment.ruled_out)
    return Telling(moment.at, f"Diagnosis: {_cause(moment.cause)}.", (*moment.evidence, *ruled_out))


def _planned(moment: Planned) -> Telling:
    decision = {
        Remedy.ESCALATE: "hand over to people",
        Remedy.WATCH: "change nothing, and watch",
        Remedy.RECALIBRATE: "recalibrate: the same model and order, and how sure to be of it anew",
        Remedy.REACTIVATE: "reactivate: the model before this one, if it answers the newest requests better",
        Remedy.QUARANTINE: "quarantine: keep the broken hours out of training",
        Remedy.SCALE: "scale: more instances of what serves",
        Remedy.REPLACE: "replace: the same model on fresh instances",
        Remedy.FALL_BACK: "fall back: the last good model that served before",
    }.get(moment.remedy, words(moment.remedy))
    stopped = tuple(f"not {_spoken(reason, Remedy)}" for reason in moment.stopped)
    weighed = (moment.weighed,) if moment.remedy is Remedy.RETRAIN and moment.weighed else ()
    return Telling(moment.at, f"Decision: {decision}.", (*weighed, *stopped))


def _approval(moment: Asked | Answered) -> Telling:
    if isinstance(moment, Asked):
        due = f"an answer is due by {moment.until:%Y-%m-%d %H:%M}"
        return Telling(moment.at, f"Asked people for {words(moment.remedy)}: {due}.")
    said = "Approved" if moment.approved else "Rejected" if moment.by else "Not answered"
    by = f"{said.lower()} by {moment.by}" if moment.by else None
    reason = ": ".join(part for part in (by, moment.reason) if part)
    return Telling(moment.at, f"{said}: {words(moment.remedy)}.", (reason,))


def _acted(moment: Begun | Ended) -> Telling:
    if isinstance(moment, Begun):
        return Telling(moment.at, _begun(moment))
    how = "Took effect" if moment.succeeded else "Failed"
    return Telling(moment.at, f"{how}: {_named(moment)}.", (moment.reason,))


def _begun(moment: Begun) -> str:
    action = moment.action.replace("-", " ")
    if not moment.changed:
        return f"Done already: {action}. Nothing had to be changed."
    goes = "to" if moment.remedy is Remedy.FALL_BACK else "of"
    package = f" {goes} {moment.package}" if moment.package else ""
    config = f", asking for endpoint config {moment.config}" if moment.config else ""
    instances = f", asking for {moment.instances} instances" if moment.instances else ""
    return f"Began: {action}{package}{config}{instances}."


def _named(moment: Ended) -> str:
    name = moment.action or (moment.remedy.value if moment.remedy else "what had begun")
    return name.replace("-", " ")


def _verified(moment: Verified) -> Telling:
    found = {
        Verdict.PASS: "Verification: recovered.",
        Verdict.INCONCLUSIVE: "Verification: too early to tell.",
        Verdict.FAIL: "Verification: not recovered.",
        Verdict.ERROR: "Verification: nobody could look.",
    }
    return Telling(moment.at, found[moment.verdict], moment.reasons)


def _released(moment: HoursReleased) -> Telling:
    free = f"hours from {moment.until:%Y-%m-%d %H:%M} on may be learned from again"
    return Telling(moment.at, f"Quarantine ended by {moment.by}: {free}.", (moment.reason,))


def _closed(moment: Closed | Abandoned, said: Sequence[str]) -> Telling:
    """The end. Notes repeat what was said on the way; only what was not said yet is told."""
    if isinstance(moment, Abandoned):
        ended = moment.status.lower().replace("_", " ")
        return Telling(moment.at, f"Abandoned: the workflow ended as {ended}.")
    champion = moment.champion_after or moment.champion_before
    serves = f" {champion} serves." if champion else ""
    notes = (*moment.notes, *([moment.unproven] if moment.unproven else []))
    fresh = tuple(note for note in notes if not any(_repeats(note, text) for text in said))
    return Telling(moment.at, f"Closed as {words(moment.outcome)}.{serves}", fresh)


def _repeats(note: str, text: str) -> bool:
    """Whether a sentence ends in a note, or in what the note says of its subject."""
    _, _, saying = note.partition(": ")
    return text.endswith(saying or note)


def _spoken(text: str, vocabulary: type[Cause] | type[Remedy]) -> str:
    """A reason whose subject is a term, with the term as it is spoken."""
    subject, colon, reason = text.partition(": ")
    known = {term.value: words(term) for term in vocabulary}
    return f"{known[subject]}: {reason}" if colon and subject in known else text


def _pace(times: Times) -> str:
    start, since = (times.onset, "its onset") if times.onset else (times.detected, "its detection")
    if start is None:
        return "How long it took is not known: its first entry cannot be read."
    steps = (
        ("detected", times.detected if times.onset else None),
        ("diagnosed", times.diagnosed),
        ("acted on", times.acted),
        ("mitigated", times.mitigated),
        ("verified", times.verified),
    )
    told = ", ".join(f"{name} after {span(at - start)}" for name, at in steps if at is not None)
    unknown = "" if times.onset else " When it began is not known."
    return f"Counted from {since} ({start:%Y-%m-%d %H:%M} UTC): {told or 'nothing happened yet'}.{unknown}"


def _need(episode: Episode) -> str:
    return {
        State.OPEN: "Healing is at work.",
        State.RESOLVED: "It needs nothing from you.",
        State.MITIGATED: "It needs whoever owns the labels: without them nobody can prove that quality is whole again. "
        "See docs/runbooks/labels.md.",
        State.ESCALATED: "It needs you: healing has no further remedy that it may take. See docs/runbooks.",
        State.ABANDONED: "It needs you where its alarm is quiet by now: nobody proved that the service recovered.",
    }[episode.state]
