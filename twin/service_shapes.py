"""What the service itself refuses: requests judged against botocore's model of the operation.

boto3's own validation stops at required members, types and minimums; enums, patterns and maximums are
left to the service, so the twin judges them here. A request that passes both is one that AWS would parse.
Lists are answered in pages, as the service does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, TypeVar

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator
from moto.sagemaker.exceptions import SagemakerClientError

from twin.interfaces import TwinError

Item = TypeVar("Item")


def validation_error(message: str) -> SagemakerClientError:
    """SageMaker's answer to a request that it cannot accept (HTTP 400, ValidationException)."""
    return SagemakerClientError("ValidationException", message)


def check_request(operation: str, request: Mapping[str, Any]) -> None:
    """Raise ValidationException, all problems at once, if SageMaker would not accept `request`."""
    shape = _input_shape(operation)
    report = ParamValidator().validate(request, shape)
    problems: list[str] = report.generate_report().splitlines() if report.has_errors() else []
    problems += list(_beyond_types(request, shape, ""))
    if problems:
        plural = "error" if len(problems) == 1 else "errors"
        raise validation_error(f"{len(problems)} validation {plural} detected: {'; '.join(problems)}")


def refuse_unsupported(where: str, given: Mapping[str, Any], supported: Collection[str]) -> None:
    """Raise TwinError for members that SageMaker knows and the twin does not act on."""
    if unknown := sorted(set(given) - set(supported)):
        raise TwinError(
            f"{where}: the twin does not act on {', '.join(unknown)}; leave it out, or teach it to the twin"
        )


def paged(items: list[Item], query: Mapping[str, Any], *, default_size: int) -> tuple[list[Item], str | None]:
    """The page that NextToken and MaxResults ask for, and the token of the next one."""
    token = str(query.get("NextToken") or "0")
    if not token.isdigit() or int(token) > len(items):
        raise validation_error(f"Invalid NextToken: {token}")
    begin = int(token)
    end = begin + int(query.get("MaxResults") or default_size)
    return items[begin:end], str(end) if end < len(items) else None


@cache
def _input_shape(operation: str) -> Any:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.operation_model(operation).input_shape


def _beyond_types(value: Any, shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        for name, member in shape.members.items():
            if name in value:
                yield from _beyond_types(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list" and isinstance(value, list):
        yield from _too_large(len(value), shape, path, "length")
        for index, item in enumerate(value):
            yield from _beyond_types(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map" and isinstance(value, Mapping):
        yield from _too_large(len(value), shape, path, "length")
        for key, item in value.items():
            yield from _beyond_types(key, shape.key, f"{path} (key)")
            yield from _beyond_types(item, shape.value, f"{path}[{key!r}]")
    elif shape.type_name == "string" and isinstance(value, str):
        yield from _wrong_text(value, shape, path)
    elif shape.type_name in ("integer", "long", "float", "double") and isinstance(value, (int, float)):
        yield from _too_large(value, shape, path, "value")


def _too_large(size: float, shape: Shape, path: str, what: str) -> Iterator[str]:
    limit = shape.metadata.get("max")
    if limit is not None and size > limit:
        yield f"{path}: Member must have {what} less than or equal to {limit}, it is {size}"


def _wrong_text(value: str, shape: Any, path: str) -> Iterator[str]:
    yield from _too_large(len(value), shape, path, "length")
    if shape.enum and value not in shape.enum:
        yield f"Value '{value}' at '{path}' must satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = _compiled(shape.metadata.get("pattern"))
    if pattern and not pattern.fullmatch(value):
        yield f"Value '{value}' at '{path}' must satisfy regular expression pattern: {pattern.pattern}"


@cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    # Java's Unicode classes have no equivalent in Python's re; such patterns are left to the service.
    return None if pattern is None or r"\p{" in pattern else re.compile(pattern)
