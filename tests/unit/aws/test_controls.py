"""The control panel: what is missing or unknown stops."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from selfheal.aws.controls import ControlPanel, Stopped, kill_switch
from selfheal.remediate.rails import Mode
from unit.account import MODE_PARAMETER, SWITCH_PARAMETER
from unit.samples import NOW


@pytest.fixture
def panel(account):
    return ControlPanel(account.ssm, MODE_PARAMETER, SWITCH_PARAMETER)


def test_in_mode_act_with_the_switch_off_changes_are_allowed(panel):
    controls = panel.read(NOW)
    assert (controls.mode, controls.kill_switch) == (Mode.ACT, None)
    panel.require_permission(NOW)


@pytest.mark.parametrize("mode", ["observe", "recommend"])
def test_no_other_mode_allows_changes(account, panel, mode):
    account.set(MODE_PARAMETER, mode)
    assert panel.read(NOW).mode.value == mode
    with pytest.raises(Stopped, match=f"the mode is {mode}"):
        panel.require_permission(NOW)


@pytest.mark.parametrize("mode", ["ACT", "Act", "go", "act "])
def test_an_unknown_mode_stops_and_names_the_parameter(account, panel, mode):
    account.set(MODE_PARAMETER, mode)
    with pytest.raises(Stopped, match=f"{MODE_PARAMETER} holds '{mode}'"):
        panel.require_permission(NOW)


@pytest.mark.parametrize("reason", ["ann: audit until Friday", "on", "OFF", "Off"])
def test_any_switch_but_off_stops_with_what_it_says(account, panel, reason):
    account.set(SWITCH_PARAMETER, reason)
    with pytest.raises(Stopped, match=reason):
        panel.require_permission(NOW)


@pytest.mark.parametrize("parameter", [MODE_PARAMETER, SWITCH_PARAMETER])
def test_a_missing_parameter_stops_and_is_named(account, panel, parameter):
    account.ssm.delete_parameter(Name=parameter)
    with pytest.raises(Stopped, match=parameter):
        panel.require_permission(NOW)


def test_the_panel_is_read_anew_each_time(account, panel):
    panel.require_permission(NOW)
    account.set(SWITCH_PARAMETER, "bob: stop")
    with pytest.raises(Stopped, match="bob: stop"):
        panel.require_permission(NOW)


def switch(until=None, **more):
    return json.dumps({"who": "ann", "why": "audit", "until": until, **more})


def test_a_switch_says_who_why_and_until_when():
    assert kill_switch(switch(), NOW) == "ann: audit"
    assert kill_switch('{"who": "ann", "why": "audit"}', NOW) == "ann: audit"
    assert (
        kill_switch(switch("2013-03-01T18:30:00+01:00"), NOW) == "ann: audit, until 2013-03-01T18:30:00+01:00"
    )


@pytest.mark.parametrize("write", [str, lambda text: text.replace("+00:00", "Z")])
def test_it_ends_at_its_moment(write):
    until = switch(write(NOW.isoformat()))
    assert kill_switch(until, NOW - timedelta(seconds=1)).startswith("ann: audit, until 2013-03-01T12:00:00")
    assert kill_switch(until, NOW) is None
    assert kill_switch(until, NOW + timedelta(days=900)) is None


def test_a_switch_without_an_end_does_not_end():
    assert kill_switch(switch(), NOW + timedelta(days=9000)) == "ann: audit"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"who": "ann", "why": "audit", "until": "2000-', "Unterminated string"),
        ('{"who": "ann"}', "who and why must be texts"),
        ('{"why": "audit", "until": "2000-01-01T00:00:00Z"}', "who and why must be texts"),
        (switch("2000-01-01T00:00:00Z", who=" "), "who and why must be texts"),
        (switch("2000-01-01T00:00:00Z", untill=1), "untill: expected who, why and until alone"),
        (switch("2000-01-01T00:00:00"), "expected a moment such as"),
        (switch("2000-01-01"), "expected a moment such as"),
        (switch("Friday"), "until = 'Friday': expected a moment such as"),
        (switch(946684800), "until = 946684800: expected a moment such as"),
        (switch(False), "until = False: expected a moment such as"),
        ("{" + '"a":{' * 100_000, "recursion"),
        ("{off}", "Expecting property name"),
    ],
)
def test_what_cannot_be_read_is_on_and_says_why(text, why):
    found = kill_switch(text, NOW)
    assert found.startswith("it cannot be read, so it is on: ")
    assert why in found
    assert text in found


@pytest.mark.parametrize("text", ["[]", '"off"', "null", "", " off"])
def test_what_is_no_object_is_a_sentence_and_on(text):
    assert kill_switch(text, NOW) == text


def test_the_panel_reads_the_switch_at_its_moment(account, panel):
    account.set(SWITCH_PARAMETER, switch("2013-03-01T13:00:00Z"))
    with pytest.raises(Stopped, match="the kill switch is on: ann: audit, until 2013-03-01T13:00:00"):
        panel.require_permission(NOW)
    panel.require_permission(NOW + timedelta(hours=1))
    assert panel.read(NOW + timedelta(hours=1)).kill_switch is None
