"""Traffic by hour, in the data bucket."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.objects import Objects
from selfheal.aws.registry import Registry
from selfheal.aws.retraining import write_request
from selfheal.aws.traffic_store import Stored, TrafficStore, package_id
from selfheal.observe.reading.lines import Rejected
from unit.account import BUCKET, NAME, VARIANT
from unit.samples import CHALLENGER, CHAMPION, NOW, answer, baseline, capture_line, hour, outcome_line

HOUR = timedelta(hours=1)


@pytest.fixture
def store(account):
    return TrafficStore(Objects(account.s3, BUCKET), NAME, VARIANT)


def capture(account, at, *lines, name="a"):
    account.objects.write(f"capture/{NAME}/{VARIANT}/{at:%Y/%m/%d/%H}/{name}.jsonl", "\n".join(lines))


def truth(account, at, *lines, name="a"):
    account.objects.write(f"ground-truth/{NAME}/{at:%Y/%m/%d/%H}/{name}.jsonl", "\n".join(lines))


def line(key, at):
    return capture_line(output=answer(0.5), key=key, at=at)


def observed(store, start):
    """Keys of the hour's answers, and the lines that could not be read."""
    ((stored, rejected),) = store.observe([start], CHAMPION, baseline())
    return set(stored.hour.predictions.keys), rejected


def labels(store, since, until):
    """The last label of each key, and the lines that could not be read."""
    found, rejected = store.outcomes(since, until, baseline().schema)
    return dict(zip(found.keys, found.labels.tolist(), strict=True)), rejected


def save(store, package, start, *values):
    """Store an hour of rows of category c, one a value."""
    observed = hour(baseline(), start, [0.0] * len(values), values)
    store.save_hour(package, Stored(hour=observed, sources="any"))


def hours(store, package, since, until):
    return [stored.hour for stored in store.hours(package, baseline().layout, since, until)]


def test_an_hour_is_by_inference_time_wherever_its_records_lie(account, store):
    start = NOW
    capture(account, start - HOUR, line("late-in-the-hour-before", start), line("before", start - HOUR / 2))
    capture(account, start, line("first", start), line("last", start + HOUR - timedelta(seconds=1)))
    capture(account, start, line("second-file", start + HOUR / 2), name="b")
    capture(account, start + HOUR, line("early", start + HOUR / 4), line("after", start + HOUR))
    found, rejected = observed(store, start)
    assert found == {
        "late-in-the-hour-before",
        "first",
        "last",
        "second-file",
        "early",
    }
    assert rejected == []


def test_a_malformed_line_is_reported_by_its_own_hour_alone(account, store):
    capture(account, NOW, "{broken", line("good", NOW))
    assert [item.line for item in observed(store, NOW)[1]] == [1]
    assert observed(store, NOW - HOUR)[1] == []
    assert observed(store, NOW + HOUR)[1] == []


def test_bytes_that_are_no_text_do_not_cost_the_hour(account, store):
    key = f"capture/{NAME}/{VARIANT}/{NOW:%Y/%m/%d/%H}/a.jsonl"
    body = b'{"captureData": "\xff\xfe"}\n' + line("good", NOW).encode() + b"\n"
    account.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    found, rejected = observed(store, NOW)
    assert found == {"good"}
    assert [item.line for item in rejected] == [1]


def test_an_hour_without_traffic_is_empty(store):
    assert observed(store, NOW) == (set(), [])


def test_labels_of_a_span_where_the_last_of_a_key_wins(account, store):
    truth(account, NOW - 3 * HOUR, outcome_line("too-old", 1))
    truth(account, NOW - 2 * HOUR, outcome_line("e1", 0), outcome_line("e2", 1))
    truth(account, NOW - HOUR, outcome_line("e1", 1), "{broken")
    truth(account, NOW, outcome_line("too-new", 1))
    found, rejected = labels(store, NOW - 2 * HOUR, NOW)
    assert found == {"e1": 1.0, "e2": 1.0}
    assert [item.reason[:8] for item in rejected] == ["not JSON"]


