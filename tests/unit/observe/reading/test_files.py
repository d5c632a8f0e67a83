"""What a capture file leaves behind, beyond what the places where it is read agree on."""

from __future__ import annotations

from datetime import timedelta

from selfheal.observe.reading.capture import read_rows
from selfheal.observe.reading.capture_records import GOLDEN_REQUEST
from selfheal.observe.reading.files import Reading, read_file
from unit.samples import CHAMPION, NOW, answer, baseline, capture_line

HOUR = timedelta(hours=1)


def read(*times):
    lines = [capture_line(output=answer(0.5), key=f"e{n}", at=at) for n, at in enumerate(times)]
    reference = baseline()
    reading = Reading(champion=CHAMPION, schema=reference.schema, layout=reference.layout)
    return read_file(lines, "12/a.jsonl", NOW, reading)


def test_rows_of_the_neighbour_hours_are_theirs():
    found = read(NOW - HOUR, NOW, NOW + HOUR, NOW + HOUR)
    assert {part.start: part.hour.rows for part in found.parts} == {NOW - HOUR: 1, NOW: 1, NOW + HOUR: 2}
    assert found.rejected == ()


def test_rows_that_no_look_at_their_hour_would_find_are_told():
    found = read(NOW, NOW - 30 * HOUR, NOW - 30 * HOUR)
    assert {part.start: part.hour.rows for part in found.parts} == {NOW: 1}
    (stray,) = found.rejected
    assert stray.source == "12/a.jsonl"
    assert stray.reason.startswith("2 rows are of 2013-02-28 06:00, more than an hour from")
    assert [part.hour.malformed for part in found.parts] == [1]


def test_what_asks_a_golden_set_is_no_traffic_and_is_counted():
    asked = capture_line("1.5,a\n2.5,b", answer(0.5, 0.5), inference_id=f"{GOLDEN_REQUEST}incident")
    unanswered = capture_line("1.5,a", inference_id=f"{GOLDEN_REQUEST}incident")
    traffic = [capture_line(output=answer(0.5), key=f"e{n}") for n in range(3)]
    lines = [*traffic[:2], asked, unanswered, traffic[2]]
    reference = baseline()
    reading = Reading(champion=CHAMPION, schema=reference.schema, layout=reference.layout)
    (part,) = read_file(lines, "12/a.jsonl", NOW, reading).parts
    assert (part.hour.rows, part.hour.golden, part.hour.malformed) == (3, 2, 0)
    assert set(part.hour.predictions.keys) == {"e0", "e1", "e2"}
    (alone,) = read_file([asked], "12/a.jsonl", NOW, reading).parts
    assert (alone.hour.rows, alone.hour.golden) == (0, 1)
    rows, _ = read_rows("\n".join(lines), "12/a.jsonl", reference.schema)
    assert [row.key for row in rows] == ["e0", "e1", "e2"], "training reads none of it either"
