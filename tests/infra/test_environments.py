"""What functions are told is what their handlers read: the template and the code name the same variables.

Handlers are found through the templates alone, so that a new function is held to this without being listed.
"""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import Any

import pytest
from cloud_assembly import Assembly, Resource

from lambdas.runtime import BadEnvironment, Environment, read_environment

PREFIX = "SELFHEAL_"


def _functions(account: Assembly) -> list[Resource]:
    """Functions that run code of ours; those of the CDK's own frameworks are not told anything by us."""
    functions = account.of_type("AWS::Lambda::Function")
    return [function for function in functions if function.properties["Handler"].startswith("lambdas.")]


def _model(function: Resource) -> type[Environment] | None:
    """What a handler reads its environment as: its own dataclass, the common one, or nothing at all."""
    module = importlib.import_module(function.properties["Handler"].rpartition(".")[0])
    models = {
        model for model in vars(module).values() if isinstance(model, type) and issubclass(model, Environment)
    }
    # A module that extends a common one has that in its namespace as well.
    own = {one for one in models if not any(issubclass(other, one) for other in models - {one})}
    assert len(own) <= 1, f"{module.__name__} has more than one environment: {own}"
    return own.pop() if own else None


def _variables(model: type[Environment] | None) -> set[str]:
    return {f"{PREFIX}{field.name.upper()}" for field in fields(model)} if model else set()


def _told(account: Assembly, function: Resource) -> dict[str, Any]:
    return account.resolve(function.stack, function.properties["Environment"]["Variables"])


def test_most_functions_have_an_environment_of_their_own(account: Assembly) -> None:
    # Were the walk blind, everything below would hold of nothing.
    models = [_model(function) for function in _functions(account)]
    assert sum(model is not None for model in models) >= 14
    assert len({model for model in models if model not in (None, Environment)}) >= 10


def test_every_function_is_told_all_that_its_handler_asks_for(account: Assembly) -> None:
    untold = {
        str(function): lacking
        for function in _functions(account)
        if (lacking := _variables(_model(function)) - set(_told(account, function)))
    }
    assert untold == {}


def test_no_function_is_told_what_its_handler_does_not_ask_for(account: Assembly) -> None:
    unasked = {}
    for function in _functions(account):
        told = {name for name in _told(account, function) if name.startswith(PREFIX)}
        # What every function is told, it need not ask for.
        if more := told - _variables(_model(function)) - _variables(Environment):
            unasked[str(function)] = more
    assert unasked == {}


def test_every_environment_reads_as_its_handler_reads_it(account: Assembly) -> None:
    for function in _functions(account):
        if model := _model(function):
            environment = read_environment(model, _told(account, function))
            assert all(isinstance(value, str) and value for value in vars(environment).values()), function


def test_a_variable_that_were_left_out_would_be_missed_by_name(account: Assembly) -> None:
    for function in _functions(account):
        if model := _model(function):
            told = _told(account, function)
            for name in _variables(model):
                without = {key: value for key, value in told.items() if key != name}
                with pytest.raises(BadEnvironment, match=f"{name}$"):
                    read_environment(model, without)
