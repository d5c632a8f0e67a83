"""Profile captured traffic on Spark, where an hour's files are too many for a few machines.

    python3 -m pipelines.steps.profile_spark INPUT OUTPUT ROOT

Reads INPUT/request/request.json and the files that it names from ROOT, such as `s3a://bucket/`, where they lie.
Writes OUTPUT/hours and OUTPUT/rejected (`profile_files`), as one machine of a processing job would have. Each
partition reads its files and leaves a part an hour; parts are merged by hour as they meet. What Spark carries
between machines is the text that is stored, so that nothing depends on how it would serialize the rest.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.steps.profile_files import load_request, read, rejected_text, write_parts
from selfheal.observe.profile_request import ProfileRequest, RequestError
from selfheal.observe.reading.files import Gathering, Part, merge_parts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WHO = "spark"
# Partitions of one machine's cores are small enough to be shared out evenly, and large enough to merge first.
FILES_PER_PARTITION = 8

# What a partition leaves: (hour, text of its part), or (REJECTED, text of its lines).
Piece = tuple[str, str]
REJECTED = "rejected"


def main(source: Path, target: Path, root: str) -> None:
    request = load_request(source)
    spark = _session()
    try:
        _profile(spark, request, target, root)
    finally:
        spark.stop()


def read_partition(files: Iterable[tuple[str, Any]], root: str, request: ProfileRequest) -> Iterator[Piece]:
    """The pieces of some files, which come as (address, bytes)."""
    gathering = Gathering()
    for address, content in files:
        found = read(io.BytesIO(content), _name(address, root, request), request)
        gathering.add(found.parts)
        if found.rejected:
            yield REJECTED, rejected_text(found.rejected)
    for part in gathering.merged():
        yield part.start.isoformat(), json.dumps(part.to_json())


def merge_texts(one: str, other: str, request: ProfileRequest) -> str:
    """Two parts of an hour as one."""
    layout = request.reading.layout
    parts = [Part.from_json(json.loads(text), layout) for text in (one, other)]
    return json.dumps(merge_parts(parts).to_json())


def _profile(spark: SparkSession, request: ProfileRequest, target: Path, root: str) -> None:
    from pyspark import StorageLevel

    context = spark.sparkContext
    known = context.broadcast(request.to_json())
    partitions = max(context.defaultParallelism, len(request.files) // FILES_PER_PARTITION)
    addresses = ",".join(f"{root}{name}" for name, _ in request.files)
    pieces = context.binaryFiles(addresses, partitions).mapPartitions(
        lambda files: read_partition(files, root, _known(known))
    )
    # Read once, asked twice.
    pieces.persist(StorageLevel.MEMORY_AND_DISK)
    hours = (
        pieces.filter(lambda piece: piece[0] != REJECTED)
        .reduceByKey(lambda one, other: merge_texts(one, other, _known(known)))
        .values()
        .collect()
    )
    layout = request.reading.layout
    write_parts(target, WHO, (Part.from_json(json.loads(text), layout) for text in hours))
    for _, text in pieces.filter(lambda piece: piece[0] == REJECTED).toLocalIterator():
        (target / "rejected").mkdir(parents=True, exist_ok=True)
        with (target / "rejected" / f"{WHO}.jsonl").open("a", encoding="utf-8") as kept:
            kept.write(text)


def _known(broadcast: Any) -> ProfileRequest:
    """The request, made once in each of Spark's processes: the layout alone is some hundred thousand numbers."""
    if _REQUESTS.get("body") is not broadcast.value:
        _REQUESTS.update(body=broadcast.value, request=ProfileRequest.from_json(broadcast.value))
    request: ProfileRequest = _REQUESTS["request"]
    return request


_REQUESTS: dict[str, Any] = {}


def _name(address: str, root: str, request: ProfileRequest) -> str:
    # Hadoop writes file:/a for file:///a; what matters is what comes after the root.
    _, _, path = address.partition(f"/{request.prefix}")
    if not path:
        raise RequestError(f"{address} does not lie under {root}{request.prefix}")
    return request.name_of(path)


def _session() -> SparkSession:
    from pyspark.sql import SparkSession

    # Workers import this project too; it lies at the same path on every machine.
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    builder = SparkSession.builder.appName("selfheal-profile")
    return builder.config("spark.executorEnv.PYTHONPATH", os.pathsep.join(paths)).getOrCreate()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
