"""What a poll keeps between two rounds: readings, baselines, names already seen. All safe to repeat."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from shared.core.baseline import Baseline
from shared.core.faults import Conflict
from shared.core.freshness import Watermark
from shared.core.model import Reading, Scope
from shared.core.periods import hour_of
from shared.core.readings import merged
from shared.core.rows import MOST_BYTES, MOST_CHANGES, Delete, Put
from shared.flows.ports import Ports
from shared.formats import records


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
    """Keeps readings, a row for each account and hour; newer ones replace those of the same time.

    A row is written only for a value that is new: most of what is read again is as it was.
    """
    partition = records.readings_partition(subscription)
    changes: list[Put] = []
    for key, newer in _by_hour(readings).items():
        rows = list(ports.store.scan(partition, key))
        known = {point for row in rows for point in records.points_in(row.body)}
        # Of several rows one may be older than the others, where somebody died between writing them.
        if len(rows) > 1 or any(point not in known for point in records.points_of(newer)):
            before = (one for row in rows for one in records.unpack(row.body))
            changes += rows_of(key, merged(before, newer), len(rows))
    commit_apart(ports, partition, changes)


def rows_of(key: str, readings: Sequence[Reading], before: int = 1) -> list[Put]:
    """The rows that take the place of `before` rows: one is the rule, more where it would be too large.

    The first part comes last: who dies before it leaves readings twice, never a gap.
    """
    bodies = records.pack_in_parts(readings, MOST_BYTES)
    bodies += [records.pack(())] * (before - len(bodies))
    return [Put(records.part_key(key, number), body) for number, body in enumerate(bodies)][::-1]


def keep_history(ports: Ports, subscription: str, readings: Iterable[Reading]) -> None:
    """Keeps the readings of whole hours before which nothing was kept, or the same by a try that died."""
    changes = [row for key, ones in _by_hour(readings).items() for row in rows_of(key, ones)]
    commit_apart(ports, records.readings_partition(subscription), changes)


def keep_anew(ports: Ports, subject: str, readings: Iterable[Reading]) -> None:
    """Keeps the readings of whole hours in the place of all that was kept of them.

    What a source no longer says is gone: a call whose caller is found out counts to nobody else.
    """
    partition = records.readings_partition(subject)
    changes: list[Put] = []
    for key, ones in _by_hour(readings).items():
        before = list(ports.store.scan(partition, key))
        changes += rows_of(key, ones, len(before))
    commit_apart(ports, partition, changes)


def _by_hour(readings: Iterable[Reading]) -> dict[str, list[Reading]]:
    by_hour: dict[tuple[str, datetime], list[Reading]] = defaultdict(list)
    for reading in readings:
        by_hour[reading.scope.resource, hour_of(reading.start)].append(reading)
    return {records.usage_key(*key): ones for key, ones in by_hour.items()}


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


def forget_baselines(ports: Ports, subscription: str, is_over: Callable[[Scope], bool]) -> None:
    """Removes the baselines of what is no longer there."""
    partition = records.state_partition(subscription)
    for row in list(ports.store.scan(partition, "baseline|")):
        if is_over(records.decode(row.body, tuple[Scope, Baseline])[0]):
            with suppress(Conflict):  # somebody has just learnt something: then it is there again
                ports.store.commit(partition, [Delete(row.key, row.version)])


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
