"""Training and processing jobs run real programs under the /opt/ml contract, in virtual time."""

from __future__ import annotations

import gzip
import inspect
import io
import json
import tarfile
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from moto.core.responses import BaseResponse
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from tests.twin.sagemaker_account import (
    BUCKET,
    IMAGE,
    START,
    account,
    processing_request,
    source_archive,
    training_request,
)
from twin.interfaces import TwinError
from twin.jobs import Conditions
from twin.jobs.sandbox import Sandbox
from twin.jobs.storage import pack

COPY = """
import pathlib, shutil, sys
source, target = map(pathlib.Path, sys.argv[1:])
for path in source.rglob("*"):
    if path.is_file():
        copy = target / "deep" / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
"""
SHARE = """
import json, pathlib, sys
source, target = map(pathlib.Path, sys.argv[1:3])
me = json.loads(pathlib.Path(sys.argv[3]).read_text())
files = sorted(path.name for path in source.rglob("*.csv"))
(target / (me["current_host"] + ".json")).write_text(json.dumps({"files": files, "hosts": me["hosts"]}))
"""
SECOND_FAILS = """
import json, pathlib, sys
me = json.loads(pathlib.Path(sys.argv[1]).read_text())["current_host"]
(pathlib.Path(sys.argv[2]) / me).write_text(me)
sys.exit(f"{me} has no disk" if me == "algo-2" else 0)
"""
PROCESSING_EVENT = "SageMaker Processing Job State Change"
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"


@pytest.fixture
def twin(tmp_path):
    with account(tmp_path) as twin:
        yield twin


def run_processing(twin, script, *, name="job", minutes=5, **options):
    request = processing_request(name, twin.put("code/step.py", script), **options)
    twin.sagemaker.create_processing_job(**request)
    twin.advance(minutes=minutes)
    return twin.sagemaker.describe_processing_job(ProcessingJobName=name)


def run_training(twin, script, *, name="train", minutes=7, **options):
    archive = twin.put("code/sourcedir.tar.gz", source_archive(train__py=script))
    twin.sagemaker.create_training_job(**training_request(name, archive, **options))
    twin.advance(minutes=minutes)
    return twin.sagemaker.describe_training_job(TrainingJobName=name)


def refusal(call, **request):
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]["Code"], str(caught.value)


