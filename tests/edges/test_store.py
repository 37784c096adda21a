"""What the flows may rely on, proved of both stores alike."""

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.faults import Conflict
from shared.core.rows import MOST_BYTES, Change, Delete, Put, Row
from shared.edges.sqlite import SqliteStore
from shared.edges.tables import TableStore
from shared.flows.ports import Store
from tests.azurite import Azurite

TABLES = itertools.count(1)
PARTITIONS = itertools.count(1)


@pytest.fixture(params=["sqlite", "tables"])
def store(request: pytest.FixtureRequest) -> Store:
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.db")
    yield store
    store.close()


@pytest.fixture
def tables_store(azurite: Azurite) -> Iterator[TableStore]:
    store = TableStore.from_connection_string(azurite.connection_string, f"contract{next(TABLES)}")
    yield store
    store.close()


def put(store: Store, key: str, body: bytes, expect: str | None = None) -> str:
    return store.commit("p", [Put(key, body, expect)])[0]


def body_of(store: Store, key: str) -> bytes | None:
    row = store.get("p", key)
    return row.body if row else None


def keys(store: Store, partition: str = "p", prefix: str = "") -> list[str]:
    return [row.key for row in store.scan(partition, prefix)]


# One row


def test_a_row_that_was_never_written_is_none(store: Store) -> None:
    assert store.get("p", "k") is None


def test_a_written_row_is_read_as_written(store: Store) -> None:
    version = put(store, "k", b"one", expect="")

    assert store.get("p", "k") == Row("p", "k", b"one", version)


def test_a_row_that_exists_is_not_created_twice(store: Store) -> None:
    put(store, "k", b"one", expect="")

    with pytest.raises(Conflict):
        put(store, "k", b"two", expect="")
    assert body_of(store, "k") == b"one"


def test_a_row_is_replaced_in_the_version_seen(store: Store) -> None:
    first = put(store, "k", b"one")
    second = put(store, "k", b"two", expect=first)

    assert store.get("p", "k") == Row("p", "k", b"two", second)


def test_a_row_is_not_replaced_in_an_older_version(store: Store) -> None:
    first = put(store, "k", b"one")
    put(store, "k", b"two")

    with pytest.raises(Conflict):
        put(store, "k", b"three", expect=first)
    assert body_of(store, "k") == b"two"


def test_a_row_that_is_gone_is_not_replaced(store: Store) -> None:
    first = put(store, "k", b"one")
    store.commit("p", [Delete("k", first)])

    with pytest.raises(Conflict):
        put(store, "k", b"two", expect=first)
    assert body_of(store, "k") is None


def test_a_row_is_removed_in_the_version_seen(store: Store) -> None:
    version = put(store, "k", b"one")

    assert store.commit("p", [Delete("k", version)]) == [""]
    assert body_of(store, "k") is None


def test_a_row_is_not_removed_in_an_older_version(store: Store) -> None:
    first = put(store, "k", b"one")
    put(store, "k", b"two")

    with pytest.raises(Conflict):
        store.commit("p", [Delete("k", first)])
    assert body_of(store, "k") == b"two"


def test_a_row_that_is_gone_is_not_removed_again(store: Store) -> None:
    version = put(store, "k", b"one")
    store.commit("p", [Delete("k", version)])

    with pytest.raises(Conflict):
        store.commit("p", [Delete("k", version)])


def test_a_removal_that_names_no_version_is_a_conflict(store: Store) -> None:
    put(store, "k", b"one")

    with pytest.raises(Conflict):
        store.commit("p", [Delete("k", "")])
    assert body_of(store, "k") == b"one"


def test_a_write_that_expects_nothing_in_particular_goes_over_anything(store: Store) -> None:
    put(store, "k", b"one, and rather long")
    version = put(store, "k", b"two")

    assert store.get("p", "k") == Row("p", "k", b"two", version)


def test_every_write_gives_another_version_even_of_the_same_body(store: Store) -> None:
    versions = [put(store, "k", b"same") for _ in range(20)]

    assert len(set(versions)) == 20


def test_a_row_removed_and_written_anew_has_a_version_nobody_saw(store: Store) -> None:
    first = put(store, "k", b"same", expect="")
    store.commit("p", [Delete("k", first)])
    put(store, "k", b"same", expect="")

    with pytest.raises(Conflict):
        put(store, "k", b"stale", expect=first)


def test_the_same_key_in_two_partitions_is_two_rows(store: Store) -> None:
    store.commit("one", [Put("k", b"1", "")])
    store.commit("two", [Put("k", b"2", "")])

    assert [row.body for row in store.scan("one")] == [b"1"]
    assert [row.body for row in store.scan("two")] == [b"2"]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 750_000, MOST_BYTES])
