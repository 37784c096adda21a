"""How often Cost Management may still be asked, by what was asked of it lately.

The limits are Azure's own: calls a minute of one scope and of all together, and query units (QPU), one for
each begun month of data, for all together. Beside them stands our own limit of calls an hour of one scope.
Other people's tools share the limits of all together, so Azure may refuse what is within them here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.core.model import Period
from shared.core.periods import HOUR, MINUTE

A_SCOPE_A_MINUTE = 4
ALL_A_MINUTE = 20
ALL_UNITS = ((timedelta(seconds=10), 12), (MINUTE, 60), (HOUR, 600))
# A call is noted with the time at which its job began, and made up to so much later.
LAG = MINUTE
KEPT = HOUR + 5 * MINUTE  # longer than any span, for jobs that are noted out of order
EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was made, or would have been had its process lived."""

    at: datetime
    units: int  # QPU; 0 for a list


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was asked lately, by scope, and which scopes Azure wants left alone until when."""

    calls: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    parked: Mapping[str, datetime] = field(default_factory=dict)  # EVERYWHERE is all scopes


def units_of(asked: Period) -> int:
    """The QPU of a query: one for each month of the calendar that it touches."""
    last = asked.end - timedelta(seconds=1)
    return 12 * (last.year - asked.start.year) + last.month - asked.start.month + 1


def wait_for(ledger: Ledger, scope: str, units: int, an_hour: int, now: datetime) -> timedelta:
    """How long to wait before `scope` may be asked for so many QPU; nothing when it may be at once.

    `an_hour` is how many calls of one scope are allowed in an hour.
    """
    mine = ledger.calls.get(_folded(scope), ())
    every = [call for calls in ledger.calls.values() for call in calls]
    spans = [
        (MINUTE, A_SCOPE_A_MINUTE, 1, [(call.at, 1) for call in mine]),
        (HOUR, an_hour, 1, [(call.at, 1) for call in mine]),
        (MINUTE, ALL_A_MINUTE, 1, [(call.at, 1) for call in every]),
    ]
    spans += [(span, most, units, [(call.at, call.units) for call in every]) for span, most in ALL_UNITS]
    free_at = [_free_at(used, span + LAG, most, wanted, now) for span, most, wanted, used in spans]
    free_at += [ledger.parked.get(name, now) for name in (EVERYWHERE, _folded(scope))]
    return max(*free_at, now) - now


def noted(ledger: Ledger, scope: str, units: int, now: datetime) -> Ledger:
    """The ledger with one more call, without those that no longer count."""
    calls = {name: kept for name, kept in _recent(ledger, now) if kept}
    calls[_folded(scope)] = (*calls.get(_folded(scope), ()), Call(now, units))
    return Ledger(calls, {name: until for name, until in ledger.parked.items() if until > now})


def parked(ledger: Ledger, scope: str, until: datetime) -> Ledger:
    """The ledger with a scope, or EVERYWHERE, left alone until then."""
    longest = max(until, ledger.parked.get(_folded(scope), until))
    return replace(ledger, parked={**ledger.parked, _folded(scope): longest})


def _recent(ledger: Ledger, now: datetime) -> Iterator[tuple[str, tuple[Call, ...]]]:
    for name, calls in ledger.calls.items():
        # One far ahead was noted by a clock that was wrong; it must not stop us until then.
        yield name, tuple(call for call in calls if abs(now - call.at) < KEPT)


def _free_at(
    used: Iterable[tuple[datetime, int]], span: timedelta, most: int, wanted: int, now: datetime
) -> datetime:
    """When `wanted` more fit into any `span`: as soon as enough of what was used is older than it."""
    within = sorted((at, amount) for at, amount in used if at > now - span and at < now + KEPT)
    over = sum(amount for _, amount in within) + min(wanted, most) - most
    for at, amount in within:
        if over <= 0:
            break
        over -= amount
        if over <= 0:
            return at + span
    return now


def _folded(scope: str) -> str:
    return scope.strip("/").lower()
