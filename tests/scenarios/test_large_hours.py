"""An hour too large for the function goes through a processing job, and is judged as the function would have."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cached_property

from demo.stage import DEPLOYMENT, ENDPOINT, set_up
from twin.account import Twin
from twin.interfaces import Invocation
from workloads.flights.data import SEED_END
from workloads.flights.replay import Replay

# New York's traffic is dense from here on.
MORNING = SEED_END.replace(hour=14)
HOURS = 3
PREFIXES = ("profiles/", "reports/", "rejected/")
FUNCTION = f"{ENDPOINT}-observe"
POLICY = "SELFHEAL_OBSERVE_POLICY"


class Observed:
    """What observe writes in an account, and what woke it on schedule."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self._s3 = twin.session.client("s3")
        self._scheduled: list[bytes] = []
        twin.functions.listen(self._note)

    @cached_property
    def _bucket(self) -> str:
        return next(each["Name"] for each in self._s3.list_buckets()["Buckets"] if "data" in each["Name"])

    def _note(self, invocation: Invocation) -> None:
        scheduled = json.loads(invocation.payload).get("detail-type") == "Scheduled Event"
        if invocation.function == FUNCTION and scheduled:
            self._scheduled.append(invocation.payload)

    def files(self) -> dict[str, str]:
        """Everything that it wrote, by key."""
        return {
            key: self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
            for key in self._keys()
        }

    def again(self) -> dict[str, str]:
        """What it writes of the same captured files when it is woken anew, as it was on schedule."""
        for key in self._keys():
            self._s3.delete_object(Bucket=self._bucket, Key=key)
        woken, self._scheduled = self._scheduled, []
        for event in woken:
            answer = self._twin.functions.invoke(FUNCTION, event)
            assert not answer.errored, answer.result
        return self.files()

    def read_up_to(self, megabytes: float) -> None:
        """Leave larger hours to a processing job from now on."""
        functions = self._twin.session.client("lambda")
        found = functions.get_function_configuration(FunctionName=FUNCTION)
        variables = found["Environment"]["Variables"]
        policy = json.loads(variables[POLICY])
        policy["volume"]["processing_from_mb"] = megabytes
        functions.update_function_configuration(
            FunctionName=FUNCTION,
            Environment={"Variables": {**variables, POLICY: json.dumps(policy)}},
        )

    def _keys(self) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2")
        return [
            item["Key"]
            for prefix in PREFIXES
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix)
            for item in page.get("Contents", ())
        ]


def profile_jobs(twin: Twin) -> list[str]:
    return [job.name for job in twin.jobs.processing_jobs() if job.name.startswith(f"{ENDPOINT}-profile-")]


def test_an_hour_goes_through_a_job_and_is_judged_alike(synthesized, tmp_path):
    with Twin(state=tmp_path, start=MORNING - DEPLOYMENT) as twin:
        observed = Observed(twin)
        set_up(twin, synthesized, Replay(start=MORNING, end=MORNING + timedelta(days=1)), MORNING)
        # As if a kilobyte an hour were too much for the function.
        observed.read_up_to(0.001)
        twin.advance_to(MORNING + timedelta(hours=HOURS, minutes=40))
        by_job, jobs = observed.files(), profile_jobs(twin)
        observed.read_up_to(100)
        by_function = observed.again()
        assert len(jobs) >= HOURS
        assert profile_jobs(twin) == jobs
        assert twin.bus.failed == []
    assert len([key for key in by_function if key.startswith("profiles/")]) >= HOURS
    assert by_job.keys() == by_function.keys()
    later = 0
    for key in sorted(by_function):
        one, other = json.loads(by_function[key]), json.loads(by_job[key])
        # Said later, since a job takes its time.
        assert {**other, "at": ""} == {**one, "at": ""}, key
        later += other.get("at", "") > one.get("at", "")
    assert later == HOURS
