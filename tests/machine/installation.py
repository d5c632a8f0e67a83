"""The functions, installed: the handlers as the template names them, their environment, and their clients.

Functions outlive the worlds that they run in, as they do on Lambda; their clients talk to the one that there is.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from machine.account import Account
from machine.account.calls import Client
from machine.invocations import running
from machine.properties import Properties
from machine.template import Deployed, Function

Handler = Callable[[Any, Any], Any]


class Here:
    """The world that there is at the moment, as far as a client must know it."""

    account: Account
    properties: Properties
    counts: Counter[str]

    def enter(self, account: Account, properties: Properties, counts: Counter[str]) -> None:
        self.account, self.properties, self.counts = account, properties, counts


here = Here()
_handlers: dict[str, Handler] = {}


def handler(function: Function) -> Handler:
    """Whoever loads a handler runs it next: it reads its environment then, once and for all."""
    if function.handler not in _handlers:
        os.environ.update(function.environment)
        _handlers[function.handler] = function.load()
    return _handlers[function.handler]


@functools.cache
def client(service: str) -> Client:
    return Client(service, lambda: here.account.service(service), _gate)


def _gate(service: str, operation: str, arguments: dict[str, Any], send: Callable[[], Any]) -> Any:
    invocation = running.invocation
    if invocation is None:
        return send()
    here.counts["calls"] += 1
    return invocation.gate(
        service,
        operation,
        lambda: here.properties.watched(invocation, service, operation, arguments, send),
    )


@contextmanager
def installed(deployed: Deployed) -> Iterator[None]:
    """The functions as they are deployed, until the block ends."""
    from lambdas.runtime import logger

    level = logger.log_level
    with pytest.MonkeyPatch.context() as patch:
        for function in deployed.functions.values():
            for name, value in function.environment.items():
                patch.setitem(os.environ, name, value)
        patch.setattr(boto3, "client", lambda service, **_: client(service))
        logger.setLevel("CRITICAL")
        _forget()
        try:
            yield
        finally:
            logger.setLevel(level)
            _forget()


def _forget() -> None:
    """What functions keep between invocations: clients and settings of where they were."""
    _handlers.clear()
    for name in [name for name in sys.modules if name.startswith("lambdas.")]:
        for value in vars(sys.modules[name]).values():
            if isinstance(value, functools._lru_cache_wrapper):
                value.cache_clear()
