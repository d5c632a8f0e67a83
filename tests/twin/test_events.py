"""EventBridge: matching, transformation, targets, retries, faults and schedules."""

import inspect
import io
import json
import logging
import zipfile
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from moto.events.models import EventPattern, EventsBackend, Rule

from twin.asynchronous import AsyncInvocations
from twin.clock import VirtualClock
from twin.event_input import target_input
from twin.event_patterns import check_pattern, matches
from twin.events import NEVER, ONCE, TWICE, Delivery, EventBus
from twin.interfaces import Invocation, TwinError
from twin.patching import Patches
from twin.schedules import parse_schedule

START = datetime(2013, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
ARN = "arn:aws:{}:us-east-1:123456789012:{}"
FUNCTION = ARN.format("lambda", "function:heal")


class FakeFunctions:
    """Remembers what it was given; fails the first `failures` times."""

    def __init__(self, clock):
        self.clock = clock
        self.failures = 0
        self.calls = []

    def invoke(self, name, payload):
        self.calls.append((json.loads(payload), self.clock.now))
        errored = self.failures > 0
        self.failures -= errored
        result = b'{"errorMessage": "broken"}' if errored else b"null"
        return Invocation(function=name, payload=payload, result=result, errored=errored, log="")


class World:
    def __init__(self, clock, patches):
        self.clock = clock
        self.functions = FakeFunctions(clock)
        self.invocations = AsyncInvocations(clock, self.functions)
        self.bus = EventBus(clock, self.invocations)
        self.invocations.attach(patches)
        self.bus.attach(patches)
        self.events = boto3.client("events", region_name="us-east-1")
        self.sqs = boto3.client("sqs", region_name="us-east-1")

    def queue(self, name="dead"):
        self.sqs.create_queue(QueueName=name)
        return ARN.format("sqs", name)

    def read(self, name="dead"):
        url = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
        ).get("Messages", [])
        self.sqs.purge_queue(QueueUrl=url)
        return found

    def function(self, **more):
        iam = boto3.client("iam", region_name="us-east-1")
        role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", "")
        boto3.client("lambda", region_name="us-east-1").create_function(
            FunctionName="heal",
            Runtime="python3.13",
            Role=role,
            Handler="h.h",
            Code={"ZipFile": archive.getvalue()},
            **more,
        )

    def rule(self, name="rule", pattern=None, target=None, **more):
        if "ScheduleExpression" not in more:
            more["EventPattern"] = json.dumps(pattern or {"source": ["test"]})
        self.events.put_rule(Name=name, **more)
        if target:
            self.events.put_targets(Rule=name, Targets=[{"Id": "t", **target}])

    def advance(self, delta):
        """A minute at a time, delivering after each."""
        until = self.clock.now + delta
        while self.clock.now < until:
            self.clock.advance_to(min(until, self.clock.now + MINUTE))
            self.bus.deliver()

    def received(self):
        return [event["detail"] for event, _ in self.functions.calls]


@pytest.fixture
def world():
    patches = Patches()
    with mock_aws(config={"stepfunctions": {"execute_state_machine": False}}), VirtualClock(START) as clock:
        yield World(clock, patches)
        patches.undo()


# ---------------------------------------------------------------- patterns


def event_of(**detail):
    return {"source": "test", "detail-type": "Thing", "resources": ["arn:x"], "detail": detail}


