"""What to say next: to one address, from what it was told and how its incidents stand now.

What waits says only that there may be something to tell. What is told is decided when it can be told:
an incident that opened and ended while a channel could not be reached is one late message, not two.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.hours import opens_at
from shared.core.model import (
    Conversation,
    Incident,
    Kind,
    Notification,
    Reason,
    Severity,
    State,
    Thread,
    Told,
    Waiting,
)
from shared.core.routes import Manner

JOIN = timedelta(
    hours=1
)  # after its beginning a message takes no more incidents: nobody would see them there
MOST_TOLD = 500  # incidents of one message; what is more begins another
# A budget's step and a newcomer are told once; what goes on and can be stopped is repeated.
REPEATED = frozenset({Kind.LIMIT, Kind.ANOMALY, Kind.FRESHNESS, Kind.AZURE})
QUIET = frozenset({Reason.CHANGED, Reason.NOTHING_NEW})
MUTED = frozenset({Reason.OPENED, Reason.WORSENED, Reason.REPEAT_DUE, Reason.ESCALATED, Reason.STILL_FIRING})
# Of several news the one that the message opens with.
FIRST = (
    Reason.TEST,
    Reason.ESCALATED,
    Reason.WORSENED,
    Reason.OPENED,
    Reason.STILL_FIRING,
    Reason.JOINED,
    Reason.LATE,
    Reason.RESOLVED,
    Reason.REPEAT_DUE,
    Reason.CHANGED,
)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is looked at to decide what to say."""

    conversation: Conversation
    waiting: tuple[Waiting, ...]  # oldest first
    incidents: Mapping[str, Incident]  # by id: those that wait and those of the conversation's threads
    manner: Manner
    muted: Callable[[Incident], str]  # why an incident must not be told now, "" when it may
    edits: bool  # whether the channel can change what it was told


