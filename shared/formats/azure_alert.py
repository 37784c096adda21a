"""What an action group posts, as our alerts: parsed by its content, whatever its header says.

Shapes: the native budget message, the common alert schema with a budget inside, any other common alert,
and the two legacy schemas, which are passed on in general words. A text that holds JSON is parsed again,
since relays encode bodies twice.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.budgets import budget_key, severity_of
from shared.core.model import Alert, Basis, Detail, Kind, Quantity, Scope, Severity, Threshold
from shared.core.periods import months_after
from shared.core.scopes import portal_link
from shared.core.wording import named, percent, said
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import folded, listed, mappings, one_line
from shared.formats.moments import parse_moment

AZURE = "Azure"
UNKNOWN = "unknown"  # in place of a subscription's id
MOST_NAME = 63  # characters; Azure's own limit for a budget's name
MOST_MEASURES = 3
HIGHEST_STEP = Decimal(1000)  # percent; Azure takes no threshold above
NEVER_RESOLVED = {"activity log", "activitylog"}  # signals: an event, that nobody will say is over
TOLD_FOR = timedelta(hours=24)
SKEW = timedelta(hours=1)  # of the sender's clock; no alert fires later than that after it arrived
TEST_RULES = {  # what the portal's test button calls its alert rules
    "test-activitylogalertrule",
    "test-logalertrule-v2",
    "test-metricalertrule",
    "test-servicehealthalertrule",
    "test-smartalertrule",
}
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
    data = folded(message.get("data")) or message
    essentials, context = folded(data.get("essentials")), folded(data.get("alertcontext"))
    if "budgetname" in (budget := folded(context.get("alertdata"))):
        return _common_budget(essentials, budget, received_at)
    if "budgetname" in data:
        return _native_budget(data, received_at)
    if essentials.keys() & {"alertid", "alertrule", "monitoringservice"}:
        return _any_alert(essentials, _measures(context), received_at)
    if legacy := folded(data.get("context")):
        return _legacy(one_line(message.get("schemaid")), data, legacy, received_at)
    keys = ", ".join(one_line(key, 40) for key in sorted(message)[:8])
    raise Unreadable(f"a JSON object with the keys {keys or '(none)'}; expected an Azure alert with data")


def _decoded(body: bytes) -> dict[str, Any]:
    """The object in a body, its keys in lower case."""
    try:
        found: Any = json.loads(body.decode("utf-8-sig"))
        if isinstance(found, str):
            found = json.loads(found)
    except (ValueError, RecursionError) as broken:
        raise Unreadable(f"not JSON: {one_line(str(broken), 120)}") from None
    if not isinstance(found, dict):
        raise Unreadable(f"JSON of type {type(found).__name__}; expected an object")
    return folded(found)


def _native_budget(data: dict[str, Any], received_at: datetime) -> Alert:
    scope = f"/subscriptions/{_id(data, 'subscriptionid') or UNKNOWN}"
    if group := _id(data, "resourcegroup"):
        scope += f"/resourcegroups/{group}"
    spent, amount = parse_amount(data.get("spendingamount")), positive(data.get("budget"))
    bar = _threshold_amount(positive(data.get("notificationthresholdamount")), spent, amount)
    return _budget(data, scope, Sums(spent, amount, bar), "", received_at)


def _common_budget(essentials: dict[str, Any], data: dict[str, Any], received_at: datetime) -> Alert:
    scope = _id(data, "scope").rstrip("/") or scope_of(_id(data, "budgetid")) or f"/subscriptions/{UNKNOWN}"
    sums = Sums(
        parse_amount(data.get("spentamount")),
        positive(data.get("budgetthreshold")),
        positive(data.get("notificationthresholdamount")),
    )
    return _budget(data, scope, sums, _id(essentials, "alertid"), _fired(essentials, received_at))


@dataclass(frozen=True, slots=True)
class Sums:
    """A budget message's money; None is what it does not say, or says in a way that cannot be meant."""

    spent: Decimal | None
    amount: Decimal | None  # above zero
    bar: Decimal | None  # the amount that was crossed, above zero


def _budget(data: dict[str, Any], scope: str, sums: Sums, identity: str, fired: datetime) -> Alert:
    name = one_line(data.get("budgetname"), MOST_NAME) or "without a name"
    if identity.endswith("/test_alert") or _id(data, "budgetcreator") == "test@sample.test":
        return _test(Kind.BUDGET, identity, name, scope, fired)
    unit = one_line(data.get("unit"), 10).upper() or "?"
    step = _step(one_line(data.get("thresholdtype")), sums)
    first = fired.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Alert(
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
        details=tuple(_budget_details(data, unit)),
        steps=(step.step,) if step else (),
        link=portal_link(scope) if UNKNOWN not in scope.split("/") else "",
        source=AZURE,
        # Azure never says that a budget has recovered; its month ends all the same.
        ends=months_after(first, 1),
    )


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


