"""JSON of a known shape, several times as fast as json reads it: by msgspec, which is as strict.

A decoder answers only where it is certain. What it reads, json reads to the same values; text of another shape,
broken text, NaN and lone surrogates it leaves to json, which also says what is wrong. SageMaker's images for jobs do
not carry msgspec: there all is left to json.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

try:
    from msgspec import DecodeError
    from msgspec.json import Decoder
except ImportError:  # pragma: no cover - tests take it away to see the same values without it
    Decoder = None  # type: ignore[assignment,misc]

T = TypeVar("T")


def decoder(shape: type[T]) -> Callable[[str | bytes], T | None]:
    """Of JSON to values of a shape: None where it is not certainly of it.

    Args:
        shape: what msgspec knows as a type; a TypedDict drops names that it does not have.

    >>> numbers = decoder(list[float])
    >>> numbers("[1, 2.5]") in ([1.0, 2.5], None), numbers('[1, "2"]'), numbers("[NaN]")
    (True, None, None)
    """
    if Decoder is None:
        return lambda _: None
    decode = Decoder(shape).decode

    def decoded(text: str | bytes) -> T | None:
        try:
            # In what it skips msgspec would not notice bytes that are not UTF-8.
            return decode(text if text.isascii() or isinstance(text, str) else text.decode("utf-8"))
        except (DecodeError, UnicodeError, RecursionError):  # ValidationError is a DecodeError
            return None

    return decoded
