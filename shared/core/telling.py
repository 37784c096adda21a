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
    Notification,
    Reason,
    Severity,
    State,
    Thread,
    Told,
    Waiting,
)
from shared.core.reasons import FIRST, MUTED, QUIET, reason_to_tell
from shared.core.routes import Manner

JOIN = timedelta(hours=1)  # then a message takes no more incidents: nobody would see them there
MOST_TOLD = 500  # incidents of one message; what is more begins another


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

    At most one message: the most urgent of those that need not wait. When it has been settled there may
    be another.
    """
    news = _news(at, now)
    muted = {one for one, reason in news.items() if reason in MUTED and at.muted(at.incidents[one])}
    # What was told before may be edited in, so that the message shows how it stands; it interrupts nobody.
    shown = muted & _told_of(at.conversation) & {one.incident for one in at.waiting}
    news |= dict.fromkeys(shown, Reason.CHANGED)
    muted -= shown
    told = {one: reason for one, reason in news.items() if one not in muted}
    done = tuple(one for one in at.waiting if one.incident not in news)
    kept = tuple(one for one in at.waiting if one.incident in muted)
    if not told:
        return Hold(None, "muted" if muted else "nothing new", done, kept)
    waits: list[tuple[datetime, str]] = []
    for thread, its_news in _most_urgent_first(at, told, now):
        when, why = _earliest(at, thread, its_news, now)
        if when <= now:
            return _say(at, thread, its_news, done, now)
        waits.append((when, why))
    until, why = min(waits)
    return Hold(until, why, done, kept)


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


def _told_of(talk: Conversation) -> set[str]:
    return {one for thread in talk.threads for one in thread.told}


def _most_urgent_first(
    at: Situation, news: Mapping[str, Reason], now: datetime
) -> list[tuple[Thread, dict[str, Reason]]]:
    """The threads that have news, each with its news: those that can wait least come first.

    Of a thread that has to wait, what interrupts nobody is shown before: it comes once more, at the end.
    """
    found = _by_thread(at, news, now)
    found.sort(key=lambda one: (_urgency(at, one[1]), -one[0].number), reverse=True)
    quiet = [(thread, {one: why for one, why in its.items() if why in QUIET}) for thread, its in found]
    return found + [(thread, its_news) for thread, its_news in quiet if its_news]


def _by_thread(
    at: Situation, news: Mapping[str, Reason], now: datetime
) -> list[tuple[Thread, dict[str, Reason]]]:
    """Each thread with its news. What is new joins a young thread, if there is one; a test is alone."""
    threads = at.conversation.threads
    known = _told_of(at.conversation)
    new = sorted((one for one in news if one not in known), key=lambda one: -at.incidents[one].alert.severity)
    fresh = Thread(at.conversation.sequence + 1, now, now, {})
    home = next((thread for thread in reversed(threads) if _is_young(thread, now)), fresh)
    joining = [one for one in new if news[one] is not Reason.TEST][: MOST_TOLD - len(home.told)]
    found = []
    for thread in (*threads, fresh):
        its_news = {one: news[one] for one in thread.told if one in news}
        if thread.number == home.number:
            its_news |= {one: _as_joined(news[one], home) for one in joining}
        found.append((thread, its_news))
    found += [(fresh, {one: Reason.TEST}) for one in new if news[one] is Reason.TEST]
    return [(thread, its_news) for thread, its_news in found if its_news]


def _is_young(thread: Thread, now: datetime) -> bool:
    """Whether it still takes incidents."""
    return now - thread.began_at < JOIN and len(thread.told) < MOST_TOLD


def _as_joined(reason: Reason, home: Thread) -> Reason:
    return Reason.JOINED if reason is Reason.OPENED and home.told else reason


def _urgency(at: Situation, news: Mapping[str, Reason]) -> tuple[bool, int]:
    worst = max(at.incidents[one].alert.severity for one in news)
    return any(reason not in QUIET for reason in news.values()), worst


def _earliest(
    at: Situation, thread: Thread, news: Mapping[str, Reason], now: datetime
) -> tuple[datetime, str]:
    """When this may be told at the earliest, and what it waits for."""
    if _opening(_members(at, thread, news), news) in (Reason.TEST, Reason.CHANGED):
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


def _members(at: Situation, thread: Thread, news: Mapping[str, Reason]) -> dict[str, Incident]:
    return {one: at.incidents[one] for one in {**thread.told, **news} if one in at.incidents}


def _say(
    at: Situation, thread: Thread, news: Mapping[str, Reason], done: tuple[Waiting, ...], now: datetime
) -> Say | Hold:
    members = _members(at, thread, news)
    reason = _opening(members, news)
    after = _after(thread, members, news, reason, at.muted, now)
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
    thread: Thread,
    members: Mapping[str, Incident],
    news: Mapping[str, Reason],
    reason: Reason,
    is_muted: Callable[[Incident], str],
    now: datetime,
) -> Thread:
    """The thread once this was told."""
    told = dict(thread.told)
    interrupts = reason is not Reason.CHANGED
    for one, incident in members.items():
        before = told.get(one)
        times = (before.times if before else 0) + (1 if interrupts and one in news else 0)
        at = now if interrupts or before is None else before.at
        if one in news or before is None:
            alert = incident.alert
            muted = news.get(one) is Reason.CHANGED and incident.open and bool(is_muted(incident))
            told[one] = Told(at, alert.severity, alert.steps, incident.state, max(times, 1), muted)
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
