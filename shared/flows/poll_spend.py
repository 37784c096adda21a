"""Spend of one subscription: billed cost by billing meter and resource, hours late and still moving.

costs -> readings (kept) -> budgets, newcomers -> accept
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.budgets import Spend, judge_budget
from shared.core.faults import Unreachable
from shared.core.freshness import Watermark
from shared.core.model import Alert, Budget, Period, Reading, Scope
from shared.core.newcomers import judge_newcomers
from shared.core.periods import DAY, day_of, period_of
from shared.core.scopes import subscription_of, within
from shared.flows.accept import accept
from shared.flows.estate import remembered
from shared.flows.keep import costs_since, keep_costs, keep_known, known_names, load_reach, save_reach
from shared.flows.ports import Ports
from shared.formats import cost_query

REREAD = 5 * DAY  # cost of a day is corrected for about that long
HISTORY = 45 * DAY  # read once, for forecasts
LONGEST_ASK = 31 * DAY
MOST_PAGES = 500


def poll_spend(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads this month and what may still change, keeps, judges, accepts; answers the nudges."""
    recent = _recent(mark, now)
    seen = _meters(_read(ports, subscription, recent, now))
    since = _read_back(ports, subscription, recent, now)
    alerts = _newcomers(ports, subscription, seen, now)
    alerts += [alert for budget in ports.watch.budgets for alert in _judged(ports, budget, subscription, now)]
    nudges = accept(ports, alerts, now)
    keep_known(ports, subscription, "billing", _meters(costs_since(ports, subscription, since)), now)
    return nudges


def _recent(mark: Watermark, now: datetime) -> Period:
    """What to ask for in every round, in whole days: this month, and what may have been corrected."""
    today = day_of(now)
    start = min(today.replace(day=1), day_of(mark.read_until or now) - REREAD)
    return Period(max(start, today + DAY - LONGEST_ASK), today + DAY)


def _read_back(ports: Ports, subscription: str, recent: Period, now: datetime) -> datetime:
    """Reads what lies before `recent` and was not read yet; answers how far back all is read.

    The newest first, and what was read is remembered: a question may be one too many in a minute for
    Cost Management, and the next round goes on from there.
    """
    before = load_reach(ports, subscription)
    joined = before is not None and before.end - REREAD >= recent.start
    reach = Period(min(before.start, recent.start) if before and joined else recent.start, recent.end)
    if reach != before:
        save_reach(ports, subscription, reach)
    starts = [period_of(budget.grain, now).start for budget in ports.watch.budgets]
    wanted = min([day_of(now) - HISTORY, *starts])
    while reach.start > wanted:
        window = Period(max(wanted, reach.start - LONGEST_ASK), reach.start)
        _read(ports, subscription, window, now)
        reach = Period(window.start, reach.end)
        save_reach(ports, subscription, reach)
    return reach.start


def _read(ports: Ports, subscription: str, window: Period, now: datetime) -> tuple[Reading, ...]:
    """Reads and keeps the cost of at most 31 days."""
    scope = f"/subscriptions/{subscription}"
    rows = cost_query.parse(_pages(ports, scope, cost_query.question(window)), now)
    for line in rows.odd:
        ports.log({"event": "odd cost row", "scope": scope, "row": line})
    keep_costs(ports, subscription, rows.readings)
    return rows.readings


def _pages(ports: Ports, scope: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages of an answer; Unreachable when they do not end."""
    pages = [ports.azure.cost_page(scope, question)]
    while link := cost_query.next_link(pages[-1]):
        if len(pages) >= MOST_PAGES:
            raise Unreachable(f"Cost Management of {scope}: more than {MOST_PAGES} pages")
        pages.append(ports.azure.cost_page(scope, question, link))
    return pages


def _meters(readings: Iterable[Reading]) -> dict[str, Scope]:
    return {f"billing meter: {one.scope.part}": Scope(one.scope.resource) for one in readings}


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
    return sorted({subscription, *remembered(ports)})


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
