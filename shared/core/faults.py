"""What can go wrong outside, in our own words; edges raise these, flows decide what they mean.

Fault
├── SourceFault            Azure did not give what was asked
│   ├── Throttled            wait at least `after`
│   ├── NotPermitted         a role is missing, or not yet in force
│   ├── NotThere             the scope does not exist, or has no such data
│   │   └── UnknownMetrics     this region does not know these names
│   └── Unreachable          cut, slow, or broken; the next poll tries again
├── SignInFault            no credential could be had
├── Conflict               somebody else changed the row first; read it again
└── StoreAway              the store cannot be reached or written now
"""

from datetime import timedelta


class Fault(Exception):
    """The root: anything outside that failed in a way we know."""


class SourceFault(Fault):
    """Azure did not give what was asked; the text is fit to be shown to a person."""


class Throttled(SourceFault):
    """Asked too often. `after` is how long to leave it alone.

    `everywhere` is how long to leave the whole API alone, when a bucket that all scopes share ran out.
    """

    def __init__(self, message: str, after: timedelta, everywhere: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after
        self.everywhere = everywhere


class NotPermitted(SourceFault):
    """A role is missing, or was assigned minutes ago and is not yet in force."""


class NotThere(SourceFault):
    """The scope does not exist, or has no data of this sort."""


class UnknownMetrics(NotThere):
    """The region or cloud does not know some of the metrics asked for; without them it would answer."""

    def __init__(self, message: str, names: frozenset[str]) -> None:
        super().__init__(message)
        self.names = names  # in lower case


class Unreachable(SourceFault):
    """The connection was cut, timed out, or the answer made no sense."""


class SignInFault(Fault):
    """No credential could be had; the text says in one line what to do."""


class Conflict(Fault):
    """A row was not as expected; nothing was written."""


class StoreAway(Fault):
    """The store cannot be reached or written now; nothing is known to be durable."""
