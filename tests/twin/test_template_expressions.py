"""Intrinsic functions, conditions, order and names, each alone."""

from __future__ import annotations

import base64
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.interfaces import TwinError
from twin.template.dependencies import in_order, references
from twin.template.expressions import NO_VALUE, Expressions, Scope
from twin.template.names import generated

STORE = {"/champion": "model-1"}
REFS = {"AWS::Region": "us-east-1", "Bucket": "flights", "Count": 2, "On": "true", "Zones": ["a", "b"]}
ATTRIBUTES = {("Bucket", "Arn"): "arn:aws:s3:::flights", ("Queue", "A.B"): "nested"}


def look_up(table, what):
    def find(*names):
        key = names if len(names) > 1 else names[0]
        if key not in table:
            raise TwinError(f"there is no {what} {key}")
        return table[key]

    return find


def expressions(conditions=None, mappings=None):
    scope = Scope(
        ref=look_up(REFS, "resource"),
        attribute=look_up(ATTRIBUTES, "attribute"),
        exported=look_up({"data:Bucket": "flights"}, "export"),
        parameter_store=look_up(STORE, "SSM parameter"),
        zones=lambda region: [f"{region}a", f"{region}b"],
        mappings=mappings or {"Images": {"us-east-1": {"xgb": "123"}}},
        conditions=conditions
        or {"Yes": {"Fn::Equals": ["a", "a"]}, "No": {"Fn::Not": [{"Condition": "Yes"}]}},
    )
    return Expressions(scope)


def value(expression):
    return expressions().resolve(expression, "Stack.Resource.Property")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Ref": "Bucket"}, "flights"),
        ({"Ref": "Count"}, 2),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "arn:aws:s3:::flights"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "arn:aws:s3:::flights"),
        ({"Fn::GetAtt": ["Queue", "A.B"]}, "nested"),
        ({"Fn::Sub": "s3://${Bucket}/${!Literal}/${Count}/$x"}, "s3://flights/${Literal}/2/$x"),
        ({"Fn::Sub": "${Bucket.Arn}/*"}, "arn:aws:s3:::flights/*"),
        ({"Fn::Sub": ["${Bucket}-${Mine}", {"Mine": {"Ref": "Count"}}]}, "flights-2"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Bucket"}, 3, True]]}, "a-flights-3-true"),
        ({"Fn::Join": ["", []]}, ""),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Select": [1, ["a", "b"]]}, "b"),
        ({"Fn::Select": ["0", {"Fn::Split": ["/", "x/y"]}]}, "x"),
        ({"Fn::Split": [",", {"Fn::Join": [",", ["a", "b"]]}]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Images", {"Ref": "AWS::Region"}, "xgb"]}, "123"),
        ({"Fn::ImportValue": {"Fn::Sub": "data:${Name}"}}, TwinError),
        ({"Fn::ImportValue": {"Fn::Join": [":", ["data", "Bucket"]]}}, "flights"),
        ({"Fn::Base64": "hi"}, base64.b64encode(b"hi").decode()),
        ({"Fn::GetAZs": ""}, ["us-east-1a", "us-east-1b"]),
        ({"Fn::GetAZs": "eu-west-1"}, ["eu-west-1a", "eu-west-1b"]),
        ({"Fn::If": ["Yes", "a", {"Ref": "Absent"}]}, "a"),
        ({"Fn::If": ["No", {"Ref": "Absent"}, "b"]}, "b"),
        ("{{resolve:ssm:/champion}}", "model-1"),
        ("a {{resolve:ssm:/champion}} b", "a model-1 b"),
        ({"Fn::Join": ["", ["{{resolve:ssm:/", "champion", "}}"]]}, "model-1"),
        ({"Fn::Sub": "{{resolve:ssm:/champion}}-${Bucket}"}, "model-1-flights"),
        ({"A": {"Ref": "AWS::NoValue"}, "B": [{"Ref": "AWS::NoValue"}, 1]}, {"B": [1]}),
        ({"A": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}}, {}),
        ({"Ref": "AWS::NoValue"}, NO_VALUE),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}},) * 2,
        ({"Condition": "a word"}, {"Condition": "a word"}),
        ([True, None, 1.5, "$x"],) * 2,
    ],
)
def test_functions(expression, expected):
    if expected is TwinError:
        with pytest.raises(TwinError):
            value(expression)
    else:
        assert value(expression) == expected


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ({"Ref": "Absent"}, "there is no resource Absent"),
        ({"Deep": [{"Fn::GetAtt": ["Bucket", "Nope"]}]}, r"Property\.Deep\[0\]: there is no attribute"),
        ({"Fn::Sub": "${Absent}"}, "there is no resource Absent"),
        ({"Fn::Select": [2, ["a", "b"]]}, "item 2 of 2"),
        ({"Fn::Select": [-1, ["a"]]}, "item -1 of 1"),
        ({"Fn::Select": [0, "text"]}, "a list is needed"),
        ({"Fn::Join": ["-", [["nested"]]]}, "a string is needed"),
        ({"Fn::Join": ["-"]}, "a list of 2"),
        ({"Fn::FindInMap": ["Images", "eu-west-1", "xgb"]}, "no mapping Images / eu-west-1"),
        ({"Fn::ImportValue": "data:Gone"}, "no export data:Gone"),
        ({"Fn::If": ["Maybe", 1, 2]}, "no condition Maybe"),
        ({"Fn::Cidr": ["10.0.0.0/16", 1, 8]}, "no function Fn::Cidr"),
        ({"Fn::Transform": {"Name": "x"}}, "no function Fn::Transform"),
        ({"Fn::Join": ["", []], "Other": 1}, "must stand alone"),
        ("{{resolve:ssm:/absent}}", "no SSM parameter /absent"),
        ("{{resolve:secretsmanager:password}}", "secretsmanager"),
        ("{{resolve:ssm-secure:/password}}", "ssm-secure"),
    ],
)
def test_what_cannot_be_resolved_is_named(expression, message):
    with pytest.raises(TwinError, match=message):
        value(expression)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Fn::Equals": [{"Ref": "On"}, True]}, True),
        ({"Fn::Equals": [{"Ref": "Count"}, "2"]}, True),
        ({"Fn::Equals": ["a", "A"]}, False),
        ({"Fn::And": [{"Condition": "Yes"}, {"Condition": "No"}]}, False),
        ({"Fn::Or": [{"Condition": "Yes"}, {"Condition": "No"}]}, True),
        ({"Fn::Not": [{"Fn::Or": [{"Condition": "No"}, {"Condition": "No"}]}]}, True),
        ({"Fn::Contains": [["1", "2"], {"Ref": "Count"}]}, True),
        ({"Fn::Contains": [["1", "5"], {"Ref": "Count"}]}, False),
    ],
)
def test_conditions(condition, expected):
    assert expressions().holds(condition, "Conditions.X") is expected


