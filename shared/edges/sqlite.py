"""The store in one SQLite file: what runs on one machine, and in tests."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.core.faults import Conflict, StoreAway
from shared.core.rows import Change, Delete, Row, refuse, refuse_name

BUSY_SECONDS = 5.0  # how long to wait for another process's write
PAGE = 200  # rows read at a time by a scan

# The clock gives versions. It belongs to the whole store, so that a row removed and written anew never
# has a version that somebody saw before.
SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    partition TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, version TEXT NOT NULL,
    PRIMARY KEY (partition, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
"""
TICK = """
INSERT INTO clock VALUES (1, 1) ON CONFLICT DO UPDATE SET version = version + 1 RETURNING version
"""

Statement = tuple[str, tuple[str | bytes, ...]]


class SqliteStore:
    """A `Store` in one file. Safe to use from many threads and many processes.

    The file is opened, and made when missing, at the first use. Its threads share one connection under a
    lock: a call takes microseconds, SQLite lets one writer in anyway, and nothing is left open when a
    thread ends. A commit survives the end of the process; a power cut may undo the newest ones, never
    half of one. A scan reads page by page: it is no snapshot.
    """

    def __init__(self, path: str | Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self._path = path
        self._busy_seconds = busy_seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, partition: str, key: str) -> Row | None:
        refuse_name(partition)
        refuse_name(key)
        with self._database() as database:
            query = "SELECT body, version FROM rows WHERE partition = ? AND key = ?"
            found = database.execute(query, (partition, key)).fetchone()
        return Row(partition, key, *found) if found else None

    def scan(self, partition: str, prefix: str = "") -> Iterator[Row]:
        refuse_name(partition)
        refuse_name(prefix)
        return self._scan(partition, prefix)

    def _scan(self, partition: str, prefix: str) -> Iterator[Row]:
        # A page is read whole: a query left open would keep its snapshot, and a commit of the same
        # connection could not follow another process's.
        query = "SELECT key, body, version FROM rows WHERE partition = ? AND key >= ? AND key < ?"
        first, end = prefix, _after(prefix)
        while True:
            with self._database() as database:
                asked = (partition, first, end, PAGE)
                page = database.execute(f"{query} ORDER BY key LIMIT ?", asked).fetchall()
            for key, body, version in page:
                yield Row(partition, key, body, version)
            if len(page) < PAGE:
                return
            first = page[-1][0] + "\x01"  # nothing comes between: no name holds a NUL

    def commit(self, partition: str, changes: Sequence[Change]) -> list[str]:
        refuse(partition, changes)
        if not changes:
            return []
        with self._database() as database, database:
            database.execute("BEGIN IMMEDIATE")
            [(tick,)] = database.execute(TICK).fetchall()
            version = str(tick)
            for change in changes:
                if database.execute(*_statement(partition, change, version)).rowcount != 1:
                    raise Conflict("a row was changed by somebody else")
        return ["" if isinstance(change, Delete) else version for change in changes]

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        with self._lock:
            self._let_go()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = _open(self._path, self._busy_seconds)
                yield self._connection
            except sqlite3.DatabaseError as error:
                # The next call opens the file anew: a disk may be back, or the file replaced.
                self._let_go()
                raise StoreAway(f"SQLite: {error}") from error

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _open(path: str | Path, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(connection, time.monotonic() + busy_seconds)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(SCHEMA)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection, until: float) -> None:
    # When many open a new file at once SQLite refuses this at once instead of waiting its turn.
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


def _statement(partition: str, change: Change, version: str) -> Statement:
    """What touches one row exactly when the row is as the change expects, else none."""
    if isinstance(change, Delete):
        query = "DELETE FROM rows WHERE partition = ? AND key = ? AND version = ?"
        return query, (partition, change.key, change.expect)
    row = (partition, change.key, change.body, version)
    if change.expect is None:
        return "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", row
    if not change.expect:
        return "INSERT OR IGNORE INTO rows VALUES (?, ?, ?, ?)", row
    query = "UPDATE rows SET body = ?, version = ? WHERE partition = ? AND key = ? AND version = ?"
    return query, (change.body, version, partition, change.key, change.expect)


def _after(prefix: str) -> str | bytes:
    """What sorts after every key that starts with `prefix`, and not after any other."""
    bare = prefix.rstrip("\U0010ffff")
    if not bare:
        return b""  # SQLite sorts any bytes after any text
    last = ord(bare[-1]) + 1
    return bare[:-1] + chr(0xE000 if last == 0xD800 else last)  # no text holds a surrogate