@dataclass(frozen=True, slots=True)
class Say:
    """Tell this; then `settled` is what the conversation becomes, and `done` waits no longer."""

    notification: Notification
    settled: Conversation
    done: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing now. `until` is when to look again; None when only something new can change it."""

    until: datetime | None
    why: str
    done: tuple[Waiting, ...] = ()  # waits no longer: there is nothing to say of it
    muted: tuple[Waiting, ...] = ()  # is told as still firing, if it is, when it may be


def plan(at: Situation, now: datetime) -> Say | Hold:
    """What to say to the address now, or why nothing.

    At most one message: the most urgent. When it has been settled there may be another.
    """
    news = _news(at, now)
    muted = {one for one, reason in news.items() if reason in MUTED and at.muted(at.incidents[one])}
    told = {one: reason for one, reason in news.items() if one not in muted}
    done = tuple(one for one in at.waiting if one.incident not in news)
    kept = tuple(one for one in at.waiting if one.incident in muted)
    if not told:
        return Hold(None, "muted" if muted else "nothing new", done, kept)
    thread, its_news = _most_urgent(at, told, now)
    when, why = _earliest(at, thread, its_news, now)
    if when > now:
        return Hold(when, why, done, kept)
    return _say(at, thread, its_news, done, now)


def reason_to_tell(
    told: Told | None, incident: Incident, waiting: Sequence[Waiting], manner: Manner, now: datetime
) -> Reason:
    """Why to tell an address of an incident now, or NOTHING_NEW."""
    alert = incident.alert
    if told is None:
        return _reason_to_begin(incident, waiting, manner)
    if told.state is State.RESOLVED or alert.test:
        return Reason.NOTHING_NEW
    if not incident.open:
        # What ended by itself is no news: nobody found that it was over.
        return Reason.RESOLVED if alert.ends is None else Reason.CHANGED
    if alert.severity > told.severity or set(alert.steps) - set(told.steps):
        return Reason.WORSENED
    if incident.state is State.TRIGGERED and any(one.reason is Reason.ESCALATED for one in waiting):
        return Reason.ESCALATED
    if incident.state is State.TRIGGERED and _repeat_due(told, incident, manner, now):
        return Reason.REPEAT_DUE
    return Reason.CHANGED if waiting else Reason.NOTHING_NEW


def repeat_at(told: Told, incident: Incident, manner: Manner) -> datetime | None:
    """When an incident is to be told again though nothing is new; None for never."""
    spans = manner.repeat.get(incident.alert.severity, ())
    if incident.alert.kind not in REPEATED or incident.state is not State.TRIGGERED or not spans:
        return None
    return told.at + spans[min(told.times, len(spans)) - 1]


def _repeat_due(told: Told, incident: Incident, manner: Manner, now: datetime) -> bool:
    again = repeat_at(told, incident, manner)
    return again is not None and now >= again


def _reason_to_begin(incident: Incident, waiting: Sequence[Waiting], manner: Manner) -> Reason:
    if not waiting:
        return Reason.NOTHING_NEW
    if incident.alert.test:
        return Reason.TEST
    if incident.open:
        asked = {one.reason for one in waiting}
        unusual = asked & {Reason.ESCALATED, Reason.STILL_FIRING}
        return min(unusual, key=FIRST.index) if unusual else Reason.OPENED
    lasted = (incident.resolved_at or incident.opened_at) - incident.opened_at
    missed = lasted > manner.wait and incident.alert.ends is None
    return Reason.LATE if missed else Reason.NOTHING_NEW


def _news(at: Situation, now: datetime) -> dict[str, Reason]:
    """The incidents of which there is something to tell, and why."""
    known = {one: told for thread in at.conversation.threads for one, told in thread.told.items()}
    waiting: dict[str, list[Waiting]] = {}
    for one in at.waiting:
        waiting.setdefault(one.incident, []).append(one)
    reasons = {
        one: reason_to_tell(known.get(one), at.incidents[one], waiting.get(one, ()), at.manner, now)
        for one in {**waiting, **known}
        if one in at.incidents
    }
    return {one: reason for one, reason in reasons.items() if reason is not Reason.NOTHING_NEW}


def _most_urgent(
    at: Situation, news: Mapping[str, Reason], now: datetime
) -> tuple[Thread, dict[str, Reason]]:
    """The thread with the news that can wait least, and its news. New incidents join a young thread."""
    by_thread: dict[int, dict[str, Reason]] = {}
    threads = {thread.number: thread for thread in at.conversation.threads}
    young = _young(at.conversation, now)
    for one, reason in news.items():
        home = next((thread.number for thread in threads.values() if one in thread.told), None)
        number = home if home is not None else young.number
        joins = home is None and number in threads and reason is Reason.OPENED
        by_thread.setdefault(number, {})[one] = Reason.JOINED if joins else reason
    number = max(by_thread, key=lambda number: (_urgency(at, by_thread[number]), -number))
    return threads.get(number, young), dict(list(by_thread[number].items())[:MOST_TOLD])


def _young(conversation: Conversation, now: datetime) -> Thread:
    """The newest thread if it still takes incidents, else a new one."""
    newest = conversation.threads[-1] if conversation.threads else None
    if newest is not None and now - newest.began_at < JOIN and len(newest.told) < MOST_TOLD:
        return newest
    return Thread(conversation.sequence + 1, now, now, {})


def _urgency(at: Situation, news: Mapping[str, Reason]) -> tuple[bool, int]:
    worst = max(at.incidents[one].alert.severity for one in news)
    return any(reason not in QUIET for reason in news.values()), worst


def _earliest(
    at: Situation, thread: Thread, news: Mapping[str, Reason], now: datetime
) -> tuple[datetime, str]:
    """When this may be told at the earliest, and what it waits for."""
    if set(news.values()) <= {Reason.TEST, Reason.CHANGED}:
        return now, ""
    opens = opens_at(at.manner.hours, now)
    if opens > now:
        return opens, "outside the hours of its route"
    if not thread.told:
        since = min((one.since for one in at.waiting if one.incident in news), default=now)
        return since + at.manner.wait, "others may join it"
    critical = any(
        at.incidents[one].alert.severity is Severity.CRITICAL and at.incidents[one].open for one in news
    )
    return (now, "") if critical else (thread.told_at + at.manner.interval, "told a short while ago")


def _say(
    at: Situation, thread: Thread, news: Mapping[str, Reason], done: tuple[Waiting, ...], now: datetime
) -> Say | Hold:
    members = {one: at.incidents[one] for one in {**thread.told, **news} if one in at.incidents}
    reason = _opening(members, news)
    after = _after(thread, members, news, reason, now)
    heard = done + tuple(one for one in at.waiting if one.incident in news)
    talk = at.conversation
    silent = reason is Reason.CHANGED and not (at.edits and thread.receipt)
    sequence = talk.sequence if silent else talk.sequence + 1
    settled = replace(_with(talk, after, at.waiting), sequence=sequence)
    notification = Notification(
        incidents=by_rank(members.values()),
        address=talk.address,
        sequence=sequence,
        reason=Reason.NOTHING_NEW if silent else reason,
        at=now,
        thread=thread.number,
        news=tuple(news),
        may_repeat=talk.may_repeat,
    )
    return Say(notification, settled, heard)


def _opening(members: Mapping[str, Incident], news: Mapping[str, Reason]) -> Reason:
    """What the message as a whole is: the first of its news; over only when all of it is."""
    said = set(news.values())
    if Reason.RESOLVED in said and any(one.open for one in members.values()):
        said = said - {Reason.RESOLVED} or {Reason.CHANGED}
    return min(said, key=FIRST.index)


def _after(
    thread: Thread, members: Mapping[str, Incident], news: Mapping[str, Reason], reason: Reason, now: datetime
) -> Thread:
    """The thread once this was told."""
    told = dict(thread.told)
    interrupts = reason is not Reason.CHANGED
    for one, incident in members.items():
        before = told.get(one)
        times = (before.times if before else 0) + (1 if interrupts and one in news else 0)
        at = now if interrupts or before is None else before.at
        if one in news or before is None:
            told[one] = Told(at, incident.alert.severity, incident.alert.steps, incident.state, max(times, 1))
    return replace(thread, told=told, told_at=now if interrupts else thread.told_at)


def _with(talk: Conversation, thread: Thread, waiting: Sequence[Waiting]) -> Conversation:
    """The conversation with that thread as it is now; one in which all is over is let go."""
    others = tuple(one for one in talk.threads if one.number != thread.number)
    threads = (*others, thread) if _goes_on(thread) else others
    threads = tuple(sorted(threads, key=lambda one: one.number))
    keys = {**talk.keys, **{one.incident: one.incident_key for one in waiting}}
    members = {one for each in threads for one in each.told}
    return replace(talk, threads=threads, keys={one: key for one, key in keys.items() if one in members})


def _goes_on(thread: Thread) -> bool:
    return any(told.state is not State.RESOLVED for told in thread.told.values())


def by_rank(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """The open ones first, then the worst, then the newest."""
    return tuple(
        sorted(incidents, key=lambda one: (one.open, one.alert.severity, one.opened_at), reverse=True)
    )
