"""Answers of the Cost Management Query API as daily cost readings.

Columns are found by their name, since their order varies; rows that make no sense are named, not
fatal. Resource ids come back in mixed case and are folded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import COST, Meter, Period, Reading, Scope
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import listed, mapping, one_line
from shared.formats.moments import parse_moment

COST_COLUMNS = ("cost", "pretaxcost", "costusd", "pretaxcostusd")
QUANTITY = "usagequantity"
NO_CURRENCY = "XXX"  # ISO 4217: no currency
AI_TYPE = "microsoft.cognitiveservices/accounts"
# The service was renamed in 2026 and history holds both names.
AI_SERVICES = ("Cognitive Services", "Foundry Models", "Foundry Tools")


def _in(name: str, values: Sequence[str]) -> dict[str, Any]:
    return {"dimensions": {"name": name, "operator": "In", "values": list(values)}}


# By type, whatever the service is called; and by service what is charged to no account: reserved PTU.
AI_COST = {"or": [_in("ResourceType", [AI_TYPE]), _in("ServiceName", AI_SERVICES)]}


def question(
    asked: Period,
    groups: Sequence[str] = ("Meter", "ResourceId"),
    kind: str = "ActualCost",
    only: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of a query for daily cost and quantity of whole UTC days.

    `groups` are at most two dimensions; `kind` is "ActualCost" or "AmortizedCost"; `only` is a filter in
    Cost Management's own form, all AI cost when None, and nothing is left out when it is empty. Azure's
    period is closed: its last second is the one before `asked.end`.
    """
    only = AI_COST if only is None else only
    last = asked.end - timedelta(seconds=1)
    return {
        "type": kind,
        "timeframe": "Custom",
        "timePeriod": {"from": f"{asked.start:%Y-%m-%dT%H:%M:%SZ}", "to": f"{last:%Y-%m-%dT%H:%M:%SZ}"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {
                "totalCost": {"name": "Cost", "function": "Sum"},
                "quantity": {"name": "UsageQuantity", "function": "Sum"},
            },
            "grouping": [{"type": "Dimension", "name": name} for name in groups],
            **({"filter": only} if only else {}),
        },
    }


def next_link(page: Mapping[str, Any]) -> str:
    """Where the next page of an answer is, "" for the last one."""
    return str(mapping(page.get("properties")).get("nextLink") or "")


@dataclass(frozen=True, slots=True)
class CostRows:
    """What an answer held. `odd` says, a line each, which rows could not be read and why.

    `quantities` are those of the readings of which every row has one, by scope, meter and start: tokens, or
    the price list's units of them. They are no readings, so that nobody adds them to money.
    """

    readings: tuple[Reading, ...]
    odd: tuple[str, ...] = ()
    quantities: Mapping[tuple[Scope, Meter, datetime], Decimal] = field(default_factory=dict)


def parse(
    pages: Iterable[Mapping[str, Any]], as_of: datetime, asked: Period | None = None, holder: str = ""
) -> CostRows:
    """The readings of all pages: cost by billing meter and resource and UTC day, rows of one summed.

    A row of a day that was not `asked` for is odd: Azure has been said to shift dates. A row that names no
    resource belongs to its subscription, or where it names none to the `holder`.
    """
    summed: dict[tuple[Scope, Meter, datetime], Decimal] = {}
    quantities: dict[tuple[Scope, Meter, datetime], Decimal | None] = {}
    odd: list[str] = []
    for page in pages:
        properties = mapping(mapping(page).get("properties"))
        names = [one_line(mapping(one).get("name")).lower() for one in listed(properties.get("columns"))]
        for row in listed(properties.get("rows")):
            try:
                read = dict(zip(names, listed(row), strict=True))
                scope, meter, day, cost = _read(read, holder)
                if asked and day not in asked:
                    raise ValueError(f"of {day:%Y-%m-%d}, which is not of the days asked for")
            except ValueError as strange:
                odd.append(f"{str(row)[:120]}: {strange}")
                continue
            key = scope, meter, day
            summed[key] = summed.get(key, Decimal()) + cost
            quantities[key] = _plus(quantities.get(key, Decimal()), parse_amount(read.get(QUANTITY)))
    readings = (
        Reading(scope, meter, day, day + timedelta(days=1), cost, as_of)
        for (scope, meter, day), cost in sorted(summed.items())
    )
    known = {key: quantity for key, quantity in quantities.items() if quantity is not None}
    return CostRows(tuple(readings), tuple(odd), known)


def _plus(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    """The sum, unknown when a part of it is."""
    return None if one is None or other is None else one + other


def _read(row: Mapping[str, Any], holder: str) -> tuple[Scope, Meter, datetime, Decimal]:
    name = next((name for name in COST_COLUMNS if name in row), None)
    cost = parse_amount(row[name]) if name else None
    if cost is None:
        raise ValueError(f"no cost in the columns {sorted(row)}")
    resource = _resource(row) or holder
    meter = one_line(row.get("meter")) or "no meter"
    # The columns in dollars are in dollars, whatever the bill is in.
    currency = "USD" if str(name).endswith("usd") else one_line(row.get("currency")).upper()
    return Scope(resource, meter), Meter(COST, currency or NO_CURRENCY), _day(row.get("usagedate")), cost


def _resource(row: Mapping[str, Any]) -> str:
    """The ARM id of the resource, else of the subscription; "" when the row names none."""
    if found := one_line(row.get("resourceid"), LONGEST_ID).rstrip("/").lower():
        return found
    subscription = one_line(row.get("subscriptionid"), LONGEST_ID).strip("/").lower()
    return f"/subscriptions/{subscription.removeprefix('subscriptions/')}" if subscription else ""


def _day(value: object) -> datetime:
    """A UTC day; raises ValueError for what is none."""
    text = one_line(value, 40)
    day = parse_moment(text.removesuffix(".0"))
    if day is None:
        raise ValueError(f"UsageDate {text!r}, expected a day such as 20260901")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
