"""The observe function: bad input is recorded or refused, nothing is lost, and nothing acts on the model."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from lambdas.runtime import UnknownEvent
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.observe.policy import ObservePolicy
from selfheal.remediate.quarantine import Interval, Quarantine
from selfheal.settings import policy_json
from unit.account import BUCKET, CHAMPION_PARAMETER, NAME, VARIANT
from unit.samples import NOW, answer, capture_line, outcome_line

HOUR = timedelta(hours=1)
SCHEDULED = {
    "version": "0",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "time": (NOW + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "detail": {},
}
KINDS = {"data-drift", "data-quality", "performance"}
JUDGED = KINDS | {"prediction-drift", "labels"}


@pytest.fixture
def observe(function):
    return function("observe.observe")


def capture(account, lines, at=NOW - HOUR):
    account.objects.write(f"capture/{NAME}/{VARIANT}/{at:%Y/%m/%d/%H}/a.jsonl", "\n".join(lines))


def traffic(package, rows=1200, shift=0.0, score=None, at=NOW - HOUR):
    """Rows and answers as the baseline has them, but for a shift of x or a score of their own."""
    generator = np.random.default_rng(3)
    return [
        capture_line(
            f"{generator.normal(shift):.4f},{generator.choice(['a', 'b', 'c'])}",
            answer(generator.beta(2, 2) if score is None else score, package=package),
            key=f"e{number}",
            at=at + timedelta(seconds=2 * number),
        )
        for number in range(rows)
    ]


def latest(account):
    """What was reported in the hour that SCHEDULED falls into."""
    return json.loads(account.text(f"reports/{NAME}/2013/03/01/12/signals.json"))


def statuses(account):
    return {(signal["kind"], signal["status"]) for signal in latest(account)["signals"]}


def metrics(capsys):
    """Metric values by name, from the embedded metric format on standard output."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return {
        metric["Name"]: line[metric["Name"]][0]
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }


def test_an_hour_of_healthy_traffic_whose_labels_are_missing(account, observe, capsys):
    package = account.champion()
    capture(account, traffic(package))
    assert observe(SCHEDULED) == {"champion": package, "signals": 22}
    found = statuses(account)
    assert {("performance", "NO_DATA"), ("labels", "BREACH")} < found
    assert {status for kind, status in found if kind != "labels"} <= {"OK", "WARN", "NO_DATA"}
    assert metrics(capsys) == {
        "DataDriftBreaches": 0,
        "PredictionDriftBreaches": 0,
        "DataQualityBreaches": 0,
        "LabelBreaches": 1,
    }
    assert account.keys("profiles/") == [
        f"profiles/{NAME}/flights-1.standing/2013/03/01/11.json",
        f"profiles/{NAME}/flights-1/2013/03/01/11.json",
    ]
    assert f"reports/{NAME}/2013/03/01/12/statistics.json" in account.keys("reports/")
    assert account.keys("rejected/") == []


def test_moved_traffic_breaches_and_is_a_violation(account, observe, capsys):
    capture(account, traffic(account.champion(), shift=2.0))
    observe(SCHEDULED)
    found = metrics(capsys)
    assert (found["DataDriftBreaches"], found["PredictionDriftBreaches"]) == (1, 0)
    body = json.loads(account.text(f"reports/{NAME}/2013/03/01/12/constraint_violations.json"))
    assert [v["feature_name"] for v in body["violations"]] == ["x"]


def test_matured_labels_are_joined(account, observe, capsys):
    package = account.champion()
    capture(account, traffic(package, rows=300, score=0.01))
    labels = [outcome_line(f"e{number}", 1) for number in range(300)]
    account.objects.write(f"ground-truth/{NAME}/{NOW - HOUR:%Y/%m/%d/%H}/a.jsonl", "\n".join(labels))
    observe(SCHEDULED)
    found = metrics(capsys)
    assert (found["PerformanceBreaches"], found["LabelBreaches"]) == (1, 0)


@pytest.fixture
def observe_with_age(function):
    """Observes a champion that may be two weeks old."""
    return function("observe.observe", observe_policy=policy_json(ObservePolicy(champion_max_age_days=14)))


