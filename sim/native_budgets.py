"""The budgets that Azure itself keeps in the estate, and what its daily evaluation makes of them.

The first of them is the planned one, whose crossing is a part of the story. The others stay far below their
amounts unless the option `budget_scale` brings these down.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from sim.bill import MODELS_AFTER, MODELS_BEFORE
from sim.billing import billed, items_in
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.budgets import PLANNED, BudgetStep
from sim.groups import GROUP_PATH, PRODUCTION, above_subscriptions, holds
from sim.view import View

EVALUATED = timedelta(hours=6)  # after midnight UTC, once a day
Grain = Literal["Monthly", "Quarterly", "Annually"]
MONTHS = {"Monthly": 1, "Quarterly": 3, "Annually": 12}


@dataclass(frozen=True, slots=True)
class NativeBudget:
    """Values of one filter are alternatives; filters go together. No filter is the whole scope."""

    name: str
    scope: str
    amount: float
    grain: Grain
    steps: tuple[BudgetStep, ...]
    services: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    pushed: bool = False  # to an action group, not by mail alone

    def filters(self) -> dict[str, tuple[str, ...]]:
        """By dimension, those that are set."""
        every = {"ServiceName": self.services, "Meter": self.meters, "ResourceId": self.resources}
        return {name: values for name, values in every.items() if values}


SUPPORT = (
    f"/subscriptions/{AGENTS}/resourceGroups/RG-Support-Prod"
    "/providers/Microsoft.CognitiveServices/accounts/aoai-Support-SWC"
)
QUIET = (
    NativeBudget(
        "reasoning-quarterly",
        f"/subscriptions/{AGENTS}",
        15_000.0,
        "Quarterly",
        (BudgetStep(50, "actual"), BudgetStep(90, "actual"), BudgetStep(110, "forecast")),
        meters=("o3 0416 Inp glbl Tokens", "o3 0416 Outp glbl Tokens"),
    ),
    NativeBudget(
        "support-annual",
        f"/subscriptions/{AGENTS}",
        60_000.0,
        "Annually",
        (BudgetStep(75, "actual"),),
        resources=(SUPPORT,),
    ),
    NativeBudget(
        "platform-group-monthly",
        f"/subscriptions/{PLATFORM}/resourceGroups/RG-AI-Platform",
        12_000.0,
        "Monthly",
        (BudgetStep(80, "actual"), BudgetStep(100, "actual"), BudgetStep(100, "forecast")),
        pushed=True,
    ),
    NativeBudget(
        "sandbox-monthly",
        f"/subscriptions/{SANDBOX}",
        2_500.0,
        "Monthly",
        (BudgetStep(60, "actual"), BudgetStep(80, "actual")),
        pushed=True,
    ),
    NativeBudget(
        "contoso-ai-monthly", f"{GROUP_PATH}{PRODUCTION}", 250_000.0, "Monthly", (BudgetStep(90, "actual"),)
    ),
)


def native_budgets(view: View, scope: str) -> list[NativeBudget]:
    """Those of a scope and of the scopes below it, as far as they are here."""
    planned = [
        NativeBudget(
            one.name,
            one.scope,
            one.amount,
            "Monthly",
            one.thresholds,
            services=(MODELS_BEFORE, MODELS_AFTER),
            pushed=True,
        )
        for one in PLANNED
    ]
    return [one for one in (*planned, *QUIET) if here(view, one) and holds(view, scope, one.scope)]


def here(view: View, budget: NativeBudget) -> bool:
    known = {plan.id for plan in view.subscriptions()}
    return above_subscriptions(budget.scope) or budget.scope.split("/")[2] in known


def amount_of(view: View, budget: NativeBudget) -> float:
    planned = any(one.name == budget.name for one in PLANNED)
    return budget.amount if planned else round(budget.amount * view.options.budget_scale, 2)


def currency_of(view: View, budget: NativeBudget) -> str:
    parts = budget.scope.split("/")
    return view.options.currencies.get(parts[2], "USD") if parts[1] == "subscriptions" else "USD"


def period_start(moment: datetime, grain: Grain) -> datetime:
    width = MONTHS[grain]
    return datetime(moment.year, (moment.month - 1) // width * width + 1, 1, tzinfo=UTC)


def last_evaluation(now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + EVALUATED - (timedelta() if now >= midnight + EVALUATED else timedelta(days=1))


def evaluation_times(view: View) -> Iterator[datetime]:
    """Every one from the estate's first day to now."""
    when = view.estate.start + timedelta(days=1) + EVALUATED
    while when <= view.now:
        yield when
        when += timedelta(days=1)


class Evaluations:
    """What the daily evaluations saw, worked out once for each. Safe to use from several threads."""

    def __init__(self) -> None:
        self.seen: dict[tuple[NativeBudget, datetime], float] = {}
        self.under: tuple[object, object] | None = None  # the options and removals that `seen` is for

    def spent(self, view: View, budget: NativeBudget, when: datetime) -> float:
        """The cost of the period so far as the bill shows it at `when`, in the budget's currency."""
        if self.under is None or self.under[0] is not view.options or self.under[1] is not view.removed:
            self.seen, self.under = {}, (view.options, view.removed)
        seen = self.seen
        if (budget, when) not in seen:
            seen[budget, when] = spent_at(view, budget, when)
        return seen[budget, when]

    def forecast(self, view: View, budget: NativeBudget, when: datetime) -> float:
        """The cost of the whole period if it goes on as so far."""
        start = period_start(when, budget.grain)
        end = period_start(start + timedelta(days=31 * MONTHS[budget.grain]), budget.grain)
        since = max(start, view.estate.start)
        elapsed = max(timedelta(days=1), when - since - timedelta(days=1))
        return self.spent(view, budget, when) * ((end - since) / elapsed)


def spent_at(view: View, budget: NativeBudget, when: datetime) -> float:
    then = replace(view, now=when)
    wanted = {name.lower(): {value.lower() for value in values} for name, values in budget.filters().items()}
    first = period_start(when, budget.grain).date()
    rows = billed(then, items_in(then, budget.scope), first, when.date())
    return sum(
        row.cost for row in rows if all(row.facts[name].lower() in values for name, values in wanted.items())
    )
