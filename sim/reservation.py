"""PTU that are reserved a month ahead: a purchase on one day, which the amortised view spreads over its days.

How a purchase of PTU looks in a cost query is not published; the forms here are those of other reservations:
usage that is covered costs nothing as charged, the purchase has no meter, and what is not used is a charge
of its own.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import NAMESPACE_URL, uuid5

from sim.bill import BilledItem

TERM = timedelta(days=30)
FIRST_AFTER = timedelta(days=12)  # from the estate's start; bought again when it ends
SPARE = 1.2  # what is reserved, against what is used
PTU_A_TERM = 260.0  # USD
HOURS_A_DAY = 24


@dataclass(frozen=True, slots=True)
class Reservation:
    """The reservation that covers one item. Its first term begins on `first`."""

    order: str  # ARM id of the reservation order, which is what its own charges name as their resource
    reserved: float  # PTU
    first: date

    @property
    def price(self) -> float:
        """USD a term."""
        return self.reserved * PTU_A_TERM

    def covers(self, day: date) -> bool:
        return day >= self.first

    def bought_on(self, day: date) -> bool:
        return self.covers(day) and (day - self.first) % TERM == timedelta()

    def spread(self, units: float) -> float:
        """The amortised cost in USD of so many PTU hours of one day."""
        return self.price / TERM.days * min(1.0, units / (self.reserved * HOURS_A_DAY))

    def unused(self, units: float) -> float:
        """PTU hours of a day that are paid for and not used."""
        return max(0.0, self.reserved * HOURS_A_DAY - units)


def reservation_for(item: BilledItem, origin: date) -> Reservation | None:
    """None for an item that is not billed by the PTU hour."""
    if item.meter.size:
        return None
    order = f"/providers/Microsoft.Capacity/reservationOrders/{uuid5(NAMESPACE_URL, item.resource.lower())}"
    used = float(item.days().max()) / HOURS_A_DAY
    return Reservation(order, round(used * SPARE), origin + FIRST_AFTER)
