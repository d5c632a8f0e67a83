"""Reports by hour, in the data bucket."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.objects import Objects
from selfheal.aws.report_store import ReportStore
from selfheal.observe.report import Report, no_data
from unit.account import BUCKET, NAME
from unit.samples import NOW

HOUR = timedelta(hours=1)


@pytest.fixture
def store(account):
    return ReportStore(Objects(account.s3, BUCKET), NAME)


def report(at, reason="nobody"):
    return Report(endpoint=NAME, champion=None, at=at, signals=no_data(reason))


def test_a_report_lies_beside_its_files_in_the_folder_of_its_hour(account, store):
    store.save(report(NOW), {"statistics": {"rows": 3}})
    assert account.keys("reports/") == [
        "reports/flights/2013/03/01/12/signals.json",
        "reports/flights/2013/03/01/12/statistics.json",
    ]
    assert json.loads(account.text("reports/flights/2013/03/01/12/statistics.json")) == {"rows": 3}


def test_there_is_none_before_the_first(store):
    assert store.latest(NOW) is None


def test_the_latest_is_that_of_the_last_hour_in_whatever_order_they_were_saved(store):
    for back in (1, 0, 2):
        store.save(report(NOW - back * HOUR), {"statistics": {}, "zzz": {}})
    assert store.latest(NOW) == report(NOW)


def test_a_report_written_again_replaces_itself(store):
    store.save(report(NOW, "first"), {})
    assert store.latest(NOW) == report(NOW, "first")
    store.save(report(NOW, "second"), {})
    assert store.latest(NOW) == report(NOW, "second")


@pytest.mark.parametrize(("hours", "known"), [(0, True), (1, True), (24, True), (25, False), (200, False)])
def test_a_report_says_nothing_after_a_day(store, hours, known):
    store.save(report(NOW), {})
    assert (store.latest(NOW + hours * HOUR) is not None) is known


def test_files_without_a_report_are_none(account, store):
    account.objects.write_json("reports/flights/2013/03/01/12/statistics.json", {})
    assert store.latest(NOW) is None


def test_another_endpoints_report_is_not_ours(account, store):
    ReportStore(account.objects, "flights-eu").save(report(NOW), {})
    assert store.latest(NOW) is None