def _budget_details(data: dict[str, Any], unit: str) -> Iterator[Detail]:
    expected = parse_amount(data.get("forecastedtotalforperiod"))
    if expected is not None:
        yield Detail("Expected at its end", said(Quantity(expected, unit)))
    if subscription := one_line(data.get("subscriptionname"), MOST_NAME):
        yield Detail("Subscription", subscription)


def _test(kind: Kind, identity: str, rule: str, scope: str, fired: datetime) -> Alert:
    return Alert(
        key=f"test|{identity}|{rule}|{fired:%Y-%m-%dT%H:%M:%S}",
        kind=kind,
        rule=rule,
        scope=Scope(scope),
        firing=True,
        severity=Severity.INFO,
        what="Azure's test alert arrived; the road from the action group to this channel works",
        since=fired,
        at=fired,
        source=AZURE,
        test=True,
    )


def _any_alert(essentials: dict[str, Any], measures: tuple[Detail, ...], received_at: datetime) -> Alert:
    fired = _fired(essentials, received_at)
    target = one_line(next(iter(listed(essentials.get("alerttargetids"))), ""), LONGEST_ID).lower()
    service = one_line(essentials.get("monitoringservice"), MOST_NAME) or "Azure Monitor"
    rule = one_line(essentials.get("alertrule"), 2 * MOST_NAME) or service
    identity = _id(essentials, "alertid") or f"{rule}|{target}".lower()
    if identity.endswith("/test_alert") or rule.lower() in TEST_RULES:
        return _test(Kind.AZURE, identity, rule, target, fired)
    resolved = _id(essentials, "monitorcondition") in ("resolved", "deactivated")
    event = _id(essentials, "signaltype") in NEVER_RESOLVED
    at = parse_moment(essentials.get("resolveddatetime")) or received_at if resolved else fired
    return Alert(
        key=f"azure|{identity}|{rule.lower()}",
        kind=Kind.AZURE,
        rule=rule,
        scope=Scope(target),
        firing=not resolved,
        severity=SEVERITIES.get(_id(essentials, "severity"), Severity.WARNING),
        what=f"{rule} on {named(Scope(target))}" if target else rule,
        since=at,
        at=at,
        why="Azure says that it is over" if resolved else one_line(essentials.get("description")),
        details=(*measures, Detail("From", service)),
        link=portal_link(target),
        source=AZURE,
        ends=fired + TOLD_FOR if event and not resolved else None,
    )


def _legacy(schema: str, data: dict[str, Any], context: dict[str, Any], received_at: datetime) -> Alert:
    """An alert of before the common schema, of a metric or the activity log, brought into its form."""
    event = folded(context.get("activitylog"))
    known = event or context
    if not known.keys() & {"name", "operationname", "resourceid"}:
        raise Unreadable("a JSON object with a context that names no rule and no resource")
    target, identity = _id(known, "resourceid"), _id(known, "correlationid") or _id(known, "id")
    essentials = {
        "alertid": f"{identity}|{target}" if identity else "",
        "alertrule": known.get("name") or known.get("operationname"),
        "alerttargetids": [target],
        "severity": f"sev{one_line(known.get('severity'))}",
        "signaltype": "Activity Log" if event else "Metric",
        "monitorcondition": data.get("status"),
        "monitoringservice": schema,
        "fireddatetime": known.get("timestamp") or known.get("eventtimestamp"),
        "description": known.get("description"),
    }
    return _any_alert(essentials, _measures(context), received_at)


def _measures(context: Mapping[str, Any]) -> tuple[Detail, ...]:
    """What a metric or log alert measured, against what."""
    found = []
    for one in map(folded, mappings(folded(context.get("condition")).get("allof"))[:MOST_MEASURES]):
        value, bar = one_line(one.get("metricvalue"), 40), one_line(one.get("threshold"), 40)
        name = one_line(one.get("metricname"), 60) or "Measured"
        if value:
            found.append(
                Detail(name, f"{value}, {one_line(one.get('operator'), 40)} {bar}" if bar else value)
            )
    return tuple(found)


def _fired(essentials: dict[str, Any], received_at: datetime) -> datetime:
    fired = parse_moment(essentials.get("fireddatetime"))
    return fired if fired and fired <= received_at + SKEW else received_at


def scope_of(budget_id: str) -> str:
    """What a budget, or an alert of Cost Management, is of: the part of its id before the provider."""
    for provider in ("microsoft.consumption", "microsoft.costmanagement"):
        budget_id = budget_id.partition(f"/providers/{provider}/")[0]
    return budget_id


def _id(data: dict[str, Any], name: str) -> str:
    """A field that is compared, never shown: in lower case, "" when absent."""
    return one_line(data.get(name), LONGEST_ID).lower()


def positive(found: object) -> Decimal | None:
    """An amount above zero; None for what cannot be meant as one."""
    amount = parse_amount(found)
    return amount if amount and amount > 0 else None