@pytest.mark.parametrize(
    ("pattern", "detail", "expected"),
    [
        ({"detail": {"a": ["x", "y"]}}, {"a": "y"}, True),
        ({"detail": {"a": ["x"]}}, {"a": "z"}, False),
        ({"detail": {"a": ["x"]}}, {}, False),
        ({"detail": {"a": ["x"], "b": ["y"]}}, {"a": "x"}, False),
        ({"detail": {"a": {"b": {"c": [1]}}}}, {"a": {"b": {"c": 1}}}, True),
        ({"detail": {"a": [{"prefix": "fl"}]}}, {"a": "flights"}, True),
        ({"detail": {"a": [{"prefix": "fl"}]}}, {"a": "a-flight"}, False),
        ({"detail": {"a": [{"suffix": "ts"}]}}, {"a": "flights"}, True),
        ({"detail": {"a": [{"anything-but": ["x", "y"]}]}}, {"a": "z"}, True),
        ({"detail": {"a": [{"anything-but": ["x", "y"]}]}}, {"a": "x"}, False),
        ({"detail": {"a": [{"anything-but": {"prefix": "x"}}]}}, {"a": "xy"}, False),
        ({"detail": {"a": [{"anything-but": "x"}]}}, {}, False),
        ({"detail": {"a": [{"exists": True}]}}, {"a": None}, True),
        ({"detail": {"a": [{"exists": True}]}}, {}, False),
        ({"detail": {"a": [{"exists": False}]}}, {}, True),
        ({"detail": {"a": [{"numeric": [">", 0, "<=", 5]}]}}, {"a": 5}, True),
        ({"detail": {"a": [{"numeric": [">", 0, "<=", 5]}]}}, {"a": 6}, False),
        ({"detail": {"a": [{"equals-ignore-case": "in_service"}]}}, {"a": "IN_SERVICE"}, True),
        ({"detail": {"a": ["x", {"prefix": "y"}]}}, {"a": "yy"}, True),
        ({"detail": {"a": ["x"]}}, {"a": ["w", "x"]}, True),
        ({"detail": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"b": 2}, True),
        ({"detail": {"$or": [{"a": [1]}, {"b": [2]}]}}, {"a": 2, "b": 1}, False),
        ({"source": ["test"], "detail-type": ["Thing"], "resources": ["arn:x"]}, {}, True),
        ({"source": ["other"]}, {}, False),
    ],
)
def test_patterns(pattern, detail, expected):
    assert matches("r", EventPattern.load(json.dumps(pattern)), event_of(**detail)) is expected


@pytest.mark.parametrize(
    "where", [{"a": [{"regex": "x"}]}, {"b": {"c": [{"regex": "x"}]}}, {"$or": [{"a": [{"regex": 1}]}]}]
)
def test_an_unknown_filter_is_named_and_not_taken_for_a_match(where):
    with pytest.raises(TwinError, match="regex"):
        check_pattern("r", json.dumps({"detail": where}))


def test_looking_into_objects_of_an_array_is_refused_rather_than_never_matched():
    pattern = EventPattern.load(json.dumps({"detail": {"metrics": {"id": ["m1"]}}}))
    with pytest.raises(TwinError, match=r"detail\.metrics"):
        matches("r", pattern, event_of(metrics=[{"id": "m1"}]))


# ---------------------------------------------------------------- inputs

RULE = {"Name": "rule", "Arn": "arn:rule"}
EVENT = {
    "id": "e-1",
    "source": "test",
    "detail-type": "Thing",
    "time": "2013-01-01T00:00:00Z",
    "detail": {"name": 'say "hi"', "n": 3, "list": [{"x": 1}], "on": True},
}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"fixed": 1}'}, {"fixed": 1}),
        ({"InputPath": "$.detail.list[0].x"}, 1),
        ({"InputPath": "$.detail-type"}, "Thing"),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"name": "$.detail.name", "n": "$.detail.n", "list": "$.detail.list"},
                    "InputTemplate": '{"quoted": "name is <name>, <n>", "bare": <name>, "n": <n>, "list": <list>}',
                }
            },
            {"quoted": 'name is say "hi", 3', "bare": 'say "hi"', "n": 3, "list": [{"x": 1}]},
        ),
        (
            {
                "InputTransformer": {
                    "InputTemplate": '{"rule": "<aws.events.rule-name>", "event": <aws.events.event.json>}'
                }
            },
            {"rule": "rule", "event": EVENT},
        ),
    ],
)
def test_inputs(target, expected):
    assert json.loads(target_input(target, RULE, EVENT)) == expected


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"InputPath": "$.detail.missing"}, "missing"),
        ({"InputPath": "$..name"}, "beyond"),
        ({"InputTransformer": {"InputTemplate": '{"a": <b>}'}}, "<b>"),
        ({"InputTransformer": {"InputTemplate": "not json"}}, "not JSON"),
    ],
)
def test_inputs_that_cannot_be_made_are_named(target, named):
    with pytest.raises(TwinError, match=named):
        target_input(target, RULE, EVENT)


