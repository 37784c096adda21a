"""What the parts of watch.yaml are made of: names, ARM ids, spans of time."""

from datetime import timedelta
from typing import Annotated, Literal

import msgspec

# (?!\n) because Python's $ alone would let a line end pass.
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=60, pattern=r"^[\w .+()-]+(?!\n)$", description="letters, digits and .+-()"
    ),
]
Span = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,4}[mhd](?!\n)$", description="such as 15m, 4h, 2d")
]
ArmId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(/subscriptions/[^/\s]+(/[^\n]*)?)?(?!\n)$",
        description="an ARM id; empty is everything watched",
    ),
]
SeverityWord = Literal["info", "warning", "critical"]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the file; a key that it does not know is an error."""


def span(text: str) -> timedelta:
    """A span as it is written: "15m", "4h", "2d"."""
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def folded_scope(scope: str) -> str:
    """An ARM id as ours are: lower case, no trailing slash."""
    return scope.rstrip("/").lower()
