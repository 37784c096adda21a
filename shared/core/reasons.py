"""Why to tell an address of an incident: from what it was told, how the incident stands, what waits."""

from collections.abc import Sequence
from datetime import datetime

from shared.core.model import Incident, Kind, Reason, State, Told, Waiting
from shared.core.routes import Manner

# A budget's step and a newcomer are told once; what goes on and can be stopped is repeated.
REPEATED = frozenset({Kind.LIMIT, Kind.ANOMALY, Kind.FRESHNESS, Kind.AZURE})
QUIET = frozenset({Reason.CHANGED, Reason.NOTHING_NEW})
MUTED = frozenset(
    {
        Reason.OPENED,
        Reason.WORSENED,
        Reason.ESCALATED,
        Reason.REPEAT_DUE,
        Reason.STILL_FIRING,
        Reason.LATE,
    }
)
# Of several news the one that the message opens with.
FIRST = (
    Reason.TEST,
    Reason.ESCALATED,
    Reason.WORSENED,
    Reason.OPENED,
    Reason.STILL_FIRING,
    Reason.JOINED,
    Reason.LATE,
    Reason.RESOLVED,
    Reason.REPEAT_DUE,
    Reason.CHANGED,
)


def reason_to_tell(
    told: Told | None, incident: Incident, waiting: Sequence[Waiting], manner: Manner, now: datetime
) -> Reason:
    """Why to tell an address of an incident now, or NOTHING_NEW."""
    alert = incident.alert
    if told is None:
        return _reason_to_begin(incident, waiting, manner)
    if told.state is State.RESOLVED or alert.test:
        return Reason.NOTHING_NEW
    if not incident.open:
        return Reason.CHANGED if _ended_by_itself(incident) else Reason.RESOLVED
    if alert.severity > told.severity or set(alert.steps) - set(told.steps):
        return Reason.WORSENED
    if incident.state is State.TRIGGERED and any(one.reason is Reason.ESCALATED for one in waiting):
        return Reason.ESCALATED
    if told.muted and incident.state is State.TRIGGERED:
        return Reason.STILL_FIRING
    if incident.state is State.TRIGGERED and _repeat_due(told, incident, manner, now):
        return Reason.REPEAT_DUE
    return Reason.CHANGED if waiting else Reason.NOTHING_NEW


def repeat_at(told: Told, incident: Incident, manner: Manner) -> datetime | None:
    """When an incident is to be told again though nothing is new; None for never."""
    spans = manner.repeat.get(incident.alert.severity, ())
    if incident.alert.kind not in REPEATED or incident.state is not State.TRIGGERED or not spans:
        return None
    return told.at + spans[min(told.times, len(spans)) - 1]


def _repeat_due(told: Told, incident: Incident, manner: Manner, now: datetime) -> bool:
    again = repeat_at(told, incident, manner)
    return again is not None and now >= again


def _reason_to_begin(incident: Incident, waiting: Sequence[Waiting], manner: Manner) -> Reason:
    if not waiting:
        return Reason.NOTHING_NEW
    if incident.alert.test:
        return Reason.TEST
    if incident.open:
        asked = {one.reason for one in waiting}
        unusual = asked & {Reason.ESCALATED, Reason.STILL_FIRING}
        return min(unusual, key=FIRST.index) if unusual else Reason.OPENED
    ended = incident.resolved_at or incident.opened_at
    noted_after = all(one.since > ended for one in waiting)
    was_muted = any(one.reason is Reason.STILL_FIRING for one in waiting)
    short = ended - incident.opened_at <= manner.wait
    unheard = noted_after or was_muted or short or _ended_by_itself(incident)
    return Reason.NOTHING_NEW if unheard else Reason.LATE


def _ended_by_itself(incident: Incident) -> bool:
    """Whether its time was over: no news, for nobody found that it holds no longer."""
    ends, ended = incident.alert.ends, incident.resolved_at
    return ends is not None and ended is not None and ended >= ends