# ---------------------------------------------------------------- delivery


def test_a_service_event_has_the_documented_envelope_and_waits_for_deliver(world):
    world.function()
    world.rule(target={"Arn": FUNCTION})
    world.bus.emit("test", "Thing", {"n": 1}, ["arn:x"])
    assert world.bus.pending == 1
    assert world.functions.calls == []
    assert world.bus.deliver() == 1
    ((event, _),) = world.functions.calls
    assert event.pop("id")
    assert event == {
        "version": "0",
        "detail-type": "Thing",
        "source": "test",
        "account": "123456789012",
        "time": "2013-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:x"],
        "detail": {"n": 1},
    }


def test_put_events_takes_the_same_way(world):
    world.function()
    world.rule(target={"Arn": FUNCTION})
    entry = {"Source": "test", "DetailType": "Thing", "Detail": '{"n": 1}', "Time": START - MINUTE}
    answer = world.events.put_events(Entries=[entry, {**entry, "Detail": "{"}])
    assert answer["FailedEntryCount"] == 1
    world.bus.deliver()
    ((event, _),) = world.functions.calls
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert event["time"] == "2012-12-31T23:59:00Z"


def test_disabled_and_other_rules_stay_quiet(world):
    world.function()
    world.rule("off", State="DISABLED", target={"Arn": FUNCTION})
    world.rule("other", pattern={"source": ["other"]}, target={"Arn": FUNCTION})
    world.rule("scheduled", ScheduleExpression="rate(1 day)", target={"Arn": FUNCTION})
    world.bus.emit("test", "Thing", {})
    world.bus.deliver()
    assert world.functions.calls == []


def test_what_a_delivery_emits_is_delivered_too_but_not_for_ever(world):
    world.bus.listen(lambda event: world.bus.emit("test", "Thing", {}) if event["detail"] else None)
    world.bus.emit("test", "Thing", {"again": True})
    assert world.bus.deliver() == 2
    world.bus.listen(lambda event: world.bus.emit("test", "Thing", {}))
    world.bus.emit("test", "Thing", {})
    with pytest.raises(TwinError, match="cause themselves"):
        world.bus.deliver()


def test_queues_and_topics(world):
    queue = world.queue("q")
    fifo = world.sqs.create_queue(
        QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )
    assert fifo
    topic = boto3.client("sns", region_name="us-east-1").create_topic(Name="t")["TopicArn"]
    via = world.queue("via")
    boto3.client("sns", region_name="us-east-1").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=via)
    world.rule("a", target={"Arn": queue, "InputPath": "$.detail"})
    world.rule("b", target={"Arn": topic})
    world.rule("c", target={"Arn": ARN.format("sqs", "q.fifo"), "SqsParameters": {"MessageGroupId": "g"}})
    world.bus.emit("test", "Thing", {"n": 1})
    world.bus.deliver()
    assert [json.loads(message["Body"]) for message in world.read("q")] == [{"n": 1}]
    (message,) = world.read("via")
    assert json.loads(json.loads(message["Body"])["Message"])["detail"] == {"n": 1}
    (message,) = world.read("q.fifo")
    assert message["Attributes"]["MessageGroupId"] == "g"


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"Arn": ARN.format("kinesis", "stream/s")}, "kinesis"),
        ({"Arn": FUNCTION, "BatchParameters": {"JobDefinition": "a", "JobName": "b"}}, "BatchParameters"),
    ],
)
def test_other_targets_are_refused_when_put(world, target, named):
    with pytest.raises(TwinError, match=named):
        world.rule(target=target)


