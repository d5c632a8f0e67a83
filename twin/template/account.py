"""What the loader needs of the account that it fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.interfaces import Functions, TwinError

if TYPE_CHECKING:
    from boto3.session import Session


class PackagedCode:
    """Where the code of each function lies: the asset's folder in cdk.out, so that nothing is unzipped."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, str], Path] = {}
        self._functions: dict[str, Path] = {}

    def publish(self, bucket: str, key: str, folder: Path) -> None:
        self._published[bucket, key] = folder

    def assign(self, function: str, bucket: str, key: str) -> None:
        if (bucket, key) not in self._published:
            raise TwinError(f"function {function}: s3://{bucket}/{key} is no asset folder of this assembly")
        self._functions[function] = self._published[bucket, key]

    def of(self, function: str) -> Path:
        if function not in self._functions:
            raise TwinError(f"function {function} was not loaded from a template: its code is unknown")
        return self._functions[function]


@dataclass(frozen=True, kw_only=True)
class Account:
    """`session` talks to moto in this process; `wait` lets the virtual clock run on for a while."""

    session: Session
    functions: Functions
    code: PackagedCode
    wait: Callable[[timedelta], None]
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def client(self, service: str) -> Any:
        """One client per service: to make one takes longer than most of the calls that it makes."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]
