"""Small builders of domain values for tests: each a valid one, of which a test names only what matters."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import (
    TOKENS_IN,
    Address,
    Alert,
    Basis,
    Budget,
    Grain,
    Incident,
    Kind,
    Limit,
    Meter,
    Notification,
    Quantity,
    Reading,
    Reason,
    Scope,
    Severity,
    State,
    Threshold,
    Told,
    Waiting,
)
from shared.core.prices import PricedMeter, TokenKind

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-search"
    "/providers/microsoft.cognitiveservices/accounts/aoai-search"
)
CHAT = Scope(ACCOUNT, "chat-prod")
MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
NOW = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)  # a Tuesday
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def an_alert(**named: Any) -> Alert:
    """A firing warning about a limit, found by Meterwatch, evidence as new as `NOW`."""
    plain = Alert(
        key=f"limit|throttled|{ACCOUNT}|chat-prod",
        kind=Kind.LIMIT,
        rule="throttled",
        scope=CHAT,
        firing=True,
        severity=Severity.WARNING,
        what="throttled share 12 % on chat-prod in aoai-search, limit 5 %",
        since=NOW - 15 * MINUTE,
        at=NOW,
        as_of=NOW - 5 * MINUTE,
        seen=Quantity(Decimal(12), "percent"),
        against=Quantity(Decimal(5), "percent"),
        why="above the limit for 15 min",
        link=f"https://portal.azure.com/#@/resource{ACCOUNT}/overview",
    )
    return replace(plain, **named)


def a_budget_alert(*steps: str, **named: Any) -> Alert:
    """An alert of budget "ai" that crossed these steps ("actual 80"); no step is an alert not firing."""
    plain = an_alert(
        key=f"budget|/subscriptions/{SUBSCRIPTION}|ai",
        kind=Kind.BUDGET,
        rule="ai",
        scope=Scope(f"/subscriptions/{SUBSCRIPTION}"),
        firing=bool(steps),
        what="Budget ai: 81 % of 5,000 USD spent",
        seen=Quantity(Decimal(4050), "USD"),
        against=Quantity(Decimal(5000), "USD"),
        why="crossed: " + ", ".join(steps),
        steps=steps,
    )
    return replace(plain, **named)


def an_incident(alert: Alert | None = None, **named: Any) -> Incident:
    """An open incident of one transition, that nobody was told of."""
    plain = Incident("K7QW3", State.TRIGGERED, opened_at=NOW, alert=alert or an_alert(), transitions=1)
    return replace(plain, **named)


ONCALL = Address("oncall", "0123456789abcdef")


def a_waiting(incident: Incident, **named: Any) -> Waiting:
    """That the opening of an incident waits for "oncall" since `NOW`."""
    return replace(Waiting(ONCALL, incident.id, f"incident|{incident.id}", 1, NOW, Reason.OPENED), **named)


def told_of(alert: Alert, times: int = 1, at: datetime = NOW) -> Told:
    """What an address knows that was told of this alert."""
    return Told(at, alert.severity, alert.steps, State.TRIGGERED if alert.firing else State.RESOLVED, times)


def a_notification(*incidents: Incident, **named: Any) -> Notification:
    """The first telling of an incident, or of these, to channel "oncall"."""
    about = incidents or (an_incident(),)
    plain = Notification(about, ONCALL, 1, Reason.OPENED, at=NOW, news=tuple(one.id for one in about))
    return replace(plain, **named)


def a_budget(*percents: int, **named: Any) -> Budget:
    """1,000 USD a month for a subscription, with these actual thresholds (80 and 100 if none)."""
    steps = tuple(Threshold(Decimal(one), Basis.ACTUAL) for one in percents or (80, 100))
    scope = f"/subscriptions/{SUBSCRIPTION}"
    return replace(Budget("ai", scope, Quantity(Decimal(1000), "USD"), Grain.MONTH, steps), **named)


def a_limit(**named: Any) -> Limit:
    """Throttled share above 5 % for 15 minutes, a warning."""
    plain = Limit("throttled", "throttled share", Decimal(5), 15 * MINUTE, Severity.WARNING)
    return replace(plain, **named)


def a_reading(start: datetime = NOW, value: float = 1, length: timedelta = HOUR, **named: Any) -> Reading:
    """A value of "tokens in" of `CHAT`, known ten minutes after its end."""
    amount = Decimal(str(value))
    plain = Reading(CHAT, TOKENS_IN, start, start + length, amount, start + length + 10 * MINUTE)
    return replace(plain, **named)


def a_series(
    start: datetime, values: Iterable[float | None], length: timedelta = HOUR, meter: Meter = TOKENS_IN
) -> list[Reading]:
    """Readings that follow each other from `start`; None leaves a hole."""
    return [
        a_reading(start + index * length, value, length, meter=meter)
        for index, value in enumerate(values)
        if value is not None
    ]


def hours_of(start: datetime, count: int, value: Callable[[datetime], float]) -> list[Reading]:
    """`count` hourly readings from `start`, each with what `value` says of its hour."""
    return a_series(start, (value(start + index * HOUR) for index in range(count)))


def a_meter(**named: Any) -> PricedMeter:
    """0.0025 USD for 1K input tokens of gpt-4o 1120, GlobalStandard, in Sweden."""
    plain = PricedMeter(
        id="m-1",
        name="gpt 4o 1120 Inp glbl Tokens",
        product="Azure OpenAI",
        model="gpt-4o",
        version="1120",
        sku="GlobalStandard",
        kind=TokenKind.INPUT,
        region="swedencentral",
        price=Decimal("0.0025"),
        currency="USD",
        unit_size=Decimal(1000),
        effective=datetime(2024, 11, 1, tzinfo=UTC),
    )
    return replace(plain, **named)