def test_malformed_outcomes_are_reported_of_the_last_full_hour_alone(account, store):
    truth(account, NOW - 2 * HOUR, "{old")
    truth(account, NOW - HOUR, outcome_line("e1", 1), "{last", "{hour")
    truth(account, NOW, "{running")
    for until in (NOW, NOW + timedelta(minutes=10)):
        assert [item.text for item in labels(store, NOW - 9 * HOUR, until)[1]] == ["{last", "{hour"]
    assert [item.text for item in labels(store, NOW - 9 * HOUR, NOW + HOUR)[1]] == ["{running"]


def test_hours_are_kept_by_champion_and_told_in_order(account, store):
    for back in (1, 3, 2):
        save(store, CHAMPION, NOW - back * HOUR, "a")
    save(store, CHALLENGER, NOW - HOUR, "b", "b")
    found = hours(store, CHAMPION, NOW - 2 * HOUR, NOW)
    assert [each.start for each in found] == [NOW - 2 * HOUR, NOW - HOUR]
    assert [each.rows for each in found] == [1, 1]
    assert hours(store, "nobody", NOW - 9 * HOUR, NOW) == []


def test_an_hour_observed_again_replaces_itself(account, store):
    for values in ("a", "aa"):
        save(store, CHAMPION, NOW - HOUR, *values)
    assert [each.rows for each in hours(store, CHAMPION, NOW - 2 * HOUR, NOW)] == [2]


def test_stored_hours_are_read_once(account, store):
    for back in (1, 2, 3):
        save(store, CHAMPION, NOW - back * HOUR, "a")
    hours(store, CHAMPION, NOW - 3 * HOUR, NOW)
    account.calls.forget()
    hours(store, CHAMPION, NOW - 3 * HOUR, NOW)
    assert account.calls.of("GetObject") == []


class TestTheLatestHoursAlone:
    """Of a week's files only those that may still change are listed, one warm process after the first look."""

    WEEK = timedelta(days=7)

    @pytest.fixture
    def week(self, account):
        for back in (160, 100, 30, 3, 1):
            truth(account, NOW - back * HOUR, outcome_line(f"e{back}", 0))

    @staticmethod
    def listed(account):
        return [listing["StartAfter"] for listing in account.calls.of("ListObjectsV2")]

    def test_what_is_older_than_three_hours_is_not_listed_again(self, account, store, week):
        first = labels(store, NOW - self.WEEK, NOW)
        assert self.listed(account) == [f"ground-truth/{NAME}/2013/02/22/12"]
        account.calls.forget()
        assert labels(store, NOW - self.WEEK, NOW) == first
        assert self.listed(account) == [f"ground-truth/{NAME}/2013/03/01/09"]
        assert len(first[0]) == 5

    def test_what_changed_within_three_hours_is_seen_and_what_is_older_has_settled(
        self, account, store, week
    ):
        labels(store, NOW - self.WEEK, NOW)
        for back in (100, 3):
            truth(account, NOW - back * HOUR, outcome_line(f"e{back}", 1))
        truth(account, NOW - 2 * HOUR, outcome_line("late", 1))
        account.calls.forget()
        found, _ = labels(store, NOW - self.WEEK, NOW)
        assert found == {"e160": 0, "e100": 0, "e30": 0, "e3": 1, "e1": 0, "late": 1}
        assert len(account.calls.of("GetObject")) == 2

    def test_another_process_sees_everything(self, account, store, week):
        labels(store, NOW - self.WEEK, NOW)
        truth(account, NOW - 100 * HOUR, outcome_line("e100", 1))
        cold = TrafficStore(Objects(account.s3, BUCKET), NAME, VARIANT)
        assert labels(cold, NOW - self.WEEK, NOW)[0]["e100"] == 1

    def test_a_longer_span_is_listed_as_a_whole(self, account, store, week):
        assert set(labels(store, NOW - 40 * HOUR, NOW)[0]) == {"e30", "e3", "e1"}
        account.calls.forget()
        assert len(labels(store, NOW - self.WEEK, NOW)[0]) == 5
        assert self.listed(account) == [f"ground-truth/{NAME}/2013/02/22/12"]

    def test_a_shorter_span_holds_no_more_than_it_says_and_a_longer_one_finds_it_again(self, store, week):
        labels(store, NOW - self.WEEK, NOW)
        assert set(labels(store, NOW - 26 * HOUR, NOW)[0]) == {"e3", "e1"}
        assert set(labels(store, NOW - self.WEEK, NOW)[0]) == {"e160", "e100", "e30", "e3", "e1"}

    def test_the_window_moves_on(self, account, store, week):
        labels(store, NOW - self.WEEK, NOW)
        for later in range(1, 30):
            truth(account, NOW + (later - 1) * HOUR, outcome_line(f"new{later}", 1))
            account.calls.forget()
            found, _ = labels(store, NOW - self.WEEK + later * HOUR, NOW + later * HOUR)
            (start,) = self.listed(account)
            assert start == f"ground-truth/{NAME}/{NOW + (later - 4) * HOUR:%Y/%m/%d/%H}"
        assert {"e100", "e30", "e1", "new1", "new29"} <= set(found)
        assert "e160" not in found  # the window's start has passed it

    def test_hours_that_nobody_looked_at_in_time_are_listed_all_the_same(self, account, store, week):
        labels(store, NOW - self.WEEK, NOW)
        truth(account, NOW + HOUR, outcome_line("while-away", 1))
        later = NOW + timedelta(days=3)
        assert "while-away" in labels(store, later - self.WEEK, later)[0]

    def test_an_earlier_moment_holds_nothing_of_later_ones(self, account, store, week):
        labels(store, NOW - self.WEEK, NOW)
        assert set(labels(store, NOW - self.WEEK, NOW - 25 * HOUR)[0]) == {"e160", "e100", "e30"}
        assert len(labels(store, NOW - self.WEEK, NOW)[0]) == 5

    def test_profiles_are_listed_the_same_way_each_champions_by_itself(self, account, store):
        for back in (100, 1):
            save(store, CHAMPION, NOW - back * HOUR, "a")
        hours(store, CHAMPION, NOW - self.WEEK, NOW)
        account.calls.forget()
        assert len(hours(store, CHAMPION, NOW - self.WEEK, NOW)) == 2
        assert hours(store, CHALLENGER, NOW - self.WEEK, NOW) == []
        assert self.listed(account) == [
            f"profiles/{NAME}/flights-1/2013/03/01/09",
            f"profiles/{NAME}/flights-2/2013/02/22/12",
        ]


