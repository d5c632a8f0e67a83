"""Is the service whole again? Looks at what serves and answers, at the alarms, and at observe's reports and quality
since the remedy."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

from lambdas.runtime import Step, answer, ledger_table, logger, read_environment
from lambdas.verify.verify.readings import Readings, VerifyEnvironment
from selfheal.record.incident import Incident
from selfheal.record.ledger import EntryKind
from selfheal.remediate.playbook import Remedy
from selfheal.remediate.quarantine import Quarantine
from selfheal.verdict import Verdict
from selfheal.verify.recovery import Recovery, judge_recovery

NEXT = {
    Verdict.PASS: "record",
    Verdict.INCONCLUSIVE: "wait",
    # What failed may have another cause than the one that was remedied: look again.
    Verdict.FAIL: "diagnose",
    Verdict.ERROR: "diagnose",
}


class Verifier:
    """Verifies recoveries of one endpoint."""

    def __init__(self, environment: VerifyEnvironment) -> None:
        self._readings = Readings(environment)
        self._policy = self._readings.policy
        self._table = ledger_table(environment)

    def verify(self, step: Step) -> dict[str, Any]:
        incident = step.incident
        quarantine = (
            self._readings.quarantined.of(incident.id) if Remedy.QUARANTINE in incident.tried else None
        )
        recovery = self._readings.take(step, incident, quarantine)
        judgement = judge_recovery(recovery, self._policy, step.at)
        finding = judgement.finding
        unproven = [judgement.unproven] if judgement.unproven else []
        body = {"verdict": finding.verdict.value, "reasons": [*finding.reasons, *unproven]}
        self._table.append_fenced(at=step.at, incident=incident, kind=EntryKind.VERIFIED, body=body)
        logger.info("verified", extra=body)
        if unproven:
            return answer("record", incident.with_(unproven=judgement.unproven))
        if finding.verdict is Verdict.PASS:
            incident = incident.with_(verified_at=step.at, mitigated_at=incident.mitigated_at or step.at)
            if quarantine and recovery.feed and recovery.feed.sound_since:
                incident = self._release_hours(step, incident, quarantine, recovery.feed.sound_since)
        elif finding.verdict is not Verdict.INCONCLUSIVE:
            self._failed(step, incident, finding.reasons)
        return answer(NEXT[finding.verdict], incident, wait_seconds=self._minutes(recovery) * 60)

    def _minutes(self, recovery: Recovery) -> int:
        """Until the next look. A feed is looked at by reports, which come once an hour."""
        if recovery.feed:
            return self._policy.check_minutes
        return min(self._policy.check_minutes, self._policy.clear_minutes)

    def _release_hours(
        self, step: Step, incident: Incident, quarantine: Quarantine, sound_since: datetime
    ) -> Incident:
        """End the quarantine with the first of the sound hours, unless a person ended it before.

        It says how something ended that was begun already, as settling does: mode and kill switch do not hold it.
        """
        if quarantine.interval.until is not None:
            return incident
        reason = f"the feed is healthy since {sound_since:%Y-%m-%d %H:%M} UTC"
        ended = quarantine.ending(sound_since, by="verify", reason=reason, at=step.at)
        self._table.append_fenced(
            at=step.at, incident=incident, kind=EntryKind.HOURS_RELEASED, body=ended.release_to_json()
        )
        self._readings.quarantined.write(ended)
        return incident.noting(f"{reason}; hours {ended.interval} stay out of training")

    def _failed(self, step: Step, incident: Incident, reasons: tuple[str, ...]) -> None:
        """A remedy that did not heal has failed, even where its deployment succeeded."""
        body = {"remedy": incident.tried[-1].value, "succeeded": False, "reason": "; ".join(reasons)}
        self._table.append(at=step.at, incident=incident.id, kind=EntryKind.OUTCOME, body=body)


@functools.cache
def verifier() -> Verifier:
    return Verifier(read_environment(VerifyEnvironment))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point: a task of the incident workflow."""
    return verifier().verify(Step.of(event))
