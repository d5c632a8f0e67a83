"""The flights: the seed can be made anew, and the serving code refuses what it does not know."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from selfheal.remediate.recalibration import LogitMap
from selfheal.settings_file import load
from workloads.flights import inference
from workloads.flights.data import FEATURES, SEED_END, flights
from workloads.flights.seed import SEED, seed_csv

SETTINGS = load(Path(__file__).parents[3] / "workloads" / "flights" / "selfheal.yaml")
CATEGORIES = {"carrier": ["AA", "UA"], "origin": ["EWR", "JFK"], "dest": ["LAX", "SFO"]}
ROW = ["UA", "EWR", "SFO", "2565", "6", "1", "39.0", "26.1", "59.4", "270", "10.4", "0.0", "1012.0", "10.0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("model")
    generator = np.random.default_rng(1)
    data = xgb.DMatrix(
        generator.normal(size=(200, len(FEATURES))),
        label=generator.integers(0, 2, 200),
        feature_names=FEATURES,
    )
    xgb.train({"objective": "binary:logistic"}, data, num_boost_round=3).save_model(target / "model.ubj")
    encoder = {"features": FEATURES, "categories": CATEGORIES}
    (target / "encoder.json").write_text(json.dumps(encoder), encoding="utf-8")
    calibrate(target, slope=1.0, intercept=0.0)
    return target


def calibrate(folder, **calibration):
    (folder / "calibration.json").write_text(json.dumps(calibration), encoding="utf-8")


@pytest.fixture
def model(folder):
    return inference.model_fn(str(folder))


def test_the_settings_name_the_columns_of_the_data_in_order():
    assert [feature.name for feature in SETTINGS.workload.features] == FEATURES


def test_the_settings_name_the_categories_as_such():
    kinds = {feature.name: feature.kind.value for feature in SETTINGS.workload.features}
    rows = flights().head(5000)
    text = {name for name in FEATURES if not np.issubdtype(np.asarray(rows[name]).dtype, np.number)}
    assert {name for name, kind in kinds.items() if kind == "categorical"} == text


def test_the_seed_in_the_repository_is_the_one_that_is_made_anew():
    stored = SEED.read_bytes()
    assert gzip.decompress(stored) == seed_csv()
    # No time in the header, so that the same seed is the same file.
    assert stored[4:8] == b"\0\0\0\0"


def test_the_seed_holds_labelled_flights_before_the_replay_alone():
    lines = seed_csv().decode().splitlines()
    assert lines[0] == ",".join([SETTINGS.workload.timestamp, *FEATURES, SETTINGS.workload.label])
    assert len(lines) > 30_000
    times = [line.split(",", 1)[0] for line in lines[1:]]
    assert times == sorted(times)
    assert times[-1] < SEED_END.isoformat()
    assert {line.rsplit(",", 1)[1] for line in lines[1:]} == {"0", "1"}


def test_an_outcome_is_known_only_after_the_flight_was_due_to_leave():
    rows = flights().dropna(subset=["late", "known_at"])
    assert len(flights()) == 336_776
    assert (rows["known_at"] > rows["scheduled_at"]).all()
    assert flights()["scheduled_at"].is_monotonic_increasing


def test_a_request_is_answered_with_the_package_that_answers(model, monkeypatch):
    monkeypatch.setattr(inference, "PACKAGE", "arn:package/1")
    rows = inference.input_fn(f"{','.join(ROW)}\n{','.join(ROW)}\n".encode(), "text/csv; charset=utf-8")
    body, content_type = inference.output_fn(inference.predict_fn(rows, model), "*/*")
    assert content_type == "application/json"
    answer = json.loads(body)
    assert answer["model_package"] == "arn:package/1"
    assert len(answer["predictions"]) == 2
    assert 0 < answer["predictions"][0]["score"] < 1
    assert answer["predictions"][0] == answer["predictions"][1]


@pytest.mark.parametrize("content_type", ["application/json", "", "text/plain", "application/x-text/csv"])
def test_another_content_type_is_refused(content_type):
    with pytest.raises(ValueError, match="is not text/csv"):
        inference.input_fn(b"1,2", content_type)


@pytest.mark.parametrize("row", [ROW[:-1], [*ROW, "1"], ["UA"]])
def test_another_width_is_refused_and_says_which_columns(model, row):
    with pytest.raises(ValueError, match=f"{len(row)} columns instead of {len(FEATURES)}: carrier"):
        inference.predict_fn([ROW, row], model)


def test_a_category_that_training_never_saw_is_missing(model):
    unseen = ["ZZ", *ROW[1:]]
    assert np.isnan(model.encode([unseen])[0, 0])
    assert model.encode([ROW])[0, 0] == CATEGORIES["carrier"].index("UA")
    assert np.isfinite(inference.predict_fn([unseen], model)).all()


@pytest.mark.parametrize("text", ["", "none", "NA", "1,5", "1_000"])
def test_text_that_is_no_number_is_missing(model, text):
    row = list(ROW)
    row[6] = text
    assert np.isnan(model.encode([row])[0, 6])
    assert np.isfinite(inference.predict_fn([row], model)).all()


def test_scores_are_calibrated_as_recalibration_means_it(model, folder, tmp_path):
    raw = inference.predict_fn([ROW, ["AA", *ROW[1:]]], model)
    for path in folder.iterdir():
        shutil.copyfile(path, tmp_path / path.name)
    calibrate(tmp_path, slope=0.5, intercept=1.2)
    scores = inference.predict_fn([ROW, ["AA", *ROW[1:]]], inference.model_fn(str(tmp_path)))
    assert scores == pytest.approx(LogitMap(slope=0.5, intercept=1.2).probability(raw.astype(float)))
    assert np.argsort(scores).tolist() == np.argsort(raw).tolist()


def test_a_calibration_that_changes_nothing_moves_no_digit(model):
    row = model.encode([ROW])
    raw = model.booster.inplace_predict(row, validate_features=False)
    assert inference.predict_fn([ROW], model).tolist() == raw.tolist()


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_score_at_the_edge_is_calibrated_to_a_probability(model, monkeypatch, score):
    monkeypatch.setattr(model, "intercept", 1.0)
    assert 0 < model.calibrate(np.array([score]))[0] < 1


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_only_a_newline_ends_a_row(separator):
    assert inference.input_fn(f'"a{separator}b",1'.encode(), "text/csv") == [[f"a{separator}b", "1"]]


def test_quoted_columns_are_one_column():
    assert inference.input_fn(b'"a, b",1\r\n\r\n"c",2', "text/csv") == [["a, b", "1"], ["c", "2"]]


def test_the_serving_code_stands_alone():
    source = Path(inference.__file__).read_text(encoding="utf-8")
    assert "selfheal." not in source.replace("SELFHEAL_", "")
    assert "import pipelines" not in source
    assert "from workloads" not in source
