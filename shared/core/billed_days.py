"""What a bill shows of a meter's rate: the cost and the quantity of its newest day that is settled.

A day is settled when its cost is no more read again, but for a correction at the close of its month. One day
is enough: its cost and quantity are of one price, and an older day may be of an older one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.core.model import Quantity
from shared.core.periods import day_of
from shared.core.prices import BilledRate, PriceBook, effective_rate, listed_as
from shared.core.reach import REREAD

LEAST_COST = Decimal("0.01")  # less is too coarsely rounded to show a rate


@dataclass(frozen=True, slots=True)
class BilledDay:
    """What a meter was billed in a region on one UTC day, all resources of a subscription together."""

    meter: str  # its name on the bill
    region: str
    day: datetime
    cost: Quantity
    quantity: Decimal  # of tokens, or of the price list's units: Azure does not say


def newest_settled(days: Iterable[BilledDay], now: datetime) -> list[BilledDay]:
    """Of each meter, region and currency the newest settled day; of two for the same day the later counts."""
    newest: dict[tuple[str, str, str], BilledDay] = {}
    for one in days:
        key = (one.meter.casefold(), one.region, one.cost.unit)
        settled = one.day + REREAD <= day_of(now)
        shows = one.cost.value >= LEAST_COST and one.quantity > 0
        if settled and shows and (key not in newest or newest[key].day <= one.day):
            newest[key] = one
    return [newest[key] for key in sorted(newest)]


def billed_rates(book: PriceBook, region: str, days: Iterable[BilledDay]) -> list[BilledRate]:
    """What was paid for the meters of a region's book, by the newest day of each.

    Days of other regions count only where the region has none of that meter, and only for a meter that
    costs the same in every region.
    """
    chosen: dict[str, BilledDay] = {}
    for one in sorted(days, key=lambda one: (one.region == region, one.day, one.cost.value)):
        chosen[one.meter.casefold()] = one
    found = (
        effective_rate(one.cost, one.quantity, listed_as(book, one.meter, one.region))
        for one in chosen.values()
    )
    return [rate for rate in found if rate is not None]
