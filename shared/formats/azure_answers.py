"""What Azure answered, before it means anything: its error code and words, and the waits it asks for.

Errors come wrapped in `error` or not, nested, as text inside text, or as a proxy's page. Nothing here raises.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.formats.loose import folded, mappings, one_line

LONGEST_WAIT = timedelta(hours=24)  # no wait is believed beyond this
LEAST_WAIT = timedelta(seconds=60)  # where none is asked for, or none that makes sense
MOST_READ = 100_000  # bytes of an error's body
MOST_WORDS = 20_000  # characters of one message
MOST_NESTED = 4
HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"
ENTITY_BUCKET = "-entity-retry-after"  # the one bucket that a scope has to itself

_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
# Identifiers that help nobody but Microsoft's support; everything behind them does so too.
_TRAILER = re.compile(r"[\s,(]*\b(trace ?id|correlation ?id|request ?id|timestamp)\s*:", re.IGNORECASE)
_SECRETS = re.compile(
    r"(\?(?=[^\s\"'<>]*=)|\bbearer\s+|\beyJ|\b\w*(?:secret|token|password|key|sig)\w*[\"']?\s*=\s*[\"']?"
    r"|\"\w*(?:secret|token|password|key|sig)\w*\"\s*:\s*\")[^\s\"'<>]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Said:
    """An error's code and words as Azure gave them, not yet fit to be shown; "" where it gave none."""

    code: str
    message: str


def said(reply: Reply) -> list[Said]:
    """The errors in an answer, the outermost first; at least one."""
    text = reply.body[:MOST_READ].decode("utf-8", "replace")
    found = list(_errors(_json(text), MOST_NESTED))
    return found or [Said("", _page_title(text))]


def _errors(found: object, depth: int) -> Iterator[Said]:
    if depth == 0 or not isinstance(found, Mapping):
        return
    known = folded(found)
    inside = known.get("error")
    code = one_line(known.get("code")) or one_line(inside)
    message = one_line(known.get("message") or known.get("error_description"), MOST_WORDS)
    nested = _json(message)
    if code or message:
        yield Said(code, "" if nested else message)
    for one in (inside, nested, known.get("innererror"), *mappings(known.get("details"))[:3]):
        yield from _errors(one, depth - 1)


def _json(text: str) -> Mapping[str, Any]:
    """The JSON object in a text, and an empty one for anything else."""
    if not text.lstrip("\ufeff \r\n\t").startswith("{"):
        return {}
    try:
        found = json.loads(text.lstrip("\ufeff"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _page_title(text: str) -> str:
    """What a page that is no JSON says of itself."""
    if "<html" not in text[:1000].lower():
        return text
    title = _TITLE.search(text)
    return f"a page: {title[1]}" if title else "a page"


def quoted(message: str, most: int = 200) -> str:
    """Words of Azure on one line, without what may be a secret: the query of a URL, a token."""
    line = one_line(without_trailer(message), 2000)
    return one_line(_SECRETS.sub(lambda found: found[1] + "...", line), most)


def without_trailer(message: str) -> str:
    """Words of Azure up to the identifiers that it puts behind them."""
    trailer = _TRAILER.search(message)
    return message[: trailer.start()] if trailer and trailer.start() else message


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to leave a scope alone, and the whole API where a bucket that all scopes share ran out."""

    scope: timedelta
    everywhere: timedelta | None


def wait_of(headers: Mapping[str, str], now: datetime, least: timedelta = LEAST_WAIT) -> Wait:
    """The longest of all waits that an answer asks for; several buckets may have run out at once.

    `least` is the wait where none is asked for.
    """
    asked = {
        name.lower(): _wait(value, headers, now)
        for name, value in headers.items()
        if name.lower().endswith("retry-after")
    }
    known = {name: wait for name, wait in asked.items() if wait is not None}
    shared = [wait for name, wait in known.items() if not name.endswith(ENTITY_BUCKET)]
    return Wait(max(known.values(), default=least), max(shared, default=None))


def _wait(value: str, headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """A number of seconds, or until a date by the answer's own clock; None when it is neither."""
    text = str(value).strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    dates = (date for name, value in headers.items() if name.lower() == "date" and (date := _date(value)))
    return min(max(until - next(dates, now), timedelta()), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.strip(), HTTP_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None
