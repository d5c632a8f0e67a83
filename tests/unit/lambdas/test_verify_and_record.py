"""Proving a recovery, and closing an incident."""

from __future__ import annotations

import hashlib
import io
import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from selfheal.aws.quarantined_hours import QuarantinedHours
from selfheal.aws.report_store import ReportStore
from selfheal.aws.traffic_store import Stored, TrafficStore
from selfheal.diagnose.causes import Cause
from selfheal.observe.reading.capture_records import GOLDEN_REQUEST
from selfheal.observe.signals import SignalKind, Status
from selfheal.record.ledger import EntryKind, actions
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import Interval, Quarantine
from selfheal.verify.golden import GoldenSet
from unit.account import BUCKET, CHAMPION_PARAMETER, NAME, VARIANT
from unit.lambdas.episodes import incident, kinds
from unit.remediate.test_quarantine import quality, report
from unit.samples import CHAMPION, NOW, answer, baseline, hour, outcome_line, predictions, signal


def firing_since(account, name, since):
    """An alarm that began at a moment of the test's choosing; moto's own begin at the wall clock's."""
    alarm = {"AlarmName": name, "StateValue": "ALARM", "StateTransitionedTimestamp": since}
    account.calls.answers["DescribeAlarms"] = {"MetricAlarms": [alarm]}


def reported(account, *statuses, kind=SignalKind.DATA_DRIFT, first=0):
    """Hourly reports that judge one signal, newest first."""
    for ago, status in enumerate(statuses, start=first):
        ReportStore(account.objects, NAME).save(report(ago, signal(kind, status)), {})


