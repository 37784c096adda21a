"""Spend of one subscription: billed cost by billing meter and resource, hours late and still moving.

costs -> readings (kept) -> budgets, newcomers -> accept
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from shared.core.budgets import judge_budget, judge_currency
from shared.core.costs import spend_of
from shared.core.freshness import Watermark
from shared.core.model import Alert, Budget, Reading, Scope
from shared.core.newcomers import judge_newcomers
from shared.core.periods import DAY, day_of, period_of
from shared.core.scopes import subscription_of
from shared.flows.accept import accept
from shared.flows.calls import pace
from shared.flows.costs import bill_of, days_since, keep_costs
from shared.flows.keep import keep_known, known_names
from shared.flows.ports import Ports
from shared.flows.pricing import keep_billed
from shared.flows.read_costs import Asked, load_reach, read_costs
from shared.flows.wide import EVERYTHING, is_read_wide, reach_name
from shared.formats import cost_query
from shared.formats.cost_query import CostRows

HISTORY = 45 * DAY  # read once, for forecasts
RECENT = timedelta(days=36)  # of a new name; what is older was read late, as history
KINDS = {"actual": "ActualCost", "amortized": "AmortizedCost"}


def poll_spend(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads what may have changed, keeps, judges, accepts; answers the nudges."""
    counted = [one for one in ports.watch.budgets if subscription_of(one.scope) in ("", subscription)]
    since = wanted_since(counted, now)
    if is_read_wide(ports, subscription, now):
        reach = load_reach(ports, EVERYTHING, reach_name(ports))
        if reach is None or reach.start > since:
            return []  # what is not all read yet is not judged
    else:
        read_costs(ports, _asked(ports, subscription, now), since, now)
    readings = days_since(ports, bill_of(subscription), since)
    own = [one for one in counted if one.scope]  # those that span subscriptions are judged once, by the bill
    alerts = [alert for budget in own for alert in judged(budget, readings, now)]
    found = [*_newcomers(ports, subscription, readings, now), *alerts]
    nudges = accept(ports, found, now, first=mark.read_until is None)
    keep_known(ports, subscription, "billing", _meters(readings), now)
    return nudges


def wanted_since(budgets: Iterable[Budget], now: datetime, history: timedelta = HISTORY) -> datetime:
    """From when on cost must be known for these budgets and their forecasts."""
    return min(
        [day_of(now) - history, *(period_of(budget.grain, now, budget.begins).start for budget in budgets)]
    )


def judged(budget: Budget, readings: Iterable[Reading], now: datetime) -> list[Alert]:
    """What there is to say of a budget, with what counts to it among the readings."""
    spend = spend_of(readings, budget)
    if spend is None:
        return []
    alert = judge_budget(budget, spend, now)
    return [*([alert] if alert else []), judge_currency(budget, spend, now)]


def _asked(ports: Ports, subscription: str, now: datetime) -> Asked:
    def keep(rows: CostRows) -> None:
        keep_costs(ports, subscription, rows.readings, whole=not rows.odd)
        keep_billed(ports, subscription, rows, now)

    kind = ports.watch.spend.type  # once it is another one, all days are read anew
    question = partial(cost_query.question, kind=KINDS[kind])
    scope, name = f"/subscriptions/{subscription}", f"spend {kind}"
    return Asked(scope, subscription, name, question, keep, pace(ports))


def _newcomers(ports: Ports, subscription: str, readings: Iterable[Reading], now: datetime) -> list[Alert]:
    if not ports.watch.newcomers:
        return []
    recent = [one for one in readings if one.start >= now - RECENT]
    return judge_newcomers(known_names(ports, subscription, "billing"), _meters(recent), now)


def _meters(readings: Iterable[Reading]) -> dict[str, Scope]:
    return {f"billing meter: {one.scope.part}": Scope(one.scope.resource) for one in readings}
