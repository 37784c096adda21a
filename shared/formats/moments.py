"""Times as Azure writes them, as aware UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

EARLIEST, LATEST = 1970, 2199  # years; Azure writes 0001-01-01 for "no time"
LONGEST_SPAN = 10 * 366 * 24 * 3600  # seconds; no window that is looked at is longer
_WRITTEN_OUT = (  # how .NET writes a time in the United States, and how HTTP does
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p %z",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S %z",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%a, %d %b %Y %H:%M:%S GMT",
)
_SPAN = re.compile(r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?")


def parse_moment(text: object) -> datetime | None:
    """A time in ISO 8601, with any number of fractional digits, or as Azure's older parts write it.

    Those put the month first: "3/22/2019 1:36:31 PM", "11/17/2021 5:40:29 PM -08:00". No zone is UTC.
    None for anything else.
    """
    return _parsed(text) if isinstance(text, str) and len(text) <= 40 else None


def parse_span(text: object) -> timedelta | None:
    """A duration in ISO 8601 ("PT15M", "P1D"); None for anything else, and for none at all."""
    found = _SPAN.fullmatch(text.strip().upper()) if isinstance(text, str) and len(text) <= 40 else None
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return timedelta(seconds=total) if 0 < total <= LONGEST_SPAN else None


@lru_cache(maxsize=4096)  # the points of many series share their times
def _parsed(text: str) -> datetime | None:
    # fromisoformat of Python 3.11 takes up to six fractional digits; Azure sends seven.
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        moment = _read(cut)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment.year <= LATEST else None


def _read(text: str) -> datetime:
    """Raises ValueError for what is no time."""
    if "/" not in text and "," not in text:
        return datetime.fromisoformat(text)
    for form in _WRITTEN_OUT:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller adds UTC where no zone is said
        except ValueError:
            continue
    raise ValueError("not a time")
