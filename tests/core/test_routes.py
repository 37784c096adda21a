from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.model import Alert, Incident, Kind, Reason, Severity, State
from shared.core.routes import REPEAT, Route, reason_to_notify, route
from tests.builders import (
    ACCOUNT,
    DAY,
    HOUR,
    NOW,
    SUBSCRIPTION,
    a_budget_alert,
    an_alert,
    an_incident,
    told_of,
)

SECOND = timedelta(seconds=1)
WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL


def after(told: Alert | None, incident: Incident, since: timedelta = HOUR) -> Reason:
    """Why to tell now, by a channel that was told `told` that long ago."""
    return reason_to_notify(told_of(told) if told else None, incident, NOW + since)


def resolved(**named: Any) -> Incident:
    alert = an_alert(firing=False, **named)
    return an_incident(alert, state=State.RESOLVED, resolved_at=NOW)


FIRING = an_alert()
TEST = an_alert(test=True, kind=Kind.BUDGET, severity=Severity.INFO)
ENDING = an_alert(kind=Kind.NEWCOMER, ends=NOW + DAY)
BUDGET = a_budget_alert("actual 80")


@pytest.mark.parametrize(
    ("told", "incident", "since", "reason"),
    [
        pytest.param(None, an_incident(FIRING), HOUR, Reason.OPENED, id="new"),
        pytest.param(None, resolved(), HOUR, Reason.NOTHING_NEW, id="over before anybody was told"),
        pytest.param(None, an_incident(TEST, state=State.RESOLVED), HOUR, Reason.TEST, id="test"),
        pytest.param(
            replace(TEST, firing=False),
            an_incident(TEST, state=State.RESOLVED),
            HOUR,
            Reason.NOTHING_NEW,
            id="test, told",
        ),
        pytest.param(FIRING, an_incident(FIRING), HOUR, Reason.NOTHING_NEW, id="unchanged"),
        pytest.param(FIRING, an_incident(an_alert(severity=CRITICAL)), HOUR, Reason.WORSENED, id="worse"),
        pytest.param(
            an_alert(severity=CRITICAL), an_incident(FIRING), HOUR, Reason.NOTHING_NEW, id="less severe"
        ),
        pytest.param(
            BUDGET,
            an_incident(a_budget_alert("actual 80", "actual 100")),
            HOUR,
            Reason.WORSENED,
            id="a step more",
        ),
        pytest.param(
            a_budget_alert("actual 100", "actual 80"),
            an_incident(BUDGET),
            HOUR,
            Reason.NOTHING_NEW,
            id="steps told",
        ),
        pytest.param(
            FIRING,
            an_incident(FIRING),
            REPEAT[WARNING] - SECOND,
            Reason.NOTHING_NEW,
            id="just before a repeat",
        ),
        pytest.param(FIRING, an_incident(FIRING), REPEAT[WARNING], Reason.REPEAT_DUE, id="repeat"),
        pytest.param(
            an_alert(severity=CRITICAL),
            an_incident(an_alert(severity=CRITICAL)),
            REPEAT[CRITICAL],
            Reason.REPEAT_DUE,
            id="a critical one repeats sooner",
        ),
        pytest.param(
            BUDGET, an_incident(BUDGET), 60 * DAY, Reason.NOTHING_NEW, id="a budget is not repeated"
        ),
        pytest.param(ENDING, an_incident(ENDING), 60 * DAY, Reason.NOTHING_NEW, id="nor a newcomer"),
        pytest.param(FIRING, resolved(), HOUR, Reason.RESOLVED, id="over"),
        pytest.param(FIRING, resolved(severity=CRITICAL), HOUR, Reason.RESOLVED, id="over, once worse"),
        pytest.param(
            an_alert(firing=False), resolved(), 60 * DAY, Reason.NOTHING_NEW, id="over and told so, for long"
        ),
        pytest.param(
            ENDING,
            resolved(kind=Kind.NEWCOMER, ends=NOW + DAY),
            2 * DAY,
            Reason.NOTHING_NEW,
            id="ended by itself",
        ),
    ],
)
def test_why_to_tell_a_channel_now(told, incident, since, reason):
    assert after(told, incident, since) is reason


@pytest.mark.parametrize("kind", [Kind.LIMIT, Kind.ANOMALY, Kind.FRESHNESS, Kind.AZURE], ids=str)
def test_what_goes_on_and_can_be_stopped_is_repeated(kind):
    alert = an_alert(kind=kind)

    assert after(alert, an_incident(alert), REPEAT[WARNING]) is Reason.REPEAT_DUE


GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-search"


