"""A secret's value, which nothing shows and nothing copies."""

import re
from typing import NoReturn
from urllib.parse import unquote

_PART = re.compile(r"[^/?&=:;\s]{12,}")  # of a URL or token; what is shorter opens nothing
# In every connection string and every flow's URL: to hide them would hide what a log line is about.
PUBLIC_PARTS = frozenset(
    "DefaultEndpointsProtocol EndpointSuffix UseDevelopmentStorage core.windows.net powerautomate "
    "/triggers/manual/run %2Ftriggers%2Fmanual%2Frun".split()
)


class Secret:
    """A value that must not be shown: its text forms say only its name, and it cannot be copied out."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def hidden(self, text: str) -> str:
        """The text without the value, or any long part of it: a service may quote our request back."""
        for part in sorted(self.parts, key=len, reverse=True):
            text = text.replace(part, f"<{self.name}>")
        return text

    @property
    def parts(self) -> frozenset[str]:
        """The value and its long parts, as they stand and decoded; but not what everybody's value holds."""
        parts = {self._value, *_PART.findall(self._value)} - {""}
        return frozenset((parts | {unquote(part) for part in parts}) - PUBLIC_PARTS)

    def __repr__(self) -> str:
        return f"Secret({self.name})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled or copied")