class TestProcessing:
    def test_inputs_come_down_and_outputs_go_up_with_their_folders(self, twin):
        twin.put("raw/2013/a.csv", "1")
        twin.put("raw/b.csv", "2")
        twin.put("raw/2013/", "")
        job = run_processing(
            twin,
            COPY,
            inputs={"raw": (f"s3://{BUCKET}/raw", IN)},
            outputs={"copy": (f"s3://{BUCKET}/copy/", OUT)},
            arguments=[IN, OUT],
        )
        assert job["ProcessingJobStatus"] == "Completed"
        assert twin.keys("copy/") == ["copy/deep/2013/a.csv", "copy/deep/b.csv"]
        assert twin.read("copy/deep/2013/a.csv") == b"1"

    def test_is_in_progress_with_no_output_until_its_virtual_end(self, twin):
        twin.put("raw/a", "1")
        options = {"inputs": {"raw": (f"s3://{BUCKET}/raw", IN)}, "outputs": {"o": (f"s3://{BUCKET}/o", OUT)}}
        job = run_processing(twin, COPY, arguments=[IN, OUT], minutes=3, **options)
        assert job["ProcessingJobStatus"] == "InProgress"
        assert twin.keys("o/") == []
        twin.advance(minutes=1)
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert job["ProcessingJobStatus"] == "Completed"
        assert job["ProcessingEndTime"] == START + timedelta(minutes=4)
        assert twin.keys("o/") == ["o/deep/a"]

    def test_a_manifest_names_its_files(self, twin):
        for name in "abc":
            twin.put(f"pool/{name}.csv", name)
        manifest = twin.put("m.json", json.dumps([{"prefix": f"s3://{BUCKET}/pool/"}, "a.csv", "c.csv"]))
        request = processing_request(
            "job",
            twin.put("code/step.py", COPY),
            inputs={"m": (manifest, IN)},
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
            arguments=[IN, OUT],
        )
        request["ProcessingInputs"][1]["S3Input"]["S3DataType"] = "ManifestFile"
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        assert twin.keys("o/") == ["o/deep/a.csv", "o/deep/c.csv"]

    @pytest.mark.parametrize("kind", ["S3Prefix", "ManifestFile"])
    def test_machines_share_an_input_out_and_upload_into_one_place(self, twin, kind):
        for name in "abcd":
            twin.put(f"pool/{name}.csv", name)
        pool = f"s3://{BUCKET}/pool"
        if kind == "ManifestFile":
            names = [f"{name}.csv" for name in "abcd"]
            pool = twin.put("m.json", json.dumps([{"prefix": f"{pool}/"}, *names]))
        request = processing_request(
            "job",
            twin.put("code/step.py", SHARE),
            inputs={"pool": (pool, IN)},
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
            arguments=[IN, OUT, "/opt/ml/config/resourceconfig.json"],
        )
        request["ProcessingInputs"][1]["S3Input"] |= {
            "S3DataType": kind,
            "S3DataDistributionType": "ShardedByS3Key",
        }
        request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 3
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        left = [json.loads(twin.read(f"o/algo-{number}.json")) for number in (1, 2, 3)]
        assert sorted(name for machine in left for name in machine["files"]) == [f"{n}.csv" for n in "abcd"]
        assert [len(machine["files"]) for machine in left] == [2, 1, 1]
        assert {tuple(machine["hosts"]) for machine in left} == {("algo-1", "algo-2", "algo-3")}

    def test_one_machine_that_fails_fails_the_job(self, twin):
        twin.put("pool/a.csv", "1")
        request = processing_request(
            "job",
            twin.put("code/step.py", SECOND_FAILS),
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
            arguments=["/opt/ml/config/resourceconfig.json", OUT],
        )
        request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert job["ProcessingJobStatus"] == "Failed"
        assert "algo-2 has no disk" in job["FailureReason"]
        assert twin.keys("o/") == []
        statuses = [detail["ProcessingJobStatus"] for detail in twin.bus.details(PROCESSING_EVENT)]
        assert statuses == ["InProgress", "Failed"]

    def test_an_empty_prefix_fails_the_job_in_sagemakers_words(self, twin):
        job = run_processing(twin, COPY, inputs={"raw": (f"s3://{BUCKET}/nothing", IN)})
        assert job["ProcessingJobStatus"] == "Failed"
        assert f'No S3 objects found under S3 URL "s3://{BUCKET}/nothing"' in job["FailureReason"]

    def test_a_failing_program_leaves_its_message_and_no_output(self, twin):
        script = """
import pathlib, sys
pathlib.Path(sys.argv[1], "half.csv").write_text("half")
pathlib.Path(sys.argv[2]).write_text("no flights in the window")
sys.exit(3)
"""
        job = run_processing(
            twin,
            script,
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
            arguments=[OUT, "/opt/ml/output/message"],
        )
        assert job["ProcessingJobStatus"] == "Failed"
        assert job["FailureReason"] == "AlgorithmError: no flights in the window, exit code: 3"
        assert job["ExitMessage"] == "no flights in the window"
        assert twin.keys("o/") == []

    def test_a_manifest_cannot_lead_out_of_its_channel(self, twin):
        manifest = twin.put("m.json", json.dumps([{"prefix": f"s3://{BUCKET}/"}, "../../../../code/step.py"]))
        request = processing_request("job", twin.put("code/step.py", COPY), inputs={"m": (manifest, IN)})
        request["ProcessingInputs"][1]["S3Input"]["S3DataType"] = "ManifestFile"
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert "no path below its channel" in job["FailureReason"]

    def test_death_by_signal_is_told_as_a_container_tells_it(self, twin):
        job = run_processing(twin, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        assert job["FailureReason"].endswith("exit code: 137")

    def test_a_failing_program_without_a_message_fails_with_its_last_line(self, twin):
        job = run_processing(twin, "raise ValueError('bad column')")
        assert job["FailureReason"] == "AlgorithmError: ValueError: bad column, exit code: 1"

    def test_a_program_over_its_time_is_stopped(self, twin):
        job = run_processing(
            twin, "import time; time.sleep(60)", StoppingCondition={"MaxRuntimeInSeconds": 1}
        )
        assert job["ProcessingJobStatus"] == "Stopped"

    def test_a_shell_entry_point_and_the_environment_see_the_sandbox(self, twin):
        request = processing_request(
            "job",
            twin.put("code/step.py", COPY),
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
            Environment={"TARGET": f"{OUT}/x.txt"},
        )
        request["AppSpecification"]["ContainerEntrypoint"] = ["/bin/sh", "-c", f'pwd > "$TARGET" && ls {OUT}']
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        assert twin.keys("o/") == ["o/x.txt"]

    def test_the_configuration_files_tell_the_request(self, twin):
        script = """
import json, pathlib, sys
config, target = map(pathlib.Path, sys.argv[1:])
merged = {path.stem: json.loads(path.read_text()) for path in config.glob("*.json")}
(target / "all.json").write_text(json.dumps(merged))
"""
        run_processing(
            twin,
            script,
            arguments=["/opt/ml/config", OUT],
            outputs={"o": (f"s3://{BUCKET}/o", OUT)},
        )
        config = json.loads(twin.read("o/all.json"))
        assert config["resourceconfig"]["hosts"] == ["algo-1"]
        assert config["processingjobconfig"]["ProcessingJobName"] == "job"
        assert config["processingjobconfig"]["AppSpecification"]["ImageUri"] == IMAGE

    def test_stopping_hands_nothing_over(self, twin):
        twin.put("raw/a", "1")
        options = {"inputs": {"raw": (f"s3://{BUCKET}/raw", IN)}, "outputs": {"o": (f"s3://{BUCKET}/o", OUT)}}
        run_processing(twin, COPY, arguments=[IN, OUT], minutes=2, **options)
        twin.sagemaker.stop_processing_job(ProcessingJobName="job")
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert job["ProcessingJobStatus"] == "Stopping"
        twin.advance(minutes=10)
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert job["ProcessingJobStatus"] == "Stopped"
        assert twin.keys("o/") == []

    def test_events_carry_the_description_with_times_in_milliseconds(self, twin):
        run_processing(twin, "print('done')", Tags=[{"Key": "team", "Value": "ml"}])
        details = twin.bus.details("SageMaker Processing Job State Change")
        assert [detail["ProcessingJobStatus"] for detail in details] == ["InProgress", "Completed"]
        assert details[-1]["CreationTime"] == round(START.timestamp() * 1000)
        assert details[-1]["Tags"] == {"team": "ml"}


class TestIsolation:
    def test_a_job_cannot_import_the_repository_but_its_packages(self, twin):
        script = """
import subprocess, sys
import numpy
for command in (["-c", "import selfheal"], ["-c", "import twin"]):
    if subprocess.run([sys.executable, *command], stderr=subprocess.DEVNULL).returncode == 0:
        sys.exit("a child process can import the repository")
import selfheal
"""
        job = run_processing(twin, script)
        assert "No module named 'selfheal'" in job["FailureReason"]

    def test_a_job_does_not_inherit_the_hosts_environment(self, twin, monkeypatch):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
        monkeypatch.setenv("PYTHONPATH", "/somewhere")
        script = "import os, sys; sys.exit(' '.join(sorted(os.environ)))"
        reason = run_processing(twin, script)["FailureReason"]
        assert "HOME" in reason
        assert "AWS_SECRET_ACCESS_KEY" not in reason
        assert "PYTHONPATH" not in reason

    @pytest.mark.parametrize(("own", "found"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")])
    def test_threads_do_not_spin_unless_the_job_says_so(self, twin, own, found):
        script = "import os, sys; sys.exit(os.environ['OMP_WAIT_POLICY'])"
        job = run_processing(twin, script, Environment=own)
        assert f"AlgorithmError: {found}" in job["FailureReason"]

    def test_code_that_is_shipped_can_be_imported(self, twin):
        twin.put("code/selfheal/__init__.py", "VALUE = 41 + 1")
        script = twin.put("code/step.py", "import selfheal, sys; sys.exit(f'got {selfheal.VALUE}')")
        request = processing_request("job", script)
        request["ProcessingInputs"][0]["S3Input"]["S3Uri"] = f"s3://{BUCKET}/code/"
        twin.sagemaker.create_processing_job(**request)
        twin.advance(minutes=5)
        job = twin.sagemaker.describe_processing_job(ProcessingJobName="job")
        assert "got 42" in job["FailureReason"]

    @pytest.mark.parametrize(
        ("text", "rewritten"),
        [
            ("/opt/ml/model", "{root}/model"),
            ("--out=/opt/ml/output/data", "--out={root}/output/data"),
            ("cat /opt/ml/a >/opt/ml/b", "cat {root}/a >{root}/b"),
            ("/opt/ml", "{root}"),
            ("/opt/mlflow", "/opt/mlflow"),
            ("/srv/opt/ml/x", "/srv/opt/ml/x"),
        ],
    )
    def test_only_the_containers_own_paths_are_rewritten(self, tmp_path, text, rewritten):
        assert Sandbox(tmp_path).rewrite(text) == rewritten.format(root=tmp_path / "opt" / "ml")


TRAIN = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--max_depth", type=int)
parser.add_argument("--objective")
options = parser.parse_args()
rows = (pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]) / "a.csv").read_text().splitlines()
for number, auc in enumerate([0.61, 0.68]):
    print(f"[{number}] validation-auc:{auc}")
model = pathlib.Path(os.environ["SM_MODEL_DIR"], "model.json")
model.write_text(json.dumps({"rows": len(rows), **vars(options)}))
names = ["SM_NUM_GPUS", "SM_HPS", "SM_CURRENT_HOST", "SM_HOSTS", "SM_MODULE_NAME"]
told = {name: os.environ[name] for name in names}
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "told.json").write_text(json.dumps(told))
config = pathlib.Path(os.environ["SM_INPUT_CONFIG_DIR"])
assert {path.name for path in config.iterdir()} == {
    "hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"
}
"""


def unpacked(archive, name):
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as entries:
        return json.loads(entries.extractfile(name).read())


class TestTraining:
    @pytest.fixture
    def trained(self, twin):
        twin.put("train/a.csv", "1\n2\n3\n")
        request = training_request(
            "train",
            twin.put("code/sourcedir.tar.gz", source_archive(train__py=TRAIN)),
            channels={"train": f"s3://{BUCKET}/train"},
            # As the SDK encodes them, and plain.
            hyperparameters={"max_depth": "3", "objective": '"binary:logistic"'},
        )
        request["AlgorithmSpecification"]["MetricDefinitions"] = [
            {"Name": "auc", "Regex": "validation-auc:([0-9.]+)"},
            {"Name": "absent", "Regex": "loss=([0-9.]+)"},
        ]
        twin.sagemaker.create_training_job(**request)
        twin.advance(minutes=7)
        return twin.sagemaker.describe_training_job(TrainingJobName="train")

    def test_script_mode_trains_on_its_channels_with_its_hyperparameters(self, twin, trained):
        assert trained["TrainingJobStatus"] == "Completed"
        uri = trained["ModelArtifacts"]["S3ModelArtifacts"]
        assert uri == f"s3://{BUCKET}/models/train/output/model.tar.gz"
        model = unpacked(twin.read("models/train/output/model.tar.gz"), "model.json")
        assert model == {"rows": 3, "max_depth": 3, "objective": "binary:logistic"}
        told = unpacked(twin.read("models/train/output/output.tar.gz"), "told.json")
        assert json.loads(told["SM_HPS"]) == {"max_depth": 3, "objective": "binary:logistic"}
        assert told["SM_MODULE_NAME"] == "train"
        assert json.loads(told["SM_HOSTS"]) == [told["SM_CURRENT_HOST"]]

    def test_metrics_are_the_last_values_in_the_log(self, trained):
        (metric,) = trained["FinalMetricDataList"]
        assert (metric["MetricName"], round(metric["Value"], 6)) == ("auc", 0.68)

    def test_times_are_virtual(self, trained):
        assert trained["TrainingEndTime"] == START + timedelta(minutes=6)
        assert trained["TrainingTimeInSeconds"] == trained["BillableTimeInSeconds"] == 300

    def test_events_tell_every_secondary_status(self, twin, trained):
        details = twin.bus.details("SageMaker Training Job State Change")
        told = [(detail["TrainingJobStatus"], detail["SecondaryStatus"]) for detail in details]
        assert told == [
            ("InProgress", "Starting"),
            ("InProgress", "Training"),
            ("InProgress", "Uploading"),
            ("Completed", "Completed"),
        ]

    def test_the_program_runs_as_a_module_and_imports_from_the_archives_root(self, twin):
        archive = source_archive(
            **{
                "train__py": "from steps.shared import VALUE\nassert __spec__.name == 'train'\nprint(VALUE)",
                "steps/shared__py": "VALUE = 1",
            }
        )
        twin.sagemaker.create_training_job(**training_request("train", twin.put("code/s.tar.gz", archive)))
        twin.advance(minutes=7)
        job = twin.sagemaker.describe_training_job(TrainingJobName="train")
        assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")

    def test_a_program_in_a_folder_is_refused(self, twin):
        """`python -m steps/train` finds nothing, in the image as here."""
        request = training_request("train", twin.put("code/s.tar.gz", source_archive(train__py="")))
        request["HyperParameters"]["sagemaker_program"] = "steps/train.py"
        with pytest.raises(TwinError, match="root of the source archive"):
            twin.sagemaker.create_training_job(**request)

    def test_a_metric_that_is_no_number_is_named(self, twin):
        archive = twin.put("code/s.tar.gz", source_archive(train__py="print('auc: none')"))
        request = training_request("train", archive)
        request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "auc", "Regex": "auc: (.*)"}]
        twin.sagemaker.create_training_job(**request)
        with pytest.raises(TwinError, match="metric auc captured 'none'"):
            twin.advance(minutes=7)

    def test_a_failing_script_says_why(self, twin):
        job = run_training(twin, "raise ValueError('one class only')")
        assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
        assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError")
        assert "one class only" in job["FailureReason"]
        assert twin.keys("models/") == []

    def test_a_script_over_its_time_is_stopped(self, twin):
        limit = {"MaxRuntimeInSeconds": 1}
        job = run_training(twin, "import time; time.sleep(60)", StoppingCondition=limit)
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")

    def test_requirements_are_refused_for_nothing_is_installed(self, twin):
        archive = source_archive(train__py="", requirements__txt="left-pad")
        request = training_request("train", twin.put("code/s.tar.gz", archive))
        twin.sagemaker.create_training_job(**request)
        with pytest.raises(TwinError, match=r"requirements\.txt"):
            twin.advance(minutes=7)

    def test_listing_filters_before_it_pages(self, twin):
        for name in ("a-1", "b-1", "a-2"):
            run_training(twin, "print('ok')", name=name)
        first = twin.sagemaker.list_training_jobs(NameContains="a-", SortOrder="Descending", MaxResults=1)
        assert [job["TrainingJobName"] for job in first["TrainingJobSummaries"]] == ["a-2"]
        rest = twin.sagemaker.list_training_jobs(
            NameContains="a-", SortOrder="Descending", MaxResults=1, NextToken=first["NextToken"]
        )
        assert [job["TrainingJobName"] for job in rest["TrainingJobSummaries"]] == ["a-1"]
        assert "NextToken" not in rest

    def test_tags_are_listed(self, twin):
        run_training(twin, "print('ok')", Tags=[{"Key": "team", "Value": "ml"}])
        arn = twin.sagemaker.describe_training_job(TrainingJobName="train")["TrainingJobArn"]
        assert twin.sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "ml"}]


# Counts to three, saving each number; without its checkpoint it would start at one again.
COUNTER = """
import os, pathlib, sys, time
saved = pathlib.Path(sys.argv[2], "count")
count = int(saved.read_text()) if saved.exists() else 0
print("starts at", count, flush=True)
while count < 3:
    count += 1
    saved.write_text(str(count))
    if count == 2 and not pathlib.Path(sys.argv[2], "slept").exists():
        pathlib.Path(sys.argv[2], "slept").write_text("")
        time.sleep(60)
