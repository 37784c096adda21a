"""What Azure pushes of a budget, in its native schema and in the common one, as the same alert."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.budgets import budget_key, severity_of
from shared.core.model import Alert, Basis, Detail, Kind, Quantity, Scope, Severity, Threshold
from shared.core.periods import months_after
from shared.core.scopes import portal_link
from shared.core.wording import percent, said
from shared.formats.amounts import parse_amount
from shared.formats.loose import one_line
from shared.formats.pushed import AZURE, MOST_NAME, as_test, fired_at, id_of

UNKNOWN = "unknown"  # in place of a subscription's id
HIGHEST_STEP = Decimal(1000)  # percent; Azure takes no threshold above
TEST_BUDGETS = {"test-budgetname"}  # what the portal's test button calls it in the native schema


@dataclass(frozen=True, slots=True)
class Sums:
    """A budget message's money; None is what it does not say, or says in a way that cannot be meant."""

    spent: Decimal | None
    amount: Decimal | None  # above zero
    bar: Decimal | None  # the amount that was crossed, above zero


def native_budget(data: Mapping[str, Any], received_at: datetime) -> Alert:
    """The alert of the native schema's data. It says neither when it fired, nor what is forecast."""
    scope = f"/subscriptions/{id_of(data, 'subscriptionid') or UNKNOWN}"
    if group := id_of(data, "resourcegroup"):
        scope += f"/resourcegroups/{group}"
    spent, amount = parse_amount(data.get("spendingamount")), positive(data.get("budget"))
    bar = _threshold_amount(positive(data.get("notificationthresholdamount")), spent, amount)
    return _budget(data, scope, Sums(spent, amount, bar), "", received_at)


def common_budget(essentials: Mapping[str, Any], data: Mapping[str, Any], received_at: datetime) -> Alert:
    """The alert of the common schema's essentials and AlertData."""
    scope = id_of(data, "scope").rstrip("/") or scope_of(id_of(data, "budgetid"))
    sums = Sums(
        parse_amount(data.get("spentamount")),
        positive(data.get("budgetthreshold")),
        positive(data.get("notificationthresholdamount")),
    )
    fired = fired_at(essentials, received_at)
    return _budget(data, scope or f"/subscriptions/{UNKNOWN}", sums, id_of(essentials, "alertid"), fired)


def _budget(data: Mapping[str, Any], scope: str, sums: Sums, identity: str, fired: datetime) -> Alert:
    name = _name(data)
    unit = one_line(data.get("unit"), 10).upper() or "?"
    step = _step(one_line(data.get("thresholdtype")), sums)
    first = fired.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    alert = Alert(
        key=budget_key(scope, name),
        kind=Kind.BUDGET,
        rule=name,
        scope=Scope(scope),
        firing=True,
        severity=severity_of(step) if step else Severity.WARNING,
        what=sentence(name, sums, unit, step),
        since=fired,
        at=fired,
        seen=Quantity(sums.spent, unit) if sums.spent is not None else None,
        against=Quantity(sums.amount, unit) if sums.amount is not None else None,
        why=crossing(step),
        details=tuple(_details(data, unit)),
        steps=(step.step,) if step else (),
        link=portal_link(scope) if UNKNOWN not in scope.split("/") else "",
        source=AZURE,
        # Azure never says that a budget has recovered; its month ends all the same.
        ends=months_after(first, 1),
    )
    return as_test(alert, identity) if _is_test(data, name, identity) else alert


def _name(data: Mapping[str, Any]) -> str:
    last = one_line(data.get("budgetid"), 2000).rstrip("/").rpartition("/")[2]
    return one_line(data.get("budgetname"), MOST_NAME) or one_line(last, MOST_NAME) or "without a name"


def _is_test(data: Mapping[str, Any], name: str, identity: str) -> bool:
    by_portal = id_of(data, "budgetcreator") == "test@sample.test" or name.lower() in TEST_BUDGETS
    return by_portal or identity.endswith("/test_alert")


def _step(basis: str, sums: Sums) -> Threshold | None:
    if sums.amount is None or sums.bar is None:
        return None
    share = 100 * sums.bar / sums.amount
    if not Decimal("0.01") <= share <= HIGHEST_STEP:
        return None
    early = not basis and sums.spent is not None and sums.spent < sums.bar
    forecast = basis.lower().startswith("forecast") or early
    return Threshold(share.quantize(Decimal("0.01")), Basis.FORECAST if forecast else Basis.ACTUAL)


def _threshold_amount(value: Decimal | None, spent: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """The native message's threshold as money; Azure has sent it as a ratio (0.8) and as an amount (8000.0).

    Of the two readings the one that the spend has just crossed is right: the larger that is not above it.
    A small number that the spend left far behind is a ratio too, of a forecast.
    """
    if value is None or amount is None:
        return value
    as_ratio = value * amount
    if spent is not None and as_ratio <= spent:
        return max(value, as_ratio) if value <= spent else as_ratio
    just_crossed = spent is not None and value <= spent <= 20 * value
    return as_ratio if value <= 2 and 20 * value < amount and not just_crossed else value


def sentence(name: str, sums: Sums, unit: str, step: Threshold | None) -> str:
    """What Azure says of a budget, in one sentence."""
    share = 100 * sums.spent / sums.amount if sums.spent is not None and sums.amount else None
    if share is None or sums.amount is None or abs(share) > 1000 * HIGHEST_STEP:
        return f"Budget {name}: Azure says that a threshold was crossed"
    text = f"Budget {name}: {percent(share)} of {said(Quantity(sums.amount, unit))} spent"
    if step and step.basis is Basis.FORECAST:
        return f"{text}, expected to pass {percent(step.percent)}"
    return text


def crossing(step: Threshold | None) -> str:
    """Which step was crossed, as far as Azure says."""
    if step is None:
        return "Azure says that a threshold was crossed"
    return f"crossed: {percent(step.percent)} {step.basis}"


def _details(data: Mapping[str, Any], unit: str) -> Iterator[Detail]:
    expected = parse_amount(data.get("forecastedtotalforperiod"))
    if expected is not None:
        yield Detail("Expected at its end", said(Quantity(expected, unit)))
    if subscription := one_line(data.get("subscriptionname"), MOST_NAME):
        yield Detail("Subscription", subscription)


def scope_of(budget_id: str) -> str:
    """What a budget, or an alert of Cost Management, is of: the part of its id before the provider."""
    for provider in ("microsoft.consumption", "microsoft.costmanagement"):
        budget_id = budget_id.partition(f"/providers/{provider}/")[0]
    return budget_id


def positive(found: object) -> Decimal | None:
    """An amount above zero; None for what cannot be meant as one."""
    amount = parse_amount(found)
    return amount if amount and amount > 0 else None
