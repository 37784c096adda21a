"""An incident after an alert: opened, worsened, confirmed, resolved, or as it was; each with its why.

Absence of data never changes an incident: only an alert that says "no longer" does, or its own end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.flapping import CALM, FLAP_WITHIN, fires_again, is_flapping, recent_flips
from shared.core.forecast import SETTLING
from shared.core.model import Alert, Incident, Kind, State, Transition
from shared.core.wording import lasted, said


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and in how many fresh samples, something must hold to be told, and not hold to be over."""

    pending: timedelta = timedelta()
    samples: int = 1
    keep: timedelta = timedelta()


# A limit's own hold has waited already, and so has an anomaly's own baseline; what Azure says, it has judged.
PATIENCE: Mapping[Kind, Patience] = {Kind.ANOMALY: Patience(keep=timedelta(minutes=15))}
AT_ONCE = Patience()
RULES = frozenset({Kind.LIMIT, Kind.BUDGET})  # judged against a bar that people set

OURS = "Meterwatch"


@dataclass(frozen=True, slots=True)
class Advance:
    """The incident after an alert, and what changed. No transition: only the evidence is newer."""

    incident: Incident
    transitions: tuple[Transition, ...] = ()
    closed: Incident | None = None  # the episode before, when the new one began without a recovery


def advance(
    incident: Incident | None,
    alert: Alert,
    now: datetime,
    new_id: str,
    patience: Mapping[Kind, Patience] = PATIENCE,
) -> Advance | None:
    """What an alert makes of the incident of its key; None when there is nothing to keep.

    `incident` is the newest of that key, open or resolved, or None. `new_id` is used only when an
    episode begins. A budget's step that was told is not told again in its period, even when a corrected
    bill or forecast fell below it in between.
    """
    how_long = patience.get(alert.kind, AT_ONCE)
    if alert.test:
        return _tested(alert, now, new_id) if incident is None else None
    if incident is None or incident.state is State.RESOLVED:
        if not alert.firing or _told_before(incident, alert):
            return None
        return _begun(incident, alert, now, new_id, how_long)
    if incident.state is State.PENDING:
        return _pending(incident, alert, now, how_long)
    if not alert.firing:
        # Only who found it can say that it is over: Azure does not know our limits, nor we its rules.
        ours = alert.source == incident.alert.source
        return _clearing(incident, alert, now, how_long.keep) if ours else None
    if _next_period(incident, alert, now):
        return _begun_anew(incident, alert, now, new_id)
    if alert.source != incident.alert.source:
        return _confirmed(incident, alert, now)
    return _still_firing(fires_again(incident, now), alert, now)


def expire(incident: Incident, now: datetime) -> Advance | None:
    """Closes an incident whose alert has an end that has come; None for all others."""
    ends = incident.alert.ends or _settled_at(incident.alert)
    if incident.state is State.RESOLVED or ends is None or now < ends:
        return None
    return close(incident, "its time is over; nobody will say more", now, since=ends)


def close(
    incident: Incident, why: str, now: datetime, since: datetime | None = None, by: str = ""
) -> Advance:
    """The incident resolved for a reason that no alert gives: its rule, its resource, a person."""
    over = replace(incident.alert, firing=False, since=since or now, why=why)
    return _resolved(incident, over, now, by)


def acknowledge(incident: Incident, by: str, why: str, now: datetime) -> Advance | None:
    """Somebody has it: no repeats and no escalation from now on. None when that says nothing new."""
    if not incident.open or incident.acknowledged_by:
        return None
    held = replace(incident, state=State.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=now)
    return _changed(held, now, "acknowledged", why or "somebody has it", by=by)


def noted(incident: Incident, change: str, why: str, by: str, now: datetime) -> Advance:
    """The incident with a change that leaves its state as it is: silenced, expected, escalated."""
    return _changed(incident, now, change, why, by=by)


def _begun(before: Incident | None, alert: Alert, now: datetime, new_id: str, patience: Patience) -> Advance:
    """A new episode: told at once, or pending until it has held for long enough."""
    flips = recent_flips(before.flips if before else (), now)
    if before is not None and before.resolved_at and now - before.resolved_at < FLAP_WITHIN:
        flips = (*flips, now)
    if patience.pending or patience.samples > 1:
        waits = Incident(new_id, State.PENDING, opened_at=now, alert=alert, flips=flips, samples=1)
        return _changed(waits, now, "pending", f"{alert.what}; it must hold longer to be told")
    return _opened(before, alert, now, new_id, flips)


