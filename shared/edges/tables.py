"""The store in Azure Tables: one table of the app's own storage account.

A transaction of Azure Tables stays in one partition and holds 100 changes and 4 MiB, and what is said
of a commit in `rows.refuse` follows from that. Versions are etags.
"""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Self

from shared.core.faults import Conflict, StoreAway
from shared.core.rows import Change, Delete, Row, refuse, refuse_name

if TYPE_CHECKING:  # the SDK takes 0.1 s to import: only a worker that uses the store pays for it
    from azure.core.credentials import TokenCredential
    from azure.data.tables import TableClient

PART_BYTES = 64_000  # of a body in one property; Azure takes 64 KiB

# A call must end before the ten seconds that a webhook's caller waits. No attempt starts after 3 s, and
# one takes 4 s at most. Names are looked up and tokens fetched outside these bounds.
PATIENCE = {
    "connection_timeout": 1.5,
    "read_timeout": 2.5,
    "timeout": 3,
    "retry_total": 2,
    "retry_backoff_factor": 0.2,
}


class TableStore:
    """A `Store` in Azure Tables. Safe to use from many threads and many workers.

    Nothing is sent before the first use, which also creates the table when it is missing. A scan reads
    page by page: it is no snapshot, and a row changed meanwhile is seen as it was or as it is.
    """

    def __init__(self, client: "TableClient") -> None:
        self._client = client
        self._creating = threading.Lock()
        self._exists = False

    @classmethod
    def from_connection_string(cls, text: str, table: str = "meterwatch") -> Self:
        from azure.data.tables import TableClient

        return cls(TableClient.from_connection_string(text, table, **_manners()))

    @classmethod
    def at(cls, endpoint: str, credential: "TokenCredential", table: str = "meterwatch") -> Self:
        """`endpoint` as in https://name.table.core.windows.net; needs Storage Table Data Contributor."""
        from azure.data.tables import TableClient

        return cls(TableClient(endpoint, table, credential=credential, **_manners()))

    def get(self, partition: str, key: str) -> Row | None:
        refuse_name(partition)
        refuse_name(key)
        from azure.core.exceptions import ResourceNotFoundError

        with _faults():
            table = self._table()
            try:
                return _row(table.get_entity(escape(partition), escape(key)))
            except ResourceNotFoundError as error:
                if _is_about_the_table(error):
                    raise
                return None

    def scan(self, partition: str, prefix: str = "") -> Iterator[Row]:
        refuse_name(partition)
        refuse_name(prefix)
        return self._scan(escape(partition), escape(prefix))

    def _scan(self, partition: str, first: str) -> Iterator[Row]:
        # \u9fff comes after every character that `escape` writes.
        asked = {"partition": partition, "first": first, "end": first + "\u9fff"}
        query = "PartitionKey eq @partition and RowKey ge @first and RowKey lt @end"
        with _faults():
            for entity in self._table().query_entities(query, parameters=asked):
                yield _row(entity)

    def commit(self, partition: str, changes: Sequence[Change]) -> list[str]:
        refuse(partition, changes)
        if not changes:
            return []
        steps = [_step(escape(partition), change) for change in changes]
        from azure.core.exceptions import HttpResponseError

        with _faults():
            table = self._table()
            try:
                answers = _written(table, steps)
            except HttpResponseError as error:
                if error.status_code in (404, 409, 412) and not _is_about_the_table(error):
                    raise Conflict("a row was changed by somebody else") from None
                raise
        return [_version(change, answer) for change, answer in zip(changes, answers, strict=True)]

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _table(self) -> "TableClient":
        from azure.core.exceptions import ResourceExistsError

        with self._creating:
            if not self._exists:
                with suppress(ResourceExistsError):
                    self._client.create_table()
                self._exists = True
        return self._client


# Azure forbids / \ # ? and control characters in keys, and others confuse some proxy or client. What is
# not plain is written as two characters, so that no name grows past Azure's limit. They are chosen so
# that the order of the written keys is the order of the names' code points, and a prefix stays a prefix:
# runs of awkward ASCII start with the mark below that sorts in their place, and everything from ~ on is
# two digits of base 4096, the digits being ideographs.
_RUNS = {"!": range(0x2D), ".": range(0x2E, 0x30), ";": range(0x3B, 0x41), "[": range(0x5B, 0x5F)}
_PLACES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WRITTEN = {chr(code): mark + _PLACES[place] for mark, run in _RUNS.items() for place, code in enumerate(run)}
_READ = {written: char for char, written in _WRITTEN.items()}
_BASE, _ZERO = 4096, 0x4E00
_CODE = re.compile(r'"code":\s*"(\w+)"')
_AWKWARD = re.compile(r"[^-0-9:A-Z_`a-z{|}]")
_ESCAPED = re.compile(r"[!.;\[].|[\u4e00-\u5dff]{2}")


