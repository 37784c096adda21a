"""The budgets that exist in Azure, as Cost Management lists them. Anything may be absent, null or odd."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.budgets import budget_key
from shared.core.model import Basis, Budget, Grain, Quantity, Threshold
from shared.formats.amounts import parse_amount
from shared.formats.cost_query import AI_SERVICES, AI_TYPE
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import folded, listed, mapping, mappings, one_line
from shared.formats.moments import parse_moment
from shared.formats.pushed import MOST_NAME
from shared.formats.pushed_budget import HIGHEST_STEP, positive, scope_of

# The others run from day to day (Last30Days) or by billing periods, whose days are not known here.
GRAINS = {"monthly": Grain.MONTH, "quarterly": Grain.QUARTER, "annually": Grain.YEAR}
# Dimensions that say what sort of thing is billed; all others (tags, groups, places) say whose it is.
SORTS = frozenset("meter metercategory metersubcategory servicename resourceid resourcetype product".split())
AI_NAMES = tuple(name.lower() for name in (*AI_SERVICES, "OpenAI", AI_TYPE))


@dataclass(frozen=True, slots=True)
class NativeBudget:
    """A budget in Azure. `why_not` says why it cannot be watched, "" when it can."""

    name: str
    scope: str  # ARM id, lower case
    amount: Decimal
    unit: str  # "" where Azure does not say
    grain: Grain | None
    thresholds: tuple[Threshold, ...]
    only: Mapping[str, Any] = field(default_factory=dict)  # its filter, as a cost query takes it; {} is none
    starts: datetime | None = None
    ends: datetime | None = None
    spent: Decimal | None = None  # by Azure's own evaluation, once a day
    expected: Decimal | None = None
    why_not: str = ""

    @property
    def key(self) -> str:
        return budget_key(self.scope, self.name)

    def as_budget(self, unit: str) -> Budget | None:
        """The same as a budget of ours in that currency; None when its periods are not known.

        Quarters and years count from the month in which the budget starts: an alert of Azure's own
        samples has a quarter that begins in March.
        """
        if self.grain is None:
            return None
        begins = self.starts.month if self.starts else 1
        amount = Quantity(self.amount, unit)
        return Budget(self.name, self.scope, amount, self.grain, self.thresholds, begins)


def parse_budgets(items: Iterable[Mapping[str, Any]]) -> tuple[list[NativeBudget], list[str]]:
    """The budgets, each once, and a line for each item that is none."""
    found: dict[str, NativeBudget] = {}
    odd: list[str] = []
    for item in items:
        try:
            one = _budget(folded(item))
        except ValueError as strange:
            odd.append(f"{one_line(str(item), 120)}: {strange}")
            continue
        found[one.key] = one
    return list(found.values()), odd


def _budget(item: Mapping[str, Any]) -> NativeBudget:
    about = folded(item.get("properties")) or item
    name = one_line(item.get("name"), MOST_NAME)
    identity = one_line(item.get("id"), LONGEST_ID).lower()
    scope = scope_of(identity)
    amount = positive(about.get("amount"))
    if not name or scope == identity or not amount:
        raise ValueError("expected a name, an id of a budget and an amount above zero")
    period, spent, expected = (
        folded(about.get(part)) for part in ("timeperiod", "currentspend", "forecastspend")
    )
    grain = GRAINS.get(one_line(about.get("timegrain")).lower())
    steps = tuple(dict.fromkeys(_thresholds(about.get("notifications"))))
    only = _only(about.get("filter"))
    return NativeBudget(
        name,
        scope.rstrip("/"),
        amount,
        one_line(spent.get("unit") or expected.get("unit"), 10).upper(),
        grain,
        steps,
        only or {},
        parse_moment(period.get("startdate")),
        parse_moment(period.get("enddate")),
        parse_amount(spent.get("amount")),
        parse_amount(expected.get("amount")),
        _why_not(about, grain, steps, only),
    )


def _why_not(
    about: Mapping[str, Any],
    grain: Grain | None,
    steps: tuple[Threshold, ...],
    only: Mapping[str, Any] | None,
) -> str:
    category = one_line(about.get("category")) or "Cost"
    if category.lower() != "cost":
        return f"it is of {category}, not of Cost"
    if grain is None:
        return f"its time grain {one_line(about.get('timegrain'))!r} has periods that are not known"
    if not steps:
        return "it notifies nobody"
    return "its filter is of a form that is not known" if only is None else ""


def _thresholds(notifications: object) -> Iterator[Threshold]:
    """Of the notifications that are enabled; one that does not say its type is of actual cost."""
    for one in map(folded, mapping(notifications).values()):
        percent = parse_amount(one.get("threshold"))
        if percent is None or not Decimal("0.01") <= percent <= HIGHEST_STEP or one.get("enabled") is False:
            continue
        forecast = one_line(one.get("thresholdtype")).lower().startswith("forecast")
        yield Threshold(percent.quantize(Decimal("0.01")), Basis.FORECAST if forecast else Basis.ACTUAL)


def _only(found: object) -> dict[str, Any] | None:
    """A budget's filter as a query's: no condition is {}, a single one stands alone. None: not understood."""
    if found is not None and not isinstance(found, Mapping):
        return None
    parts: list[dict[str, Any] | None] = []
    for name, inner in folded(found).items():
        if inner in (None, {}, []):
            continue
        if name in ("and", "or"):
            parts.append(_joined(name, [_only(one) for one in listed(inner)]))
        elif name == "not":
            refused = _only(inner)
            parts.append({"not": refused} if refused else None)
        else:
            parts.append(_comparison(name, folded(inner)))
    return _joined("and", parts)


def _joined(word: str, parts: list[dict[str, Any] | None]) -> dict[str, Any] | None:
    conditions = [part for part in parts if part]
    if None in parts or (word == "or" and len(conditions) < len(parts)):
        return None
    return {word: conditions} if len(conditions) > 1 else conditions[0] if conditions else {}


def _comparison(sort: str, inner: Mapping[str, Any]) -> dict[str, Any] | None:
    name = one_line(inner.get("name"))
    values = [one_line(value, LONGEST_ID) for value in listed(inner.get("values"))]
    sensible = sort in ("dimensions", "tags") and one_line(inner.get("operator")).lower() in ("in", "")
    if not sensible or not name or not values:
        return None
    return {sort: {"name": name, "operator": "In", "values": values}}


def concerns_ai(only: Mapping[str, Any], is_ai_meter: Callable[[str], bool]) -> bool:
    """Whether a budget with that filter watches AI cost, among others or alone.

    It does unless it names sorts of things and none of them is AI; the budget of a team or a group may
    hold AI as well.
    """
    if "not" in only:
        return True
    for word in ("and", "or"):
        if word in only:
            found = [concerns_ai(one, is_ai_meter) for one in mappings(only[word])]
            return all(found) if word == "and" else any(found)
    about = folded(only.get("dimensions"))
    name = one_line(about.get("name")).lower()
    if name not in SORTS:
        return True
    values = [one_line(value, LONGEST_ID) for value in listed(about.get("values"))]
    if name == "meter" and any(map(is_ai_meter, values)):
        return True
    return any(known in value.lower() for value in values for known in AI_NAMES)
