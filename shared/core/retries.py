"""What becomes of a message: who may tell an address now, and what follows from what the channel said."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.model import Conversation, Delivered, Outcome, Refused
from shared.core.telling import Say

LEASE = timedelta(minutes=2)  # longer than any send takes
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 12  # the last about 5 hours after the first


class Status(StrEnum):
    """Where a message ends up."""

    QUEUED = "queued"
    ACCEPTED = "accepted"  # the channel took it and will not say whether it arrived
    DELIVERED = "delivered"
    DEAD = "dead"  # kept; a person has to mend something


def claim(talk: Conversation, now: datetime, claimer: str) -> Conversation | None:
    """The conversation with a lease for `claimer`; None when it has to wait or somebody has it.

    A lease that ran out belonged to somebody who died between sending and saying so: the message may
    have arrived, and is marked as a possible repeat. Later leases are longer: nobody knows what killed
    the holders, and a message that did arrive must not be repeated every two minutes.
    """
    if talk.next_attempt is not None and now < talk.next_attempt:
        return None
    if talk.claimed_until is not None and now < talk.claimed_until:
        return None
    attempts = talk.attempts + 1
    return replace(
        talk,
        claimed_by=claimer,
        claimed_until=now + max(LEASE, wait_after(attempts)),
        attempts=attempts,
        may_repeat=talk.may_repeat or talk.claimed_until is not None,
    )


def settle(
    talk: Conversation, said: Say, outcome: Outcome, receipt: str, now: datetime
) -> tuple[Conversation, Status]:
    """The conversation after an attempt, without its lease, and where the message stands.

    `receipt` is what the channel needs to change the message later. A message that is given up leaves new
    incidents untold: they are told when there is more to tell, or when it is replayed.
    """
    free = replace(talk, claimed_by="", claimed_until=None)
    if isinstance(outcome, Delivered):
        status = Status.DELIVERED if outcome.confirmed else Status.ACCEPTED
        return _told(said, receipt), status
    if isinstance(outcome, Refused):
        if outcome.form and not talk.plain:
            return replace(free, plain=True, last_error=outcome.why), Status.QUEUED
        if outcome.closed:
            return replace(free, attempts=0, last_error=outcome.why), Status.QUEUED
        return _given_up(free, said, outcome.why), Status.DEAD
    if talk.attempts >= MOST_ATTEMPTS:
        return _given_up(free, said, outcome.why), Status.DEAD
    wait = max(wait_after(talk.attempts), outcome.after or timedelta())
    may_repeat = talk.may_repeat or outcome.unsure
    return replace(
        free, next_attempt=now + wait, last_error=outcome.why, may_repeat=may_repeat
    ), Status.QUEUED


def _told(said: Say, receipt: str) -> Conversation:
    threads = tuple(
        replace(one, receipt=receipt) if one.number == said.notification.thread else one
        for one in said.settled.threads
    )
    return replace(_afresh(said.settled), threads=threads)


def _given_up(free: Conversation, said: Say, why: str) -> Conversation:
    """What was told before counts as told: else the same would be said, and refused, again at once."""
    known = {one for thread in free.threads for one in thread.told}
    threads = (
        replace(thread, told={one: told for one, told in thread.told.items() if one in known})
        for thread in said.settled.threads
    )
    return replace(
        _afresh(free),
        sequence=said.notification.sequence,
        threads=tuple(thread for thread in threads if thread.told),
        keys={one: key for one, key in said.settled.keys.items() if one in known},
        last_error=why,
    )


def _afresh(talk: Conversation) -> Conversation:
    """Ready for the next message."""
    return replace(
        talk,
        claimed_by="",
        claimed_until=None,
        attempts=0,
        next_attempt=None,
        may_repeat=False,
        plain=False,
        last_error="",
    )


def wait_after(attempts: int) -> timedelta:
    """30 s, doubled for each attempt, at most an hour."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
