"""What the core may not do, whatever it imports: talk to AWS, read a clock, read the environment.

Who may import whom is import-linter's to say (pyproject.toml); these are the habits that it cannot see.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGES = ("observe", "diagnose", "remediate", "verify", "record")
CORE = sorted(path for stage in STAGES for path in (ROOT / "selfheal" / stage).rglob("*.py"))
# What runs inside SageMaker's framework images, which are on Python 3.10. inference.py travels in the model.
IN_CONTAINERS = sorted(
    path for folder in ("selfheal", "pipelines/steps", "workloads") for path in (ROOT / folder).rglob("*.py")
)

CLOCKS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "perf_counter"),
    ("os", "environ"),
    ("os", "getenv"),
    ("os", "putenv"),
}
# Name by module: what came with Python 3.11 or later.
LATER = {
    "datetime": {"UTC"},
    "enum": {"StrEnum", "ReprEnum", "EnumCheck", "verify", "member", "nonmember"},
    "typing": {
        "Self",
        "LiteralString",
        "Never",
        "assert_never",
        "Required",
        "NotRequired",
        "Unpack",
        "override",
    },
    "asyncio": {"TaskGroup", "timeout", "Runner"},
    "itertools": {"batched"},
    "hashlib": {"file_digest"},
    "contextlib": {"chdir"},
    "tomllib": {"*"},
    "builtins": {"ExceptionGroup", "BaseExceptionGroup", "aiter"},
}


def relative(path):
    return path.relative_to(ROOT).as_posix()


def tree_of(text_or_path, **options):
    text = text_or_path if isinstance(text_or_path, str) else text_or_path.read_text(encoding="utf-8")
    return ast.parse(text, **options)


def attributes(tree):
    """(owner, name) of everything that is looked up as owner.name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value
            yield (owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")), node.attr


def imported(tree):
    """(module, name) of everything that is imported, at any depth; name "" for a whole module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def readings(tree):
    """Everything in a module that reads a clock or the environment."""
    return (set(attributes(tree)) | set(imported(tree))) & CLOCKS


def later_names(tree):
    """Everything in a module that Python 3.10 does not have."""
    named = {(module, name) for module, name in imported(tree) if name in LATER.get(module, ())}
    named |= {(owner, name) for owner, name in attributes(tree) if name in LATER.get(owner, ())}
    named |= {(module, "*") for module, _ in imported(tree) if module == "tomllib"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return named | {("builtins", name) for name in names & LATER["builtins"]}


def test_there_is_a_core_to_look_at():
    assert len(CORE) > 20
    assert len(IN_CONTAINERS) > len(CORE)


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_the_core_never_imports_the_aws_sdk(path):
    roots = {module.split(".")[0] for module, _ in imported(tree_of(path))}
    assert not roots & {"boto3", "botocore", "aws_lambda_powertools", "aws_cdk", "pydantic"}


@pytest.mark.parametrize("path", CORE, ids=relative)
def test_the_core_reads_no_clock_and_no_environment(path):
    assert readings(tree_of(path)) == set()


@pytest.mark.parametrize("path", IN_CONTAINERS, ids=relative)
def test_the_syntax_is_that_of_python_3_10(path):
    tree_of(path, feature_version=(3, 10))


@pytest.mark.parametrize("path", IN_CONTAINERS, ids=relative)
def test_no_name_came_after_python_3_10(path):
    assert later_names(tree_of(path)) == set()


@pytest.mark.parametrize("path", IN_CONTAINERS, ids=relative)
def test_annotations_are_not_evaluated(path):
    if not path.read_text(encoding="utf-8"):
        return
    future = [names for module, names in imported(tree_of(path)) if module == "__future__"]
    assert "annotations" in future or path.name == "__init__.py"


@pytest.mark.parametrize(
    ("source", "finding"),
    [
        ("from datetime import datetime\ndatetime.now()", ("datetime", "now")),
        ("import datetime as d\nd.datetime.utcnow()", ("datetime", "utcnow")),
        ("import os\nos.environ['A']", ("os", "environ")),
        ("from os import environ", ("os", "environ")),
        ("from time import time", ("time", "time")),
    ],
)
def test_a_reading_would_be_found(source, finding):
    assert finding in readings(tree_of(source))


@pytest.mark.parametrize(
    "source",
    [
        "from enum import StrEnum",
        "import enum\nclass A(enum.StrEnum): ...",
        "from datetime import UTC",
        "import datetime\ndatetime.UTC",
        "import tomllib",
        "from typing import Self",
        "raise ExceptionGroup('x', [])",
    ],
)
def test_a_later_name_would_be_found(source):
    assert later_names(tree_of(source)) != set()