class TestVerify:
    @pytest.fixture
    def verify(self, function, step):
        handler = function("verify.verify")
        return lambda incident, at=NOW: handler(step({"incident": incident.to_json()}, at=at))

    def repaired(self, kind=SignalKind.LATENCY, **more):
        changes = {"acted_at": NOW - timedelta(hours=1), "deployment": {"config": "flights-first"}, **more}
        return incident(kind, tried=(Remedy.ROLLBACK,)).with_(**changes)

    def reasons(self, account):
        return next(entry for entry in account.table.entries() if entry.kind is EntryKind.VERIFIED).body[
            "reasons"
        ]

    def test_recovered(self, account, verify):
        account.champion()
        reported(account, Status.OK, Status.OK, Status.OK)
        result = verify(self.repaired())
        assert result["next"] == "record"
        assert result["incident"]["verified_at"] == NOW.isoformat()
        assert kinds(account) == [EntryKind.VERIFIED]

    def test_not_yet(self, account, verify):
        account.champion()
        reported(account, Status.OK, Status.OK)
        firing_since(account, "flights-latency", NOW - timedelta(hours=2))
        result = verify(self.repaired())
        assert (result["next"], result["wait_seconds"]) == ("wait", 1800)
        assert result["incident"]["verified_at"] is None
        assert kinds(account) == [EntryKind.VERIFIED]

    def test_an_alarm_that_came_to_rest_lately_is_not_quiet_however_long_ago_the_remedy_was(
        self, account, verify
    ):
        account.champion()
        reported(account, Status.OK, Status.OK)
        at = NOW - timedelta(minutes=10)
        rested = {"AlarmName": "flights-latency", "StateValue": "OK", "StateTransitionedTimestamp": at}
        account.calls.answers["DescribeAlarms"] = lambda asked: {
            "MetricAlarms": [] if "StateValue" in asked else [rested]
        }
        assert verify(self.repaired())["next"] == "wait"
        assert "quiet for less than 30 min" in self.reasons(account)

    def test_without_a_report_since_the_remedy_what_else_it_did_is_not_known(self, account, verify):
        account.champion()
        reported(account, Status.OK, first=2)
        assert verify(self.repaired())["next"] == "wait"

    @pytest.mark.parametrize(
        ("since", "before", "next_"),
        [
            ((Status.BREACH,) * 3, Status.OK, "diagnose"),
            ((Status.BREACH,) * 2, Status.OK, "wait"),
            ((Status.BREACH,) * 3, Status.BREACH, "record"),
        ],
    )
    def test_another_signal_that_became_worse(self, account, verify, since, before, next_):
        account.champion()
        reported(account, *since, before)
        acted = NOW - timedelta(hours=len(since) - 0.5)
        assert verify(self.repaired(acted_at=acted))["next"] == next_

    def test_what_began_after_the_remedy_is_diagnosed_anew(self, account, verify):
        account.champion()
        firing_since(account, "flights-errors", NOW - timedelta(minutes=10))
        result = verify(self.repaired())
        assert result["next"] == "diagnose"
        assert result["incident"]["verified_at"] is None
        assert kinds(account) == [EntryKind.VERIFIED, EntryKind.OUTCOME]
        verified, outcome = account.table.entries()
        assert verified.body["verdict"] == "FAIL"
        assert (outcome.body["remedy"], outcome.body["succeeded"]) == ("rollback", False)
        assert "errors began after the remedy" in outcome.body["reason"]

    @pytest.mark.parametrize(
        "asked",
        [
            {"deployment": {"config": "flights-new"}},
            {"deployment": {"config": "flights-first", "model": "another-model"}},
            {"champion_after": "arn:another"},
            {"deployment": {"config": "flights-first", "kind": "release", "package": "arn:another"}},
        ],
    )
    def test_something_else_serves_be_it_behind_the_right_name(self, account, verify, asked):
        account.champion()
        reported(account, Status.OK, Status.OK)
        result = verify(self.repaired(**asked))
        assert result["next"] == "diagnose"
        assert result["incident"]["verified_at"] is None
        assert kinds(account) == [EntryKind.VERIFIED, EntryKind.OUTCOME]

    def test_where_nothing_was_asked_for_the_champion_must_serve(self, account, verify):
        account.champion()
        reported(account, Status.OK, Status.OK)
        quiet = self.repaired(deployment=None)
        assert verify(quiet)["next"] == "record"
        account.set(CHAMPION_PARAMETER, "another-model")
        assert verify(quiet)["next"] == "diagnose"

    def test_while_somebody_deploys_nobody_can_tell(self, account, verify):
        account.champion()
        reported(account, Status.OK, Status.OK)
        account.endpoint_is("Updating")
        assert verify(self.repaired())["next"] == "wait"

    def test_a_remedy_that_did_not_heal_counts_as_failed_though_it_was_deployed(self, account, verify):
        account.champion()
        failed = self.repaired(deployment={"config": "flights-new"}).with_(
            tried=(Remedy.ROLLBACK, Remedy.RETRAIN)
        )
        for remedy in failed.tried:
            body = {"remedy": remedy.value}
            account.table.append(at=NOW, incident=failed.id, kind=EntryKind.INTENT, body=body)
            deployed = {**body, "succeeded": True}
            account.table.append(at=NOW, incident=failed.id, kind=EntryKind.OUTCOME, body=deployed)
        verify(failed)
        assert [(action.remedy, action.succeeded) for action in actions(account.table.entries())] == [
            (Remedy.ROLLBACK, True),
            (Remedy.RETRAIN, False),
        ]

    def test_without_labels_a_model_is_not_proven_and_past_the_deadline_it_is_mitigated(
        self, account, verify
    ):
        account.champion()
        reported(account, *[Status.OK] * 3)
        fresh = self.repaired(SignalKind.DATA_DRIFT, acted_at=NOW - timedelta(hours=4))
        assert verify(fresh)["next"] == "wait"
        late = verify(fresh.with_(acted_at=NOW - timedelta(hours=96)))
        assert late["next"] == "record"
        assert late["incident"]["verified_at"] is None
        assert "quality since the remedy is not proven within 96 h" in late["incident"]["unproven"]
        assert kinds(account) == [EntryKind.VERIFIED, EntryKind.VERIFIED], "no failed remedy"

    @pytest.mark.parametrize("statuses", [(Status.BREACH,), (Status.OK, Status.OK, Status.BREACH), ()])
    def test_where_drift_is_not_clear_either_it_is_not_mitigated(self, account, verify, statuses):
        account.champion()
        reported(account, *statuses)
        late = self.repaired(SignalKind.DATA_DRIFT, acted_at=NOW - timedelta(hours=96))
        assert verify(late)["next"] == "diagnose"

    def test_drift_that_is_watched_is_whole_where_quality_is(self, account, verify):
        account.champion()
        for ago in range(3):
            both = (signal(), signal(SignalKind.PERFORMANCE, Status.OK))
            ReportStore(account.objects, NAME).save(report(ago, *both), {})
        watched = self.repaired(SignalKind.DATA_DRIFT, deployment=None).with_(tried=(Remedy.WATCH,))
        assert verify(watched)["next"] == "record"
        reported(account, Status.NO_DATA, kind=SignalKind.PERFORMANCE)
        assert verify(watched)["next"] == "wait"

    @pytest.mark.parametrize(("score", "label", "next_"), [(0.9, 1, "record"), (0.9, 0, "wait")])
    def test_a_challenger_is_judged_by_its_own_answers(self, account, verify, score, label, next_):
        assert verify(self.answered(account, NOW - timedelta(hours=5), score, label))["next"] == next_

    def test_answers_of_the_last_hour_alone_are_not_clear_window_after_window(self, account, verify):
        assert verify(self.answered(account, NOW - timedelta(hours=1), 0.9, 1))["next"] == "wait"

    def answered(self, account, start, score, label):
        """A challenger that was asked a hundred times; returns its incident."""
        candidate = account.champion()
        reported(account, Status.OK, Status.OK)
        store = TrafficStore(account.objects, NAME, VARIANT)
        answers = predictions([score] * 100, at=start)
        stored = Stored(hour=hour(baseline(), start, [0.0], ["a"], answers=answers), sources="any")
        store.save_hour(candidate, stored)
        lines = "\n".join(outcome_line(key, label) for key in answers.keys)
        account.objects.write(f"ground-truth/{NAME}/{start:%Y/%m/%d/%H}/a.jsonl", lines)
        acted = start - timedelta(hours=1)
        healed = self.repaired(SignalKind.PERFORMANCE, acted_at=acted, candidate=candidate)
        return healed.with_(tried=(Remedy.RETRAIN,))


