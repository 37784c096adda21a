"""Prices as they are kept, and usage seen with them: what it costs, and what has no price.

All lies in one partition: a row for each region and currency, and one for the billed days of a subscription.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from shared.core.billed_days import BilledDay, newest_settled
from shared.core.estimates import estimated_cost, used_by
from shared.core.model import Account, Alert, Detail, Kind, Quantity, Reading
from shared.core.prices import PriceBook, RateSource
from shared.core.rows import Put
from shared.core.unpriced import judge_unpriced, unpriced, unpriced_names
from shared.core.wording import said
from shared.flows.accept import accept
from shared.flows.accounts import load_accounts
from shared.flows.keep import keep_known, known_names
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.cost_query import CostRows

PRICES = "prices"  # the partition
EVERYWHERE = "global"  # in the place of a region's name: the prices for every region
SAID = {RateSource.LIST: "at list price", RateSource.BILL: "at the price of the bill"}


def load_book(ports: Ports, region: str) -> PriceBook | None:
    """The prices of a region, with those for every region; None where they are not wanted or not read yet."""
    own = kept_book(ports, region) if ports.watch.prices.enabled else None
    everywhere = kept_book(ports, EVERYWHERE) if own else None
    if own is None or everywhere is None:
        return own
    return replace(own, meters=own.meters + everywhere.meters, billed=own.billed + everywhere.billed)


def kept_book(ports: Ports, region: str) -> PriceBook | None:
    """The prices that the list has for exactly that region, in the currency that is configured."""
    row = ports.store.get(PRICES, _book_key(ports, region))
    return records.decode(records.unsqueeze(row.body), PriceBook) if row else None


def keep_book(ports: Ports, region: str, book: PriceBook) -> None:
    """Keeps the prices of a region in the place of those of before."""
    body = records.squeeze(records.encode(book))
    ports.store.commit(PRICES, [Put(_book_key(ports, region), body)])


def _book_key(ports: Ports, region: str) -> str:
    return f"book|{ports.watch.prices.currency}|{region}"


def keep_billed(ports: Ports, subscription: str, rows: CostRows, now: datetime) -> None:
    """Keeps the newest settled day of each meter and region in an answer of Cost Management. Safe to repeat.

    Cost of what is not an account of the last known estate has no region, and is left out.
    """
    regions = {account.id: account.region for account in load_accounts(ports, subscription)}
    key = f"billed|{subscription}"
    row = ports.store.get(PRICES, key)
    before = records.decode(row.body, list[BilledDay]) if row else []
    after = newest_settled([*before, *_billed_days(rows, regions)], now)
    if after != before:
        ports.store.commit(PRICES, [Put(key, records.encode(after))])


def _billed_days(rows: CostRows, regions: dict[str, str]) -> Iterable[BilledDay]:
    summed: dict[tuple[str, str, datetime, str], BilledDay] = {}
    for one in rows.readings:
        quantity = rows.quantities.get((one.scope, one.meter, one.start))
        region = regions.get(one.scope.resource)
        if quantity is None or region is None:
            continue
        key = (one.scope.part, region, one.start, one.meter.unit)
        cost = one.value
        if key in summed:
            cost, quantity = cost + summed[key].cost.value, quantity + summed[key].quantity
        summed[key] = BilledDay(one.scope.part, region, one.start, Quantity(cost, one.meter.unit), quantity)
    return summed.values()


def billed_days(ports: Ports) -> Iterator[BilledDay]:
    """What the bills of all subscriptions have shown, in the currency of the price list."""
    for row in ports.store.scan(PRICES, "billed|"):
        for one in records.decode(row.body, list[BilledDay]):
            if one.cost.unit == ports.watch.prices.currency:
                yield one


def tell_unpriced(
    ports: Ports, subscription: str, accounts: Sequence[Account], readings: Iterable[Reading], now: datetime
) -> list[str]:
    """Tells once of each model whose tokens have no price; answers the nudges. Safe to repeat."""
    if not ports.watch.newcomers:
        return []
    used = used_by(readings, accounts)
    missing = []
    for region in sorted({one.region for one in used}):
        missing += unpriced([one for one in used if one.region == region], load_book(ports, region))
    if not missing:
        return []
    owners = {account.id: account.owner for account in accounts}
    alerts = judge_unpriced(known_names(ports, subscription, "unpriced"), missing, now)
    nudges = accept(ports, [replace(one, owner=owners.get(one.scope.resource, "")) for one in alerts], now)
    keep_known(ports, subscription, "unpriced", unpriced_names(missing), now)
    return nudges


def with_cost(
    ports: Ports, alerts: Iterable[Alert], accounts: Sequence[Account], readings: Sequence[Reading]
) -> list[Alert]:
    """The alerts, those of a deployment that uses too many tokens with what that costs, where it is known."""
    return [_with_cost(ports, one, accounts, readings) if _rises(one) else one for one in alerts]


def _rises(alert: Alert) -> bool:
    seen, usual = alert.seen, alert.against
    rises = seen is not None and usual is not None and seen.value > usual.value
    return alert.kind is Kind.ANOMALY and alert.firing and rises


def _with_cost(ports: Ports, alert: Alert, accounts: Sequence[Account], readings: Sequence[Reading]) -> Alert:
    used = used_by((one for one in readings if one.scope == alert.scope), accounts)
    estimate = estimated_cost(used, load_book(ports, used[0].region)) if used else None
    if estimate is None:
        return alert
    text = f"about {said(estimate.cost)} an hour {SAID[estimate.source]}"
    return replace(alert, details=(*alert.details, Detail("Cost", text)))
