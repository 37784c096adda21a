"""What the store keeps: rows in partitions, changed together or not at all."""

from dataclasses import dataclass

MOST_CHANGES = 100  # in one commit, as Azure Tables has it
MOST_BYTES = 900_000  # in one row, under the 1 MiB of Azure Tables


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
