"""CloudWatch's alarms: moto stores them, this module evaluates them on the virtual clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult
from moto.sns.models import sns_backends

from twin.alarm_notices import aws_time, lambda_notice, sns_notice, state_change
from twin.alarm_rules import COMPARISON_WORDS, EXTRA_PERIODS, INSUFFICIENT_DATA, comparison, judge, treatment
from twin.alarm_sources import Source, source_of
from twin.interfaces import ACCOUNT_ID, REGION, Bus, TwinError
from twin.metrics import MetricStore
from twin.patching import Patches

SendToFunction = Callable[[str, bytes], None]


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One change of one alarm's state; `at` is the minute whose evaluation changed it."""

    alarm: str
    before: str
    after: str
    at: datetime
    reason: str


class _Watch:
    """What evaluating one alarm needs, read once from its definition."""

    __slots__ = ("alarm", "breaches", "next_end", "source", "span", "treat_missing")

    def __init__(self, alarm: Alarm, source: Source, treat_missing: str, now: datetime) -> None:
        self.alarm = alarm
        self.source = source
        self.treat_missing = treat_missing
        self.breaches = comparison(alarm.comparison_operator)
        self.span = alarm.evaluation_periods + EXTRA_PERIODS
        period = source.period_seconds
        self.next_end = int(now.timestamp()) // period * period + period

    def judged(self, end: datetime) -> tuple[str | None, list[tuple[datetime, float]]]:
        """The state due at `end`, or None to keep the present one, and the data that said so."""
        alarm, period = self.alarm, timedelta(seconds=self.source.period_seconds)
        start = end - self.span * period
        points = self.source.points(start, end)
        periods = [start + slot * period for slot in range(self.span)]
        breaching = [
            self.breaches(points[when], alarm.threshold) if when in points else None for when in periods
        ]
        state = judge(
            breaching,
            evaluation_periods=alarm.evaluation_periods,
            datapoints_to_alarm=alarm.datapoints_to_alarm or alarm.evaluation_periods,
            treat_missing=self.treat_missing,
        )
        return state, [(when, points[when]) for when in periods if when in points]


