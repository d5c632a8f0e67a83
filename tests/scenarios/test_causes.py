"""A scenario for each cause that a diagnosis can name, and for what must be left alone.

Each says what goes wrong, and how it must end: cause, remedies, outcome, and which model serves.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import account_faults as account
import pytest
import traffic_faults as traffic
from drawn import calm
from protocol import Told, attach
from scenario import DAY, HOUR, OPENING, Scenario
from test_stories import assert_the_ledger_tells_it_alone

from demo.chronicle import IncidentRecord
from demo.stage import Stage
from selfheal.diagnose.causes import Cause
from selfheal.record.episode import episodes
from selfheal.record.explanation import explain

MORNING = 9 * HOUR  # 14:00 UTC: New York's traffic is dense from here on
ESCALATED = {"remedies": ("escalate",), "outcome": "escalated"}


def a_server_dies_beside_other_alarms(stage: Stage) -> None:
    account.other_endpoints_in_alarm(stage)
    account.a_model_server_dies(stage)


SERVICE = (
    Scenario(
        name="a release that fails for some carriers",
        cause="bad-release",
        evidence="the guardrails rolled back",
        remedies=("rollback",),
        outcome="resolved",
        after=MORNING,
        strike=partial(account.release, hotfix="fare_table"),
        patience=DAY,
    ),
    Scenario(
        name="a release that turns slow after its bake",
        cause="bad-release",
        evidence="within probation of",
        remedies=("rollback",),
        outcome="resolved",
        after=MORNING,
        strike=partial(account.release, hotfix="audit_trail"),
        patience=DAY,
        density=1,
    ),
    Scenario(
        name="other endpoints go into alarm as well",
        cause="shared-cause",
        evidence="3 endpoints went into alarm",
        **ESCALATED,
        after=MORNING,
        strike=a_server_dies_beside_other_alarms,
        patience=DAY / 2,
    ),
    Scenario(
        name="a model server dies",
        cause="infrastructure",
        evidence="no release explains it",
        remedies=("replace",),
        outcome="resolved",
        after=MORNING,
        strike=account.a_model_server_dies,
        patience=DAY / 2,
    ),
    Scenario(
        name="the fix for a failing champion",
        cause="infrastructure",
        # Fresh instances of a model that cannot read the requests fail as the old ones did, and are sent back.
        remedies=("replace", "escalate"),
        outcome="escalated",
        replaced=True,
        after=MORNING,
        strike=account.the_feed_grows_wider,
        later=((HOUR, partial(account.release, hotfix="extra_column", folder=account.HOTFIXES)),),
        patience=6 * HOUR,
    ),
)
DATA = (
    Scenario(
        name="capture is switched off",
        cause="monitoring-blind",
        evidence="data capture is off",
        **ESCALATED,
        after=MORNING,
        strike=account.capture_is_switched_off,
        patience=2 * DAY,
        density=1,
    ),
    Scenario(
        name="outcomes stop while the inputs move",
        cause="monitoring-blind",
        evidence="labels stopped or are late",
        **ESCALATED,
        after=1.25 * DAY,
        traffic=lambda rows, since: traffic.outcomes_stop(
            traffic.long_hauls_only(rows, since + 2 * DAY), since
        ),
        patience=5 * DAY,
    ),
    Scenario(
        name="outcomes stop",
        cause="monitoring-blind",
        evidence="labels stopped or are late",
        **ESCALATED,
        after=1.5 * DAY,
        traffic=traffic.outcomes_stop,
        patience=4 * DAY,
    ),
    Scenario(
        name="a feed falls silent for half a day",
        cause="upstream-data",
        evidence="carrier",
        remedies=("quarantine",),
        outcome="resolved",
        after=MORNING,
        strike=account.the_feed_falls_silent,
        later=((DAY, account.the_feed_is_mended),),
        patience=4 * DAY,
    ),
    Scenario(
        name="a model server dies while a feed is silent",
        cause="infrastructure",
        # The incident ends once the feed is whole as well.
        remedies=("quarantine", "replace"),
        outcome="resolved",
        after=MORNING,
        strike=account.the_feed_falls_silent,
        later=((DAY, account.a_model_server_dies), (1.5 * DAY, account.the_feed_is_mended)),
        patience=6 * DAY,
    ),
)
MODEL = (
    Scenario(
        name="trainings fail one after another",
        cause="training-fails",
        evidence="brought no challenger",
        **ESCALATED,
        preceded_by=("concept-drift", "concept-drift"),
        after=1.5 * DAY,
        traffic=traffic.meaning_turns_now_and_then,
        strike=account.the_history_is_deleted,
        patience=10 * DAY,
    ),
    Scenario(
        name="more flights are late",
        cause="label-shift",
        evidence="the ranking is intact",
        remedies=("recalibrate",),
        outcome="resolved",
        replaced=True,
        # By then the watch knows what the answers of an hour are like.
        after=4 * DAY,
        traffic=traffic.more_are_late,
        patience=8 * DAY,
        known_fault="answers are compared with those on the holdout alone, by whole days, as nobody knows their "
        "hours of the week: no shift of theirs is certain, so this is told as concept drift, and retrained",
    ),
    Scenario(
        name="what is late becomes punctual",
        cause="concept-drift",
        # Meanwhile nobody can say how good the model is.
        preceded_by=("monitoring-blind",),
        evidence="no feature moved beyond its tolerance",
        remedies=("retrain",),
        outcome="resolved",
        replaced=True,
        after=1.5 * DAY,
        # By then there is more to learn from than what the holdout takes.
        traffic=lambda rows, since: traffic.outcomes_wait(traffic.meaning_turns(rows, since), since, 4 * DAY),
        patience=8 * DAY,
    ),
    Scenario(
        name="a hotfix turns the answers round",
        # It fails no request, and labels mature long after its probation.
        cause="concept-drift",
        evidence="no feature moved beyond its tolerance",
        remedies=("reactivate",),
        outcome="resolved",
        after=MORNING,
        strike=partial(account.release, hotfix="upside_down", folder=account.HOTFIXES),
        patience=6 * DAY,
    ),
    Scenario(
        name="spring comes",
        cause="harmful-covariate-drift",
        preceded_by=("harmless-covariate-drift",),
        evidence="temp_f explains",
        remedies=("retrain",),
        outcome="resolved",
        replaced=True,
        after=1.25 * DAY,
        traffic=traffic.spring_comes,
        patience=7 * DAY,
        known_fault="drift is measured against the new champion's training data after a retraining, and the "
        "verification takes what moved beside them for harm that the retraining did",
    ),
    Scenario(
        name="a model grows old",
        cause="stale-model",
        evidence="measured quality is intact",
        # The gate holds what it brought: nothing has changed, so nothing is better.
        remedies=("retrain", "escalate"),
        outcome="escalated",
        after=HOUR,
        patience=13 * DAY,
        density=1,
    ),
    Scenario(
        name="long hauls only",
        cause="harmless-covariate-drift",
        evidence="measured quality is intact",
        remedies=("watch",),
        outcome="resolved",
        after=2 * DAY,
        traffic=traffic.long_hauls_only,
        patience=4 * DAY,
    ),
)
NOTHING = (
    Scenario(
        name="a fire drill",
        cause="unknown",
        **ESCALATED,
        after=MORNING,
        strike=account.an_alarm_is_tried_out,
        patience=6 * HOUR,
    ),
    Scenario(
        name="noise only",
        cause=None,
        after=HOUR,
        strike=account.nothing_is_perfect,
        patience=3 * DAY,
    ),
)
SCENARIOS = (*SERVICE, *DATA, *MODEL, *NOTHING)
# These are short, and are among `make test`'s; the others are for `make scenarios`.
SHORT = ("a model server dies", "a fire drill")


def parameter(scenario: Scenario):
    marks = [] if scenario.name in SHORT else [pytest.mark.scenario]
    if scenario.known_fault:
        marks.append(pytest.mark.xfail(raises=AssertionError, reason=scenario.known_fault, strict=True))
    return pytest.param(scenario, id=scenario.name.replace(" ", "-"), marks=marks)


@pytest.mark.parametrize("scenario", [parameter(scenario) for scenario in SCENARIOS])
def test_scenario(scenario, open_drawn, request):
    told = Told(scenario=scenario.name, expected_cause=scenario.cause)
    try:
        rows = calm(OPENING, days=1 + (scenario.ends_at - OPENING) // DAY, density=scenario.density)
        stage = open_drawn(scenario.traffic(rows, scenario.strikes_at))
        play(scenario, stage, told)
    finally:
        attach(request.node, told)


def test_every_cause_has_a_scenario():
    assert {scenario.cause for scenario in SCENARIOS if scenario.cause} == {cause.value for cause in Cause}


def play(scenario: Scenario, stage: Stage, told: Told) -> None:
    """Let it go wrong, watch, and hold what happened against what must."""
    twin, chronicle, first = stage.twin, stage.chronicle, stage.chronicle.champion_model()
    twin.advance_to(scenario.strikes_at)
    assert not chronicle.is_open()
    assert chronicle.closed() == [], "something went wrong before anything did"
    scenario.strike(stage)
    for span, act in scenario.later:
        twin.advance_to(scenario.strikes_at + span)
        act(stage)
    while twin.clock.now < scenario.ends_at and not has_ended(scenario, stage, first):
        twin.run_for(timedelta(minutes=30))

    closed = chronicle.closed()
    place = len(scenario.preceded_by)
    for incident in closed[place : place + 1] or closed[-1:]:
        told.cause, told.remedies, told.outcome = incident.cause, list(incident.remedies), incident.outcome
        judge(scenario, incident, stage)
    assert tuple(incident.cause for incident in closed) == scenario.causes, whole_story(stage)
    assert not chronicle.is_open(), whole_story(stage)
    assert (chronicle.champion_model() != first) is scenario.replaced
    answered = [answer for answer in stage.application.answers if answer.status == 200]
    assert (answered[-1].package != stage.first.package) is scenario.replaced


def has_ended(scenario: Scenario, stage: Stage, first: str) -> bool:
    """Whether as much has happened as is expected; where nothing is, it never has."""
    incidents = len(stage.chronicle.closed())
    replaced = stage.chronicle.champion_model() != first
    at_rest = not (stage.chronicle.is_open() or stage.twin.endpoints.busy)
    return at_rest and 0 < len(scenario.causes) <= incidents and replaced is scenario.replaced


def judge(scenario: Scenario, incident: IncidentRecord, stage: Stage) -> None:
    done = incident.remedies, incident.outcome
    assert done == (scenario.remedies, scenario.outcome), whole_story(stage)
    if scenario.evidence:
        assert any(scenario.evidence in reason for reason in incident.evidence), whole_story(stage)
    assert_the_ledger_tells_it_alone(stage)


def whole_story(stage: Stage) -> str:
    return "\n".join(explain(episode) for episode in episodes(stage.chronicle.entries()))
