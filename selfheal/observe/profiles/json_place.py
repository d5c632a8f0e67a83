"""A JSON document of somebody else, read so that a complaint says where."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from selfheal.observe.profiles.layout import BaselineError


@dataclass(frozen=True, kw_only=True)
class Place:
    """A value in a document, and the way to it.

    >>> document = Place.read("statistics.json", '{"features": [{"mean": "high"}]}')
    >>> next(document["features"].each())["mean"].number()
    Traceback (most recent call last):
    ...
    selfheal.observe.profiles.layout.BaselineError: statistics.json: features[0].mean is 'high': expected a number
    """

    file: str
    path: str
    value: Any

    @classmethod
    def read(cls, file: str, text: str | bytes) -> Place:
        """Raises BaselineError where the text is not a JSON object."""
        try:
            value = json.loads(text)
        except ValueError as error:
            raise BaselineError(f"{file}: not JSON: {error}; fetch the file again") from error
        place = cls(file=file, path="", value=value)
        if not isinstance(value, dict):
            raise place.wrong("a JSON object")
        return place

    def wrong(self, expected: str) -> BaselineError:
        """The error that says what was expected here."""
        shown = repr(self.value)
        shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
        return BaselineError(f"{self.file}: {self.path or 'the document'} is {shown}: expected {expected}")

    def has(self, name: str) -> bool:
        """Whether there is such a member, other than null."""
        return isinstance(self.value, dict) and self.value.get(name) is not None

    def __getitem__(self, name: str) -> Place:
        if not self.has(name):
            raise self._child(name, None).wrong("a value; the file is not complete, or not Model Monitor's")
        return self._child(name, self.value[name])

    def each(self) -> Iterator[Place]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for number, value in enumerate(self.value):
            yield Place(file=self.file, path=f"{self.path}[{number}]", value=value)

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("a number")
        try:
            number = float(self.value)
        except OverflowError:
            raise self.wrong("a number that fits a float") from None
        if not math.isfinite(number):
            raise self.wrong("a finite number")
        return number

    def count(self) -> int:
        """A whole number from zero, which Model Monitor sometimes writes as 12.0."""
        number = self.number()
        if number < 0 or not number.is_integer():
            raise self.wrong("a whole number from zero")
        return int(self.value)

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.wrong("text")
        return self.value

    def truth(self) -> bool:
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def _child(self, name: str, value: Any) -> Place:
        path = f"{self.path}.{name}" if self.path else name
        return Place(file=self.file, path=path, value=value)
