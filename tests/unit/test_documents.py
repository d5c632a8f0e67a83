"""Documents that would go stale in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel

from selfheal.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def names(model: Any, prefix: str = "") -> Iterator[str]:
    """Every setting by its path; the items of a list of sections carry `[]`."""
    hints = get_type_hints(model)
    members = (
        model.model_fields
        if isinstance(model, type) and issubclass(model, BaseModel)
        else {f.name: f for f in fields(model)}
    )
    for name in members:
        kind, path = hints[name], f"{prefix}{name}"
        item = next((a for a in get_args(kind) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, BaseModel)):
            yield from names(kind, f"{path}.")
        else:
            yield path
            if item is not None:
                yield from names(item, f"{path}[].")


def test_every_setting_is_documented_and_none_that_is_not_there():
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", text, flags=re.MULTILINE))
    expected = set(names(Settings))
    # Causes are the keys of the playbook's own table.
    causes = {line for line in documented if "-" not in line and line in {"infrastructure", "unknown"}}
    assert expected - documented - {"playbook"} == set()
    assert documented - expected - causes == set()


def test_links_between_documents_lead_somewhere():
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    links = [
        (document, target)
        for document in documents
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if "://" not in target
    ]
    assert len(links) > 10
    assert [(str(d), target) for d, target in links if not (d.parent / target).exists()] == []
