"""What is usual for a series at this hour of the week, learnt hour by hour, and how far off it is now.

A baseline is the state of the judge (`shared.core.detection`) for one hourly series, as it is stored. It is
stepped once for each complete hour. What lies far off teaches little; a level that stays is believed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.model import Reading
from shared.core.periods import HOUR

VERSION = 2  # of what `state` means; a baseline of another one is learnt anew
LEARNING = timedelta(days=3)  # known before anything is judged
LEAST_HOURS = 48  # with readings, in that time
SETTLED = timedelta(days=14)  # known before the range is as narrow as it gets
SEEN_A_WEEK = timedelta(days=8)  # before that nobody knows its weekends: much must be twice as far off
LIMIT_SCORE = 6.0  # of what is just as far off as the series' own past leads to expect


NAMES = {HOUR: "hour", 4 * HOUR: "4 hours", 24 * HOUR: "day", 72 * HOUR: "3 days"}


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is usual for one series, in its meter's unit an hour. About 2 KB, 3 KB when stored."""

    since: datetime  # the start of the first hour learnt
    upto: datetime  # the end of the newest
    state: bytes = b""  # 4-byte numbers, see shared/core/detection/state.py
    hours: int = 0  # how many have been learnt
    version: int = VERSION

    @property
    def ready(self) -> bool:
        """Whether it has seen enough to judge."""
        return self.upto - self.since >= LEARNING and self.hours >= LEAST_HOURS and self.version == VERSION

    @property
    def settled(self) -> bool:
        """Whether it has seen two weeks; before that its range is wider, and it says so."""
        return self.upto - self.since >= SETTLED


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A reading that is not usual, with what would be. The values are sums over `over`."""

    length: str  # "hour", "4 hours", "day", "3 days"
    over: timedelta
    since: datetime
    seen: float
    expected: float
    low: float
    high: float
    score: float  # negative for a drop; 6 is as far as the series' own past leads to expect
    settled: bool  # whether the range is as narrow as it gets


def learn(
    baseline: Baseline | None,
    hours: Sequence[Reading],
    is_expected: Callable[[datetime], bool] = lambda start: False,
) -> Baseline | None:
    """Take in complete hours, oldest first; those already learnt are passed over, so repeating is safe.

    An hour that is absent teaches nothing: it is unknown, not zero. `is_expected` says of an hour, by its
    start, whether a person has called it usual: its level is believed at once, and it makes no other hour's
    range wider.
    """
    if baseline is not None and baseline.version != VERSION:
        baseline = None
    new = [hour for hour in hours if baseline is None or hour.start >= baseline.upto]
    new = [
        hour
        for hour, before in zip(new, [None, *new], strict=False)
        if not before or hour.start >= before.end
    ]
    if not new:
        return baseline
    from shared.core.detection.hourly import after  # brings numpy, which a cold start need not wait for

    upto = baseline.upto if baseline else new[0].start
    state = after(baseline.state if baseline else b"", upto, new, is_expected)
    since, before = (baseline.since, baseline.hours) if baseline else (new[0].start, 0)
    return Baseline(since, new[-1].end, state, before + len(new))


def judge_series(baseline: Baseline, rolling: Sequence[Reading]) -> list[Anomaly]:
    """All lengths' findings about the newest hour (`rolling`, any grain), however weak; see `strongest`."""
    if not baseline.ready or not rolling:
        return []
    from shared.core.detection.hourly import findings

    young = baseline.upto - baseline.since < SEEN_A_WEEK
    return [
        Anomaly(
            NAMES[one.over],
            one.over,
            rolling[-1].end - one.odd_for,
            one.seen,
            one.expected,
            one.low,
            one.high,
            LIMIT_SCORE * one.ratio / (2 if young else 1),
            baseline.settled,
        )
        for one in findings(baseline.state, baseline.upto, rolling)
        if not (young and one.ratio < 0)
    ]


def strongest(found: Sequence[Anomaly], least: float) -> Anomaly | None:
    """The one that is furthest off, of those at least `least` off; it may still be within the usual."""
    relevant = [one for one in found if abs(one.seen - one.expected) >= least]
    return max(relevant, key=lambda one: abs(one.score), default=None)
