"""What there is to watch: subscriptions, AI accounts, deployments; as ARM lists it, remembered."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.faults import SourceFault
from shared.core.model import Account
from shared.core.rows import Put
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.estate import parse_account, parse_deployment

FRESH = timedelta(hours=6)  # metrics show a new deployment that is used much sooner
JUST_READ = timedelta(minutes=10)  # reading again would not tell more
WATCHED = "watched"  # the row that remembers the subscriptions, for when they cannot be listed


@dataclass(frozen=True, slots=True)
class Estate:
    """What a subscription held when it was read."""

    read_at: datetime
    accounts: tuple[Account, ...]


def watched(ports: Ports) -> tuple[str, ...]:
    """The subscriptions to poll: those configured, else all that can be read, else those of last time."""
    if ports.watch.subscriptions:
        return ports.watch.subscriptions
    try:
        found = sorted(ports.azure.subscriptions())
    except SourceFault as fault:
        ports.log({"event": "source", "source": "subscriptions", "trouble": str(fault)})
        return remembered(ports)
    ports.store.commit(records.state_partition("-"), [Put(WATCHED, records.encode(found))])
    return tuple(found)


def remembered(ports: Ports) -> tuple[str, ...]:
    """The same without asking Azure: those configured, or those that could be read last."""
    row = ports.store.get(records.state_partition("-"), WATCHED)
    return ports.watch.subscriptions or (tuple(records.decode(row.body, list[str])) if row else ())


def load_estate(ports: Ports, subscription: str, now: datetime, age: timedelta = FRESH) -> list[Account]:
    """The accounts with their deployments, read anew when older than `age`. Raises a SourceFault."""
    partition = records.state_partition(subscription)
    row = ports.store.get(partition, "estate")
    kept = records.decode(row.body, Estate) if row else None
    if kept is None or now - kept.read_at >= age:
        kept = Estate(now, tuple(_read(ports, subscription)))
        ports.store.commit(partition, [Put("estate", records.encode(kept))])
    return list(kept.accounts)


def _read(ports: Ports, subscription: str) -> list[Account]:
    accounts = [parse_account(item, ports.watch.owner_tag) for item in ports.azure.accounts(subscription)]
    return [
        replace(account, deployments=tuple(map(parse_deployment, ports.azure.deployments(account.id))))
        for account in accounts
        if account.id
    ]
