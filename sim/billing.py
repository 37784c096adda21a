"""The rows of the bill as they stand at a moment: late, corrected, renamed, in the currency of each payer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sim.bill import MODELS_AFTER, MODELS_BEFORE, MODELS_RENAMED, BilledItem
from sim.groups import above_subscriptions, subscriptions_in
from sim.load import Floats
from sim.options import Correction
from sim.reservation import Reservation, reservation_for
from sim.view import View
from sim.wire import Refusal

LEAST_UNITS = 1e-9  # below that a day has no row
RATES: Mapping[str, float] = {"USD": 1.0, "EUR": 0.92, "GBP": 0.79}  # for one dollar
UNTOUCHED = Correction(datetime.min.replace(tzinfo=UTC), date.min)

Facts = Mapping[str, str]  # a billed row by dimension in lower case; tags as "tag:name"


@dataclass(frozen=True, slots=True)
class BilledDay:
    """One row: what a resource used of a meter on one day."""

    day: date
    units: float
    usd: float
    currency: str
    facts: Facts

    @property
    def cost(self) -> float:
        """In `currency`."""
        return self.usd * RATES[self.currency]


def items_in(view: View, scope: str) -> list[BilledItem]:
    """What a scope is billed for. Raises Refusal for a scope that is not here."""
    folded = scope.lower().rstrip("/")
    if above_subscriptions(folded):
        paid = subscriptions_in(view, folded)
        return [item for plan in paid for item in view.directory.bill[plan.id]]
    parts = folded.split("/")
    grouped = len(parts) == 5 and parts[3] == "resourcegroups"
    if parts[1:2] != ["subscriptions"] or not (len(parts) == 3 or grouped):
        raise Refusal(400, "BadRequest", f"Scope '{scope}' is not supported")
    items = view.directory.bill[view.subscription(parts[2]).id]
    return [item for item in items if item.resource.lower().startswith(folded + "/")]


def billed(
    view: View, items: Sequence[BilledItem], first: date, last: date, amortised: bool = False
) -> Iterator[BilledDay]:
    """Each row of [first, last] that the bill shows by now, item by item."""
    for item in items:
        origin = view.estate.start.date()
        known = units_known(view, item).tolist()
        reservation = reservation_for(item, origin) if view.options.reservation else None
        days = ItemDays(view, item, reservation, amortised)
        begin, end = max(0, (first - origin).days), max(0, (last - origin).days + 1)
        for number, units in enumerate(known[begin:end], start=begin):
            if units > LEAST_UNITS:
                yield from days.rows(origin + timedelta(days=number), units)


def units_known(view: View, item: BilledItem) -> Floats:
    gone = view.gone(item.resource)
    ended = gone - view.estate.start if gone else timedelta.max
    since = view.now - view.estate.start
    return item.known(since, ended) if view.options.cost_late else item.until(min(since, ended))


class ItemDays:
    """The rows of one item. What does not differ between days is made once."""

    def __init__(
        self, view: View, item: BilledItem, reservation: Reservation | None, amortised: bool
    ) -> None:
        self.view, self.item, self.reservation, self.amortised = view, item, reservation, amortised
        self.currency = view.options.currencies.get(item.subscription, "USD")
        self.name = view.subscription(item.subscription).name
        self.made: dict[tuple[str, str], dict[str, str]] = {}

    def rows(self, day: date, units: float) -> Iterator[BilledDay]:
        """The usage of a day and, where it is reserved, the purchase or what was not used."""
        change = self.correction(day)
        facts = self.facts(self.service(day), change.moved_to or self.meter(day))
        if self.reservation is None or not self.reservation.covers(day):
            usd = units * self.item.meter.price * change.factor
            yield BilledDay(day, units, usd, self.currency, facts)
            return
        usd = self.reservation.spread(units) * change.factor if self.amortised else 0.0
        yield BilledDay(day, units, usd, self.currency, facts | {"pricingmodel": "Reservation"})
        yield from self.own_charges(self.reservation, day, units, facts)

    def own_charges(
        self, reservation: Reservation, day: date, units: float, facts: dict[str, str]
    ) -> Iterator[BilledDay]:
        """What a reservation is charged beside the usage that it covers."""
        own = facts | {
            "resourceid": reservation.order,
            "resourcetype": "microsoft.capacity/reservationorders",
            "resourcegroupname": "",
            "pricingmodel": "Reservation",
        }
        unused = reservation.unused(units)
        if self.amortised and unused:
            usd = reservation.spread(unused)
            yield BilledDay(day, unused, usd, self.currency, own | {"chargetype": "UnusedReservation"})
        if not self.amortised and reservation.bought_on(day):
            bought = own | {"chargetype": "Purchase", "meter": ""}
            yield BilledDay(day, reservation.reserved, reservation.price, self.currency, bought)

    def correction(self, day: date) -> Correction:
        """The last one that has been made to this item's usage of that day."""
        made = [
            change
            for change in self.view.options.cost_corrections
            if change.day == day and change.meter in ("", self.item.meter.name) and change.at <= self.view.now
        ]
        return made[-1] if made else UNTOUCHED

    def meter(self, day: date) -> str:
        for rename in self.view.options.meter_renames:
            if rename.meter == self.item.meter.name and day >= rename.since:
                return rename.to
        return self.item.meter.name

    def service(self, day: date) -> str:
        if self.item.service:
            return self.item.service
        before = self.view.options.service_renamed and day < MODELS_RENAMED.date()
        return MODELS_BEFORE if before else MODELS_AFTER

    def facts(self, service: str, meter: str) -> dict[str, str]:
        if (service, meter) not in self.made:
            self.made[service, meter] = self.new_facts(service, meter)
        return self.made[service, meter]

    def new_facts(self, service: str, meter: str) -> dict[str, str]:
        item = self.item
        tags = {f"tag:{name.lower()}": value for name, value in item.tags}
        return tags | {
            "meter": meter,
            "metercategory": item.category,
            "metersubcategory": item.category,
            "resourceid": item.resource,
            "resourcegroupname": item.resource.split("/")[4],
            "resourcelocation": item.region,
            "resourcetype": item.resource_type,
            "servicename": service,
            "subscriptionid": item.subscription,
            "subscriptionname": self.name,
            "chargetype": "Usage",
            "pricingmodel": "OnDemand",
            "publishertype": "Azure",
        }