class TestGoldenSet:
    """What the endpoint answers to the golden set of the package that serves."""

    GOLDEN = GoldenSet(rows=("1.5,a", "2.5,b"), answers=(0.25, 0.75))
    KEY = "pipeline/abc/evaluate/evaluation/golden.json"

    @pytest.fixture
    def verify(self, account, function, step):
        def go(text=None, error=None, written=None):
            recorded = json.dumps(self.GOLDEN.to_json())
            digest = hashlib.sha256(recorded.encode()).hexdigest()
            account.objects.write(self.KEY, recorded if written is None else written)
            package = account.champion(golden_set=f"s3://{BUCKET}/{self.KEY}", golden_set_sha256=digest)
            reported(account, Status.OK, Status.OK)
            said = (text or answer(0.25, 0.75)).replace(CHAMPION, package)
            body = {"Body": io.BytesIO(said.encode()), "ContentType": "application/json"}
            account.calls.answers["InvokeEndpoint"] = error or body
            healed = incident(tried=(Remedy.ROLLBACK,)).with_(
                acted_at=NOW - timedelta(hours=1), deployment={"config": "flights-first"}
            )
            result = function("verify.verify")(step({"incident": healed.to_json()}))
            return result, " ".join(next(account.table.entries()).body["reasons"])

        return go

    def test_it_is_asked_as_an_application_asks_and_told_apart_from_one(self, account, verify):
        result, reasons = verify()
        assert result["next"] == "record"
        assert "the golden set (2 rows) is answered as recorded" in reasons
        (asked,) = account.calls.of("InvokeEndpoint")
        assert asked["Body"] == b"1.5,a\n2.5,b"
        assert asked["EndpointName"] == NAME
        assert asked["InferenceId"].startswith(GOLDEN_REQUEST)
        assert len(asked["InferenceId"]) <= 64

    def test_another_answer_is_no_recovery(self, account, verify):
        result, reasons = verify(answer(0.25, 0.5))
        assert result["next"] == "diagnose"
        assert "'2.5,b' 0.5 where 0.75 was recorded" in reasons

    @pytest.mark.parametrize("code", ["ModelError", "ServiceUnavailable", "ThrottlingException"])
    def test_no_answer_is_no_proof_and_no_failure(self, account, verify, code):
        result, reasons = verify(
            error=ClientError({"Error": {"Code": code, "Message": "no"}}, "InvokeEndpoint")
        )
        assert result["next"] == "wait"
        assert "did not answer its golden set" in reasons

    def test_nor_is_one_that_does_not_come_in_time(self, account, verify):
        result, reasons = verify(error=ReadTimeoutError(endpoint_url="https://runtime"))
        assert result["next"] == "wait"
        assert "in time" in reasons

    def test_a_right_that_is_missing_is_an_error(self, account, verify):
        denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "InvokeEndpoint")
        with pytest.raises(ClientError):
            verify(error=denied)

    @pytest.mark.parametrize("written", ["{}", '{"rows": ["1.5,a"], "answers": [0.25]}'])
    def test_a_set_that_is_not_the_registered_one_proves_nothing(self, account, verify, written):
        result, reasons = verify(written=written)
        assert result["next"] == "wait"
        assert "is not what was registered as the golden set" in reasons
        assert account.calls.of("InvokeEndpoint") == []

    def test_an_older_package_is_judged_without_and_that_is_said(self, account, function, step):
        package = account.champion()
        reported(account, Status.OK, Status.OK)
        healed = incident(tried=(Remedy.ROLLBACK,)).with_(acted_at=NOW - timedelta(hours=1))
        assert function("verify.verify")(step({"incident": healed.to_json()}))["next"] == "record"
        reasons = next(account.table.entries()).body["reasons"]
        assert f"{package} carries no golden set: judged without" in reasons


