"""What there is to watch: subscriptions, AI accounts, deployments; as ARM lists it, remembered."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.core.faults import NotThere, SignInFault, SourceFault
from shared.core.model import Account, Deployment
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
    """The subscriptions to poll: those configured, else all that are listed or were before.

    One that is listed no more may only have lost its role: it is asked for until `forget`.
    """
    if ports.watch.subscriptions:
        return ports.watch.subscriptions
    before = _listed(ports)
    try:
        found = ports.azure.subscriptions()
    except (SourceFault, SignInFault) as fault:
        ports.log({"event": "source", "source": "subscriptions", "trouble": str(fault)})
        return tuple(before)
    after = dict(sorted({**dict.fromkeys(before, False), **dict.fromkeys(found, True)}.items()))
    if after != before:
        _remember(ports, after)
    return tuple(after)


def remembered(ports: Ports) -> tuple[str, ...]:
    """The same without asking Azure: those configured, or those of the last time."""
    return ports.watch.subscriptions or tuple(_listed(ports))


def is_lost(ports: Ports, subscription: str) -> bool:
    """Whether a subscription was listed before and is not any more."""
    return not ports.watch.subscriptions and _listed(ports).get(subscription) is False


def forget(ports: Ports, subscription: str) -> None:
    """Stops asking for a subscription, until it is listed again."""
    _remember(ports, {one: there for one, there in _listed(ports).items() if one != subscription})


def _listed(ports: Ports) -> dict[str, bool]:
    """The subscriptions known, and whether each was listed the last time."""
    row = ports.store.get(records.state_partition("-"), WATCHED)
    return records.decode(row.body, dict[str, bool]) if row else {}


def _remember(ports: Ports, subscriptions: dict[str, bool]) -> None:
    ports.store.commit(records.state_partition("-"), [Put(WATCHED, records.encode(subscriptions))])


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
    return [replace(one, deployments=_deployments(ports, one)) for one in accounts if one.id and one.region]


def _deployments(ports: Ports, account: Account) -> tuple[Deployment, ...]:
    try:
        return tuple(map(parse_deployment, ports.azure.deployments(account.id)))
    except NotThere as fault:  # deleted just now, or of a kind that has none: no reason to lose the others
        ports.log({"event": "source", "source": "deployments", "trouble": str(fault)})
        return ()
