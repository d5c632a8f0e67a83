"""Lines of a file, and those of them that were refused.

Bytes that are not UTF-8 become lone surrogates ("surrogateescape"), so that they cost their own line alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Line = str | bytes

_KEPT_TEXT = 2000


class MalformedError(ValueError):
    """A line that is not what it should be; the message is the reason."""


class Rejected(NamedTuple):
    """A line that could not be read: where it stands, why, and the line itself, shortened."""

    source: str
    line: int
    reason: str
    text: str

    @classmethod
    def of(cls, source: str, number: int, error: MalformedError, line: Line) -> Rejected:
        """The text is cut to 2,000 characters; bytes that are not UTF-8 become question marks."""
        kept = _text(line)[:_KEPT_TEXT].encode("utf-8", errors="replace").decode("utf-8")
        return cls(source, number, str(error), kept)

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


def lines_of(text: Line) -> list[str]:
    """All lines of a file.

    >>> lines_of(b"one\\n\\xfftwo")
    ['one', '\\udcfftwo']
    """
    # Not splitlines(): it also ends lines where JSON may have a raw U+2028 inside a string.
    return (text if isinstance(text, str) else text.decode("utf-8", errors="surrogateescape")).split("\n")


def numbered(lines: Iterable[Line]) -> Iterator[tuple[int, Line]]:
    """The lines with more than JSON's own white space, by number from 1."""
    for number, line in enumerate(lines, start=1):
        # Nearly all begin with a brace: to strip one copies it.
        if line[:1] in ("{", b"{") or (
            line.strip(" \t\r\n") if isinstance(line, str) else line.strip(b" \t\r\n")
        ):
            yield number, line


def json_object(line: Line) -> dict[str, Any]:
    """The line as a JSON object; raises MalformedError for anything else, and for what is not UTF-8."""
    text = _text(line)
    try:
        text.encode("utf-8")
        record = json.loads(text)
    except UnicodeEncodeError as error:
        raise MalformedError(f"not UTF-8 at character {error.start + 1}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise MalformedError(f"not a JSON object but {type(record).__name__}")
    return record


def text_of(value: Any, name: str) -> str:
    """The value; raises TypeError where it is not text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, not text")
    return value


def _text(line: Line) -> str:
    """The line without its end."""
    text = line if isinstance(line, str) else line.decode("utf-8", errors="surrogateescape")
    return text.rstrip("\r\n")
