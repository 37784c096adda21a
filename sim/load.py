"""Five-minute series of one deployment: requests, tokens, latency. Numbers only; times are slot indexes.

Slot 0 begins on a Monday at midnight UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.blueprint import DeploymentPlan, Rhythm

SLOT_SECONDS = 300
SLOTS_A_DAY = 288
SLOTS_AN_HOUR = 12

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

THROTTLED_SHARE = 0.002
FAILED_SHARE = 0.0006
PTU_BUSY = 62.0  # percent of capacity at the busiest hour


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """What one deployment did, a value a slot. Averages are 0 where there was no request.

    `others` is what else it made or read (images, pages, audio, ...), by the names of the metrics' sources.
    """

    tokens_in: Counts
    tokens_out: Counts
    requests: dict[int, Counts]  # by HTTP status
    last_byte_ms: Floats  # average
    first_token_ms: Floats  # average
    utilisation: Floats | None  # percent; None unless PTU
    others: Mapping[str, Floats | Counts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What incidents do to a deployment, a value a slot."""

    calls: Floats  # factor on requests
    size: Floats  # factor on tokens a request
    down: Floats  # share answered 503
    full: npt.NDArray[np.bool_]  # PTU over its limit


def build_load(plan: DeploymentPlan, slots: int, disturbance: Disturbance, rng: np.random.Generator) -> Load:
    level = rhythm(plan.rhythm, slots) * trend(slots, rng) * wander(slots, rng)
    attempts = rng.poisson(plan.rate * 5 * level * disturbance.calls * jitter(0.06, slots, rng))
    requests = by_status(attempts, disturbance, rng)
    served = requests[200] * disturbance.size
    busy = np.clip(level, 0.0, 3.0)
    slow = 1.0 + 0.25 * busy + 2.0 * disturbance.down + 1.2 * disturbance.full
    first_token = 280.0 * slow * jitter(0.08, slots, rng)
    last_byte = first_token + plan.tokens_out * 11.0 * slow * jitter(0.08, slots, rng)
    return Load(
        tokens_in=whole(served * plan.tokens_in * jitter(0.05, slots, rng)),
        tokens_out=whole(served * plan.tokens_out * jitter(0.05, slots, rng)),
        requests=requests,
        last_byte_ms=np.round(last_byte, 2),
        first_token_ms=np.round(first_token, 2),
        utilisation=utilisation(plan, level, disturbance, rng),
        others=others(plan, served),
    )


def others(plan: DeploymentPlan, served: Floats) -> dict[str, Floats | Counts]:
    """What is used beside text tokens; of a fine-tuned model also hours of training and hosting."""
    found: dict[str, Floats | Counts] = {
        name: whole(served * a_request) for name, a_request in plan.others.items()
    }
    if plan.trained:
        training = np.zeros(len(served))
        for job in plan.trained:
            begin = job.day * SLOTS_A_DAY + job.hour * SLOTS_AN_HOUR
            training[begin : begin + job.hours * SLOTS_AN_HOUR] = 1 / SLOTS_AN_HOUR
        hosting = np.full(len(served), 1 / SLOTS_AN_HOUR)
        found |= {"training_hours": training, "hosting_hours": hosting}
    return found


def rhythm(kind: Rhythm, slots: int) -> Floats:
    """Relative level, 1 at the busiest hour."""
    slot = np.arange(slots)
    hour = (slot % SLOTS_A_DAY) / SLOTS_AN_HOUR
    weekend = (slot // SLOTS_A_DAY) % 7 >= 5
    if kind == "steady":
        return np.asarray(0.92 + 0.08 * np.sin(2 * np.pi * (hour - 9) / 24))
    if kind == "nightly":
        return np.asarray(np.clip(1.25 - np.abs(hour - 2.75) * 0.9, 0.0, 1.0))
    office = 0.04 + 0.96 * np.exp(-(((hour - 12.3) / 3.7) ** 2))
    return np.asarray(office * np.where(weekend, 0.18, 1.0))


def trend(slots: int, rng: np.random.Generator) -> Floats:
    a_day = rng.uniform(-0.001, 0.003)
    return np.asarray((1.0 + a_day) ** (np.arange(slots) / SLOTS_A_DAY))


def wander(slots: int, rng: np.random.Generator) -> Floats:
    """Noise with a memory of some hours, around 1."""
    hours = slots // SLOTS_AN_HOUR + 2
    value, path = 0.0, []
    for step in rng.normal(0.0, 0.03, hours).tolist():
        value = 0.8 * value + step
        path.append(value)
    return np.asarray(np.exp(np.interp(np.arange(slots) / SLOTS_AN_HOUR, np.arange(hours), path)))


def jitter(spread: float, slots: int, rng: np.random.Generator) -> Floats:
    return np.asarray(np.exp(rng.normal(0.0, spread, slots)))


def by_status(attempts: Counts, disturbance: Disturbance, rng: np.random.Generator) -> dict[int, Counts]:
    throttled = rng.binomial(attempts, np.where(disturbance.full, 0.24, THROTTLED_SHARE))
    rest = attempts - throttled
    failed = rng.binomial(rest, FAILED_SHARE)
    unavailable = rng.binomial(rest - failed, disturbance.down)
    return {200: rest - failed - unavailable, 429: throttled, 500: failed, 503: unavailable}


def utilisation(
    plan: DeploymentPlan, level: Floats, disturbance: Disturbance, rng: np.random.Generator
) -> Floats | None:
    if not plan.sku.endswith("ProvisionedManaged"):
        return None
    usual = np.clip(PTU_BUSY * level * jitter(0.05, len(level), rng), 0.0, 92.0)
    full = rng.uniform(96.2, 99.9, len(level))
    return np.asarray(np.round(np.where(disturbance.full, full, usual), 2), dtype=np.float64)


def whole(values: Floats) -> Counts:
    return np.rint(values).astype(np.int64)
