"""What people do about incidents: each act is a change of the incident with who, when and why."""

from datetime import datetime

from shared.core.faults import Conflict
from shared.core.incidents import acknowledge as acknowledged
from shared.core.model import Incident
from shared.flows.accept import TRIES, commit
from shared.flows.ports import Ports
from shared.formats import records


def acknowledge(ports: Ports, incident: str, by: str, why: str, now: datetime) -> list[str]:
    """Somebody has it: no repeats, no escalation. Answers the nudges; [] when it says nothing new."""
    for _ in range(TRIES):
        row = next(
            (
                row
                for row in ports.store.scan(records.ALERTS, "incident|")
                if records.decode(row.body, Incident).id == incident
            ),
            None,
        )
        step = acknowledged(records.decode(row.body, Incident), by, why, now) if row else None
        if row is None or step is None:
            return []
        try:
            return commit(ports, step, row, now)
        except Conflict:
            continue
    raise Conflict(f"incident {incident} changed {TRIES} times while it was being written")
