"""CloudWatch's embedded metric format: metrics that a function publishes by printing a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from twin.interfaces import TwinError


class Point(NamedTuple):
    namespace: str
    name: str
    dimensions: dict[str, str]
    value: float


def points(log: str) -> Iterator[Point]:
    """Every value in the log's EMF lines, once per dimension set.

    CloudWatch drops a malformed document and counts it in a metric that nobody watches; here it is an error.
    """
    for line in log.splitlines():
        document = _document(line)
        if document is not None:
            yield from _points(document)


def _document(line: str) -> dict[str, Any] | None:
    if '"_aws"' not in line:
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    metadata = document.get("_aws") if isinstance(document, dict) else None
    return document if isinstance(metadata, dict) and "CloudWatchMetrics" in metadata else None


def _points(document: dict[str, Any]) -> Iterator[Point]:
    for directive in document["_aws"]["CloudWatchMetrics"]:
        namespace = directive["Namespace"]
        # No dimension set at all still publishes the metric, without dimensions.
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(_member(document, name)) for name in names}
            for metric in directive["Metrics"]:
                value = _member(document, metric["Name"])
                for each in value if isinstance(value, list) else [value]:
                    yield Point(namespace, metric["Name"], dimensions, _number(metric["Name"], each))


def _member(document: dict[str, Any], name: str) -> Any:
    if name not in document:
        raise TwinError(f"EMF line names {name!r} and does not carry it: {json.dumps(document)[:300]}")
    return document[name]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TwinError(f"EMF metric {name!r} is {value!r}: CloudWatch takes numbers only")
    return float(value)
