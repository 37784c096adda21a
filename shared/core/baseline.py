"""What is usual for a series at this hour of the week, learnt hour by hour, and how far off it is now.

A baseline is small and is stepped once for each complete hour; a long incident cannot drag it along,
since each step moves it by no more than a few of its own usual deviations. It looks at two lengths:
the newest hour, for what breaks at once, and the newest day, for what creeps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.core.model import Reading, Sensitivity
from shared.core.periods import HOUR, hour_of

WEEK = 168  # hours
LEARNING = timedelta(days=14)  # known before anything is judged
LEAST_HOURS = 72  # with readings, in that time
PULL = 0.35  # how much of a difference a level takes over, each week
MEMORY = 1 / (8 * WEEK)  # how much of a difference a spread takes over, each hour; slower than any leak
CLIP = 3.0  # deviations; what lies further off moves a level by no more than this
BROKEN = 6.0  # deviations; an hour further off is a finding by itself and counts as usual in the day's
LEAST_SPREAD = 0.05  # no series is more regular than this share of its level
FIRST_SPREAD = 0.25


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for one series, in its meter's unit an hour. About 2 KB when stored."""

    since: datetime  # the start of the first hour learnt
    upto: datetime  # the end of the newest
    levels: tuple[float | None, ...] = (None,) * WEEK  # by hour of the week from Monday 00:00 UTC
    hour_spread: float = FIRST_SPREAD  # usual deviation of an hour, as a share of its width (see _width)
    day_spread: float = FIRST_SPREAD  # usual deviation of the newest 24 hours, as a share of their sum
    newest: tuple[tuple[float, float], ...] = ()  # seen and expected, the newest 24 hours; see BROKEN
    hours: int = 0  # how many have been learnt
    version: int = field(default=1)

    @property
    def ready(self) -> bool:
        """Whether it has seen enough to judge."""
        return self.upto - self.since >= LEARNING and self.hours >= LEAST_HOURS


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A reading that is not usual, with what would be."""

    length: str  # "hour" or "day"
    seen: float
    expected: float
    low: float
    high: float
    score: float  # usual deviations from expected; negative for a drop


def learn(baseline: Baseline | None, hours: Sequence[Reading]) -> Baseline | None:
    """Take in complete hours, oldest first; those already learnt are passed over, so repeating is safe.

    An hour that is absent teaches nothing: it is unknown, not zero.
    """
    for hour in hours:
        if baseline is None:
            baseline = Baseline(since=hour.start, upto=hour.start)
        if hour.start >= baseline.upto:
            baseline = _step(baseline, hour)
    return baseline


def judge_series(baseline: Baseline, rolling: Sequence[Reading], sensitivity: Sensitivity) -> Anomaly | None:
    """The stronger of the two lengths' findings about the newest hour (`rolling`, any grain), if any.

    A finding below the sensitivity is answered too: the caller decides what is too far.
    """
    if not baseline.ready or not rolling:
        return None
    seen = sum(float(reading.value) for reading in rolling)
    shares = [(reading.end - reading.start) / HOUR for reading in rolling]
    expected = sum(_usual(baseline, one.start) * share for one, share in zip(rolling, shares, strict=True))
    found = [_anomaly("hour", seen, expected, baseline.hour_spread * _width(baseline, expected))]
    if len(baseline.newest) == 24:
        day_seen, day_expected = _together(baseline.newest)
        found.append(_anomaly("day", day_seen, day_expected, baseline.day_spread * max(day_expected, 1.0)))
    relevant = [one for one in found if abs(one.seen - one.expected) >= sensitivity.least_tokens]
    return max(relevant, key=lambda one: abs(one.score), default=None)


def _step(baseline: Baseline, hour: Reading) -> Baseline:
    slot, seen = _slot(hour.start), float(hour.value)
    expected = _usual(baseline, hour.start) if baseline.hours else seen
    width = _width(baseline, expected)
    off = (seen - expected) / width
    broken = abs(off) > BROKEN * baseline.hour_spread
    newest = (*baseline.newest, (expected if broken else seen, expected))[-24:]
    day_seen, day_expected = _together(newest)
    taken = expected + width * _clipped(off, CLIP * baseline.hour_spread) if baseline.ready else seen
    levels = list(baseline.levels)
    pull = 1.0 if levels[slot] is None else PULL
    levels[slot] = expected + pull * (taken - expected)
    return replace(
        baseline,
        upto=hour.end,
        levels=tuple(levels),
        hour_spread=_spread_after(baseline.hour_spread, off, baseline.hours),
        day_spread=_spread_after(
            baseline.day_spread, (day_seen - day_expected) / max(day_expected, 1.0), baseline.hours
        ),
        newest=newest,
        hours=baseline.hours + 1,
    )


def _width(baseline: Baseline, expected: float) -> float:
    """How far an hour may usually be off, before the spread is applied.

    A quiet hour is relatively less regular than a busy one: few requests, as counts have it, vary by
    the root of their number. So below the mean level the width shrinks with the root, not in proportion.
    """
    seen = [level for level in baseline.levels if level is not None]
    mean = max(sum(seen) / len(seen), 1.0) if seen else 1.0
    return max(expected, math.sqrt(max(expected, 0.0) * mean), 0.1 * mean)


def _clipped(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _spread_after(spread: float, off: float, hours: int) -> float:
    if hours < WEEK:  # the first week has nothing to be compared with
        return spread
    memory = max(MEMORY, 1 / (hours - WEEK + 2))  # the plain mean at first, then a slow one
    return max(LEAST_SPREAD, spread + memory * (min(abs(off), 2 * spread) * 1.25 - spread))


def _anomaly(length: str, seen: float, expected: float, deviation: float) -> Anomaly:
    low, high = max(0.0, expected - 3 * deviation), expected + 3 * deviation
    return Anomaly(length, seen, expected, low, high, (seen - expected) / deviation)


def _together(hours: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return sum(seen for seen, _ in hours), sum(expected for _, expected in hours)


def _usual(baseline: Baseline, at: datetime) -> float:
    level = baseline.levels[_slot(hour_of(at))]
    return level if level is not None else _same_hour(baseline, at)


def _same_hour(baseline: Baseline, at: datetime) -> float:
    """For an hour of the week not seen yet: the same hour of the other days, else all there is."""
    seen = [level for level in baseline.levels[at.hour :: 24] if level is not None]
    seen = seen or [level for level in baseline.levels if level is not None]
    return sum(seen) / len(seen) if seen else 0.0


def _slot(at: datetime) -> int:
    return at.weekday() * 24 + at.hour
