"""What the simulated tenant's bill really is, straight from its estate, to compare with what was kept."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from shared.flows.costs import bill_of, days_since
from shared.flows.ports import Ports
from sim.billing import billed
from sim.options import Options
from sim.process import RunningTenant
from sim.view import Directory, View

AI_SERVICES = {"Cognitive Services", "Foundry Models", "Foundry Tools"}
Cost = dict[tuple[str, str, datetime, str], Decimal]  # by resource, meter, day and currency


def true_bill(
    tenant: RunningTenant,
    subscription: str,
    now: datetime,
    since: datetime,
    amortised: bool = False,
    **options: Any,
) -> Cost:
    """The AI cost that the bill shows by `now` of the days from `since` on, with the tenant's options."""
    view = View(Directory(tenant.estate), "", now, msgspec.convert(options, Options), {})
    items = [item for item in tenant.estate.bill if item.subscription == subscription]
    found: Cost = defaultdict(Decimal)
    for row in billed(view, items, since.date(), now.date(), amortised):
        ours = row.facts["resourcetype"] == "microsoft.cognitiveservices/accounts"
        if ours or row.facts["servicename"] in AI_SERVICES:
            day = datetime(row.day.year, row.day.month, row.day.day, tzinfo=UTC)
            meter = row.facts["meter"] or "no meter"
            key = row.facts["resourceid"].lower(), meter, day, row.currency
            found[key] += Decimal(str(round(row.cost, 8)))
    return dict(found)


def kept_bill(ports: Ports, subscription: str, since: datetime) -> Cost:
    return {
        (one.scope.resource, one.scope.part, one.start, one.meter.unit): one.value
        for one in days_since(ports, bill_of(subscription), since)
    }


def cents(bill: Cost) -> dict[str, Decimal]:
    """The totals by currency, to the cent."""
    totals: dict[str, Decimal] = defaultdict(Decimal)
    for (_, _, _, currency), cost in bill.items():
        totals[currency] += cost
    return {currency: total.quantize(Decimal("0.01")) for currency, total in totals.items()}
