"""A large estate, to measure with: thousands of accounts that share a few dozen deployments' loads."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from sim.blueprint import NOT_OPENAI, AccountPlan, SubscriptionPlan
from sim.estate import START, Estate, SimAccount, SimDeployment, all_accounts, build_account, check_calendar
from sim.wide import WIDE

QUIET_DAYS, DAYS = 7, 1
REGIONS = (
    "swedencentral",
    "westeurope",
    "northeurope",
    "francecentral",
    "germanywestcentral",
    "uksouth",
    "eastus",
    "eastus2",
    "westus3",
    "canadaeast",
    "japaneast",
    "australiaeast",
)
MOST_REGIONS = 3  # of one subscription
STEEPNESS = 5  # of how unevenly accounts are spread over subscriptions; 1 is the steepest
WIDEST_SWING = 3  # deployments more, and fewer, than the mean of an account

Deployments = tuple[SimDeployment, ...]


def build_large_estate(
    subscriptions: int = 200,
    accounts: int = 2_000,
    deployments: int = 10_000,
    regions: tuple[str, ...] = REGIONS,
    seed: int = 7,
    start: datetime = START,
    quiet_days: int = QUIET_DAYS,
    days: int = DAYS,
) -> Estate:
    """An estate of exactly so many of each, with a short history in which nothing goes wrong.

    Accounts differ in what they hold and where; deployments of one name are alike in every account.
    Raises ValueError for numbers that cannot be, such as fewer accounts than subscriptions.
    """
    check_calendar(start, quiet_days)
    live = start + timedelta(days=quiet_days)
    end = live + timedelta(days=days)
    shelf = build_shelf(start, end, seed)
    check_numbers(subscriptions, accounts, deployments, len(shelf))

    @cache
    def taken(first: int, size: int) -> Deployments:
        return tuple(shelf[(first + number) % len(shelf)] for number in range(size))

    made = [
        large_account(number, taken(number % len(shelf), size), owner, regions, seed)
        for number, (owner, size) in enumerate(
            zip(
                owners(accounts, subscriptions),
                sizes(accounts, deployments, len(shelf)),
                strict=True,
            )
        )
    ]
    plans = subscription_plans(made, subscriptions, seed)
    return Estate(seed, start, live, end, plans, tuple(made))


def build_shelf(start: datetime, end: datetime, seed: int) -> Deployments:
    """One deployment of every kind that there is in the wide estate."""
    found: list[SimDeployment] = []
    for number, (subscription, account) in enumerate(all_accounts(WIDE)):
        chance = np.random.default_rng([seed, number])
        found += build_account(subscription, account, start, end, (), chance).deployments
    return tuple(one for one in found if not one.plan.late)


def check_numbers(subscriptions: int, accounts: int, deployments: int, kinds: int) -> None:
    if not 0 < subscriptions <= accounts <= deployments:
        raise ValueError(
            "expected no more subscriptions than accounts, and no more accounts than deployments: "
            f"{subscriptions}, {accounts}, {deployments}"
        )
    if deployments > accounts * kinds:
        raise ValueError(f"an account holds at most {kinds} deployments: {accounts}, {deployments}")


def owners(accounts: int, subscriptions: int) -> list[int]:
    """The subscription of each account: some hold a hundred, many a few, none nothing."""
    shares = np.cumsum(1 / (np.arange(subscriptions) + STEEPNESS))
    rest = accounts - subscriptions
    places = np.searchsorted(shares / shares[-1], (np.arange(rest) + 0.5) / rest)
    return [*range(subscriptions), *places.tolist()]


def sizes(accounts: int, deployments: int, most: int) -> Iterator[int]:
    """How many deployments each account has. What one has above the mean, the next has below it."""
    means = [
        deployments * (number + 1) // accounts - deployments * number // accounts
        for number in range(accounts)
    ]
    for number, mean in enumerate(means):
        pair = means[number - number % 2 : number - number % 2 + 2]
        room = min(pair[-1] - 1, most - pair[0]) if len(pair) == 2 else 0
        swing = min(number // 2 % (WIDEST_SWING + 1), room)
        yield mean - swing if number % 2 else mean + swing


def large_account(
    number: int, deployments: Deployments, subscription: int, regions: tuple[str, ...], seed: int
) -> SimAccount:
    region = regions[(subscription + number % (1 + subscription % MOST_REGIONS)) % len(regions)]
    foundry = number % 2 == 0 or any(one.plan.model in NOT_OPENAI for one in deployments)
    plan = AccountPlan(
        f"RG-Team-{number // 3:04}",
        f"{'aif' if foundry else 'aoai'}-Team-{number:05}",
        region,
        "AIServices" if foundry else "OpenAI",
        tuple(one.plan for one in deployments),
        {"owner": f"team-{number // 3:04}@contoso.example"} if number % 3 else {},
    )
    owner = subscription_id(subscription, seed)
    identity = (
        f"/subscriptions/{owner}/resourceGroups/{plan.group}"
        f"/providers/Microsoft.CognitiveServices/accounts/{plan.name}"
    )
    return SimAccount(identity, owner, plan, deployments)


def subscription_plans(accounts: list[SimAccount], count: int, seed: int) -> tuple[SubscriptionPlan, ...]:
    held: dict[str, list[AccountPlan]] = {subscription_id(number, seed): [] for number in range(count)}
    for account in accounts:
        held[account.subscription].append(account.plan)
    return tuple(
        SubscriptionPlan(identity, f"Contoso AI {number:03}", tuple(plans))
        for number, (identity, plans) in enumerate(held.items())
    )


@cache
def subscription_id(number: int, seed: int) -> str:
    return str(uuid5(NAMESPACE_URL, f"large/{seed}/{number}"))
