"""Tending: what no alert and no nudge will bring about. Safe to repeat, to miss, and to run twice at once."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.faults import Conflict
from shared.core.freshness import OF_A_SUBSCRIPTION, Watermark, judge_freshness
from shared.core.incidents import expire
from shared.core.model import Incident
from shared.flows.accept import accept, commit
from shared.flows.deliver import due
from shared.flows.estate import forget, is_lost
from shared.flows.keep import load_mark, save_mark
from shared.flows.poll import SOURCES
from shared.flows.ports import Ports
from shared.formats import records

LOST_FOR = timedelta(days=7)  # that a subscription which is not listed any more is still asked for


def tend(ports: Ports, now: datetime) -> list[str]:
    """Closes what is over, tells of polls that do not run; answers the nudges of all messages due."""
    for row in ports.store.scan(records.ALERTS, "incident|"):
        step = expire(records.decode(row.body, Incident), now)
        if step is None:
            continue
        try:
            commit(ports, step, row, now)
        except Conflict:
            continue  # somebody else has just changed it; the next round looks again
    subjects: dict[str, list[str]] = {}
    for name, source in SOURCES.items():
        for subject in source.known(ports):
            subjects.setdefault(subject, []).append(name)
    for subject, sources in subjects.items():
        _judge_freshness(ports, subject, sources, now)
    return due(ports, now)


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
