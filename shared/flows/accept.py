"""The one door: alerts, polled or pushed, become incidents, and incidents become notifications.

The incident, its transitions and the outbox rows are written in one transaction. The row is the truth;
the answered nudges only say where to look, and may be lost or repeated.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from shared.core.faults import Conflict
from shared.core.incidents import Advance, advance
from shared.core.model import Alert, Incident, Notification
from shared.core.routes import route
from shared.core.rows import Change, Put, Row
from shared.flows.ports import Ports
from shared.formats import records

TRIES = 10  # when somebody else changes the same incident at the same moment
FEW = 5  # alerts of one area, whose incidents are read one by one; for more all of the area's are


def accept(ports: Ports, alerts: Iterable[Alert], now: datetime) -> list[str]:
    """Takes alerts in, in order, and answers the nudges for `deliver`. Safe to repeat."""
    taken = list(alerts)
    standing = _finder(ports, taken)
    nudges: dict[str, None] = {}
    for alert in taken:
        nudges.update(dict.fromkeys(_accept_one(ports, alert, standing(alert), now)))
    return list(nudges)


def _finder(ports: Ports, alerts: Sequence[Alert]) -> Callable[[Alert], Row | None]:
    """Finds an alert's incident: a webhook's call costs the same however many incidents there are."""
    areas = Counter(map(records.area_of, alerts))
    known: dict[str, dict[str, Row]] = {}
    asked: set[str] = set()
    for area in (area for area, count in areas.items() if count > FEW):
        rows = ports.store.scan(records.ALERTS, records.incidents_prefix(area))
        known[area] = {row.key: row for row in rows}

    def find(alert: Alert) -> Row | None:
        key = records.incident_key(alert)
        rows = known.get(records.area_of(alert))
        if rows is None or key in asked:  # an alert before this one may have changed it
            return ports.store.get(records.ALERTS, key)
        asked.add(key)
        return rows.get(key)

    return find


def _accept_one(ports: Ports, alert: Alert, row: Row | None, now: datetime) -> list[str]:
    for attempt in range(TRIES):
        if attempt:
            row = ports.store.get(records.ALERTS, records.incident_key(alert))
        before = records.decode(row.body, Incident) if row else None
        step = advance(before, alert, now, records.incident_id(alert.key, now))
        if step is None:
            return []
        try:
            return commit(ports, step, row, now)
        except Conflict:
            continue
    raise Conflict(f"incident of {alert.key} changed {TRIES} times while it was being written")


def commit(ports: Ports, step: Advance, row: Row | None, now: datetime) -> list[str]:
    """Writes an incident's step and what is to be told of it; Conflict when `row` is not the newest."""
    incident, notifications = route(step.incident, ports.watch.routes, now)
    body = records.encode(incident)
    if row and body == row.body:
        return []
    changes: list[Change] = [Put(records.incident_key(incident.alert), body, row.version if row else "")]
    if not incident.open:  # the next episode takes the incident's row
        changes.append(Put(records.episode_key(incident), body))
    if step.closed:
        changes.append(Put(records.episode_key(step.closed), records.encode(step.closed)))
    changes += [Put(records.transition_key(one), records.encode(one), "") for one in step.transitions]
    changes += [Put(records.outbox_key(one), records.encode(one), "") for one in notifications]
    ports.store.commit(records.ALERTS, changes)
    _log(ports, step, notifications)
    return [records.nudge_of(one) for one in notifications]


def _log(ports: Ports, step: Advance, notifications: list[Notification]) -> None:
    for change in step.transitions:
        ports.log(
            {"event": "incident", "incident": change.incident, "change": change.change, "why": change.why}
        )
    for one in notifications:
        ports.log(
            {
                "event": "queued",
                "incident": one.incident.id,
                "channel": one.channel,
                "message": one.sequence,
                "reason": one.reason,
            }
        )
