"""Profile captured traffic: one machine of a processing job, with its share of an hour's files.

    python3 -m pipelines.steps.profile INPUT OUTPUT RESOURCES

Reads INPUT/request/request.json, this machine's files below INPUT/capture, and the machine's name in RESOURCES,
SageMaker's resourceconfig.json. Writes OUTPUT/hours and OUTPUT/rejected (`profile_files`). A file is read line by
line and forgotten once it is counted, so memory does not grow with them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pipelines.steps.profile_files import load_request, read, rejected_text, write_parts
from selfheal.observe.reading.files import Gathering


def main(source: Path, target: Path, resources: Path) -> None:
    request = load_request(source)
    who = json.loads(resources.read_text(encoding="utf-8"))["current_host"]
    capture, gathering, files, lines = source / "capture", Gathering(), 0, 0
    # A machine that got no file has no folder either.
    for path in sorted(each for each in capture.rglob("*") if each.is_file()):
        name = request.name_of(path.relative_to(capture).as_posix())
        with path.open("rb") as captured:
            found = read(captured, name, request)
        gathering.add(found.parts)
        files, lines = files + 1, lines + len(found.rejected)
        if found.rejected:
            (target / "rejected").mkdir(parents=True, exist_ok=True)
            with (target / "rejected" / f"{who}.jsonl").open("a", encoding="utf-8") as kept:
                kept.write(rejected_text(found.rejected))
    write_parts(target, who, gathering.merged())
    print(json.dumps({"machine": who, "files": files, "rejected": lines}))  # noqa: T201 - a job speaks through its log


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