@pytest.mark.parametrize("condition", ["Yes", True, {"Ref": "On"}, {}])
def test_what_is_no_condition_is_refused(condition):
    with pytest.raises(TwinError, match="not a condition"):
        expressions().holds(condition, "Conditions.X")


def test_a_mistake_behind_a_decided_or_still_shows():
    with pytest.raises(TwinError, match="Maybe"):
        expressions().holds({"Fn::Or": [{"Condition": "Yes"}, {"Condition": "Maybe"}]}, "Conditions.X")


plain = st.text(st.characters(exclude_characters="${}", exclude_categories=["Cs"]))
separator = st.sampled_from([",", "/", "::", "-x-"])


@given(st.lists(plain, min_size=1), separator)
def test_split_undoes_join(parts, by):
    parts = [part.replace(by, "").replace(by[0], "") for part in parts]
    assert value({"Fn::Split": [by, {"Fn::Join": [by, parts]}]}) == parts


@given(st.lists(plain, min_size=1), st.data())
def test_select_is_indexing(items, data):
    index = data.draw(st.integers(0, len(items) - 1))
    assert value({"Fn::Select": [index, items]}) == items[index]


@given(plain)
def test_sub_of_plain_text_is_the_text(text):
    assert value({"Fn::Sub": text}) == text


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ABCDE"), inner, max_size=4),
)


@given(documents)
def test_a_document_without_functions_is_itself(document):
    assert value(document) == document


@given(documents, st.booleans())
def test_if_is_one_of_its_branches(document, yes):
    assert value({"Fn::If": ["Yes" if yes else "No", document, [document]]}) == (
        document if yes else [document]
    )


graphs = st.integers(1, 8).flatmap(
    lambda size: st.fixed_dictionaries(
        {str(node): st.sets(st.sampled_from([str(n) for n in range(size)])) for node in range(size)}
    )
)


@given(graphs)
def test_order_puts_everything_after_what_it_needs_or_names_a_circle(needs):
    try:
        order = in_order(needs)
    except TwinError as error:
        circle = str(error).removeprefix("circular dependency: ").split(" → ")
        assert circle[0] == circle[-1]
        assert all(later in needs[earlier] for earlier, later in pairwise(circle))
    else:
        assert sorted(order) == sorted(needs)
        assert all(order.index(needed) < order.index(node) for node in needs for needed in needs[node])


def test_order_is_the_templates_where_it_may_be():
    assert in_order({"C": set(), "A": {"B"}, "B": set()}) == ["C", "B", "A"]
    with pytest.raises(TwinError, match="A depends on Z, which does not exist"):
        in_order({"A": {"Z"}})


def test_references_are_found_wherever_they_stand():
    expression = [
        {"Ref": "A"},
        {"X": {"Fn::GetAtt": ["B", "Arn"]}},
        {"Fn::GetAtt": "C.Arn"},
        {"Fn::Sub": "${D} ${E.Arn} ${!F}"},
        {"Fn::Sub": ["${G} ${Local}", {"Local": {"Ref": "H"}}]},
        {"Fn::If": ["Cond", {"Ref": "I"}, "text ${J}"]},
    ]
    assert set(references(expression)) == set("ABCDEGHI")


names = st.text("abcdefgABCDEFG0123", min_size=1, max_size=90)


@given(names, names, st.integers(20, 80), st.booleans())
def test_generated_names_fit_and_repeat(stack, logical_id, maximum, lower):
    name = generated(stack, logical_id, maximum=maximum, lower=lower)
    assert len(name) <= maximum
    assert name == generated(stack, logical_id, maximum=maximum, lower=lower)
    assert not lower or name == name.lower()


def test_names_cut_to_the_same_beginning_stay_apart():
    long = "A" * 80
    assert generated("flights", long + "1", maximum=63) != generated("flights", long + "2", maximum=63)
    assert generated("flights", "Role", maximum=64).startswith("flights-Role-")