def test_refused_lines_are_kept_and_nothing_is_written_without_any(account, store):
    store.reject(NOW, [])
    assert account.keys("rejected/") == []
    store.reject(NOW, [Rejected("a.jsonl", 3, "not JSON", "{ü")])
    (kept,) = account.text("rejected/flights/2013/03/01/12.jsonl").splitlines()
    assert json.loads(kept) == {"source": "a.jsonl", "line": 3, "reason": "not JSON", "text": "{ü"}


def test_a_package_names_its_folder():
    assert package_id(CHAMPION) == "flights-1"


def test_a_retraining_request_carries_the_champion(account):
    champion = Registry(account.sagemaker).package(account.package("one", training_window_end="2013-02-12"))
    parameters = write_request(account.s3, BUCKET, "token", incident="i1", window_end=NOW, champion=champion)
    assert parameters == {"RequestUri": f"s3://{BUCKET}/retraining/token", "Incident": "i1"}
    assert json.loads(account.text("retraining/token/request.json")) == {
        "incident": "i1",
        "window_end": "2013-03-01T12:00:00+00:00",
        "champion": champion.arn,
        "champion_trained_to": "2013-02-12",
        "previous": None,
    }
    copied = account.s3.get_object(Bucket=BUCKET, Key="retraining/token/champion/model.tar.gz")["Body"].read()
    original = account.s3.get_object(Bucket=BUCKET, Key="packages/one/model.tar.gz")["Body"].read()
    assert copied == original


def test_the_first_request_has_no_champion(account):
    write_request(account.s3, BUCKET, "token", incident="first", window_end=NOW, champion=None)
    assert account.keys("retraining/") == ["retraining/token/request.json"]
    body = json.loads(account.text("retraining/token/request.json"))
    assert body["champion"] is body["champion_trained_to"] is None
