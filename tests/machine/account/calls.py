"""Calls: from a client's method to the account, with the errors of botocore's own classes."""

from __future__ import annotations

import functools
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

# The first calls of each operation are checked against the service's model; the rest look like them.
CHECKED = 50


class Refused(Exception):
    """A service's own error: its code and message, and what more its answer holds."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.more = code, message, more


class Service:
    """Operations are methods named as boto3 names them, with the parameters that AWS has."""


Gate = Callable[[str, str, dict[str, Any], Callable[[], Any]], Any]


class Client:
    """A boto3 client, as far as the functions use one. Every call goes through `gate`, which may interfere.

    Args:
        find: the service as it is now; the same client serves many accounts, one after the other.
    """

    def __init__(self, name: str, find: Callable[[], Service], gate: Gate) -> None:
        self._name, self._find, self._gate = name, find, gate

    def __getattr__(self, method: str) -> Any:
        operation = _operations(self._name).get(method)
        if operation is None:
            raise AttributeError(f"{self._name} has no operation {method}")

        token = _token(self._name, operation)

        def call(**arguments: Any) -> Any:
            check(self._name, operation, arguments)
            if token is not None:  # as botocore does, so that a call that is sent twice is one
                arguments.setdefault(token, uuid.uuid4().hex)
            return self._gate(self._name, operation, arguments, lambda: self._send(method, arguments))

        # Found once: the next look-up does not come here.
        setattr(self, method, call)
        return call

    @property
    def exceptions(self) -> Any:
        return _exceptions(self._name)

    def get_paginator(self, method: str) -> Paginator:
        return Paginator(getattr(self, method))

    def _send(self, method: str, arguments: dict[str, Any]) -> Any:
        operation = getattr(self._find(), method, None)
        if operation is None:
            raise NotImplementedError(f"the account of these tests does not know {self._name}.{method}")
        try:
            return operation(**arguments)
        except Refused as refused:
            raise client_error(self._name, method, refused) from None
        except TypeError as error:  # a parameter that nobody used yet, which is no error of AWS's
            raise NotImplementedError(f"{self._name}.{method}: {error}") from error


class Paginator:
    """Pages, by the token that the answer gives."""

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        page = self._call(**arguments)
        yield page
        while page.get("NextToken"):
            page = self._call(**arguments, NextToken=page["NextToken"])
            yield page


def client_error(service: str, method: str, refused: Refused) -> ClientError:
    """The error as botocore raises it: of the class that its model has for the code, which Step Functions sees."""
    response: Any = {"Error": {"Code": refused.code, "Message": refused.message}, **refused.more}
    error: ClientError = _exceptions(service).from_code(refused.code)(response, method)
    return error


_seen: Counter[tuple[str, str]] = Counter()


def check(service: str, operation: str, arguments: dict[str, Any]) -> None:
    """Raises ParamValidationError for arguments that the service's model does not take."""
    _seen[service, operation] += 1
    if _seen[service, operation] > CHECKED:
        return
    if "CopySource" in arguments:  # boto3 takes two forms of it, and sends the one that the model has
        arguments = {**arguments, "CopySource": "/".join(arguments["CopySource"].values())}
    shape = _model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(arguments, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@functools.cache
def _token(service: str, operation: str) -> str | None:
    """The parameter that makes a call idempotent, where botocore fills it in."""
    members: list[str] = _model(service).operation_model(operation).idempotent_members
    return members[0] if members else None


@functools.cache
def _operations(service: str) -> dict[str, str]:
    return {xform_name(name): name for name in _model(service).operation_names}


@functools.cache
def _exceptions(service: str) -> Any:
    return ClientExceptionsFactory().create_client_exceptions(_model(service))