@pytest.mark.parametrize(
    ("one", "matches"),
    [
        pytest.param(Route(("oncall",)), True, id="everything"),
        pytest.param(Route(("oncall",), at_least=WARNING), True, id="severe enough"),
        pytest.param(Route(("oncall",), at_least=CRITICAL), False, id="not severe enough"),
        pytest.param(Route(("oncall",), scope=GROUP), True, id="within"),
        pytest.param(Route(("oncall",), scope=GROUP + "-2"), False, id="a group that begins alike"),
        pytest.param(Route(("oncall",), kinds=(Kind.BUDGET, Kind.LIMIT)), True, id="of the kind"),
        pytest.param(Route(("oncall",), kinds=(Kind.BUDGET,)), False, id="of another kind"),
        pytest.param(Route(("oncall",), owner="search"), True, id="theirs"),
        pytest.param(Route(("oncall",), owner="chat"), False, id="of others"),
        pytest.param(Route(("oncall",), WARNING, ACCOUNT, (Kind.LIMIT,), "search"), True, id="all match"),
        pytest.param(Route(("oncall",), WARNING, ACCOUNT, (Kind.LIMIT,), "chat"), False, id="all but one"),
    ],
)
def test_which_incidents_a_route_takes(one, matches):
    _, queued = route(an_incident(an_alert(owner="search")), [one], NOW)

    assert [notification.channel for notification in queued] == (["oncall"] if matches else [])


def test_a_test_goes_to_every_channel_that_a_route_names():
    tested = an_incident(TEST, state=State.RESOLVED)
    strict = [
        Route(("oncall",), CRITICAL),
        Route(("finops",), scope=GROUP + "-2"),
        Route(("chat",), owner="x"),
    ]
    after_it, queued = route(tested, strict, NOW)

    assert [(one.channel, one.reason) for one in queued] == [
        (name, Reason.TEST) for name in ("oncall", "finops", "chat")
    ]
    assert route(after_it, strict, NOW + 60 * DAY)[1] == []


def test_a_channel_of_two_matching_routes_is_told_once():
    routes = [Route(("oncall", "finops")), Route(("finops",), kinds=(Kind.LIMIT,))]
    _, queued = route(an_incident(), routes, NOW)

    assert [one.channel for one in queued] == ["oncall", "finops"]


def test_without_a_route_nobody_is_told_and_nothing_is_remembered():
    incident = an_incident()

    assert route(incident, [], NOW) == (incident, [])


def test_a_channel_is_told_when_it_opens_worsens_repeats_and_ends():
    incident = an_incident()
    heard: list[tuple[Reason, int]] = []
    changes: list[tuple[timedelta, dict[str, Any]]] = [
        (timedelta(), {}),
        (HOUR, {}),
        (2 * HOUR, {"alert": an_alert(severity=CRITICAL)}),
        (5 * HOUR, {}),
        (6 * HOUR, {}),
        (7 * HOUR, {"state": State.RESOLVED, "alert": an_alert(firing=False)}),
        (8 * HOUR, {}),
    ]
    for since, change in changes:
        incident, queued = route(replace(incident, **change), [Route(("oncall",))], NOW + since)
        heard += [(one.reason, one.sequence) for one in queued]

    assert heard == [(Reason.OPENED, 1), (Reason.WORSENED, 2), (Reason.REPEAT_DUE, 3), (Reason.RESOLVED, 4)]


def test_a_channel_that_joins_when_it_is_worse_is_told_that_it_opened():
    routes = [Route(("team",)), Route(("oncall",), CRITICAL)]
    before, _ = route(an_incident(), routes, NOW)
    _, queued = route(replace(before, alert=an_alert(severity=CRITICAL)), routes, NOW + HOUR)

    assert {one.channel: one.reason for one in queued} == {
        "team": Reason.WORSENED,
        "oncall": Reason.OPENED,
    }


def test_who_was_told_hears_the_end_even_when_no_route_names_them_any_more():
    before, _ = route(an_incident(), [Route(("oncall",))], NOW)
    over = replace(before, state=State.RESOLVED, alert=an_alert(firing=False, severity=Severity.INFO))
    after_it, queued = route(over, [Route(("other",), WARNING)], NOW + HOUR)

    assert [(one.channel, one.reason) for one in queued] == [("oncall", Reason.RESOLVED)]
    assert route(after_it, [Route(("other",))], NOW + 2 * HOUR)[1] == []


def test_a_notification_carries_the_incident_as_it_stands_and_is_ready_to_go():
    incident, (one,) = route(an_incident(), [Route(("oncall",))], NOW)

    assert one.incident == incident
    assert one.id == "K7QW3|oncall|000001"
    assert (one.queued_at, one.attempts, one.next_attempt) == (NOW, 0, None)
    assert incident.told["oncall"] == told_of(an_alert())


def test_routing_again_at_the_same_moment_queues_nothing():
    incident, _ = route(an_incident(), [Route(("oncall",))], NOW)

    assert route(incident, [Route(("oncall",))], NOW) == (incident, [])
