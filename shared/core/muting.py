"""What keeps an incident from being told for now: silences, planned changes, what it follows from.

Muting is looked at when something is to be told, never when it is recorded: the incident goes on, and is
told as still firing when what muted it has ended.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.core.model import Incident, Kind, Scope
from shared.core.routes import Matcher, label_of
from shared.core.wording import moment


@dataclass(frozen=True, slots=True)
class Silence:
    """Keeps what matches from being told, for a time that has an end."""

    id: str
    matcher: Matcher
    start: datetime  # inclusive
    end: datetime  # exclusive
    by: str
    why: str
    part: str = ""  # a deployment's name; "" is every one
    key: str = ""  # only alerts of this key, in each of their episodes; "" is every one that matches
    up_to: Decimal | None = None  # a planned change: mutes only what is at most so many times its usual
    most: Decimal | None = None  # expected by a person: mutes only while no more than this is seen


@dataclass(frozen=True, slots=True)
class Expected:
    """Time of which a person says that what a deployment does is usual, however it looks: it is learnt so."""

    scope: Scope
    start: datetime  # inclusive
    end: datetime  # exclusive
    by: str
    why: str
    incident: str  # the one that was marked


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `source` is open, those of `target` with the same labels are not told."""

    source: Matcher
    target: Matcher
    equal: tuple[str, ...]


def why_muted(
    incident: Incident,
    silences: Iterable[Silence],
    inhibitions: Iterable[Inhibition],
    standing: Callable[[], Iterable[Incident]],
    now: datetime,
) -> str:
    """Why an incident must not be told now, "" when it may.

    `standing` answers the incidents that it may follow from; it is asked only when a rule speaks of it.
    """
    for silence in silences:
        if _silences(silence, incident, now):
            return f"{_sort(silence)} by {silence.by} until {moment(silence.end)}: {silence.why}"
    for rule in inhibitions:
        if rule.target.mismatch(incident.alert) or not rule.source.mismatch(incident.alert):
            continue  # it is none of the rule's, or would inhibit others by it
        cause = next((other for other in standing() if _inhibits(rule, other, incident)), None)
        if cause is not None:
            return f"follows from incident {cause.id}"
    return ""


def _silences(silence: Silence, incident: Incident, now: datetime) -> bool:
    alert = incident.alert
    return (
        silence.start <= now < silence.end
        and not alert.test
        and silence.key in ("", alert.key)
        and silence.part in ("", alert.scope.part)
        and not silence.matcher.mismatch(alert)
        and (silence.up_to is None or _within_bound(incident, silence.up_to))
        and (silence.most is None or alert.seen is None or alert.seen.value <= silence.most)
    )


def _sort(silence: Silence) -> str:
    if silence.up_to is not None:
        return "planned"
    return "silenced" if silence.most is None else "expected"


def _within_bound(incident: Incident, up_to: Decimal) -> bool:
    """Whether an anomaly is no more than a planned change allows; nothing else can be planned."""
    alert = incident.alert
    if alert.kind is not Kind.ANOMALY or alert.seen is None or alert.against is None:
        return False
    return alert.seen.value <= up_to * alert.against.value


def _inhibits(rule: Inhibition, other: Incident, incident: Incident) -> bool:
    """An incident never inhibits itself; labels must be known to be equal."""
    if other.id == incident.id or not other.open or rule.source.mismatch(other.alert):
        return False
    ours = [label_of(incident.alert, incident.id, label) for label in rule.equal]
    theirs = [label_of(other.alert, other.id, label) for label in rule.equal]
    return ours == theirs and all(ours)
