"""What a channel can take: its pace, its Retry-After, the messages of an hour, and when it takes nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.gates import (
    FIRST_PROBE,
    HOUR,
    LONGEST_PROBE,
    Gate,
    Shut,
    enter,
    enter_in_short,
    leave,
)
from shared.core.model import Delivered, Refused, RetryLater
from tests.builders import MINUTE, NOW

SECOND = timedelta(seconds=1)
FRESH = Gate("oncall")
REVOKED = Refused("token_revoked", closed=True)


def passed(gate: Gate, now: datetime, pace: timedelta = SECOND, most: int = 30, urgent: bool = False) -> Gate:
    step = enter(gate, pace, most, urgent, now)
    assert isinstance(step, Gate), step
    return step


def shut(gate: Gate, now: datetime, pace: timedelta = SECOND, most: int = 30, urgent: bool = False) -> Shut:
    step = enter(gate, pace, most, urgent, now)
    assert isinstance(step, Shut)
    return step


def test_messages_pass_one_after_the_other():
    first = passed(FRESH, NOW, pace=2 * SECOND)

    assert shut(first, NOW + SECOND) == Shut(NOW + 2 * SECOND, "one after the other")
    assert passed(first, NOW + 2 * SECOND).sent == (NOW, NOW + 2 * SECOND)


def test_a_channel_that_asked_to_be_left_alone_is_until_then():
    parked = leave(FRESH, RetryLater("Slack answered 429", after=90 * SECOND), NOW)

    assert shut(parked, NOW + 89 * SECOND) == Shut(NOW + 90 * SECOND, "parked: Slack answered 429")
    assert isinstance(enter(parked, SECOND, 30, True, NOW + 90 * SECOND), Gate)


@pytest.mark.parametrize(
    "outcome",
    [RetryLater("503", unsure=True), Refused("invalid_blocks", form=True), Refused("gone", gone=True)],
    ids=["failing", "ill-formed", "gone"],
)
def test_what_only_one_message_suffers_leaves_the_gate_as_it_was(outcome):
    assert leave(FRESH, outcome, NOW) == FRESH


def test_the_messages_of_an_hour_are_counted_and_urgent_ones_may_be_twice_as_many():
    gate = FRESH
    for second in range(3):
        gate = passed(gate, NOW + second * SECOND, most=3)

    later = NOW + MINUTE
    assert shut(gate, later, most=3) == Shut(NOW + HOUR, "3 messages in this hour", full=True)
    for second in range(3):
        gate = passed(gate, later + second * SECOND, most=3, urgent=True)
    assert shut(gate, later + MINUTE, most=3, urgent=True).full
    assert shut(gate, later + MINUTE, most=3).until == later + HOUR


@given(st.lists(st.timedeltas(timedelta(), 20 * MINUTE), max_size=60), st.integers(1, 5))
def test_in_no_hour_pass_more_than_may_and_what_is_said_of_when_is_true(waits, most):
    gate, now = FRESH, NOW
    sent: list[datetime] = []
    for wait in waits:
        now += wait
        step = enter(gate, SECOND, most, False, now)
        if isinstance(step, Gate):
            gate = step
            sent.append(now)
        else:
            assert step.until > now
            assert isinstance(enter(gate, SECOND, most, False, step.until), Gate)

    assert all(len([one for one in sent if at - HOUR < one <= at]) <= most for at in sent)
    assert len(gate.sent) <= most


def test_a_full_channel_has_one_summary_an_hour():
    first = enter_in_short(FRESH, NOW)

    assert first is not None
    assert enter_in_short(first, NOW + HOUR - SECOND) is None
    assert enter_in_short(first, NOW + HOUR) is not None


def test_a_parked_channel_has_no_summary():
    parked = leave(FRESH, RetryLater("429", after=MINUTE), NOW)

    assert enter_in_short(parked, NOW) is None
    assert enter_in_short(parked, NOW + MINUTE) is not None


def test_a_channel_that_takes_nothing_is_tried_by_one_message_at_a_time_ever_more_seldom():
    gate, now, waits = leave(FRESH, REVOKED, NOW), NOW, []
    for _ in range(8):
        held = shut(gate, now)
        assert held.why == "closed: token_revoked"
        waits.append(held.until - now)
        now = held.until
        gate = passed(gate, now)
        assert shut(gate, now + SECOND).until == now + FIRST_PROBE  # a second one does not try meanwhile
        gate = leave(gate, REVOKED, now)

    assert waits[0] == FIRST_PROBE
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_PROBE
    assert gate.closed_since == NOW


def test_who_dies_while_trying_leaves_the_next_try_to_another():
    closed = leave(FRESH, REVOKED, NOW)
    tried = passed(closed, NOW + FIRST_PROBE)

    assert isinstance(enter(tried, SECOND, 30, False, NOW + 2 * FIRST_PROBE), Gate)


def test_a_channel_that_was_mended_is_open_at_once():
    closed = leave(FRESH, REVOKED, NOW)
    tried = passed(closed, NOW + FIRST_PROBE)
    mended = leave(tried, Delivered(), NOW + FIRST_PROBE)

    assert (mended.closed_since, mended.probe_at, mended.why) == (None, None, "")
    assert isinstance(enter(mended, SECOND, 30, False, NOW + FIRST_PROBE + SECOND), Gate)


def test_a_delivery_to_an_open_channel_changes_nothing():
    gate = passed(FRESH, NOW)

    assert leave(gate, Delivered(), NOW) == gate
    assert leave(replace(gate, why="parked once"), Delivered(confirmed=False), NOW).why == ""
