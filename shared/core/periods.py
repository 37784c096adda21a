"""The UTC calendar: the period of a grain that holds a moment, and whole hours and days."""

from datetime import datetime, timedelta

from shared.core.model import Grain, Period

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def hour_of(at: datetime) -> datetime:
    """The start of the hour that holds `at`."""
    return at.replace(minute=0, second=0, microsecond=0)


def day_of(at: datetime) -> datetime:
    """The start of the UTC day that holds `at`."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def floor_to(at: datetime, grain: timedelta) -> datetime:
    """The newest whole multiple of `grain` since midnight that is not after `at`."""
    start = day_of(at)
    return start + (at - start) // grain * grain


def period_of(grain: Grain, at: datetime) -> Period:
    """The period of `grain` that holds `at`; weeks begin on Monday."""
    day = day_of(at)
    if grain is Grain.DAY:
        return Period(day, day + DAY)
    if grain is Grain.WEEK:
        monday = day - day.weekday() * DAY
        return Period(monday, monday + 7 * DAY)
    months = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}[grain]
    first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
    return Period(first, months_after(first, months))


def months_after(first: datetime, months: int) -> datetime:
    """The first day of the month that many months later."""
    month = first.month - 1 + months
    return first.replace(year=first.year + month // 12, month=month % 12 + 1, day=1)
