"""Who is told: which channels an incident goes to, and for what reason now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.model import Incident, Kind, Notification, Reason, Severity, Told
from shared.core.scopes import within

REPEAT = {
    Severity.CRITICAL: timedelta(hours=4),
    Severity.WARNING: timedelta(hours=24),
    Severity.INFO: timedelta(days=7),
}
# A budget's step and a newcomer are told once; what goes on and can be stopped is repeated.
REPEATED = frozenset({Kind.LIMIT, Kind.ANOMALY, Kind.FRESHNESS, Kind.AZURE})


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match go to these channels. Empty matchers match everything, tests match every route."""

    channels: tuple[str, ...]
    at_least: Severity = Severity.INFO
    scope: str = ""  # ARM id prefix, lower case
    kinds: tuple[Kind, ...] = ()
    owner: str = ""


def route(incident: Incident, routes: Sequence[Route], now: datetime) -> tuple[Incident, list[Notification]]:
    """The notifications to queue now, and the incident that remembers them as told."""
    queued = []
    told = dict(incident.told)
    for channel in _channels(incident, routes):
        reason = reason_to_notify(told.get(channel), incident, now)
        if reason is Reason.NOTHING_NEW:
            continue
        sequence = told[channel].sequence + 1 if channel in told else 1
        queued.append(Notification(incident, channel, sequence, reason, queued_at=now))
        alert = incident.alert
        told[channel] = Told(sequence, now, alert.severity, alert.steps, incident.open)
    after = replace(incident, told=told)
    return after, [replace(notification, incident=after) for notification in queued]


def reason_to_notify(told: Told | None, incident: Incident, now: datetime) -> Reason:
    """Why this channel is to be told of the incident now, or NOTHING_NEW."""
    alert = incident.alert
    if told is None and alert.test:
        return Reason.TEST
    if told is None:
        return Reason.OPENED if incident.open else Reason.NOTHING_NEW
    if not incident.open:
        # What ended by itself is no news: nobody found that it was over.
        return Reason.RESOLVED if told.firing and alert.ends is None else Reason.NOTHING_NEW
    if alert.severity > told.severity or set(alert.steps) - set(told.steps):
        return Reason.WORSENED
    if alert.kind in REPEATED and now - told.at >= REPEAT[alert.severity]:
        return Reason.REPEAT_DUE
    return Reason.NOTHING_NEW


def _channels(incident: Incident, routes: Iterable[Route]) -> list[str]:
    """Those of every route that matches, each once; and those already told, so that they hear the end."""
    found = dict.fromkeys(incident.told)
    for one in routes:
        if _matches(one, incident):
            found.update(dict.fromkeys(one.channels))
    return list(found)


def _matches(one: Route, incident: Incident) -> bool:
    alert = incident.alert
    return alert.test or (
        alert.severity >= one.at_least
        and within(alert.scope.resource, one.scope)
        and (not one.kinds or alert.kind in one.kinds)
        and (not one.owner or alert.owner == one.owner)
    )
