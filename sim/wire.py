"""What comes in over HTTP and what goes out, without a socket in sight."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs

import msgspec

JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """`path` is unquoted, `query` as it came; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def parameters(self) -> dict[str, str]:
        """The query by name in lower case, the last one where a name comes twice."""
        given = parse_qs(self.query, keep_blank_values=True)
        return {name.lower(): values[-1] for name, values in given.items()}

    def json(self) -> Any:
        """Raises Refusal with 400 when the body is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as wrong:
            raise Refusal(400, "BadRequest", f"The request body is not valid JSON: {wrong}") from wrong


@dataclass(frozen=True, slots=True)
class Answer:
    """The last three are for faults.

    `delay` is in seconds. `lost` ends the connection without an answer, `torn` in the middle of the body.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    delay: float = 0.0
    lost: bool = False
    torn: bool = False

    def having(self, headers: Mapping[str, str]) -> "Answer":
        """The same answer with more headers."""
        return replace(self, headers={**self.headers, **headers}) if headers else self


class Refusal(Exception):
    """An Azure error: code, message and innererror, wrapped in `error` as most of Azure does."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        inner: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.inner = headers or {}, inner

    def answer(self) -> Answer:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.inner:
            error["innererror"] = self.inner
        return as_json({"error": error}, self.status, self.headers)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, msgspec.json.encode(value), headers or {})


def as_text(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, text.encode(), headers or {}, "text/plain; charset=utf-8")
