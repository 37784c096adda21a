"""A gate before each channel, kept in the store, so that all workers together respect what it can take.

It paces messages, parks the channel when it asks for that, closes when the channel takes nothing any more,
and counts the messages of an hour.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.model import Delivered, Outcome, Refused, RetryLater

HOUR = timedelta(hours=1)
FIRST_PROBE, LONGEST_PROBE = timedelta(minutes=15), timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known of a channel."""

    channel: str
    next_at: datetime | None = None  # no message before
    parked_until: datetime | None = None  # it asked to be left alone until then
    closed_since: datetime | None = None  # it refuses everything since then
    probe_at: datetime | None = None  # while closed: when one message tries whether it is open again
    why: str = ""  # it is parked or closed
    sent: tuple[datetime, ...] = ()  # the messages of the last hour
    summed_at: datetime | None = None  # when it was last told a summary of what it may not be told


@dataclass(frozen=True, slots=True)
class Shut:
    """The gate lets nothing through before `until`. `full`: the messages of this hour are used up."""

    until: datetime
    why: str
    full: bool = False


def enter(gate: Gate, pace: timedelta, most: int, urgent: bool, now: datetime) -> Gate | Shut:
    """The gate once one message has passed it, or why it may not pass now.

    One message each `pace`, and `most` an hour; twice as many when they are urgent.
    """
    if gate.closed_since is not None and gate.probe_at is not None and now < gate.probe_at:
        return Shut(gate.probe_at, f"closed: {gate.why}")
    if gate.parked_until is not None and now < gate.parked_until:
        return Shut(gate.parked_until, f"parked: {gate.why}")
    recent = tuple(at for at in gate.sent if now - at < HOUR)
    most = most * 2 if urgent else most
    if len(recent) >= most:
        return Shut(recent[len(recent) - most] + HOUR, f"{most} messages in this hour", full=True)
    if gate.next_at is not None and now < gate.next_at:
        return Shut(gate.next_at, "one after the other")
    probe_at = now + FIRST_PROBE if gate.closed_since is not None else None  # nobody else tries meanwhile
    return replace(gate, next_at=now + pace, probe_at=probe_at, sent=(*recent, now))


def enter_in_short(gate: Gate, now: datetime) -> Gate | None:
    """The gate once a summary has passed it; None when there was one within the hour, or it is shut."""
    shut = [at for at in (gate.parked_until, gate.probe_at) if at is not None and now < at]
    if shut or (gate.summed_at is not None and now - gate.summed_at < HOUR):
        return None
    return replace(gate, summed_at=now)


def leave(gate: Gate, outcome: Outcome, now: datetime) -> Gate:
    """The gate after the channel has answered."""
    if isinstance(outcome, Delivered):
        return replace(gate, parked_until=None, closed_since=None, probe_at=None, why="")
    if isinstance(outcome, RetryLater) and outcome.after is not None:
        return replace(gate, parked_until=now + outcome.after, why=outcome.why)
    if isinstance(outcome, Refused) and outcome.closed:
        since = gate.closed_since or now
        wait = min(max(now - since, FIRST_PROBE), LONGEST_PROBE)
        return replace(gate, closed_since=since, probe_at=now + wait, why=outcome.why)
    return gate
