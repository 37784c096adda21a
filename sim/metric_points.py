"""Slots of five minutes into the points of an answer, as far as they have arrived."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from sim.load import SLOT_SECONDS
from sim.metric_query import GRAINS, MetricQuery
from sim.metric_series import MINUTES_A_SLOT, Leaf, Values, mean

Fold = Callable[[Leaf, "Window"], Values]


@dataclass(frozen=True, slots=True)
class Window:
    """Slots [first, last) in points of `width` slots, of which [first, known) have data.

    `minutes` is how much of the last known slot has arrived: 5 is all of it. With points of a minute
    `within` are the minutes wanted, counted from the first slot, and `width` is 1.
    """

    first: int
    last: int
    width: int
    known: int
    minutes: int
    stamps: Sequence[str]  # the beginning of each point's JSON
    within: slice | None = None

    @property
    def during(self) -> slice:
        return slice(self.first, self.known)


class Calendar:
    """Times into slots, and slots into the time stamps of points."""

    def __init__(self, start: datetime, slots: int) -> None:
        self.start, self.slots = start, slots
        step = timedelta(seconds=SLOT_SECONDS)
        self.stamps = [stamp(start + number * step) for number in range(slots + 1)]

    def window(self, query: MetricQuery, now: datetime, late: int) -> Window:
        """What is there when all comes `late` minutes; the slot that `now` is in counts only in part."""
        arrived = max(0, min(self.minute(now) - late, self.slots * MINUTES_A_SLOT))
        end = -(-self.seconds(min(query.end, now)) // 60)
        if query.interval == "PT1M":
            return self.by_minute(self.minute(query.start), end, arrived)
        first, last = self.minute(query.start) // MINUTES_A_SLOT, -(-end // MINUTES_A_SLOT)
        width = GRAINS[query.interval] // MINUTES_A_SLOT
        first = max(0, first - first % width if width else first)
        last = min(max(first, last), self.slots)
        width = width or max(1, last - first)
        known, part = -(-arrived // MINUTES_A_SLOT), arrived % MINUTES_A_SLOT
        minutes = part if part and known <= last else MINUTES_A_SLOT
        return Window(
            first, last, width, max(first, min(known, last)), minutes, self.stamps[first:last:width]
        )

    def by_minute(self, begin: int, end: int, arrived: int) -> Window:
        begin = max(0, begin)
        end = min(max(begin, end), self.slots * MINUTES_A_SLOT)
        first, last = begin // MINUTES_A_SLOT, -(-end // MINUTES_A_SLOT)
        known = max(begin, min(arrived, end))
        offset = first * MINUTES_A_SLOT
        stamps = [stamp(self.start + timedelta(minutes=minute)) for minute in range(begin, end)]
        within = slice(begin - offset, known - offset)
        return Window(first, last, 1, -(-known // MINUTES_A_SLOT), MINUTES_A_SLOT, stamps, within)

    def minute(self, moment: datetime) -> int:
        return self.seconds(moment) // 60

    def seconds(self, moment: datetime) -> int:
        return int((moment - self.start).total_seconds())


def stamp(moment: datetime) -> str:
    return f'{{"timeStamp":"{moment:%Y-%m-%dT%H:%M:%SZ}"'


def points(leaf: Leaf, names: Sequence[str], window: Window) -> str:
    """The points of a series as JSON; one without a sample, or yet to arrive, is a bare time."""
    stamps = window.stamps
    if not names:
        return ",".join(stamp + "}" for stamp in stamps)
    weights = weight(leaf, window)
    columns = [COLUMNS[name](leaf, window).tolist() for name in names]
    shape = "%s" + "".join(f',"{name}":%s' for name in names) + "}"
    rows = zip(stamps, *columns, strict=False)
    filled = [
        shape % row if there else row[0] + "}" for row, there in zip(rows, weights.tolist(), strict=False)
    ]
    filled += [stamp + "}" for stamp in stamps[len(filled) :]]
    return ",".join(filled)


def total(leaf: Leaf, window: Window) -> Values:
    if window.within is None:
        return folded(arrived(leaf.total, window), window)
    return by_weight(leaf.total[window.during], leaf.weight[window.during])[window.within]


def weight(leaf: Leaf, window: Window) -> Values:
    if window.within is None:
        return folded(arrived(leaf.weight, window), window)
    weights = leaf.weight[window.during]
    return by_weight(weights, weights)[window.within]


def average(leaf: Leaf, window: Window) -> Values:
    if window.within is None:
        sums, weights = (folded(values[window.during], window) for values in (leaf.total, leaf.weight))
    else:
        sums, weights = total(leaf, window), weight(leaf, window)
    return rounded(mean(sums, weights))


def maximum(leaf: Leaf, window: Window) -> Values:
    return rounded(extreme(leaf.peak[window.during], window, np.maximum))


def minimum(leaf: Leaf, window: Window) -> Values:
    """The smallest sample is taken to be as far below the mean as the largest is above it."""
    weights = leaf.weight[window.during]
    means = mean(leaf.total[window.during], weights)
    lows = np.where(weights > 0, means * means / np.maximum(leaf.peak[window.during], 1e-9), np.inf)
    return rounded(extreme(lows, window, np.minimum))


COLUMNS: dict[str, Fold] = {
    "total": total,
    "count": weight,
    "average": average,
    "maximum": maximum,
    "minimum": minimum,
}


def extreme(values: Values, window: Window, fold: np.ufunc) -> Values:
    if window.within is None:
        return folded(values, window, fold)
    return np.repeat(values, MINUTES_A_SLOT)[window.within].astype(np.float64)


def by_weight(totals: Values, weights: Values) -> Values:
    """Slots into minutes: whole samples, spread evenly, and the totals along with them."""
    minute = np.arange(1, MINUTES_A_SLOT + 1)
    until = weights[:, None] * minute // MINUTES_A_SLOT
    sums, whole = totals[:, None] * until, np.maximum(weights, 1)[:, None]
    so_far = sums // whole if totals.dtype.kind == "i" else sums / whole
    return np.asarray(np.diff(so_far, axis=1, prepend=0).reshape(-1))


def arrived(values: Values, window: Window) -> Values:
    """The slots of the window, the last one only as far as it has arrived."""
    seen = values[window.during]
    if window.minutes < MINUTES_A_SLOT and len(seen):
        seen = seen.copy()
        seen[-1] = seen[-1] * window.minutes // MINUTES_A_SLOT
    return seen


def folded(seen: Values, window: Window, fold: np.ufunc = np.add) -> Values:
    """Slots into points."""
    if window.width == 1 or not len(seen):
        return seen
    return np.asarray(fold.reduceat(seen, np.arange(0, len(seen), window.width)))


def rounded(values: Values) -> Values:
    return np.asarray(np.round(values, 4), dtype=np.float64)
