"""What becomes of a notification: who may send it now, and what follows from what the channel said."""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.core.model import Delivered, Notification, Outcome, Refused

LEASE = timedelta(minutes=2)  # longer than any send takes
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 12  # the last about 5 hours after the first


class Status(StrEnum):
    """Where a notification ends up."""

    QUEUED = "queued"
    ACCEPTED = "accepted"  # the channel took it and will not say whether it arrived
    DELIVERED = "delivered"
    DEAD = "dead"  # kept; a person has to mend something


def claim(notification: Notification, now: datetime, claimer: str) -> Notification | None:
    """The notification with a lease for `claimer`; None when it is not due or somebody has it.

    A lease that ran out belonged to somebody who died between sending and saying so: the message may
    have arrived, and is marked as a possible repeat. Later leases are longer: nobody knows what killed
    the holders, and a message that did arrive must not be repeated every two minutes.
    """
    if notification.next_attempt is not None and now < notification.next_attempt:
        return None
    if notification.claimed_until is not None and now < notification.claimed_until:
        return None
    attempts = notification.attempts + 1
    return replace(
        notification,
        claimed_by=claimer,
        claimed_until=now + max(LEASE, wait_after(attempts)),
        attempts=attempts,
        may_repeat=notification.may_repeat or notification.claimed_until is not None,
    )


def settle(notification: Notification, outcome: Outcome, now: datetime) -> tuple[Notification, Status]:
    """The notification after an attempt, without its lease, and where it stands."""
    free = replace(notification, claimed_by="", claimed_until=None)
    if isinstance(outcome, Delivered):
        status = Status.DELIVERED if outcome.confirmed else Status.ACCEPTED
        return replace(free, next_attempt=None, last_error=""), status
    if isinstance(outcome, Refused) or notification.attempts >= MOST_ATTEMPTS:
        return replace(free, next_attempt=None, last_error=outcome.why), Status.DEAD
    wait = max(wait_after(notification.attempts), outcome.after or timedelta())
    may_repeat = notification.may_repeat or outcome.unsure
    return replace(
        free, next_attempt=now + wait, last_error=outcome.why, may_repeat=may_repeat
    ), Status.QUEUED


def wait_after(attempts: int) -> timedelta:
    """30 s, doubled for each attempt, at most an hour."""
    doublings = min(max(attempts - 1, 0), 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
