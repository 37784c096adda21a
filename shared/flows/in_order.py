"""Pushed alerts, taken in as if they had come in the order in which they were sent.

That an alert is over is noted before it is taken in, and looked for after one that fires is: whichever of
two workers is the later sees the other, so that no incident stays open of what is over.
"""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from shared.core.model import Alert, Incident, Kind
from shared.core.ordering import is_late
from shared.core.rows import Put, Row
from shared.flows.accept import accept, accept_one
from shared.flows.ports import Ports
from shared.formats import records

Kept = TypeVar("Kept")


def accept_in_order(ports: Ports, alert: Alert, now: datetime) -> list[str]:
    """As `accept`, for one alert that Azure pushed. What comes too late to matter changes nothing."""
    if alert.test or alert.kind is Kind.BUDGET:  # nobody says of these that they are over
        return accept(ports, [alert], now)
    standing = ports.store.get(records.ALERTS, records.incident_key(alert))
    over = ports.store.get(records.OVER, records.over_key(alert))
    if is_late(alert, _decoded(standing, Incident), _decoded(over, datetime)):
        ports.log({"event": "late", "rule": alert.rule, "firing": alert.firing, "at": alert.at.isoformat()})
        return []
    if not alert.firing:
        _note_over(ports, alert, over)
        return accept(ports, [alert], now)  # what has begun since is looked for anew
    nudges = accept_one(ports, alert, standing, now)
    over_at = _decoded(ports.store.get(records.OVER, records.over_key(alert)), datetime)
    if over_at is None or alert.at > over_at:
        return nudges
    resolved = replace(
        alert, firing=False, since=over_at, at=over_at, why="Azure says that it is over", ends=None
    )
    return [*nudges, *accept(ports, [resolved], now)]


def _decoded(row: Row | None, kind: type[Kept]) -> Kept | None:
    return records.decode(row.body, kind) if row else None


def _note_over(ports: Ports, alert: Alert, row: Row | None) -> None:
    """Raises Conflict when `row` is not the newest."""
    if row is None or records.decode(row.body, datetime) < alert.at:
        change = Put(records.over_key(alert), records.encode(alert.at), row.version if row else "")
        ports.store.commit(records.OVER, [change])
