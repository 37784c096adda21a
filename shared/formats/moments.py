"""Times as Azure writes them, as aware UTC."""

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)  # the points of many series share their times
def parse_moment(text: Hashable) -> datetime | None:
    """A time in ISO 8601, with any number of fractional digits; no zone is UTC. None for anything else."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    # fromisoformat of Python 3.11 takes up to six fractional digits; Azure sends seven.
    cut = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        moment = datetime.fromisoformat(cut)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
