"""Reading a settings file, and saying everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any, get_type_hints

import yaml
from pydantic import TypeAdapter, ValidationError

from selfheal.bounds import PolicyError, Problem
from selfheal.settings import Settings, guardrail_problems, price_problems


class SettingsError(Exception):
    """A settings file that cannot be used; `problems` names every error of it."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        super().__init__("\n".join([f"{path}: {count}", *(f"  {problem}" for problem in problems)]))


def load(path: Path) -> Settings:
    """Read a settings file.

    Raises:
        SettingsError: the file is missing, is not YAML, or any of its fields cannot be.
    """
    document = _read(path)
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise SettingsError(path, _all_problems(document, error)) from None


# What two sections must agree on.
_AGREEMENTS: tuple[tuple[tuple[str, str], Callable[[Any, Any], list[Problem]]], ...] = (
    (("serving", "release"), guardrail_problems),
    (("rails", "value"), price_problems),
)


def _all_problems(document: dict[Any, Any], error: ValidationError) -> list[Problem]:
    """Every error of a document, not only those that hide no other.

    Validation stops at the first kind of error: with an unknown key or a wrong type, bounds are not
    looked at, and with any error at all, neither is what sections must agree on. So each section is also
    judged on its own, and the rules between sections on what is sound of them.
    """
    problems = list(_problems(error))
    sections = {**{name: {} for pair, _ in _AGREEMENTS for name in pair}, **document}
    sound: dict[str, Any] = {}
    for name in (name for name in Settings.model_fields if name in sections):
        found, sound[name] = _judge(name, sections[name])
        problems += found
    for pair, agree in _AGREEMENTS:
        if all(sound[name] is not None for name in pair):
            problems += agree(*(sound[name] for name in pair))
    seen: dict[str, Problem] = {}
    for problem in problems:
        # What was left out for an error inside it is not missing.
        if not any(field.startswith(f"{problem.field}.") for field in seen):
            seen.setdefault(problem.field, problem)
    return list(seen.values())


def _judge(name: str, section: Any) -> tuple[list[Problem], Any]:
    """Every error of a section, and what is left of it without them; None where nothing usable is.

    What is wrong is left out until the rest is sound, so that defaults stand in for it meanwhile.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(get_type_hints(Settings, include_extras=True)[name])
    problems: list[Problem] = []
    while True:
        try:
            return problems, adapter.validate_python(section)
        except ValidationError as error:
            problems += _problems(error, name)
            rest = reduce(_without, _places(error), section)
        if rest == section:
            return problems, None
        section = rest


def _places(error: ValidationError) -> Iterator[tuple[int | str, ...]]:
    for item in error.errors(include_url=False):
        place = tuple(part for part in item["loc"] if part != "[key]")
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, PolicyError):
            yield from ((*place, problem.field) for problem in cause.problems)
        else:
            yield place


def _without(value: Any, place: tuple[int | str, ...]) -> Any:
    """A value without what lies at a place; an item takes its whole list along, whose places would shift."""
    if not place or not isinstance(value, dict):
        return value
    first, *more = place
    if more and isinstance(value.get(first), dict):
        return {**value, first: _without(value[first], tuple(more))}
    return {key: inner for key, inner in value.items() if str(key) != str(first)}


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            path, [Problem("file", str(path), f"a readable file ({error.strerror})")]
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(path, [Problem("file", str(path), f"UTF-8 text ({error.reason})")]) from None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f"line {where.line + 1}" if where else "file"
        raise SettingsError(
            path, [Problem(line, getattr(error, "problem", str(error)), "valid YAML")]
        ) from None
    if not isinstance(document, dict):
        raise SettingsError(path, [Problem("file", type(document).__name__, "a mapping of settings")])
    return document


def _problems(error: ValidationError, section: str = "") -> Iterator[Problem]:
    for item in error.errors(include_url=False):
        path = ".".join(str(part) for part in (section, *item["loc"]) if part not in ("", "[key]"))
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, PolicyError):
            for problem in cause.problems:
                yield Problem(
                    f"{path}.{problem.field}" if path else problem.field, problem.value, problem.expected
                )
        elif item["type"] == "missing":
            yield Problem(path, None, "a value: this setting is required")
        elif item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            yield Problem(path, item["input"], "nothing: no setting has this name")
        elif item["type"] == "too_short" and item["input"]:
            continue  # pydantic counts only the items that are sound: each of the others has its own error
        else:
            yield Problem(path, item["input"], item["msg"].removeprefix("Input should be "))
