"""Working hours: when a route may interrupt people, in their own time zone, holidays left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

FURTHEST = 30  # days that are looked ahead; a calendar without an opening in them is a mistake


@dataclass(frozen=True, slots=True)
class Hours:
    """Weekdays (0 is Monday) and the time of day on each, [start, end), in a zone."""

    days: Mapping[int, tuple[time, time]]
    zone: tzinfo
    holidays: frozenset[date] = frozenset()


def opens_at(hours: Hours | None, now: datetime) -> datetime:
    """`now` when people may be interrupted, else when they next may, in UTC."""
    if hours is None:
        return now
    here = now.astimezone(hours.zone)
    for ahead in range(FURTHEST):
        day = here.date() + timedelta(days=ahead)
        if day in hours.holidays or day.weekday() not in hours.days:
            continue
        start, end = (_at(day, moment, hours.zone) for moment in hours.days[day.weekday()])
        if now < end:
            return max(now, start)
    return now  # never open: better at the wrong time than not at all


def _at(day: date, moment: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, moment, zone).astimezone(UTC)
