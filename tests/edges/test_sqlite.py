"""What is particular to the store in one SQLite file."""

import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from shared.core.faults import Conflict, StoreAway
from shared.core.rows import Put
from shared.edges.sqlite import SqliteStore


def test_what_was_committed_is_there_after_opening_the_file_again(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        store.commit("p", [Put("k", b"one")])
        written = store.get("p", "k")

    with closing(SqliteStore(str(tmp_path / "store.db"))) as store:
        assert store.get("p", "k") == written


def test_a_closed_store_opens_itself_again(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db")) as store:
        store.commit("p", [Put("k", b"one")])
        store.close()

        assert store.get("p", "k") is not None


def test_a_folder_that_is_missing_is_told_at_the_first_use_and_mended_later(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "missing" / "store.db")) as store:
        with pytest.raises(StoreAway, match="unable to open database file"):
            store.get("p", "k")
        (tmp_path / "missing").mkdir()

        assert store.get("p", "k") is None


def test_a_file_that_is_no_database_is_a_store_away(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database " * 100)

    with closing(SqliteStore(tmp_path / "store.db")) as store, pytest.raises(StoreAway):
        store.get("p", "k")


def test_a_file_locked_by_another_can_be_read_and_not_written_until_it_is_free(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "store.db", busy_seconds=0.01)) as store:
        store.commit("p", [Put("k", b"before")])
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreAway, match="locked") as told:
                store.commit("p", [Put("k", b"a body of ours")])
            assert "a body of ours" not in str(told.value)
            assert [row.body for row in store.scan("p")] == [b"before"]

        store.commit("p", [Put("k", b"after")])

        assert [row.body for row in store.scan("p")] == [b"after"]


def test_a_commit_during_a_scan_sees_what_another_process_wrote_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(SqliteStore(path)) as ours, closing(SqliteStore(path)) as theirs:
        ours.commit("p", [Put(key, b"") for key in "abc"])
        scan = ours.scan("p")
        assert next(scan).key == "a"
        theirs.commit("p", [Put("k", b"theirs", "")])

        with pytest.raises(Conflict):
            ours.commit("p", [Put("k", b"ours", "")])


def test_a_new_file_may_be_opened_by_many_processes_at_once(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(8)
    openers = [spawn.Process(target=open_new_files, args=(str(tmp_path), together)) for _ in range(8)]
    for opener in openers:
        opener.start()
    for opener in openers:
        opener.join()

    assert [opener.exitcode for opener in openers] == [0] * 8


def open_new_files(folder: str, together: Barrier) -> None:
    for number in range(20):
        together.wait(timeout=10)
        with closing(SqliteStore(f"{folder}/{number}.db")) as store:
            store.commit("p", [Put("k", b"x")])


def test_a_counter_that_many_processes_raise_misses_none(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(raise_counter, [path] * 4, [25] * 4))

    with closing(SqliteStore(path)) as store:
        row = store.get("p", "counter")
        assert row is not None
        assert row.body == b"100"


def raise_counter(path: str, times: int) -> None:
    with closing(SqliteStore(path)) as store:
        for _ in range(times):
            while not raised_once(store):
                pass


def raised_once(store: SqliteStore) -> bool:
    row = store.get("p", "counter")
    number, version = (int(row.body), row.version) if row else (0, "")
    try:
        store.commit("p", [Put("counter", b"%d" % (number + 1), version)])
    except Conflict:
        return False
    return True
