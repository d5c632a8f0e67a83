"""Profile jobs: asked as often as one likes, started once; what they find, and what is said when they fail."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import sagemaker_backends

from selfheal.aws.profile_job import ATTEMPTS, ProfileJobs
from selfheal.aws.profile_job_arguments import JobPlan, JobSettings, job_arguments
from selfheal.aws.traffic_store import TrafficStore
from selfheal.observe.quality.volume import Place, VolumePolicy
from unit.account import BUCKET, IMAGE, NAME, REGION, VARIANT
from unit.pipelines.captured import FOLDER, HOUR, PREFIX, by_shards, captured, reading
from unit.samples import CHAMPION, NOW, baseline

SPARK = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5-cpu-py312-v1.4"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0a1b"
SETTINGS = JobSettings(
    role_arn="arn:aws:iam::123456789012:role/profile-jobs",
    image_uri=IMAGE,
    spark_image_uri=SPARK,
    source_uri="s3://assets/source.tar.gz",
    kms_key_arn=KEY,
    volume_kms_key_arn=KEY,
    instance_type="ml.m5.2xlarge",
    volume_gb=100,
    max_run_minutes=50,
)
SMALL = VolumePolicy(processing_from_mb=0.001, processing_instances=3)


class Hour:
    """An hour's files in the bucket, and the jobs that are asked about them."""

    def __init__(self, account, folder, policy=SMALL):
        self.account, self.folder = account, folder
        self.files = captured()
        self.store = TrafficStore(account.objects, NAME, VARIANT)
        self.jobs = ProfileJobs(account.sagemaker, account.objects, NAME, settings=SETTINGS, policy=policy)
        self.put(self.files)

    def put(self, files):
        for name, body in files.items():
            self.account.s3.put_object(Bucket=BUCKET, Key=name, Body=body)
            self.files[name] = body

    def look(self, now=NOW):
        return self.jobs.look(self.store.folders([FOLDER]), self.store.capture, reading(), now)

    def known(self, now=NOW):
        return self.look(now).get(FOLDER)

    def started(self):
        return [arguments["ProcessingJobName"] for arguments in self.account.calls.of("CreateProcessingJob")]

    def becomes(self, name, status, reason=""):
        job = sagemaker_backends["123456789012"][REGION].processing_jobs[name]
        job.processing_job_status, job.failure_reason = status, reason

    def completes(self, name, files=None):
        target = by_shards(self.files if files is None else files, 3, self.folder / name)
        for path in (target / "hours").iterdir():
            self.account.objects.write(f"profiling/{NAME}/{name}/hours/{path.name}", path.read_text())
        self.becomes(name, "Completed")


@pytest.fixture
def hour(account, tmp_path):
    return Hour(account, tmp_path)


def begun(hour):
    assert hour.known().awaited
    (name,) = hour.started()
    hour.becomes(name, "InProgress")
    return name


def test_a_small_hour_is_nobody_elses_business(account, tmp_path):
    hour = Hour(account, tmp_path, VolumePolicy())
    assert hour.look() == {}
    assert hour.started() == []


def test_an_hour_that_has_not_closed_is_left_alone(hour):
    assert hour.known(now=NOW - HOUR).awaited == "the hour of 11:00 has not closed"
    assert hour.started() == []


def test_a_job_is_asked_for_once_however_often_one_looks(hour):
    name = begun(hour)
    assert name.startswith(f"{NAME}-profile-2013030111-")
    assert len(name) <= 63
    for _ in range(2):
        known = hour.known()
        assert known.parts == ()
        assert f"job {name} profiles 7 files of 0." in known.awaited
    assert hour.started() == [name]


def test_it_is_told_the_files_that_were_listed_and_no_others(account, hour):
    name = begun(hour)
    manifest = json.loads(account.text(f"profiling/{NAME}/{name}/capture.manifest"))
    assert manifest[0] == {"prefix": f"s3://{BUCKET}/{PREFIX}"}
    assert manifest[1:] == [key.removeprefix(PREFIX) for key in sorted(hour.files)]
    (arguments,) = account.calls.of("CreateProcessingJob")
    capture = next(each for each in arguments["ProcessingInputs"] if each["InputName"] == "capture")[
        "S3Input"
    ]
    assert capture["S3Uri"] == f"s3://{BUCKET}/profiling/{NAME}/{name}/capture.manifest"
    assert (capture["S3DataType"], capture["S3DataDistributionType"]) == ("ManifestFile", "ShardedByS3Key")
    assert arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 3


