"""Capture files that the product can read, reports that say what was met, locks without addresses."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from bench import ours_observe
from bench.environments import PEERS
from bench.observe import measures
from bench.observe.traffic import FEATURES, NAMES, floats, write_folder
from bench.report import Reach, Report, Row


def test_capture_records_have_the_services_shape_and_hold_the_floats(tmp_path: Path) -> None:
    write_folder(tmp_path / "made", 4_500, 100, seed=3)
    paths = sorted((tmp_path / "made" / "capture").rglob("*.jsonl"))
    records = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    assert [len(paths), len(records)] == [3, 4_500]
    payloads = [record["captureData"]["endpointInput"]["data"].split(",") for record in records]
    assert np.array(payloads[:2_000], float) == pytest.approx(floats(2_000, 4, shifted=True), rel=1e-5)
    answer = json.loads(records[0]["captureData"]["endpointOutput"]["data"])
    assert set(answer) == {"model_package", "predictions"}
    assert len({record["eventMetadata"]["eventId"] for record in records}) == 4_500
    assert {record["eventMetadata"]["inferenceTime"][:13] for record in records} == {"2026-03-02T10"}
    assert np.load(tmp_path / "made" / "reference.npy").shape == (100, FEATURES)
    assert json.loads((tmp_path / "made" / "features.json").read_text()) == NAMES


def test_a_row_meets_its_reach_or_not_or_was_not_measured() -> None:
    def met(value):
        return Row(measure="m", unit="s", value=value, reach=Reach("<=", 2)).met

    assert [met(value) for value in (2.0, 2.1, math.inf, math.nan, None)] == [True, False, False, False, None]


def test_a_report_is_json_without_infinities_and_a_table_with_every_peer(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = Row(measure="m", unit="s", value=1.5, reach=Reach(">=", 1), beside={"slow": math.inf, "away": None})
    report = Report(name="trial", rows=[row], versions={"slow": "1"}, notes=["away does not install"])
    found = json.loads(report.write().read_text())
    assert set(found) == {"bench", "machine", "versions", "rows", "notes"}
    assert found["rows"][0]["beside"] == {"slow": "never", "away": None}
    assert {"processor", "cores", "memory_gib"} <= set(found["machine"])
    head, line, *_ = report.table().splitlines()
    assert head.split() == ["unit", "ours", "reach", "met", "slow", "away"]
    assert line.split() == ["m", "s", "1.5", ">=", "1", "yes", "never", "-"]


def test_ours_is_measured_through_the_adapter_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ours_observe, "prepare", lambda reference: reference.mean(axis=0))
    monkeypatch.setattr(ours_observe, "statistics", lambda kept, window: window.mean(axis=0) - kept)
    monkeypatch.setattr(ours_observe, "write_profiles", lambda reference, hours, folder: [folder / "one"])
    monkeypatch.setattr(ours_observe, "merge_and_judge", lambda files: files)
    bench = measures.Bench(folder=tmp_path, repeats=1, ours=True, peers=False)
    both, window, *faster = bench.statistics(100)
    assert both.value > window.value > 0
    assert [row.met for row in faster] == [None, None, None]
    (week,) = bench.week(10)
    assert week.met is True


def test_a_peer_that_cannot_be_had_leaves_a_reason_and_no_number(tmp_path: Path, monkeypatch) -> None:
    def missing(group):
        raise measures.PeerUnavailableError(f"{group} does not install here: no wheel")

    monkeypatch.setattr(measures, "Worker", missing)
    bench = measures.Bench(folder=tmp_path, repeats=1, ours=False, peers=True)
    row = bench.statistics(50)[0]
    assert set(row.beside.values()) == {None}
    assert any("nannyml does not install here: no wheel" in note for note in bench.notes)


@pytest.mark.parametrize("lock", sorted(PEERS.glob("*.lock")), ids=lambda path: path.stem)
def test_locks_are_hashed_and_name_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert all("--hash=sha256:" in entry for entry in text.replace("\\\n", " ").splitlines() if "==" in entry)
    assert (PEERS / f"{lock.stem}_worker.py").exists()