pathlib.Path(os.environ["SM_MODEL_DIR"], "count").write_text(str(count))
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints", "LocalPath": "/opt/ml/checkpoints"},
    "hyperparameters": {"checkpoints": "/opt/ml/checkpoints"},
}


class TestManagedSpot:
    def test_an_interrupted_job_goes_on_from_its_checkpoint(self, tmp_path):
        weather = Conditions(spot_interruptions=lambda _job, attempt: 1.0 if attempt == 1 else None)
        with account(tmp_path, conditions=weather) as twin:
            job = run_training(twin, COUNTER, minutes=30, **SPOT)
            assert job["TrainingJobStatus"] == "Completed"
            statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
            assert statuses == [
                "Starting",
                "Training",
                "Interrupted",
                "Starting",
                "Training",
                "Uploading",
                "Completed",
            ]
            log = (tmp_path / "jobs/training/train/log.txt").read_text().splitlines()
            assert log == ["starts at 0", "starts at 2"]
            assert twin.read("checkpoints/count") == b"3"
            assert job["TrainingTimeInSeconds"] == 600
            assert job["BillableTimeInSeconds"] == 180

    def test_without_interruption_spot_is_only_cheaper(self, twin):
        job = run_training(twin, "print('ok')", **{**SPOT, "hyperparameters": {}})
        assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]

    def test_spot_that_never_comes_back_ends_stopped_and_not_failed(self, tmp_path):
        weather = Conditions(spot_interruptions=lambda _job, _attempt: 0.3)
        with account(tmp_path, conditions=weather) as twin:
            limits = {"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 900}
            script = "import time; time.sleep(60)"
            options = {**SPOT, "StoppingCondition": limits, "hyperparameters": {}}
            job = run_training(twin, script, minutes=60, **options)
            assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
            assert job["TrainingEndTime"] == START + timedelta(seconds=900)

    @pytest.mark.parametrize(
        ("limits", "spot", "complaint"),
        [
            ({"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}, False, "only allowed when"),
            ({"MaxRuntimeInSeconds": 60}, True, "required when"),
            ({"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}, True, "greater than or equal"),
        ],
    )
    def test_the_wait_belongs_to_spot_and_covers_the_run(self, twin, limits, spot, complaint):
        request = training_request(
            "train", f"s3://{BUCKET}/s", StoppingCondition=limits, EnableManagedSpotTraining=spot
        )
        code, message = refusal(twin.sagemaker.create_training_job, **request)
        assert code == "ValidationException"
        assert complaint in message


class TestRefusals:
    def test_a_name_is_used_once(self, twin):
        run_processing(twin, "print()")
        request = processing_request("job", f"s3://{BUCKET}/code/step.py")
        assert refusal(twin.sagemaker.create_processing_job, **request)[0] == "ResourceInUse"

    def test_a_job_that_is_over_cannot_be_stopped(self, twin):
        run_processing(twin, "print()")
        code, message = refusal(twin.sagemaker.stop_processing_job, ProcessingJobName="job")
        assert code == "ValidationException"
        assert "in status Completed" in message

    def test_an_unknown_job_is_a_validation_error(self, twin):
        for call in (twin.sagemaker.describe_training_job, twin.sagemaker.stop_training_job):
            assert refusal(call, TrainingJobName="nobody")[0] == "ValidationException"

    def test_a_volume_key_does_not_go_with_local_nvme(self, twin):
        request = training_request("train", f"s3://{BUCKET}/s")
        request["ResourceConfig"] |= {"InstanceType": "ml.g4dn.xlarge", "VolumeKmsKeyId": "key"}
        code, message = refusal(twin.sagemaker.create_training_job, **request)
        assert code == "ValidationException"
        assert "ml.g4dn.xlarge" in message

    def test_what_boto3_lets_pass_the_service_does_not(self, twin):
        request = training_request("not_a_name", f"s3://{BUCKET}/s")
        request["ResourceConfig"]["InstanceType"] = "ml.none.xlarge"
        code, message = refusal(twin.sagemaker.create_training_job, **request)
        assert code == "ValidationException"
        assert message.count("must satisfy") == 2

    def test_an_image_that_the_twin_does_not_know_is_named(self, twin):
        request = training_request("train", f"s3://{BUCKET}/s")
        image = IMAGE.replace("sagemaker-xgboost", "pytorch-training")
        request["AlgorithmSpecification"]["TrainingImage"] = image
        with pytest.raises(TwinError, match="pytorch-training"):
            twin.sagemaker.create_training_job(**request)

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"RetryStrategy": {"MaximumRetryAttempts": 1}}, "RetryStrategy"),
            ({"HyperParameters": {"max_depth": "3"}}, "sagemaker_program"),
        ],
    )
    def test_what_the_twin_does_not_act_on_is_named(self, twin, change, named):
        with pytest.raises(TwinError, match=named):
            twin.sagemaker.create_training_job(**training_request("train", f"s3://{BUCKET}/s") | change)

    def test_more_machines_than_this_one_can_be(self, twin):
        request = processing_request("job", f"s3://{BUCKET}/code/step.py")
        request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 9
        with pytest.raises(TwinError, match="8 instances at most"):
            twin.sagemaker.create_processing_job(**request)


def test_closing_refuses_programs(tmp_path):
    with account(tmp_path) as twin:
        twin.jobs.close()
        with pytest.raises(TwinError, match="closed"):
            run_processing(twin, "print()")


def test_an_archive_depends_on_its_contents_alone(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
    (tmp_path / "one/sub/b").write_text("b")
    (tmp_path / "one/a").write_text("a")
    (tmp_path / "two/a").write_text("a")
    (tmp_path / "two/sub/b").write_text("b")
    assert pack(tmp_path / "one") == pack(tmp_path / "two")
    (tmp_path / "two/a").write_text("A")
    assert pack(tmp_path / "one") != pack(tmp_path / "two")
    assert gzip.decompress(pack(tmp_path / "one"))


class TestMotoContract:
    """What the patches of moto rely on."""

    @pytest.mark.parametrize(
        "operation",
        [
            "create_training_job",
            "create_processing_job",
            "stop_processing_job",
            "list_training_jobs",
            "list_processing_jobs",
        ],
    )
    def test_operations_take_the_response_object_alone(self, operation):
        assert list(inspect.signature(getattr(SageMakerResponse, operation)).parameters) == ["self"]

    def test_stop_training_job_is_still_missing(self):
        assert not hasattr(SageMakerResponse, "stop_training_job")

    def test_parameters_are_parsed_before_the_operation(self):
        assert SageMakerResponse().automated_parameter_parsing is True
        assert hasattr(BaseResponse, "call_action")

    def test_an_error_is_a_code_and_a_message(self):
        error = SagemakerClientError("ResourceInUse", "taken")
        assert (error.code, error.message) == ("ResourceInUse", "taken")

    def test_the_backend_reads_jobs_from_dicts_by_name(self):
        backend = SageMakerModelBackend("us-east-1", "123456789012")
        assert backend.training_jobs == backend.processing_jobs == {}
        source = inspect.getsource(SageMakerModelBackend.describe_training_job)
        assert "self.training_jobs[training_job_name].response_object" in source
