"""However an hour's lines are divided into files, and the files among machines, they make the same hour."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import CHALLENGER, CHAMPION, NOW, answer, baseline, capture_line

from selfheal.observe.reading.files import Gathering, Part, Reading, merge_parts, read_file

FOLDER = NOW
BASELINE = baseline()
READING = Reading(champion=CHAMPION, schema=BASELINE.schema, layout=BASELINE.layout)
LINES = st.builds(
    lambda x, c, key, minutes, score, package: capture_line(
        f"{x},{c}", answer(score, package=package), key=f"k{key}", at=FOLDER + timedelta(minutes=minutes)
    ),
    st.sampled_from(["0.0", "-0.0", "", "nan", "word", "1e308", "-3.25", "0.1"]),
    st.sampled_from(["a", "b", "ü", ""]),
    # Few keys and few times, so that the same key comes again in the same moment with another answer.
    st.integers(0, 9),
    st.sampled_from([-1, 0, 30, 59, 60]),
    st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    st.sampled_from([CHAMPION, CHAMPION, CHALLENGER]),
)
BROKEN = st.sampled_from(["{", "", "[1]", '{"captureData": {}}'])
FILES = st.lists(st.lists(LINES | BROKEN, max_size=8), min_size=1, max_size=6)


def parts_of(files):
    """The parts of each file, through the text in which machines hand them on."""
    for number, lines in enumerate(files):
        found = read_file(lines, f"{number}.jsonl", FOLDER, READING)
        yield [Part.from_json(json.loads(json.dumps(part.to_json())), READING.layout) for part in found.parts]


def hours_of(parts):
    return [json.dumps(part.to_json(), sort_keys=True) for part in parts]


@settings(deadline=None, max_examples=60)
@given(FILES, st.data())
def test_the_same_files_make_the_same_hours_however_they_are_shared_out(files, data):
    each = list(parts_of(files))
    whole = Gathering()
    for parts in each:
        whole.add(parts)
    machines = [Gathering() for _ in range(data.draw(st.integers(1, 4)))]
    for parts in data.draw(st.permutations(each)):
        machines[data.draw(st.integers(0, len(machines) - 1))].add(parts)
    again = Gathering()
    for machine in data.draw(st.permutations(machines)):
        again.add(machine.merged())
    assert hours_of(again.merged()) == hours_of(whole.merged())


@settings(deadline=None, max_examples=60)
@given(FILES)
def test_parts_merge_in_any_order_and_grouping(files):
    by_hour = {}
    for parts in parts_of(files):
        for part in parts:
            by_hour.setdefault(part.start, []).append(part)
    for parts in by_hour.values():
        forward, backward = parts[0], parts[-1]
        for part in parts[1:]:
            forward = merge_parts([forward, part])
        for part in reversed(parts[:-1]):
            backward = merge_parts([part, backward])
        assert hours_of([forward]) == hours_of([backward]) == hours_of([merge_parts(parts)])


@settings(deadline=None, max_examples=30)
@given(FILES)
def test_no_line_is_lost(files):
    for parts, lines in zip(parts_of(files), files, strict=True):
        found = sum(part.hour.rows + part.hour.duplicates + part.hour.malformed for part in parts)
        assert found == sum(1 for line in lines if line)
