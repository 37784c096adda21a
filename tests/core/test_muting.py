"""What keeps an incident from being told: each rule with a case that it leaves alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.core.model import Incident, Kind, Quantity, Scope, Severity, State
from shared.core.muting import Inhibition, Silence, why_muted
from shared.core.routes import Matcher
from tests.builders import ACCOUNT, CHAT, DAY, HOUR, NOW, an_alert, an_incident

SECOND = timedelta(seconds=1)


def a_silence(**named: Any) -> Silence:
    """Of everything, from an hour ago until in an hour, by Ada."""
    return replace(Silence("s1", Matcher(), NOW - HOUR, NOW + HOUR, "ada", "deploying"), **named)


def muted(incident: Incident, *silences: Silence, **named: Any) -> str:
    return why_muted(incident, silences, named.get("rules", ()), lambda: named.get("standing", ()), NOW)


def test_a_silence_says_who_until_when_and_why():
    assert muted(an_incident(), a_silence()) == "silenced by ada until Tue 8 Sep 15:05 UTC: deploying"


@pytest.mark.parametrize(
    ("silence", "silences"),
    [
        pytest.param(a_silence(start=NOW), True, id="as it begins"),
        pytest.param(a_silence(start=NOW + SECOND), False, id="before it begins"),
        pytest.param(a_silence(end=NOW), False, id="at its end"),
        pytest.param(a_silence(end=NOW + SECOND), True, id="just before its end"),
        pytest.param(a_silence(matcher=Matcher(scope=ACCOUNT)), True, id="of the account"),
        pytest.param(a_silence(matcher=Matcher(scope=ACCOUNT + "-2")), False, id="of another account"),
        pytest.param(a_silence(part="chat-prod"), True, id="of the deployment"),
        pytest.param(a_silence(part="embeddings"), False, id="of another deployment"),
        pytest.param(a_silence(key=an_alert().key), True, id="of the alert"),
        pytest.param(a_silence(key="limit|failing"), False, id="of another alert"),
    ],
)
def test_what_a_silence_is_about(silence, silences):
    assert bool(muted(an_incident(), silence)) is silences


def test_a_test_is_never_silenced():
    assert muted(an_incident(an_alert(test=True)), a_silence()) == ""


def anomaly(seen: int | None, usual: int | None = 100) -> Incident:
    tokens = [None if value is None else Quantity(Decimal(value), "tokens") for value in (seen, usual)]
    return an_incident(an_alert(kind=Kind.ANOMALY, seen=tokens[0], against=tokens[1]))


@pytest.mark.parametrize(
    ("incident", "planned"),
    [
        pytest.param(anomaly(300), True, id="as much as was planned"),
        pytest.param(anomaly(299), True, id="less"),
        pytest.param(anomaly(301), False, id="more than was planned"),
        pytest.param(anomaly(None), False, id="nobody knows how much"),
        pytest.param(anomaly(300, None), False, id="nobody knows what is usual"),
        pytest.param(an_incident(), False, id="a limit is no matter of more or less"),
    ],
)
def test_a_planned_change_mutes_only_within_its_bound(incident, planned):
    assert bool(muted(incident, a_silence(up_to=Decimal(3)))) is planned


def test_a_planned_change_is_called_one():
    assert muted(anomaly(200), a_silence(up_to=Decimal(3))).startswith("planned by ada until")


FAILING = Matcher(at_least=Severity.CRITICAL, kinds=(Kind.LIMIT,))
RULE = Inhibition(FAILING, Matcher(kinds=(Kind.ANOMALY,)), ("resource", "part"))
CAUSE = an_incident(an_alert(severity=Severity.CRITICAL), id="CAUSE")


@pytest.mark.parametrize(
    ("cause", "follows"),
    [
        pytest.param(CAUSE, True, id="while it is open"),
        pytest.param(replace(CAUSE, state=State.ACKNOWLEDGED), True, id="though somebody has it"),
        pytest.param(replace(CAUSE, state=State.RESOLVED), False, id="not when it is over"),
        pytest.param(replace(CAUSE, state=State.PENDING), False, id="not while it is pending"),
        pytest.param(replace(CAUSE, alert=an_alert()), False, id="not when it is less severe"),
        pytest.param(
            replace(CAUSE, alert=replace(CAUSE.alert, scope=Scope(ACCOUNT, "embeddings"))),
            False,
            id="not of another deployment",
        ),
    ],
)
def test_what_follows_from_something_worse_is_not_told_beside_it(cause, follows):
    said = muted(anomaly(999), rules=(RULE,), standing=(cause,))

    assert said == ("follows from incident CAUSE" if follows else "")


def test_a_cause_is_told_whatever_follows_from_it():
    assert muted(CAUSE, rules=(RULE,), standing=(CAUSE, anomaly(999))) == ""


def test_two_that_are_both_causes_do_not_keep_each_other_quiet():
    both = Inhibition(Matcher(), Matcher(), ("resource",))
    one, other = replace(CAUSE, id="A"), replace(CAUSE, id="B")

    assert muted(one, rules=(both,), standing=(one, other)) == ""


@pytest.mark.parametrize("label", ["tag:team", "part"])
def test_what_neither_of_them_has_is_not_the_same(label):
    rule = replace(RULE, equal=(label,))
    bare = Scope(CHAT.resource)
    cause = replace(CAUSE, alert=replace(CAUSE.alert, scope=bare))
    effect = anomaly(999)
    effect = replace(effect, alert=replace(effect.alert, scope=bare))

    assert muted(effect, rules=(rule,), standing=(cause,)) == ""


def test_a_test_follows_from_nothing():
    tested = an_incident(an_alert(kind=Kind.ANOMALY, test=True), opened_at=NOW - DAY)

    assert muted(tested, rules=(RULE,), standing=(CAUSE,)) == ""
