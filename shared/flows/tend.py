"""Tending: what no alert and no nudge will bring about. Safe to repeat, to miss, and to run twice at once."""

from datetime import datetime

from shared.core.faults import Conflict
from shared.core.freshness import PATIENCE, judge_freshness
from shared.core.incidents import expire
from shared.core.model import Incident
from shared.flows.accept import accept, commit
from shared.flows.deliver import due
from shared.flows.estate import remembered
from shared.flows.keep import load_mark
from shared.flows.ports import Ports
from shared.formats import records


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
    marks = [load_mark(ports, source, one) for one in remembered(ports) for source in PATIENCE]
    accept(ports, [judge_freshness(mark, now) for mark in marks], now)
    return due(ports, now)