def test_a_missing_target_goes_to_the_dead_letter_queue_with_its_attributes(world):
    dead = world.queue()
    world.rule(target={"Arn": FUNCTION, "DeadLetterConfig": {"Arn": dead}})
    world.bus.emit("test", "Thing", {"n": 1})
    world.bus.deliver()
    (message,) = world.read()
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes == {
        "RULE_ARN": ARN.format("events", "rule/rule"),
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": "there is no function heal",
        "RETRY_ATTEMPTS": "0",
    }


@pytest.mark.parametrize(
    "arn",
    [
        FUNCTION,
        ARN.format("sqs", "none"),
        ARN.format("sns", "none"),
        ARN.format("states", "stateMachine:none"),
    ],
)
def test_without_a_dead_letter_queue_the_loss_is_recorded_and_reported(world, arn, caplog):
    world.rule(target={"Arn": arn})
    world.bus.emit("test", "Thing", {})
    with caplog.at_level(logging.ERROR):
        world.bus.deliver()
    (lost,) = world.bus.failed
    assert (lost.rule, lost.target_arn, lost.code, lost.dead_letter_arn) == ("rule", arn, "NO_RESOURCE", None)
    assert "is lost" in caplog.text


# ---------------------------------------------------------------- functions that raise


def test_lambda_repeats_a_failing_function_after_one_and_two_minutes(world):
    world.function()
    world.rule(target={"Arn": FUNCTION})
    world.functions.failures = 2
    world.bus.emit("test", "Thing", {})
    world.bus.deliver()
    world.advance(10 * MINUTE)
    assert [(at - START) // MINUTE for _, at in world.functions.calls] == [0, 1, 3]
    assert world.invocations.failed == []


def test_exhausted_retries_reach_the_functions_dead_letter_queue_not_the_targets(world):
    dead, other = world.queue("dead"), world.queue("other")
    world.function(DeadLetterConfig={"TargetArn": dead})
    world.rule(target={"Arn": FUNCTION, "InputPath": "$.detail", "DeadLetterConfig": {"Arn": other}})
    world.functions.failures = 3
    world.bus.emit("test", "Thing", {"n": 1})
    world.bus.deliver()
    world.advance(10 * MINUTE)
    (message,) = world.read("dead")
    assert json.loads(message["Body"]) == {"n": 1}
    assert "broken" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert world.read("other") == []
    (failed,) = world.invocations.failed
    assert (failed.attempts, failed.kept_at) == (3, (dead,))


def test_event_invoke_config_sets_retries_and_destination(world):
    kept = world.queue("kept")
    world.function()
    boto3.client("lambda", region_name="us-east-1").put_function_event_invoke_config(
        FunctionName="heal",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": kept}},
    )
    world.rule(target={"Arn": FUNCTION})
    world.functions.failures = 1
    world.bus.emit("test", "Thing", {"n": 1})
    world.bus.deliver()
    (message,) = world.read("kept")
    record = json.loads(message["Body"])
    assert record["requestPayload"]["detail"] == {"n": 1}
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"] == {"errorMessage": "broken"}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAge"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": ARN.format("sqs", "q")}}}, "on-success"),
    ],
)
def test_what_event_invoke_configs_do_not_do_here_is_named(world, config, named):
    world.function()
    boto3.client("lambda", region_name="us-east-1").put_function_event_invoke_config(
        FunctionName="heal", **config
    )
    with pytest.raises(TwinError, match=named):
        world.invocations.invoke("heal", b"{}")


def test_versions_and_aliases_are_refused(world):
    with pytest.raises(TwinError, match="aliases"):
        world.invocations.invoke(FUNCTION + ":live", b"{}")


def test_a_function_that_gives_up_with_nowhere_to_go_is_reported(world, caplog):
    world.function()
    world.functions.failures = 3
    with caplog.at_level(logging.ERROR):
        world.invocations.invoke("heal", b"{}")
        world.advance(5 * MINUTE)
    assert "heal failed 3 times" in caplog.text
    assert world.invocations.failed[0].kept_at == ()


# ---------------------------------------------------------------- faults


