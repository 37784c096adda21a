"""The estates that a tenant can be made of, by name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sim import large
from sim.blueprint import SUBSCRIPTIONS
from sim.estate import LIVE_DAYS, QUIET_DAYS, START, Estate, build_estate
from sim.wide import WIDE

EstateName = Literal["story", "wide", "large"]
NAMES: tuple[EstateName, ...] = get_args(EstateName)


@dataclass(frozen=True, slots=True)
class EstatePlan:
    """What makes an estate what it is: the same plan always makes the same one.

    `quiet_days` and `days` None are the usual lengths of that estate. `scale` is for the large one: how much
    of its 200 subscriptions, 2,000 accounts and 10,000 deployments there is.
    """

    name: EstateName = "story"
    seed: int = 7
    start: datetime = START
    quiet_days: int | None = None
    days: int | None = None
    scale: float = 1.0

    def build(self) -> Estate:
        if self.name == "large":
            return self.build_large()
        plans = WIDE if self.name == "wide" else SUBSCRIPTIONS
        quiet, days = lengths(self, QUIET_DAYS, LIVE_DAYS)
        return build_estate(self.seed, self.start, quiet, days, plans)

    def arguments(self) -> list[str]:
        """The plan as `python -m sim` takes it."""
        given = [f"--estate={self.name}", f"--seed={self.seed}", f"--start={self.start.isoformat()}"]
        if self.quiet_days is not None:
            given.append(f"--quiet-days={self.quiet_days}")
        if self.days is not None:
            given.append(f"--days={self.days}")
        return [*given, f"--scale={self.scale}"]

    def build_large(self) -> Estate:
        quiet, days = lengths(self, large.QUIET_DAYS, large.DAYS)
        counts = (max(1, round(full * self.scale)) for full in (200, 2_000, 10_000))
        subscriptions, accounts, deployments = counts
        return large.build_large_estate(
            subscriptions,
            accounts,
            deployments,
            seed=self.seed,
            start=self.start,
            quiet_days=quiet,
            days=days,
        )


def lengths(plan: EstatePlan, quiet_days: int, days: int) -> tuple[int, int]:
    return (
        quiet_days if plan.quiet_days is None else plan.quiet_days,
        days if plan.days is None else plan.days,
    )
