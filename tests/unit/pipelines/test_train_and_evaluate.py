"""Training and evaluation, run for real: what is evaluated is what would serve."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st

from pipelines.steps import assemble, evaluate, replay, train
from pipelines.steps.archive import ArchivedModel, BadArchive
from pipelines.steps.workload import Workload
from selfheal.observe.baseline import Baseline
from selfheal.observe.performance.estimation import Calibration
from selfheal.observe.performance.scoring import log_loss
from selfheal.verify.golden import GoldenSet
from unit.pipelines.conftest import rows
from workloads.flights.inference import Model


@pytest.fixture(scope="session")
def assembled(bundle, tmp_path_factory):
    """Training set and holdout of the small workload."""
    target = tmp_path_factory.mktemp("assembled")
    source = bundle.work("for-training")
    bundle.seed(source, rows())
    bundle.request(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bundle.folder)
        assemble.main(source, target)
    return target


@pytest.fixture(scope="session")
def good(trainer, assembled, tmp_path_factory):
    return trainer(
        assembled / "train", tmp_path_factory.mktemp("good"), "--rounds", 30, "--max_depth", 3, "--eta", 0.1
    )


@pytest.fixture(scope="session")
def poor(trainer, assembled, tmp_path_factory):
    """A model that learned the opposite."""
    data = tmp_path_factory.mktemp("poor-data")
    frame = pd.read_csv(assembled / "train" / "train.csv", dtype=str, keep_default_na=False)
    frame["late"] = frame["late"].map({"0": "1", "1": "0"})
    frame.to_csv(data / "train.csv", index=False)
    return trainer(data, tmp_path_factory.mktemp("poor"), "--rounds", 30, "--max_depth", 3)


@pytest.fixture
def run(inside, assembled, tmp_path):
    """Evaluate an archive beside a champion's; returns the files that it wrote."""

    def evaluate_(challenger, champion=None):
        source = tmp_path / "input"
        (source / "model").mkdir(parents=True)
        shutil.copyfile(challenger, source / "model" / "model.tar.gz")
        for part in ("train", "holdout"):
            shutil.copytree(assembled / part, source / part)
        (source / "request" / "champion").mkdir(parents=True)
        if champion is not None:
            shutil.copyfile(champion, source / "request" / "champion" / "model.tar.gz")
        evaluate.main(source, tmp_path / "output")
        return {
            path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in (tmp_path / "output" / "evaluation").iterdir()
        }

    return evaluate_


def holdout(assembled):
    frame = pd.read_csv(assembled / "holdout" / "holdout.csv", dtype=str, keep_default_na=False)
    return frame[["x", "c"]], frame["late"].to_numpy(dtype=float)


def test_the_archive_holds_what_serving_needs_and_nothing_that_runs_at_loading(good):
    model = good.parent / "model"
    found = sorted(path.relative_to(model).as_posix() for path in model.rglob("*") if path.is_file())
    assert found == ["calibration.json", "code/inference.py", "encoder.json", "importance.json", "model.ubj"]
    calibration = json.loads((model / "calibration.json").read_text(encoding="utf-8"))
    assert calibration == {"slope": 1.0, "intercept": 0.0}
    encoder = json.loads((model / "encoder.json").read_text(encoding="utf-8"))
    assert encoder == {"features": ["x", "c"], "categories": {"c": ["a", "b", "c"]}}


def test_an_interrupted_training_gives_the_same_model(trainer, assembled, tmp_path):
    arguments = ("--rounds", 60, "--max_depth", 3, "--subsample", 0.7, "--colsample_bytree", 0.7)
    whole = trainer(assembled / "train", tmp_path / "whole", *arguments)
    assert sorted(path.name for path in (tmp_path / "whole" / "checkpoints").iterdir()) == [
        "round-000025.ubj",
        "round-000050.ubj",
        "round-000060.ubj",
    ]
    # The machine is taken away after the first checkpoint, in the middle of writing the next.
    checkpoints = tmp_path / "checkpoints"
    checkpoints.mkdir()
    shutil.copyfile(tmp_path / "whole" / "checkpoints" / "round-000025.ubj", checkpoints / "round-000025.ubj")
    (checkpoints / "writing.ubj").write_bytes(b"half a mod")
    resumed = trainer(assembled / "train", tmp_path / "resumed", *arguments, checkpoints=checkpoints)
    models = [(archive.parent / "model" / "model.ubj").read_bytes() for archive in (whole, resumed)]
    assert models[0] == models[1]


def test_a_training_that_was_done_is_not_done_again(trainer, assembled, tmp_path, capsys):
    for _ in range(2):
        archive = trainer(assembled / "train", tmp_path, "--rounds", 25)
    assert capsys.readouterr().out.count("round 25 of 25") == 1
    assert archive.is_file()


