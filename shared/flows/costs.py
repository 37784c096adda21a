"""Cost as it is kept: a row for each day, and the daily totals of all subscriptions in one partition.

Budgets that span subscriptions are judged by the totals, which are few, whatever the estate's size.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.core.costs import corrected, totals_of
from shared.core.model import Reading
from shared.core.periods import day_of, months_after
from shared.core.rows import Put, Row
from shared.flows.keep import commit_apart
from shared.flows.ports import Ports
from shared.formats import records

TOTALS = "totals"  # the partition
SERIES_A_ROW = 500  # with the longest ids there are, under MOST_BYTES


@dataclass(frozen=True, slots=True)
class Book:
    """The days of one question: rows of a partition under a prefix. `holder` is what it is asked of."""

    partition: str
    prefix: str
    holder: str  # ARM id


def bill_of(subscription: str) -> Book:
    """The AI cost of a subscription."""
    return Book(records.readings_partition(subscription), "cost|", f"/subscriptions/{subscription}")


def keep_costs(ports: Ports, subscription: str, readings: Iterable[Reading], whole: bool = True) -> None:
    """Keeps a subscription's daily cost and its totals; `whole` as in `corrected`. Safe to repeat."""
    book = bill_of(subscription)
    for month, ones in _by_month(readings).items():
        after = keep_month(ports, book, month, ones, whole)
        _keep_totals(ports, subscription, month, totals_of(after, book.holder))


def keep_days(ports: Ports, book: Book, readings: Iterable[Reading], whole: bool) -> None:
    """Keeps the daily cost of a book without totals; `whole` as in `corrected`. Safe to repeat."""
    for month, ones in _by_month(readings).items():
        keep_month(ports, book, month, ones, whole)


def days_since(ports: Ports, book: Book, since: datetime) -> list[Reading]:
    """All cost kept in a book of days from `since` on."""
    first = book.prefix + f"{since:%Y-%m-%d}"
    rows = (row for row in ports.store.scan(book.partition, book.prefix) if row.key >= first)
    return [reading for row in rows for reading in records.unpack(row.body)]


def totals_since(ports: Ports, since: datetime, until: datetime) -> Iterator[tuple[str, list[Reading]]]:
    """Subscriptions and their daily totals, of the months from that of `since` to that of `until`."""
    month = day_of(since).replace(day=1)
    while month <= until:
        for row in ports.store.scan(TOTALS, f"{month:%Y-%m}|"):
            yield row.key.partition("|")[2], list(records.unpack(row.body))
        month = months_after(month, 1)


def keep_month(
    ports: Ports, book: Book, month: datetime, newer: Iterable[Reading], whole: bool
) -> list[Reading]:
    """Keeps days of one month, writing those that changed; answers all that is then known of it."""
    rows = {row.key: row for row in ports.store.scan(book.partition, f"{book.prefix}{month:%Y-%m}")}
    days = _by_day(reading for row in rows.values() for reading in records.unpack(row.body))
    changes: list[Put] = []
    for day, ones in _by_day(newer).items():
        after = corrected(days[day], ones, whole, book.holder)
        if after != days[day]:
            days[day] = after
            changes += _rows_of(f"{book.prefix}{day:%Y-%m-%d}", after, rows.values())
    commit_apart(ports, book.partition, changes)
    return [reading for ones in days.values() for reading in ones]


def _rows_of(key: str, readings: Sequence[Reading], rows: Iterable[Row]) -> Iterator[Put]:
    """A day's rows, one as a rule; those that it needed before and needs no more are emptied."""
    parts = range(0, len(readings), SERIES_A_ROW)
    bodies = {key + f"|{at}" * bool(at): records.pack(readings[at : at + SERIES_A_ROW]) for at in parts}
    before = [row.key for row in rows if row.key.startswith(key)]
    return (Put(name, bodies.get(name, records.pack(()))) for name in {**bodies, **dict.fromkeys(before)})


def _keep_totals(ports: Ports, subscription: str, month: datetime, totals: list[Reading]) -> None:
    key = f"{month:%Y-%m}|{subscription}"
    row = ports.store.get(TOTALS, key)
    before = list(records.unpack(row.body)) if row else []
    after = corrected(before, totals, whole=True, holder="")
    if after != before:
        ports.store.commit(TOTALS, [Put(key, records.pack(after))])


def _by_month(readings: Iterable[Reading]) -> dict[datetime, list[Reading]]:
    months: dict[datetime, list[Reading]] = defaultdict(list)
    for reading in readings:
        months[day_of(reading.start).replace(day=1)].append(reading)
    return months


def _by_day(readings: Iterable[Reading]) -> dict[datetime, list[Reading]]:
    days: dict[datetime, list[Reading]] = defaultdict(list)
    for reading in readings:
        days[day_of(reading.start)].append(reading)
    return days
