"""Usage in the store: what was read is there, once, in few reads and writes, however much it is."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.model import TOKENS_IN, TOKENS_OUT, Reading, Scope
from shared.core.readings import merged
from shared.core.rows import MOST_BYTES
from shared.flows.keep import keep_usage, rows_of
from shared.formats import records
from tests.builders import ACCOUNT, HOUR, MINUTE, NOW, SUBSCRIPTION, a_reading
from tests.telling import Chat, ports_telling

PARTITION = records.readings_partition(SUBSCRIPTION)
GRAIN = 5 * MINUTE
START = NOW - timedelta(minutes=NOW.minute)


class Counting:
    """A store that counts what is asked of it."""

    def __init__(self, store):
        self.store = store
        self.counts: Counter[str] = Counter()

    def scan(self, partition, prefix=""):
        self.counts["scan"] += 1
        return self.store.scan(partition, prefix)

    def commit(self, partition, changes):
        self.counts["commit"] += 1
        self.counts["written"] += len(changes)
        return self.store.commit(partition, changes)


@pytest.fixture
def ports():
    with ports_telling(Chat(), ":memory:") as found:
        counting: Any = Counting(found.store)
        yield replace(found, store=counting)


def kept(ports) -> list[Reading]:
    return [one for row in ports.store.scan(PARTITION, "usage|") for one in records.unpack(row.body)]


def versions(ports) -> dict[str, str]:
    return {row.key: row.version for row in ports.store.scan(PARTITION, "usage|")}


@st.composite
def some_readings(draw):
    """Readings of some deployments and hours, as two rounds might bring them."""
    found = []
    for _ in range(draw(st.integers(0, 15))):
        length = draw(st.sampled_from([GRAIN, HOUR]))
        at = START + draw(st.integers(0, 24 if length == GRAIN else 2)) * length
        found.append(
            a_reading(
                at,
                draw(st.integers(0, 5)),
                length,
                scope=Scope(draw(st.sampled_from([ACCOUNT, ACCOUNT + "-2"])), draw(st.sampled_from("ab"))),
                meter=draw(st.sampled_from([TOKENS_IN, TOKENS_OUT])),
                as_of=NOW,
            )
        )
    return found


@settings(max_examples=60)
@given(st.lists(some_readings(), min_size=1, max_size=3))
def test_what_is_kept_is_what_was_read_with_the_newer_in_the_place_of_the_older(rounds):
    expected: list[Reading] = []
    with ports_telling(Chat(), ":memory:") as ports:
        for number, some in enumerate(rounds):
            known = [replace(one, as_of=NOW + number * HOUR) for one in some]
            keep_usage(ports, SUBSCRIPTION, known)
            expected = merged(expected, known)
        found = kept(ports)

    assert Counter(map(said, found)) == Counter(map(said, expected))


def said(one: Reading) -> object:
    return one.scope, one.meter, one.start, one.end, one.value


def a_round(accounts: int, value: int = 1, hours: int = 2) -> list[Reading]:
    return [
        a_reading(START + number * GRAIN, value, GRAIN, scope=Scope(f"{ACCOUNT}-{account}", "chat"))
        for account in range(accounts)
        for number in range(12 * hours)
    ]


def test_a_row_is_read_once_and_written_once_and_many_in_one_transaction(ports):
    keep_usage(ports, SUBSCRIPTION, a_round(accounts=90))

    assert ports.store.counts == {"scan": 180, "written": 180, "commit": 2}


def test_what_is_read_again_as_it_was_is_not_written_again(ports):
    keep_usage(ports, SUBSCRIPTION, a_round(accounts=2))
    before = versions(ports)
    again = [replace(one, as_of=one.as_of + HOUR) for one in a_round(accounts=2)]
    changed = replace(again[0], value=again[0].value + 1)
    keep_usage(ports, SUBSCRIPTION, [changed, *again[1:]])

    after = versions(ports)
    assert [key for key in before if before[key] != after[key]] == [records.usage_key(f"{ACCOUNT}-0", START)]
    assert changed in kept(ports)


def long_names(count: int) -> list[Reading]:
    """An hour of so many deployments with names that cannot be compressed."""
    chance = Random(7)
    names = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=300)) for _ in range(count)]
    return [a_reading(START, number, GRAIN, scope=Scope(ACCOUNT, name)) for number, name in enumerate(names)]


def test_an_hour_that_no_row_can_hold_is_kept_in_several_and_read_again_whole(ports):
    some = long_names(6_000)
    keep_usage(ports, SUBSCRIPTION, some)
    rows = list(ports.store.scan(PARTITION, "usage|"))
    assert len(rows) > 1
    assert max(len(row.body) for row in rows) <= MOST_BYTES
    assert Counter(map(said, kept(ports))) == Counter(map(said, some))

    late = replace(some[0], value=some[0].value + 1, as_of=NOW + HOUR)
    keep_usage(ports, SUBSCRIPTION, [late])
    assert Counter(map(said, kept(ports))) == Counter(map(said, [late, *some[1:]]))


def test_parts_that_were_not_all_written_are_made_whole_by_the_next_round(ports):
    some = long_names(6_000)
    keep_usage(ports, SUBSCRIPTION, some)
    late = [replace(one, value=one.value + 1, as_of=NOW + HOUR) for one in some]
    (last, *_) = rows_of(records.usage_key(ACCOUNT, START), merged(some, late))
    ports.store.commit(PARTITION, [last])
    keep_usage(ports, SUBSCRIPTION, late)

    assert Counter(map(said, kept(ports))) == Counter(map(said, late))


def test_rows_that_are_too_many_by_now_are_emptied():
    rows = rows_of("usage|x|1", [a_reading()], before=3)

    assert [row.key for row in rows] == ["usage|x|1|2", "usage|x|1|1", "usage|x|1"]
    assert [list(records.unpack(row.body)) for row in rows[:2]] == [[], []]
