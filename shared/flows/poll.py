"""Polling: a timer makes one job for each subject of a source, a queue runs them, each within a minute."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.faults import Conflict, Fault, SignInFault, SourceFault, Throttled
from shared.core.freshness import Watermark, claim, is_left_over, judge_freshness, left_since
from shared.core.periods import MINUTE, floor_to
from shared.flows.accept import accept
from shared.flows.estate import groups, poll_group, remembered, watched
from shared.flows.keep import load_mark, save_mark
from shared.flows.poll_bill import of_everything, poll_bill
from shared.flows.poll_budgets import poll_budgets
from shared.flows.poll_gateway import poll_gateway, workspaces
from shared.flows.poll_prices import poll_prices, price_lists
from shared.flows.poll_spend import poll_spend
from shared.flows.poll_usage import poll_usage
from shared.flows.ports import Ports
from shared.formats.moments import parse_moment

MOST_LEFT_OVER = 40  # jobs of a source at once
Poll = Callable[[Ports, str, Watermark, datetime], list[str]]
SUBJECT = re.compile(r"[\w-]{1,60}", re.ASCII)
GROUP = re.compile(r"[\w-][\w.()-]{0,89}", re.ASCII)  # a management group's name


@dataclass(frozen=True, slots=True)
class Source:
    """What is read in one round: how, and of whom. `known` answers the same as `subjects` without asking."""

    poll: Poll
    subjects: Callable[[Ports], Iterable[str]] = watched
    known: Callable[[Ports], Iterable[str]] = remembered
    names: re.Pattern[str] = SUBJECT  # what a subject may be called: it becomes part of a URL


SOURCES: Mapping[str, Source] = {
    "discovery": Source(poll_group, groups, groups, GROUP),
    "usage": Source(poll_usage),
    "gateway": Source(poll_gateway, workspaces, workspaces),
    "spend": Source(poll_spend),
    "bill": Source(poll_bill, of_everything, of_everything),
    "budgets": Source(poll_budgets),
    "prices": Source(poll_prices, price_lists, price_lists),
}
TIMERS: Mapping[str, tuple[str, ...]] = {
    "usage": ("discovery", "usage", "gateway"),
    "spend": ("spend", "bill", "budgets", "prices"),
}


def plan(ports: Ports, timer: str, now: datetime) -> list[str]:
    """The jobs of one round of a timer: a message for `poll_scope` for each subject of its sources.

    A timer that fires twice in a minute makes the same jobs twice, and each is done once.
    """
    return [
        _message(source, subject, floor_to(now, MINUTE))
        for source in TIMERS[timer]
        for subject in SOURCES[source].subjects(ports)
    ]


def left_over(ports: Ports, now: datetime) -> list[str]:
    """Jobs that take up what was put off until now, or whose worker died; of each source the oldest.

    No more than could go on: what waits for its turn at Cost Management would only be put off again.
    """
    jobs = []
    for name, source in SOURCES.items():
        marks = (load_mark(ports, name, subject)[0] for subject in source.known(ports))
        waiting = sorted((mark for mark in marks if is_left_over(mark, now)), key=left_since)
        jobs += [_message(name, mark.subject, None) for mark in waiting[:MOST_LEFT_OVER]]
    return jobs


def poll_scope(ports: Ports, message: str, now: datetime) -> list[str]:
    """Runs one job; answers the nudges for `deliver`. What fails is remembered, and told when it lasts.

    Safe to repeat and to be killed anywhere: the watermark moves last. A job that somebody else has done
    or is doing is left alone.
    """
    job = _job(message)
    if job is None:
        # No try would make sense of it, and the next round makes all jobs anew.
        ports.log({"event": "odd job", "message": message[:200]})
        return []
    mark, version = load_mark(ports, job.source, job.subject)
    claimed = claim(mark, job.round, now)
    if claimed is None:
        return []
    try:
        version = save_mark(ports, claimed, version)
    except Conflict:
        return []  # somebody else has just taken it
    after, nudges = _polled(ports, claimed, now)
    nudges += accept(ports, [judge_freshness(after, now)], now)
    with suppress(Conflict):  # our lease ran out: who has taken it up says how it went
        save_mark(
            ports, replace(after, claimed_until=None, round=job.round or floor_to(now, MINUTE)), version
        )
    return nudges


def _polled(ports: Ports, mark: Watermark, now: datetime) -> tuple[Watermark, list[str]]:
    """The mark after the poll, and the nudges."""
    try:
        nudges = SOURCES[mark.source].poll(ports, mark.subject, mark, now)
    except (SourceFault, SignInFault) as fault:
        ports.log({"event": "source", "source": mark.source, "subject": mark.subject, "trouble": str(fault)})
        return _troubled(mark, fault, now), []
    after = replace(mark, read_until=now, answered_at=now, failing_since=None, trouble="", not_before=None)
    return after, nudges


def _troubled(mark: Watermark, fault: Fault, now: datetime) -> Watermark:
    wait = fault.after if isinstance(fault, Throttled) else None
    return replace(
        mark,
        failing_since=mark.failing_since or now,
        trouble=str(fault),
        not_before=now + wait if wait else None,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    source: str
    subject: str
    round: datetime | None  # None takes up what was left over


def _message(source: str, subject: str, round_: datetime | None) -> str:
    return json.dumps({"source": source, "subject": subject, "round": round_.isoformat() if round_ else None})


def _job(message: str) -> _Job | None:
    """The job that a message names; None when it names none."""
    try:
        found = json.loads(message)
        source, subject, round_ = str(found["source"]), str(found["subject"]), found.get("round")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    sensible = source in SOURCES and SOURCES[source].names.fullmatch(subject)
    return _Job(source, subject, parse_moment(round_)) if sensible else None
