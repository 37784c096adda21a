"""The estate's budgets, when the true cost crosses them, and what Azure's own budget then pushes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from sim import incidents
from sim.blueprint import AGENTS
from sim.incidents import Incident
from sim.load import SLOT_SECONDS, Floats

if TYPE_CHECKING:
    from sim.estate import Estate

WEBHOOK_DELAY = timedelta(hours=27)  # late cost, then an evaluation once a day, then an hour


@dataclass(frozen=True, slots=True)
class BudgetStep:
    percent: int
    basis: str  # "actual" or "forecast"


@dataclass(frozen=True, slots=True)
class PlannedBudget:
    """A month's amount for the AI cost of a subscription."""

    name: str
    scope: str  # ARM id of the subscription
    amount: float
    currency: str
    thresholds: tuple[BudgetStep, ...]


PLANNED = (
    PlannedBudget(
        "ai-products-monthly",
        f"/subscriptions/{AGENTS}",
        10_000.0,
        "USD",
        (BudgetStep(80, "actual"), BudgetStep(100, "forecast")),
    ),
)


def story(estate: Estate, budget: PlannedBudget) -> Iterator[Incident]:
    """What happens to a budget in the live days: its pace, its crossing, Azure's own message."""
    for month in months(estate):
        over = pace_over(estate, budget, month)
        if over and over >= estate.live:
            words = "At the pace of the last seven days the month ends above the budget."
            yield Incident(incidents.BUDGET_PACE, budget.name, over, next_month(month), words)
        for step in budget.thresholds:
            crossed = crossing(estate, budget, step.percent, month)
            if step.basis == "actual" and crossed and crossed >= estate.live:
                words = f"The true cost passes {step.percent} % of {budget.amount:,.0f} {budget.currency}."
                yield Incident(incidents.BUDGET_CROSSED, budget.name, crossed, next_month(month), words)
    for when, _ in webhooks(estate, budget):
        words = "Azure's own budget tells what Meterwatch should have told a day before."
        yield Incident(incidents.BUDGET_WEBHOOK, budget.name, when, when, words)


def webhooks(estate: Estate, budget: PlannedBudget) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """The native messages, for the actual steps only: none is known for a forecast."""
    for month in months(estate):
        for step in budget.thresholds:
            crossed = crossing(estate, budget, step.percent, month)
            if step.basis != "actual" or crossed is None or crossed < estate.live:
                continue
            when = (crossed + WEBHOOK_DELAY).replace(second=0)
            if when < estate.end:
                yield when, native_message(estate, budget, step, month, crossed)


def native_message(
    estate: Estate, budget: PlannedBudget, step: BudgetStep, month: datetime, crossed: datetime
) -> dict[str, Any]:
    subscription = next(plan for plan in estate.subscriptions if budget.scope.endswith(plan.id))
    # What the evaluation sees lags behind: the cost of some hours after the crossing.
    spent = spent_by(estate, budget, month, crossed + timedelta(hours=6))
    return {
        "schemaId": "AIP Budget Notification",
        "data": {
            "SubscriptionName": subscription.name,
            "SubscriptionId": subscription.id,
            "EnrollmentNumber": "",
            "DepartmentName": "",
            "AccountName": "",
            "BillingAccountId": "",
            "BillingProfileId": "",
            "InvoiceSectionId": "",
            "ResourceGroup": "",
            "SpendingAmount": f"{spent:.2f}",
            "BudgetStartDate": f"{month.month}/1/{month.year}",
            "Budget": f"{budget.amount:g}",
            "Unit": budget.currency,
            "BudgetCreator": "finops@contoso.example",
            "BudgetName": budget.name,
            "BudgetType": "Cost",
            "NotificationThresholdAmount": f"{step.percent / 100:g}",
        },
    }


def months(estate: Estate) -> Iterator[datetime]:
    month = datetime(estate.start.year, estate.start.month, 1, tzinfo=UTC)
    while month < estate.end:
        yield month
        month = next_month(month)


def next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)


def crossing(estate: Estate, budget: PlannedBudget, percent: float, month: datetime) -> datetime | None:
    """When the true cost of the month reached that percent; None when it did not."""
    first, last = month_slots(estate, month)
    running = cost_running(estate, budget)
    reached = np.nonzero(running[first : last + 1] - running[first] >= budget.amount * percent / 100)[0]
    if not len(reached):
        return None
    return estate.start + timedelta(seconds=SLOT_SECONDS * (first + int(reached[0])))


def spent_by(estate: Estate, budget: PlannedBudget, month: datetime, moment: datetime) -> float:
    """The true cost of the month up to a moment in it."""
    return spent(estate, budget, month, min(moment, next_month(month)))


def spent(estate: Estate, budget: PlannedBudget, start: datetime, end: datetime) -> float:
    """The true cost of a period, as far as the estate reaches."""
    running = cost_running(estate, budget)
    return float(running[slot_of(estate, end)] - running[slot_of(estate, start)])


def pace_over(estate: Estate, budget: PlannedBudget, month: datetime) -> datetime | None:
    """The first midnight at which the month so far, and the last seven days carried on, exceed the amount."""
    week = timedelta(days=7)
    day = max(month, estate.start + week)
    while day < min(next_month(month), estate.end):
        a_day = spent(estate, budget, day - week, day) / 7
        ahead = a_day * (next_month(month) - day).days
        if spent(estate, budget, month, day) + ahead > budget.amount:
            return day
        day += timedelta(days=1)
    return None


def month_slots(estate: Estate, month: datetime) -> tuple[int, int]:
    """The month's first slot and the one after its last, as far as the estate reaches."""
    return slot_of(estate, month), slot_of(estate, next_month(month))


def slot_of(estate: Estate, moment: datetime) -> int:
    slot = int((moment - estate.start).total_seconds()) // SLOT_SECONDS
    return max(0, min(slot, estate.slots))


def cost_running(estate: Estate, budget: PlannedBudget) -> Floats:
    """The running total of the AI cost that the budget counts, at the start of each slot."""
    total = np.zeros(estate.slots + 1)
    for item in estate.bill:
        if not item.service and budget.scope.lower() == f"/subscriptions/{item.subscription}".lower():
            total += item.used * item.meter.price
    return total
