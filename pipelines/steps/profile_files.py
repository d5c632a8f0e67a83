"""What the jobs that read captured traffic have in common: their request, and the form of their result.

OUTPUT/hours/<who>-<yyyymmddhh>.json      a part of an hour
OUTPUT/rejected/<who>.jsonl               lines that could not be read, where there are any

`<who>` is the machine, so that machines write into one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from selfheal.observe.profile_request import ProfileRequest
from selfheal.observe.reading.files import FileRead, Part, around, read_file
from selfheal.observe.reading.lines import Rejected


def load_request(source: Path) -> ProfileRequest:
    """INPUT/request/request.json; raises RequestError where it is none."""
    return ProfileRequest.from_json(
        json.loads((source / "request" / "request.json").read_text(encoding="utf-8"))
    )


def read(lines: Iterable[bytes], name: str, request: ProfileRequest) -> FileRead:
    """What a file leaves behind of the hours that anybody will ask for."""
    found = read_file(lines, name, request.folder, request.reading)
    asked = around(request.folder)
    return FileRead(parts=tuple(p for p in found.parts if p.start in asked), rejected=found.rejected)


def write_parts(target: Path, who: str, parts: Iterable[Part]) -> None:
    folder = target / "hours"
    folder.mkdir(parents=True, exist_ok=True)
    for part in parts:
        text = json.dumps(part.to_json(), separators=(",", ":"), sort_keys=True)
        (folder / f"{who}-{part.start:%Y%m%d%H}.json").write_text(text, encoding="utf-8")


def rejected_text(rejected: Iterable[Rejected]) -> str:
    return "".join(json.dumps(line.to_json()) + "\n" for line in rejected)
