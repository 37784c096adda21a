"""Tending: what no alert and no nudge will bring about. Safe to repeat, to miss, and to run twice at once."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.faults import Conflict
from shared.core.freshness import OF_A_SUBSCRIPTION, Watermark, judge_freshness
from shared.core.incidents import close, expire, noted
from shared.core.model import Conversation, Incident, Reason, State, Thread, Waiting
from shared.core.routes import escalated
from shared.core.rows import Row
from shared.core.wording import lasted
from shared.flows.accept import accept, commit
from shared.flows.digest import tell_digests
from shared.flows.estate import forget, is_lost
from shared.flows.keep import load_mark, save_mark
from shared.flows.lapse import lapse
from shared.flows.poll import SOURCES
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.watch_file import why_ruleless

SOONEST_REPEAT = timedelta(minutes=30)  # no route repeats sooner
LOST_FOR = timedelta(days=7)  # that a subscription which is not listed any more is still asked for


def tend(ports: Ports, now: datetime) -> list[str]:
    """Closes what is over, escalates, tells of polls that do not run, and digests.

    Answers the nudges of what waits.
    """
    lapse(ports, now)
    for row in ports.store.scan(records.ALERTS, "incident|"):
        _tend_incident(ports, row, now)
    subjects: dict[str, list[str]] = {}
    for name, source in SOURCES.items():
        for subject in source.known(ports):
            subjects.setdefault(subject, []).append(name)
    for subject, sources in subjects.items():
        _judge_freshness(ports, subject, sources, now)
    tell_digests(ports, now)
    return due(ports, now)


def _tend_incident(ports: Ports, row: Row, now: datetime) -> None:
    incident = records.decode(row.body, Incident)
    with suppress(Conflict):  # somebody else has just changed it; the next round looks again
        if step := expire(incident, now):
            commit(ports, step, row, now)
        elif why := why_ruleless(incident, ports.watch):
            commit(ports, close(incident, why, now), row, now)
        else:
            _escalate(ports, incident, row, now)


def _escalate(ports: Ports, incident: Incident, row: Row, now: datetime) -> None:
    """Puts an incident that nobody has acknowledged in time before further channels, each once."""
    if incident.state is not State.TRIGGERED:
        return
    found = escalated(incident.alert, incident.id, ports.watch.routes, now - incident.opened_at)
    heard = {one.channel for one in incident.addresses}
    new = tuple(one for one in found if one.channel not in heard)
    if not new:
        return
    why = f"not acknowledged for {lasted(now - incident.opened_at)}; also told: " + ", ".join(
        one.channel for one in new
    )
    wider = replace(incident, addresses=incident.addresses + new)
    commit(ports, noted(wider, "escalated", why, "", now), row, now, Reason.ESCALATED)


def due(ports: Ports, now: datetime) -> list[str]:
    """The nudges of all addresses that may be told something now, each once."""
    nudges: dict[str, None] = {}
    for row in ports.store.scan(records.ALERTS, "waiting|"):
        nudges[records.decode(row.body, Waiting).address.nudge] = None
    for row in ports.store.scan(records.ALERTS, "conversation|"):
        talk = records.decode(row.body, Conversation)
        if any(_may_be_repeated(thread, now) for thread in talk.threads):
            nudges[talk.address.nudge] = None
    return list(nudges)


def _may_be_repeated(thread: Thread, now: datetime) -> bool:
    return now - thread.told_at >= SOONEST_REPEAT and any(
        told.state is State.TRIGGERED for told in thread.told.values()
    )


def _judge_freshness(ports: Ports, subject: str, sources: list[str], now: datetime) -> None:
    marks = [load_mark(ports, source, subject) for source in sources]
    asked = [mark for mark, _ in marks]
    if is_lost(ports, subject) and all(
        _is_long_ago(mark, now) for mark in asked if mark.source in OF_A_SUBSCRIPTION
    ):
        forget(ports, subject)
        over = "the subscription is not listed any more and is no longer watched"
        accept(ports, [replace(judge_freshness(one, now), firing=False, why=over) for one in asked], now)
        return
    for mark, version in marks:
        if mark.answered_at is None and mark.failing_since is None:
            with suppress(Conflict):
                save_mark(ports, replace(mark, failing_since=now), version)  # its patience runs from now on
    accept(ports, [judge_freshness(mark, now) for mark in asked], now)


def _is_long_ago(mark: Watermark, now: datetime) -> bool:
    since = mark.answered_at or mark.failing_since
    return since is not None and now - since >= LOST_FOR