def test_a_body_of_any_size_comes_back_whole(store: Store, size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    put(store, "k", body, expect="")

    assert body_of(store, "k") == body


def test_a_short_body_leaves_nothing_of_the_long_one_it_replaces(store: Store) -> None:
    version = put(store, "k", b"x" * 200_000)
    put(store, "k", b"short", expect=version)

    assert body_of(store, "k") == b"short"


# Several rows at once


def test_a_commit_answers_a_version_for_each_change_in_order(store: Store) -> None:
    gone = put(store, "c", b"3")
    answer = store.commit("p", [Put("b", b"2", ""), Delete("c", gone), Put("a", b"1")])

    assert answer[1] == ""
    assert [row.version for row in store.scan("p")] == [answer[2], answer[0]]


def test_one_change_that_does_not_fit_stops_them_all(store: Store) -> None:
    kept = put(store, "kept", b"old")
    stale = put(store, "moved", b"old")
    put(store, "moved", b"new")
    changes: list[Change] = [Put("fresh", b"x", ""), Delete("kept", kept), Put("moved", b"x", stale)]

    with pytest.raises(Conflict):
        store.commit("p", changes)
    assert {row.key: row.body for row in store.scan("p")} == {"kept": b"old", "moved": b"new"}


def test_a_row_created_in_a_commit_that_fails_can_still_be_created(store: Store) -> None:
    put(store, "there", b"x")
    with pytest.raises(Conflict):
        store.commit("p", [Put("fresh", b"x", ""), Put("there", b"x", "")])

    put(store, "fresh", b"y", expect="")

    assert body_of(store, "fresh") == b"y"


def test_a_commit_of_nothing_does_nothing(store: Store) -> None:
    assert store.commit("p", []) == []


def test_a_hundred_rows_fit_one_commit(store: Store) -> None:
    answer = store.commit("p", [Put(f"{n:03}", b"x", "") for n in range(100)])

    assert len(answer) == 100
    assert keys(store) == [f"{n:03}" for n in range(100)]


def test_three_of_the_largest_rows_fit_one_commit(store: Store) -> None:
    store.commit("p", [Put(key, b"\xff" * MOST_BYTES, "") for key in "abc"])

    assert [len(row.body) for row in store.scan("p")] == [MOST_BYTES] * 3


REFUSED: dict[str, Sequence[Change]] = {  # by what the error says
    "101 changes in one commit": [Put(f"{n:03}", b"x") for n in range(101)],
    "a key is changed twice": [Put("k", b"1"), Delete("k", "1")],
    "a body of 900001 bytes": [Put("k", b"x" * (MOST_BYTES + 1))],
    "bodies of 3600000 bytes": [Put(key, b"x" * MOST_BYTES) for key in "abcd"],
    "a NUL": [Put("a\0b", b"x")],
    "key of 201 characters": [Put("k" * 201, b"x")],
    "surrogates not allowed": [Put("\ud800", b"x")],
}


@pytest.mark.parametrize(("why", "changes"), REFUSED.items(), ids=REFUSED)
def test_a_commit_that_no_store_takes_is_a_mistake(store: Store, why: str, changes: Sequence[Change]) -> None:
    with pytest.raises(ValueError, match=why):
        store.commit("p", changes)
    assert keys(store) == []


def test_a_nul_in_a_name_is_a_mistake_when_reading_too(store: Store) -> None:
    with pytest.raises(ValueError, match="NUL"):
        store.get("p\0", "k")
    with pytest.raises(ValueError, match="NUL"):
        store.get("p", "k\0")
    with pytest.raises(ValueError, match="NUL"):
        store.scan("p", "\0")


# Names and order

# Ordered by UTF-16 units, as the emulator compares, the emoji would stand before \uffff.
AWKWARD = sorted(
    [
        *["", " ", "  ", "a b", "\x01", "\t", "\x7f", "\x80", "e\u0301"],
        *["\ud7ff", "\ue000", "\uffff", "\U0010ffff"],
        *"! !0 # % %2F & ' '' + - . .0 / /a /a/b /b 0 9 : ; ? @ A AB Aa Z [ [0 \\ ^ _ `".split(),
        *"a a/b a|b aB ab z { | } ~ ~~ ß é ÿ Ω 一 丁 😀 😀a".split(),
    ]
)


def test_awkward_keys_are_told_apart_and_scanned_in_the_order_of_their_code_points(store: Store) -> None:
    store.commit("p", [Put(key, key.encode(), "") for key in reversed(AWKWARD)])

    assert [(row.key, row.body) for row in store.scan("p")] == [(key, key.encode()) for key in AWKWARD]


@pytest.mark.parametrize("key", AWKWARD, ids=ascii)
def test_an_awkward_name_is_a_key_a_partition_and_a_prefix(store: Store, key: str) -> None:
    beside = {key + "/x", key + "\U0010ffffz", key[:-1] + "x", "q" + key} - {key}
    store.commit(key, [Put(name, b"x") for name in {key, *beside}])

    assert store.get(key, key) is not None
    assert keys(store, key, key) == sorted(name for name in {key, *beside} if name.startswith(key))


def test_a_prefix_takes_its_letters_as_they_are(store: Store) -> None:
    store.commit("p", [Put(key, b"") for key in ["a_b", "a_c", "axb", "a%b", "A_b", "a"]])

    assert keys(store, prefix="a_") == ["a_b", "a_c"]
    assert keys(store, prefix="a%") == ["a%b"]


@pytest.mark.parametrize("char", ["k", "/", "é", "😀"])
def test_names_may_be_two_hundred_characters_long(store: Store, char: str) -> None:
    name = char * 200
    version = store.commit(name, [Put(name, b"x", "")])[0]

    assert list(store.scan(name, name)) == [Row(name, name, b"x", version)]


def test_a_partition_that_was_never_written_is_empty(store: Store) -> None:
    assert keys(store, "nobody") == []
    assert keys(store, "nobody", "prefix") == []


def test_more_rows_than_any_page_holds_are_scanned_once_each_in_order(store: Store) -> None:
    wanted = [f"{n:04}/é" for n in range(1_100)]
    for start in range(0, 1_100, 100):
        store.commit("p", [Put(key, b"x") for key in wanted[start : start + 100]])

    assert keys(store) == wanted


def test_rows_may_be_removed_while_they_are_scanned(store: Store) -> None:
    for start in range(0, 300, 100):
        store.commit("p", [Put(f"{start + n:03}", b"x") for n in range(100)])

    seen = [(row.key, store.commit("p", [Delete(row.key, row.version)])) for row in store.scan("p")]

    assert [key for key, _ in seen] == [f"{n:03}" for n in range(300)]
    assert keys(store) == []


# Many writers


def test_of_many_writers_that_saw_the_same_version_one_wins(store: Store) -> None:
    version = put(store, "k", b"start")
    together = threading.Barrier(8)

    def wins(writer: int) -> bool:
        together.wait()
        try:
            store.commit("p", [Put("k", b"%d" % writer, version), Put(f"mark {writer}", b"", "")])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [writer for writer, did in enumerate(pool.map(wins, range(8))) if did]

    assert len(won) == 1
    assert keys(store, prefix="mark") == [f"mark {won[0]}"]
    assert body_of(store, "k") == b"%d" % won[0]


def test_a_counter_that_many_threads_raise_misses_none(store: Store) -> None:
    def raise_it(_: int) -> None:
        for _ in range(25):
            while not raised_once():
                pass

    def raised_once() -> bool:
        row = store.get("p", "counter")
        number, version = (int(row.body), row.version) if row else (0, "")
        try:
            store.commit("p", [Put("counter", b"%d" % (number + 1), version)])
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(raise_it, range(8)))

    assert body_of(store, "counter") == b"200"


