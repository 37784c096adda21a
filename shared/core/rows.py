"""What the store keeps: rows in partitions, changed together or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

MOST_CHANGES = 100  # in one commit, as Azure Tables has it
MOST_BYTES = 900_000  # in one row, under the 1 MiB of Azure Tables
MOST_COMMIT_BYTES = 2_700_000  # bodies in one commit: under 4 MiB once written as base64 with their keys
LONGEST_NAME = 200  # at most 400 characters once escaped; Azure takes 512


@dataclass(frozen=True, slots=True)
class Row:
    """A stored row. `version` is opaque and changes with every write."""

    partition: str
    key: str
    body: bytes
    version: str


@dataclass(frozen=True, slots=True)
class Put:
    """Write a row.

    `expect` is the version that must stand there now, "" for a row that must not exist yet, or None
    to write whatever stands there.
    """

    key: str
    body: bytes
    expect: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a row that must stand there in version `expect`."""

    key: str
    expect: str


Change = Put | Delete


def refuse(partition: str, changes: Sequence[Change]) -> None:
    """ValueError for a commit that no store takes."""
    keys = [change.key for change in changes]
    sizes = [len(change.body) for change in changes if isinstance(change, Put)]
    for name in (partition, *keys):
        refuse_name(name)
    if len(changes) > MOST_CHANGES:
        raise ValueError(f"{len(changes)} changes in one commit; at most {MOST_CHANGES}")
    if len(set(keys)) < len(keys):
        raise ValueError("a key is changed twice in one commit")
    if max(sizes, default=0) > MOST_BYTES:
        raise ValueError(f"a body of {max(sizes)} bytes; at most {MOST_BYTES}")
    if sum(sizes) > MOST_COMMIT_BYTES:
        raise ValueError(f"bodies of {sum(sizes)} bytes in one commit; at most {MOST_COMMIT_BYTES}")


def refuse_name(name: str) -> None:
    """ValueError for a partition, key or prefix that no store takes."""
    if "\0" in name:
        raise ValueError("a NUL in a partition or key")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a partition or key of {len(name)} characters; at most {LONGEST_NAME}")
    name.encode()  # half a surrogate pair is no text: a UnicodeEncodeError is a ValueError
