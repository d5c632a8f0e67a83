"""What the record stage found, as JSON: for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any


def json_form(value: Any) -> Any:
    """Dataclasses become objects, enums their values, times ISO 8601, spans of time seconds.

    >>> from selfheal.verdict import Verdict
    >>> json_form({"verdict": Verdict.PASS, "after": timedelta(minutes=2), "reasons": ("quiet",)})
    {'verdict': 'PASS', 'after': 120.0, 'reasons': ['quiet']}
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value):
        return {field.name: json_form(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {json_form(key): json_form(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [json_form(item) for item in value]
    return value
