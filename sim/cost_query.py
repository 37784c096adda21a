"""A Cost Management query: its JSON taken apart and checked, as the service would."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sim.billing import Facts
from sim.groups import above_subscriptions
from sim.view import View
from sim.wire import Refusal

MOST_AGGREGATIONS = 2
MOST_GROUPINGS = 2

# Asked for in any case; answered in this one.
DIMENSIONS = {
    name.lower(): name
    for name in (
        "Meter",
        "MeterCategory",
        "MeterSubcategory",
        "ResourceId",
        "ResourceGroupName",
        "ResourceLocation",
        "ResourceType",
        "ServiceName",
        "SubscriptionId",
        "SubscriptionName",
        "ChargeType",
        "PricingModel",
        "PublisherType",
    )
}
AGGREGATES = {
    name.lower(): name for name in ("Cost", "PreTaxCost", "CostUSD", "PreTaxCostUSD", "UsageQuantity")
}

Test = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Group:
    """`key` is where to look in a row's facts; `column` what its column is called."""

    key: str
    column: str
    tag: str = ""


@dataclass(frozen=True, slots=True)
class CostQuery:
    """[first, last] are whole days. `granularity` is "daily", "monthly" or "" for the whole."""

    amortised: bool
    first: date
    last: date
    granularity: str
    aggregates: tuple[str, ...]
    groups: tuple[Group, ...]
    matches: Test


def bad(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def parse_query(view: View, scope: str, body: Any) -> CostQuery:
    """Raises Refusal with 400 for what the service would refuse."""
    if not isinstance(body, dict) or not isinstance(body.get("dataset"), dict):
        raise bad("Invalid query definition: missing dataset")
    if str(body.get("type")) not in ("Usage", "ActualCost", "AmortizedCost"):
        raise bad(f"Invalid query definition: type '{body.get('type')}'")
    dataset = body["dataset"]
    granularity = str(dataset.get("granularity") or "").lower()
    if granularity not in ("", "none", "daily", "monthly"):
        raise bad(f"Invalid query definition: granularity '{dataset['granularity']}'")
    first, last = days(body, view.now)
    if view.options.future_as_last_year and last > view.now.date():
        first, last = a_year_before(first), a_year_before(last)
    return CostQuery(
        body["type"] == "AmortizedCost",
        first,
        last,
        granularity.replace("none", ""),
        aggregates(dataset.get("aggregation") or {}),
        groups(dataset.get("grouping") or [], scope),
        condition(dataset["filter"]) if dataset.get("filter") else lambda facts: True,
    )


def days(body: Mapping[str, Any], now: datetime) -> tuple[date, date]:
    today, frame = now.date(), str(body.get("timeframe"))
    if frame in ("MonthToDate", "TheCurrentMonth", "BillingMonthToDate"):
        return today.replace(day=1), today
    if frame == "TheLastMonth":
        last = today.replace(day=1) - timedelta(days=1)
        return last.replace(day=1), last
    if frame != "Custom":
        raise bad(f"Invalid query definition: timeframe '{frame}'")
    period = body.get("timePeriod")
    if not isinstance(period, dict) or not period.get("from") or not period.get("to"):
        raise bad("Invalid query definition: timePeriod needs from and to")
    first, last = day(period["from"]), day(period["to"])
    if last < first or (last - first).days > 366:
        raise bad(
            "Invalid query definition: the time period must be within one year and not end before it starts"
        )
    return first, last


def a_year_before(moment: date) -> date:
    return moment - timedelta(days=365)


def day(text: Any) -> date:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as wrong:
        raise bad(f"Invalid query definition: '{text}' is not a time") from wrong
    return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()


def aggregates(given: Any) -> tuple[str, ...]:
    if not isinstance(given, dict) or not given or len(given) > MOST_AGGREGATIONS:
        raise bad(f"Invalid query definition: 1 to {MOST_AGGREGATIONS} aggregations are supported")
    names = [str(one.get("name", "")) for one in given.values()]
    unknown = [name for name in names if name.lower() not in AGGREGATES]
    if unknown or any(one.get("function") != "Sum" for one in given.values()):
        raise bad(f"Invalid query definition: aggregation {unknown or 'function'} is not supported")
    return tuple(AGGREGATES[name.lower()] for name in names)


def groups(given: Any, scope: str) -> tuple[Group, ...]:
    if not isinstance(given, list) or len(given) > MOST_GROUPINGS:
        raise bad(f"Invalid query definition: at most {MOST_GROUPINGS} groupings are supported")
    found = tuple(group(one) for one in given)
    if above_subscriptions(scope) and any(one.key == "resourceid" for one in found):
        raise bad(f"Invalid query definition: grouping by ResourceId is not supported at scope '{scope}'")
    return found


def group(one: Mapping[str, Any]) -> Group:
    name = str(one.get("name", ""))
    if one.get("type") == "TagKey":
        return Group(f"tag:{name.lower()}", "TagValue", tag=name)
    if one.get("type") != "Dimension":
        raise bad(f"Invalid query definition: column type '{one.get('type')}'")
    return Group(known(name), DIMENSIONS[known(name)])


def known(name: str) -> str:
    """The dimension in lower case; MeterName is none, though the portal's words suggest it."""
    if name.lower() not in DIMENSIONS:
        raise bad(
            f"Invalid query definition: Invalid dimension '{name}'. Allowed: {sorted(DIMENSIONS.values())}"
        )
    return name.lower()


def condition(given: Any) -> Test:
    if not isinstance(given, dict) or len(given) != 1:
        raise bad("Invalid query definition: a filter holds exactly one of and, or, not, dimensions, tags")
    ((kind, inner),) = given.items()
    if kind == "not":
        refused = condition(inner)
        return lambda facts: not refused(facts)
    if kind in ("and", "or"):
        return junction(kind, inner)
    if kind in ("dimensions", "tags"):
        return comparison(kind, inner)
    raise bad(f"Invalid query definition: filter '{kind}'")


def junction(kind: str, inner: Any) -> Test:
    if not isinstance(inner, list) or len(inner) < 2:
        raise bad(f"Invalid query definition: '{kind}' needs two conditions or more")
    parts = [condition(one) for one in inner]
    if kind == "and":
        return lambda facts: all(part(facts) for part in parts)
    return lambda facts: any(part(facts) for part in parts)


def comparison(kind: str, inner: Any) -> Test:
    if not isinstance(inner, dict) or inner.get("operator") != "In" or not inner.get("values"):
        raise bad("Invalid query definition: a comparison needs name, operator In and values")
    name = str(inner.get("name", ""))
    key = known(name) if kind == "dimensions" else f"tag:{name.lower()}"
    wanted = {str(value).lower() for value in inner["values"]}
    return lambda facts: facts.get(key, "").lower() in wanted
