"""What an action group posts, as our alerts: parsed by its content, whatever its header says.

Shapes: the native budget message, the common alert schema with a budget inside, and any other common
alert, which is passed on in general words. A text that holds JSON is parsed again, since relays encode
bodies twice.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.budgets import budget_key, severity_of
from shared.core.model import Alert, Basis, Detail, Kind, Quantity, Scope, Severity, Threshold
from shared.core.periods import months_after
from shared.core.scopes import portal_link
from shared.core.wording import named, percent, said
from shared.formats.amounts import parse_amount
from shared.formats.moments import parse_moment

AZURE = "Azure"
MOST_TEXT = 400  # characters of a text from outside that go into an alert
SEVERITIES = {
    "sev0": Severity.CRITICAL,
    "sev1": Severity.CRITICAL,
    "sev2": Severity.WARNING,
    "sev3": Severity.INFO,
    "sev4": Severity.INFO,
}


class Unreadable(Exception):
    """A body that is no alert; the text says what was found and what was expected."""


def parse(body: bytes, received_at: datetime) -> Alert:
    """The alert in a webhook's body; raises Unreadable, and nothing else, for any other bytes."""
    message = _decoded(body)
    data = _mapping(message.get("data"))
    if "essentials" in data:
        return _common(data, received_at)
    if "budgetname" in data:
        return _native_budget(data, received_at)
    raise Unreadable(f"a JSON object with the keys {sorted(message)[:8]}; expected an Azure alert with data")


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found: Any = json.loads(body.decode("utf-8-sig"))
        if isinstance(found, str):
            found = json.loads(found)
    except (ValueError, RecursionError) as broken:
        raise Unreadable(f"not JSON: {str(broken)[:120]}") from None
    if not isinstance(found, dict):
        raise Unreadable(f"JSON of type {type(found).__name__}; expected an object")
    return _mapping(found)


def _mapping(found: object) -> dict[str, Any]:
    """An object's items by lower-case name, or nothing for what is no object."""
    if not isinstance(found, Mapping):
        return {}
    return {str(name).lower(): value for name, value in found.items()}


def _common(data: dict[str, Any], received_at: datetime) -> Alert:
    essentials, context = _mapping(data["essentials"]), _mapping(data.get("alertcontext"))
    budget = _mapping(context.get("alertdata"))
    if "budgetname" in budget:
        return _common_budget(essentials, budget, received_at)
    return _any_alert(essentials, received_at)


def _native_budget(data: dict[str, Any], received_at: datetime) -> Alert:
    scope = f"/subscriptions/{_text(data, 'subscriptionid').lower()}"
    if group := _text(data, "resourcegroup").lower():
        scope += f"/resourcegroups/{group}"
    spent, amount = parse_amount(data.get("spendingamount")), parse_amount(data.get("budget"))
    bar = _threshold_amount(parse_amount(data.get("notificationthresholdamount")), spent, amount)
    return _budget(data, scope, spent, amount, bar, received_at)


def _common_budget(essentials: dict[str, Any], data: dict[str, Any], received_at: datetime) -> Alert:
    fired = parse_moment(essentials.get("fireddatetime")) or received_at
    scope = _text(data, "scope").rstrip("/").lower() or _scope_of(_text(data, "budgetid").lower())
    spent, amount = parse_amount(data.get("spentamount")), parse_amount(data.get("budgetthreshold"))
    bar = parse_amount(data.get("notificationthresholdamount"))
    identity = _text(essentials, "alertid")
    if identity.lower().endswith("/test_alert") or _text(data, "budgetcreator") == "test@sample.test":
        return _test(f"{identity}|{fired:%Y-%m-%dT%H:%M:%S}", scope, data, fired)
    return _budget(data, scope, spent, amount, bar, fired)


def _budget(
    data: dict[str, Any],
    scope: str,
    spent: Decimal | None,
    amount: Decimal | None,
    bar: Decimal | None,
    fired: datetime,
) -> Alert:
    name, unit = _text(data, "budgetname"), _text(data, "unit").upper() or "?"
    step = _step(_text(data, "thresholdtype"), spent, amount, bar)
    first = fired.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Alert(
        key=budget_key(scope, name),
        kind=Kind.BUDGET,
        rule=name,
        scope=Scope(scope),
        firing=True,
        severity=severity_of(step) if step else Severity.WARNING,
        what=_sentence(name, spent, amount, unit, step),
        since=fired,
        at=fired,
        seen=Quantity(spent, unit) if spent is not None else None,
        against=Quantity(amount, unit) if amount is not None else None,
        why=f"crossed: {percent(step.percent)} {step.basis}"
        if step
        else "Azure says that a threshold was crossed",
        details=_budget_details(data, unit),
        steps=(step.step,) if step else (),
        link=portal_link(scope),
        source=AZURE,
        # Azure never says that a budget has recovered; its month ends all the same.
        ends=months_after(first, 1),
    )


