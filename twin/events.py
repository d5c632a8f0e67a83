"""EventBridge: service events, PutEvents and schedules, matched to rules and delivered to targets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from uuid import uuid4

from moto.events.models import EventsBackend, Rule, events_backends

from twin.asynchronous import AsyncInvocations
from twin.clock import iso_z
from twin.event_patterns import check_pattern, matches
from twin.event_targets import FailedDelivery, Targets, check_target
from twin.interfaces import ACCOUNT_ID, REGION, Clock, TwinError
from twin.patching import Patches
from twin.schedules import Schedules

Event = dict[str, Any]
# No tick of a sane account has more; an event that causes itself has.
_MOST_PER_DELIVERY = 10_000


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """How often and when one event reaches its rules; the default is what everyone hopes for.

    One entry of `delays`, in virtual time, for each time that it arrives: none loses it, two bring it
    twice. `overtaken_by` is how many of the events queued behind it pass an undelayed one.
    """

    delays: tuple[timedelta, ...] = (timedelta(0),)
    overtaken_by: int = 0


ONCE = Delivery()
TWICE = Delivery(delays=(timedelta(0), timedelta(0)))
NEVER = Delivery(delays=())


@dataclass(frozen=True, kw_only=True)
class _Queued:
    event: Event
    bus: str = "default"
    only: str | None = None  # a schedule's rule; other rules do not see its events
    decided: bool = False  # `faults` has been asked
    first: bool = True  # of the copies that arrive


class EventBus:
    """Implements `interfaces.Bus`; events wait in a queue until `deliver`.

    `faults` decides about each event's delivery; the events of schedules are among them.
    """

    def __init__(
        self,
        clock: Clock,
        invocations: AsyncInvocations,
        faults: Callable[[Event], Delivery] = lambda event: ONCE,  # noqa: ARG005
    ) -> None:
        self.faults = faults
        self.lost: list[Event] = []
        self._clock = clock
        self._targets = Targets(invocations)
        self._schedules = Schedules(clock, self._fire)
        self._queue: list[_Queued] = []
        self._lock = threading.Lock()  # the threads of Step Functions emit, too
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def pending(self) -> int:
        """Events that wait for `deliver`, without those that a fault holds back."""
        return len(self._queue)

    @property
    def failed(self) -> list[FailedDelivery]:
        """What could not be delivered to a target, oldest first."""
        return self._targets.failed

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` once for each event, when it is first delivered."""
        self._listeners.append(listener)

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Iterable[str] = ()
    ) -> None:
        # Through JSON at once: the event is what was true now, whatever becomes of the caller's dict.
        event = self._envelope(source, detail_type, json.loads(json.dumps(detail)), list(resources))
        self._enqueue(_Queued(event=event))

    def deliver(self) -> int:
        """Deliver until the queue is empty, with what the deliveries emit; returns how many there were."""
        count = 0
        while (queued := self._take()) is not None:
            count += 1
            if count > _MOST_PER_DELIVERY:
                source = queued.event["source"]
                raise TwinError(
                    f"over {count - 1} events in one tick: do those of {source} cause themselves?"
                )
            if queued.decided:
                self._dispatch(queued)
            else:
                self._decide(queued)
        return count

    def attach(self, patches: Patches) -> None:
        """Take delivery and schedules over from moto."""
        bus = self

        def put_events(backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            answers: list[dict[str, Any]] = put(backend, events)
            for entry, answer in zip(events, answers, strict=True):
                if "EventId" in answer:
                    bus._accept(entry, answer["EventId"])
            return answers

        def send_to_targets(rule: Rule, original_event: Any, transform_input: bool = True) -> None:
            # moto's put_events calls this for each rule; the bus delivers instead. Only a replay of
            # an archive does not transform.
            del original_event
            if not transform_input:
                raise TwinError(f"rule {rule.name}: replays of archives are not in the twin")

        put = patches.replace(EventsBackend, "put_events", put_events)
        patches.replace(Rule, "send_to_targets", send_to_targets)
        _check_what_is_put(patches)
        self._schedules.attach(patches)

    def _envelope(self, source: str, detail_type: str, detail: Any, resources: list[str]) -> Event:
        return {
            "version": "0",
            "id": str(uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT_ID,
            "time": iso_z(self._clock.now),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        }

    def _accept(self, entry: Mapping[str, Any], event_id: str) -> None:
        """Queue an entry of PutEvents that moto found valid."""
        resources = list(entry.get("Resources") or [])
        event = self._envelope(entry["Source"], entry["DetailType"], json.loads(entry["Detail"]), resources)
        event["id"] = event_id
        if (time := entry.get("Time")) is not None:
            event["time"] = iso_z(_parsed(time))
        bus = (entry.get("EventBusName") or "default").rsplit("/", 1)[-1]
        self._enqueue(_Queued(event=event, bus=bus))

    def _fire(self, name: str) -> None:
        rule = _rules("default")[name]
        event = self._envelope("aws.events", "Scheduled Event", {}, [rule.arn])
        self._enqueue(_Queued(event=event, only=name))

    def _enqueue(self, queued: _Queued, behind: int | None = None) -> None:
        with self._lock:
            self._queue.insert(len(self._queue) if behind is None else behind, queued)

    def _take(self) -> _Queued | None:
        with self._lock:
            return self._queue.pop(0) if self._queue else None

    def _decide(self, queued: _Queued) -> None:
        delivery = self.faults(queued.event)
        if not delivery.delays:
            self.lost.append(queued.event)
        for number, delay in enumerate(sorted(delivery.delays)):
            copy = replace(queued, decided=True, first=number == 0)
            if delay:
                what = f"late event of {queued.event['source']}"
                self._clock.at(self._clock.now + delay, partial(self._enqueue, copy), what)
            elif delivery.overtaken_by:
                self._enqueue(copy, behind=delivery.overtaken_by)
            else:
                self._dispatch(copy)

    def _dispatch(self, queued: _Queued) -> None:
        for listener in self._listeners if queued.first else ():
            listener(queued.event)
        for rule in list(_rules(queued.bus).values()):
            if rule.state == "ENABLED" and _concerns(queued, rule):
                for target in list(rule.targets):
                    self._targets.deliver(target, rule, queued.event)


def _check_what_is_put(patches: Patches) -> None:
    """Refuse rules and targets that could not be served, before moto stores them."""

    def put_rule(backend: Any, name: str, **definition: Any) -> Rule:
        if pattern := definition.get("event_pattern"):
            check_pattern(name, pattern)
        if (state := definition.get("state") or "ENABLED") not in ("ENABLED", "DISABLED"):
            raise TwinError(f"rule {name}: state {state} is not in the twin")
        rule: Rule = put_the_rule(backend, name, **definition)
        return rule

    def put_targets(
        backend: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
    ) -> None:
        for target in targets:
            check_target(name, target)
        put_the_targets(backend, name, event_bus_arn, targets)

    put_the_rule = patches.replace(EventsBackend, "put_rule", put_rule)
    put_the_targets = patches.replace(EventsBackend, "put_targets", put_targets)


def _rules(bus: str) -> dict[str, Rule]:
    return events_backends[ACCOUNT_ID][REGION].event_buses[bus].rules


def _concerns(queued: _Queued, rule: Rule) -> bool:
    if queued.only is not None:
        return rule.name == queued.only
    # A rule that has nothing but a schedule reacts to no event.
    return rule.event_pattern.dump() is not None and matches(rule.name, rule.event_pattern, queued.event)


def _parsed(time: Any) -> datetime:
    """PutEvents' Time, which moto hands over as the protocol had it: seconds or a datetime."""
    if isinstance(time, datetime):
        return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return datetime.fromtimestamp(float(time), timezone.utc)
