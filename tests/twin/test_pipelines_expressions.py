"""References, conditions, parameters and the checks of a definition, without an execution."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sagemaker.exceptions import SagemakerClientError

from twin.interfaces import TwinError
from twin.pipelines.conditions import check_conditions, holds
from twin.pipelines.definition import parse
from twin.pipelines.expressions import (
    DefinitionError,
    UnresolvedError,
    parse_path,
    references,
    resolve,
    walk,
)
from twin.pipelines.parameters import Parameter, bind
from twin.pipelines.policies import RetryPolicy, cache_lifetime


class Values:
    """A scope of plain values."""

    def __init__(self, parameters=None, steps=None, files=None):
        self._parameters, self._steps, self._files = parameters or {}, steps or {}, files or {}

    def parameter(self, name):
        return self._parameters[name]

    def execution(self, name):
        return f"<{name}>"

    def step(self, name):
        return self._steps[name]

    def property_file(self, step, name):
        return self._files[step, name]


def json_get(path):
    return {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"}, "Path": path}}


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}", fullmatch=True)
keys = st.text(st.characters(exclude_characters="'\"", exclude_categories=("Cs",)), min_size=1, max_size=8)
paths = st.lists(names | st.integers(0, 3) | keys, min_size=1, max_size=6)


def spelled(tokens):
    """A path as a definition writes it: the first is a name, any other may be in brackets."""
    text = ""
    for token in tokens:
        if isinstance(token, int):
            text += f"[{token}]"
        elif all(character not in ".[]'\"" for character in token):
            text += f".{token}" if text else token
        else:
            text += f"['{token}']"
    return text


class TestPaths:
    @given(paths)
    def test_a_path_reads_back_as_it_was_written(self, tokens):
        assert parse_path(spelled(tokens)) == tuple(tokens)

    @given(paths, st.integers() | st.text())
    def test_walking_finds_what_was_put_there(self, tokens, value):
        document = value
        for token in reversed(tokens):
            document = [None] * token + [document] if isinstance(token, int) else {token: document}
        assert walk(document, parse_path(spelled(tokens))) == value

    @pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[x]", "a['b", "a b.[0", ".a", "a]"])
    def test_what_is_no_path_is_refused(self, text):
        with pytest.raises(DefinitionError):
            parse_path(text)

    def test_lists_are_also_addressed_by_name(self):
        outputs = {"Outputs": [{"OutputName": "train", "Uri": "t"}, {"OutputName": "test", "Uri": "e"}]}
        assert walk(outputs, parse_path("Outputs['test'].Uri")) == "e"
        with pytest.raises(UnresolvedError, match="'holdout'"):
            walk(outputs, parse_path("Outputs['holdout'].Uri"))

    @pytest.mark.parametrize("path", ["a.c", "a.b[2]", "a.b.c"])
    def test_what_is_not_there_is_unresolved(self, path):
        with pytest.raises(UnresolvedError):
            walk({"a": {"b": [1, 2]}}, parse_path(path))


class TestResolution:
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, min_size=2, max_size=3),
        max_leaves=8,
    )

    @given(json_values)
    def test_plain_data_stays_as_it_is(self, document):
        assert resolve(document, Values()) == document

    @given(st.integers() | st.text() | st.booleans())
    def test_a_parameter_keeps_its_type_wherever_it_stands(self, value):
        document = {"a": [{"b": {"Get": "Parameters.P"}}], "c": 1}
        assert resolve(document, Values({"P": value})) == {"a": [{"b": value}], "c": 1}

    @given(st.lists(st.text(), max_size=4), st.text(max_size=2))
    def test_join_joins(self, parts, glue):
        values = {f"P{number}": part for number, part in enumerate(parts)}
        expression = {"Std:Join": {"On": glue, "Values": [{"Get": f"Parameters.{name}"} for name in values]}}
        assert resolve(expression, Values(values)) == glue.join(parts)

    def test_join_spells_numbers_and_booleans_as_json_does(self):
        expression = {"Std:Join": {"On": "/", "Values": ["s3:/", 3, True, {"Get": "Execution.PipelineName"}]}}
        assert resolve(expression, Values()) == "s3://3/true/<PipelineName>"

    def test_json_get_reads_its_property_file(self):
        files = {("Evaluate", "Report"): {"binary": {"auc": [{"a.b": 0.7}]}}}
        assert resolve(json_get("binary.auc[0]['a.b']"), Values(files=files)) == 0.7

    def test_references_are_found_at_any_depth(self):
        document = {"a": [json_get("x"), {"Std:Join": {"On": "", "Values": [{"Get": "Steps.T.Name"}]}}]}
        assert [reference.name for reference in references(document)] == ["Evaluate", "T"]

    def test_an_unknown_function_is_named(self):
        with pytest.raises(TwinError, match="Std:Split"):
            resolve({"Std:Split": {}}, Values())

    @pytest.mark.parametrize(
        "expression",
        [
            {"Get": "Parameters"},
            {"Get": "Parameters.P.x"},
            {"Get": "Steps.X"},
            {"Get": "Somewhere.else"},
            {"Std:Join": {"On": "/"}},
            {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.X.Other.Y"}, "Path": "a"}},
            {"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": "a"}},
        ],
    )
    def test_a_malformed_expression_is_refused(self, expression):
        with pytest.raises(DefinitionError):
            list(references(expression))


class TestConditions:
    numbers = st.integers(-5, 5) | st.floats(-5, 5)

    @given(numbers, numbers)
    def test_numbers_compare_as_numbers(self, left, right):
        def judged(kind):
            return holds({"Type": kind, "LeftValue": left, "RightValue": right}, Values())

        assert judged("GreaterThan") == (left > right)
        assert judged("GreaterThanOrEqualTo") == (left >= right)
        assert judged("LessThan") == (left < right)
        assert judged("LessThanOrEqualTo") == (left <= right)
        assert judged("Equals") == (left == right)

    @given(st.sampled_from("abc"), st.lists(st.sampled_from("abc"), max_size=3))
    def test_in_not_and_or(self, value, members):
        condition = {"Type": "In", "QueryValue": value, "Values": members}
        assert holds(condition, Values()) == (value in members)
        assert holds({"Type": "Not", "Expression": condition}, Values()) == (value not in members)
        never = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}
        assert holds({"Type": "Or", "Conditions": [never, condition]}, Values()) == (value in members)

    @pytest.mark.parametrize(("left", "right"), [(float("nan"), 1), (1, float("nan")), ("1", 2), (True, 0)])
    def test_what_cannot_be_compared_decides_nothing(self, left, right):
        with pytest.raises(UnresolvedError):
            holds({"Type": "GreaterThan", "LeftValue": left, "RightValue": right}, Values())

    def test_a_boolean_is_no_number(self):
        assert not holds({"Type": "Equals", "LeftValue": True, "RightValue": 1}, Values())

    def test_an_unknown_condition_is_named(self):
        with pytest.raises(TwinError, match="Matches"):
            check_conditions([{"Type": "Matches"}])


class TestParameters:
    declared = {  # noqa: RUF012 - read only
        entry["Name"]: Parameter.parse(entry)
        for entry in (
            {"Name": "Rounds", "Type": "Integer", "DefaultValue": 100},
            {"Name": "Rate", "Type": "Float", "DefaultValue": 0.1},
            {"Name": "Window", "Type": "String"},
            {"Name": "Dry", "Type": "Boolean", "DefaultValue": False},
            {"Name": "Size", "Type": "String", "DefaultValue": "small", "EnumValues": ["small", "large"]},
        )
    }

    def test_texts_become_typed_values_over_the_defaults(self):
        given_ = [{"Name": "Window", "Value": "w"}, {"Name": "Rounds", "Value": "7"}]
        assert bind(self.declared, given_) == {
            "Rounds": 7,
            "Rate": 0.1,
            "Window": "w",
            "Dry": False,
            "Size": "small",
        }

    @pytest.mark.parametrize(
        ("given_", "complaint"),
        [
            ({}, r"without a value or a default: \[Window\]"),
            ({"Window": "w", "Windoe": "x"}, r"Unknown pipeline parameters: \[Windoe\]"),
            ({"Window": "w", "Rounds": "many"}, "Rounds must be of type Integer"),
            ({"Window": "w", "Rounds": "1.5"}, "Rounds must be of type Integer"),
            ({"Window": "w", "Dry": "maybe"}, "Dry must be of type Boolean"),
            ({"Window": "w", "Size": "huge"}, r"one of \[small, large\]"),
        ],
    )
    def test_a_bad_call_is_refused(self, given_, complaint):
        with pytest.raises(SagemakerClientError, match=complaint):
            bind(self.declared, [{"Name": name, "Value": value} for name, value in given_.items()])


class TestPolicies:
    @pytest.mark.parametrize(
        ("text", "lifetime"),
        [
            ("P30D", timedelta(days=30)),
            ("T12H", timedelta(hours=12)),
            ("P4DT12H", timedelta(days=4, hours=12)),
            ("PT90M", timedelta(minutes=90)),
            ("30d", timedelta(days=30)),
        ],
    )
    def test_cache_lifetimes(self, text, lifetime):
        assert cache_lifetime({"Enabled": True, "ExpireAfter": text}) == lifetime
        assert cache_lifetime({"Enabled": False, "ExpireAfter": text}) is None

    @pytest.mark.parametrize("text", ["", "P", "soon", "12H"])
    def test_what_is_no_duration_is_refused(self, text):
        with pytest.raises(DefinitionError):
            cache_lifetime({"Enabled": True, "ExpireAfter": text})

    def test_delays_grow_until_the_attempts_are_used_up(self):
        policy = RetryPolicy.parse(
            {
                "ExceptionType": ["Step.THROTTLING"],
                "IntervalSeconds": 10,
                "BackoffRate": 3.0,
                "MaxAttempts": 3,
            }
        )
        delays = [policy.delay(attempts, timedelta()) for attempts in (1, 2, 3)]
        assert delays == [timedelta(seconds=10), timedelta(seconds=30), None]

    def test_delays_end_when_the_policy_expires(self):
        policy = RetryPolicy.parse(
            {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 30, "ExpireAfterMin": 1}
        )
        assert policy.delay(1, timedelta(seconds=30)) == timedelta(seconds=30)
        assert policy.delay(2, timedelta(seconds=30)) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"ExceptionType": ["Step.OTHER"]},
            {"MaxAttempts": 21},
            {"IntervalSeconds": 0},
            {"ExpireAfterMin": 5},
        ],
    )
    def test_limits(self, change):
        policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1, "MaxAttempts": 2}
        with pytest.raises(DefinitionError):
            RetryPolicy.parse(policy | change)


def fail(name, **extra):
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": "no"}, **extra}


def definition(*steps, **extra):
    return json.dumps({"Version": "2020-12-01", "Steps": list(steps), **extra})


def gate(name, if_steps=(), else_steps=(), **extra):
    conditions = [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}]
    arguments = {"Conditions": conditions, "IfSteps": list(if_steps), "ElseSteps": list(else_steps)}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **extra}


class TestDefinitions:
    def test_steps_under_conditions_are_steps_that_wait_for_them(self):
        parsed = parse(definition(gate("A", [gate("B", [], [fail("C")])], [fail("D")])))
        assert set(parsed.steps) == {"A", "B", "C", "D"}
        assert parsed.steps["C"].depends_on == {"B"}
        assert parsed.steps["C"].branch.outcome is False

    def test_references_are_dependencies(self):
        message = {"ErrorMessage": {"Get": "Steps.A.Outcome"}}
        parsed = parse(definition(gate("A"), fail("B", Arguments=message), fail("C", DependsOn=["A"])))
        assert parsed.steps["B"].depends_on == parsed.steps["C"].depends_on == {"A"}

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("{", "not JSON"),
            (json.dumps({"Version": "2019-01-01", "Steps": []}), "Version"),
            (definition(), "at least one step"),
            (definition(fail("A"), fail("A")), "not unique"),
            (definition(fail("A", DependsOn=["B"])), "unknown step B"),
            (definition(fail("A", DependsOn=["B"]), fail("B", DependsOn=["A"])), "depend on one another"),
            (definition(gate("A", [fail("B")]), fail("C", DependsOn=["B"])), "may be skipped"),
            (definition(gate("A", [fail("B")], [fail("C", DependsOn=["B"])])), "may be skipped"),
            (definition(fail("A", Arguments={"ErrorMessage": {"Get": "Parameters.P"}})), "Parameters.P"),
            (definition(fail("A", Arguments={"ErrorMessage": {"Get": "Execution.Mood"}})), "Execution.Mood"),
            (definition({"Name": "A"}), "'Type' is missing"),
            (definition(fail("A", Arguments={})), "ErrorMessage"),
        ],
    )
    def test_what_aws_refuses_is_a_validation_error(self, text, complaint):
        with pytest.raises(SagemakerClientError, match=complaint) as caught:
            parse(text)
        assert caught.value.code == "ValidationException"

    @pytest.mark.parametrize("kind", ["Tuning", "Callback", "Model"])
    def test_steps_that_the_twin_cannot_run_yet_are_named(self, kind):
        with pytest.raises(TwinError, match=f"{kind} are not yet"):
            parse(definition({"Name": "A", "Type": kind}))

    def test_unknown_steps_and_members_are_named(self):
        with pytest.raises(TwinError, match="Quantum"):
            parse(definition({"Name": "A", "Type": "Quantum"}))
        with pytest.raises(TwinError, match="Colour"):
            parse(definition(fail("A", Colour="red")))
