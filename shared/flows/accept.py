"""The one door: alerts, polled or pushed, become incidents, and incidents become what waits to be told.

The incident, its transitions and the waiting rows are written in one transaction. The row is the truth;
the answered nudges only say where to look, and may be lost or repeated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core.faults import Conflict
from shared.core.incidents import Advance, advance
from shared.core.model import Alert, Incident, Reason, Transition, Waiting
from shared.core.routes import addresses
from shared.core.rows import Change, Put, Row
from shared.flows.ports import Ports
from shared.formats import records

FEW = 3  # alerts of one area, whose incidents are looked up one by one
TRIES = 10  # when somebody else changes the same incident at the same moment
UNTOLD = frozenset({"pending", "cleared"})  # changes that nobody is told of


def accept(ports: Ports, alerts: Iterable[Alert], now: datetime, *, first: bool = False) -> list[str]:
    """Takes alerts in, in order for each subscription, and answers the nudges for `deliver`. Safe to repeat.

    What a `first` look at a subscription finds has been so for long: all of it is told in one message.
    """
    nudges: dict[str, None] = {}
    by_area: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_area.setdefault(records.area_of(alert), []).append(alert)
    for area, some in by_area.items():
        standing = _standing(ports, area, some)
        for alert in some:
            row = standing.get(records.incident_key(alert))
            nudges.update(dict.fromkeys(_accept_one(ports, alert, row, now, first)))
    return list(nudges)


def _standing(ports: Ports, area: str, alerts: Sequence[Alert]) -> Mapping[str, Row]:
    """The rows of the incidents that alerts may be about: of a few each by itself, else all of the area."""
    keys = {records.incident_key(alert) for alert in alerts}
    if len(keys) <= FEW:
        found = (ports.store.get(records.ALERTS, key) for key in keys)
        return {row.key: row for row in found if row is not None}
    return {row.key: row for row in ports.store.scan(records.ALERTS, f"incident|{area}|")}


def _accept_one(ports: Ports, alert: Alert, row: Row | None, now: datetime, first: bool) -> list[str]:
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
        changes.append(Put(records.episode_key(incident), body))
    if step.closed:
        changes.append(Put(records.episode_key(step.closed), records.encode(step.closed)))
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
