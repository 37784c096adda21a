from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.core.model import Conversation, Delivered, Outcome, Refused, RetryLater, Thread
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
from shared.core.telling import Say
from tests.builders import HOUR, NOW, ONCALL, a_notification, an_alert, told_of

SECOND = timedelta(seconds=1)
WAITS = st.none() | st.timedeltas(timedelta(), timedelta(hours=24))
LATER = st.builds(RetryLater, why=st.just("429"), after=WAITS, unsure=st.booleans())
MOMENTS = st.timedeltas(timedelta(), timedelta(days=2)).map(lambda span: NOW + span)


def a_talk(**named: Any) -> Conversation:
    return replace(Conversation(ONCALL), **named)


def a_say(talk: Conversation, thread: Thread | None = None) -> Say:
    """The next message of a conversation, with which a thread begins or goes on."""
    number = talk.sequence + 1
    thread = thread or Thread(number, NOW, NOW, {"K7QW3": told_of(an_alert())})
    said = a_notification(sequence=number, thread=thread.number)
    return Say(said, replace(talk, sequence=number, threads=(thread,)), ())


def settled(
    talk: Conversation, outcome: Outcome, now: datetime = NOW, thread: Thread | None = None, receipt: str = ""
) -> tuple[Conversation, Status]:
    return settle(talk, a_say(talk, thread), outcome, receipt, now)


@given(st.integers(0, 60), MOMENTS, st.timedeltas(timedelta(), LONGEST_WAIT))
def test_a_live_lease_is_never_taken(attempts, now, left):
    held = a_talk(attempts=attempts, claimed_by="first", claimed_until=now + left + timedelta(microseconds=1))

    assert claim(held, now, "second") is None


@given(st.integers(0, 60), MOMENTS)
def test_a_lease_lasts_at_least_as_long_as_any_send_and_ends(attempts, now):
    held = claim(a_talk(attempts=attempts), now, "first")

    assert held is not None
    assert held.claimed_until is not None
    assert LEASE <= held.claimed_until - now <= LONGEST_WAIT
    assert claim(held, held.claimed_until, "second") is not None


def test_a_lease_that_ran_out_is_taken_over_and_the_message_may_be_a_repeat():
    first = claim(a_talk(), NOW, "first")
    assert first is not None
    assert not first.may_repeat

    assert claim(first, NOW + LEASE - SECOND, "second") is None
    second = claim(first, NOW + LEASE, "second")
    assert second is not None
    assert (second.claimed_by, second.attempts, second.may_repeat) == ("second", 2, True)

    queued, _ = settled(second, RetryLater("503"), NOW + LEASE)
    assert queued.may_repeat


def test_a_message_that_kills_every_sender_is_tried_ever_more_rarely():
    talk, now, tries = a_talk(), NOW, 0
    while now < NOW + 24 * HOUR:
        claimed = claim(talk, now, "doomed")
        if claimed is not None:
            talk, tries = claimed, tries + 1
        now += timedelta(minutes=1)

    assert tries < 32


@pytest.mark.parametrize(("early", "taken"), [(SECOND, False), (timedelta(), True)], ids=["before", "then"])
def test_a_message_waits_until_its_next_attempt(early, taken):
    waiting = a_talk(next_attempt=NOW + HOUR)

    assert (claim(waiting, NOW + HOUR - early, "one") is not None) is taken


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        pytest.param(Delivered(), Status.DELIVERED, id="delivered"),
        pytest.param(Delivered(confirmed=False), Status.ACCEPTED, id="accepted"),
        pytest.param(RetryLater("503"), Status.QUEUED, id="later"),
        pytest.param(Refused("metadata_too_large"), Status.DEAD, id="refused"),
        pytest.param(Refused("invalid_blocks", form=True), Status.QUEUED, id="its form was refused"),
        pytest.param(Refused("token_revoked", closed=True), Status.QUEUED, id="the channel takes nothing"),
    ],
)
def test_where_a_message_stands_after_an_outcome(outcome, status):
    claimed = claim(a_talk(last_error="before"), NOW, "one")
    assert claimed is not None

    after, where = settled(claimed, outcome)

    assert where is status
    assert (after.claimed_by, after.claimed_until) == ("", None)
    assert after.last_error == getattr(outcome, "why", "")
    assert (after.next_attempt is not None) == isinstance(outcome, RetryLater)
    assert (after.sequence == 1) == (status is not Status.QUEUED)


def test_a_delivery_is_remembered_with_what_is_needed_to_change_the_message():
    claimed = claim(a_talk(may_repeat=True, plain=True), NOW, "one")
    assert claimed is not None
    after, _ = settled(claimed, Delivered(), receipt="C1/1.2")

    assert [(one.number, one.receipt, set(one.told)) for one in after.threads] == [(1, "C1/1.2", {"K7QW3"})]
    assert after == a_talk(sequence=1, threads=after.threads)


