"""Tending: what no alert and no nudge will bring about. Safe to repeat, to miss, and to run twice at once."""

from datetime import datetime

from shared.core.faults import Conflict
from shared.core.incidents import expire
from shared.core.model import Incident
from shared.flows.accept import commit
from shared.flows.deliver import due
from shared.flows.ports import Ports
from shared.formats import records


def tend(ports: Ports, now: datetime) -> list[str]:
    """Closes incidents whose time is over; answers the nudges of all messages that wait and are due."""
    for row in ports.store.scan(records.ALERTS, "incident|"):
        step = expire(records.decode(row.body, Incident), now)
        if step is None:
            continue
        try:
            commit(ports, step, row, now)
        except Conflict:
            continue  # somebody else has just changed it; the next round looks again
    return due(ports, now)
