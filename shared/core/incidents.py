"""An incident after an alert: opened, worsened, confirmed, resolved, or as it was; each with its why."""

from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.model import Alert, Incident, Kind, State, Transition
from shared.core.wording import lasted

OURS = "Meterwatch"


@dataclass(frozen=True, slots=True)
class Advance:
    """The incident after an alert, and what changed. No transition: only the evidence is newer."""

    incident: Incident
    transitions: tuple[Transition, ...] = ()
    closed: Incident | None = None  # the episode before, when the new one began without a recovery


def advance(incident: Incident | None, alert: Alert, now: datetime, new_id: str) -> Advance | None:
    """What an alert makes of the incident of its key; None when there is nothing to keep.

    `incident` is the newest of that key, open or resolved, or None. `new_id` is used only when an
    episode begins. A budget's step that was told is not told again in its period, even when a corrected
    bill or forecast fell below it in between.
    """
    if alert.test:
        return _tested(alert, now, new_id) if incident is None else None
    if incident is None or not incident.open:
        if not alert.firing or _told_before(incident, alert):
            return None
        return _opened(incident, alert, now, new_id)
    if not alert.firing:
        # Only who found it can say that it is over: Azure does not know our limits, nor we its rules.
        return _resolved(incident, alert, now) if alert.source == incident.alert.source else None
    if _next_period(incident, alert, now):
        return _begun_anew(incident, alert, now, new_id)
    if alert.source != incident.alert.source:
        return _confirmed(incident, alert, now)
    return _still_firing(incident, alert, now)


def expire(incident: Incident, now: datetime) -> Advance | None:
    """Closes an incident whose alert has an end that has come; None for all others."""
    ends = incident.alert.ends
    if not incident.open or ends is None or now < ends:
        return None
    over = replace(incident.alert, firing=False, since=ends, why="its time is over; nobody will say more")
    return _resolved(incident, over, now)


def _period_end(alert: Alert) -> datetime | None:
    """Of a budget: until when its steps count. Azure does not say its period; there it is the end."""
    if alert.kind is not Kind.BUDGET:
        return None
    return alert.period.end if alert.period else alert.ends


def _same_period(incident: Incident | None, alert: Alert) -> bool:
    end = _period_end(alert)
    return incident is not None and end is not None and end == _period_end(incident.alert)


def _told_before(incident: Incident | None, alert: Alert) -> bool:
    return (
        incident is not None
        and bool(alert.steps)
        and _same_period(incident, alert)
        and set(alert.steps) <= set(incident.alert.steps)
    )


def _next_period(incident: Incident, alert: Alert, now: datetime) -> bool:
    before, end = _period_end(incident.alert), _period_end(alert)
    return before is not None and end is not None and before < end and before <= now


def _begun_anew(incident: Incident, alert: Alert, now: datetime, new_id: str) -> Advance:
    """The next period crossed a step before anybody saw it below: its steps are news, each once more."""
    over = _resolved(incident, replace(incident.alert, firing=False, why="its period is over"), now)
    fresh = _opened(None, alert, now, new_id)
    return Advance(fresh.incident, over.transitions + fresh.transitions, closed=over.incident)


def _opened(before: Incident | None, alert: Alert, now: datetime, new_id: str) -> Advance:
    told = before.alert.steps if before is not None and _same_period(before, alert) else ()
    added = tuple(step for step in alert.steps if step not in told)
    fresh = Incident(new_id, State.TRIGGERED, opened_at=now, alert=replace(alert, steps=told + added))
    return _changed(fresh, now, "opened", f"{alert.what}; {alert.why}", added)


def _tested(alert: Alert, now: datetime, new_id: str) -> Advance:
    fresh = Incident(new_id, State.RESOLVED, opened_at=now, alert=alert, resolved_at=now)
    return _changed(fresh, now, "tested", alert.what)


def _resolved(incident: Incident, alert: Alert, now: datetime) -> Advance:
    before = incident.alert
    # Steps and period are remembered, so that no step is told twice in one.
    last = replace(
        alert, owner=before.owner, severity=before.severity, steps=before.steps, period=before.period
    )
    over = replace(incident, state=State.RESOLVED, resolved_at=now, alert=last)
    return _changed(over, now, "resolved", alert.why)


def _still_firing(incident: Incident, alert: Alert, now: datetime) -> Advance:
    before = incident.alert
    added = tuple(step for step in alert.steps if step not in before.steps)
    severity = max(before.severity, alert.severity)
    newest = replace(
        alert, since=min(before.since, alert.since), severity=severity, steps=before.steps + added
    )
    after = replace(incident, alert=newest)
    if added:
        return _changed(after, now, "worsened", "now also " + ", ".join(added), added)
    if severity > before.severity:
        return _changed(after, now, "worsened", alert.what)
    return Advance(after)


def _confirmed(incident: Incident, alert: Alert, now: datetime) -> Advance | None:
    """Another source found the same: its evidence is noted, ours stays, a new step still counts.

    What another source found first and we find too goes on with our evidence, which is newer.
    """
    before = incident.alert
    added = tuple(step for step in alert.steps if step not in before.steps)
    severity = max(before.severity, alert.severity)
    news = bool(added) or severity > before.severity
    ours = alert.source == OURS
    known = alert.source in incident.confirmed_by
    if known and not news and not ours:
        return None
    evidence = replace(alert, since=min(before.since, alert.since), owner=before.owner) if ours else before
    other = before.source if ours else alert.source
    after = replace(
        incident,
        alert=replace(evidence, steps=before.steps + added, severity=severity),
        confirmed_by=tuple(dict.fromkeys((*incident.confirmed_by, other))),
    )
    why = f"{alert.source} confirms, {lasted(now - incident.opened_at)} later: {alert.what}"
    return _changed(after, now, "worsened" if news else "confirmed", why, added)


def _changed(
    incident: Incident, now: datetime, change: str, why: str, steps: tuple[str, ...] = ()
) -> Advance:
    number = incident.transitions + 1
    transition = Transition(incident.id, number, now, change, why, steps)
    return Advance(replace(incident, transitions=number), (transition,))
