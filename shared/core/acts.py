"""What a person does about an incident, and what follows from it: the change, a silence, what is learnt.

An act on what is over, or one that was done before, changes nothing and says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType

from shared.core.incidents import Advance, acknowledge, close, noted
from shared.core.model import Act, Incident, Kind
from shared.core.muting import Expected, Silence
from shared.core.routes import Matcher
from shared.core.wording import lasted, moment

SPANS = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24))  # that are offered for a silence
EXPECTED_FOR = timedelta(hours=24)
LONGEST = timedelta(days=30)  # a silence that outlives the memory of its reason is a mistake
ACT_WORDS: Mapping[Act, str] = MappingProxyType(
    {
        Act.ACKNOWLEDGE: "Acknowledge",
        Act.SILENCE: "Silence",
        Act.EXPECTED: "Mark as expected",
        Act.RESOLVE: "Resolve",
    }
)
ROOM = Decimal("1.5")  # times what is seen when it is marked as expected; above it, it is told all the same


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants done. `span` is how long to silence it, or how long it is expected."""

    act: Act
    by: str
    why: str = ""
    span: timedelta = EXPECTED_FOR


@dataclass(frozen=True, slots=True)
class Done:
    """The incident with its change, and what has to be kept besides."""

    step: Advance
    silence: Silence | None = None
    expected: Expected | None = None


def act_on(incident: Incident, wish: Wish, before: Silence | None, now: datetime) -> Done | str:
    """What follows from a wish, or why there is nothing to do.

    `before` is the silence of that alert by an earlier wish of the same sort, None where there is none.
    A person's resolving does not keep the alert from opening an incident anew, if it still holds.
    """
    if not incident.open:
        return _over(incident)
    if wish.act is Act.ACKNOWLEDGE:
        step = acknowledge(incident, wish.by, wish.why, now)
        return Done(step) if step else f"{incident.acknowledged_by} has it already"
    if wish.act is Act.RESOLVE:
        words = f"ended by {wish.by}" + (f": {wish.why}" if wish.why else "")
        return Done(close(incident, words, now, by=wish.by))
    until = now + min(wish.span, LONGEST)
    if before is not None and before.end >= until:
        return f"it is {_PARTICIPLES[wish.act]} until {moment(before.end)} already, by {before.by}"
    return _muted(incident, wish, until, now)


_PARTICIPLES = {Act.SILENCE: "silenced", Act.EXPECTED: "expected"}


def _over(incident: Incident) -> str:
    if incident.resolved_at is None:
        return "it has not held for long enough to be told"
    return f"it is over since {moment(incident.resolved_at)}: {incident.alert.why}"


def _muted(incident: Incident, wish: Wish, until: datetime, now: datetime) -> Done:
    alert, expected = incident.alert, wish.act is Act.EXPECTED
    silence = Silence(
        f"{incident.id} {wish.act}",
        Matcher(),
        start=now,
        end=until,
        by=wish.by,
        why=wish.why or f"as of incident {incident.id}",
        key=alert.key,
        most=_bound(incident) if expected else None,
    )
    words = f"{_PARTICIPLES[wish.act]} by {wish.by} until {moment(until)}"
    why = f"for {lasted(until - now)}" + (f": {wish.why}" if wish.why else "")
    step = noted(replace(incident, note=words), _PARTICIPLES[wish.act], why, wish.by, now)
    taught = None
    if expected and alert.kind is Kind.ANOMALY:
        taught = Expected(alert.scope, alert.since, until, wish.by, wish.why, incident.id)
    return Done(step, silence, taught)


def _bound(incident: Incident) -> Decimal | None:
    """How much may be seen and still be what was expected; None where nothing is measured.

    What lies below its usual may rise up to it.
    """
    alert = incident.alert
    if alert.seen is None:
        return None
    usual = alert.against.value if alert.against is not None else Decimal()
    return max(ROOM * alert.seen.value, usual)