# Against a plain dict

Wish = tuple[str, str, bytes]  # key, what to do, body
NAMES = st.sampled_from(["a", "a/", "a/b", "A", "b", "~", "é", "😀"]) | st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
)
WISHES = st.tuples(
    NAMES, st.sampled_from(["create", "replace", "stale", "write", "remove"]), st.binary(max_size=5)
)
COMMITS = st.lists(
    st.lists(WISHES, min_size=1, max_size=4, unique_by=lambda wish: wish[0]), min_size=1, max_size=8
)


class Model:
    """What a store should hold: a dict, and every version it ever gave."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[bytes, str]] = {}
        self.given: list[str] = []

    def change(self, wish: Wish, foreign: str) -> Change:
        key, what, body = wish
        current = self.rows.get(key, (b"", foreign))[1]
        stale = next((version for version in self.given if version != current), foreign)
        expect = {"create": "", "replace": current, "stale": stale, "write": None, "remove": current}
        return Delete(key, current) if what == "remove" else Put(key, body, expect[what])

    def fits(self, change: Change) -> bool:
        return change.expect is None or change.expect == self.rows.get(change.key, (b"", ""))[1]

    def take(self, changes: Sequence[Change], versions: Sequence[str]) -> None:
        for change, version in zip(changes, versions, strict=True):
            if isinstance(change, Put):
                self.rows[change.key] = (change.body, version)
                self.given.append(version)
            else:
                del self.rows[change.key]


def behave_like_a_dict(store: Store, commits: list[list[Wish]]) -> None:
    partition, model = f"example {next(PARTITIONS)}", Model()
    foreign = store.commit("foreign", [Put("k", b"")])[0]
    for wishes in commits:
        changes = [model.change(wish, foreign) for wish in wishes]
        if all(model.fits(change) for change in changes):
            model.take(changes, store.commit(partition, changes))
        else:
            with pytest.raises(Conflict):
                store.commit(partition, changes)
        expected = [Row(partition, key, *model.rows[key]) for key in sorted(model.rows)]
        prefix = wishes[0][0][:1]
        assert list(store.scan(partition)) == expected
        assert keys(store, partition, prefix) == [row.key for row in expected if row.key.startswith(prefix)]
        assert [store.get(partition, row.key) for row in expected] == expected


one_store_serves_all = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(one_store_serves_all, max_examples=200)
@given(commits=COMMITS)
def test_sqlite_behaves_like_a_dict(sqlite_store: SqliteStore, commits: list[list[Wish]]) -> None:
    behave_like_a_dict(sqlite_store, commits)


@settings(one_store_serves_all, max_examples=15)
@given(commits=COMMITS)
def test_tables_behave_like_a_dict(tables_store: TableStore, commits: list[list[Wish]]) -> None:
    behave_like_a_dict(tables_store, commits)
