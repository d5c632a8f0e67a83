"""Every cause is explained by a rule, mapped to a ladder, and told to people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from selfheal.diagnose.causes import Cause
from selfheal.diagnose.rules import RULES
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy, ladder
from unit.diagnose.test_rules import TABLE

DOCS = Path(__file__).parents[3] / "docs"


def test_every_cause_but_the_unknown_has_a_rule_and_every_cause_a_ladder():
    assert {cause for cause, _ in RULES} == set(Cause) - {Cause.UNKNOWN}
    assert set(DEFAULT_PLAYBOOK) == set(Cause)
    assert all(ladder(DEFAULT_PLAYBOOK, cause)[-1] in (Remedy.WATCH, Remedy.ESCALATE) for cause in Cause)


def test_every_cause_is_in_the_table_of_the_rules():
    assert {cause for _, _, cause in TABLE.values()} == set(Cause)


@pytest.mark.parametrize(
    "cause", [Cause.UNKNOWN, Cause.MONITORING_BLIND, Cause.SHARED_CAUSE, Cause.TRAINING_FAILS]
)
def test_what_the_model_is_not_to_blame_for_goes_to_a_person(cause):
    assert ladder(DEFAULT_PLAYBOOK, cause) == (Remedy.ESCALATE,)


@pytest.mark.parametrize("cause", list(Cause))
def test_the_settings_tell_its_default_ladder(cause):
    text = (DOCS / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| `{cause.value}` \| ([^|]*) \|", text, flags=re.MULTILINE)
    assert [re.findall(r"`([a-z-]+)`", row) for row in rows] == [
        [remedy.value for remedy in DEFAULT_PLAYBOOK[cause]]
    ]


@pytest.mark.parametrize("cause", list(Cause))
def test_a_runbook_tells_what_to_do(cause):
    assert any(f"`{cause.value}`" in page.read_text(encoding="utf-8") for page in DOCS.glob("runbooks/*.md"))
