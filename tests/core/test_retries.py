from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.core.model import Delivered, Outcome, Refused, RetryLater
from shared.core.retries import (
    FIRST_WAIT,
    LEASE,
    LONGEST_WAIT,
    MOST_ATTEMPTS,
    Status,
    claim,
    settle,
    wait_after,
)
from tests.builders import HOUR, NOW, a_notification

SECOND = timedelta(seconds=1)
WAITS = st.none() | st.timedeltas(timedelta(), timedelta(hours=24))
LATER = st.builds(RetryLater, why=st.just("429"), after=WAITS, unsure=st.booleans())
MOMENTS = st.timedeltas(timedelta(), timedelta(days=2)).map(lambda span: NOW + span)


@given(st.integers(0, 60), MOMENTS, st.timedeltas(timedelta(), LONGEST_WAIT))
def test_a_live_lease_is_never_taken(attempts, now, left):
    held = a_notification(
        attempts=attempts, claimed_by="first", claimed_until=now + left + timedelta(microseconds=1)
    )

    assert claim(held, now, "second") is None


@given(st.integers(0, 60), MOMENTS)
def test_a_lease_lasts_at_least_as_long_as_any_send_and_ends(attempts, now):
    held = claim(a_notification(attempts=attempts), now, "first")

    assert held is not None
    assert held.claimed_until is not None
    assert LEASE <= held.claimed_until - now <= LONGEST_WAIT
    assert claim(held, held.claimed_until, "second") is not None


def test_a_lease_that_ran_out_is_taken_over_and_the_message_may_be_a_repeat():
    first = claim(a_notification(), NOW, "first")
    assert first is not None
    assert not first.may_repeat

    assert claim(first, NOW + LEASE - SECOND, "second") is None
    second = claim(first, NOW + LEASE, "second")
    assert second is not None
    assert (second.claimed_by, second.attempts, second.may_repeat) == ("second", 2, True)

    queued, _ = settle(second, RetryLater("503"), NOW + LEASE)
    assert queued.may_repeat


def test_a_message_that_kills_every_sender_is_tried_ever_more_rarely():
    notification, now, tries = a_notification(), NOW, 0
    while now < NOW + 24 * HOUR:
        claimed = claim(notification, now, "doomed")
        if claimed is not None:
            notification, tries = claimed, tries + 1
        now += timedelta(minutes=1)

    assert tries < 32


@pytest.mark.parametrize(("early", "taken"), [(SECOND, False), (timedelta(), True)], ids=["before", "then"])
def test_a_message_waits_until_its_next_attempt(early, taken):
    waiting = a_notification(next_attempt=NOW + HOUR)

    assert (claim(waiting, NOW + HOUR - early, "one") is not None) is taken


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        pytest.param(Delivered(), Status.DELIVERED, id="delivered"),
        pytest.param(Delivered(confirmed=False), Status.ACCEPTED, id="accepted"),
        pytest.param(RetryLater("503"), Status.QUEUED, id="later"),
        pytest.param(Refused("channel_not_found"), Status.DEAD, id="refused"),
    ],
)
def test_where_a_message_stands_after_an_outcome(outcome, status):
    claimed = claim(a_notification(last_error="before"), NOW, "one")
    assert claimed is not None

    settled, where = settle(claimed, outcome, NOW)

    assert where is status
    assert (settled.claimed_by, settled.claimed_until) == ("", None)
    assert settled.last_error == getattr(outcome, "why", "")
    assert (settled.next_attempt is not None) == (status is Status.QUEUED)


@given(st.integers(1, MOST_ATTEMPTS - 1), LATER, MOMENTS)
def test_the_wait_is_never_below_what_the_channel_asked_nor_below_ours(attempts, outcome, now):
    settled, status = settle(a_notification(attempts=attempts), outcome, now)

    assert status is Status.QUEUED
    assert settled.next_attempt is not None
    assert settled.next_attempt - now == max(wait_after(attempts), outcome.after or timedelta())
    assert settled.may_repeat is outcome.unsure


@given(LATER)
def test_tries_are_bounded_and_end_dead_with_the_last_error_kept(outcome):
    notification, now = a_notification(), NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = claim(notification, now, "one")
        assert claimed is not None
        notification, status = settle(claimed, outcome, now)
        assert status is (Status.QUEUED if attempt < MOST_ATTEMPTS else Status.DEAD)
        now = notification.next_attempt or now

    assert notification.last_error == "429"


def test_our_own_waits_add_up_to_about_five_hours():
    waits = [wait_after(attempt) for attempt in range(1, MOST_ATTEMPTS)]

    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert max(waits) == LONGEST_WAIT
    assert timedelta(hours=5) < sum(waits, timedelta()) < timedelta(hours=5.5)


@given(st.integers(0, 10**6))
def test_a_wait_is_never_shorter_than_the_one_before(attempts):
    assert FIRST_WAIT <= wait_after(attempts) <= wait_after(attempts + 1) <= LONGEST_WAIT


class Deliveries(RuleBasedStateMachine):
    """Two senders, one row, and everything that can happen between claim and settle."""

    def __init__(self) -> None:
        super().__init__()
        self.row = a_notification()
        self.now = NOW
        self.status = Status.QUEUED
        self.holder = ""
        self.uncertain = False  # somebody sent, and nobody knows whether it arrived

    @rule(span=st.sampled_from([SECOND, timedelta(seconds=45), LEASE, HOUR]))
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @precondition(lambda self: self.status is Status.QUEUED)
    @rule(sender=st.sampled_from(["one", "two"]))
    def claims(self, sender: str) -> None:
        held = self.row.claimed_until is not None and self.now < self.row.claimed_until
        waits = self.row.next_attempt is not None and self.now < self.row.next_attempt
        claimed = claim(self.row, self.now, sender)

        assert (claimed is None) == (held or waits)
        if claimed is not None:
            self.uncertain |= self.row.claimed_until is not None
            assert claimed.attempts == self.row.attempts + 1
            self.row, self.holder = claimed, sender

    @precondition(lambda self: self.status is Status.QUEUED and self.holder)
    @rule(outcome=st.one_of(LATER, st.just(Delivered()), st.just(Refused("no"))))
    def settles(self, outcome: Outcome) -> None:
        self.row, self.status = settle(self.row, outcome, self.now)
        self.holder = ""
        self.uncertain |= isinstance(outcome, RetryLater) and outcome.unsure and self.status is Status.QUEUED

    @rule()
    def the_sender_dies(self) -> None:
        self.holder = ""

    @invariant()
    def a_possible_repeat_is_marked_and_nothing_else_is(self) -> None:
        assert self.row.may_repeat is self.uncertain

    @invariant()
    def only_the_outbox_part_changes(self) -> None:
        kept = replace(self.row, attempts=0, next_attempt=None, claimed_by="", claimed_until=None)
        assert replace(kept, may_repeat=False, last_error="") == a_notification()


TestDeliveries = Deliveries.TestCase
