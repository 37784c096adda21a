"""POST {scope}/providers/Microsoft.CostManagement/query: late, partial, paged and oddly spelled rows."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from sim.bill import MODELS_AFTER, MODELS_BEFORE, MODELS_RENAMED, BilledItem
from sim.cost_query import CostQuery, Facts, Group, parse_query
from sim.estate import Estate
from sim.wire import Answer, Refusal, Request, as_json

LEAST_UNITS = 1e-9  # below that a day has no row
MOST_ROWS = 5_000
QUERIES_A_MINUTE = 4

ENTITY_WAIT = "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after"
QPU_WAIT = "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after"


class Throttle:
    """Four queries a minute for a scope, by the simulated clock."""

    def __init__(self) -> None:
        self.seen: dict[str, deque[datetime]] = defaultdict(deque)

    def check(self, scope: str, now: datetime) -> None:
        """Raises Refusal with 429 for one query too many; such a query does not count."""
        seen = self.seen[scope.lower()]
        while seen and not timedelta() <= now - seen[0] < timedelta(minutes=1):
            seen.popleft()
        if len(seen) >= QUERIES_A_MINUTE:
            wait = 60 - int((now - seen[0]).total_seconds())
            headers = {ENTITY_WAIT: str(wait), QPU_WAIT: str(max(1, wait // 2))}
            raise Refusal(429, "429", "Too many requests. Please retry.", headers)
        seen.append(now)


@dataclass(frozen=True, slots=True)
class BilledDay:
    item: BilledItem
    day: date
    units: float
    facts: Facts


def query_costs(
    estate: Estate, request: Request, base: str, scope: str, now: datetime, page_rows: int
) -> Answer:
    """One page of rows; 204 without a body when nothing is billed there."""
    query = parse_query(request.json(), now)
    rows = sorted_rows(query, summed(query, billed(estate, query, items_in(estate, scope), now)))
    if not rows:
        return Answer(204)
    given = request.parameters()
    start = int(given.get("$skiptoken", "0"))
    size = min(int(given.get("$top", page_rows)), MOST_ROWS)
    more = start + size < len(rows)
    version = given.get("api-version", "")
    link = f"{base}{request.path}?api-version={version}&$skiptoken={start + size}" if more else None
    columns, order = column_order(query, scope)
    shown = [[row[place] for place in order] for row in rows[start : start + size]]
    name = str(uuid5(NAMESPACE_URL, scope.lower()))
    return as_json(
        {
            "id": f"{scope}/providers/Microsoft.CostManagement/Query/{name}",
            "name": name,
            "type": "Microsoft.CostManagement/Query",
            "location": None,
            "properties": {"nextLink": link, "columns": columns, "rows": shown},
        }
    )


def items_in(estate: Estate, scope: str) -> list[BilledItem]:
    """What a subscription or resource group is billed for. Raises Refusal for a scope that is not here."""
    folded = scope.lower().rstrip("/")
    parts = folded.split("/")
    grouped = len(parts) == 5 and parts[3] == "resourcegroups"
    if parts[1:2] != ["subscriptions"] or not (len(parts) == 3 or grouped):
        raise Refusal(400, "BadRequest", f"Scope '{scope}' is not supported")
    if parts[2] not in {plan.id for plan in estate.subscriptions}:
        raise Refusal(404, "SubscriptionNotFound", f"The subscription '{parts[2]}' could not be found.")
    return [item for item in estate.bill if item.resource.lower().startswith(folded + "/")]


def billed(
    estate: Estate, query: CostQuery, items: Sequence[BilledItem], now: datetime
) -> Iterator[BilledDay]:
    """Each day of each item that the bill shows by now and the query asks for."""
    origin = estate.start.date()
    first = max(0, (query.first - origin).days)
    last = (query.last - origin).days
    for item in items:
        facts: dict[str, Facts] = {}
        for number, units in enumerate(
            item.known(now - estate.start)[first : last + 1].tolist(), start=first
        ):
            day = origin + timedelta(days=number)
            service = service_of(item, day)
            if service not in facts:
                facts[service] = facts_of(estate, item, service)
            if units > LEAST_UNITS and query.matches(facts[service]):
                yield BilledDay(item, day, units, facts[service])


def service_of(item: BilledItem, day: date) -> str:
    if item.service:
        return item.service
    return MODELS_BEFORE if day < MODELS_RENAMED.date() else MODELS_AFTER


def facts_of(estate: Estate, item: BilledItem, service: str) -> Facts:
    subscription = next(plan for plan in estate.subscriptions if plan.id == item.subscription)
    facts = {
        "meter": item.meter.name,
        "metercategory": item.category,
        "metersubcategory": item.category,
        "resourceid": item.resource,
        "resourcegroupname": item.resource.split("/")[4],
        "resourcelocation": item.region,
        "resourcetype": item.resource_type,
        "servicename": service,
        "subscriptionid": subscription.id,
        "subscriptionname": subscription.name,
        "chargetype": "Usage",
        "publishertype": "Azure",
    }
    return facts | {f"tag:{name.lower()}": value for name, value in item.tags}


def summed(query: CostQuery, days: Iterator[BilledDay]) -> dict[tuple[Any, ...], list[float]]:
    """Sums by date and groups. Spelling is no difference: it is chosen afterwards."""
    sums: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0.0] * len(query.aggregates))
    for found in days:
        key = (date_value(query, found.day), *(found.facts.get(group.key, "") for group in query.groups))
        for place, name in enumerate(query.aggregates):
            quantity = name == "UsageQuantity"
            sums[key][place] += found.units if quantity else found.units * found.item.meter.price
    return sums


def date_value(query: CostQuery, day: date) -> int | str | None:
    if query.granularity == "daily":
        return int(f"{day:%Y%m%d}")
    return f"{day:%Y-%m}-01T00:00:00" if query.granularity == "monthly" else None


def sorted_rows(query: CostQuery, sums: dict[tuple[Any, ...], list[float]]) -> list[list[Any]]:
    """Rows as aggregates, date, groups, currency: `column_order` then shuffles them."""
    rows = []
    for key in sorted(sums, key=str):
        values: list[Any] = [round(value, 8) for value in sums[key]]
        values += [key[0]] if query.granularity else []
        for group, value in zip(query.groups, key[1:], strict=True):
            values += shown(group, value, key[0])
        rows.append([*values, "USD"])
    return rows


def shown(group: Group, value: str, when: int | str | None) -> list[str]:
    if group.tag:
        return [group.tag, value]
    return [odd_case(value, when) if group.key in ("resourceid", "resourcegroupname") else value]


def odd_case(value: str, when: int | str | None) -> str:
    """The same resource comes in another case on another day."""
    luck = crc32(f"{value}|{when}".encode()) % 5
    return value.lower() if luck in (0, 1) else value.upper() if luck == 2 else value


def column_order(query: CostQuery, scope: str) -> tuple[list[dict[str, str]], list[int]]:
    """The columns and, for each, its place in a row of `sorted_rows`. The order differs between scopes."""
    columns = [{"name": name, "type": "Number"} for name in query.aggregates]
    if query.granularity == "daily":
        columns.append({"name": "UsageDate", "type": "Number"})
    elif query.granularity == "monthly":
        columns.append({"name": "BillingMonth", "type": "DateTime"})
    for group in query.groups:
        columns += [{"name": "TagKey", "type": "String"}] if group.tag else []
        columns.append({"name": column_case(group.column, scope), "type": "String"})
    columns.append({"name": "Currency", "type": "String"})
    turn = crc32(scope.lower().encode()) % len(columns)
    order = [*range(turn, len(columns)), *range(turn)]
    return [columns[place] for place in order], order


def column_case(column: str, scope: str) -> str:
    """ "MeterSubcategory" here, "MeterSubCategory" there: only the letters can be relied on."""
    odd = {"MeterSubcategory": "MeterSubCategory", "ResourceId": "ResourceID"}
    return odd.get(column, column) if crc32(scope.lower().encode()) % 2 else column
