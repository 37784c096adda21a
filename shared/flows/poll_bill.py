"""What subscriptions have in common: one question for the cost of all, and the budgets that span them.

costs -> readings (kept by subscription) -> totals -> budgets -> accept
"""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from functools import partial

from shared.core.faults import NotPermitted, NotThere
from shared.core.freshness import Watermark
from shared.core.model import Budget, Reading
from shared.core.scopes import subscription_of
from shared.flows.accept import accept
from shared.flows.calls import TooLong
from shared.flows.costs import keep_costs, totals_since
from shared.flows.estate import remembered
from shared.flows.native import list_natives
from shared.flows.poll_budgets import look_at
from shared.flows.poll_spend import KINDS, judged, wanted_since
from shared.flows.ports import Ports
from shared.flows.read_costs import Asked, read_costs
from shared.flows.wide import EVERYTHING, Wide, is_covered, load_wide, reach_name, save_wide, with_days
from shared.formats import cost_query
from shared.formats.cost_query import CostRows

GROUPS = ("SubscriptionId", "Meter")  # above subscriptions no question may be split by resource


def of_everything(ports: Ports) -> tuple[str, ...]:
    """The one subject, where there is something to read or to judge of all subscriptions together."""
    return (EVERYTHING,) if ports.watch.spend.scope or _spanning(ports) else ()


def poll_bill(ports: Ports, subject: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads the cost of all with one question, if so configured, and judges the budgets that span them.

    What is refused is raised when all is done.
    """
    budgets = _spanning(ports)
    if not ports.watch.spend.scope:
        return _judge(ports, budgets, now)
    nudges, faults = look_at(
        ports,
        subject,
        now,
        lambda: _read(ports, now),
        lambda: _judge(ports, budgets, now),
        lambda: _look_above(ports, subject, now),
    )
    if faults:
        raise faults[0]
    return nudges


def _judge(ports: Ports, budgets: list[Budget], now: datetime) -> list[str]:
    readings = _totals(ports, wanted_since(budgets, now), now) if budgets else []
    return accept(ports, [alert for budget in budgets for alert in judged(budget, readings, now)], now)


def _look_above(ports: Ports, subject: str, now: datetime) -> list[str]:
    """The native budgets of the wide scope itself; not every account has such, or may list them."""
    if not ports.watch.spend.native_budgets:
        return []
    try:
        return list_natives(ports, subject, ports.watch.spend.scope, now)
    except (NotPermitted, NotThere) as refused:
        ports.log({"event": "source", "source": "bill", "trouble": str(refused)})
        return []


def _spanning(ports: Ports) -> list[Budget]:
    return [budget for budget in ports.watch.budgets if not subscription_of(budget.scope)]


def _totals(ports: Ports, since: datetime, now: datetime) -> list[Reading]:
    """The daily totals of what is watched."""
    counted = set(remembered(ports))
    months = totals_since(ports, since, now)
    return [
        one
        for subscription, readings in months
        if subscription in counted
        for one in readings
        if one.start >= since
    ]


def _read(ports: Ports, now: datetime) -> list[str]:
    """Asks for the cost of all; when that is refused or too much, each is asked by itself from then on."""
    # All budgets count: those of one subscription are judged by what is read here too.
    since = wanted_since(ports.watch.budgets, now)
    question = partial(cost_query.question, groups=GROUPS, kind=KINDS[ports.watch.spend.type])
    asked = Asked(
        ports.watch.spend.scope, EVERYTHING, reach_name(ports), question, partial(_keep, ports, now)
    )
    try:
        read_costs(ports, asked, since, now)
    except (NotPermitted, NotThere, TooLong):
        save_wide(ports, replace(load_wide(ports) or Wide(), refused=True))
        raise
    return []


def _keep(ports: Ports, now: datetime, rows: CostRows) -> None:
    """Keeps the cost of each subscription that is watched and not asked by itself."""
    wide = with_days(load_wide(ports), rows.readings)
    save_wide(ports, wide)
    watched = set(remembered(ports))
    by_subscription: dict[str, list[Reading]] = defaultdict(list)
    for one in rows.readings:
        by_subscription[subscription_of(one.scope.resource)].append(one)
    for subscription, readings in by_subscription.items():
        if subscription in watched and is_covered(ports.watch, wide, subscription, now):
            keep_costs(ports, subscription, readings, whole=not rows.odd)
    if unwatched := len(by_subscription.keys() - watched):
        ports.log({"event": "cost not counted", "scope": ports.watch.spend.scope, "unwatched": unwatched})
