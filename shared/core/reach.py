"""Which days of cost were read, and which to ask for next.

Cost of a day comes late and is corrected, so that days are read again: in a pass, those of this month and
those that were not final at the pass before, the newest first. What lies before is history, and read once.
A day is asked for in questions of many days; Azure may answer some of them only, and says nothing of it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.model import Period
from shared.core.periods import DAY, day_of

REREAD = 5 * DAY  # cost of a day is corrected for about that long
CLOSING = 5  # days of a month in which the one before is still being closed, and read again once a day
LONGEST_ASK = 31  # days; of more, Azure has been said to answer only that many
ROUND = timedelta(minutes=50)  # a little less than the timer's hour
STALE = timedelta(hours=6)  # a pass that did not end by then is begun anew
REMEMBERED = 400 * DAY
CURRENT = 3 * DAY  # the last days of a question may well have no cost yet


@dataclass(frozen=True, slots=True)
class Reach:
    """What was read of one question. Days are their first moment, in UTC."""

    start: datetime  # from here on ...
    end: datetime  # ... up to here all days were asked for
    began_at: datetime  # the newest pass
    passed_at: datetime | None = None  # when the newest pass that ended began
    left: Period | None = None  # of the newest pass, what is still to be read; None: it has ended
    width: int = LONGEST_ASK  # days in a question: fewer where many make too many rows
    came: tuple[datetime, ...] = ()  # the days of which there was cost


def in_pass(reach: Reach | None, now: datetime, every: timedelta = ROUND) -> Reach:
    """The reach in the pass that is to be made now: a new one, or that which goes on or has just ended.

    Passes begin `every` so often, and no sooner.
    """
    today = day_of(now)
    if reach is None:
        return Reach(today + DAY, today + DAY, now, left=Period(today.replace(day=1), today + DAY))
    if now - reach.began_at < (STALE if reach.left else every):
        return reach
    last = day_of(reach.passed_at or reach.start)
    start = min(today.replace(day=1), last - REREAD)
    if today.day <= CLOSING and last < today:
        start = min(start, (today.replace(day=1) - DAY).replace(day=1))
    return replace(reach, began_at=now, left=Period(start, today + DAY))


def next_question(reach: Reach, wanted: datetime) -> Period | None:
    """What to ask for next, when all days since `wanted` are to be known; None when they are.

    Days of one month: a question costs as many query units as it touches months.
    """
    left = reach.left or Period(wanted, reach.start)
    if left.start >= left.end:
        return None
    month = (left.end - DAY).replace(day=1)
    return Period(max(left.start, left.end - reach.width * DAY, month), left.end)


def after_answer(reach: Reach, asked: Period, came: Collection[datetime]) -> Reach:
    """The reach after an answer with cost of the days in `came`.

    An answer to new days that begins only in their second half may have been cut: what is before its
    first day is asked for again, by itself. An answer without any is believed.
    """
    first = min(came, default=asked.start)
    new = asked.start < reach.start or asked.end - reach.end > CURRENT
    begin = first if new and first - asked.start >= (asked.end - asked.start) / 2 else asked.start
    left = Period(reach.left.start, begin) if reach.left and begin > reach.left.start else None
    ended = reach.left is not None and left is None
    return replace(
        reach,
        start=min(reach.start, begin),
        end=max(reach.end, asked.end),
        passed_at=reach.began_at if ended else reach.passed_at,
        left=left,
        came=tuple(sorted(day for day in {*reach.came, *came} if asked.end - day < REMEMBERED)),
    )


def absent(reach: Reach, asked: Period, came: Collection[datetime]) -> set[datetime]:
    """The days that had cost before and are not in this answer."""
    return {day for day in reach.came if day in asked and day not in came}


def narrower(reach: Reach) -> Reach:
    """The reach with questions of half as many days."""
    return replace(reach, width=max(1, reach.width // 2))
