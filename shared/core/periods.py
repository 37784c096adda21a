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


def period_of(grain: Grain, at: datetime, begins: int = 1) -> Period:
    """The period of `grain` that holds `at`; weeks begin on Monday, years and quarters count from `begins`.

    `begins` is a month; 1 is January.
    """
    day = day_of(at)
    if grain is Grain.DAY:
        return Period(day, day + DAY)
    if grain is Grain.WEEK:
        monday = day - day.weekday() * DAY
        return Period(monday, monday + 7 * DAY)
    months = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}[grain]
    first = months_after(day.replace(day=1), -((day.month - begins) % months))
    return Period(first, months_after(first, months))


def months_after(first: datetime, months: int) -> datetime:
    """The first day of the month that many months later, or earlier."""
    month = first.month - 1 + months
    return first.replace(year=first.year + month // 12, month=month % 12 + 1, day=1)
