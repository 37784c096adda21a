"""Times as Azure writes them, as aware UTC."""

import re
from datetime import UTC, datetime
from functools import lru_cache

EARLIEST, LATEST = 1970, 2199  # years; Azure writes 0001-01-01 for "no time"


def parse_moment(text: object) -> datetime | None:
    """A time in ISO 8601, with any number of fractional digits; no zone is UTC. None for anything else."""
    return _parsed(text) if isinstance(text, str) and len(text) <= 40 else None


@lru_cache(maxsize=4096)  # the points of many series share their times
def _parsed(text: str) -> datetime | None:
    # fromisoformat of Python 3.11 takes up to six fractional digits; Azure sends seven.
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        moment = datetime.fromisoformat(cut)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment.year <= LATEST else None
