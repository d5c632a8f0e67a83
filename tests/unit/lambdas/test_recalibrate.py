"""Recalibrating the champion: what is fitted, what is registered, what is refused, and what is left alone."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from datetime import timedelta

import numpy as np
import pytest

from selfheal.aws.controls import Stopped
from selfheal.aws.errors import LeaseLost, Missing, Refused
from selfheal.aws.golden_set import golden_set_of
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.registry import DIGEST, INCIDENT, TRAINED_TO, Registry
from selfheal.aws.traffic_store import Stored, TrafficStore
from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.outcomes import Predictions
from selfheal.observe.policy import ObservePolicy, PerformancePolicy
from selfheal.observe.signals import SignalKind
from selfheal.record.ledger import EntryKind, actions
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import Interval, Quarantine
from selfheal.remediate.recalibration import LogitMap
from selfheal.settings import policy_json
from selfheal.verify.golden import GoldenSet
from unit.account import BUCKET, CHAMPION_PARAMETER, MODE_PARAMETER, NAME, SWITCH_PARAMETER, VARIANT
from unit.lambdas.episodes import incident, kinds
from unit.samples import NOW, baseline, hour, outcome_line

HOUR = timedelta(hours=1)
LATER = NOW + timedelta(minutes=30)
OLD = LogitMap(slope=0.9, intercept=0.1)
SHIFTED = LogitMap(intercept=1.5)
PERFORMANCE = PerformancePolicy(min_labels=50, mature_hours=0, window_hours=72)


def archive(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


FILES = {"model.ubj": b"trees", "calibration.json": json.dumps(OLD.to_json()).encode()}


class Served:
    """A champion that serves, and its traffic."""

    def __init__(self, account, files=FILES, **metadata):
        self._account = account
        artifact = archive(files)
        digest = hashlib.sha256(artifact).hexdigest()
        self.champion = account.champion(
            **{"sha256": digest, "training_window_end": "2013-02-01", **metadata}
        )
        account.s3.put_object(Bucket=BUCKET, Key="packages/champion/model.tar.gz", Body=artifact)
        self._store = TrafficStore(account.objects, NAME, VARIANT)
        self._generator = np.random.default_rng(1)

    def hour(self, ago, meaning=SHIFTED, rows=100, labelled=1.0, package=None):
        """An hour of answers, and outcomes that are as frequent as a map of the answers says."""
        start = NOW - ago * HOUR
        scores = self._generator.beta(2, 6, rows)
        keys = tuple(f"{start:%d-%H}-{place}" for place in range(rows))
        moments = int(start.timestamp() * 1e6) + np.arange(rows)
        answers = Predictions(keys=keys, at=moments, values=scores)
        stored = Stored(
            hour=hour(baseline(), start, [0.0] * rows, ["a"] * rows, answers=answers), sources="any"
        )
        self._store.save_hour(package or self.champion, stored)
        labels = self._generator.random(rows) < meaning.probability(scores)
        lines = [outcome_line(key, int(label)) for key, label in zip(keys, labels, strict=True)][
            : round(rows * labelled)
        ]
        self._account.objects.write(f"ground-truth/{NAME}/{start:%Y/%m/%d/%H}/a.jsonl", "\n".join(lines))

    def hours(self, count=20, **more):
        for ago in range(count, 0, -1):
            self.hour(ago, **more)


@pytest.fixture
def recalibrate(account, function, step):
    handler = function(
        "remediate.recalibrate",
        gate_policy=policy_json(GatePolicy()),
        observe_policy=policy_json(ObservePolicy(performance=PERFORMANCE)),
    )
    return lambda found: handler(step({"incident": found.to_json()}, at=LATER))


@pytest.fixture
def served(account):
    found = Served(account)
    found.hours()
    return found


def opened(**more):
    return incident(SignalKind.PERFORMANCE, **{"tried": (Remedy.RECALIBRATE,), **more})


class TestARecalibration:
    @pytest.fixture
    def result(self, served, recalibrate):
        return recalibrate(opened())

    def read(self, account, result, name):
        return json.loads(account.text(f"{result['evaluation'].removeprefix(f's3://{BUCKET}/')}/{name}.json"))

    def test_goes_on_to_its_approval(self, result, served, account):
        assert result["next"] == "approve"
        package = Registry(account.sagemaker).package(result["package"])
        assert package.arn != served.champion
        assert package.status == "PendingManualApproval", "whoever makes it does not approve it"
        assert package.artifact == f"{result['evaluation']}/model.tar.gz"
        (note,) = result["incident"]["notes"]
        assert note.startswith("recalibrate: log loss")

    def test_is_the_champion_with_another_calibration(self, result, served, account):
        key = f"{result['evaluation'].removeprefix(f's3://{BUCKET}/')}/model.tar.gz"
        body = account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar}
        found = LogitMap.from_json(json.loads(files.pop("calibration.json")))
        assert files == {"model.ubj": b"trees"}
        evaluation = self.read(account, result, "evaluation")
        fitted = LogitMap.from_json(evaluation["recalibration"]["map"])
        assert fitted.intercept == pytest.approx(1.5, abs=0.25)
        assert found == fitted.after(OLD), "the answers were calibrated before"
        assert evaluation["artifact"]["sha256"] == hashlib.sha256(body).hexdigest()

    def test_is_served_as_the_champion_is(self, result, served, account):
        before = account.sagemaker.describe_model_package(ModelPackageName=served.champion)
        after = account.sagemaker.describe_model_package(ModelPackageName=result["package"])
        for name in ("SupportedContentTypes", "SupportedResponseMIMETypes"):
            assert after["InferenceSpecification"][name] == before["InferenceSpecification"][name]
        (old,), (new,) = (each["InferenceSpecification"]["Containers"] for each in (before, after))
        assert {**old, "ModelDataUrl": new["ModelDataUrl"]} == new

    def test_says_what_it_comes_from_and_what_judged_it(self, result, served, account):
        metadata = Registry(account.sagemaker).package(result["package"]).metadata
        assert metadata["recalibrated-from"] == served.champion
        assert (metadata["labels-fitted"], metadata["labels-judged"]) == ("1500", "500")
        assert (metadata["labels-from"], metadata["labels-to"]) == (
            (NOW - 20 * HOUR).isoformat(),
            LATER.isoformat(),
        )
        assert "slope 1, intercept 1." in metadata["calibration"]
        gate = self.read(account, result, "evaluation")["gate"]
        assert gate["verdict"] == "PASS"
        assert [check["name"] for check in gate["checks"]] == ["holdout", "floor", "champion"]

    def test_carries_a_baseline_of_its_own_answers(self, result, account):
        found = Baseline.from_json(self.read(account, result, "baseline"))
        evaluation = self.read(account, result, "evaluation")
        assert found.metrics == evaluation["metrics"]["challenger"]
        assert found.metrics["log_loss"] < evaluation["metrics"]["champion"]["log_loss"]
        assert found.window == baseline().window, "a calibration makes the model no younger"
        assert self.read(account, result, "metrics")["binary_classification_metrics"]

    def test_intends_before_it_writes(self, result, served, account):
        assert kinds(account) == [EntryKind.INTENT]
        (intent,) = account.table.entries()
        assert intent.body["remedy"] == "recalibrate"
        assert intent.body["champion"] == served.champion
        assert intent.body["labels"]["fitted"] == 1500
        (action,) = actions(account.table.entries())
        assert (action.remedy, action.succeeded) == (Remedy.RECALIBRATE, None)

    def test_passes_its_approval_with_all_that_a_champion_must_carry(self, result, account, function, step):
        state = {key: result[key] for key in ("incident", "package", "evaluation")}
        approved = function("remediate.approve", "handle_step")(step(state, at=LATER))
        assert (approved["next"], approved["package"]) == ("release", result["package"])
        assert approved["incident"]["candidate"] == result["package"]
        package = Registry(account.sagemaker).package(result["package"])
        package.require_deployable()
        assert package.metadata[INCIDENT] == approved["incident"]["id"]
        assert package.metadata[TRAINED_TO] == baseline().window[1]
        assert package.baseline_uri == f"{result['evaluation']}/baseline.json"
        assert len(package.metadata[DIGEST]) == 64

    def test_whose_artifact_was_exchanged_is_not_approved(self, result, account, function, step):
        key = f"{result['evaluation'].removeprefix(f's3://{BUCKET}/')}/model.tar.gz"
        account.s3.put_object(Bucket=BUCKET, Key=key, Body=b"another")
        state = {key: result[key] for key in ("incident", "package", "evaluation")}
        with pytest.raises(Refused, match="not the one that was evaluated"):
            function("remediate.approve", "handle_step")(step(state, at=LATER))

    def test_asked_for_twice_is_one(self, result, account, recalibrate):
        again = recalibrate(opened())
        assert again == result
        assert account.calls.changes() == []
        assert kinds(account) == [EntryKind.INTENT]

    def test_of_another_incident_is_another(self, result, account, recalibrate):
        assert recalibrate(opened(id="another"))["package"] != result["package"]

    def test_carries_a_golden_set_of_its_own_answers(self, account, recalibrate):
        text = json.dumps(GoldenSet(rows=("1.0,a", "2.0,b"), answers=(0.2, 0.5)).to_json())
        account.objects.write("packages/champion/golden.json", text)
        carried = {
            "golden_set": f"s3://{BUCKET}/packages/champion/golden.json",
            "golden_set_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        Served(account, **carried).hours()
        result = recalibrate(opened())
        package = Registry(account.sagemaker).package(result["package"])
        golden = golden_set_of(account.objects, package)
        fitted = LogitMap.from_json(self.read(account, result, "evaluation")["recalibration"]["map"])
        assert golden.rows == ("1.0,a", "2.0,b")
        assert golden.answers == tuple(fitted.probability(np.array([0.2, 0.5])).tolist())

    def test_carries_no_golden_set_where_the_champion_has_none(self, result, account):
        assert golden_set_of(account.objects, Registry(account.sagemaker).package(result["package"])) is None

    def test_carries_the_champions_importances(self, account, recalibrate, served):
        account.objects.write_json("packages/champion/importance.json", {"x": 0.9, "c": 0.1})
        assert self.read(account, recalibrate(opened()), "importance") == {"x": 0.9, "c": 0.1}


class TestWhatIsRefused:
    def refusal(self, account, result):
        assert result["next"] == "plan"
        assert account.calls.changes() == []
        assert account.keys("packages/recalibrated/") == []
        assert kinds(account) == [EntryKind.OUTCOME], "nothing was begun"
        (outcome,) = account.table.entries()
        assert (outcome.body["remedy"], outcome.body["succeeded"]) == ("recalibrate", False)
        assert actions(account.table.entries()) == [], "looking spends no budget, and opens no breaker"
        assert result["incident"]["notes"] == [f"recalibrate: {outcome.body['reason']}"]
        return outcome.body["reason"]

    def test_answers_that_mean_what_they_say(self, account, recalibrate):
        Served(account).hours(meaning=LogitMap())
        assert "the gate did not let it pass" in self.refusal(account, recalibrate(opened()))

    def test_too_few_labels(self, account, recalibrate):
        Served(account).hours(count=5)
        assert "500 labels are there; 500 to fit on and 500 to judge by" in self.refusal(
            account, recalibrate(opened())
        )

    def test_labels_that_stopped(self, account, recalibrate):
        Served(account).hours(labelled=0.3)
        assert "labels stopped or are late" in self.refusal(account, recalibrate(opened()))

    def test_no_traffic_at_all(self, account, recalibrate):
        Served(account)
        assert "0 predictions are older than" in self.refusal(account, recalibrate(opened()))

    def test_what_another_model_answered(self, account, recalibrate):
        served = Served(account)
        served.hours(package=account.package("challenger"))
        assert "0 predictions are older than" in self.refusal(account, recalibrate(opened()))

    def test_quarantined_hours(self, account, recalibrate):
        Served(account).hours()
        interval = Interval(since=NOW - 15 * HOUR)
        held = Quarantine(incident="other", interval=interval, broken=(), at=NOW)
        QuarantinedHours(account.objects).write(held)
        assert "500 labels are there" in self.refusal(account, recalibrate(opened()))

    def test_an_archive_whose_serving_code_knows_no_calibration(self, account, recalibrate):
        Served(account, files={"model.ubj": b"trees"}).hours()
        assert "holds no calibration.json" in self.refusal(account, recalibrate(opened()))


class TestWhatStopsIt:
    @pytest.mark.parametrize(
        ("parameter", "value"), [(MODE_PARAMETER, "observe"), (SWITCH_PARAMETER, "ann: stop")]
    )
    def test_people_who_do_not_want_it(self, account, recalibrate, served, parameter, value):
        account.set(parameter, value)
        with pytest.raises(Stopped):
            recalibrate(opened())
        self.nothing_was_done(account)

    def test_a_lease_that_was_lost(self, account, recalibrate, served):
        lost = opened(fencing_token=1)
        account.hold(lost.to_json(), token=2)
        with pytest.raises(LeaseLost, match="with token 2"):
            recalibrate(lost)
        self.nothing_was_done(account)

    def test_an_artifact_that_is_not_what_was_registered(self, account, recalibrate, served):
        account.s3.put_object(Bucket=BUCKET, Key="packages/champion/model.tar.gz", Body=archive({"x": b""}))
        with pytest.raises(Refused, match="is not what was registered"):
            recalibrate(opened())
        self.nothing_was_done(account)

    def test_a_champion_of_no_package(self, account, recalibrate):
        account.set(CHAMPION_PARAMETER, account.model("by-hand", None))
        with pytest.raises(Missing, match="names no model package"):
            recalibrate(opened())

    def test_no_champion(self, account, recalibrate):
        with pytest.raises(Missing, match="no champion"):
            recalibrate(opened())

    def nothing_was_done(self, account):
        assert account.calls.changes() == []
        assert account.keys("packages/recalibrated/") == []
        assert kinds(account) == []
