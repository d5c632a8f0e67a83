"""Function code keeps to what its layers carry, and no function reaches into another."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HANDLERS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "lambdas").rglob("handler.py")
)
OURS = ("lambdas", "selfheal")
# The runtime's own, and by layer what infra/layers/*.in asks for.
RUNTIME = {"boto3", "botocore"}


def layer(name):
    lines = (ROOT / "infra" / "layers" / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return {line.strip().replace("-", "_") for line in lines if line.strip() and not line.startswith("#")}


@functools.cache
def with_science():
    """Handlers that infra declares with the science layer."""
    return {
        f"lambdas.{declared['stage']}.{declared.get('module') or declared['name']}.handler"
        for declared in declarations()
        if declared.get("science")
    }


@functools.cache
def declarations():
    """The constant arguments of every StageFunction(…) in infra."""
    found = []
    for path in (ROOT / "infra").rglob("*.py"):
        found += [
            {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "StageFunction"
        ]
    return tuple(found)


def source_of(module):
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def statements(nodes):
    """Every statement that runs, at whatever depth; not what only type checkers read."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from statements(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody", "handlers"):
            yield from statements(getattr(node, field, []))


@functools.cache
def imports(module):
    """Modules that a module imports; a name that is a submodule counts as the submodule."""
    path = source_of(module)
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                ours = node.module.split(".")[0] in OURS
                found.add(inner if ours and source_of(inner) else node.module)
    return frozenset(found)


@functools.cache
def reached(module):
    """What is imported in the end: our modules, and everybody else's by their first name."""
    ours, others, open_ = set(), set(), [module]
    while open_:
        current = open_.pop()
        if current.split(".")[0] not in OURS:
            others.add(current.split(".")[0])
        elif current not in ours:
            ours.add(current)
            parents = [current.rsplit(".", n)[0] for n in range(1, current.count(".") + 1)]
            open_ += [*imports(current), *(parent for parent in parents if source_of(parent))]
    return ours, others - set(sys.stdlib_module_names)


def test_there_are_handlers_and_all_are_deployed():
    deployed = {f"lambdas.{d['stage']}.{d.get('module') or d['name']}.handler" for d in declarations()}
    assert len(HANDLERS) >= 14
    assert set(HANDLERS) == deployed


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_imports_only_what_its_layers_carry(handler):
    allowed = RUNTIME | layer("core") | (layer("science") if handler in with_science() else set())
    _, third_party = reached(handler)
    assert third_party <= allowed


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_function_with_the_science_layer_needs_it(handler):
    if handler in with_science():
        assert reached(handler)[1] & layer("science")


@pytest.mark.parametrize("handler", HANDLERS)
def test_no_function_imports_another(handler):
    ours, _ = reached(handler)
    packages = {handler.rsplit(".", n)[0] for n in range(handler.count(".") + 1)}
    folder = f"{handler.rpartition('.')[0]}."
    others = {module for module in ours if module.split(".")[0] == "lambdas"} - packages
    assert {module for module in others if not module.startswith(folder)} <= {"lambdas.runtime"}


@pytest.mark.parametrize("handler", HANDLERS)
def test_no_function_pulls_in_the_settings(handler):
    # Validation belongs to the edge: pydantic and YAML are in no layer.
    assert "selfheal.settings" not in reached(handler)[0]


def test_the_walk_sees_what_it_should():
    ours, others = reached("lambdas.observe.observe.handler")
    assert "selfheal.observe.drift.feature_drift" in ours
    assert {"boto3", "numpy"} <= others
