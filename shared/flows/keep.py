"""What a poll keeps between two rounds: readings, baselines, names already seen. All safe to repeat."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from shared.core.baseline import Baseline
from shared.core.freshness import Watermark
from shared.core.model import Reading, Scope
from shared.core.periods import hour_of
from shared.core.readings import merged
from shared.core.rows import MOST_BYTES, MOST_CHANGES, Put
from shared.flows.ports import Ports
from shared.formats import records

SCOPES_A_ROW = 100  # with the longest names and every five minutes of an hour about half of MOST_BYTES


def load_mark(ports: Ports, source: str, subject: str) -> tuple[Watermark, str]:
    """How far a source was read, and the row's version; a fresh mark and "" when it never was."""
    row = ports.store.get(records.state_partition(subject), f"watermark|{source}")
    return (records.decode(row.body, Watermark), row.version) if row else (Watermark(source, subject), "")


def save_mark(ports: Ports, mark: Watermark, version: str) -> str:
    """Keeps how far a source was read and answers the row's new version.

    Raises Conflict when `version` is not the newest; "" is for the first of all.
    """
    change = Put(f"watermark|{mark.source}", records.encode(mark), version)
    (newest,) = ports.store.commit(records.state_partition(mark.subject), [change])
    return newest


def keep_usage(ports: Ports, subscription: str, readings: Iterable[Reading]) -> None:
    """Keeps readings, a row for each account and hour; newer ones replace those of the same time."""
    _merge(ports, subscription, _by_hour(readings))


def keep_history(ports: Ports, subscription: str, readings: Iterable[Reading]) -> None:
    """Keeps the readings of whole hours before which nothing was kept, or the same by a try that died."""
    changes = [Put(key, records.pack(ones)) for key, ones in _by_hour(readings).items()]
    commit_apart(ports, records.readings_partition(subscription), changes)


def keep_anew(ports: Ports, subject: str, readings: Iterable[Reading]) -> None:
    """Keeps the readings of whole hours in the place of all that was kept of them.

    What a source no longer says is gone: a call whose caller is found out counts to nobody else.
    """
    partition = records.readings_partition(subject)
    changes = []
    for key, ones in _by_hour(readings).items():
        rows = _in_parts(key, ones)
        before = [row.key for row in ports.store.scan(partition, key)]
        changes += [Put(name, records.pack(rows.get(name, ()))) for name in {**rows, **dict.fromkeys(before)}]
    commit_apart(ports, partition, changes)


def _in_parts(key: str, readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    """An hour's readings in rows that are small enough; one is the rule."""
    by_scope: dict[Scope, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_scope[reading.scope].append(reading)
    rows: dict[str, list[Reading]] = defaultdict(list)
    for number, scope in enumerate(sorted(by_scope)):
        part = number // SCOPES_A_ROW
        rows[f"{key}|{part}" if part else key] += by_scope[scope]
    return rows


def _by_hour(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    by_hour: dict[tuple[str, datetime], list[Reading]] = defaultdict(list)
    for reading in readings:
        by_hour[reading.scope.resource, hour_of(reading.start)].append(reading)
    return {records.usage_key(*key): ones for key, ones in by_hour.items()}


def _merge(ports: Ports, subscription: str, by_row: Mapping[str, list[Reading]]) -> None:
    partition = records.readings_partition(subscription)
    changes = []
    for key, newer in by_row.items():
        row = ports.store.get(partition, key)
        body = records.pack(merged(records.unpack(row.body), newer) if row else newer)
        changes.append(Put(key, body))
    commit_apart(ports, partition, changes)


def costs_since(ports: Ports, subscription: str, since: datetime) -> list[Reading]:
    """All cost readings kept of days from `since` on."""
    found: list[Reading] = []
    for row in ports.store.scan(records.readings_partition(subscription), "cost|"):
        if row.key >= records.cost_key(since):
            found += records.unpack(row.body)
    return found


def load_baselines(ports: Ports, subscription: str) -> dict[Scope, Baseline]:
    """All baselines of a subscription, by deployment."""
    rows = ports.store.scan(records.state_partition(subscription), "baseline|")
    return dict(records.decode(row.body, tuple[Scope, Baseline]) for row in rows)


def save_baselines(ports: Ports, subscription: str, baselines: Mapping[Scope, Baseline]) -> None:
    """Keeps baselines, replacing those of before."""
    changes = [
        Put(records.baseline_key(scope), records.encode((scope, one))) for scope, one in baselines.items()
    ]
    commit_apart(ports, records.state_partition(subscription), changes)


def known_names(ports: Ports, subscription: str, sort: str) -> dict[str, datetime] | None:
    """The names seen so far and when first; None before the first round."""
    row = ports.store.get(records.state_partition(subscription), f"known|{sort}")
    return records.decode(row.body, dict[str, datetime]) if row else None


def keep_known(ports: Ports, subscription: str, sort: str, names: Iterable[str], now: datetime) -> None:
    """Remembers names; those known already keep the time they were first seen."""
    before = known_names(ports, subscription, sort)
    after = {**dict.fromkeys(names, now), **(before or {})}
    if after != before:
        change = Put(f"known|{sort}", records.encode(after))
        ports.store.commit(records.state_partition(subscription), [change])


def commit_apart(ports: Ports, partition: str, changes: list[Put]) -> None:
    """Rows that need not change together, in as few transactions as the store allows."""
    batch: list[Put] = []
    for change in changes:
        full = (
            len(batch) == MOST_CHANGES or sum(len(one.body) for one in batch) + len(change.body) > MOST_BYTES
        )
        if batch and full:
            ports.store.commit(partition, batch)
            batch = []
        batch.append(change)
    if batch:
        ports.store.commit(partition, batch)
