"""The seeded estate: what exists, what it did every five minutes, what it cost and what went wrong."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from sim import blueprint, budgets, incidents
from sim.bill import BilledItem, account_items, other_items
from sim.blueprint import AccountPlan, DeploymentPlan, SubscriptionPlan
from sim.budgets import PlannedBudget
from sim.incidents import Incident
from sim.load import SLOT_SECONDS, SLOTS_A_DAY, Disturbance, Load, build_load

START = datetime(2026, 8, 3, tzinfo=UTC)  # a Monday
QUIET_DAYS = 28
LIVE_DAYS = 14


@dataclass(frozen=True, slots=True)
class SimDeployment:
    plan: DeploymentPlan
    created: datetime
    load: Load


@dataclass(frozen=True, slots=True)
class SimAccount:
    """`id` in the mixed case that Azure gives back."""

    id: str
    subscription: str
    plan: AccountPlan
    deployments: tuple[SimDeployment, ...]


def projects_of(account: SimAccount) -> tuple[str, ...]:
    """The names of a Foundry account's projects, one or two; an account of another kind has none."""
    if account.plan.kind != "AIServices":
        return ()
    stem = account.plan.name.removeprefix("aif-")
    names = (f"proj-{stem}", f"proj-{stem}-Dev")
    return names if crc32(account.plan.name.lower().encode()) % 3 else names[:1]


@dataclass(frozen=True)
class Estate:
    """All of it, the same for the same seed, start and lengths."""

    seed: int
    start: datetime  # a Monday, midnight UTC
    live: datetime  # the end of the quiet days: the replay begins
    end: datetime  # nothing is known from here on
    subscriptions: tuple[SubscriptionPlan, ...]
    accounts: tuple[SimAccount, ...]

    @property
    def slots(self) -> int:
        return int((self.end - self.start).total_seconds()) // SLOT_SECONDS

    @cached_property
    def bill(self) -> tuple[BilledItem, ...]:
        """Every billed meter of every resource, the few that are not AI among them.

        Accounts that share their deployments share the numbers too.
        """
        made: dict[int, list[BilledItem]] = {}
        for account in self.accounts:
            if id(account.deployments) not in made:
                made[id(account.deployments)] = account_items(account, self.slots)
        models = [
            billed_to(account, item) for account in self.accounts for item in made[id(account.deployments)]
        ]
        return (*models, *(item for plan in self.subscriptions for item in other_items(plan.id, self.slots)))

    @property
    def budgets(self) -> tuple[PlannedBudget, ...]:
        here = {f"/subscriptions/{plan.id}" for plan in self.subscriptions}
        return tuple(budget for budget in budgets.PLANNED if budget.scope in here)

    @cached_property
    def incidents(self) -> tuple[Incident, ...]:
        """The truth, in order of time: what was made to happen and what follows for the budgets."""
        here = {account.plan.name for account in self.accounts}
        planned = incidents.planned(self.live, self.end)
        made = [incident for incident in planned if incident.what.partition("/")[0] in here]
        followed = [found for budget in self.budgets for found in budgets.story(self, budget)]
        return tuple(sorted((*made, *followed), key=lambda incident: incident.start))

    @cached_property
    def webhooks(self) -> tuple[tuple[datetime, dict[str, Any]], ...]:
        """What Azure's own budgets push to the action group: when, and the JSON body."""
        pushed = [push for budget in self.budgets for push in budgets.webhooks(self, budget)]
        return tuple(sorted(pushed, key=lambda push: push[0]))


def billed_to(account: SimAccount, item: BilledItem) -> BilledItem:
    """An item of an account as one of another that holds the same deployments."""
    if item.resource == account.id:
        return item
    return replace(
        item,
        resource=account.id,
        subscription=account.subscription,
        region=account.plan.region,
        tags=tuple(account.plan.tags.items()),
    )


def build_estate(
    seed: int = 7,
    start: datetime = START,
    quiet_days: int = QUIET_DAYS,
    days: int = LIVE_DAYS,
    subscriptions: tuple[SubscriptionPlan, ...] = blueprint.SUBSCRIPTIONS,
) -> Estate:
    """An estate with `quiet_days` (whole weeks) of clean history and then `days` in which things go wrong."""
    check_calendar(start, quiet_days)
    live = start + timedelta(days=quiet_days)
    end = live + timedelta(days=days)
    truth = incidents.planned(live, end)
    accounts = tuple(
        build_account(subscription, account, start, end, truth, np.random.default_rng([seed, number]))
        for number, (subscription, account) in enumerate(all_accounts(subscriptions))
    )
    return Estate(seed, start, live, end, subscriptions, accounts)


def check_calendar(start: datetime, quiet_days: int) -> None:
    if start.tzinfo is None or start.weekday() != 0 or start.astimezone(UTC).time() != datetime.min.time():
        raise ValueError(f"start must be a Monday at midnight UTC, not {start}")
    if quiet_days % 7:
        raise ValueError(f"quiet_days must be whole weeks, not {quiet_days}")


def all_accounts(plans: tuple[SubscriptionPlan, ...]) -> list[tuple[SubscriptionPlan, AccountPlan]]:
    return [(plan, account) for plan in plans for account in plan.accounts]


def build_account(
    subscription: SubscriptionPlan,
    account: AccountPlan,
    start: datetime,
    end: datetime,
    truth: tuple[Incident, ...],
    rng: np.random.Generator,
) -> SimAccount:
    slots = int((end - start).total_seconds()) // SLOT_SECONDS
    deployments = []
    for plan in account.deployments:
        mine = [
            incident for incident in truth if incident.what in (account.name, f"{account.name}/{plan.name}")
        ]
        load = build_load(plan, slots, disturbance(plan, mine, start, slots), rng)
        deployments.append(SimDeployment(plan, created(plan, mine, start, end), load))
    identity = (
        f"/subscriptions/{subscription.id}/resourceGroups/{account.group}"
        f"/providers/Microsoft.CognitiveServices/accounts/{account.name}"
    )
    return SimAccount(identity, subscription.id, account, tuple(deployments))


def created(plan: DeploymentPlan, mine: list[Incident], start: datetime, end: datetime) -> datetime:
    if not plan.late:
        return start - timedelta(days=90)
    return next((found.start for found in mine if found.kind == incidents.NEW_MODEL), end)


def disturbance(plan: DeploymentPlan, mine: list[Incident], start: datetime, slots: int) -> Disturbance:
    calls, size, down = np.ones(slots), np.ones(slots), np.zeros(slots)
    full = np.zeros(slots, dtype=np.bool_)
    if plan.late:
        calls[:] = 0.0
    for incident in mine:
        begin = int((incident.start - start).total_seconds()) // SLOT_SECONDS
        during = slice(begin, int((incident.end - start).total_seconds()) // SLOT_SECONDS)
        if incident.kind == incidents.LOOP:
            calls[during], size[during] = incidents.LOOP_FACTOR / 2, 2.0
        elif incident.kind == incidents.LEAK:
            size[during] = incidents.LEAK_A_DAY ** (np.arange(slots - begin) / SLOTS_A_DAY)
        elif incident.kind == incidents.NEW_MODEL:
            # Taken into use over some hours, not at one stroke.
            calls[during] = np.minimum(1.0, 0.15 + np.arange(slots - begin) / 144)
        elif incident.kind == incidents.OUTAGE:
            down[during] = incidents.OUTAGE_SHARE
        elif incident.kind == incidents.PTU_FULL:
            calls[during], full[during] = 1.6, True
    return Disturbance(calls, size, down, full)
