"""Lines of a file, and those of them that were refused.

Bytes that are not UTF-8 become lone surrogates ("surrogateescape"), so that they cost their own line alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

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
    def of(cls, source: str, number: int, error: MalformedError, line: str) -> Rejected:
        """The text is cut to 2,000 characters; bytes that are not UTF-8 become question marks."""
        kept = line[:_KEPT_TEXT].encode("utf-8", errors="replace").decode("utf-8")
        return cls(source, number, str(error), kept)

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


def lines_of(text: str | bytes) -> list[str]:
    """All lines of a file.

    >>> lines_of(b"one\\n\\xfftwo")
    ['one', '\\udcfftwo']
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="surrogateescape")
    # Not splitlines(): it also ends lines where JSON may have a raw U+2028 inside a string.
    return text.split("\n")


def numbered(lines: Iterable[str | bytes]) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, without their ends, by number from 1."""
    for number, raw in enumerate(lines, start=1):
        line = raw if isinstance(raw, str) else raw.decode("utf-8", errors="surrogateescape")
        line = line.rstrip("\r\n")
        if line and not line.isspace():
            yield number, line


def demand_utf8(line: str) -> None:
    """Raises MalformedError where a line was read from bytes that are not UTF-8."""
    if not line.isascii():
        try:
            line.encode("utf-8")
        except UnicodeEncodeError as error:
            raise MalformedError(f"not UTF-8 at character {error.start + 1}") from error
