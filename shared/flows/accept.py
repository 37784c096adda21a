"""The one door: alerts, polled or pushed, become incidents, and incidents become what waits to be told.

The incident, its transitions and the waiting rows are written in one transaction. The row is the truth;
the answered nudges only say where to look, and may be lost or repeated.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core.faults import Conflict
from shared.core.incidents import Advance, advance
from shared.core.model import Alert, Incident, Reason, Transition, Waiting
from shared.core.routes import addresses
from shared.core.rows import Change, Put, Row
from shared.flows.ports import Ports
from shared.formats import records

TRIES = 10  # when somebody else changes the same incident at the same moment
UNTOLD = frozenset({"pending", "cleared"})  # changes that nobody is told of
FEW = 5  # alerts of one area, whose incidents are read one by one; for more all of the area's are


def accept(ports: Ports, alerts: Iterable[Alert], now: datetime, *, first: bool = False) -> list[str]:
    """Takes alerts in, in order, and answers the nudges for `deliver`. Safe to repeat.

    What a `first` look at a subscription finds has been so for long: all of it is told in one message.
    """
    taken = list(alerts)
    standing = _finder(ports, taken)
    nudges: dict[str, None] = {}
    for alert in taken:
        nudges.update(dict.fromkeys(accept_one(ports, alert, standing(alert), now, first=first)))
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


def accept_one(
    ports: Ports, alert: Alert, row: Row | None, now: datetime, *, first: bool = False
) -> list[str]:
    """As `accept`, for an alert whose incident's row was just read; one that is older is read again."""
    for attempt in range(TRIES):
        if attempt:
            row = ports.store.get(records.ALERTS, records.incident_key(alert))
        before = records.decode(row.body, Incident) if row else None
        step = advance(before, alert, now, records.incident_id(alert.key, before, now))
        if step is None:
            return []
        try:
            return commit(ports, step, row, now, first=first)
        except Conflict:
            continue
    raise Conflict(f"incident of {alert.key} changed {TRIES} times while it was being written")


def commit(
    ports: Ports,
    step: Advance,
    row: Row | None,
    now: datetime,
    reason: Reason = Reason.OPENED,
    *,
    first: bool = False,
    beside: Iterable[Change] = (),
) -> list[str]:
    """Writes an incident's step and what may have to be told of it; answers the nudges.

    Raises Conflict when `row` is not the newest. `reason` is why it is to be told, where that does not
    follow from how the incident stands. What is `beside` it is written with it or not at all.
    """
    incident = _addressed(ports, step.incident, first)
    body = records.encode(incident)
    if row and body == row.body:
        return []
    waiting = [
        one for change in step.transitions for one in _waiting(incident, step.closed, change, reason, now)
    ]
    changes: list[Change] = [Put(records.incident_key(incident.alert), body, row.version if row else "")]
    if incident.resolved_at is not None:  # the next episode takes the incident's row
        changes.append(Put(records.episode_key(incident.id), body))
    if step.closed:
        changes.append(Put(records.episode_key(step.closed.id), records.encode(step.closed)))
    changes += [Put(records.transition_key(one), records.encode(one), "") for one in step.transitions]
    key = records.encode(records.incident_key(incident.alert))
    changes += [Put(records.id_key(one.incident), key) for one in step.transitions if one.number == 1]
    changes += [Put(records.waiting_key(one), records.encode(one), "") for one in waiting]
    ports.store.commit(records.ALERTS, [*changes, *beside])
    _log(ports, step, waiting)
    return list(dict.fromkeys(one.address.nudge for one in waiting))


def _addressed(ports: Ports, incident: Incident, first: bool) -> Incident:
    """The incident with where it is to be told; what is over finds no new listeners."""
    if not incident.open and not incident.alert.test:
        return incident
    found = addresses(incident.alert, incident.id, ports.watch.routes, first)
    heard = {one.channel for one in incident.addresses}
    new = tuple(one for one in found if one.channel not in heard)
    return replace(incident, addresses=incident.addresses + new)


def _waiting(
    incident: Incident, closed: Incident | None, change: Transition, reason: Reason, now: datetime
) -> Iterable[Waiting]:
    if change.change in UNTOLD:
        return
    about = closed if closed is not None and change.incident == closed.id else incident
    key = records.incident_key(about.alert)
    for address in about.addresses:
        yield Waiting(address, about.id, key, change.number, now, reason)


def _log(ports: Ports, step: Advance, waiting: list[Waiting]) -> None:
    for change in step.transitions:
        ports.log(
            {
                "event": "incident",
                "incident": change.incident,
                "change": change.change,
                "why": change.why,
                "by": change.by,
            }
        )
    told = dict.fromkeys((one.incident, one.address) for one in waiting)
    for incident, address in told:
        ports.log({"event": "waiting", "incident": incident, "channel": address.channel})
