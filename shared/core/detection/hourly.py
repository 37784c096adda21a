"""One hourly series as the flows have it: readings in, the stored state after them, or what is found, out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import numpy as np

from shared.core.detection.bank import Bank, bank_of, new_bank
from shared.core.detection.scores import LEAST_SHARE, Scores
from shared.core.detection.state import POINT, Floats, Grain, State, place, weekday
from shared.core.detection.usual import usual
from shared.core.model import Reading
from shared.core.periods import HOUR, day_of

HOURLY = Grain(60)
FADING = 0.97  # of the furthest since it began; an average below that only remembers
LONGEST_GAP = 7 * 24  # hours; of what was before a longer one no average tells any more


@dataclass(frozen=True, slots=True)
class Finding:
    """How far off one length is. `seen`, and what it is compared with, are sums over `over`."""

    over: timedelta
    odd_for: timedelta  # how long it has been at least half as far off, or `over`
    seen: float
    expected: float
    low: float
    high: float
    ratio: float  # to the furthest expected; negative for a drop


def after(
    state: bytes, upto: datetime, hours: Sequence[Reading], is_expected: Callable[[datetime], bool]
) -> bytes:
    """The state once it has learnt these hours, oldest first; `state` is b"" for a new series.

    `is_expected` says of an hour, by its start, whether a person has called it usual.
    """
    bank = _bank(state, upto)
    points = _points(upto, hours, is_expected)
    for (number, expected), some in groupby(points, key=lambda one: (one.round, one.expected)):
        places, values = zip(*((one.point, one.value) for one in some), strict=True)
        take_in = bank.believe if expected else bank.block
        take_in(number, np.array(places), np.array(values, dtype=np.float64)[:, None])
    return bank.state.matrix.tobytes()


def findings(state: bytes, upto: datetime, rolling: Sequence[Reading]) -> list[Finding]:
    """What each length says of the newest hour, or of what is held of it, whatever its parts.

    None for an hour of a day that is over. What is held of an hour is judged as if it all were so.
    """
    end = rolling[-1].end
    start = end - HOUR
    number, _ = place(HOURLY, start)
    bank = _bank(state, upto)
    if bank.round is None or number < bank.round:
        return []
    bank.advance(number)
    at = (start - day_of(start)) / HOUR
    _look_past_midnight(bank, at)
    share = sum((reading.end - reading.start for reading in rolling), 0 * HOUR) / HOUR
    seen = sum(float(reading.value) for reading in rolling)
    scored = bank.judge(np.array([at]), np.array([[_within_hours(bank, at, seen / share)]]))
    hour = seen, float(scored.expected[0, 0]) * share
    found = (
        (length, side)
        for length, side in np.ndindex(*scored.ratio.shape[:2])
        if _is_new(bank, scored, length, side)
    )
    return [
        _finding(bank, scored, length, side, hour)
        for length, side in found
        if not (side and _never_seen(bank, at))
    ]


def _look_past_midnight(bank: Bank, at: float) -> None:
    """Between 23 and 24 o'clock the next slot is tomorrow's first, not today's."""
    if at > HOURLY.slots - 1 and bank.round is not None:
        tomorrow = usual(bank.state, weekday(HOURLY, bank.round + 1))
        for name in ("value", "width", "natural"):
            getattr(bank.usual, name)[0] = getattr(tomorrow, name)[0]


def _within_hours(bank: Bank, at: float, seen: float) -> float:
    """What is seen, nearer to the expected by what nobody knows of an hour that begins within one.

    Of an hour is known what it brings, not when: one that ends with a burst brings half of it in no half.
    """
    by_slot, slot, share = bank.usual.value[:, 0], int(at), at % 1
    around = by_slot[np.arange(slot - 1, slot + 3) % HOURLY.slots]
    unknown = 2 * share * (1 - share) * float(np.abs(np.diff(around)).max())
    expected = (1 - share) * float(around[1]) + share * float(around[2])
    return seen - max(-unknown, min(unknown, seen - expected))


def _is_new(bank: Bank, scored: Scores, length: int, side: int) -> bool:
    """Whether there is something, and not the mere memory of what is over."""
    ratio, furthest = scored.ratio[length, side, 0, 0], bank.state.since_calm[length, side, 0]
    return bool(ratio > 0 and (length <= POINT or ratio >= FADING * furthest))


def _never_seen(bank: Bank, at: float) -> bool:
    """Of an hour of the week never seen it is known what would be much, not what would be little."""
    day = weekday(HOURLY, bank.round or 0)
    return bool(np.isnan(bank.state.week[day, int(at), 0]))


def _finding(bank: Bank, scored: Scores, length: int, side: int, hour: tuple[float, float]) -> Finding:
    over, state = HOURLY.lengths[length], bank.state
    seen, expected = hour
    if length > POINT:
        average = length - POINT  # the first is "lately"
        gain, hours = float(HOURLY.gains[average]), over / HOUR
        seen = hours * (gain * seen + (1 - gain) * float(state.seen[average, 0]))
        expected = hours * (gain * expected + (1 - gain) * float(state.due[average, 0]))
    low, high = _range(bank, scored, max(length, POINT))  # a jump's is the point's
    odd_for = max(over, (int(state.odd_points[0]) + 1) * HOUR)
    ratio = float(scored.ratio[length, side, 0, 0])
    return Finding(over, odd_for, seen, expected, low * expected, high * expected, -ratio if side else ratio)


def _range(bank: Bank, scored: Scores, length: int) -> tuple[float, float]:
    """What is still usual, as shares of the expected: below 1, and above."""
    expected, width = float(scored.expected[0, 0]), float(scored.width[0, 0])
    small = float(bank.usual.small[0])
    rise, fall = (float(one) for one in bank.limit[length, :, 0])
    own = width / max(expected + small, 1e-30)
    ratio_width = 0.5 * (float(bank.usual.ratio_width[0]) + float(np.hypot(bank.usual.ratio_width[0], own)))
    least = LEAST_SHARE * (expected + small)
    low = ((expected + small) * np.exp(-fall * ratio_width) - small) / max(expected, 1e-30)
    low = min(float(low), 1 - least / max(expected, 1e-30))
    return max(0.0, low), 1 + max(rise * width, least) / max(expected, 1e-30)


def _bank(state: bytes, upto: datetime) -> Bank:
    if not state:
        return new_bank(HOURLY, 1)
    matrix: Floats = np.frombuffer(state, dtype=np.float32).reshape(HOURLY.size, 1).copy()
    return bank_of(State(HOURLY, matrix), place(HOURLY, upto - HOUR)[0])


@dataclass(frozen=True, slots=True)
class _Point:
    round: int
    point: int
    value: float  # NaN for an hour that is absent
    expected: bool  # a person has called it usual


def _points(
    upto: datetime, hours: Sequence[Reading], is_expected: Callable[[datetime], bool]
) -> Iterator[_Point]:
    """Each hour, and before it the absent ones of a gap, at most a week's."""
    for hour in hours:
        absent = min(LONGEST_GAP, round((hour.start - upto) / HOUR))
        for ago in range(absent, 0, -1):
            yield _Point(*place(HOURLY, hour.start - ago * HOUR), float("nan"), expected=False)
        yield _Point(*place(HOURLY, hour.start), float(hour.value), is_expected(hour.start))
        upto = hour.end
