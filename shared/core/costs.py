"""Daily cost: what a newer answer makes of a day, totals, and what of it counts to a budget."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from shared.core.budgets import Spend
from shared.core.model import Budget, Meter, Reading, Scope
from shared.core.readings import merged
from shared.core.scopes import subscription_of, within


def corrected(before: Sequence[Reading], newer: Sequence[Reading], whole: bool, holder: str) -> list[Reading]:
    """A day's cost after a newer answer; `before` itself when no amount differs.

    A day that came `whole` is all that there is: cost that a correction moved to another meter is gone
    from the old one. Of a day that did not, what is absent stays. But rows by resource and rows of the
    `holder` (a subscription) by meter alone hold the same cost twice, and never stand together.
    """
    if _amounts(before) == _amounts(newer):
        return list(before)
    if whole or not before:
        return list(newer)
    if _by_meter_alone(before, holder) != _by_meter_alone(newer, holder):
        return list(before)
    after = merged(before, newer)
    return after if _amounts(after) != _amounts(before) else list(before)


def _amounts(readings: Iterable[Reading]) -> dict[tuple[Scope, Meter, datetime], Decimal]:
    return {(one.scope, one.meter, one.start): one.value for one in readings}


def _by_meter_alone(readings: Iterable[Reading], holder: str) -> bool:
    return all(one.scope.resource == holder for one in readings)


def totals_of(readings: Iterable[Reading], holder: str) -> list[Reading]:
    """Cost by day and currency, in order; as new as the newest of it."""
    days: dict[tuple[datetime, Meter], list[Reading]] = defaultdict(list)
    for one in readings:
        days[one.start, one.meter].append(one)
    return [
        Reading(
            Scope(holder),
            meter,
            day,
            ones[0].end,
            sum((one.value for one in ones), Decimal()),
            max(one.as_of for one in ones),
        )
        for (day, meter), ones in sorted(days.items())
    ]


def spend_of(readings: Iterable[Reading], budget: Budget) -> Spend | None:
    """What counts to a budget of the readings of its subscription, or of all; None when there is none.

    What is billed to no resource in a subscription, such as the purchase of a reservation, counts to the
    subscription that pays for it and to no resource group.
    """
    days: dict[str, dict[datetime, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    as_of = None
    for one in readings:
        if not _counts(one.scope.resource, budget.scope):
            continue
        days[one.meter.unit][one.start] += one.value
        reaches = min(one.as_of, one.end)
        as_of = max(as_of, reaches) if as_of else reaches
    if as_of is None:
        return None
    currency = budget.amount.unit
    return Spend(days.pop(currency, {}), currency, as_of, dict(days))


def _counts(resource: str, scope: str) -> bool:
    return within(resource, scope) or (scope.count("/") == 2 and not subscription_of(resource))
