"""What the judge keeps of each series: a fixed number of 4-byte numbers, of many series side by side."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Points = npt.NDArray[np.integer] | Floats  # of a round; a fraction lies between two

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_WEEKDAY = 3  # a Thursday; Monday is 0

SIDES = 2  # rises, then drops
WAYS = 3  # to expect a point: the level alone, the round's shape, the shape of its day of the week
JUMP, POINT = 0, 1  # the first two lengths: against the newest points, against the usual; then averages
HOURS_AVERAGED = (1, 4, 24, 72)
DAYS_AVERAGED = (3, 7)
LATELY_POINTS, LATELY_DAYS = 6, 3  # that "the newest points" of a jump are


@dataclass(frozen=True)
class Grain:
    """How far apart the points of a series are, and what follows from it."""

    minutes: int

    @property
    def daily(self) -> bool:
        return self.minutes >= 1440

    @property
    def slots(self) -> int:
        """Parts of a round that have a usual value of their own."""
        return 7 if self.daily else 24

    @property
    def points(self) -> int:
        """Points in a slot; those of a coarser grain than an hour are taken for the first of theirs."""
        return 1 if self.daily else max(1, 60 // self.minutes)

    @property
    def step(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    @cached_property
    def averaged(self) -> tuple[float, ...]:
        """The lengths of the averages, in points."""
        if self.daily:
            return tuple(float(days) for days in DAYS_AVERAGED)
        return tuple(points for hours in HOURS_AVERAGED if (points := hours * 60 / self.minutes) > 1)

    @cached_property
    def lengths(self) -> tuple[timedelta, ...]:
        """What each finding looks back on: jump and point on one point, then the averages."""
        return (self.step, self.step, *(points * self.step for points in self.averaged))

    @cached_property
    def gains(self) -> npt.NDArray[np.float32]:
        """How much of each point the running averages take: first "lately", then the lengths."""
        lately = LATELY_DAYS if self.daily else LATELY_POINTS
        return np.array([2 / (points + 1) for points in (lately, *self.averaged)], dtype=np.float32)

    @cached_property
    def chance(self) -> npt.NDArray[np.float32]:
        """How far each finding of a quiet series may be off by chance, in ordinary deviations.

        An average of independent points varies by the root of gain / (2 - gain); of single points their
        own past tells more.
        """
        averages = 3 * np.sqrt(self.gains[1:] / (2 - self.gains[1:]))
        return np.array([0.3, 0.3, *averages], dtype=np.float32)

    @cached_property
    def rounds_in(self) -> npt.NDArray[np.float32]:
        """How many rounds it takes to see a length once, generously; at least one."""
        points = np.array([0.0, 1.0, *self.averaged])
        return np.maximum(1, 3 * points / (self.slots * self.points)).astype(np.float32)

    @cached_property
    def layout(self) -> dict[str, tuple[int, ...]]:
        """The shape of each part of a series' state."""
        slots, findings = (self.slots,), (len(self.lengths), SIDES)
        each_slot = dict.fromkeys(("shape", "spread", "spread_seen", "sums", "counts", "off_sums"), slots)
        each_finding = dict.fromkeys(("scale", "peak", "log_peak", "log_variance", "since_calm"), findings)
        today = dict.fromkeys(("round_peak", "round_off"), findings)
        averages = {
            "averages": (len(self.gains), SIDES),
            "seen": slots_of(self.gains),
            "due": slots_of(self.gains),
        }
        weekly = {} if self.daily else {"week": (7, self.slots), "weeks": (7,)}
        ways = {"errors": (WAYS,), "errors_seen": (WAYS,)}
        single = dict.fromkeys(SINGLE, ())
        return {**each_slot, **each_finding, **today, **averages, **weekly, **ways, **single}

    @cached_property
    def size(self) -> int:
        """Numbers kept of one series."""
        return sum(prod(shape) for shape in self.layout.values())


SINGLE = (
    *("level", "week_level", "rounds", "way", "all_spread", "log_spread", "run", "fractions", "odd_points"),
    *("round_points", "round_log_off"),
)


def slots_of(numbers: Floats) -> tuple[int]:
    return (len(numbers),)


class State:
    """The parts of many series' states by name, the series along the last axis; all views of `matrix`."""

    level: Floats  # what a point is worth, lately
    rounds: Floats  # with at least one point
    shape: Floats  # by slot of the round, in levels
    week_level: Floats  # the same beside the weekends, which the shape of the week knows
    week: Floats  # by day of the week and slot, in its levels; NaN where never seen
    weeks: Floats  # how often each day of the week was seen
    errors: Floats  # of each way to expect a point, in levels
    errors_seen: Floats  # rounds that those were learnt from
    way: Floats  # the one in use
    all_spread: Floats  # how far points are off, in natural widths
    spread: Floats  # the same by slot; NaN where never seen
    spread_seen: Floats
    log_spread: Floats  # how far points are off as logarithms of a ratio
    scale: Floats  # how far each finding is off on most points
    peak: Floats  # the furthest that it was, slowly forgotten
    log_peak: Floats  # the mean of the logarithm of a round's furthest
    log_variance: Floats
    since_calm: Floats  # how far each finding stood since it was last calm; 0 while it is
    averages: Floats  # running, of what each point was off; the first is "lately"
    seen: Floats  # running, of the values
    due: Floats  # running, of what was expected
    run: Floats  # rounds in a row that were off as a whole, negative for less than usual
    fractions: Floats  # 1 once a value was not a whole number
    odd_points: Floats  # in a row, the newest included, that were at least half way to a finding
    sums: Floats  # of the values of the round so far, by slot
    counts: Floats
    off_sums: Floats  # of how far they were off, in natural widths
    round_points: Floats
    round_log_off: Floats
    round_peak: Floats
    round_off: Floats

    def __init__(self, grain: Grain, matrix: Floats) -> None:
        self.grain, self.matrix = grain, matrix
        at = 0
        for name, shape in grain.layout.items():
            rows = prod(shape)
            setattr(self, name, matrix[at : at + rows].reshape(*shape, matrix.shape[1]))
            at += rows

    @property
    def series(self) -> int:
        """How many there are."""
        return int(self.matrix.shape[1])


def fresh(grain: Grain, series: int) -> State:
    """The state of series that nothing is known of."""
    state = State(grain, np.zeros((grain.size, series), dtype=np.float32))
    state.shape[...] = 1
    state.spread[...] = np.nan
    state.scale[...] = np.nan
    state.all_spread[...] = state.log_spread[...] = 0.5
    if not grain.daily:
        state.week[...] = np.nan
    return state


def place(grain: Grain, at: datetime) -> tuple[int, int]:
    """The round that holds a moment, and the point of it."""
    days, since = divmod(at - EPOCH, DAY)
    if grain.daily:
        return divmod(days + EPOCH_WEEKDAY, 7)
    return days, int(since // grain.step)


def weekday(grain: Grain, number: int) -> int:
    """The day of the week of a round, Monday is 0; 0 for daily series, whose rounds are weeks."""
    return 0 if grain.daily else (number + EPOCH_WEEKDAY) % 7
