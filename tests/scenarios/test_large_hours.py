"""An hour too large for the function goes through a processing job, and is judged as the function would have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from demo.stage import DEPLOYMENT, ENDPOINT, Stage, set_up
from twin.account import Twin
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

ROOT = Path(__file__).resolve().parents[2]
FLIGHTS = ROOT / "workloads" / "flights" / "selfheal.yaml"
# New York's traffic is dense from here on.
MORNING = SEED_END.replace(hour=14)
HOURS = 3


@pytest.fixture(scope="module")
def low_threshold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights, as if a few kilobytes an hour were too much for a function."""
    folder = tmp_path_factory.mktemp("low")
    text = FLIGHTS.read_text().replace("observe:\n", "observe:\n  volume: {processing_from_mb: 0.001}\n")
    settings = folder / "selfheal.yaml"
    settings.write_text(text.replace("seed.csv.gz", str(FLIGHTS.parent / "seed.csv.gz")))
    out = folder / "cdk.out"
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(out),
        "CDK_VALIDATION": "false",
        "SELFHEAL_SETTINGS": str(settings),
    }
    subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, check=True, timeout=120)
    return out


def found(stage: Stage) -> dict[str, str]:
    """Everything that observe wrote, by key."""
    s3 = stage.twin.session.client("s3")
    bucket = next(each["Name"] for each in s3.list_buckets()["Buckets"] if "data" in each["Name"])
    pages = s3.get_paginator("list_objects_v2")
    keys = [
        item["Key"]
        for prefix in ("profiles/", "reports/", "rejected/")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix)
        for item in page.get("Contents", ())
    ]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


def live(assembly: Path, state: Path) -> tuple[dict[str, str], list[str]]:
    """What observe wrote in a morning of the flights, and the profile jobs that ran in it."""
    with Twin(state=state, start=MORNING - DEPLOYMENT) as twin:
        stage = set_up(twin, assembly, Replay(start=MORNING, end=MORNING + timedelta(days=1)), MORNING)
        twin.advance_to(MORNING + timedelta(hours=HOURS, minutes=40))
        jobs = [
            job.name for job in twin.jobs.processing_jobs() if job.name.startswith(f"{ENDPOINT}-profile-")
        ]
        assert twin.bus.failed == []
        return found(stage), jobs


def test_an_hour_goes_through_a_job_and_is_judged_alike(assembly, low_threshold, tmp_path):
    by_function, none = live(assembly, tmp_path / "function")
    by_job, jobs = live(low_threshold, tmp_path / "job")
    assert none == []
    assert len(jobs) >= HOURS
    hours = [key for key in by_function if key.startswith("profiles/")]
    assert len(hours) >= HOURS
    assert by_job.keys() == by_function.keys()
    # Said later, since a job takes its time; and each account captures into files with names of its own.
    apart = {"at": "", "sources": ""}
    later = 0
    for key in sorted(by_function):
        one, other = json.loads(by_function[key]), json.loads(by_job[key])
        assert {**other, **apart} == {**one, **apart}, key
        later += other.get("at", "") > one.get("at", "")
    assert later == HOURS
