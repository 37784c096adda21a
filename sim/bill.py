"""What the estate costs, and how much of it the bill shows at a given moment.

A day's cost arrives late and in parts, as Azure has it: most of a usage 8 to 20 hours after it, the rest up
to 48 hours after the day's end, refreshed six times a day.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from sim.load import SLOT_SECONDS, SLOTS_A_DAY, Floats
from sim.meters import PRICES, BilledMeter

if TYPE_CHECKING:
    from sim.estate import SimAccount

REFRESH = timedelta(hours=4)
PROMPT_SHARE = 0.85  # of a usage that is billed at the first go
MODELS_RENAMED = datetime.fromisoformat("2026-08-17T00:00:00+00:00")
MODELS_BEFORE, MODELS_AFTER = "Cognitive Services", "Foundry Models"


@dataclass(frozen=True, slots=True)
class BilledItem:
    """One meter of one resource. `used` is the running total of units at the start of each slot."""

    resource: str  # ARM id, mixed case
    subscription: str
    resource_type: str
    region: str
    service: str  # "" is a model, whose service was renamed in between
    category: str
    meter: BilledMeter
    used: Floats
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def luck(self) -> float:
        """Between 0 and 1, fixed for this item: how late its cost comes."""
        return (crc32(f"{self.resource}|{self.meter.name}".encode()) % 1000) / 1000

    def days(self) -> Floats:
        """Units a day, as they will stand when nothing moves any more."""
        return np.asarray(np.diff(self.used[::SLOTS_A_DAY]))

    def known(self, since: timedelta, ended: timedelta = timedelta.max) -> Floats:
        """Units a day as the bill shows them when `since` has passed from the estate's start.

        Nothing is used after `ended`, when the resource was removed.
        """
        refreshed = since - since % REFRESH
        prompt = min(ended, refreshed - timedelta(hours=8 + 8 * self.luck))
        rest = min(ended, refreshed - timedelta(hours=40 + 4 * self.luck))
        return PROMPT_SHARE * self.until(prompt) + (1 - PROMPT_SHARE) * self.until(rest)

    def until(self, cut: timedelta) -> Floats:
        """Units of each day that were used before `cut`."""
        limit = max(0, min(int(cut.total_seconds() // SLOT_SECONDS), len(self.used) - 1))
        marks = np.minimum(np.arange(0, len(self.used), SLOTS_A_DAY), limit)
        return np.asarray(np.diff(self.used[marks]))


def running(units: Floats) -> Floats:
    return np.concatenate(([0.0], np.cumsum(units)))


def account_items(account: SimAccount, slots: int) -> list[BilledItem]:
    """The meters of an AI account. Deployments of one model and kind share theirs, as on the bill."""
    units: dict[BilledMeter, Floats] = defaultdict(lambda: np.zeros(slots))
    for deployment in account.deployments:
        plan, load = deployment.plan, deployment.load
        prices = PRICES[plan.model, plan.sku]
        if prices.input and prices.input.size == 0:
            units[prices.input] += plan.capacity / 12
            continue
        if prices.input:
            units[prices.input] += load.tokens_in / prices.input.size
        if prices.output:
            units[prices.output] += load.tokens_out / prices.output.size
        for name, meter in prices.others.items():
            units[meter] += load.others[name] / meter.size
    return [
        BilledItem(
            account.id,
            account.subscription,
            "microsoft.cognitiveservices/accounts",
            account.plan.region,
            "",
            "Azure OpenAI",
            meter,
            running(used),
            tuple(account.plan.tags.items()),
        )
        for meter, used in units.items()
    ]


def other_items(subscription: str, slots: int) -> list[BilledItem]:
    """Two things that a bill also holds and that are no AI."""
    group = f"/subscriptions/{subscription}/resourceGroups/rg-shared/providers"
    steady = np.full(slots, 1 / SLOTS_A_DAY)
    return [
        BilledItem(
            f"{group}/Microsoft.Storage/storageAccounts/stshared{subscription[:6]}",
            subscription,
            "microsoft.storage/storageaccounts",
            "westeurope",
            "Storage",
            "Storage",
            BilledMeter("Hot LRS Data Stored", 1, 0.021),
            running(steady * 40),
        ),
        BilledItem(
            f"{group}/Microsoft.OperationalInsights/workspaces/log-shared",
            subscription,
            "microsoft.operationalinsights/workspaces",
            "westeurope",
            "Log Analytics",
            "Log Analytics",
            BilledMeter("Pay-as-you-go Data Ingestion", 1, 2.76),
            running(steady * 1.5),
        ),
    ]
