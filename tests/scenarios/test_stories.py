"""The demo's stories as time-lapses, each in an account of its own, and what must not happen in them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from demo import stories
from demo.stage import ENDPOINT, Stage
from selfheal.record.episode import episodes
from selfheal.record.explanation import explain
from selfheal.record.ledger import EntryKind
from selfheal.record.replay import replay
from selfheal.verdict import Verdict
from twin.events import NEVER, ONCE


def kinds(stage: Stage) -> list[EntryKind]:
    return [entry.kind for entry in stage.chronicle.entries()]


def live_config(stage: Stage) -> str:
    return stage.twin.session.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)[
        "EndpointConfigName"
    ]


def assert_the_ledger_tells_it_alone(stage: Stage) -> None:
    """Whole, and enough to come to every decision again and to tell every incident."""
    entries = stage.chronicle.entries()
    assert stage.chronicle.broken_at() is None
    replayed = replay(entries)
    assert replayed
    assert {decision.verdict for decision in replayed} == {Verdict.PASS}, replayed
    for episode in episodes(entries):
        assert episode.id in explain(episode)


def put(stage: Stage, control: str, value: str) -> None:
    ssm = stage.twin.session.client("ssm")
    ssm.put_parameter(Name=f"/selfheal/{ENDPOINT}/{control}", Value=value, Overwrite=True)


def test_drift_is_diagnosed_and_retrained(open_stage):
    # The storms of early March: the first champion knows January and half of February.
    opening = datetime(2013, 3, 1, 5, tzinfo=timezone.utc)
    stage = open_stage(opening, days=15)
    verdict = stories.drift(stage, opening + timedelta(days=14))
    assert verdict.told, verdict.missing
    incident = next(i for i in stage.chronicle.closed() if "retrain" in i.remedies)
    assert incident.cause == "harmful-covariate-drift"
    assert any("temp_f moved" in reason for reason in incident.evidence)
    assert incident.champion_before == stage.first.package
    served = {answer.package for answer in stage.application.answers}
    assert served == {incident.champion_before, incident.champion_after}
    assert_the_ledger_tells_it_alone(stage)
    assert stage.twin.bus.failed == []


def test_a_bad_release_is_sent_back_by_the_guardrails(open_stage):
    stage = open_stage()
    before = live_config(stage)
    verdict = stories.bad_release(stage)
    assert verdict.told, verdict.missing
    assert live_config(stage) == before
    # Some flights felt the canary, none after it was sent back.
    failed = [answer.flight.at for answer in stage.application.answers if answer.status != 200]
    assert failed
    stage.twin.run_for(timedelta(hours=4))
    assert [a.flight.at for a in stage.application.answers if a.status != 200] == failed
    assert EntryKind.REFUSED not in kinds(stage)
    # The alarms that only watched the release went with it.
    cloudwatch = stage.twin.session.client("cloudwatch")
    assert cloudwatch.describe_alarms(AlarmNamePrefix=f"{ENDPOINT}-release-")["MetricAlarms"] == []


def test_a_late_failure_is_rolled_back_although_its_events_are_lost(open_stage):
    """Neither the alarm's event nor the endpoint's arrive: the sweep finds both states by looking."""
    stage = open_stage()
    lost = ("CloudWatch Alarm State Change", "SageMaker Endpoint State Change")
    stage.twin.bus.faults = lambda event: NEVER if event["detail-type"] in lost else ONCE
    verdict = stories.late_failure(stage)
    assert verdict.told, verdict.missing
    incident = next(i for i in stage.chronicle.closed() if i.trigger == "latency")
    assert incident.remedies == ("rollback",)
    assert incident.verified_at > incident.mitigated_at > incident.detected_at
    (proof,) = [e for e in stage.chronicle.entries() if e.body.get("verdict") == Verdict.PASS.value]
    assert f"serves {stage.first.package}" in proof.body["reasons"][0]
    assert "the golden set (48 rows) is answered as recorded" in proof.body["reasons"]
    assert_the_ledger_tells_it_alone(stage)
    (told,) = episodes(stage.chronicle.entries())
    # Trouble began before an alarm could be sure of it.
    assert timedelta(0) < told.times.detected - told.times.onset < timedelta(minutes=30)


def test_in_observe_mode_a_late_failure_is_told_and_not_touched(open_stage):
    stage = open_stage()
    before = live_config(stage)
    package = stage.person.register_hotfix("audit_trail", stage.chronicle.champion_model())
    stage.twin.advance_to(stage.twin.clock.now.replace(hour=14, minute=0))
    stage.person.approve(package)
    stage.twin.run_for(timedelta(hours=2))
    released = live_config(stage)
    assert released != before
    put(stage, "mode", "observe")
    while not stage.chronicle.closed():
        stage.twin.run_for(timedelta(minutes=30))
    # A latency that swings about its limit may be told more than once; every telling ends alike.
    assert {i.trigger for i in stage.chronicle.closed()} == {"latency"}
    assert {i.outcome for i in stage.chronicle.closed()} == {"escalated"}
    incident = stage.chronicle.closed()[0]
    assert incident.cause == "bad-release"
    assert "rollback: the mode is observe" in incident.notes
    assert live_config(stage) == released
    assert not stage.chronicle.is_quarantined(package)
    assert_the_ledger_tells_it_alone(stage)


def test_what_must_not_be_served_is_refused(open_stage):
    """An archive that changed after its registration; then, a sound one while the kill switch is on."""
    stage = open_stage()
    before = live_config(stage)
    sagemaker, s3 = stage.twin.session.client("sagemaker"), stage.twin.session.client("s3")
    package = stage.person.register_hotfix("fare_table", stage.chronicle.champion_model())
    specification = sagemaker.describe_model_package(ModelPackageName=package)["InferenceSpecification"]
    bucket, key = specification["Containers"][0]["ModelDataUrl"].removeprefix("s3://").split("/", 1)
    s3.put_object(Bucket=bucket, Key=key, Body=b"something else")
    stage.person.approve(package)
    stage.twin.run_for(timedelta(minutes=30))

    put(stage, "kill-switch", "on call: freeze until Monday")
    stage.person.approve(stage.person.register_hotfix("audit_trail", stage.chronicle.champion_model()))
    stage.twin.run_for(timedelta(minutes=30))

    refused = [entry.body["reason"] for entry in stage.chronicle.entries() if entry.kind is EntryKind.REFUSED]
    assert len(refused) == 2
    assert "is not what was registered" in refused[0]
    assert "freeze until Monday" in refused[1]
    assert live_config(stage) == before
    assert [m["ModelName"] for m in sagemaker.list_models()["Models"]] == [stage.chronicle.champion_model()]
    assert stage.chronicle.closed() == []