def test_the_script_runs_as_script_mode_runs_it(bundle, assembled, tmp_path):
    environment = {
        "PATH": "",
        "SM_CHANNEL_TRAIN": str(assembled / "train"),
        "SM_MODEL_DIR": str(tmp_path / "model"),
        "SELFHEAL_CHECKPOINTS": str(tmp_path / "checkpoints"),
    }
    command = [sys.executable, str(bundle.folder / "pipelines" / "steps" / "train.py"), "--rounds", "5"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "round 5 of 5 on cpu" in done.stdout
    assert (tmp_path / "model" / "model.ubj").is_file()


def test_an_unknown_hyperparameter_is_refused():
    with pytest.raises(SystemExit):
        train.parse(["--depth", "3"])


@pytest.mark.parametrize(("gpus", "device"), [("0", "cpu"), ("1", "cuda"), (None, "cpu")])
def test_the_gpu_is_used_where_there_is_one(monkeypatch, gpus, device):
    monkeypatch.delenv("SM_NUM_GPUS", raising=False)
    if gpus is not None:
        monkeypatch.setenv("SM_NUM_GPUS", gpus)
    assert train.device() == device


def test_the_archive_scores_as_the_booster_does(good, assembled, tmp_path):
    features, _ = holdout(assembled)
    archived = ArchivedModel(good, tmp_path / "out")
    booster = xgb.Booster()
    booster.load_model(good.parent / "model" / "model.ubj")
    encoder = json.loads((good.parent / "model" / "encoder.json").read_text(encoding="utf-8"))
    expected = booster.predict(xgb.DMatrix(train.encode(features, encoder), feature_names=["x", "c"]))
    scores = archived.score(features.to_numpy().tolist())
    assert np.array_equal(scores, expected.astype(np.float64))
    assert scores.std() > 0.1
    assert archived.sha256 == hashlib.sha256(good.read_bytes()).hexdigest()


def test_two_archives_are_loaded_side_by_side(good, poor, assembled, tmp_path):
    features, _ = holdout(assembled)
    table = features.to_numpy().tolist()
    first, second = ArchivedModel(good, tmp_path / "a"), ArchivedModel(poor, tmp_path / "b")
    assert not np.allclose(first.score(table), second.score(table))
    assert np.array_equal(first.score(table), ArchivedModel(good, tmp_path / "c").score(table))


ENCODER = {"features": ["x", "c"], "categories": {"c": ["a", "b", "c"]}}
texts = st.one_of(
    st.floats().map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.sampled_from(
        ["", " ", "none", "NaN", "inf", "-inf", "1e400", "-0", "+5", " 5 ", "5.", ".5", "1e5", "1,5", "1_0"]
    ),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    booster = xgb.train({}, xgb.DMatrix(np.zeros((4, 2)), label=np.zeros(4)), num_boost_round=1)
    booster.save_model(folder / "model.ubj")
    (folder / "encoder.json").write_text(json.dumps(ENCODER), encoding="utf-8")
    (folder / "calibration.json").write_text('{"slope": 1.0, "intercept": 0.0}', encoding="utf-8")
    return Model(folder)


@given(st.lists(st.tuples(texts, st.sampled_from(["a", "b", "c", "", "new", "A"])), min_size=1, max_size=20))
def test_serving_reads_a_row_as_training_did(served, table):
    learned = train.encode(pd.DataFrame(table, columns=["x", "c"], dtype=str), ENCODER)
    asked = served.encode([list(row) for row in table])
    # The model's numbers have 32 bits.
    with np.errstate(over="ignore"):
        learned, asked = learned.astype(np.float32), asked.astype(np.float32)
    assert np.array_equal(learned, asked, equal_nan=True)


def test_serving_reads_underscores_as_training_did(served):
    learned = train.encode(pd.DataFrame([("1_000", "a")], columns=["x", "c"], dtype=str), ENCODER)
    assert np.isnan(learned[0, 0])
    assert np.array_equal(learned, served.encode([["1_000", "a"]]), equal_nan=True)


def test_a_first_champion_passes_on_its_own(run, good):
    files = run(good)
    written = {"evaluation", "baseline", "statistics", "constraints", "metrics", "importance", "golden"}
    assert set(files) == written
    evaluation = files["evaluation"]
    assert evaluation["gate"]["verdict"] == "PASS"
    assert evaluation["metrics"]["champion"] is None
    assert evaluation["artifact"]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()


def test_importances_are_the_boosters_gain_in_shares_of_one(run, good):
    booster = xgb.Booster()
    booster.load_model(good.parent / "model" / "model.ubj")
    gains = booster.get_score(importance_type="total_gain")
    found = run(good)["importance"]
    assert set(found) == {"x", "c"}
    assert sum(found.values()) == pytest.approx(1)
    assert found["x"] / found["c"] == pytest.approx(gains["x"] / gains["c"])


def test_a_model_that_never_splits_relies_on_nothing():
    booster = xgb.train({}, xgb.DMatrix(np.zeros((4, 2)), label=np.zeros(4), feature_names=["x", "c"]), 1)
    assert train.importance(booster, ["x", "c"]) == {"x": 0.0, "c": 0.0}


def test_a_better_challenger_passes_and_a_worse_one_fails(run, good, poor):
    better = run(good, poor)["evaluation"]
    assert better["gate"]["verdict"] == "PASS"
    assert better["metrics"]["challenger"]["log_loss"] < better["metrics"]["champion"]["log_loss"]


def test_a_worse_challenger_fails(run, good, poor):
    worse = run(poor, good)["evaluation"]["gate"]
    assert worse["verdict"] == "FAIL"
    assert "AUC" in worse["reason"]


def test_the_champion_itself_does_not_replace_itself(run, good):
    assert run(good, good)["evaluation"]["gate"]["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("previous", "champion", "verdict"),
    [("good", "poor", "PASS"), ("poor", "good", "FAIL"), ("good", "good", "INCONCLUSIVE")],
)
def test_a_replay_lets_both_models_answer_the_same_rows(
    inside, assembled, tmp_path, request, previous, champion, verdict
):
    source = tmp_path / "input"
    shutil.copytree(assembled / "holdout", source / "holdout")
    for name, model in (("previous", previous), ("champion", champion)):
        (source / "request" / name).mkdir(parents=True)
        shutil.copyfile(request.getfixturevalue(model), source / "request" / name / "model.tar.gz")
    replay.main(source, tmp_path / "output")
    found = json.loads((tmp_path / "output" / "replay" / "replay.json").read_text(encoding="utf-8"))
    assert found["gate"]["verdict"] == verdict
    labels = holdout(assembled)[1]
    assert {found["metrics"][name]["rows"] for name in ("previous", "champion")} == {len(labels)}


def test_the_baseline_is_of_the_training_data_and_of_the_challengers_quality(run, good, assembled, tmp_path):
    files = run(good)
    found = Baseline.from_json(files["baseline"])
    learned = pd.read_csv(assembled / "train" / "train.csv", dtype=str, keep_default_na=False)
    names = ["x", "c", "prediction.score", "prediction.class", "prediction.confidence"]
    assert list(found.layout.names) == names
    assert found.profile.rows == len(learned)
    assert found.profile.missing[:2].tolist() == [(learned["x"] == "").sum(), (learned["c"] == "").sum()]
    assert set(found.layout.features[1].categories) == {"a", "b", "c"}
    assert found.schema.names == ("x", "c")
    features, labels = holdout(assembled)
    scores = ArchivedModel(good, tmp_path / "again").score(features.to_numpy().tolist())
    assert found.metrics["log_loss"] == pytest.approx(log_loss(scores, labels).value, abs=1e-12)
    assert found.metrics["rows"] == len(labels)
    # Answers are those on the holdout: on its own training rows a model is surer than it will ever be.
    assert found.profile.present(names.index("prediction.score")) == len(labels)
    assert found.profile.moments(2)[0] == pytest.approx(scores.mean(), abs=1e-6)
    assert Calibration.from_json(found.calibrator)
    assert found.rhythm is not None
    assert found.rhythm.watch.rows[:, 0].sum() == (learned["x"] != "").sum()
    assert found.window == (files["evaluation"]["window"]["start"], files["evaluation"]["window"]["end"])
    assert files["statistics"]["dataset"]["item_count"] == len(learned)
    assert [feature["name"] for feature in files["constraints"]["features"]] == ["x", "c"]


def test_the_golden_set_is_what_the_challenger_answers_and_its_digest_is_in_the_evaluation(
    run, good, assembled, tmp_path
):
    files = run(good)
    written = (tmp_path / "output" / "evaluation" / "golden.json").read_bytes()
    assert files["evaluation"]["golden"] == {"sha256": hashlib.sha256(written).hexdigest()}
    golden = GoldenSet.from_json(files["golden"])
    asked = [row.split(",") for row in golden.rows]
    assert list(golden.answers) == ArchivedModel(good, tmp_path / "again").score(asked).tolist()
    learned = pd.read_csv(assembled / "train" / "train.csv", dtype=str, keep_default_na=False)
    assert set(golden.rows) <= set(learned["x"] + "," + learned["c"])


def test_a_challenger_that_cannot_be_loaded_is_no_evaluation(run, tmp_path):
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"no archive")
    with pytest.raises(BadArchive):
        run(broken)
    assert not (tmp_path / "output").exists()


def test_the_steps_know_the_workload_as_the_settings_say_it(inside):
    workload = Workload.load()
    assert workload.names == ["x", "c"]
    assert workload.categorical == ["c"]
    assert (workload.label, workload.timestamp, workload.holdout_days) == ("late", "at", 7)
    assert workload.gate.min_holdout_rows == 100
    assert workload.observe.drift.ks_tolerance == 0.10
