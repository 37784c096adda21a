"""Answers of the Cost Management Query API as daily cost readings.

Columns are found by their name, since their order varies; rows that make no sense are counted, not
fatal. Group names come back in mixed case and are folded.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import COST, Meter, Reading, Scope
from shared.formats.amounts import parse_amount

COST_COLUMNS = ("cost", "pretaxcost", "costusd", "pretaxcostusd")
NO_CURRENCY = "XXX"  # ISO 4217: no currency


@dataclass(frozen=True, slots=True)
class CostRows:
    """What an answer held. `odd` says, a line each, which rows could not be read and why."""

    readings: tuple[Reading, ...]
    odd: tuple[str, ...] = ()


def parse(pages: Iterable[Mapping[str, Any]], as_of: datetime) -> CostRows:
    """The readings of all pages: cost by billing meter and resource and UTC day, rows of one summed."""
    summed: dict[tuple[Scope, Meter, datetime], Decimal] = {}
    odd: list[str] = []
    for page in pages:
        properties = page.get("properties") or {}
        names = [str(column.get("name", "")).lower() for column in properties.get("columns") or ()]
        for row in properties.get("rows") or ():
            try:
                scope, meter, day, cost = _read(dict(zip(names, row, strict=True)))
            except (ValueError, TypeError) as strange:
                odd.append(f"{str(row)[:120]}: {strange}")
                continue
            summed[scope, meter, day] = summed.get((scope, meter, day), Decimal()) + cost
    readings = (
        Reading(scope, meter, day, day + timedelta(days=1), cost, as_of)
        for (scope, meter, day), cost in sorted(summed.items())
    )
    return CostRows(tuple(readings), tuple(odd))


def _read(row: Mapping[str, Any]) -> tuple[Scope, Meter, datetime, Decimal]:
    name = next((name for name in COST_COLUMNS if name in row), None)
    cost = parse_amount(row[name]) if name else None
    if cost is None:
        raise ValueError(f"no cost in the columns {sorted(row)}")
    scope = Scope(str(row.get("resourceid") or "").rstrip("/").lower(), str(row.get("meter") or "no meter"))
    currency = str(row.get("currency") or NO_CURRENCY).upper()
    return scope, Meter(COST, currency), _day(row.get("usagedate")), cost


def _day(value: object) -> datetime:
    digits = str(int(value)) if isinstance(value, (int, float)) else str(value or "")[:10].replace("-", "")
    if len(digits) != 8 or not digits.isdigit():
        raise ValueError(f"UsageDate {value!r}, expected a day such as 20260901")
    return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
