"""The settings file: every error at once, and incompatible choices refused here."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml

from selfheal.aws import policies
from selfheal.diagnose.causes import Cause
from selfheal.remediate.playbook import DEFAULT_PLAYBOOK, Remedy
from selfheal.remediate.rails import Mode
from selfheal.settings import policy_json
from selfheal.settings_file import SettingsError, load

FLIGHTS = Path(__file__).parents[2] / "workloads" / "flights" / "selfheal.yaml"

MINIMAL = {
    "name": "flights",
    "workload": {
        "code": "workloads/flights",
        "seed": "seed.csv.gz",
        "label": "late",
        "timestamp": "at",
        "features": [{"name": "x", "kind": "numeric"}, {"name": "c", "kind": "categorical"}],
    },
    "training": {"max_wait_minutes": 120},
}


def merged(changes, base=None):
    """The minimal document with nested changes."""
    document = copy.deepcopy(MINIMAL if base is None else base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(document.get(key, {}), dict):
            document[key] = merged(value, document.get(key, {}))
        else:
            document[key] = value
    return document


@pytest.fixture
def settings_file(tmp_path):
    def write(document):
        path = tmp_path / "selfheal.yaml"
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
        return path

    return write


@pytest.fixture
def problems_of(settings_file):
    def collect(document):
        with pytest.raises(SettingsError) as caught:
            load(settings_file(document))
        return {problem.field: problem for problem in caught.value.problems}

    return collect


def test_the_flights_load():
    settings = load(FLIGHTS)
    assert settings.name == "flights"
    assert settings.mode is Mode.ACT


def test_a_minimal_file_has_the_defaults_and_does_not_act(settings_file):
    settings = load(settings_file(MINIMAL))
    assert settings.mode is Mode.OBSERVE
    assert settings.playbook == DEFAULT_PLAYBOOK
    assert settings.observe.drift.ks_tolerance == 0.10
    assert settings.release.canary_percent == 10
    assert settings.rails.retrains_per_30_days == 4


def test_a_missing_file(tmp_path):
    with pytest.raises(SettingsError, match="No such file") as caught:
        load(tmp_path / "nowhere.yaml")
    assert str(tmp_path / "nowhere.yaml") in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(SettingsError, match="a readable file"):
        load(tmp_path)


def test_a_file_that_is_not_yaml(settings_file):
    with pytest.raises(SettingsError, match=r"line 2.*expected valid YAML"):
        load(settings_file("name: flights\n  mode: [act\n"))


def test_a_file_that_is_not_text(tmp_path):
    path = tmp_path / "selfheal.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(SettingsError, match=r"file = .* expected UTF-8 text"):
        load(path)


@pytest.mark.parametrize(("text", "kind"), [("- a\n- b\n", "list"), ("flights\n", "str"), ("", "NoneType")])
def test_a_file_that_is_no_mapping(settings_file, text, kind):
    with pytest.raises(SettingsError, match=f"'{kind}': expected a mapping"):
        load(settings_file(text))


def test_an_error_names_path_value_and_what_is_expected(settings_file):
    with pytest.raises(SettingsError) as caught:
        load(settings_file(merged({"serving": {"instance_count": 0}})))
    assert "serving.instance_count = 0: expected" in str(caught.value)
    assert ": 1 error\n" in str(caught.value)


def test_what_is_required_is_named(problems_of):
    assert set(problems_of({})) == {"name", "workload", "training"}
    assert "required" in problems_of({})["name"].expected


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"colour": "red"}, "colour"),
        ({"serving": {"gpu": 1}}, "serving.gpu"),
        ({"release": {"percent": 5}}, "release.percent"),
        ({"observe": {"drift": {"tolerance": 1}}}, "observe.drift.tolerance"),
        ({"rails": {"rollback_budget": 3}}, "rails.rollback_budget"),
        ({"rails": {"approval": {"remedies": ["reboot"]}}}, "rails.approval.remedies.0"),
        ({"rails": {"approval": {"remedies": ["watch"]}}}, "rails.approval.remedies"),
        ({"rails": {"approval": {"expires_hours": 0}}}, "rails.approval.expires_hours"),
        ({"playbook": {"bad-luck": ["rollback"]}}, "playbook.bad-luck"),
    ],
)
def test_an_unknown_key_is_refused_with_its_path(problems_of, changes, path):
    assert set(problems_of(merged(changes))) == {path}


# Each is acceptable field by field, and would be refused or silently changed by AWS.
INCOMPATIBLE = {
    "a canary needs two instances": ({"serving": {"instance_count": 1}}, {"serving.instance_count"}),
    "a linear release needs two instances": (
        {
            "serving": {"instance_count": 1},
            "release": {"strategy": "linear", "canary_percent": 20, "timeout_minutes": 120},
        },
        {"serving.instance_count"},
    ),
    "Inf1 has no guardrails": ({"serving": {"instance_type": "ml.inf1.xlarge"}}, {"serving.instance_type"}),
    "fewer at most than at least": (
        {"serving": {"instance_count": 8, "max_instance_count": 4}},
        {"serving.max_instance_count"},
    ),
    "the timeout is shorter than the waits": (
        {"release": {"bake_minutes": 30, "termination_wait_minutes": 30, "timeout_minutes": 45}},
        {"release.timeout_minutes"},
    ),
    "spot without a maximum wait": ({"training": {"max_wait_minutes": None}}, {"training.max_wait_minutes"}),
    "a maximum wait below the run": (
        {"training": {"max_run_minutes": 60, "max_wait_minutes": 59}},
        {"training.max_wait_minutes"},
    ),
    "a maximum wait without spot": ({"training": {"spot": False}}, {"training.max_wait_minutes"}),
    "more datapoints than periods": ({"alarms": {"datapoints": 6, "periods": 5}}, {"alarms.datapoints"}),
    "two features of one name": (
        {"workload": {"features": [{"name": "x", "kind": "numeric"}, {"name": "x", "kind": "categorical"}]}},
        {"workload.features"},
    ),
}


@pytest.mark.parametrize(("changes", "paths"), list(INCOMPATIBLE.values()), ids=list(INCOMPATIBLE))
def test_incompatible_choices_are_refused(problems_of, changes, paths):
    assert set(problems_of(merged(changes))) == paths


@pytest.mark.parametrize(
    "changes",
    [
        {"serving": {"instance_count": 1}, "release": {"strategy": "all-at-once"}},
        {"serving": {"instance_type": "ml.inf1.xlarge"}, "release": {"strategy": "all-at-once"}},
        {"training": {"spot": False, "max_wait_minutes": None}},
        {"training": {"max_run_minutes": 60, "max_wait_minutes": 60}},
        {"alarms": {"datapoints": 5, "periods": 5}},
    ],
)
def test_the_compatible_neighbours_are_accepted(settings_file, changes):
    load(settings_file(merged(changes)))


BROKEN_EVERYWHERE = {
    "colour": "red",
    "serving": {"instance_count": 1, "instance_type": "ml.inf1.xlarge", "gpu": True},
    "training": {"volume_gb": 0, "speed": "high"},
    "release": {"canary_percent": 0, "bake_minutes": 60, "timeout_minutes": 11, "nope": 1},
    "observe": {"drift": {"ks_tolerance": 7, "min_rows": 1}},
    "playbook": {"concept-drift": ["pray", "escalate"], "bad-luck": ["rollback"]},
}


def test_every_error_of_a_file_is_reported_at_once(problems_of):
    found = problems_of(merged(BROKEN_EVERYWHERE))
    assert set(found) == {
        "colour",
        "serving.instance_count",
        "serving.instance_type",
        "serving.gpu",
        "training.volume_gb",
        "training.speed",
        "release.canary_percent",
        "release.timeout_minutes",
        "release.nope",
        "observe.drift.ks_tolerance",
        "observe.drift.min_rows",
        "playbook.concept-drift.0",
        "playbook.bad-luck",
    }
    assert found["serving.instance_type"].value == "ml.inf1.xlarge"
    assert found["observe.drift.ks_tolerance"].value == 7


def test_correcting_every_reported_error_leaves_none(settings_file, problems_of):
    # The other direction: nothing is reported that is not wrong.
    document = merged(BROKEN_EVERYWHERE)
    for section in ("colour", "serving", "release", "observe", "playbook"):
        del document[section]
    document["training"] = {"max_wait_minutes": 90}
    load(settings_file(document))


@pytest.mark.parametrize(
    ("hiding", "path"),
    [
        ({"serving": {"gpu": True}}, "serving.gpu"),
        ({"rails": "none"}, "rails"),
        ({"capture": {"sampling_percent": 0}}, "capture.sampling_percent"),
        ({"serving": {"gpu": None}}, "serving.gpu"),
        ({"serving": {7: "seven"}}, "serving.7"),
        ({"serving": {"instance_type": 5}}, "serving.instance_type"),
        ({"release": {"canary_percent": 0}}, "release.canary_percent"),
        ({"release": {"bake_minutes": "long"}}, "release.bake_minutes"),
        ({"colour": None}, "colour"),
        ({"a.b": 1}, "a.b"),
        ({7: "seven"}, "7"),
        ({"training": {"max_wait_minutes": None}}, "training.max_wait_minutes"),
        ({"name": "BAD NAME"}, "name"),
        ({"workload": {"label": ""}}, "workload.label"),
    ],
)
def test_no_error_hides_another(problems_of, hiding, path):
    one_instance = {"serving": {"instance_count": 1}}
    assert set(problems_of(merged(one_instance, merged(hiding)))) == {path, "serving.instance_count"}


# An unknown key, a wrong type, a value out of bounds and a broken rule between fields are told at different
# stages of validation, and those of an inner policy before those of the one around it.
IN_ONE_SECTION = {
    "an unknown key and a bound": ({"observe": {"drift": {"nope": 1, "min_rows": 1}}}, {"nope", "min_rows"}),
    "a type and a bound": (
        {"observe": {"drift": {"min_rows": "x", "ks_tolerance": 7}}},
        {"min_rows", "ks_tolerance"},
    ),
    "a bound inside and one outside": (
        {"observe": {"drift": {"min_rows": 1}, "confirmations": 0}},
        {"min_rows", "confirmations"},
    ),
    "a bound and a rule between fields": (
        {"release": {"canary_percent": 0, "bake_minutes": 60, "timeout_minutes": 11}},
        {"canary_percent", "timeout_minutes"},
    ),
    "a type and a rule between fields": (
        {"training": {"rounds": "many", "max_wait_minutes": 5}},
        {"rounds", "max_wait_minutes"},
    ),
}


@pytest.mark.parametrize(("changes", "names"), list(IN_ONE_SECTION.values()), ids=list(IN_ONE_SECTION))
def test_no_error_hides_another_of_its_section(problems_of, changes, names):
    assert {path.rsplit(".", 1)[-1] for path in problems_of(merged(changes))} == names


def test_sections_are_held_against_each_other_even_where_required_ones_are_missing(problems_of):
    assert set(problems_of({"serving": {"instance_count": 1}})) == {
        "name",
        "workload",
        "training",
        "serving.instance_count",
    }


@pytest.mark.parametrize("section", ["serving", "release", "rails", "playbook", "observe"])
@pytest.mark.parametrize("value", [None, [], 3])
def test_a_section_that_is_none_is_one_error(problems_of, section, value):
    assert set(problems_of(merged({section: value}))) == {section}


def test_a_wrong_value_is_not_reported_a_second_time_as_missing(problems_of):
    assert set(problems_of(merged({"name": "BAD NAME"}))) == {"name"}
    wrong_kind = {"workload": {"features": [{"name": "x", "kind": "wavy"}, {"name": "y", "kind": "numeric"}]}}
    assert set(problems_of(merged(wrong_kind))) == {"workload.features.0.kind"}


def test_two_wrong_items_of_a_list_keep_their_places(problems_of):
    found = problems_of(merged({"playbook": {"concept-drift": ["foo", "bar", "escalate"]}}))
    assert {path: problem.value for path, problem in found.items()} == {
        "playbook.concept-drift.0": "foo",
        "playbook.concept-drift.1": "bar",
    }


def test_policies_reach_a_function_as_they_were_validated(settings_file):
    changes = {
        "observe": {"drift": {"ks_tolerance": 0.2}, "confirmations": 1},
        "release": {"strategy": "linear", "canary_percent": 25, "bake_minutes": 7},
        "rails": {"rollbacks_per_day": 5, "approval": {"remedies": ["retrain"], "expires_hours": 2}},
        "recovery": {"min_labels": 77},
        "playbook": {"concept-drift": ["escalate"]},
    }
    settings = load(settings_file(merged(changes)))
    assert policies.observe_policy(policy_json(settings.observe)) == settings.observe
    assert policies.release_policy(policy_json(settings.release)) == settings.release
    assert policies.rails(policy_json(settings.rails)) == settings.rails
    assert policies.recovery_policy(policy_json(settings.recovery)) == settings.recovery
    assert policies.playbook(policy_json(dict(settings.playbook))) == {
        Cause.CONCEPT_DRIFT: (Remedy.ESCALATE,)
    }


def test_a_hand_edited_environment_is_refused_by_field():
    body = json.loads(policy_json(load(FLIGHTS).rails))
    with pytest.raises(ValueError, match="rollbacks_per_day"):
        policies.rails(json.dumps({**body, "rollbacks_per_day": -1}))
    with pytest.raises(TypeError, match="budget"):
        policies.rails(json.dumps({**body, "budget": 1}))
