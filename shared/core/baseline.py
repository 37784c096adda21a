"""What is usual for a series at this hour of the week, learnt hour by hour, and how far off it is now.

A baseline is small and is stepped once for each complete hour; a long incident cannot drag it along,
since each step moves it by no more than a few of its own usual deviations. It looks at two lengths:
the newest hour, for what breaks at once, and the newest day, for what creeps.
"""

import math
from collections.abc import Callable, Sequence
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
    """What is usual for one series, in its meter's unit an hour. About 4 KB when stored."""

    since: datetime  # the start of the first hour learnt
    upto: datetime  # the end of the newest
    levels: tuple[float | None, ...] = (None,) * WEEK  # by hour of the week from Monday 00:00 UTC
    hour_spread: float = FIRST_SPREAD  # usual deviation of an hour, as a share of its width
    day_spread: float = FIRST_SPREAD  # usual deviation of the newest 24 hours, as a share of their sum
    newest: tuple[tuple[float, float], ...] = ()  # seen and expected, the newest 24 hours; see _step
    hours: int = 0  # how many have been learnt
    compared: int = 0  # how many of them the spreads were learnt from
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


def learn(
    baseline: Baseline | None,
    hours: Sequence[Reading],
    is_expected: Callable[[datetime], bool] = lambda start: False,
) -> Baseline | None:
    """Take in complete hours, oldest first; those already learnt are passed over, so repeating is safe.

    An hour that is absent teaches nothing: it is unknown, not zero. `is_expected` says of an hour, by its
    start, whether a person has called it usual: then it is taken as it is, however far off it lies.
    """
    for hour in hours:
        if baseline is None:
            baseline = Baseline(since=hour.start, upto=hour.start)
        if hour.start >= baseline.upto:
            baseline = _step(baseline, hour, is_expected(hour.start))
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
    day_seen, day_expected = _together(baseline.newest)
    found = [
        _anomaly("hour", seen, expected, baseline.hour_spread * _width(baseline, expected)),
        _anomaly("day", day_seen, day_expected, baseline.day_spread * max(day_expected, 1.0)),
    ]
    relevant = [one for one in found if abs(one.seen - one.expected) >= sensitivity.least_tokens]
    if any(baseline.levels[_slot(hour_of(one.start))] is None for one in rolling):
        # Of an hour of the week never seen it is known what would be much, not what would be little.
        relevant = [one for one in relevant if one.score > 0 or one.length == "day"]
    return max(relevant, key=lambda one: abs(one.score), default=None)


def _step(baseline: Baseline, hour: Reading, is_expected: bool) -> Baseline:
    slot, seen = _slot(hour.start), float(hour.value)
    expected = _usual(baseline, hour.start) if baseline.hours else seen
    width, mean = _width(baseline, expected), _mean(baseline)
    off = (seen - expected) / width
    broken = abs(off) > BROKEN * baseline.hour_spread
    counted = expected if broken or is_expected else seen  # what broke is a finding of its own
    newest = (*baseline.newest, *_missed(baseline, hour.start), (counted, expected))[-24:]
    day_seen, day_expected = _together(newest)
    day_off = (day_seen - day_expected) / max(day_expected, 1.0)
    clipped = expected + width * _clipped(off, CLIP * baseline.hour_spread)
    taken = clipped if baseline.ready and not is_expected else seen
    levels = list(baseline.levels)
    levels[slot] = seen if levels[slot] is None else expected + PULL * (taken - expected)
    after = replace(baseline, upto=hour.end, levels=tuple(levels), newest=newest, hours=baseline.hours + 1)
    if is_expected:
        return after  # an exception, even one that is usual, says nothing of how far hours usually vary
    return replace(
        after,
        # Weighted by size: the idle hours of a nightly batch would say that it never varies.
        hour_spread=_spread_after(baseline, baseline.hour_spread, off, weight=width / mean),
        day_spread=_spread_after(baseline, baseline.day_spread, day_off),
        compared=baseline.compared + (1 if _comparable(baseline) else 0),
    )


def _missed(baseline: Baseline, start: datetime) -> list[tuple[float, float]]:
    """The absent hours before `start`, at most a day of them: they count as usual in the day's."""
    absent = min(23, round((start - baseline.upto) / HOUR))
    levels = [baseline.levels[_slot(start - ago * HOUR)] or 0.0 for ago in range(absent, 0, -1)]
    return [(level, level) for level in levels]


def _comparable(baseline: Baseline) -> bool:
    """Whether an hour can be compared: in the first week nothing is known of its hour of the week."""
    return baseline.upto - baseline.since >= WEEK * HOUR


def _width(baseline: Baseline, expected: float) -> float:
    """How far an hour may usually be off, before the spread is applied.

    A quiet hour is relatively less regular than a busy one: few requests, as counts have it, vary by
    the root of their number. So below the mean level the width shrinks with the root, not in proportion.
    """
    mean = _mean(baseline)
    return max(expected, math.sqrt(max(expected, 0.0) * mean), 0.1 * mean)


def _mean(baseline: Baseline) -> float:
    seen = [level for level in baseline.levels if level is not None]
    return max(sum(seen) / len(seen), 1.0) if seen else 1.0


def _clipped(value: float, most: float) -> float:
    return max(-most, min(most, value))


def _spread_after(baseline: Baseline, spread: float, off: float, weight: float = 1.0) -> float:
    if not _comparable(baseline):
        return spread
    # The plain mean at first, then a slow one.
    memory = min(0.5, weight * max(MEMORY, 1 / (baseline.compared + 2)))
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
    """For an hour of the week not seen yet: the same hour of the days of its sort, else all there is."""
    days = baseline.levels[at.hour :: 24]
    alike = days[5:] if at.weekday() >= 5 else days[:5]
    known = ([one for one in levels if one is not None] for levels in (alike, days, baseline.levels))
    seen = next(filter(None, known))  # there is one from the first hour learnt on
    return sum(seen) / len(seen)


def _slot(at: datetime) -> int:
    return at.weekday() * 24 + at.hour