def deliver_with(world, fault, count=1):
    world.function()
    world.rule(target={"Arn": FUNCTION})
    world.bus.faults = lambda event: fault if event["detail"]["n"] == 0 else ONCE
    heard = []
    world.bus.listen(heard.append)
    for number in range(count):
        world.bus.emit("test", "Thing", {"n": number})
    world.bus.deliver()
    return heard


def test_twice(world):
    assert len(deliver_with(world, TWICE)) == 1
    (first, _), (second, _) = world.functions.calls
    assert first == second


def test_never(world):
    assert deliver_with(world, NEVER) == []
    assert world.functions.calls == []
    assert len(world.bus.lost) == 1


def test_late_keeps_the_time_of_the_event(world):
    heard = deliver_with(world, Delivery(delays=(timedelta(hours=1),)))
    assert heard == []
    world.advance(timedelta(hours=2))
    ((event, at),) = world.functions.calls
    assert (event["time"], at) == ("2013-01-01T00:00:00Z", START + timedelta(hours=1))
    assert len(heard) == 1


def test_a_duplicate_may_come_late(world):
    deliver_with(world, Delivery(delays=(timedelta(0), timedelta(hours=1))))
    world.advance(timedelta(hours=2))
    assert [at for _, at in world.functions.calls] == [START, START + timedelta(hours=1)]


def test_out_of_order(world):
    deliver_with(world, Delivery(overtaken_by=2), count=4)
    assert [detail["n"] for detail in world.received()] == [1, 2, 0, 3]


# ---------------------------------------------------------------- schedules


def test_rates_fire_one_period_after_the_rule_was_made(world):
    world.function()
    world.rule(ScheduleExpression="rate(5 minutes)", target={"Arn": FUNCTION})
    world.advance(timedelta(minutes=12))
    assert [(at - START) // MINUTE for _, at in world.functions.calls] == [5, 10]
    event = world.functions.calls[0][0]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [ARN.format("events", "rule/rule")]
    assert event["time"] == "2013-01-01T00:05:00Z"


def test_disabling_stops_and_enabling_starts_a_new_period(world):
    world.function()
    world.rule(ScheduleExpression="rate(5 minutes)", State="DISABLED", target={"Arn": FUNCTION})
    world.advance(timedelta(minutes=7))
    world.events.enable_rule(Name="rule")
    world.advance(timedelta(minutes=6))
    world.events.disable_rule(Name="rule")
    world.advance(timedelta(minutes=30))
    assert [(at - START) // MINUTE for _, at in world.functions.calls] == [12]
    assert world.clock.next_due() is None


def test_a_deleted_schedule_is_forgotten_and_a_redefined_one_replaced(world):
    world.function()
    world.rule(ScheduleExpression="rate(5 minutes)", target={"Arn": FUNCTION})
    world.rule(ScheduleExpression="rate(1 hour)")
    assert world.clock.next_due() == START + timedelta(hours=1)
    world.events.remove_targets(Rule="rule", Ids=["t"])
    world.events.delete_rule(Name="rule")
    assert world.clock.next_due() is None


def test_cron_fires_in_utc(world):
    world.function()
    world.rule(ScheduleExpression="cron(15 10 ? * 6L *)".replace("6L", "FRI"), target={"Arn": FUNCTION})
    due = world.clock.next_due()
    assert due == datetime(2013, 1, 4, 10, 15, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("rate(1 minutes)", "singular"),
        ("rate(5 minute)", "singular"),
        ("rate(0 minutes)", "neither"),
        ("cron(0 0 L * ? *)", "'L'"),
        ("cron(0 0 ? * 6#3 *)", "6#3"),
        ("cron(0 0 3W * ? *)", "3W"),
        ("cron(0 0 1 * MON *)", "must be '?'"),
        ("cron(0 0 ? * ? *)", "must be '?'"),
        ("cron(? 0 1 * ? *)", "is for the day"),
        ("cron(0 24 1 * ? *)", "24"),
        ("cron(0 0 ? * FRI-MON *)", "wraps"),
        ("cron(0 0 1 * ?)", "six fields"),
        ("every day", "neither"),
    ],
)
def test_schedules_that_cannot_be_kept_are_refused(expression, named):
    with pytest.raises(TwinError, match=named.replace("?", r"\?")):
        parse_schedule(expression)


def test_other_states_of_a_rule_are_refused(world):
    with pytest.raises(TwinError, match="ENABLED_WITH"):
        world.rule(State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


def test_a_refused_schedule_makes_no_rule(world):
    with pytest.raises(TwinError, match="L"):
        world.events.put_rule(Name="rule", ScheduleExpression="cron(0 0 L * ? *)")
    assert world.events.list_rules()["Rules"] == []


def test_a_schedule_whose_years_are_over_never_fires():
    assert parse_schedule("cron(0 0 1 1 ? 2012)").after(START) is None


@st.composite
def cron_fields(draw, low, high, names=()):
    """One field: its text, and the values that it means, by the definition of each form."""
    form = draw(st.sampled_from(["*", "one", "range", "step", "range/step", "list"]))
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, 10))

    def word(number):
        return names[number - low] if names and draw(st.booleans()) else str(number)

    if form == "*":
        return "*", set(range(low, high + 1))
    if form == "one":
        return word(first), {first}
    if form == "range":
        return f"{word(first)}-{word(last)}", set(range(first, last + 1))
    if form == "step":
        return f"{first}/{step}", {n for n in range(low, high + 1) if n >= first and (n - first) % step == 0}
    if form == "range/step":
        return f"{first}-{last}/{step}", {n for n in range(first, last + 1) if (n - first) % step == 0}
    return f"{word(first)},{word(last)}", {first, last}


WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


@settings(max_examples=60, deadline=None)
@given(
    cron_fields(0, 59),
    cron_fields(0, 23),
    cron_fields(1, 7, WEEKDAYS),
    cron_fields(1, 31),
    st.booleans(),
    st.integers(0, 400 * 24 * 60),
)
def test_cron_against_looking_at_every_minute(minutes, hours, weekdays, days, by_weekday, offset):
    days_text = f"? * {weekdays[0]}" if by_weekday else f"{days[0]} * ?"
    when = START + offset * MINUTE
    found = parse_schedule(f"cron({minutes[0]} {hours[0]} {days_text} *)").after(when)
    candidate = when + MINUTE
    while not (
        candidate.minute in minutes[1]
        and candidate.hour in hours[1]
        and (
            WEEKDAYS.index(f"{candidate:%a}".upper()) + 1 in weekdays[1]
            if by_weekday
            else candidate.day in days[1]
        )
    ):
        candidate += MINUTE
    assert found == candidate


@settings(max_examples=60, deadline=None)
@given(cron_fields(1, 12, MONTHS), cron_fields(1, 31), st.integers(0, 400))
def test_months_and_days_against_looking_at_every_day(months, days, offset):
    when = START + timedelta(days=offset)
    found = parse_schedule(f"cron(0 0 {days[0]} {months[0]} ? *)").after(when)
    candidate = when + timedelta(days=1)
    while candidate.year < 2030 and not (candidate.month in months[1] and candidate.day in days[1]):
        candidate += timedelta(days=1)
    assert found == (candidate if candidate.year < 2030 else None)


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (EventsBackend, "put_events", ["self", "events"]),
        (EventsBackend, "put_targets", ["self", "name", "event_bus_arn", "targets"]),
        (EventsBackend, "enable_rule", ["self", "name", "event_bus_arn"]),
        (EventsBackend, "disable_rule", ["self", "name", "event_bus_arn"]),
        (EventsBackend, "delete_rule", ["self", "name", "event_bus_arn"]),
        (Rule, "send_to_targets", ["self", "original_event", "transform_input"]),
        (EventPattern, "matches_event", ["self", "event"]),
    ],
)
def test_moto_still_has_what_is_replaced(owner, name, parameters):
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_moto_still_puts_rules_by_keyword():
    parameters = inspect.signature(EventsBackend.put_rule).parameters
    assert {"name", "event_pattern", "scheduled_expression", "state"} <= set(parameters)
