"""Which subscriptions one question about many covers, so that cost of a day is read in one way only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.core.model import Reading
from shared.core.periods import DAY
from shared.core.rows import Put
from shared.core.scopes import subscription_of
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.watch_file import Watch

EVERYTHING = "everything"  # the subject
COVERS = 10 * DAY  # a subscription without cost in it for that long is asked by itself


@dataclass(frozen=True, slots=True)
class Wide:
    """What the wide question answers for."""

    refused: bool = False  # it may not be asked, or is of something that is not there
    newest: Mapping[str, datetime] = field(default_factory=dict)  # the newest day with cost, by subscription


def is_read_wide(ports: Ports, subscription: str, now: datetime) -> bool:
    """Whether a subscription's cost comes with the wide question, so that it is not asked by itself.

    Before the first answer it is waited for. A subscription that has a budget on something within it is
    asked by itself: the wide question cannot be split by resource.
    """
    return bool(ports.watch.spend.scope) and is_covered(ports.watch, load_wide(ports), subscription, now)


def is_covered(watch: Watch, wide: Wide | None, subscription: str, now: datetime) -> bool:
    """The same, by what is known of the wide question that is asked."""
    inside = f"/subscriptions/{subscription}/"
    if any(budget.scope.startswith(inside) for budget in watch.budgets):
        return False
    if wide is None or wide.refused:
        return wide is None
    newest = wide.newest.get(subscription)
    return newest is not None and now - newest < COVERS


def reach_name(ports: Ports) -> str:
    """Under which name it is kept how far the wide question was read; another one is read from the start."""
    spend = ports.watch.spend
    return f"bill {spend.type} {records.digest(spend.scope)}"


def load_wide(ports: Ports) -> Wide | None:
    """What is known of the wide question; None before its first answer."""
    row = ports.store.get(records.state_partition(EVERYTHING), "wide")
    return records.decode(row.body, Wide) if row else None


def save_wide(ports: Ports, wide: Wide) -> None:
    """Keeps what is known of the wide question."""
    if wide != load_wide(ports):
        ports.store.commit(records.state_partition(EVERYTHING), [Put("wide", records.encode(wide))])


def with_days(wide: Wide | None, readings: Iterable[Reading]) -> Wide:
    """The same after an answer with this cost."""
    newest = dict(wide.newest) if wide else {}
    for one in readings:
        subscription = subscription_of(one.scope.resource)
        newest[subscription] = max(one.start, newest.get(subscription, one.start))
    return Wide(refused=False, newest=newest)