@pytest.mark.parametrize(
    ("trained_to", "status", "breaches"),
    [
        ("2013-02-15", "BREACH", 1),
        ("2013-02-16", "OK", 0),
        ("2013-02-15T12:09:00+00:00", "BREACH", 1),
        ("2013-02-15T14:09:00+02:00", "BREACH", 1),
        ("2013-02-15T12:11:00Z", "OK", 0),
        ("2013-03-02", "OK", 0),
        ("some day", "NO_DATA", None),
        (None, "NO_DATA", None),
    ],
)
def test_the_champion_is_as_old_as_what_it_learned(
    account, observe_with_age, capsys, trained_to, status, breaches
):
    account.champion(training_window_end=trained_to)
    observe_with_age(SCHEDULED)
    assert ("model-age", status) in statuses(account)
    assert metrics(capsys).get("ModelAgeBreaches") == breaches


def test_without_a_limit_nobody_speaks_of_age(account, observe, capsys):
    account.champion(training_window_end="1999-01-01")
    observe(SCHEDULED)
    assert "model-age" not in {kind for kind, _ in statuses(account)}
    assert "ModelAgeBreaches" not in metrics(capsys)


def test_the_model_is_not_blamed_for_quarantined_hours_and_they_are_checked_all_the_same(
    account, observe, capsys
):
    package = account.champion()
    capture(account, traffic(package, rows=300, score=0.01, shift=30.0))
    labels = [outcome_line(f"e{number}", 1) for number in range(300)]
    account.objects.write(f"ground-truth/{NAME}/{NOW - HOUR:%Y/%m/%d/%H}/a.jsonl", "\n".join(labels))
    hours = Quarantine(incident="i1", interval=Interval(since=NOW - HOUR), broken=(), at=NOW)
    QuarantinedHours(account.objects).write(hours)
    observe(SCHEDULED)
    found = metrics(capsys)
    assert "PerformanceBreaches" not in found
    assert found["DataQualityBreaches"] > 0
    QuarantinedHours(account.objects).write(
        hours.ending(NOW - HOUR, by="ann", reason="they were right", at=NOW)
    )
    observe(SCHEDULED)
    found = metrics(capsys)
    assert (found["PerformanceBreaches"], found["LabelBreaches"]) == (1, 0)


def test_where_it_cannot_be_read_which_hours_are_quarantined_nothing_is_judged(account, observe):
    package = account.champion()
    capture(account, traffic(package))
    account.objects.write("quarantine/i1.json", "{}")
    observe(SCHEDULED)
    assert {status for _, status in statuses(account)} == {"NO_DATA"}
    assert "quarantine/i1.json" in latest(account)["signals"][0]["reason"]


def written(account):
    return {
        key: account.text(key)
        for folder in ("profiles/", "reports/", "rejected/", "capture/")
        for key in account.keys(folder)
    }


def test_observing_twice_changes_nothing(account, observe):
    capture(account, traffic(account.champion()))
    observe(SCHEDULED)
    first = written(account)
    assert len(first) == 6
    observe(SCHEDULED)
    assert written(account) == first


def assert_no_data(account, observe, capsys, reason):
    """One more observation records NO_DATA of every kind, sends no metric and leaves the traffic alone."""
    capture(account, traffic("any", rows=3))
    before = account.keys("capture/")
    assert observe(SCHEDULED)["champion"] is None
    report = latest(account)
    assert {signal["kind"] for signal in report["signals"]} == KINDS
    assert {signal["status"] for signal in report["signals"]} == {"NO_DATA"}
    assert all(reason in signal["reason"] for signal in report["signals"])
    assert metrics(capsys) == {}
    assert account.calls.changes() == []
    assert account.keys("capture/") == before


def test_no_champion_yet_is_no_data(account, observe, capsys):
    assert_no_data(account, observe, capsys, "there is no champion yet")


def test_a_missing_pointer_is_no_data(account, observe, capsys):
    account.ssm.delete_parameter(Name=CHAMPION_PARAMETER)
    assert_no_data(
        account, observe, capsys, f"{CHAMPION_PARAMETER} does not exist: deploy the Data stack first"
    )


def test_a_baseline_that_the_package_does_not_name_is_no_data(account, observe, capsys):
    account.champion(baseline=None)
    assert_no_data(account, observe, capsys, "carries no baseline")


