"""Reading strings out of lines of JSON that are alike but for these strings.

Almost all lines of a captured file differ in a few strings only. So a line that was read as JSON teaches its
layout: the text between those strings. A later line that has the same text in the same places is the same
document with other strings, because JSON is read from left to right and a string ends at its quote; json's
own scanner reads the strings. A line that fits no layout has to be read as JSON: both ways give the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from json import decoder
from operator import itemgetter
from typing import Any

# (text, place after the opening quote) → (string, place after the closing quote). The scanner of json.loads
# itself, in every Python of this project; the public raw_decode wraps it at a quarter more time a line.
_scan: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MAX_STRINGS = 64

Path = tuple[str, ...]


@dataclass(frozen=True)
class LineLayout:
    """The text of a line around some of its strings.

    Attributes:
        literals: the text before each string, with its opening quote, and that text's length.
        tail: the text after the last string.
        pick: the strings in the order that was asked for, out of (None, first string, second string, …).
    """

    literals: tuple[tuple[str, int], ...]
    tail: str
    pick: Callable[[list[str | None]], Sequence[str | None]]

    @classmethod
    def learn(cls, line: str, paths: Sequence[Path]) -> LineLayout | None:
        """The layout of a line, which holds a JSON object, around the strings at two or more paths.

        A path that holds no string gives None. A string's place is found by trial: it is the one whose
        replacement changes the value at the path, so escapes, repeated names and equal strings elsewhere
        mislead nobody. Lines of more than 64 strings teach nothing.

        >>> layout = LineLayout.learn('{"a": "x", "b": {"c": "x"}}', [("b", "c"), ("a",), ("z",)])
        >>> layout.strings('{"a": "1", "b": {"c": "2\\\\n"}}'), layout.strings('{"a": "1"}')
        (('2\\n', '1', None), None)
        """
        spans = [match.span() for match in _STRING.finditer(line)]
        if len(spans) > _MAX_STRINGS:
            return None
        body = json.loads(line)
        places = {path: _place(line, spans, path) for path in paths if isinstance(_at(body, path), str)}
        found = sorted(set(places.values()))
        starts = [0, *(end for _, end in found)]
        literals = [line[start : span[0] + 1] for start, span in zip(starts, found, strict=False)]
        order = [found.index(places[path]) + 1 if path in places else 0 for path in paths]
        return cls(tuple((text, len(text)) for text in literals), line[starts[-1] :], itemgetter(*order))

    def strings(self, line: str) -> Sequence[str | None] | None:
        """The strings of a line of this layout, in the order of the paths; None for any other line."""
        found: list[str | None] = [None]
        end = 0
        try:
            for literal, length in self.literals:
                if not line.startswith(literal, end):
                    return None
                value, end = _scan(line, end + length)
                found.append(value)
        except ValueError:
            return None
        return self.pick(found) if line[end:] == self.tail else None


def _place(line: str, spans: Sequence[tuple[int, int]], path: Path) -> tuple[int, int]:
    probe = "x" * (len(line) + 1)  # longer than any string of the line, so that it is none of them
    for start, end in spans:
        if _at(json.loads(f'{line[:start]}"{probe}"{line[end:]}'), path) == probe:
            return start, end
    raise AssertionError(f"the string at {'.'.join(path)} is none of the line's strings")


def _at(value: Any, path: Path) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