class TestVerifyFeed:
    """After a quarantine the feed is what is looked at, and its hours are released with the proof."""

    HOUR = timedelta(hours=1)

    @pytest.fixture
    def verify(self, account, function, step):
        account.champion()
        handler = function("verify.verify")
        return lambda at=NOW: handler(step({"incident": self.incident().to_json()}, at=at))

    @pytest.fixture
    def hours(self, account):
        return QuarantinedHours(account.objects)

    def incident(self):
        acted = NOW - 12 * self.HOUR
        return incident(SignalKind.DATA_QUALITY, tried=(Remedy.QUARANTINE,), acted_at=acted)

    def quarantined(self, hours, until=None):
        interval = Interval(since=NOW - 14 * self.HOUR, until=until)
        known = Quarantine(
            incident=self.incident().id, interval=interval, broken=(quality(),), at=NOW - 12 * self.HOUR
        )
        hours.write(known)
        return known

    def reports(self, account, *statuses):
        for ago, status in enumerate(statuses):
            ReportStore(account.objects, NAME).save(report(ago, quality(status)), {})

    def test_three_clear_reports_in_a_row_resolve_it_and_release_the_hours_since(
        self, account, verify, hours
    ):
        self.quarantined(hours)
        self.reports(account, Status.OK, Status.OK, Status.OK, Status.BREACH)
        result = verify()
        assert result["next"] == "record"
        assert result["incident"]["mitigated_at"] == result["incident"]["verified_at"] == NOW.isoformat()
        ended = hours.of(self.incident().id)
        assert ended.interval == Interval(since=NOW - 14 * self.HOUR, until=NOW - 3 * self.HOUR)
        assert ended.released.by == "verify"
        assert kinds(account) == [EntryKind.VERIFIED, EntryKind.HOURS_RELEASED]
        assert list(account.table.entries())[-1].body == ended.release_to_json()
        assert "stay out of training" in result["incident"]["notes"][-1]

    @pytest.mark.parametrize(
        "statuses",
        [
            (Status.OK, Status.OK, Status.BREACH),
            (Status.OK, Status.OK, Status.NO_DATA),
            (Status.OK, Status.OK, Status.WARN),
            (Status.BREACH, Status.OK, Status.OK, Status.OK),
            (),
        ],
    )
    def test_until_then_it_is_looked_at_once_an_hour_and_no_hour_is_released(
        self, account, verify, hours, statuses
    ):
        known = self.quarantined(hours)
        self.reports(account, *statuses)
        result = verify()
        assert (result["next"], result["wait_seconds"]) == ("wait", 3600)
        assert hours.of(known.incident) == known
        assert kinds(account) == [EntryKind.VERIFIED]

    def test_a_feed_that_is_never_mended_goes_back_to_diagnosis_and_its_hours_stay_out(
        self, account, verify, hours
    ):
        known = self.quarantined(hours)
        self.reports(account, Status.BREACH)
        assert verify(NOW + 90 * self.HOUR)["next"] == "diagnose"
        assert hours.of(known.incident) == known
        assert kinds(account) == [EntryKind.VERIFIED, EntryKind.OUTCOME]
        assert actions(account.table.entries()) == []

    def test_what_a_person_released_stays_as_the_person_said(self, account, verify, hours):
        known = self.quarantined(hours, until=NOW - 10 * self.HOUR)
        self.reports(account, Status.OK, Status.OK, Status.OK)
        assert verify()["next"] == "record"
        assert hours.of(known.incident) == known
        assert kinds(account) == [EntryKind.VERIFIED]

    def test_verifying_twice_releases_once(self, account, verify, hours):
        self.quarantined(hours)
        self.reports(account, Status.OK, Status.OK, Status.OK)
        verify()
        ended = hours.of(self.incident().id)
        assert verify()["next"] == "record"
        assert hours.of(self.incident().id) == ended
        assert kinds(account).count(EntryKind.HOURS_RELEASED) == 1


