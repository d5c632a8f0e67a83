"""What a job is asked that reads the files of one hour's folder in the function's stead."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from selfheal.observe.reading.files import Reading


class RequestError(ValueError):
    """A request that cannot be followed, with the reason."""


@dataclass(frozen=True, kw_only=True)
class ProfileRequest:
    """Read these files.

    Attributes:
        folder: the hour in whose folder they lie.
        prefix: what all their names begin with: `capture/<endpoint>/<variant>/`.
        files: their names, whole, in order, each with its ETag.
    """

    folder: datetime
    prefix: str
    files: tuple[tuple[str, str], ...]
    reading: Reading

    def __post_init__(self) -> None:
        strangers = sorted(name for name in self.names if not name.startswith(self.prefix))
        if strangers:
            raise RequestError(f"{strangers[0]} does not lie under {self.prefix}")

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.files)

    @property
    def digest(self) -> str:
        """Names a request: the same files read for the same champion in the same way."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def name_of(self, path: str) -> str:
        """The file that lies at a path below the prefix. Raises RequestError for one that was not asked for."""
        name = f"{self.prefix}{path}"
        if name not in self.names:
            raise RequestError(f"{name} is not among the {len(self.files)} files of the request")
        return name

    def to_json(self) -> dict[str, Any]:
        return {
            "folder": self.folder.isoformat(),
            "prefix": self.prefix,
            "files": [list(each) for each in self.files],
            "reading": self.reading.to_json(),
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ProfileRequest:
        """Raises RequestError where it is none."""
        try:
            return cls(
                folder=datetime.fromisoformat(body["folder"]),
                prefix=body["prefix"],
                files=tuple((name, etag) for name, etag in body["files"]),
                reading=Reading.from_json(body["reading"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, RequestError):
                raise
            raise RequestError(f"not a request: {type(error).__name__} {error}") from error
