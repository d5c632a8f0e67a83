"""A feed that breaks for a night: its hours are kept out of training, the model is left alone, and once the feed is
healthy the incident ends by itself."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd
from test_stories import assert_the_ledger_tells_it_alone, live_config

from demo.stage import ENDPOINT, Stage
from selfheal.aws.objects import Objects
from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.registry import Registry
from selfheal.aws.retraining import write_request
from selfheal.record.episode import State, episodes
from selfheal.record.explanation import explain
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy

# Two days of traffic are needed before anything is judged.
BREAKS = timedelta(days=3, hours=9)
BROKEN_FOR = timedelta(hours=10)
HOUR = timedelta(hours=1)


def break_feed(stage: Stage, since: datetime, until: datetime) -> None:
    """Carriers come under codes that nobody knows, as after a change of the feed that nobody announced."""
    driver = stage.twin.traffic
    send = driver.send

    def sending(endpoint, requests):
        return send(
            endpoint,
            [replace(r, body=b"IATA:" + r.body) if since <= r.at < until else r for r in requests],
        )

    driver.send = sending


def bucket_of(stage: Stage) -> str:
    buckets = stage.twin.session.client("s3").list_buckets()["Buckets"]
    return next(each["Name"] for each in buckets if "data" in each["Name"])


def train_by_hand(stage: Stage) -> tuple[dict, pd.DataFrame]:
    """What docs/runbooks/performance.md tells a person to do; the manifest, and every row that was read."""
    s3, sagemaker = stage.twin.session.client("s3"), stage.twin.session.client("sagemaker")
    champion = Registry(sagemaker).package(stage.first.package)
    now = stage.twin.clock.now
    parameters = write_request(
        s3, bucket_of(stage), "by-hand", incident="by-hand", window_end=now, champion=champion
    )
    arn = sagemaker.start_pipeline_execution(
        PipelineName=f"{ENDPOINT}-retraining",
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
    )["PipelineExecutionArn"]
    while (
        sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        == "Executing"
    ):
        stage.twin.run_for(timedelta(minutes=10))
    folder = f"pipeline/{arn.rpartition('/')[2]}/assemble"

    def read(name):
        return s3.get_object(Bucket=bucket_of(stage), Key=f"{folder}/{name}")["Body"].read()

    rows = [pd.read_csv(io.BytesIO(read(f"{part}/{part}.csv"))) for part in ("train", "holdout")]
    return json.loads(read("train/manifest.json")), pd.concat(rows)


def test_hours_of_a_broken_feed_are_quarantined_until_it_is_healthy(open_stage):
    stage = open_stage()
    before, opening = live_config(stage), stage.twin.clock.now
    breaks, mended = opening + BREAKS, opening + BREAKS + BROKEN_FOR
    break_feed(stage, breaks, mended)
    hours = QuarantinedHours(Objects(stage.twin.session.client("s3"), bucket_of(stage)))

    stage.twin.advance_to(mended)
    (quarantine,) = hours.all()
    assert quarantine.subjects == ("carrier",)
    assert quarantine.interval.until is None
    assert quarantine.interval.since <= breaks, "the hours that warned of the breach are among them"
    assert stage.chronicle.is_open()
    while stage.chronicle.is_open() and stage.twin.clock.now < mended + timedelta(days=5):
        stage.twin.run_for(HOUR)

    (told,) = [each for each in episodes(stage.chronicle.entries()) if each.id == quarantine.incident]
    assert told.state is State.RESOLVED
    assert told.cause is not None
    assert told.cause.value == "upstream-data"
    assert "Quarantine ended by verify" in explain(told)
    begun = [e.body["remedy"] for e in stage.chronicle.entries() if e.kind is EntryKind.INTENT]
    assert begun == [Remedy.QUARANTINE.value], "nothing is retrained, nothing is rolled back"
    assert live_config(stage) == before
    attached = {e.body["kind"] for e in stage.chronicle.entries() if e.kind is EntryKind.ATTACHED}
    assert "performance" not in attached, "the model is not blamed for what it was asked in these hours"
    assert_the_ledger_tells_it_alone(stage)

    (ended,) = hours.all()
    assert ended.released.by == "verify"
    assert mended <= ended.interval.until <= mended + 3 * HOUR, "no more hours are lost than were broken"
    manifest, rows = train_by_hand(stage)
    assert manifest["quarantined"]["incidents"] == [quarantine.incident]
    assert manifest["quarantined"]["rows"] > 0
    at = pd.to_datetime(rows["scheduled_at"], utc=True, format="ISO8601")
    assert not [moment for moment in at if ended.interval.holds(moment)]
    assert at.max() > ended.interval.until, "what came after it is learned from"
