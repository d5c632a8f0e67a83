"""Arrays as short text: in base 64, integers in the narrowest type that holds them and deflated."""

from __future__ import annotations

import base64
import zlib
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.integer[Any])

_TYPES = ("<u1", "<u2", "<u4", "<u8")


def pack(array: NDArray[Any]) -> str:
    """Non-negative integers as text; `unpack` gives them back, flat.

    >>> unpack(pack(np.array([0, 7, 300])), np.int64)
    array([  0,   7, 300])
    """
    largest = int(array.max(initial=0))
    kind = next(kind for kind in _TYPES if largest <= np.iinfo(kind).max)
    body = zlib.compress(np.ascontiguousarray(array, dtype=kind).tobytes(), 6)
    return kind[-1] + base64.b64encode(body).decode("ascii")


def unpack(text: str, dtype: type[T]) -> NDArray[T]:
    """The integers, as the type that is asked for; raises ValueError for text that `pack` did not write."""
    kind = f"<u{text[:1]}"
    if kind not in _TYPES:
        raise ValueError(f"packed integers begin with 1, 2, 4 or 8, not with {text[:1]!r}")
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(text[1:])), dtype=kind).astype(dtype)
    except zlib.error as error:
        raise ValueError(f"packed integers do not unpack: {error}") from error


def pack_floats(array: NDArray[np.float64]) -> str:
    """Floats as text, every bit of them; `unpack_floats` gives them back, flat."""
    return _text(array, "<f8")


def unpack_floats(text: str) -> NDArray[np.float64]:
    """Raises ValueError for text that `pack_floats` did not write."""
    return _array(text, "<f8").astype(np.float64)


def pack_signed(array: NDArray[np.int64]) -> str:
    """Integers of either sign as text; `unpack_signed` gives them back, flat."""
    return _text(array, "<i8")


def unpack_signed(text: str) -> NDArray[np.int64]:
    """Raises ValueError for text that `pack_signed` did not write."""
    return _array(text, "<i8").astype(np.int64)


def _text(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _array(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind)
