"""What a period will have cost at its end, from daily costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import fmean, pstdev

from shared.core.model import Period
from shared.core.periods import DAY, day_of

SETTLING = timedelta(hours=48)  # a day's cost still grows for about this long after the day
LOOK_BACK = 14  # days; two of each weekday
LEAST_DAYS = 5  # complete days without which nothing is forecast
TENTH = 1.2816  # of a normal distribution, standard deviations: the 10th and 90th percentile


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected total at the period's end, with the range that holds it four times in five."""

    total: Decimal
    low: Decimal
    high: Decimal


def forecast(days: Mapping[datetime, Decimal], period: Period, as_of: datetime) -> Forecast | None:
    """The period's total from cost by UTC day, as known at `as_of`; None with too little history.

    Days that still settle count with what they have or with what is usual, whichever is more. The days
    to come, and those absent since the first known one, get the mean of the recent days of their sort
    (workday or weekend).
    """
    settled = {day: cost for day, cost in days.items() if day + DAY + SETTLING <= as_of}
    recent = dict(sorted(settled.items())[-LOOK_BACK:])
    if len(recent) < LEAST_DAYS:
        return None
    known = sum((cost for day, cost in settled.items() if day in period), Decimal())
    guessed = Decimal()
    ahead = 0
    begun = min(days)
    for day in _days(period):
        # Before the first bill there was none: a subscription of last week has no usual first half.
        if day not in settled and day >= begun:
            usual = _usual(recent, day)
            guessed += max(usual, days[day]) if day in days else usual
            ahead += 1
    spread = Decimal(TENTH * _spread(recent) * ahead**0.5)
    total = known + guessed
    billed = sum((cost for day, cost in days.items() if day in period), Decimal())
    return Forecast(total, max(billed, total - spread), total + spread)


def _days(period: Period) -> list[datetime]:
    first = day_of(period.start)
    return [first + index * DAY for index in range((period.end - first) // DAY)]


def _usual(recent: Mapping[datetime, Decimal], day: datetime) -> Decimal:
    weekend = day.weekday() >= 5
    alike = [cost for other, cost in recent.items() if (other.weekday() >= 5) == weekend] or [
        *recent.values()
    ]
    return sum(alike, Decimal()) / len(alike)


def _spread(recent: Mapping[datetime, Decimal]) -> float:
    off = [float(cost - _usual(recent, day)) for day, cost in recent.items()]
    return pstdev(off, fmean(off))