class Alarms:
    """Implements `interfaces.Alarms`.

    `send_to_function(arn, payload)` invokes an alarm's Lambda action asynchronously. Action types
    other than SNS topics and Lambda functions are refused when the alarm is put.
    """

    def __init__(self, metrics: MetricStore, bus: Bus, send_to_function: SendToFunction) -> None:
        self._metrics = metrics
        self._bus = bus
        self._send_to_function = send_to_function
        self._watches: dict[str, _Watch] = {}
        self._listeners: list[Callable[[Transition], None]] = []

    def listen(self, listener: Callable[[Transition], None]) -> None:
        """Call `listener` at every change of an alarm's state."""
        self._listeners.append(listener)

    def states(self, names: Sequence[str]) -> dict[str, str]:
        alarms = _backend().alarms
        if missing := [name for name in names if name not in alarms]:
            raise TwinError(f"no such CloudWatch alarm: {', '.join(missing)}")
        return {name: alarms[name].state_value for name in names}

    def evaluate(self, now: datetime) -> None:
        """Evaluate every alarm at each end of a period since the last call, up to and with `now`.

        Periods are judged in order of time across alarms, each once it has closed; a change carries
        the time of the period's end, however late the call. Costs microseconds where none has closed.
        """
        limit = int(now.timestamp())
        alarms = _backend().alarms
        due: list[tuple[int, str]] = []
        for name, alarm in alarms.items():
            watch = self._watch(name, alarm)
            while watch.next_end <= limit:
                due.append((watch.next_end, name))
                watch.next_end += watch.source.period_seconds
        for end, name in sorted(due):
            # An action of an earlier alarm may have deleted or redefined this one.
            if (watch := self._watches[name]).alarm is alarms.get(name):
                self._evaluate_one(watch, datetime.fromtimestamp(end, timezone.utc))
        if len(self._watches) > len(alarms):
            self._watches = {name: watch for name, watch in self._watches.items() if name in alarms}

    def attach(self, patches: Patches) -> None:
        """Check alarms where they are put, and make SetAlarmState announce what it does."""
        alarms = self

        def put_metric_alarm(backend: Any, name: str, **definition: Any) -> Alarm:
            if definition.get("rule") is not None:
                raise TwinError(f"composite alarm {name}: the twin only evaluates metric alarms")
            before = backend.alarms.get(name)
            alarm: Alarm = put(backend, name, **definition)
            try:
                alarms._accept(alarm, before)
            except TwinError:
                if before is None:
                    del backend.alarms[name]
                else:
                    backend.alarms[name] = before
                raise
            return alarm

        def set_alarm_state(
            backend: Any, alarm_name: str, reason: str, reason_data: str, state_value: str
        ) -> None:
            alarm = backend.alarms.get(alarm_name)
            previous = _state(alarm) if alarm is not None else {}
            set_state(backend, alarm_name, reason, reason_data, state_value)
            if alarm is not None and previous["value"] != state_value:
                alarms._announce(alarm, previous, datetime.now(timezone.utc))

        def describe_alarms(response: Any) -> ActionResult:
            answer: ActionResult = described(response)
            wanted = response._get_param("StateValue")
            if wanted is None:
                return answer
            # moto takes one filter; to AWS, a state narrows down whatever else was asked for.
            result: Any = answer.result
            return ActionResult(
                {kind: [a for a in found if a.state_value == wanted] for kind, found in result.items()}
            )

        def put_composite_alarm(response: Any) -> None:
            raise TwinError(f"composite alarm {response._get_param('AlarmName')}: the twin has none yet")

        put = patches.replace(CloudWatchBackend, "put_metric_alarm", put_metric_alarm)
        set_state = patches.replace(CloudWatchBackend, "set_alarm_state", set_alarm_state)
        described = patches.replace(CloudWatchResponse, "describe_alarms", describe_alarms)
        patches.add(CloudWatchResponse, "put_composite_alarm", put_composite_alarm)

    def _accept(self, alarm: Alarm, before: Alarm | None) -> None:
        self._watches[alarm.name] = self._new_watch(alarm)
        for action in (*alarm.alarm_actions, *alarm.ok_actions, *alarm.insufficient_data_actions):
            _action_service(action)
        if before is None:  # moto starts at OK
            alarm.state_value = INSUFFICIENT_DATA
        else:  # an update leaves the state as it was
            for attribute in ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp"):
                setattr(alarm, attribute, getattr(before, attribute))

    def _watch(self, name: str, alarm: Alarm) -> _Watch:
        watch = self._watches.get(name)
        if watch is None or watch.alarm is not alarm:
            watch = self._watches[name] = self._new_watch(alarm)
        return watch

    def _new_watch(self, alarm: Alarm) -> _Watch:
        treat_missing = treatment(alarm.treat_missing_data)
        return _Watch(alarm, source_of(alarm, self._metrics), treat_missing, datetime.now(timezone.utc))

    def _evaluate_one(self, watch: _Watch, end: datetime) -> None:
        state, points = watch.judged(end)
        alarm = watch.alarm
        if state is None or state == alarm.state_value:
            return
        previous = _state(alarm)
        reason, data = _explain(watch, state, points, end)
        alarm.update_state(reason, data, state)
        alarm.state_updated_timestamp = end.replace(tzinfo=None)  # moto's times are naive UTC
        self._announce(alarm, previous, end)

    def _announce(self, alarm: Alarm, previous: dict[str, str], at: datetime) -> None:
        state = _state(alarm)
        detail = state_change(alarm, state, previous)
        self._bus.emit("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm.alarm_arn])
        change = Transition(
            alarm=alarm.name, before=previous["value"], after=state["value"], at=at, reason=state["reason"]
        )
        for listener in self._listeners:
            listener(change)
        if alarm.actions_enabled:
            for action in _actions(alarm):
                self._act(action, alarm, detail, previous)

    def _act(self, action: str, alarm: Alarm, detail: dict[str, Any], previous: dict[str, str]) -> None:
        if _action_service(action) == "sns":
            subject = f'{alarm.state_value}: "{alarm.name}" in US East (N. Virginia)'
            notice = json.dumps(sns_notice(alarm, previous))
            sns_backends[ACCOUNT_ID][REGION].publish(message=notice, arn=action, subject=subject[:100])
        else:
            self._send_to_function(action, json.dumps(lambda_notice(alarm, detail)).encode())


def _backend() -> Any:
    return cloudwatch_backends[ACCOUNT_ID][REGION]


def _actions(alarm: Alarm) -> list[str]:
    by_state: dict[str, list[str]] = {"ALARM": alarm.alarm_actions, "OK": alarm.ok_actions}
    return by_state.get(alarm.state_value, alarm.insufficient_data_actions)


def _action_service(arn: str) -> str:
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service not in ("sns", "lambda"):
        raise TwinError(f"alarm action {arn}: the twin publishes to SNS topics and invokes Lambda functions")
    return service


def _state(alarm: Alarm) -> dict[str, str]:
    return {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "reasonData": alarm.state_reason_data or "{}",
        "timestamp": aws_time(alarm.state_updated_timestamp),
    }


def _explain(
    watch: _Watch, state: str, points: list[tuple[datetime, float]], end: datetime
) -> tuple[str, str]:
    """StateReason and StateReasonData, worded as CloudWatch words them."""
    alarm = watch.alarm
    recent = points[-alarm.evaluation_periods :]
    over = sum(watch.breaches(value, alarm.threshold) for _, value in recent)
    if not recent:
        reason = f"{alarm.evaluation_periods} datapoints were unknown."
        if state != INSUFFICIENT_DATA:
            reason = (
                f"no datapoints were received for {watch.span} periods, treated as [{watch.treat_missing}]."
            )
    else:
        shown = ", ".join(f"{value} ({when:%d/%m/%y %H:%M:%S})" for when, value in recent)
        count = over if state == "ALARM" else len(recent) - over
        words = COMPARISON_WORDS[alarm.comparison_operator]
        not_ = "" if state == "ALARM" else "not "
        reason = (
            f"{count} out of the last {alarm.evaluation_periods} datapoints [{shown}] "
            f"{'was' if count == 1 else 'were'} {not_}{words} the threshold ({alarm.threshold})."
        )
    data = {
        "version": "1.0",
        "queryDate": aws_time(end),
        "startDate": aws_time(end - watch.span * timedelta(seconds=watch.source.period_seconds)),
        "period": watch.source.period_seconds,
        "recentDatapoints": [value for _, value in recent],
        "threshold": alarm.threshold,
        "evaluatedDatapoints": [{"timestamp": aws_time(w), "value": v} for w, v in reversed(recent)],
    }
    if alarm.statistic or alarm.extended_statistic:
        data["statistic"] = alarm.statistic or alarm.extended_statistic
    prefix = "" if state == INSUFFICIENT_DATA else "Threshold Crossed: "
    return prefix + reason if prefix else f"Insufficient Data: {reason}", json.dumps(data)
