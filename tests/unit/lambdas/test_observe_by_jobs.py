"""The observe function with hours that are too large for it: asked for, awaited, found, and judged alike."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from moto.sagemaker.models import sagemaker_backends

from pipelines.steps import profile
from selfheal.observe.policy import ObservePolicy, PerformancePolicy
from selfheal.observe.quality.volume import VolumePolicy
from selfheal.settings import policy_json
from unit.account import BUCKET, NAME, REGION
from unit.lambdas.test_observe import HOUR, SCHEDULED, capture, latest, traffic
from unit.samples import NOW

POLICY = ObservePolicy(performance=PerformancePolicy(min_labels=50, mature_hours=0))
LOW = policy_json(replace(POLICY, volume=VolumePolicy(processing_from_mb=0.001, processing_instances=2)))
REPORT = "reports/flights/2013/03/01/12"


def event(at, name="flights-profile-2013030111-x-1"):
    """A job came to its end."""
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Processing Job State Change",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "detail": {"ProcessingJobName": name, "ProcessingJobStatus": "Completed"},
    }


def scheduled(at):
    return {**SCHEDULED, "time": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def forget():
    """As a new execution environment would."""
    importlib.import_module("lambdas.observe.observe.handler").observer.cache_clear()


class Jobs:
    """The account's profile jobs, which run when a test says so."""

    def __init__(self, account, folder: Path):
        self._account, self._folder = account, folder
        self.names = []

    def note(self):
        asked = self._account.calls.of("CreateProcessingJob")
        self.names += [arguments["ProcessingJobName"] for arguments in asked]
        for name in self.names:
            self.become(name, "InProgress")

    def become(self, name, status, reason=""):
        job = sagemaker_backends["123456789012"][REGION].processing_jobs[name]
        if job.processing_job_status != "Completed" or name in self.names:
            job.processing_job_status, job.failure_reason = status, reason

    def run(self, name):
        """On one machine; what SageMaker brings and takes is done here."""
        source, target = self._folder / name / "in", self._folder / name / "out"
        (source / "request").mkdir(parents=True)
        text = self._account.text(f"profiling/{NAME}/{name}/request.json")
        (source / "request" / "request.json").write_text(text)
        common, *names = json.loads(self._account.text(f"profiling/{NAME}/{name}/capture.manifest"))
        for each in names:
            path = source / "capture" / each
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._account.text(common["prefix"].removeprefix(f"s3://{BUCKET}/") + each))
        (source / "resources.json").write_text('{"current_host": "algo-1"}')
        profile.main(source, target, source / "resources.json")
        for path in target.rglob("*.json"):
            self._account.objects.write(f"profiling/{NAME}/{name}/hours/{path.name}", path.read_text())
        self.become(name, "Completed")


@pytest.fixture
def jobs(account, tmp_path):
    return Jobs(account, tmp_path)


@pytest.fixture
def observe(function):
    return function("observe.observe", observe_policy=LOW)


def test_a_large_hour_is_awaited_and_then_judged_as_the_function_would(account, function, jobs):
    capture(account, traffic(account.champion()))
    function("observe.observe")(SCHEDULED)
    keys = [*account.keys("profiles/"), *account.keys("reports/")]
    expected = {key: account.text(key) for key in keys}
    for key in keys:
        account.s3.delete_object(Bucket=BUCKET, Key=key)
    forget()
    observe = function("observe.observe", observe_policy=LOW)
    observe(SCHEDULED)
    jobs.note()
    (name,) = jobs.names
    said = {signal["kind"]: signal for signal in latest(account)["signals"]}
    assert {signal["status"] for signal in said.values()} == {"NO_DATA"}
    assert f"job {name} profiles 1 files" in said["data-drift"]["reason"]
    assert not [key for key in account.keys("profiles/") if ".standing" not in key]
    assert f"{REPORT}/statistics.json" not in account.keys("reports/")

    jobs.run(name)
    observe(event(NOW + timedelta(minutes=16)))
    for key, text in expected.items():
        found = json.loads(account.text(key))
        assert {**found, "at": ""} == {**json.loads(text), "at": ""}, key


def test_a_lost_event_costs_nothing_but_time(account, observe, jobs):
    capture(account, traffic(account.champion()))
    observe(SCHEDULED)
    jobs.note()
    jobs.run(jobs.names[0])
    observe(scheduled(NOW + timedelta(minutes=70)))
    hours = [key for key in account.keys("profiles/") if ".standing" not in key]
    assert hours == [f"profiles/{NAME}/flights-1/2013/03/01/{hour}.json" for hour in (11, 12)]


def test_an_hour_that_came_after_the_next_one_is_found_within_a_day(account, observe, jobs):
    package = account.champion()
    capture(account, traffic(package, rows=3, at=NOW - 2 * HOUR), at=NOW - 2 * HOUR)
    observe(scheduled(NOW + timedelta(minutes=10) - HOUR))
    jobs.note()
    jobs.run(jobs.names[0])
    capture(account, traffic(package))
    observe(SCHEDULED)
    jobs.note()
    for hours in (1, 2, 3):
        observe(scheduled(NOW + timedelta(hours=hours, minutes=10)))
    (name,) = [each for each in jobs.names if "2013030111" in each]
    jobs.run(name)
    observe(event(NOW + timedelta(hours=3, minutes=20)))
    stored = [key.rpartition("/")[2] for key in account.keys("profiles/") if ".standing" not in key]
    assert stored == [f"{hour}.json" for hour in ("10", "11", "12", "13", "14")]


def test_a_job_that_fails_is_in_the_report_and_in_the_log(account, observe, jobs, capsys):
    capture(account, traffic(account.champion()))
    observe(SCHEDULED)
    jobs.note()
    jobs.become(jobs.names[0], "Failed", "AlgorithmError: the disk is full")
    observe(event(NOW + timedelta(minutes=16)))
    reasons = {signal["reason"] for signal in latest(account)["signals"] if signal["kind"] == "data-drift"}
    assert len(reasons) == 1
    assert (
        f"job {jobs.names[0]} failed: AlgorithmError: the disk is full; job flights-profile-" in reasons.pop()
    )


def test_a_jobs_end_early_in_an_hour_does_not_judge_the_hour_before_its_files_came(account, observe, jobs):
    capture(account, traffic(account.champion()))
    observe(SCHEDULED)
    jobs.note()
    jobs.run(jobs.names[0])
    observe(event(NOW + HOUR + timedelta(minutes=4)))
    stored = [key for key in account.keys("profiles/") if ".standing" not in key]
    assert stored == [f"profiles/{NAME}/flights-1/2013/03/01/11.json"]


def test_what_has_matured_is_judged_meanwhile(account, observe, jobs):
    package = account.champion()
    capture(account, traffic(package, rows=3, at=NOW - 2 * HOUR), at=NOW - 2 * HOUR)
    observe(scheduled(NOW + timedelta(minutes=10) - HOUR))
    jobs.note()
    jobs.run(jobs.names[0])
    observe(event(NOW - HOUR + timedelta(minutes=20)))
    capture(account, traffic(package))
    observe(SCHEDULED)
    said = {signal["kind"]: signal["reason"] for signal in latest(account)["signals"]}
    assert "profiles 1 files" in said["data-drift"]
    assert "profiles" not in said["performance"]
