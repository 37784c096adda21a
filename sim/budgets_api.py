"""GET {scope}/providers/Microsoft.CostManagement/budgets and .../alerts: Azure's own budgets, what they told.

The planned budget tells its actual steps when its webhook does, 27 hours after the true cost crossed them;
every other step is told at the first daily evaluation that sees it crossed.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

from sim import budgets
from sim.budgets import PLANNED, WEBHOOK_DELAY, BudgetStep
from sim.native_budgets import (
    Evaluations,
    NativeBudget,
    amount_of,
    currency_of,
    evaluation_times,
    last_evaluation,
    native_budgets,
    period_start,
)
from sim.view import View
from sim.wire import Answer, as_json

NEVER = "0001-01-01T00:00:00"
MAIL = "finops@contoso.example"
BASES = {"actual": "Actual", "forecast": "Forecasted"}
CRITERIA = {"actual": "CostThresholdExceeded", "forecast": "ForecastCostThresholdExceeded"}


class BudgetsApi:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self.evaluations = Evaluations()

    def budgets(self, view: View, scope: str) -> Answer:
        last = last_evaluation(view.now)
        shapes = [
            budget_shape(view, budget, self.evaluations.spent(view, budget, last))
            for budget in native_budgets(view, scope)
        ]
        return as_json({"value": shapes})

    def alerts(self, view: View, scope: str) -> Answer:
        """One alert for each step that was ever crossed, for its last time."""
        told = [
            self.alert(view, budget, step, when)
            for budget in native_budgets(view, scope)
            for step in budget.steps
            for when in self.last_crossing(view, budget, step)
        ]
        return as_json({"value": told, "nextLink": None})

    def last_crossing(self, view: View, budget: NativeBudget, step: BudgetStep) -> list[datetime]:
        """When the step was last told, in a list that is empty when it never was."""
        planned = any(one.name == budget.name for one in PLANNED)
        if planned and step.basis == "actual":
            return list(planned_crossings(view, step))[-1:]
        return list(self.crossings_seen(view, budget, step))[-1:]

    def crossings_seen(self, view: View, budget: NativeBudget, step: BudgetStep) -> Iterator[datetime]:
        """The first evaluation of each period that saw the step crossed."""
        limit = amount_of(view, budget) * step.percent / 100
        value = self.evaluations.spent if step.basis == "actual" else self.evaluations.forecast
        told: datetime | None = None
        for when in evaluation_times(view):
            start = period_start(when, budget.grain)
            if told != start and value(view, budget, when) > limit:
                told = start
                yield when

    def alert(self, view: View, budget: NativeBudget, step: BudgetStep, when: datetime) -> dict[str, Any]:
        """It is changed by every evaluation while its period lasts."""
        same = period_start(view.now, budget.grain) == period_start(when, budget.grain)
        changed = max(when, last_evaluation(view.now)) if same else when
        spent = self.evaluations.spent(view, budget, changed)
        return alert_shape(budget, step, when, changed, details(view, budget, step, changed, spent))


def budget_shape(view: View, budget: NativeBudget, spent: float) -> dict[str, Any]:
    return {
        "id": f"{budget.scope}/providers/Microsoft.CostManagement/budgets/{budget.name}",
        "name": budget.name,
        "type": "Microsoft.CostManagement/budgets",
        "eTag": f'"{crc32(budget.name.encode()):08x}"',
        "properties": {
            "amount": amount_of(view, budget),
            "category": "Cost",
            "currentSpend": {"amount": round(spent, 2), "unit": currency_of(view, budget)},
            "filter": filter_shape(budget),
            "notifications": dict(notification(budget, step) for step in budget.steps),
            "timeGrain": budget.grain,
            "timePeriod": {"startDate": "2026-01-01T00:00:00Z", "endDate": "2027-12-31T00:00:00Z"},
        },
    }


def filter_shape(budget: NativeBudget) -> dict[str, Any]:
    """A single condition stands alone, several in `and`."""
    parts = [
        {"dimensions": {"name": name, "operator": "In", "values": list(values)}}
        for name, values in budget.filters().items()
    ]
    return {"and": parts} if len(parts) > 1 else parts[0] if parts else {}


def notification(budget: NativeBudget, step: BudgetStep) -> tuple[str, dict[str, Any]]:
    basis = BASES[step.basis]
    shape: dict[str, Any] = {
        "enabled": True,
        "operator": "GreaterThan",
        "threshold": step.percent,
        "thresholdType": basis,
        "contactEmails": [MAIL],
    }
    if budget.pushed:
        subscription = budget.scope.split("/")[2]
        group = f"/subscriptions/{subscription}/resourceGroups/rg-shared/providers/microsoft.insights"
        shape |= {"contactGroups": [f"{group}/actionGroups/ag-meterwatch"], "contactRoles": ["Owner"]}
    return f"{basis}_GreaterThan_{step.percent}_Percent", shape


def planned_crossings(view: View, step: BudgetStep) -> Iterator[datetime]:
    for planned in PLANNED:
        for month in budgets.months(view.estate):
            crossed = budgets.crossing(view.estate, planned, step.percent, month)
            if crossed and crossed + WEBHOOK_DELAY <= view.now:
                yield (crossed + WEBHOOK_DELAY).replace(second=0)


def alert_shape(
    budget: NativeBudget, step: BudgetStep, told: datetime, changed: datetime, details: dict[str, Any]
) -> dict[str, Any]:
    name = str(uuid5(NAMESPACE_URL, f"{budget.scope}/{budget.name}/{step}".lower()))
    return {
        "id": f"{budget.scope}/providers/Microsoft.CostManagement/alerts/{name}",
        "name": name,
        "type": "Microsoft.CostManagement/alerts",
        "properties": {
            "description": "",
            "definition": {"type": "Budget", "category": "Cost", "criteria": CRITERIA[step.basis]},
            "source": "Preset",
            "status": "Active",
            "costEntityId": budget.name,
            "creationTime": stamp(told),
            "modificationTime": stamp(changed),
            "closeTime": NEVER,
            "statusModificationTime": NEVER,
            "statusModificationUserName": None,
            "details": details,
        },
    }


def details(
    view: View, budget: NativeBudget, step: BudgetStep, when: datetime, spent: float
) -> dict[str, Any]:
    _, told = notification(budget, step)
    return {
        "timeGrainType": budget.grain,
        "periodStartDate": f"{period_start(when, budget.grain):%Y-%m-%dT%H:%M:%SZ}",
        "triggeredBy": f"{uuid5(NAMESPACE_URL, budget.name)}_1_01",
        "resourceGroupFilter": [],
        "resourceFilter": list(budget.resources),
        "meterFilter": list(budget.meters),
        "tagFilter": {},
        "threshold": step.percent / 100,
        "operator": told["operator"],
        "amount": amount_of(view, budget),
        "unit": currency_of(view, budget),
        "currentSpend": round(spent, 2),
        "contactEmails": told["contactEmails"],
        "contactGroups": told.get("contactGroups", []),
        "contactRoles": told.get("contactRoles", []),
        "overridingAlert": None,
    }


def stamp(when: datetime) -> str:
    """With seven digits of a second, as Cost Management writes them."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond:06d}0Z"