def _step(basis: str, spent: Decimal | None, amount: Decimal | None, bar: Decimal | None) -> Threshold | None:
    if not amount or bar is None:
        return None
    share = (100 * bar / amount).quantize(Decimal("0.01"))
    forecast = basis.lower().startswith("forecast") or (not basis and spent is not None and spent < bar)
    return Threshold(share, Basis.FORECAST if forecast else Basis.ACTUAL)


def _threshold_amount(value: Decimal | None, spent: Decimal | None, amount: Decimal | None) -> Decimal | None:
    """The native message's threshold as money; Azure has sent it as a ratio (0.8) and as an amount (8000.0).

    Of the two readings the one that the spend has just crossed is right: the larger that is not above it.
    """
    if value is None or not amount:
        return value
    crossed = [bar for bar in (value, value * amount) if spent is not None and bar <= spent]
    if crossed:
        return max(crossed)
    return value * amount if value <= 10 and value < amount / 20 else value


def _sentence(
    name: str, spent: Decimal | None, amount: Decimal | None, unit: str, step: Threshold | None
) -> str:
    if spent is None or not amount:
        return f"Budget {name}: Azure says that a threshold was crossed"
    text = f"Budget {name}: {percent(100 * spent / amount)} of {said(Quantity(amount, unit))} spent"
    return f"{text}, {percent(step.percent)} forecast" if step and step.basis is Basis.FORECAST else text


def _budget_details(data: dict[str, Any], unit: str) -> tuple[Detail, ...]:
    expected = parse_amount(data.get("forecastedtotalforperiod"))
    lines = [Detail("Subscription", _text(data, "subscriptionname"))]
    if expected is not None:
        lines.append(Detail("Expected at its end", said(Quantity(expected, unit))))
    return tuple(line for line in lines if line.text)


def _test(identity: str, scope: str, data: dict[str, Any], fired: datetime) -> Alert:
    return Alert(
        key=f"test|{identity}",
        kind=Kind.BUDGET,
        rule=_text(data, "budgetname"),
        scope=Scope(scope),
        firing=True,
        severity=Severity.INFO,
        what="Azure's test alert arrived; the road from the action group to this channel works",
        since=fired,
        at=fired,
        source=AZURE,
        test=True,
    )


def _any_alert(essentials: dict[str, Any], received_at: datetime) -> Alert:
    fired = parse_moment(essentials.get("fireddatetime")) or received_at
    targets = essentials.get("alerttargetids")
    target = str(targets[0]).lower() if isinstance(targets, list) and targets else ""
    rule = _text(essentials, "alertrule") or _text(essentials, "monitoringservice") or "an alert"
    resolved = _text(essentials, "monitorcondition").lower() == "resolved"
    identity = _text(essentials, "alertid") or f"{rule}|{target}"
    ended = parse_moment(essentials.get("resolveddatetime")) or received_at
    return Alert(
        key=f"azure|{identity}|{rule}".lower(),
        kind=Kind.AZURE,
        rule=rule,
        scope=Scope(target),
        firing=not resolved,
        severity=SEVERITIES.get(_text(essentials, "severity").lower(), Severity.WARNING),
        what=f"{rule} on {named(Scope(target))}" if target else rule,
        since=ended if resolved else fired,
        at=ended if resolved else fired,
        why="Azure says that it is over" if resolved else _text(essentials, "description"),
        details=(Detail("From", _text(essentials, "monitoringservice") or "Azure Monitor"),),
        link=portal_link(target),
        source=AZURE,
    )


def _scope_of(budget_id: str) -> str:
    return budget_id.partition("/providers/microsoft.consumption/")[0].partition(
        "/providers/microsoft.costmanagement/"
    )[0]


def _text(data: dict[str, Any], name: str) -> str:
    """A field as one line of text, shortened; "" when it is absent or null."""
    value = data.get(name)
    return " ".join(str(value).split())[:MOST_TEXT] if value is not None else ""
