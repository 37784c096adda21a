"""What a person's act comes to: one change with who, when and why, or words that there is nothing to do."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.core.acts import EXPECTED_FOR, LONGEST, Done, Wish, act_on
from shared.core.model import Act, Kind, Quantity, State
from shared.core.muting import why_muted
from tests.builders import CHAT, HOUR, MINUTE, NOW, an_alert, an_incident

OPEN = an_incident()
LATER = NOW + 10 * MINUTE


def an_anomaly(seen, usual=100):
    quantities = {"seen": Quantity(Decimal(seen), "tokens"), "against": Quantity(Decimal(usual), "tokens")}
    return an_incident(an_alert(kind=Kind.ANOMALY, **quantities))


def done(incident, act, **named):
    found = act_on(incident, Wish(act, "ann", **named), None, LATER)
    assert isinstance(found, Done), found
    return found


@pytest.mark.parametrize(
    ("act", "state"),
    [*((act, State.TRIGGERED) for act in Act), *((act, State.ACKNOWLEDGED) for act in list(Act)[1:])],
)
def test_every_act_is_one_change_that_says_who_when_and_why(act, state):
    step = done(replace(OPEN, state=state), act, why="a load test").step

    (change,) = step.transitions
    assert (change.by, change.at, change.number) == ("ann", LATER, 2)
    assert "a load test" in change.why
    assert step.incident.transitions == 2


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("state", [State.PENDING, State.RESOLVED])
def test_of_what_is_not_open_there_is_nothing_to_do(act, state):
    ended = NOW if state is State.RESOLVED else None
    said = act_on(an_incident(state=state, resolved_at=ended), Wish(act, "ann"), None, LATER)

    assert isinstance(said, str)
    assert said


def test_who_has_it_is_said_to_whoever_comes_next():
    held = done(OPEN, Act.ACKNOWLEDGE).step.incident

    assert (held.acknowledged_by, held.acknowledged_at) == ("ann", LATER)
    assert act_on(held, Wish(Act.ACKNOWLEDGE, "bob"), None, LATER) == "ann has it already"


def test_a_silence_is_of_the_alert_and_ends():
    silence = done(OPEN, Act.SILENCE, span=HOUR).silence
    again = an_incident(id="MW-2")
    other = an_incident(an_alert(key="another"))

    def muted(incident, now):
        return bool(why_muted(incident, [silence], (), tuple, now))

    assert muted(OPEN, LATER)
    assert muted(again, LATER)  # the next episode too: the person does not want to hear of it
    assert not muted(other, LATER)
    assert not muted(OPEN, LATER + HOUR)


def test_no_silence_is_longer_than_its_reason_is_remembered():
    silence = done(OPEN, Act.SILENCE, span=timedelta(days=9999)).silence

    assert silence.end == LATER + LONGEST


@pytest.mark.parametrize(("span", "changes"), [(HOUR, False), (HOUR - MINUTE, False), (2 * HOUR, True)])
def test_a_silence_that_ends_no_later_than_the_one_there_is_changes_nothing(span, changes):
    before = done(OPEN, Act.SILENCE, span=HOUR).silence
    found = act_on(OPEN, Wish(Act.SILENCE, "bob", span=span), before, LATER)

    assert isinstance(found, Done) is changes
    if not changes:
        assert found == "it is silenced until Tue 8 Sep 15:15 UTC already, by ann"


@pytest.mark.parametrize(
    ("seen", "muted"), [(1000, True), (1500, True), (1501, False), (9999, False), (50, True)]
)
def test_what_is_expected_is_told_when_it_becomes_half_as_much_again(seen, muted):
    silence = done(an_anomaly(1000), Act.EXPECTED).silence

    assert bool(why_muted(an_anomaly(seen), [silence], (), tuple, LATER)) is muted


@pytest.mark.parametrize(("seen", "muted"), [(0, True), (60, True), (100, True), (101, False)])
def test_an_expected_drop_may_rise_to_its_usual(seen, muted):
    silence = done(an_anomaly(0), Act.EXPECTED).silence

    assert bool(why_muted(an_anomaly(seen), [silence], (), tuple, LATER)) is muted


def test_of_what_is_not_measured_all_is_expected():
    blind = an_incident(an_alert(seen=None, against=None))
    silence = done(blind, Act.EXPECTED).silence

    assert why_muted(blind, [silence], (), tuple, LATER)


def test_an_expected_anomaly_is_learnt_from_when_it_began():
    incident = an_anomaly(1000)
    expected = done(incident, Act.EXPECTED, why="migration").expected

    assert (expected.scope, expected.start, expected.end) == (
        CHAT,
        incident.alert.since,
        LATER + EXPECTED_FOR,
    )
    assert (expected.by, expected.why, expected.incident) == ("ann", "migration", incident.id)


def test_what_is_no_anomaly_teaches_no_baseline():
    assert done(OPEN, Act.EXPECTED).expected is None


def test_resolving_by_hand_says_who_did_it():
    over = done(OPEN, Act.RESOLVE, why="rolled back").step.incident

    assert (over.state, over.resolved_at) == (State.RESOLVED, LATER)
    assert over.alert.why == "ended by ann: rolled back"
