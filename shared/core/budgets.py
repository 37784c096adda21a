"""Budgets: cost against an amount, actual and forecast, each step of a budget a thing to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from shared.core.forecast import SETTLING, Forecast, forecast
from shared.core.model import Alert, Basis, Budget, Detail, Kind, Period, Quantity, Scope, Severity, Threshold
from shared.core.periods import period_of
from shared.core.scopes import portal_link
from shared.core.wording import moment, percent, said


@dataclass(frozen=True, slots=True)
class Spend:
    """Cost by UTC day in one currency, recent days before the period included, for the forecast."""

    days: Mapping[datetime, Decimal]
    currency: str
    as_of: datetime
    elsewhere: Mapping[str, Mapping[datetime, Decimal]] = field(default_factory=dict)  # by other currency


def budget_key(scope: str, name: str) -> str:
    """The identity of a budget, whoever speaks of it: Azure or watch.yaml; case does not matter."""
    return f"budget|{scope.strip().rstrip('/').lower()}|{name.strip().lower()}"


def judge_budget(budget: Budget, spend: Spend, now: datetime) -> Alert | None:
    """The budget's alert, firing or not; None when nothing is known of the period yet.

    Cost arrives late. So until the new period's first cost is known, and while it may still grow, the
    one before is judged: what its last day brought is told, not lost.
    """
    period = _period(budget, spend, now)
    if period is None:
        return None
    so_far = {day: cost for day, cost in spend.days.items() if day in period}
    total = sum(so_far.values(), Decimal())
    expected = forecast(spend.days, period, spend.as_of)
    crossed = [step for step in budget.thresholds if _crossed(step, budget, total, expected)]
    return Alert(
        key=budget_key(budget.scope, budget.name),
        kind=Kind.BUDGET,
        rule=budget.name,
        scope=Scope(budget.scope),
        firing=bool(crossed),
        severity=max((severity_of(step) for step in crossed), default=Severity.INFO),
        what=_what(budget, total, expected),
        since=_since(budget, crossed, so_far, now),
        at=now,
        as_of=spend.as_of,
        seen=Quantity(total, budget.amount.unit),
        against=budget.amount,
        why=_why(crossed, period),
        details=_details(budget, expected, spend, period),
        steps=tuple(step.step for step in crossed),
        period=period,
        link=portal_link(budget.scope),
    )


def judge_currency(budget: Budget, spend: Spend, now: datetime) -> Alert:
    """Whether a budget is in a currency in which its scope is billed; firing when it can never count any."""
    billed = sorted(spend.elsewhere)
    wrong = bool(billed) and not spend.days
    unit = budget.amount.unit
    return Alert(
        key=f"currency|{budget_key(budget.scope, budget.name)}",
        kind=Kind.BUDGET,
        rule=budget.name,
        scope=Scope(budget.scope),
        firing=wrong,
        severity=Severity.WARNING,
        what=f"Budget {budget.name} is in {unit}, but all that it covers is billed in {' and '.join(billed)}"
        if wrong
        else f"Budget {budget.name} counts what is billed in {unit}",
        since=now,
        at=now,
        as_of=spend.as_of,
        why="nothing counts to it, so it can tell of nothing; give it the currency of the bill"
        if wrong
        else f"there is cost in {unit} now",
        link=portal_link(budget.scope),
    )


def judge_gone(name: str, scope: str, now: datetime) -> Alert:
    """That a budget exists no more: what holds of it is over."""
    return Alert(
        key=budget_key(scope, name),
        kind=Kind.BUDGET,
        rule=name,
        scope=Scope(scope),
        firing=False,
        severity=Severity.INFO,
        what=f"Budget {name} is gone",
        since=now,
        at=now,
        why="the budget is no longer there, or is no longer watched",
        link=portal_link(scope),
    )


def _elsewhere(spend: Spend, period: Period) -> list[Quantity]:
    """What was billed in the period in each other currency."""
    found = {
        currency: [cost for day, cost in days.items() if day in period]
        for currency, days in spend.elsewhere.items()
    }
    return [Quantity(sum(costs, Decimal()), currency) for currency, costs in sorted(found.items()) if costs]


def _period(budget: Budget, spend: Spend, now: datetime) -> Period | None:
    newest = max((day for day in spend.days if day <= now), default=None)
    period = period_of(budget.grain, newest, budget.begins) if newest else None
    return period if period and now < period.end + SETTLING else None


def severity_of(step: Threshold) -> Severity:
    """How bad a crossed step is: all of the money gone is critical, most of it a warning."""
    if step.percent >= 100 and step.basis is Basis.ACTUAL:
        return Severity.CRITICAL
    return Severity.WARNING if step.percent >= 80 else Severity.INFO


def _crossed(step: Threshold, budget: Budget, total: Decimal, expected: Forecast | None) -> bool:
    bar = budget.amount.value * step.percent / 100
    if step.basis is Basis.ACTUAL:
        return total >= bar
    return expected is not None and expected.total >= bar


def _what(budget: Budget, total: Decimal, expected: Forecast | None) -> str:
    share = percent(100 * total / budget.amount.value)
    text = f"Budget {budget.name}: {share} of {said(budget.amount)} spent"
    if expected is None:
        return text
    return (
        f"{text}, {percent(100 * expected.total / budget.amount.value)} expected by the {budget.grain}'s end"
    )


def _since(
    budget: Budget, crossed: list[Threshold], so_far: Mapping[datetime, Decimal], now: datetime
) -> datetime:
    """The day on which the cost reached its lowest crossed step; `now` for a forecast."""
    bars = [budget.amount.value * step.percent / 100 for step in crossed if step.basis is Basis.ACTUAL]
    running = Decimal()
    for day, cost in sorted(so_far.items()):
        running += cost
        if bars and running >= min(bars):
            return day
    return now


def _why(crossed: list[Threshold], period: Period) -> str:
    if not crossed:
        return f"spend is below every threshold of the period that began {moment(period.start)}"
    return "crossed: " + ", ".join(f"{percent(step.percent)} {step.basis}" for step in crossed)


def _details(budget: Budget, expected: Forecast | None, spend: Spend, period: Period) -> tuple[Detail, ...]:
    lines = [Detail("Period", f"{moment(period.start)} to {moment(period.end)}")]
    if expected is not None:
        low, high = (said(Quantity(value, budget.amount.unit)) for value in (expected.low, expected.high))
        lines.append(Detail("Expected at its end", f"{low} to {high}"))
    lines += [
        Detail("Not counted", f"{said(cost)}, billed in another currency")
        for cost in _elsewhere(spend, period)
    ]
    return tuple(lines)
