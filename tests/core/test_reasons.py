"""Why an address is told of an incident: a table, each rule with a case that stays quiet."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.model import Alert, Incident, Kind, Reason, Severity, State, Told
from shared.core.reasons import reason_to_tell, repeat_at
from shared.core.routes import REPEAT, Manner
from tests.builders import DAY, HOUR, MINUTE, NOW, a_budget_alert, a_waiting, an_alert, an_incident, told_of

SECOND = timedelta(seconds=1)
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
FIRING = an_alert()
BAD = an_alert(severity=CRITICAL)
TEST = an_alert(test=True, kind=Kind.BUDGET, severity=Severity.INFO)
ENDING = an_alert(kind=Kind.NEWCOMER, ends=NOW + DAY)
BUDGET = a_budget_alert("actual 80")
MUTED_BEFORE = Reason.STILL_FIRING


def over(alert: Alert = FIRING, lasted: timedelta = HOUR, **named: Any) -> Incident:
    alert = replace(alert, firing=False)
    return an_incident(alert, state=State.RESOLVED, opened_at=NOW, resolved_at=NOW + lasted, **named)


def held(alert: Alert = FIRING) -> Incident:
    return an_incident(alert, state=State.ACKNOWLEDGED, acknowledged_by="ada")


def reason(
    told: Alert | None,
    incident: Incident,
    since: timedelta = HOUR,
    waits: tuple[Reason, ...] = (Reason.OPENED,),
    manner: Manner = Manner(),
) -> Reason:
    """Why to tell an address that was told `told` at `NOW`, that long after, of an incident that waits."""
    known = told_of(told) if told else None
    rows = tuple(a_waiting(incident, reason=one) for one in waits)
    return reason_to_tell(known, incident, rows, manner, NOW + since)


@pytest.mark.parametrize(
    ("incident", "waits", "expected"),
    [
        pytest.param(an_incident(), (Reason.OPENED,), Reason.OPENED, id="new"),
        pytest.param(an_incident(), (), Reason.NOTHING_NEW, id="nothing waits here"),
        pytest.param(held(), (Reason.OPENED,), Reason.OPENED, id="somebody has it already"),
        pytest.param(an_incident(TEST, state=State.RESOLVED), (Reason.OPENED,), Reason.TEST, id="a test"),
        pytest.param(over(), (Reason.OPENED,), Reason.LATE, id="over before it could be told"),
        pytest.param(over(lasted=timedelta()), (Reason.OPENED,), Reason.NOTHING_NEW, id="over at once"),
        pytest.param(over(), (MUTED_BEFORE,), Reason.NOTHING_NEW, id="over while it was muted"),
        pytest.param(
            over(replace(FIRING, ends=NOW + HOUR)), (Reason.OPENED,), Reason.NOTHING_NEW, id="ended by itself"
        ),
        pytest.param(
            over(replace(FIRING, ends=NOW + DAY)), (Reason.OPENED,), Reason.LATE, id="over before its end"
        ),
        pytest.param(an_incident(), (MUTED_BEFORE,), Reason.STILL_FIRING, id="muted until now"),
        pytest.param(an_incident(), (Reason.ESCALATED,), Reason.ESCALATED, id="nobody has it"),
        pytest.param(
            an_incident(), (MUTED_BEFORE, Reason.ESCALATED), Reason.ESCALATED, id="escalated, muted until now"
        ),
    ],
)
def test_why_a_conversation_about_an_incident_begins(incident, waits, expected):
    assert reason(None, incident, waits=waits) is expected


@pytest.mark.parametrize(
    ("incident", "expected"),
    [
        pytest.param(an_incident(FIRING), Reason.STILL_FIRING, id="it still fires"),
        pytest.param(held(), Reason.NOTHING_NEW, id="somebody has it"),
        pytest.param(over(), Reason.RESOLVED, id="it is over"),
    ],
)
def test_what_was_silenced_after_it_was_told_is_told_when_it_still_fires(incident, expected):
    silenced = replace(told_of(FIRING), muted=True)

    assert reason_to_tell(silenced, incident, (), Manner(), NOW + HOUR) is expected


def test_what_is_noted_of_an_incident_after_its_end_is_not_told_as_late_news():
    incident = over(lasted=HOUR)
    noted = a_waiting(incident, number=4, since=NOW + 2 * HOUR)

    assert reason_to_tell(None, incident, (noted,), Manner(), NOW + 2 * HOUR) is Reason.NOTHING_NEW


def test_what_is_over_before_the_wait_of_its_group_is_never_told():
    manner = Manner(wait=10 * MINUTE)

    assert reason(None, over(lasted=10 * MINUTE), manner=manner) is Reason.NOTHING_NEW
    assert reason(None, over(lasted=11 * MINUTE), manner=manner) is Reason.LATE


@pytest.mark.parametrize(
    ("told", "incident", "since", "waits", "expected"),
    [
        pytest.param(FIRING, an_incident(), HOUR, (), Reason.NOTHING_NEW, id="unchanged"),
        pytest.param(FIRING, an_incident(), HOUR, (Reason.OPENED,), Reason.CHANGED, id="only noted"),
        pytest.param(FIRING, held(), HOUR, (Reason.OPENED,), Reason.CHANGED, id="acknowledged"),
        pytest.param(FIRING, an_incident(BAD), HOUR, (), Reason.WORSENED, id="worse"),
        pytest.param(FIRING, held(BAD), HOUR, (), Reason.WORSENED, id="worse, though somebody has it"),
        pytest.param(BAD, an_incident(FIRING), HOUR, (), Reason.NOTHING_NEW, id="less severe"),
        pytest.param(
            BUDGET,
            an_incident(a_budget_alert("actual 80", "actual 100")),
            HOUR,
            (),
            Reason.WORSENED,
            id="a step more",
        ),
        pytest.param(
            a_budget_alert("actual 100", "actual 80"),
            an_incident(BUDGET),
            HOUR,
            (),
            Reason.NOTHING_NEW,
            id="steps that were told",
        ),
        pytest.param(FIRING, an_incident(), HOUR, (Reason.ESCALATED,), Reason.ESCALATED, id="nobody has it"),
        pytest.param(FIRING, held(), HOUR, (Reason.ESCALATED,), Reason.CHANGED, id="somebody has it by now"),
        pytest.param(FIRING, over(), HOUR, (), Reason.RESOLVED, id="over"),
        pytest.param(BAD, over(BAD), HOUR, (), Reason.RESOLVED, id="over, and it was worse"),
        pytest.param(FIRING, over(BAD), HOUR, (), Reason.RESOLVED, id="over, and it had become worse"),
        pytest.param(
            replace(FIRING, firing=False), over(), 60 * DAY, (), Reason.NOTHING_NEW, id="over, and told so"
        ),
        pytest.param(ENDING, over(ENDING, DAY), 2 * DAY, (), Reason.CHANGED, id="ended by itself"),
        pytest.param(ENDING, over(ENDING, HOUR), HOUR, (), Reason.RESOLVED, id="over before its end"),
        pytest.param(
            replace(TEST, firing=False),
            an_incident(TEST, state=State.RESOLVED),
            HOUR,
            (Reason.OPENED,),
            Reason.NOTHING_NEW,
            id="a test that was told",
        ),
    ],
)
def test_why_a_conversation_about_an_incident_goes_on(told, incident, since, waits, expected):
    assert reason(told, incident, since, waits) is expected


@pytest.mark.parametrize(
    ("alert", "since", "expected"),
    [
        pytest.param(FIRING, REPEAT[WARNING][0] - SECOND, Reason.NOTHING_NEW, id="a moment before"),
        pytest.param(FIRING, REPEAT[WARNING][0], Reason.REPEAT_DUE, id="a warning"),
        pytest.param(BAD, REPEAT[CRITICAL][0], Reason.REPEAT_DUE, id="a critical one, sooner"),
        pytest.param(an_alert(severity=Severity.INFO), 60 * DAY, Reason.NOTHING_NEW, id="what is only info"),
        pytest.param(BUDGET, 60 * DAY, Reason.NOTHING_NEW, id="a budget's step"),
        pytest.param(ENDING, 60 * DAY, Reason.NOTHING_NEW, id="a newcomer"),
    ],
)
def test_what_is_told_again_though_nothing_is_new(alert, since, expected):
    assert reason(alert, an_incident(alert), since, waits=()) is expected


@pytest.mark.parametrize("kind", [Kind.LIMIT, Kind.ANOMALY, Kind.FRESHNESS, Kind.AZURE], ids=str)
def test_what_goes_on_and_can_be_stopped_is_repeated(kind):
    alert = an_alert(kind=kind)

    assert reason(alert, an_incident(alert), REPEAT[WARNING][0], waits=()) is Reason.REPEAT_DUE


def test_what_somebody_has_is_not_repeated():
    assert reason(FIRING, held(), 60 * DAY, waits=()) is Reason.NOTHING_NEW
    assert repeat_at(told_of(FIRING), held(), Manner()) is None


@pytest.mark.parametrize(("times", "hours"), [(1, 1), (2, 4), (3, 24), (4, 24), (99, 24)])
def test_repeats_come_ever_more_seldom(times, hours):
    told = Told(NOW, CRITICAL, (), State.TRIGGERED, times)

    assert repeat_at(told, an_incident(BAD), Manner()) == NOW + hours * HOUR
