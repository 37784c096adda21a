"""Health, for probes: liveness, which says no more, and readiness, for whoever may know the rest."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from shared.core.faults import StoreAway
from shared.core.freshness import Watermark, judge_freshness
from shared.core.gates import Gate
from shared.core.model import Conversation, Delivery, Waiting
from shared.flows.intake import Reply
from shared.flows.keep import load_mark
from shared.flows.poll import SOURCES
from shared.flows.ports import Ports
from shared.formats import records

MOST_ROWS = 1000  # that are looked at; where there are more the number says at least that many
MOST_MARKS = 100
LATE = timedelta(hours=1)  # for what was sent and not taken


def liveness(ports: Ports) -> Reply:
    """A word and an HTTP status."""
    try:
        ports.store.get(records.state_partition("-"), "anything")
    except StoreAway:
        return Reply(503, "the store is away")
    return Reply(200, "alive")


def readiness(ports: Ports, now: datetime) -> Reply:
    """JSON: how old what is known is, and how much waits; 503 when `problems` says that something is amiss.

    Ages are in seconds. What cannot be known is null: a queue's depth on one machine, a source that was
    never asked.
    """
    try:
        marks = list(islice(_marks(ports), MOST_MARKS))
        waiting, dead = _waiting(ports, now), _dead(ports)
    except StoreAway:
        return Reply(503, "the store is away")
    late = sorted({mark.source for mark in marks if judge_freshness(mark, now).firing})
    problems = [f"no {source} data for too long" for source in late]
    if (waiting["oldest"] or 0) > LATE.total_seconds():
        problems.append("something has waited to be told for more than an hour")
    problems += [f"channel {gate.channel} is closed: {gate.why}" for gate in _closed(ports)]
    found = {
        "problems": problems,
        "sources": {source: _source(marks, source, now) for source in sorted({one.source for one in marks})},
        "waiting": waiting,
        "dead": dead,
        "queues": dict(ports.depths()),
    }
    return Reply(503 if problems else 200, json.dumps(found, indent=2), media="application/json")


def _marks(ports: Ports) -> Iterator[Watermark]:
    """One of each source in turn, so that none is left out where there are too many to look at."""
    waiting = [(name, iter(source.known(ports))) for name, source in SOURCES.items()]
    while waiting:
        left = []
        for name, subjects in waiting:
            if (subject := next(subjects, None)) is not None:
                yield load_mark(ports, name, subject)[0]
                left.append((name, subjects))
        waiting = left


def _source(marks: list[Watermark], source: str, now: datetime) -> dict[str, Any]:
    ours = [mark for mark in marks if mark.source == source]
    answered = [mark.answered_at for mark in ours if mark.answered_at]
    return {
        "subjects": len(ours),
        "failing": sum(mark.failing_since is not None for mark in ours),
        "newest": _age(max(answered, default=None), now),
        "oldest": _age(min(answered, default=None), now),
    }


def _waiting(ports: Ports, now: datetime) -> dict[str, Any]:
    """What is to be told, and the age of the oldest of it that was sent and not taken.

    What is silenced, or waits for the hours of its route, is not late.
    """
    rows = islice(ports.store.scan(records.ALERTS, "waiting|"), MOST_ROWS)
    found = [records.decode(row.body, Waiting) for row in rows]
    rows = islice(ports.store.scan(records.ALERTS, "conversation|"), MOST_ROWS)
    tried = {talk.address for row in rows if (talk := records.decode(row.body, Conversation)).attempts}
    since = [one.since for one in found if one.address in tried]
    return {"rows": len(found), "oldest": _age(min(since, default=None), now)}


def _closed(ports: Ports) -> list[Gate]:
    gates = (records.decode(row.body, Gate) for row in ports.store.scan(records.ALERTS, "gate|"))
    return [gate for gate in gates if gate.closed_since is not None]


def _dead(ports: Ports) -> int:
    rows = islice(ports.store.scan(records.ALERTS, "delivery|"), MOST_ROWS)
    return sum(records.decode(row.body, Delivery).status == "dead" for row in rows)


def _age(moment: datetime | None, now: datetime) -> int | None:
    return int((now - moment).total_seconds()) if moment else None
