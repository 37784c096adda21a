"""Who uses two of the estate's deployments through API Management, and how much of their tokens each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sim.blueprint import PLATFORM
from sim.estate import Estate, SimDeployment
from sim.load import SLOTS_AN_HOUR, Counts, Floats

GATEWAY = (
    f"/subscriptions/{PLATFORM}/resourceGroups/RG-AI-Platform"
    "/providers/Microsoft.ApiManagement/service/apim-AI-Gateway"
)
WORKSPACE = "5b6f0d3a-2c9e-4f17-8a41-0d7e9c2b6f55"
THROUGH_GATEWAY = ("assist-general", "support-chat")


@dataclass(frozen=True, slots=True)
class Consumer:
    """An API Management subscription. None is who calls without one; its share is of an ordinary hour."""

    subscription: str | None
    product: str | None
    share: float


CONSUMERS = (
    Consumer("sub-checkout-web", "storefront", 0.34),
    Consumer("sub-service-desk", "internal", 0.22),
    Consumer("sub-Marketing-Texts", "internal", 0.16),
    Consumer("sub-data-science", "research", 0.12),
    Consumer("sub-mobile-app", "storefront", 0.10),
    Consumer(None, None, 0.06),
)


@dataclass(frozen=True, slots=True)
class ConsumerLoad:
    """What one consumer had of one deployment, a value a slot."""

    consumer: Consumer
    account: str  # ARM id
    deployment: SimDeployment
    tokens_in: Counts
    tokens_out: Counts
    calls: Counts


def consumer_loads(estate: Estate) -> tuple[ConsumerLoad, ...]:
    """For each deployment the consumers add up to its served requests and tokens exactly."""
    everything = [(account.id, found) for account in estate.accounts for found in account.deployments]
    chosen = [(account, found) for account, found in everything if found.plan.name in THROUGH_GATEWAY]
    return tuple(
        load
        for number, (account, found) in enumerate(chosen)
        for load in divided(account, found, np.random.default_rng([estate.seed, 10_000 + number]))
    )


def divided(account: str, deployment: SimDeployment, rng: np.random.Generator) -> Iterator[ConsumerLoad]:
    load = deployment.load
    shares = drifting(len(load.tokens_in), rng)
    parts = [portions(counts, shares) for counts in (load.tokens_in, load.tokens_out, load.requests[200])]
    for consumer, into, out, calls in zip(CONSUMERS, *parts, strict=True):
        yield ConsumerLoad(consumer, account, deployment, into, out, calls)


def drifting(slots: int, rng: np.random.Generator) -> Floats:
    """Running totals of the consumers' shares, a row a consumer, the last one 1; they drift by the hour."""
    hours = slots // SLOTS_AN_HOUR + 1
    base = np.array([consumer.share for consumer in CONSUMERS])[:, None]
    drift = base * np.exp(rng.normal(0.0, 0.15, (len(CONSUMERS), hours)))
    totals = np.cumsum(drift / drift.sum(axis=0), axis=0)
    totals[-1] = 1.0
    return np.asarray(np.repeat(totals, SLOTS_AN_HOUR, axis=1)[:, :slots])


def portions(counts: Counts, totals: Floats) -> Counts:
    """Whole numbers whose sum is `counts`, a row a consumer."""
    bounds = np.rint(counts * totals).astype(np.int64)
    return np.diff(bounds, axis=0, prepend=0)
