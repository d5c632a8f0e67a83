"""What must always hold, judged on what the account was really asked to do, never on what healing says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from machine.account import Account
from machine.invocations import Invocation
from selfheal.aws.champion import PACKAGE_VARIABLE
from selfheal.aws.controls import kill_switch
from selfheal.aws.registry import QUARANTINED_BY
from selfheal.diagnose.causes import Cause
from selfheal.record.ledger import Entry, EntryKind, broken_at
from selfheal.record.moments import APPROVAL
from selfheal.record.replay import replay
from selfheal.remediate.rails import Mode
from selfheal.verdict import Verdict

DAY = timedelta(days=1)


class Violated(AssertionError):
    """Something happened that must never happen; the message begins with the property's name."""


@dataclass(frozen=True)
class Change:
    """A change that healing made: when, by which function, for which incident."""

    at: datetime
    function: str
    incident: str | None
    operation: str
    subject: str


class Properties:
    """The properties of one world."""

    def __init__(
        self, account: Account, environment: Mapping[str, str], clock: Callable[[], datetime]
    ) -> None:
        self._account, self._clock = account, clock
        self._rails = json.loads(environment["SELFHEAL_RAILS"])
        self._maximum = int(environment["SELFHEAL_MAX_INSTANCE_COUNT"])
        self._mode = environment["SELFHEAL_MODE_PARAMETER"]
        self._switch = environment["SELFHEAL_KILL_SWITCH_PARAMETER"]
        self.changes: list[Change] = []
        # Packages that the guardrails sent back, and the config of the release that an incident's diagnosis blamed.
        self.sent_back: set[str] = set()
        self.blamed: dict[str, str] = {}

    # --- as it happens

    def begins(self, invocation: Invocation) -> None:
        state = invocation.event.get("input") if isinstance(invocation.event, dict) else None
        incident = (state or {}).get("incident") if isinstance(state, dict) else None
        invocation.known["incident"] = incident["id"] if isinstance(incident, dict) else None

    def watched(
        self,
        invocation: Invocation,
        service: str,
        operation: str,
        arguments: Mapping[str, Any],
        send: Callable[[], Any],
    ) -> Any:
        """Send a call, and look at it where it changes something."""
        pipelines = len(self._account.sagemaker.executions)
        entries = len(self._account.dynamodb.items.get("LEDGER", ()))
        answer = send()
        if service == "dynamodb":
            if len(self._account.dynamodb.items.get("LEDGER", ())) > entries:
                self._written(self.ledger()[-1])
            return answer
        # How many calls ago the controls were read; the ledger's, which come between, do not count.
        invocation.known["since"] = invocation.known.get("since", 0) + 1
        if operation == "DescribeEndpoint":
            invocation.known["served"] = answer["EndpointConfigName"]
        elif operation == "GetParameters" and self._switch in arguments["Names"]:
            invocation.known |= {"permitted": self._permitted(), "since": 0}
        elif operation == "UpdateEndpoint":
            self._deployed(invocation, arguments["EndpointConfigName"])
        elif operation == "UpdateEndpointWeightsAndCapacities":
            self._resized(invocation, arguments)
        elif operation == "StartPipelineExecution" and len(self._account.sagemaker.executions) > pipelines:
            self._trained(invocation, answer["PipelineExecutionArn"])
        return answer

    def _written(self, entry: Entry) -> None:
        """What a diagnosis blames must be a release that healing made."""
        if entry.kind is EntryKind.DIAGNOSED and entry.body["cause"] == Cause.BAD_RELEASE.value:
            releases = [change.subject for change in self.changes if change.function.endswith("-release")]
            blamed = entry.body["blamed_release"]
            self.require(blamed in releases, "a release is blamed", f"{blamed} is none of {releases}")
            self.blamed[entry.incident] = blamed

    def _permitted(self) -> bool:
        values = self._account.ssm.values
        on = kill_switch(values.get(self._switch, "missing"), self._clock())
        return values.get(self._mode) == Mode.ACT.value and on is None

    def _deployed(self, invocation: Invocation, config: str) -> None:
        package = self.package_of(config)
        running = [each for each in self._account.sagemaker.deployments if each.ended_at is None]
        self.require(len(running) == 1, "one deployment at a time", str(running))
        self._acts(invocation, "UpdateEndpoint", config)
        held = self._account.sagemaker.packages.get(package or "")
        if held is not None:
            fit = held["ModelApprovalStatus"] == "Approved"
            marked = QUARANTINED_BY in held["CustomerMetadataProperties"]
            self.require(
                fit and not marked,
                "only approved packages",
                f"{invocation.function} deploys {package}, which is {held['ModelApprovalStatus']}"
                f"{' and quarantined' if marked else ''}",
            )
        self.require(
            package not in self.sent_back,
            "never again what was sent back",
            f"{invocation.function} deploys {package}, which the guardrails sent back before",
        )
        if invocation.function.endswith("-rollback"):
            self._undone(invocation, config)
        if invocation.function.endswith(("-rollback", "-fall-back")):
            self._budget(("rollback", "fall-back"), "UpdateEndpoint", self._rails["rollbacks_per_day"], DAY)
        if invocation.function.endswith(("-release", "-replace", "-fall-back")):
            deployment = self._account.sagemaker.deployments[-1]
            self.require(deployment.guarded, "releases are guarded", f"{config} is released without alarms")
        if invocation.function.endswith("-replace"):
            before = self.package_of(self._account.sagemaker.deployments[-1].previous)
            self.require(
                package == before, "a replacement keeps the model", f"{package} replaces {before} in {config}"
            )

    def _undone(self, invocation: Invocation, config: str) -> None:
        """A rollback undoes the release that was diagnosed, and no other that came after it."""
        incident = invocation.known["incident"]
        blamed, served = self.blamed.get(incident), invocation.known["served"]
        self.require(
            blamed is not None and served in (blamed, config),
            "a rollback undoes what was diagnosed",
            f"the rollback of {incident} finds {served}, its diagnosis blames {blamed}",
        )
        package = self.package_of(config)
        self.require(
            package is None or package != self.package_of(blamed),
            "no rollback to the culprit",
            f"the rollback of {incident} brings {package} back, which its diagnosis blames",
        )

    def _resized(self, invocation: Invocation, arguments: Mapping[str, Any]) -> None:
        """Instances are only ever added, one step an incident, up to the maximum."""
        incident, (asked,) = invocation.known["incident"], arguments["DesiredWeightsAndCapacities"]
        name, wanted = arguments["EndpointName"], asked["DesiredInstanceCount"]
        (variant,) = self._account.sagemaker.endpoints[name]["ProductionVariants"]
        self._acts(invocation, "UpdateEndpointWeightsAndCapacities", f"{name} on {wanted}")
        before = variant["CurrentInstanceCount"]
        self.require(
            before < wanted <= self._maximum,
            "scaling adds instances up to the maximum",
            f"{invocation.function} asks for {wanted} where {before} are and {self._maximum} may be",
        )
        asked_for = {
            change.subject
            for change in self.changes
            if change.incident == incident and change.operation == "UpdateEndpointWeightsAndCapacities"
        }
        self.require(
            len(asked_for) == 1,
            "one step an incident",
            f"{incident} asked for {', '.join(sorted(asked_for))}",
        )

    def _approved(self, incident: str | None, remedy: str) -> None:
        """What waits for a person is begun on that person's word alone: no answer is none."""
        if remedy not in self._rails["approval"]["remedies"]:
            return
        said = [
            entry.kind
            for entry in self.ledger()
            if entry.incident == incident and entry.kind in APPROVAL and entry.body["remedy"] == remedy
        ]
        self.require(
            bool(said) and said[-1] is EntryKind.APPROVED,
            "nothing without the approval it needs",
            f"{incident} begins {remedy} after {', '.join(kind.value for kind in said) or 'nobody was asked'}",
        )

    def _trained(self, invocation: Invocation, arn: str) -> None:
        if invocation.function.endswith("-retrain"):
            self._approved(invocation.known["incident"], "retrain")
        self._acts(invocation, "StartPipelineExecution", arn)
        self._budget(("retrain",), "StartPipelineExecution", self._rails["retrains_per_day"], DAY)
        self._budget(("retrain",), "StartPipelineExecution", self._rails["retrains_per_30_days"], 30 * DAY)

    def _acts(self, invocation: Invocation, operation: str, subject: str) -> None:
        """A change of the account: permitted, intended on the record, and by the incident that holds the lease."""
        incident = invocation.known["incident"]
        self.changes.append(Change(self._clock(), invocation.function, incident, operation, subject))
        self.require(
            invocation.known.get("permitted") is True,
            "no change without permission",
            f"{invocation.function} calls {operation} where mode and kill switch did not let it",
        )
        self.require(
            self._permitted() or invocation.known["since"] == 1,
            "the kill switch stops at once",
            f"{invocation.function} calls {operation} after the switch was thrown: it read it "
            f"{invocation.known.get('since')} calls before",
        )
        ledger = incident or subject
        intended = any(e.incident == ledger and e.kind is EntryKind.INTENT for e in self.ledger())
        self.require(
            intended, "intent before action", f"{invocation.function} calls {operation} without an intent"
        )
        if incident is not None:
            lease = self._account.dynamodb.items.get("OPEN", {}).get("incident")
            holder = lease["incident"]["S"] if lease else None
            self.require(
                holder == incident,
                "only who holds the lease acts",
                f"{invocation.function} calls {operation} for {incident} while {holder} holds the lease",
            )

    def _budget(self, remedies: tuple[str, ...], operation: str, count: int, span: timedelta) -> None:
        now = self._clock()
        functions = tuple(f"-{remedy}" for remedy in remedies)
        spent = {
            change.incident
            for change in self.changes
            if change.operation == operation
            and change.function.endswith(functions)
            and now - change.at < span
        }
        self.require(
            len(spent) <= count,
            "no more than the budget",
            f"{len(spent)} incidents took {' or '.join(remedies)} within {span}, {count} may",
        )

    def require(self, holds: bool, name: str, story: str) -> None:
        if not holds:
            raise Violated(f"{name}: {story}")

    # --- at the end

    def at_the_end(self) -> None:
        """Once everything has come to rest: chain, replay, and an end to every incident."""
        entries = self.ledger()
        broken = broken_at(entries)
        self.require(broken is None, "the chain is whole", str(broken))
        for decision in replay(entries):
            self.require(
                decision.verdict is Verdict.PASS,
                "every decision replays",
                f"entry {decision.seq}: {decision.reason}",
            )
        self._ends(entries)
        items = self._account.dynamodb.items
        self.require(not items.get("OPEN"), "the lease is given back", str(items.get("OPEN")))
        self.require(not items.get("WAIT"), "nothing waits", str(items.get("WAIT")))
        self.require(not items.get("APPROVAL"), "nothing is asked any more", str(items.get("APPROVAL")))

    def _ends(self, entries: list[Entry]) -> None:
        opened = [e.incident for e in entries if e.kind is EntryKind.OPENED]
        ends = {e.incident for e in entries if e.kind in (EntryKind.CLOSED, EntryKind.ABANDONED)}
        told = "\n".join(self._account.sns.told)
        for incident in dict.fromkeys(opened):
            self.require(incident in ends, "every incident ends", f"{incident} was opened and never ended")
            self.require(incident in told, "people are told of every end", f"nobody was told of {incident}")

    def ledger(self) -> list[Entry]:
        held = self._account.dynamodb.items.get("LEDGER", {})
        return [Entry.from_json(json.loads(held[key]["entry"]["S"])) for key in sorted(held)]

    def package_of(self, config: str) -> str | None:
        sagemaker = self._account.sagemaker
        model = sagemaker.configs[config]["ProductionVariants"][0]["ModelName"]
        environment = sagemaker.models[model]["PrimaryContainer"].get("Environment", {})
        found: str | None = environment.get(PACKAGE_VARIABLE)
        return found