def test_a_missing_baseline_is_no_data(account, observe, capsys):
    account.champion()
    account.s3.delete_object(Bucket=BUCKET, Key="packages/champion/baseline.json")
    assert_no_data(account, observe, capsys, "baseline.json does not exist")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "not a baseline"),
        ("{}", "not a baseline"),
        ('{"version": 9}', "version 9"),
        ('{"version": 1, "features": [{"name": "x"}]}', "train again"),
        ('{"version": 4, "layout": [{"name": "x"}], "window": ["a", "b"]}', "not a baseline"),
    ],
)
def test_a_broken_baseline_is_no_data(account, observe, capsys, content, reason):
    account.champion(content=content)
    assert_no_data(account, observe, capsys, reason)


def test_a_model_of_no_package_is_no_data(account, observe, capsys):
    account.serve("flights-first", account.model("by-hand", None))
    account.set(CHAMPION_PARAMETER, "by-hand")
    assert_no_data(account, observe, capsys, "names no model package")


def test_an_empty_window_is_no_data_of_the_champion(account, observe, capsys):
    package = account.champion()
    assert observe(SCHEDULED)["champion"] == package
    assert statuses(account) == {(kind, "NO_DATA") for kind in JUDGED}
    assert metrics(capsys) == {}
    assert account.calls.changes() == []


def test_a_malformed_line_is_kept_with_its_place_and_the_rest_is_used(account, observe):
    package = account.champion()
    lines = traffic(package, rows=300)
    lines[7] = "{broken"
    lines[9] = capture_line("1", answer(0.5, package=package), key="narrow", at=NOW - HOUR)
    capture(account, lines)
    observe(SCHEDULED)
    kept = [json.loads(line) for line in account.text(f"rejected/{NAME}/2013/03/01/11.jsonl").splitlines()]
    assert [(item["line"], item["text"]) for item in kept] == [(8, lines[7]), (10, lines[9])]
    stored = json.loads(account.text(f"profiles/{NAME}/flights-1/2013/03/01/11.json"))
    assert stored["hour"]["profile"]["rows"] + stored["hour"]["malformed"] == 300
    assert account.calls.changes() == []


def test_a_malformed_outcome_is_kept_beside_the_hours_lines(account, observe):
    capture(account, ["{traffic", *traffic(account.champion(), rows=10)])
    for back, line in ((1, "{last hour"), (5, "{had its turn")):
        account.objects.write(f"ground-truth/{NAME}/{NOW - back * HOUR:%Y/%m/%d/%H}/a.jsonl", line)
    observe(SCHEDULED)
    kept = account.text(f"rejected/{NAME}/2013/03/01/11.jsonl").splitlines()
    assert [json.loads(line)["text"] for line in kept] == ["{traffic", "{last hour"]


def test_an_hour_of_which_nothing_can_be_read_breaches_quality_alone(account, observe, capsys):
    account.champion()
    capture(account, ["{broken"] * 300)
    observe(SCHEDULED)
    assert metrics(capsys) == {"DataQualityBreaches": 1}
    assert len(account.text(f"rejected/{NAME}/2013/03/01/11.jsonl").splitlines()) == 300


def test_a_new_champion_has_a_baseline_of_its_own(account, observe):
    first = account.champion()
    capture(account, traffic(first, rows=10))
    observe(SCHEDULED)
    second = account.package("second")
    account.set(CHAMPION_PARAMETER, account.model("second-model", second))
    assert observe(SCHEDULED)["champion"] == second
    folders = {key.split("/")[2] for key in account.keys("profiles/")}
    assert folders == {"flights-1", "flights-1.standing", "flights-2", "flights-2.standing"}


@pytest.mark.parametrize(
    "event",
    [{}, [], {"detail-type": "Scheduled Event"}, {"time": "yesterday"}, {"time": 5}, {"time": None}],
)
@pytest.mark.parametrize("folder", ["observe.observe", "observe.sweep"])
def test_an_event_that_does_not_say_when_is_refused_before_anything_is_done(account, function, folder, event):
    account.champion()
    with pytest.raises(UnknownEvent, match="must carry its time"):
        function(folder, incident_machine="arn", topic="arn")(event)
    assert account.calls.made == []