class TestRecord:
    @pytest.fixture
    def notices(self, account):
        topic, read = account.topic()
        self.topic = topic
        return read

    @pytest.fixture
    def record(self, function, step, notices):
        handler = function("record.record", topic=self.topic)
        return lambda state: handler(step(state))

    def test_what_is_proven_is_resolved_and_the_lease_given_back(self, account, record, notices):
        healed = incident(verified_at=NOW, cause=Cause.BAD_RELEASE, tried=(Remedy.ROLLBACK,))
        account.table.take_up("flights-errors@x", "other", NOW)
        account.table.attach("flights-errors@x", healed.id)
        result = record({"incident": healed.to_json()})
        assert result["incident"]["outcome"] == "resolved"
        assert account.table.open_incident() is None
        assert not account.table.knows("flights-errors@x")
        (notice,) = notices()
        assert notice["Subject"] == "[selfheal] flights: resolved, bad release"

    def superseded(self, account, **more):
        """An incident whose workflow lost the lease to another, which heals the same incident."""
        lost = incident(fencing_token=1, tried=(Remedy.ROLLBACK,), **more)
        account.hold(lost.to_json(), token=7)
        return lost.to_json()

    @pytest.mark.parametrize(
        "error", [None, {"Error": "LeaseLost", "Cause": "not open with fencing token 1"}]
    )
    def test_a_workflow_that_lost_the_lease_closes_nothing_and_says_so(self, account, record, notices, error):
        assert record({"incident": self.superseded(account), "error": error})["incident"] is None
        assert account.table.lease().token == 7
        (entry,) = account.table.entries()
        assert (entry.kind, entry.incident) == (EntryKind.REFUSED, "execution-1")
        assert "not open with fencing token 1" in entry.body["reason"]
        assert "refused" in notices()[0]["Subject"]

    def test_a_record_that_is_asked_again_after_its_end_tells_the_same_end(self, account, record, notices):
        healed = account.hold(incident(verified_at=NOW, tried=(Remedy.ROLLBACK,)).to_json())
        first = record({"incident": healed})
        assert record({"incident": healed}) == first
        assert kinds(account) == [EntryKind.CLOSED]
        assert len({notice["Subject"] for notice in notices()}) == 1

    def test_what_labels_never_proved_is_mitigated_and_the_notice_says_who_must_look(self, record, notices):
        unproven = "quality since the remedy is not proven within 96 h: too few labels"
        result = record({"incident": incident(unproven=unproven, tried=(Remedy.RETRAIN,)).to_json()})
        assert result["incident"]["outcome"] == "mitigated"
        (notice,) = notices()
        assert "mitigated, unverified" in notice["Subject"]
        assert unproven in notice["Message"]
        assert "whoever owns the labels" in notice["Message"]
        assert "It needs nothing from you" not in notice["Message"]

    def test_what_stopped_is_escalated_though_it_was_mitigated(self, record):
        state = {"incident": incident(unproven="quality").to_json(), "error": {"Error": "States.Timeout"}}
        assert record(state)["incident"]["outcome"] == "escalated"

    def test_what_is_not_proven_is_escalated(self, record, notices):
        assert record({"incident": incident().to_json()})["incident"]["outcome"] == "escalated"
        assert "It needs you" in notices()[0]["Message"]

    def test_a_workflow_that_stopped_is_escalated_however_proven(self, account, record):
        cause = json.dumps({"errorMessage": "the digest does not match", "errorType": "Refused"})
        state = {
            "incident": incident(verified_at=NOW).to_json(),
            "error": {"Error": "Refused", "Cause": cause},
        }
        result = record(state)["incident"]
        assert result["outcome"] == "escalated"
        assert result["notes"] == ["the workflow stopped: Refused: the digest does not match"]
        assert kinds(account) == [EntryKind.CLOSED]

    @pytest.mark.parametrize("remedy", [Remedy.ROLLBACK, Remedy.RETRAIN, Remedy.QUARANTINE])
    def test_a_remedy_that_raised_has_failed(self, account, record, remedy):
        error = {"Error": "Refused", "Cause": "the digest does not match"}
        record({"incident": incident(tried=(Remedy.WATCH, remedy)).to_json(), "error": error})
        assert kinds(account) == [EntryKind.OUTCOME, EntryKind.CLOSED]
        assert next(account.table.entries()).body == {
            "remedy": remedy.value,
            "succeeded": False,
            "reason": "Refused: the digest does not match",
        }

    @pytest.mark.parametrize("tried", [(), (Remedy.ROLLBACK, Remedy.WATCH), (Remedy.ESCALATE,)])
    def test_where_the_last_remedy_changes_nothing_none_has_failed(self, account, record, tried):
        record({"incident": incident(tried=tried).to_json(), "error": {"Error": "Refused"}})
        assert kinds(account) == [EntryKind.CLOSED]

    def test_a_remedy_that_people_stopped_has_not_failed(self, account, record):
        error = {"Error": "Stopped", "Cause": "the kill switch is on"}
        result = record({"incident": incident(tried=(Remedy.ROLLBACK,)).to_json(), "error": error})
        assert result["incident"]["outcome"] == "escalated"
        assert kinds(account) == [EntryKind.CLOSED]

    def test_a_remedy_without_an_error_has_not_failed(self, account, record):
        record({"incident": incident(tried=(Remedy.ROLLBACK,)).to_json()})
        assert kinds(account) == [EntryKind.CLOSED]

    def test_a_refused_change_is_forgotten_so_that_the_sweep_finds_it_again(self, account, record):
        account.table.take_up("flights-latency@x", "execution-1", NOW)
        account.table.take_up("flights-errors@x", "execution-2", NOW)
        record({"error": {"Error": "Refused"}})
        assert not account.table.knows("flights-latency@x")
        assert account.table.knows("flights-errors@x")

    def test_a_change_that_led_to_an_incident_is_remembered(self, account, record):
        account.table.take_up("flights-latency@x", "execution-1", NOW)
        record({"incident": incident(tried=(Remedy.ROLLBACK,)).to_json(), "error": {"Error": "Refused"}})
        assert account.table.knows("flights-latency@x")

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            ({"Error": "Refused", "Cause": "plain text"}, "Refused: plain text"),
            ({"Error": "States.Timeout"}, "States.Timeout: "),
            ({"Error": "E", "Cause": "[1]"}, "E: [1]"),
            ("just text", "Error: just text"),
        ],
    )
    def test_a_refusal_without_an_incident_is_recorded(self, account, record, notices, error, reason):
        assert record({"error": error, "package": "arn:2"})["next"] == "end"
        (entry,) = account.table.entries()
        assert (entry.kind, entry.body["reason"], entry.body["package"]) == (
            EntryKind.REFUSED,
            reason,
            "arn:2",
        )
        assert "Nothing was changed" in notices()[0]["Message"]

    def test_nothing_to_record_records_nothing(self, account, record, notices):
        account.table.take_up("flights-latency@x", "execution-1", NOW)
        assert record({}) == {"next": "end", "incident": None}
        assert account.table.knows("flights-latency@x")
        assert kinds(account) == []
        assert notices() == []
