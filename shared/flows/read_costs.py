"""Reading cost: every day that may have changed, and the history, a question of at most 31 days at a time.

How far it got is kept after each answer: a call may be one too many now, and the next job goes on from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.core.faults import Unreachable
from shared.core.model import Period
from shared.core.periods import DAY
from shared.core.reach import ROUND, Reach, absent, after_answer, in_pass, narrower, next_question
from shared.core.rows import Put
from shared.flows.calls import TooLong, cost_pages
from shared.flows.ports import Ports
from shared.formats import cost_query, records
from shared.formats.cost_query import CostRows

AGAIN = 3  # questions for days that had cost before and are not in the answer
MOST_SAID = 5  # odd rows, in the log


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is asked of Cost Management again and again, and what becomes of its answers."""

    scope: str
    subject: str  # whose state holds how far it was read ...
    name: str  # ... under this name
    question: Callable[[Period], dict[str, Any]]
    keep: Callable[[CostRows], None]
    every: timedelta = ROUND  # what may have changed is asked for again


def read_costs(ports: Ports, asked: Asked, wanted: datetime, now: datetime) -> None:
    """Reads what has to be read now, of all days since `wanted`; nothing soon after it was read.

    Raises a SourceFault when something is left to be read.
    """
    reach = in_pass(load_reach(ports, asked.subject, asked.name), now, asked.every)
    gone: set[datetime] = set()
    while window := next_question(reach, wanted):
        try:
            came = _ask(ports, asked, window, now)
        except TooLong:
            if reach.width == 1:
                raise
            reach = narrower(reach)
        else:
            gone |= absent(reach, window, came)
            reach = after_answer(reach, window, came)
        _save_reach(ports, asked, reach)
    _ask_again(ports, asked, gone, reach, now)


def load_reach(ports: Ports, subject: str, name: str) -> Reach | None:
    """How far a question was read; None before its first answer."""
    row = ports.store.get(records.state_partition(subject), f"reach|{name}")
    return records.decode(row.body, Reach) if row else None


def _save_reach(ports: Ports, asked: Asked, reach: Reach) -> None:
    change = Put(f"reach|{asked.name}", records.encode(reach))
    ports.store.commit(records.state_partition(asked.subject), [change])


def _ask(ports: Ports, asked: Asked, window: Period, now: datetime) -> set[datetime]:
    """Asks for at most 31 days, keeps what came, and answers its days."""
    pages = cost_pages(ports, asked.scope, asked.question(window), window, now)
    rows = cost_query.parse(pages, now, window, asked.scope.lower())
    for line in rows.odd[:MOST_SAID]:
        ports.log({"event": "odd cost row", "scope": asked.scope, "row": line, "odd": len(rows.odd)})
    if rows.odd and not rows.readings:
        raise Unreachable(f"Cost Management of {asked.scope}: no row makes sense, such as {rows.odd[0]}")
    asked.keep(rows)
    return {reading.start for reading in rows.readings}


def _ask_again(ports: Ports, asked: Asked, gone: set[datetime], reach: Reach, now: datetime) -> None:
    """Asks by themselves for days whose cost is missing: some answers are cut, and do not say so.

    What stays absent is unknown, and what was known of it stays.
    """
    for _ in range(AGAIN):
        if not gone:
            return
        end = max(gone) + DAY
        came = _ask(ports, asked, Period(max(min(gone), end - reach.width * DAY), end), now)
        if not came & gone:
            break
        gone -= came
    days = ", ".join(f"{day:%Y-%m-%d}" for day in sorted(gone)[:MOST_SAID])
    if gone:
        ports.log({"event": "cost absent", "scope": asked.scope, "days": days, "absent": len(gone)})
