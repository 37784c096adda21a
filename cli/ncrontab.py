"""NCRONTAB schedules as the Functions host reads them, so that a wrong one is found before Azure finds it.

Six fields: second minute hour day month weekday; exactly five are taken as without seconds. Unlike cron's,
day and weekday must both match, Sunday is 0 and never 7, and a reversed range is swapped: `22-2` is 2 to 22.
"""

import calendar
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import product

MONTHS = tuple(calendar.month_name)[1:]
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
LONGEST = {month: calendar.monthrange(2024, month)[1] for month in range(1, 13)}  # days, in a leap year
ONE_SECOND = timedelta(seconds=1)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Field:
    """One place of a schedule: its bounds, both inside, and the names it takes, the first for `lowest`."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field("second", 0, 59),
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("weekday", 0, 6, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values that each field may have, ascending."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]  # Sunday is 0

    def after(self, moment: datetime) -> datetime:
        """The first occurrence strictly after an aware moment, in UTC."""
        if moment.tzinfo is None:
            raise ValueError(f"moment: {moment} has no time zone")
        first = moment.astimezone(UTC).replace(microsecond=0) + ONE_SECOND
        days = self._days_from(first.date())
        found = (self._at(day, first.time() if day == first.date() else time.min) for day in days)
        return next(occurrence for occurrence in found if occurrence)

    def _days_from(self, day: date) -> Iterator[date]:
        while True:
            if day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays:
                yield day
            day += ONE_DAY

    def _at(self, day: date, earliest: time) -> datetime | None:
        times = (time(*parts) for parts in product(self.hours, self.minutes, self.seconds))
        first = next((moment for moment in times if moment >= earliest), None)
        return None if first is None else datetime.combine(day, first, UTC)


def parse(text: str) -> Schedule:
    """Read a schedule; a ValueError names the field, its value and what was expected."""
    parts = text.split()
    if len(parts) == 5:
        parts.insert(0, "0")
    if len(parts) != 6:
        raise ValueError(f"schedule: {text!r} has {len(parts)} fields, expected 6 (or 5, without seconds)")
    schedule = Schedule(*(_values(field, part) for field, part in zip(FIELDS, parts, strict=True)))
    if all(schedule.days[0] > LONGEST[month] for month in schedule.months):
        raise ValueError(f"day: {parts[3]!r} never comes in month {parts[4]!r}, expected a day that does")
    return schedule


def _values(field: Field, text: str) -> tuple[int, ...]:
    return tuple(sorted({value for item in text.split(",") for value in _item(field, item)}))


def _item(field: Field, text: str) -> Sequence[int]:
    body, slash, step_text = text.partition("/")
    step = _step(field, step_text) if slash else 1
    if body == "*":
        return range(field.lowest, field.highest + 1, step)
    first_text, dash, last_text = body.partition("-")
    first = _number(field, first_text)
    # `5/10` runs from 5 to the end, a lone `5` is only itself.
    last = _number(field, last_text) if dash else field.highest if slash else first
    return range(min(first, last), max(first, last) + 1, step)


def _step(field: Field, text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    raise ValueError(f"{field.name}: step {text!r}, expected a whole number of 1 or more")


def _number(field: Field, text: str) -> int:
    if text.isascii() and text.isdecimal() and field.lowest <= int(text) <= field.highest:
        return int(text)
    for value, name in enumerate(field.names, start=field.lowest):
        if len(text) >= 3 and name.lower().startswith(text.lower()):
            return value
    names = f" or a name such as {field.names[0][:3]}" if field.names else ""
    raise ValueError(f"{field.name}: {text!r}, expected {field.lowest} to {field.highest}{names}")
