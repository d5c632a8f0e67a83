"""An hour's captured files with everything in them that may come, and the three places that read them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from pipelines.steps import profile
from selfheal.observe.profile_request import ProfileRequest
from selfheal.observe.reading.capture import LINES_PER_BLOCK
from selfheal.observe.reading.files import Part, Reading, merge_parts
from unit.samples import CHALLENGER, CHAMPION, NOW, answer, base64_of, baseline, capture_line, capture_record

ROOT = Path(__file__).parents[3]
HOUR = timedelta(hours=1)
FOLDER = NOW - HOUR
PREFIX = "capture/flights/AllTraffic/"
BAD = ("{broken", "[]", b"\xff\xfe", '{"captureData": 1}')


def reading():
    known = baseline()
    return Reading(champion=CHAMPION, schema=known.schema, layout=known.layout)


def captured(files=7, rows=40, seed=5):
    """Files by name: rows of this hour and of its neighbours, of both models, unanswered, malformed and blank
    lines, keys that come twice within a file, across files and in one and the same moment, in any order."""
    chance = random.Random(seed)
    made = {}
    for number in range(files):
        lines = [_line(chance, number, row) for row in range(rows)]
        lines += [chance.choice(BAD) for _ in range(chance.randrange(4))] + ["", lines[0]]
        chance.shuffle(lines)
        raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
        made[f"{PREFIX}{FOLDER:%Y/%m/%d/%H}/{number:02d}.jsonl"] = b"\n".join(raw) + b"\r\n"
    return made


def long_file(blocks=2):
    """One file of several blocks, by name."""
    chance = random.Random(9)
    lines = [_line(chance, 99, row) for row in range(blocks * LINES_PER_BLOCK + 7)]
    return {f"{PREFIX}{FOLDER:%Y/%m/%d/%H}/long.jsonl": "\n".join(lines).encode()}


def _line(chance, number, row):
    minutes = chance.choice([-1, 0, 1, 30, 59, 60, 61]) + chance.random()
    # Every few rows one that all files have, in the same second, with another answer.
    key = f"shared-{row}" if row % 9 == 0 else f"e{number}-{row}"
    at = FOLDER + (HOUR / 2 if row % 9 == 0 else timedelta(minutes=minutes))
    value = chance.choice(["0.0", "-0.0", "", "nan", "many", "1e300", f"{chance.gauss(0, 1):.6f}"])
    data = f"{value},{chance.choice('abcxyz')}"
    score = answer(round(chance.random(), 6), package=chance.choice([CHAMPION, CHAMPION, CHALLENGER]))
    match chance.randrange(12):
        case 0:
            return capture_line(data, None, key=key, at=at)
        case 1:
            return capture_line(base64_of(data), score, key=key, at=at, encoding="BASE64")
        case 2:
            return _json_line(data, score, key, at)
        case 3:
            return capture_line(f"{data}\n{data}", answer(0.25, 0.75), key=key, at=at)
        case _:
            return capture_line(data, score, key=key, at=at, inference_id=key)


def _json_line(data, score, key, at):
    """A payload with names, one of them unknown, or one missing."""
    x, c = data.split(",")
    body = {"x": x, "c": c, "surprise": 1} if len(key) % 2 else {"c": c}
    record = capture_record(json.dumps(body), score, key=key, at=at, encoding="JSON")
    record["captureData"]["endpointInput"]["observedContentType"] = "application/json"
    return json.dumps(record)


def request(files):
    listed = tuple((name, f'"{len(body)}"') for name, body in sorted(files.items()))
    return ProfileRequest(folder=FOLDER, prefix=PREFIX, files=listed, reading=reading())


def ask(source, files):
    (source / "request").mkdir(parents=True)
    (source / "request" / "request.json").write_text(json.dumps(request(files).to_json()))


def by_shards(files, count, folder):
    """What the machines of a processing job leave, each with its share of the files."""
    target = folder / "output"
    for machine in range(count):
        source = folder / f"algo-{machine + 1}"
        ask(source, files)
        for name in sorted(files)[machine::count]:
            path = source / "capture" / name.removeprefix(PREFIX)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        resources = source / "resourceconfig.json"
        resources.write_text(json.dumps({"current_host": f"algo-{machine + 1}"}))
        profile.main(source, target, resources)
    return target


def by_spark(files, folder):
    """What Spark leaves, started as its container starts it, but on two threads of this machine."""
    source, target, root = folder / "input", folder / "output", folder / "bucket"
    ask(source, files)
    for name, body in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(body)
    options = "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"{options} --conf spark.driver.host=127.0.0.1 pyspark-shell",
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    entry = [sys.executable, "-m", "pipelines.profile_on_spark"]
    run = partial(subprocess.run, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    ended = run([*entry, str(source), str(target), f"file://{root}/"])
    assert ended.returncode == 0, ended.stderr[-4000:]
    return target


def hours_of(target):
    """The text of each hour that a job's result makes, as it would be stored."""
    layout, parts = reading().layout, {}
    for path in sorted((target / "hours").iterdir()):
        part = Part.from_json(json.loads(path.read_text()), layout)
        assert path.stem.endswith(f"-{part.start:%Y%m%d%H}")
        parts.setdefault(part.start, []).append(part)
    return {start: text_of(merge_parts(parts[start])) for start in sorted(parts)}


def text_of(part):
    return json.dumps(part.to_json(), sort_keys=True)


def rejected_of(target):
    lines = [line for path in (target / "rejected").glob("*.jsonl") for line in path.read_text().splitlines()]
    return sorted(lines)
