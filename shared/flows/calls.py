"""Calls to Cost Management, each noted in the store before it is made.

All workers note theirs in one row, by conditional writes, so that together they stay within what is allowed.
A call that was noted and not made, because its process died, counts all the same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from shared.core.call_budget import EVERYWHERE, Ledger, noted, parked, units_of, wait_for
from shared.core.faults import Conflict, Throttled, Unreachable
from shared.core.model import Period
from shared.core.reach import ROUND
from shared.core.rows import Put
from shared.flows.estate import remembered
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.cost_query import next_link

LEDGER = "calls"  # the row
TRIES = 20  # when many workers note theirs at the same moment
MOST_PAGES = 3  # of an answer: a scope may be asked only four times a minute
A_TURN = timedelta(seconds=45)  # of the calls that all together may make; three for a subscription
Answer = TypeVar("Answer")


class TooLong(Unreachable):
    """An answer of more pages than can be read; of fewer days there may be fewer."""


def pace(ports: Ports) -> timedelta:
    """How often a subscription is asked the same: less than once a round where there are many.

    Otherwise those that come first in every round would use up what all together may ask.
    """
    return max(ROUND, len(remembered(ports)) * A_TURN)


def cost_pages(
    ports: Ports, scope: str, question: Mapping[str, Any], asked: Period, now: datetime
) -> list[dict[str, Any]]:
    """All pages of a query's answer, each a call; TooLong when they are too many.

    Raises Throttled when no more calls may be made now.
    """
    pages: list[dict[str, Any]] = []
    link = ""
    while not pages or (link := next_link(pages[-1])):
        if len(pages) >= MOST_PAGES:
            raise TooLong(f"Cost Management of {scope}: more than {MOST_PAGES} pages")
        page = partial(ports.azure.cost_page, scope, question, link)
        pages.append(_call(ports, scope, units_of(asked), page, now))
    return pages


def budgets(ports: Ports, scope: str, now: datetime) -> list[dict[str, Any]]:
    """The native budgets of a scope, as listed. Raises Throttled as `cost_pages`."""
    return _call(ports, scope, 0, partial(ports.azure.budgets, scope), now)


def cost_alerts(ports: Ports, scope: str, now: datetime) -> list[dict[str, Any]]:
    """The alerts that Cost Management has raised, as listed. Raises Throttled as `cost_pages`."""
    return _call(ports, scope, 0, partial(ports.azure.cost_alerts, scope), now)


def _call(ports: Ports, scope: str, units: int, ask: Callable[[], Answer], now: datetime) -> Answer:
    def reserve(ledger: Ledger) -> Ledger:
        wait = wait_for(ledger, scope, units, ports.watch.spend.calls_per_hour, now)
        if wait:
            raise Throttled(f"Cost Management of {scope}: as many calls as are allowed were made", wait)
        return noted(ledger, scope, units, now)

    _change(ports, reserve)
    try:
        return ask()
    except Throttled as refused:
        _park(ports, scope, refused, now)
        raise


def _park(ports: Ports, scope: str, refused: Throttled, now: datetime) -> None:
    """Leaves the scope alone for as long as Azure wants, and all scopes when a bucket of all ran out."""

    def park(ledger: Ledger) -> Ledger:
        after = parked(ledger, scope, now + refused.after)
        return parked(after, EVERYWHERE, now + refused.everywhere) if refused.everywhere else after

    _change(ports, park)


def _change(ports: Ports, step: Callable[[Ledger], Ledger]) -> None:
    partition = records.state_partition("-")
    for _ in range(TRIES):
        row = ports.store.get(partition, LEDGER)
        after = step(records.decode(row.body, Ledger) if row else Ledger())
        try:
            ports.store.commit(partition, [Put(LEDGER, records.encode(after), row.version if row else "")])
        except Conflict:
            continue
        return
    raise Throttled("Cost Management: too many workers note their calls at once", timedelta(minutes=1))