def escape(name: str) -> str:
    """The name in characters that Azure takes, at most twice as long; sorts as the names do."""
    return _AWKWARD.sub(lambda found: _WRITTEN.get(found[0]) or _digits(ord(found[0])), name)


def unescape(written: str) -> str:
    """The name that was escaped."""
    return _ESCAPED.sub(lambda found: _READ.get(found[0]) or _char(found[0]), written)


def _digits(code: int) -> str:
    return chr(_ZERO + code // _BASE) + chr(_ZERO + code % _BASE)


def _char(digits: str) -> str:
    return chr((ord(digits[0]) - _ZERO) * _BASE + ord(digits[1]) - _ZERO)


def _step(partition: str, change: Change) -> tuple[Any, ...]:
    """The change as `submit_transaction` takes it."""
    from azure.core import MatchConditions

    entity = {"PartitionKey": partition, "RowKey": escape(change.key)}
    seen = {"etag": change.expect, "match_condition": MatchConditions.IfNotModified}
    if isinstance(change, Delete):
        if not change.expect:
            raise Conflict("a row that must not exist cannot be removed")
        return "delete", entity, seen
    entity |= _parts(change.body)
    if change.expect is None:
        return "upsert", entity, {"mode": "replace"}
    if not change.expect:
        return "create", entity
    return "update", entity, {"mode": "replace", **seen}


def _written(table: "TableClient", steps: Sequence[tuple[Any, ...]]) -> list[Any]:
    """What Azure answers to each step.

    The SDK does not repeat a POST by itself. Ours is safe to repeat: when the first one was written and only
    its answer lost, the second is a Conflict and the caller reads again.
    """
    again = {"retry_on_methods": {"POST"}}
    if len(steps) > 1 or steps[0][0] == "delete":  # alone, the SDK calls a row gone that was never there
        return list(table.submit_transaction(steps, **again))
    # A transaction of one takes three times the CPU, most of it the SDK's, to read an answer in parts.
    kind, entity, *how = steps[0]
    write = {"create": table.create_entity, "update": table.update_entity, "upsert": table.upsert_entity}[
        kind
    ]
    return [write(entity, **(how[0] if how else {}), **again)]


def _parts(body: bytes) -> dict[str, Any]:
    """The body over as many properties as it needs, none when it is empty."""
    starts = range(0, len(body), PART_BYTES)
    return {f"part{n:02}": body[start : start + PART_BYTES] for n, start in enumerate(starts)}


def _row(entity: Any) -> Row:
    parts = sorted(name for name in entity if name.startswith("part"))
    return Row(
        unescape(entity["PartitionKey"]),
        unescape(entity["RowKey"]),
        b"".join(entity[name] for name in parts),
        entity.metadata["etag"],
    )


def _version(change: Change, answer: Any) -> str:
    return "" if isinstance(change, Delete) else str(answer["etag"])


def _manners() -> dict[str, Any]:
    return {**PATIENCE, "raw_response_hook": _forget_retry_after}


def _forget_retry_after(response: Any) -> None:
    # The SDK sleeps as long as the header says, which may be longer than our caller waits.
    response.http_response.headers.pop("Retry-After", None)


@contextmanager
def _faults() -> Iterator[None]:
    """Azure's errors in our words. Their own texts may hold a URL with a signature, so none is kept."""
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except (AzureError, HTTPException) as error:
        status = error.status_code if isinstance(error, HttpResponseError) else None
        if status is None:
            raise StoreAway(f"Azure Tables cannot be reached ({type(error).__name__})") from None
        said = f"Azure Tables answered {status} {_code(error)}".rstrip()
        if status in (400, 413):
            raise ValueError(said) from None
        hint = "; the role Storage Table Data Contributor is needed" if status == 403 else ""
        raise StoreAway(said + hint) from None


def _is_about_the_table(error: Exception) -> bool:
    # TableNotFound and TableBeingDeleted share 404 and 409 with what is said of rows.
    return _code(error).startswith("Table")


def _code(error: Exception) -> str:
    """Azure's word for what went wrong; "" where it says none. The SDK does not always read it."""
    code = getattr(error, "error_code", None)
    if code is None and (response := getattr(error, "response", None)) is not None:
        found = _CODE.search(response.text())
        code = response.headers.get("x-ms-error-code") or (found[1] if found else "")
    return str(getattr(code, "value", code or ""))
