"""Spend of one subscription: billed cost by billing meter and resource, hours late and still moving.

costs -> readings (kept) -> budgets, newcomers -> accept
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from shared.core.budgets import Spend, judge_budget
from shared.core.freshness import Watermark
from shared.core.model import Alert, Budget, Period, Reading, Scope
from shared.core.newcomers import judge_newcomers
from shared.core.periods import DAY, day_of, period_of
from shared.core.scopes import subscription_of, within
from shared.flows.accept import accept
from shared.flows.estate import watched
from shared.flows.keep import costs_since, keep_costs, keep_known, known_names
from shared.flows.ports import Ports
from shared.formats import cost_query

REREAD = 5 * DAY  # cost of a day is corrected for about that long
HISTORY = 45 * DAY  # read once, for forecasts
LONGEST_ASK = 31 * DAY


def poll_spend(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads this month and what may still change, keeps, judges, accepts; answers the nudges."""
    scope = f"/subscriptions/{subscription}"
    readings: list[Reading] = []
    for window in _windows(ports, mark, now):
        rows = cost_query.parse(ports.azure.costs(scope, window.start, window.end), now)
        readings += rows.readings
        for line in rows.odd:
            ports.log({"event": "odd cost row", "scope": scope, "row": line})
    keep_costs(ports, subscription, readings)
    meters = {f"billing meter: {one.scope.part}": Scope(one.scope.resource) for one in readings}
    alerts = _newcomers(ports, subscription, meters, now)
    alerts += [alert for budget in ports.watch.budgets for alert in _judged(ports, budget, subscription, now)]
    nudges = accept(ports, alerts, now)
    keep_known(ports, subscription, "billing", meters, now)
    return nudges


def _windows(ports: Ports, mark: Watermark, now: datetime) -> list[Period]:
    """What to ask for, in whole days and at most 31 at once: all of it the first time."""
    today = day_of(now)
    starts = [period_of(budget.grain, now).start for budget in ports.watch.budgets]
    if mark.read_until is None:
        start = min(today - HISTORY, *starts) if starts else today - HISTORY
    else:
        start = min(today.replace(day=1), day_of(mark.read_until) - REREAD)
    windows = []
    while start <= today:
        end = min(start + LONGEST_ASK, today + DAY)
        windows.append(Period(start, end))
        start = end
    return windows


def _newcomers(ports: Ports, subscription: str, meters: dict[str, Scope], now: datetime) -> list[Alert]:
    if not ports.watch.newcomers:
        return []
    return judge_newcomers(known_names(ports, subscription, "billing"), meters, now)


def _judged(ports: Ports, budget: Budget, subscription: str, now: datetime) -> list[Alert]:
    """The budget's alert, if this subscription's cost counts to it."""
    theirs = subscription_of(budget.scope)
    if theirs not in ("", subscription):
        return []
    since = min(period_of(budget.grain, now).start, now - HISTORY)
    counted = [theirs] if theirs else _everything(ports, subscription)
    readings = [one for other in counted for one in costs_since(ports, other, since)]
    spend = spend_of(readings, budget)
    alert = judge_budget(budget, spend, now) if spend else None
    return [alert] if alert else []


def _everything(ports: Ports, subscription: str) -> list[str]:
    return sorted({subscription, *watched(ports)})


def spend_of(readings: Iterable[Reading], budget: Budget) -> Spend | None:
    """What counts to a budget: cost under its scope, in its currency. None when there is none at all."""
    days: dict[datetime, Decimal] = defaultdict(Decimal)
    uncounted: dict[str, Decimal] = defaultdict(Decimal)
    as_of = None
    for one in readings:
        if not within(one.scope.resource, budget.scope):
            continue
        if one.meter.unit != budget.amount.unit:
            uncounted[one.meter.unit] += one.value
            continue
        days[one.start] += one.value
        reaches = min(one.as_of, one.end)
        as_of = max(as_of, reaches) if as_of else reaches
    return Spend(days, budget.amount.unit, as_of, uncounted) if as_of else None
