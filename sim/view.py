"""The tenant as Azure sees it at one moment: what every API answers from."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sim.bill import BilledItem
from sim.blueprint import SubscriptionPlan
from sim.estate import Estate, SimAccount, SimDeployment
from sim.options import Options
from sim.wire import Refusal


class Directory:
    """Where things of the estate are found, so that thousands of them can be."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.accounts = {account.id.lower(): account for account in estate.accounts}
        self.subscriptions = {plan.id: plan for plan in estate.subscriptions}

    @cached_property
    def bill(self) -> Mapping[str, Sequence[BilledItem]]:
        """What is billed, by subscription."""
        found: dict[str, list[BilledItem]] = defaultdict(list)
        for item in self.estate.bill:
            found[item.subscription].append(item)
        return found


@dataclass(frozen=True, slots=True)
class View:
    """`now` is Azure's clock. `removed` is by ARM id in lower case."""

    directory: Directory
    base: str  # the tenant's own address, for links to next pages
    now: datetime
    options: Options
    removed: Mapping[str, datetime]  # since when a thing is gone, with all that is in it

    @property
    def estate(self) -> Estate:
        return self.directory.estate

    def gone(self, identity: str) -> datetime | None:
        """Since when a thing, or what it is in, has been removed."""
        if not self.removed:
            return None
        folded = identity.lower().rstrip("/")
        times = [when for one, when in self.removed.items() if f"{folded}/".startswith(f"{one}/")]
        return min(times, default=None)

    def subscriptions(self) -> list[SubscriptionPlan]:
        return [plan for plan in self.estate.subscriptions if not self.gone(f"/subscriptions/{plan.id}")]

    def subscription(self, identity: str) -> SubscriptionPlan:
        """Raises Refusal when there is none of that id."""
        plan = self.directory.subscriptions.get(identity.lower())
        if plan is None or self.gone(f"/subscriptions/{identity}"):
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{identity}' could not be found.")
        return plan

    def accounts_in(self, subscription: str) -> list[SimAccount]:
        plan = self.subscription(subscription)
        return [one for one in self.estate.accounts if one.subscription == plan.id and not self.gone(one.id)]

    def account(self, identity: str) -> SimAccount:
        """Raises Refusal as ARM does for a resource that is not there."""
        found = self.directory.accounts.get(identity.lower())
        if found is None or self.gone(identity):
            parts = identity.split("/")
            raise Refusal(
                404,
                "ResourceNotFound",
                f"The Resource 'Microsoft.CognitiveServices/accounts/{parts[-1]}' under resource group "
                f"'{parts[4] if len(parts) > 4 else ''}' was not found. For more details please go to "
                "https://aka.ms/ARMResourceNotFoundFix",
            )
        return found

    def deployments(self, account: SimAccount) -> list[SimDeployment]:
        """Those that exist by now."""
        return [
            one
            for one in account.deployments
            if one.created <= self.now and not self.gone(f"{account.id}/deployments/{one.plan.name}")
        ]