def test_only_the_thread_that_was_told_has_a_new_receipt():
    other, told = (Thread(number, NOW, NOW, {}, receipt="C1/0.0") for number in (1, 2))
    talk = a_talk(sequence=2, threads=(other, told))
    said = a_say(talk, told)
    said = replace(said, settled=replace(said.settled, threads=(other, told)))
    after, _ = settle(talk, said, Delivered(), "C1/9.9", NOW)

    assert [one.receipt for one in after.threads] == ["C1/0.0", "C1/9.9"]


def test_what_was_refused_in_its_form_is_sent_plain_once_and_then_given_up():
    ill_formed = Refused("invalid_blocks", form=True)
    plain, first = settled(a_talk(attempts=1), ill_formed)
    _, second = settled(plain, ill_formed)

    assert (first, plain.plain, plain.next_attempt) == (Status.QUEUED, True, None)
    assert second is Status.DEAD


def test_a_channel_that_takes_nothing_uses_up_no_attempts():
    after, status = settled(a_talk(attempts=MOST_ATTEMPTS), Refused("token_revoked", closed=True))

    assert status is Status.QUEUED
    assert after.attempts == 0


def test_a_message_that_is_given_up_leaves_its_incidents_untold():
    after, status = settled(a_talk(attempts=1), Refused("no"))

    assert status is Status.DEAD
    assert after == a_talk(sequence=1, last_error="no")


def test_what_was_told_before_is_not_said_again_when_its_news_were_given_up():
    open_one = Thread(1, NOW, NOW, {"K7QW3": told_of(an_alert())}, receipt="C1/1.2")
    talk = a_talk(attempts=1, sequence=1, threads=(open_one,))
    later = replace(open_one, told={"K7QW3": told_of(an_alert(), times=2), "NEW": told_of(an_alert())})
    after, _ = settled(talk, Refused("no"), NOW, later)

    assert after.threads == (replace(later, told={"K7QW3": told_of(an_alert(), times=2)}),)


@given(st.integers(1, MOST_ATTEMPTS - 1), LATER, MOMENTS)
def test_the_wait_is_never_below_what_the_channel_asked_nor_below_ours(attempts, outcome, now):
    after, status = settled(a_talk(attempts=attempts), outcome, now)

    assert status is Status.QUEUED
    assert after.next_attempt is not None
    assert after.next_attempt - now == max(wait_after(attempts), outcome.after or timedelta())
    assert after.may_repeat is outcome.unsure


@given(LATER)
def test_tries_are_bounded_and_end_dead_with_the_last_error_kept(outcome):
    talk, now = a_talk(), NOW
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = claim(talk, now, "one")
        assert claimed is not None
        talk, status = settled(claimed, outcome, now)
        assert status is (Status.QUEUED if attempt < MOST_ATTEMPTS else Status.DEAD)
        now = talk.next_attempt or now

    assert talk.last_error == "429"


def test_our_own_waits_add_up_to_about_five_hours():
    waits = [wait_after(attempt) for attempt in range(1, MOST_ATTEMPTS)]

    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert max(waits) == LONGEST_WAIT
    assert timedelta(hours=5) < sum(waits, timedelta()) < timedelta(hours=5.5)


@given(st.integers(0, 10**6))
def test_a_wait_is_never_shorter_than_the_one_before(attempts):
    assert FIRST_WAIT <= wait_after(attempts) <= wait_after(attempts + 1) <= LONGEST_WAIT


class Deliveries(RuleBasedStateMachine):
    """Two senders, one conversation, and everything that can happen between claim and settle."""

    def __init__(self) -> None:
        super().__init__()
        self.row = a_talk()
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
    @rule(
        outcome=st.one_of(
            LATER, st.just(Delivered()), st.just(Refused("no")), st.just(Refused("form", form=True))
        )
    )
    def settles(self, outcome: Outcome) -> None:
        self.row, self.status = settled(self.row, outcome, self.now)
        self.holder = ""
        if self.status is Status.QUEUED:
            self.uncertain |= isinstance(outcome, RetryLater) and outcome.unsure
        else:
            self.uncertain = False  # the next message is another

    @rule()
    def the_sender_dies(self) -> None:
        self.holder = ""

    @invariant()
    def a_possible_repeat_is_marked_and_nothing_else_is(self) -> None:
        assert self.row.may_repeat is self.uncertain

    @invariant()
    def what_is_told_changes_only_when_it_is_settled(self) -> None:
        assert self.row.sequence == (0 if self.status is Status.QUEUED else 1)
        assert bool(self.row.threads) is (self.status in (Status.ACCEPTED, Status.DELIVERED))


TestDeliveries = Deliveries.TestCase
