"""Pushed alerts, taken in as if they had come in the order in which they were sent.

That an alert is over is noted before it is taken in, and looked for after one that fires is: whichever of
two workers is the later sees the other, so that no incident stays open of what is over.
"""

from dataclasses import replace
from datetime import datetime

from shared.core.model import Alert, Incident, Kind
from shared.core.ordering import is_late
from shared.core.rows import Put
from shared.flows.accept import accept
from shared.flows.ports import Ports
from shared.formats import records


def accept_in_order(ports: Ports, alert: Alert, now: datetime) -> list[str]:
    """As `accept`, for one alert that Azure pushed. What comes too late to matter changes nothing."""
    if alert.test or alert.kind is Kind.BUDGET:  # nobody says of these that they are over
        return accept(ports, [alert], now)
    if is_late(alert, _incident(ports, alert), _over_at(ports, alert)):
        ports.log({"event": "late", "rule": alert.rule, "firing": alert.firing, "at": alert.at.isoformat()})
        return []
    if not alert.firing:
        _note_over(ports, alert)
        return accept(ports, [alert], now)
    nudges = accept(ports, [alert], now)
    over_at = _over_at(ports, alert)
    if over_at is None or alert.at > over_at:
        return nudges
    over = replace(
        alert, firing=False, since=over_at, at=over_at, why="Azure says that it is over", ends=None
    )
    return [*nudges, *accept(ports, [over], now)]


def _incident(ports: Ports, alert: Alert) -> Incident | None:
    row = ports.store.get(records.ALERTS, records.incident_key(alert))
    return records.decode(row.body, Incident) if row else None


def _over_at(ports: Ports, alert: Alert) -> datetime | None:
    row = ports.store.get(records.OVER, records.over_key(alert))
    return records.decode(row.body, datetime) if row else None


def _note_over(ports: Ports, alert: Alert) -> None:
    key = records.over_key(alert)
    row = ports.store.get(records.OVER, key)
    if row is None or records.decode(row.body, datetime) < alert.at:
        ports.store.commit(records.OVER, [Put(key, records.encode(alert.at), row.version if row else "")])
