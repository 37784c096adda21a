"""POST {scope}/providers/Microsoft.CostManagement/query: late, partial, paged and oddly spelled rows."""

from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from sim.billing import BilledDay, billed, items_in
from sim.cost_query import CostQuery, Group, parse_query
from sim.view import View
from sim.wire import Answer, Request, as_json

USUAL_ROWS, MOST_ROWS = 1_000, 5_000  # a page; $top asks for more than usual
SPELT_ODDLY = ("resourceid", "resourcegroupname")

Columns = list[dict[str, str]]
Rows = list[list[Any]]


def query_costs(view: View, request: Request, scope: str) -> Answer:
    """One page of rows; 204 without a body when nothing is billed there."""
    query = parse_query(view, scope, request.json())
    days = billed(view, items_in(view, scope), query.first, query.last, query.amortised)
    rows = sorted_rows(view, query, summed(query, days))
    if view.options.last_day_only and query.granularity == "daily" and query.groups:
        place = len(query.aggregates)
        rows = [row for row in rows if row[place] == rows[-1][place]]
    if not rows:
        return Answer(204)
    columns, order = column_order(view, query, scope)
    return as_json(
        {
            "id": f"{scope}/providers/Microsoft.CostManagement/Query/{name_of(scope)}",
            "name": name_of(scope),
            "type": "microsoft.costmanagement/Query",
            "properties": page(view, request, columns, [[row[place] for place in order] for row in rows]),
        }
    )


def name_of(scope: str) -> str:
    return str(uuid5(NAMESPACE_URL, scope.lower()))


def page(view: View, request: Request, columns: Columns, rows: Rows) -> dict[str, Any]:
    """Some of the rows, and where the others are; a forecast has them in the same form.

    As in Azure the link spells the path otherwise than it was asked, and its token is not to be read.
    """
    given = request.parameters()
    start = int(b64decode(given.get("$skiptoken", "")) or 0)
    asked = min(int(given.get("$top", USUAL_ROWS)), MOST_ROWS)
    size = min(asked, view.options.cost_page or asked)
    path, operation = request.path.rsplit("/", 1)
    token = quote(b64encode(f"{start + size:04}".encode()).decode(), safe="")
    where = f"{view.base}{quote(path)}/{operation.capitalize()}"
    link = f"{where}?api-version={given.get('api-version', '')}&$skiptoken={token}"
    return {
        "nextLink": link if start + size < len(rows) else None,
        "columns": columns,
        "rows": rows[start : start + size],
    }


def summed(query: CostQuery, days: Iterator[BilledDay]) -> dict[tuple[Any, ...], list[float]]:
    """Sums by date, groups and currency. Spelling is no difference: it is chosen afterwards."""
    dollars = all(name.endswith("USD") for name in query.aggregates)
    sums: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0.0] * len(query.aggregates))
    for found in days:
        if not query.matches(found.facts):
            continue
        groups = (found.facts.get(group.key, "") for group in query.groups)
        key = (date_value(query, found.day), *groups, "USD" if dollars else found.currency)
        for place, name in enumerate(query.aggregates):
            sums[key][place] += value_of(found, name)
    return sums


def value_of(found: BilledDay, aggregate: str) -> float:
    if aggregate == "UsageQuantity":
        return found.units
    return found.usd if aggregate.endswith("USD") else found.cost


def date_value(query: CostQuery, day: date) -> int | str | None:
    if query.granularity == "daily":
        return int(f"{day:%Y%m%d}")
    return f"{day:%Y-%m}-01T00:00:00" if query.granularity == "monthly" else None


def sorted_rows(view: View, query: CostQuery, sums: dict[tuple[Any, ...], list[float]]) -> Rows:
    """Rows as aggregates, date, groups, currency: `column_order` then shuffles them."""
    rows = []
    for key in sorted(sums, key=str):
        values: list[Any] = [round(value, 8) for value in sums[key]]
        values += [key[0]] if query.granularity else []
        for group, value in zip(query.groups, key[1:-1], strict=True):
            values += shown(view, group, value, key[0])
        rows.append([*values, key[-1]])
    return rows


def shown(view: View, group: Group, value: str, when: int | str | None) -> list[str]:
    if group.tag:
        return [group.tag, value]
    return [odd_case(value, when) if view.options.odd_case and group.key in SPELT_ODDLY else value]


def odd_case(value: str, when: int | str | None) -> str:
    """The same resource comes in another case on another day."""
    luck = crc32(f"{value}|{when}".encode()) % 5
    return value.lower() if luck in (0, 1) else value.upper() if luck == 2 else value


def column_order(view: View, query: CostQuery, scope: str) -> tuple[Columns, Sequence[int]]:
    """The columns and, for each, its place in a row of `sorted_rows`. The order differs between scopes."""
    columns = [{"name": name, "type": "Number"} for name in query.aggregates]
    if query.granularity == "daily":
        columns.append({"name": "UsageDate", "type": "Number"})
    elif query.granularity == "monthly":
        columns.append({"name": "BillingMonth", "type": "DateTime"})
    odd = view.options.odd_case
    for group in query.groups:
        columns += [{"name": "TagKey", "type": "String"}] if group.tag else []
        columns.append({"name": column_case(group.column, scope) if odd else group.column, "type": "String"})
    columns.append({"name": "Currency", "type": "String"})
    turn = crc32(scope.lower().encode()) % len(columns) if odd else 0
    order = [*range(turn, len(columns)), *range(turn)]
    return [columns[place] for place in order], order


def column_case(column: str, scope: str) -> str:
    """ "MeterSubcategory" here, "MeterSubCategory" there: only the letters can be relied on."""
    odd = {"MeterSubcategory": "MeterSubCategory", "ResourceId": "ResourceID"}
    return odd.get(column, column) if crc32(scope.lower().encode()) % 2 else column