def _pending(incident: Incident, alert: Alert, now: datetime, patience: Patience) -> Advance | None:
    """Told when it has held for the time and in as many fresh samples as it must."""
    if not alert.firing:
        if alert.source != incident.alert.source:
            return None
        over = replace(incident, state=State.RESOLVED, resolved_at=now)
        return _changed(over, now, "cleared", "it did not hold for long enough to be told")
    fresh = alert.at > incident.alert.at
    samples = incident.samples + (1 if fresh else 0)
    held = replace(incident, alert=alert, samples=samples)
    if now - incident.opened_at < patience.pending or samples < patience.samples:
        return Advance(held) if fresh else None
    return _changed(replace(held, state=State.TRIGGERED), now, "opened", _why_opened(held, now), alert.steps)


def _clearing(incident: Incident, alert: Alert, now: datetime, keep: timedelta) -> Advance | None:
    """Over when it has not held for as long as it is kept; a flapping one is kept longer."""
    keep = max(keep, CALM) if is_flapping(incident, now) else keep
    since = incident.clear_since or now
    if now - since >= keep:
        return _resolved(incident, alert, now)
    return Advance(replace(incident, clear_since=since)) if incident.clear_since is None else None


def _period_end(alert: Alert) -> datetime | None:
    """Of a budget: until when its steps count. Azure does not say its period; there it is the end."""
    if alert.kind is not Kind.BUDGET:
        return None
    return alert.period.end if alert.period else alert.ends


def _settled_at(alert: Alert) -> datetime | None:
    """When nothing more can come of a budget's period."""
    return alert.period.end + SETTLING if alert.kind is Kind.BUDGET and alert.period else None


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


def _opened(
    before: Incident | None, alert: Alert, now: datetime, new_id: str, flips: tuple[datetime, ...] = ()
) -> Advance:
    told = before.alert.steps if before is not None and _same_period(before, alert) else ()
    added = tuple(step for step in alert.steps if step not in told)
    alert = replace(alert, steps=told + added)
    fresh = Incident(new_id, State.TRIGGERED, opened_at=now, alert=alert, flips=flips)
    return _changed(fresh, now, "opened", _why_opened(fresh, now), added)


def _why_opened(incident: Incident, now: datetime) -> str:
    alert = incident.alert
    flapping = f"flapping: {len(incident.flips) + 1} times of late" if is_flapping(incident, now) else ""
    return "; ".join(filter(None, (alert.what, alert.why, flapping)))


def _tested(alert: Alert, now: datetime, new_id: str) -> Advance:
    fresh = Incident(new_id, State.RESOLVED, opened_at=now, alert=alert, resolved_at=now)
    return _changed(fresh, now, "tested", alert.what)


def _resolved(incident: Incident, alert: Alert, now: datetime, by: str = "") -> Advance:
    before = incident.alert
    # Steps and period are remembered, so that no step is told twice in one.
    last = replace(
        alert,
        owner=before.owner,
        tags=before.tags,
        severity=before.severity,
        steps=before.steps,
        period=before.period,
        why=_why_over(before, alert),
    )
    over = replace(incident, state=State.RESOLVED, resolved_at=now, alert=last, clear_since=None)
    return _changed(over, now, "resolved", last.why, by=by)


def _why_over(before: Alert, alert: Alert) -> str:
    """Why it is over: a rule that was changed and data that was corrected are no recovery."""
    was, bar, seen = before.against, alert.against, alert.seen
    if was is not None and bar is not None and bar.value > was.value and alert.kind in RULES:
        above_as_before = alert.kind is Kind.BUDGET or (seen is not None and seen.value > was.value)
        if above_as_before:
            return f"the rule was changed from {said(was)} to {said(bar)}"
    same_period = before.period is not None and before.period == alert.period
    # What is spent in a period only grows; a forecast may fall, and is a recovery.
    if same_period and before.seen is not None and seen is not None and seen.value < before.seen.value:
        return f"data corrected: {said(before.seen)} became {said(seen)}"
    return alert.why


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
    incident: Incident, now: datetime, change: str, why: str, steps: tuple[str, ...] = (), by: str = ""
) -> Advance:
    number = incident.transitions + 1
    alert = incident.alert
    transition = Transition(incident.id, number, now, change, why, steps, by, alert.seen, alert.against)
    return Advance(replace(incident, transitions=number), (transition,))
