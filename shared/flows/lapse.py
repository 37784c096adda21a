"""What people's acts left behind, removed when it has no effect any more; the transitions stay."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from shared.core.faults import Conflict
from shared.core.muting import Expected, Silence
from shared.core.rows import Delete, Row
from shared.flows.ports import Ports
from shared.formats import records

LATEST_POLL = timedelta(days=7)  # after which no poll still learns what was expected

ENDS: Mapping[str, Callable[[Row], datetime]] = {
    "silence|": lambda row: records.decode(row.body, Silence).end,
    "expected|": lambda row: records.decode(row.body, Expected).end + LATEST_POLL,
    "used|": lambda row: records.decode(row.body, datetime),
}


def lapse(ports: Ports, now: datetime) -> None:
    """Removes the rows whose end has come. Safe to repeat and to run twice at once."""
    for prefix, end in ENDS.items():
        for row in ports.store.scan(records.ALERTS, prefix):
            if end(row) <= now:
                with suppress(Conflict):  # somebody has just prolonged it
                    ports.store.commit(records.ALERTS, [Delete(row.key, row.version)])
