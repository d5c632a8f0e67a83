"""Events: what starts what, and where they end when they cannot be delivered."""

from __future__ import annotations

from cloud_assembly import Assembly, Resource


def _rules(account: Assembly) -> dict[str, Resource]:
    return {rule.properties["Name"]: rule for rule in account.of_type("AWS::Events::Rule")}


def test_every_target_has_retries_and_dead_letters(account: Assembly) -> None:
    queues = {f"<{queue.logical_id}.Arn>" for queue in account.of_type("AWS::SQS::Queue")}
    for rule in account.of_type("AWS::Events::Rule"):
        (target,) = rule.properties["Targets"]
        assert account.resolve(rule.stack, target["DeadLetterConfig"]["Arn"]) in queues, rule
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 7200, "MaximumRetryAttempts": 8}, rule
        assert rule.properties["State"] == "ENABLED"


def test_every_queue_admits_exactly_the_rules_that_use_it(account: Assembly) -> None:
    used: dict[str, set[str]] = {}
    for name, rule in _rules(account).items():
        queue = account.resolve(rule.stack, rule.properties["Targets"][0]["DeadLetterConfig"]["Arn"])
        used.setdefault(queue, set()).add(name)
    admitted = {}
    for policy in account.of_type("AWS::SQS::QueuePolicy"):
        for statement in account.resolve(policy.stack, policy.properties["PolicyDocument"])["Statement"]:
            if statement["Effect"] == "Allow":
                arns = statement["Condition"]["ArnEquals"]["aws:SourceArn"]
                arns = arns if isinstance(arns, list) else [arns]
                admitted[statement["Resource"]] = {arn.rpartition("/")[2] for arn in arns}
    assert admitted == used


def test_dead_letters_are_kept_as_long_as_can_be(account: Assembly) -> None:
    queues = account.of_type("AWS::SQS::Queue")
    assert len(queues) == 4
    assert {queue.properties["MessageRetentionPeriod"] for queue in queues} == {14 * 24 * 3600}


def test_an_alarm_of_ours_starts_the_incident_workflow(account: Assembly) -> None:
    rule = _rules(account)["flights-alarm"]
    assert rule.properties["EventPattern"] == {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {
            "alarmName": [
                "flights-data-drift",
                "flights-data-quality",
                "flights-performance",
                "flights-labels",
                "flights-model-age",
                "flights-latency",
                "flights-errors",
            ],
            "state": {"value": ["ALARM"]},
        },
    }
    assert _target(account, rule) == "flights-incident"
    assert "Input" not in str(rule.properties["Targets"]), "the workflow gets the event as it is"


def test_every_alarm_is_listened_to(account: Assembly) -> None:
    heard = _rules(account)["flights-alarm"].properties["EventPattern"]["detail"]["alarmName"]
    assert set(heard) == {
        alarm.properties["AlarmName"] for alarm in account.of_type("AWS::CloudWatch::Alarm")
    }


def test_only_an_approval_starts_a_release(account: Assembly) -> None:
    rule = _rules(account)["flights-approval"]
    assert rule.properties["EventPattern"] == {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": ["flights"], "ModelApprovalStatus": ["Approved"]},
    }
    assert _target(account, rule) == "flights-release"


def test_changes_and_the_clock_wake_the_sweep(account: Assembly) -> None:
    rules = _rules(account)
    endpoint, pipeline, sweep = (rules[f"flights-{name}"] for name in ("endpoint", "pipeline", "sweep"))
    assert endpoint.properties["EventPattern"]["detail-type"] == [
        "SageMaker Endpoint State Change",
        "SageMaker Endpoint Deployment State Change",
    ]
    assert endpoint.properties["EventPattern"]["detail"] == {"EndpointName": ["flights"]}
    pattern = account.resolve(pipeline.stack, pipeline.properties["EventPattern"])
    assert pattern["detail-type"] == ["SageMaker Model Building Pipeline Execution Status Change"]
    assert [arn.rpartition(":")[2] for arn in pattern["detail"]["pipelineArn"]] == [
        "pipeline/flights-retraining",
        "pipeline/flights-replay",
    ]
    assert sweep.properties["ScheduleExpression"] == "rate(1 hour)"
    assert {_target(account, rule) for rule in (endpoint, pipeline, sweep)} == {"flights-sweep"}


def test_observe_runs_ten_minutes_past_every_hour(account: Assembly) -> None:
    rule = _rules(account)["flights-observe"]
    assert rule.properties["ScheduleExpression"] == "cron(10 * * * ? *)"
    assert _target(account, rule) == "flights-observe"


def test_functions_may_be_invoked_by_their_rules(account: Assembly) -> None:
    permitted = {
        permission.properties["SourceArn"]["Fn::GetAtt"][0]
        for permission in account.of_type("AWS::Lambda::Permission")
        if permission.properties["Principal"] == "events.amazonaws.com"
    }
    waking = {
        r.logical_id for r in _rules(account).values() if _target(account, r).endswith(("sweep", "observe"))
    }
    assert permitted == waking


def _target(account: Assembly, rule: Resource) -> str:
    (target,) = rule.properties["Targets"]
    reference = target["Arn"].get("Ref") or target["Arn"]["Fn::GetAtt"][0]
    properties = account.templates[rule.stack]["Resources"][reference]["Properties"]
    return properties.get("StateMachineName") or properties["FunctionName"]
