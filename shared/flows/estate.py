"""Which subscriptions are watched: those named, those under management groups, else all that can be read."""

from datetime import datetime, timedelta

from shared.core.faults import SignInFault, SourceFault
from shared.core.freshness import Watermark
from shared.core.rows import Put
from shared.flows.close import close
from shared.flows.ports import Ports
from shared.formats import records

WATCHED = "watched"  # the row that remembers the subscriptions, for when they cannot be listed
LEAVING = timedelta(hours=1)
GROUP = "group|"  # before a management group's name: the row that remembers those under it


def watched(ports: Ports) -> tuple[str, ...]:
    """The subscriptions to poll: those named in watch.yaml, else all that are listed or were before.

    One that is listed no more may only have lost its role: it is asked for until `forget`.
    """
    if _are_named(ports):
        return remembered(ports)
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
    """The same without asking Azure: those named, or those of the last time."""
    if not _are_named(ports):
        return tuple(_listed(ports))
    under = (one for group in ports.watch.management_groups for one in _under(ports, group))
    return tuple(dict.fromkeys([*ports.watch.subscriptions, *under]))


def groups(ports: Ports) -> tuple[str, ...]:
    """The management groups to read."""
    return ports.watch.management_groups


def poll_group(ports: Ports, group: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads which subscriptions are under a management group; the next round polls them.

    The alerts of one that is under no watched group any more are over. It is looked at for an hour, since
    jobs that were made before may still tell of it. Answers the nudges for `deliver`.
    """
    before = _group(ports, group)
    found = ports.azure.subscriptions_under(group)
    left = {one: at or now for one, at in before.items() if one not in found}
    after = {one: at for one, at in left.items() if now - at < LEAVING} | dict.fromkeys(found)
    if after != before:
        ports.store.commit(records.state_partition("-"), [Put(GROUP + group, records.encode(after))])
    why = f"the subscription is no longer under management group {group}"
    lost = sorted(left.keys() - set(remembered(ports)))
    return [nudge for one in lost for nudge in close(ports, one, lambda scope: why, now)]


def is_lost(ports: Ports, subscription: str) -> bool:
    """Whether a subscription was listed before and is not any more."""
    return not _are_named(ports) and _listed(ports).get(subscription) is False


def forget(ports: Ports, subscription: str) -> None:
    """Stops asking for a subscription, until it is listed again."""
    _remember(ports, {one: there for one, there in _listed(ports).items() if one != subscription})


def _are_named(ports: Ports) -> bool:
    return bool(ports.watch.subscriptions or ports.watch.management_groups)


def _under(ports: Ports, group: str) -> list[str]:
    return sorted(one for one, left_at in _group(ports, group).items() if left_at is None)


def _group(ports: Ports, group: str) -> dict[str, datetime | None]:
    """The subscriptions under a group, and those that left it lately, with when."""
    row = ports.store.get(records.state_partition("-"), GROUP + group)
    return records.decode(row.body, dict[str, datetime | None]) if row else {}


def _listed(ports: Ports) -> dict[str, bool]:
    """The subscriptions known, and whether each was listed the last time."""
    row = ports.store.get(records.state_partition("-"), WATCHED)
    return records.decode(row.body, dict[str, bool]) if row else {}


def _remember(ports: Ports, subscriptions: dict[str, bool]) -> None:
    ports.store.commit(records.state_partition("-"), [Put(WATCHED, records.encode(subscriptions))])
