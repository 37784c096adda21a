"""POST {scope}/providers/Microsoft.CostManagement/forecast: what was billed and, by day, what is expected."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sim.billing import billed, items_in
from sim.cost_api import name_of, page
from sim.cost_query import aggregates, bad, condition, days
from sim.view import View
from sim.wire import Answer, Refusal, Request, as_json

LEAST_HISTORY = 7  # days
UNSETTLED = 2  # days before today whose cost is not all there


def forecast_costs(view: View, request: Request, scope: str) -> Answer:
    """Rows of [from, today) as billed when `includeActualCost` is set, and of [today, to] as expected."""
    body = request.json()
    first, last, names = checked(view, body)
    today = view.now.date()
    past, currency = history(view, scope, body)
    rows: list[list[Any]] = []
    if body.get("includeActualCost"):
        before = [day for day in sorted(past) if first <= day < today]
        rows += [row(past[day], day, "Actual", currency) for day in before]
    start = max(first, today)
    ahead = [start + timedelta(days=number) for number in range((last - start).days + 1)]
    rows += [row(expected(past, day, today), day, "Forecast", currency) for day in ahead]
    columns = [
        {"name": names[0], "type": "Number"},
        {"name": "UsageDate", "type": "Number"},
        {"name": "CostStatus", "type": "String"},
        {"name": "Currency", "type": "String"},
    ]
    return as_json(
        {
            "id": f"{scope}/providers/Microsoft.CostManagement/query/{name_of(scope)}",
            "name": name_of(scope),
            "type": "Microsoft.CostManagement/query",
            "properties": page(view, request, columns, rows),
        }
    )


def row(cost: float, day: date, status: str, currency: str) -> list[Any]:
    return [round(cost, 8), int(f"{day:%Y%m%d}"), status, currency]


def checked(view: View, body: Any) -> tuple[date, date, tuple[str, ...]]:
    """First and last day and the cost column. Raises Refusal for what the service would refuse."""
    if not isinstance(body, dict) or not isinstance(body.get("dataset"), dict):
        raise bad("Invalid forecast definition: missing dataset")
    if body.get("timeframe") != "Custom":
        raise bad(f"Invalid forecast definition: timeframe '{body.get('timeframe')}'")
    if body["dataset"].get("grouping"):
        raise bad("Invalid forecast definition: grouping is not supported")
    if body.get("includeFreshPartialCost") and not body.get("includeActualCost"):
        raise bad("Invalid forecast definition: includeFreshPartialCost needs includeActualCost")
    first, last = days(body, view.now)
    if last < view.now.date():
        raise Refusal(400, "CantForecastOnThePast", "The forecast end date must be in the future")
    return first, last, aggregates(body["dataset"].get("aggregation") or {})


def history(view: View, scope: str, body: Mapping[str, Any]) -> tuple[dict[date, float], str]:
    """What was billed by day, and in which currency. Raises Refusal when nothing can be made of it."""
    given = body["dataset"].get("filter")
    matches = condition(given) if given else None
    first, today = view.estate.start.date(), view.now.date()
    past: dict[date, float] = defaultdict(float)
    currencies = set()
    amortised = body.get("type") == "AmortizedCost"
    for found in billed(view, items_in(view, scope), first, today, amortised):
        if matches is None or matches(found.facts):
            past[found.day] += found.cost
            currencies.add(found.currency)
    if len(past) < LEAST_HISTORY or len(currencies) > 1:
        raise Refusal(424, "FailedDependency", "Not enough data, or several currencies, to forecast the cost")
    return dict(past), currencies.pop()


def expected(past: Mapping[date, float], day: date, today: date) -> float:
    """As on the last settled day of the same name."""
    back = -(-((day - today).days + UNSETTLED + 1) // 7) * 7
    return past.get(day - timedelta(days=back), 0.0)
