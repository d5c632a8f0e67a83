"""Assembling: history and traffic joined with outcomes, split in time so that nobody has seen the holdout."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from pipelines.steps import assemble
from pipelines.steps.assemble import NotEnoughData
from pipelines.steps.workload import Workload
from selfheal.observe.policy import ObservePolicy
from selfheal.remediate.gate_policy import GatePolicy
from selfheal.remediate.quarantine import Interval, Quarantine, QuarantineError
from unit.pipelines.conftest import HOURS, START, Bundle, rows
from unit.samples import CHALLENGER, answer, capture_line, outcome_line

END = START + timedelta(hours=HOURS)


@pytest.fixture
def run(inside, tmp_path, request):
    """Assemble what a test put there: returns training set, holdout and manifest."""
    source = inside.work(f"assemble-{request.node.name}")

    def assemble_(seed=None, end=END, trained_to=None):
        inside.seed(source, rows() if seed is None else seed)
        inside.request(source, end, trained_to)
        assemble.main(source, tmp_path)
        parts = {
            name: pd.read_csv(tmp_path / name / f"{name}.csv", dtype=str, keep_default_na=False)
            for name in ("train", "holdout")
        }
        manifest = json.loads((tmp_path / "train" / "manifest.json").read_text(encoding="utf-8"))
        return parts["train"], parts["holdout"], manifest

    assemble_.source = source
    return assemble_


def capture(source, *lines, name="a.jsonl"):
    folder = source / "capture" / "AllTraffic" / "2013" / "02"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes("\n".join(lines).encode() if isinstance(lines[0], str) else b"\n".join(lines))


def truth(source, *lines):
    (source / "labels" / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_the_holdout_is_the_end_and_nothing_is_in_both(run):
    train, holdout, manifest = run()
    assert len(train) + len(holdout) == HOURS
    assert train["at"].max() < holdout["at"].min()
    assert len(holdout) == 7 * 24
    assert set(train["at"]).isdisjoint(holdout["at"])
    assert manifest["rows"] == {"train": len(train), "holdout": len(holdout)}


def test_rows_are_in_order_of_time_whatever_the_files_order(run):
    train, _, _ = run(rows().sample(frac=1, random_state=3))
    assert train["at"].is_monotonic_increasing


def test_what_the_champion_trained_on_is_in_no_holdout(run):
    trained_to = END - timedelta(days=2)
    train, holdout, _ = run(trained_to=trained_to)
    assert pd.Timestamp(holdout["at"].min()) > trained_to
    assert pd.Timestamp(train["at"].max()) == trained_to
    assert len(holdout) == 2 * 24 - 1


def test_a_champion_of_long_ago_does_not_lengthen_the_holdout(run):
    _, holdout, _ = run(trained_to=START + timedelta(days=5))
    assert len(holdout) == 7 * 24


def test_nothing_from_the_windows_end_on_is_used(run):
    end = START + timedelta(days=20)
    train, holdout, _ = run(end=end)
    assert len(train) + len(holdout) == 20 * 24
    assert pd.Timestamp(holdout["at"].max()) < end


def test_values_stay_the_text_that_serving_sees(run):
    train, _, _ = run()
    assert train["x"].iloc[0] == ""
    assert train["x"].iloc[1] == rows()["x"].iloc[1]
    assert train["c"].iloc[0] == ""


def test_history_may_be_plain_or_packed_and_of_several_files(run):
    whole = run()
    half = HOURS // 2
    Bundle.seed(run.source, rows()[:half], name="part-1.csv")
    split = run(rows()[half:])
    for all_at_once, by_parts in zip(whole[:2], split[:2], strict=True):
        assert all_at_once.equals(by_parts)


def test_traffic_is_joined_with_its_outcomes(run):
    at = END - timedelta(hours=1)
    capture(
        run.source,
        capture_line("9.5,b", answer(0.9), key="known", at=at),
        capture_line("8.5,b", answer(0.9), key="unknown", at=at),
        capture_line("7.5,c", None, key="unanswered", at=at),
        capture_line(
            "6.5,c", answer(0.1, package=CHALLENGER), key="by-another", at=at, inference_id="flight-1"
        ),
    )
    truth(run.source, outcome_line("known", 1), outcome_line("unanswered", 0), outcome_line("flight-1", 1))
    _, holdout, _ = run()
    added = holdout[holdout["x"].isin(["9.5", "8.5", "7.5", "6.5"])]
    assert sorted(zip(added["x"], added["c"], added["late"], strict=True)) == [
        ("6.5", "c", "1"),
        ("7.5", "c", "0"),
        ("9.5", "b", "1"),
    ]


def test_an_event_captured_twice_is_one_row(run):
    line = capture_line("9.5,b", answer(0.9), key="e1", at=END - timedelta(hours=1))
    capture(run.source, line)
    capture(run.source, line, name="b.jsonl")
    truth(run.source, outcome_line("e1", 1))
    assert (run()[1]["x"] == "9.5").sum() == 1


def test_a_line_that_cannot_be_read_does_not_stop_a_retraining(run):
    good = capture_line("9.5,b", answer(0.9), key="e1", at=END - timedelta(hours=1))
    capture(run.source, b"{broken", b"\xff\xfe", good.encode())
    truth(run.source, "{broken", outcome_line("e1", 1))
    assert (run()[1]["x"] == "9.5").sum() == 1


def test_the_manifest_says_what_makes_this_set_this_one(run, tmp_path):
    train, holdout, manifest = run()
    assert pd.Timestamp(manifest["window"]["end"]) == pd.Timestamp(train["at"].max())
    assert pd.Timestamp(manifest["window"]["start"]) == START
    assert pd.Timestamp(manifest["holdout"]["start"]) == pd.Timestamp(holdout["at"].min())
    assert manifest["request"]["incident"] == "i1"
    assert 0 < manifest["positive_rate"]["train"] < 1
    first = dict(manifest["sha256"])
    assert run()[2]["sha256"] == first


def quarantine(source, since, until=None, incident="i9"):
    """Hours, counted from the start of history, that an incident keeps out."""
    hours = [None if each is None else START + timedelta(hours=each) for each in (since, until)]
    found = Quarantine(
        incident=incident, interval=Interval(since=hours[0], until=hours[1]), broken=(), at=START
    )
    (source / "quarantine" / f"{incident}.json").write_text(json.dumps(found.to_json()), encoding="utf-8")


def test_quarantined_hours_are_in_neither_part_and_the_manifest_names_them(run):
    whole = pd.concat(run()[:2])
    quarantine(run.source, 100, 130)
    quarantine(run.source, 120, 140, incident="i7")
    quarantine(run.source, HOURS - 20, HOURS - 10, incident="i8")
    quarantine(run.source, 5, 5, incident="freed")
    train, holdout, manifest = run()
    gone = {
        (START + timedelta(hours=n)).isoformat() for n in (*range(100, 140), *range(HOURS - 20, HOURS - 10))
    }
    kept = pd.concat([train, holdout])
    assert set(map(pd.Timestamp, whole["at"])) - set(map(pd.Timestamp, kept["at"])) == set(
        map(pd.Timestamp, gone)
    )
    assert manifest["quarantined"] == {
        "hours": [
            {
                "since": (START + timedelta(hours=since)).isoformat(),
                "until": (START + timedelta(hours=until)).isoformat(),
            }
            for since, until in ((100, 140), (HOURS - 20, HOURS - 10))
        ],
        "incidents": ["i7", "i8", "i9"],
        "rows": 50,
    }


def test_an_open_quarantine_leaves_out_all_that_came_since(run):
    quarantine(run.source, HOURS - 48)
    _, holdout, manifest = run()
    assert pd.Timestamp(holdout["at"].max()) == END - timedelta(hours=49)
    assert len(holdout) == 7 * 24
    assert manifest["quarantined"]["hours"][0]["until"] is None


def test_captured_traffic_of_quarantined_hours_is_left_out_by_its_hour(run):
    at = END - timedelta(hours=10)
    minutes = {"9.5": -1, "8.5": 0, "7.5": 59, "6.5": 60}
    capture(
        run.source,
        *(
            capture_line(f"{x},b", answer(0.9), key=x, at=at + timedelta(minutes=after))
            for x, after in minutes.items()
        ),
    )
    truth(run.source, *(outcome_line(x, 1) for x in minutes))
    quarantine(run.source, HOURS - 10, HOURS - 9)
    _, holdout, _ = run()
    assert sorted(set(holdout["x"]) & set(minutes)) == ["6.5", "9.5"]


def test_without_a_quarantine_the_manifest_says_that_none_was_left_out(run):
    (run.source / "quarantine" / "about.txt").write_text("an empty folder is refused", encoding="utf-8")
    assert run()[2]["quarantined"] == {"hours": [], "incidents": [], "rows": 0}


@pytest.mark.parametrize(
    ("since", "until", "few"),
    [
        (0, HOURS - 50 - 7 * 24, "50 training rows"),
        (0, HOURS - 80, "0 training rows"),
        (0, None, "no labelled row"),
    ],
)
def test_a_set_that_a_quarantine_left_too_little_of_is_refused_and_says_so(run, since, until, few):
    quarantine(run.source, since, until)
    with pytest.raises(
        NotEnoughData, match=rf"{few}.*rows are left out, since hours .* are quarantined \(i9\)"
    ):
        run()


def test_a_holdout_too_small_for_the_gate_is_refused_before_a_training_is_paid_for(run):
    quarantine(run.source, HOURS - 168, HOURS - 60)
    with pytest.raises(
        NotEnoughData, match=r"59 holdout rows .*gate.min_holdout_rows = 100 .*108 rows are left out"
    ):
        run(trained_to=END - timedelta(hours=60))


def test_a_quarantine_that_cannot_be_read_stops_the_training(run):
    for text in ("{}", "{broken"):
        (run.source / "quarantine" / "i9.json").write_text(text, encoding="utf-8")
        with pytest.raises(QuarantineError, match=r"i9.json: "):
            run()


def test_no_row_before_the_windows_end_is_not_enough(run):
    with pytest.raises(NotEnoughData, match="no labelled row before the window's end"):
        run(end=START)


def test_nothing_newer_than_the_champion_is_not_enough(run):
    with pytest.raises(NotEnoughData, match=r"no labelled row is newer than .*nothing to compare"):
        run(trained_to=END)


def test_a_training_set_of_one_class_is_not_enough(run):
    with pytest.raises(NotEnoughData, match="do not hold both classes"):
        run(rows().assign(late="0"))


def test_history_shorter_than_the_holdout_is_not_enough(run):
    with pytest.raises(NotEnoughData, match="0 training rows"):
        run(rows(hours=5 * 24))


@pytest.mark.parametrize("column", ["at", "x", "late"])
def test_history_that_lacks_a_column_names_it(run, column):
    with pytest.raises(NotEnoughData, match=f"seed.csv.gz lacks the columns {column}"):
        run(rows().drop(columns=[column]))


def test_the_order_of_capture_makes_no_difference():
    """Rows of one moment may be captured in any order; the set, and so the model, is the same."""
    workload = Workload(
        code="w",
        label="late",
        timestamp="at",
        features=(("x", "numeric"),),
        holdout_days=1,
        gate=GatePolicy(),
        observe=ObservePolicy(),
    )
    captured = pd.DataFrame(
        {
            "at": pd.to_datetime(["2024-01-01T00:00:00Z"] * 3 + ["2024-01-03T00:00:00Z"] * 2),
            "x": ["3", "1", "2", "5", "4"],
            "late": ["0", "1", "0", "1", "0"],
        }
    )
    request = {"window_end": "2024-02-01T00:00:00+00:00"}
    one = assemble.split(captured, workload, request)
    other = assemble.split(captured.iloc[::-1], workload, request)
    for mine, theirs in zip(one, other, strict=True):
        pd.testing.assert_frame_equal(mine, theirs)
