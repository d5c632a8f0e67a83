"""The terms of the vocabulary as people speak them."""

from __future__ import annotations

from enum import Enum


def words(term: Enum) -> str:
    """A term of the vocabulary as it is spoken: without its hyphens.

    >>> from selfheal.diagnose.causes import Cause
    >>> words(Cause.HARMFUL_DRIFT)
    'harmful covariate drift'
    """
    return str(term.value).replace("-", " ").lower()