def test_what_it_found_makes_the_hour_that_the_function_makes(hour):
    (expected,) = [stored for stored, _ in hour.store.observe([FOLDER], CHAMPION, baseline())]
    hour.completes(begun(hour))
    folders = hour.store.folders([FOLDER])
    found = hour.store.observe([FOLDER], CHAMPION, baseline(), folders, hour.look())
    assert [(stored.hour.to_json(), stored.sources) for stored, _ in found] == [
        (expected.hour.to_json(), expected.sources)
    ]


def test_an_hour_that_is_awaited_is_left_out(hour):
    folders = hour.store.folders([FOLDER])
    assert hour.store.observe([FOLDER], CHAMPION, baseline(), folders, hour.look()) == []


def test_a_late_file_makes_another_job_of_all_of_them(hour):
    first = begun(hour)
    hour.completes(first)
    hour.put({f"{PREFIX}2013/03/01/11/late.jsonl": next(iter(captured(files=1, seed=8).values()))})
    assert "8 files" in hour.known().awaited
    _, second = hour.started()
    hour.completes(second)
    parts = hour.known().parts
    assert {name for part in parts for name in part.files} == set(hour.files)


def test_a_failed_job_is_told_and_tried_again_but_not_for_ever(hour):
    hour.known()
    for attempt in range(1, ATTEMPTS + 1):
        name = hour.started()[-1]
        assert name.endswith(f"-{attempt}")
        hour.becomes(name, "Failed", f"no capacity {attempt}")
        known = hour.known()
        assert f"job {name} failed: no capacity {attempt}" in known.awaited
    assert known.awaited.startswith("7 files of 0.")
    assert "could not be profiled: " in known.awaited
    hour.known()
    assert len(hour.started()) == ATTEMPTS


def test_a_result_that_lacks_a_file_is_a_failure(hour):
    name = begun(hour)
    hour.completes(name, dict(list(hour.files.items())[1:]))
    assert f"job {name} completed without 1 of 7 files" in hour.known().awaited
    assert f"{PREFIX}2013/03/01/11/00.jsonl among them" in hour.known().awaited


def test_no_room_for_a_job_is_said_and_asked_again(account, hour):
    refused = {"Error": {"Code": "ResourceLimitExceeded", "Message": "no more ml.m5.2xlarge"}}
    account.calls.answers["CreateProcessingJob"] = ClientError(refused, "CreateProcessingJob")
    assert "could not begin and is tried again" in hour.known().awaited
    assert "no more ml.m5.2xlarge" in hour.known().awaited
    del account.calls.answers["CreateProcessingJob"]
    assert "profiles 7 files" in hour.known().awaited


def test_two_that_ask_in_one_moment_are_one(account, hour):
    taken = {"Error": {"Code": "ResourceInUse", "Message": "the name exists"}}
    account.calls.answers["CreateProcessingJob"] = ClientError(taken, "CreateProcessingJob")
    assert "profiles 7 files" in hour.known().awaited


def test_what_nobody_foresaw_is_raised(account, hour):
    denied = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    account.calls.answers["CreateProcessingJob"] = ClientError(denied, "CreateProcessingJob")
    with pytest.raises(ClientError, match="AccessDenied"):
        hour.known()


def plan(place, files=40):
    return JobPlan(
        name="flights-profile-1",
        place=place,
        files=files,
        bucket=BUCKET,
        folder="profiling/x",
        rejected="rejected/x",
    )


class TestArguments:
    @pytest.mark.parametrize("place", [Place.PROCESSING, Place.SPARK])
    def test_every_argument_fits(self, place):
        entry = job_arguments(plan(place), SETTINGS, VolumePolicy())["AppSpecification"][
            "ContainerEntrypoint"
        ]
        assert all(len(argument) <= 256 for argument in entry)

    def test_spark_reads_the_files_where_they_lie(self):
        arguments = job_arguments(plan(Place.SPARK), SETTINGS, VolumePolicy())
        assert arguments["AppSpecification"]["ImageUri"] == SPARK
        assert arguments["AppSpecification"]["ContainerEntrypoint"][-1] == f"s3a://{BUCKET}/"
        assert [given["InputName"] for given in arguments["ProcessingInputs"]] == ["source", "request"]
        assert arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 10

    @pytest.mark.parametrize(("files", "count"), [(1, 1), (3, 3), (40, 4)])
    def test_no_machine_is_without_a_file(self, files, count):
        arguments = job_arguments(plan(Place.PROCESSING, files), SETTINGS, VolumePolicy())
        assert arguments["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == count
