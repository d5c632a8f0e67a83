"""Reports: what they count, and that they survive storage."""

from __future__ import annotations

import json

import pytest

from selfheal.observe.report import Report, no_data
from selfheal.observe.signals import Signal, SignalKind, Status
from unit.samples import CHAMPION, NOW, signal


def report(*signals):
    return Report(endpoint="flights", champion=CHAMPION, at=NOW, signals=signals)


def test_a_report_survives_json():
    before = report(signal(value=0.3, low=0.2, threshold=0.1, sample=9), *no_data("nobody came"))
    assert Report.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_breaches_are_counted_by_kind():
    counts = report(
        signal(SignalKind.DATA_DRIFT, Status.BREACH),
        signal(SignalKind.DATA_DRIFT, Status.BREACH, "y"),
        signal(SignalKind.DATA_DRIFT, Status.WARN, "z"),
        signal(SignalKind.DATA_QUALITY, Status.OK),
    ).breach_counts()
    assert counts == {SignalKind.DATA_DRIFT: 2, SignalKind.DATA_QUALITY: 0}


def test_a_kind_of_which_nothing_is_known_has_no_count():
    assert report(*no_data("no champion")).breach_counts() == {}
    partly = report(
        signal(SignalKind.PERFORMANCE, Status.NO_DATA), signal(SignalKind.DATA_QUALITY, Status.OK)
    )
    assert partly.breach_counts() == {SignalKind.DATA_QUALITY: 0}


def test_no_data_says_so_of_every_kind_with_its_reason():
    signals = no_data("there is no champion yet")
    assert [s.kind for s in signals] == [
        SignalKind.DATA_DRIFT,
        SignalKind.DATA_QUALITY,
        SignalKind.PERFORMANCE,
    ]
    assert {s.status for s in signals} == {Status.NO_DATA}
    assert {s.reason for s in signals} == {"there is no champion yet"}


def test_a_signal_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="weather"):
        Signal.from_json({**signal().to_json(), "kind": "weather"})
