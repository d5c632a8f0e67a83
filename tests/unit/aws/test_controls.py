"""The control panel: what is missing or unknown stops."""

from __future__ import annotations

import pytest

from selfheal.aws.controls import ControlPanel, Stopped
from selfheal.remediate.rails import Mode
from unit.account import MODE_PARAMETER, SWITCH_PARAMETER


@pytest.fixture
def panel(account):
    return ControlPanel(account.ssm, MODE_PARAMETER, SWITCH_PARAMETER)


def test_in_mode_act_with_the_switch_off_changes_are_allowed(panel):
    controls = panel.read()
    assert (controls.mode, controls.kill_switch) == (Mode.ACT, None)
    panel.require_permission()


@pytest.mark.parametrize("mode", ["observe", "recommend"])
def test_no_other_mode_allows_changes(account, panel, mode):
    account.set(MODE_PARAMETER, mode)
    assert panel.read().mode.value == mode
    with pytest.raises(Stopped, match=f"the mode is {mode}"):
        panel.require_permission()


@pytest.mark.parametrize("mode", ["ACT", "Act", "go", "act "])
def test_an_unknown_mode_stops_and_names_the_parameter(account, panel, mode):
    account.set(MODE_PARAMETER, mode)
    with pytest.raises(Stopped, match=f"{MODE_PARAMETER} holds '{mode}'"):
        panel.require_permission()


@pytest.mark.parametrize("reason", ["ann: audit until Friday", "on", "OFF", "Off"])
def test_any_switch_but_off_stops_with_what_it_says(account, panel, reason):
    account.set(SWITCH_PARAMETER, reason)
    with pytest.raises(Stopped, match=reason):
        panel.require_permission()


@pytest.mark.parametrize("parameter", [MODE_PARAMETER, SWITCH_PARAMETER])
def test_a_missing_parameter_stops_and_is_named(account, panel, parameter):
    account.ssm.delete_parameter(Name=parameter)
    with pytest.raises(Stopped, match=parameter):
        panel.require_permission()


def test_the_panel_is_read_anew_each_time(account, panel):
    panel.require_permission()
    account.set(SWITCH_PARAMETER, "bob: stop")
    with pytest.raises(Stopped, match="bob: stop"):
        panel.require_permission()
