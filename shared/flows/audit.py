"""What is known of incidents, for those who look back: each with all its changes and what was told of it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from shared.core.model import Delivery, Incident, Transition
from shared.flows.ports import Store
from shared.formats import records


@dataclass(frozen=True, slots=True)
class Account:
    """One episode, its changes and the messages about it, each oldest first."""

    incident: Incident
    transitions: tuple[Transition, ...]
    deliveries: tuple[Delivery, ...]


def episodes(store: Store) -> list[Incident]:
    """Every episode, over or not, in order of opening."""
    # The episodes last: what ends and begins anew between the two scans is then in one of them.
    rows = [*store.scan(records.ALERTS, "incident|"), *store.scan(records.ALERTS, "episode|")]
    found = {one.id: one for row in rows if (one := records.decode(row.body, Incident))}
    return sorted(found.values(), key=lambda one: (one.opened_at, one.id))


def account_of(store: Store, incident: Incident) -> Account:
    """All that is known of one episode."""
    changes = store.scan(records.ALERTS, f"transition|{incident.id}|")
    told = store.scan(records.ALERTS, f"delivery|{incident.id}|")
    return Account(
        incident,
        tuple(records.decode(row.body, Transition) for row in changes),
        _in_order(records.decode(row.body, Delivery) for row in told),
    )


def accounts(store: Store) -> list[Account]:
    """All that is known of every episode, in order of opening; three scans, however many there are."""
    changes: dict[str, list[Transition]] = defaultdict(list)
    for row in store.scan(records.ALERTS, "transition|"):
        change = records.decode(row.body, Transition)
        changes[change.incident].append(change)
    told: dict[str, list[Delivery]] = defaultdict(list)
    for row in store.scan(records.ALERTS, "delivery|"):
        delivery = records.decode(row.body, Delivery)
        told[delivery.incident].append(delivery)
    return [Account(one, tuple(changes[one.id]), _in_order(told[one.id])) for one in episodes(store)]


def _in_order(told: Iterable[Delivery]) -> tuple[Delivery, ...]:
    return tuple(sorted(told, key=lambda one: (one.at, one.address, one.sequence)))
