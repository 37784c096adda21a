"""Many series of one grain, stepped together through time."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from shared.core.detection.learning import close, take
from shared.core.detection.scores import Scores, limits, score
from shared.core.detection.state import Floats, Grain, Points, State, fresh, place, weekday
from shared.core.detection.usual import Usual, usual

TRUSTED = 5  # a person's word counts like so many rounds in a row that were off
WIDENING = ("off_sums", "round_log_off", "round_peak", "round_off")  # what of a round makes ranges wider
MOST = np.float32(1e15)  # tokens, money, anything; its square is still a number


@dataclass(slots=True)
class Bank:
    """States with what follows from them for the round at hand. Stepping changes it in place."""

    state: State
    round: int | None  # None before the first point
    usual: Usual
    limit: Floats

    @property
    def grain(self) -> Grain:
        return self.state.grain

    def step(self, at: datetime, values: Floats) -> Scores:
        """Judges, then learns, one new value of each series (NaN is absent); `at` starts their points.

        Raises ValueError when the round of `at` is over.
        """
        number, point = place(self.grain, at)
        return self.block(number, np.array([point]), values[None])

    def block(self, number: int, points: Points, values: Floats) -> Scores:
        """The same for several points of one round, oldest first: `values` by point and series."""
        self.advance(number)
        clean = tidy(values)
        scored = score(self.state, self.usual, self.limit, points, clean)
        take(self.state, self.usual, self.limit, points, clean, scored)
        return scored

    def believe(self, number: int, points: Points, values: Floats) -> None:
        """Learns points that a person has called usual: believed at once, and no range is wider for it."""
        self.advance(number)
        kept = {name: getattr(self.state, name).copy() for name in WIDENING}
        scored = self.block(number, points, values)
        for name, part in kept.items():
            getattr(self.state, name)[...] = part
        off = np.nansum(tidy(values) - scored.expected, axis=0)
        self.state.run[...] = TRUSTED * np.sign(off)

    def judge(self, points: Points, values: Floats) -> Scores:
        """What would be said of values at points of this round, which may be fractions, without learning."""
        return score(self.state, self.usual, self.limit, points, tidy(values))

    def advance(self, number: int) -> None:
        """Goes to a round: the one before is learnt."""
        if number == self.round:
            return
        if self.round is not None:
            if number < self.round:
                raise ValueError(f"round {number} is over: the newest is {self.round}")
            close(self.state, self.usual, self.limit, weekday(self.grain, self.round))
        self.round = number
        self.usual = usual(self.state, weekday(self.grain, number))
        self.limit = limits(self.state)


def bank_of(state: State, number: int | None) -> Bank:
    """A bank that goes on in the round at which its states were left."""
    return Bank(state, number, usual(state, weekday(state.grain, number or 0)), limits(state))


def new_bank(grain: Grain, series: int) -> Bank:
    """A bank of series that nothing is known of."""
    return bank_of(fresh(grain, series), None)


def tidy(values: Floats) -> Floats:
    """Values as the judge takes them: what is no finite number is absent.

    Less than nothing is nothing, and more than 1e15 is that.
    """
    numbers = np.asarray(values, dtype=np.float32)
    return np.where(np.isfinite(numbers), np.clip(numbers, 0, MOST), np.float32(np.nan))
