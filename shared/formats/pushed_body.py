"""The bytes that a webhook was sent, as JSON objects: one, or several in a list.

A text that holds JSON is parsed again, since relays encode bodies twice; so is what a runbook was handed.
"""

import json
from typing import Any

from shared.formats.loose import folded, one_line, opened

MOST_ALERTS = 50  # in one body; with more it would not be answered in time


class Unreadable(Exception):
    """A body that is no alert; the text says what was found and what was expected."""


class TooMuch(Unreadable):
    """A body of more than is taken in at once."""


def messages(body: bytes) -> list[object]:
    """The JSON values in a body, each to be an alert; raises Unreadable for what is no JSON, or too much."""
    found = _parsed(_text(body))
    if not isinstance(found, list):
        return [found]
    if len(found) > MOST_ALERTS:
        raise TooMuch(f"a list of {len(found):,} alerts; expected at most {MOST_ALERTS}")
    if not found:
        raise Unreadable("an empty list; expected an Azure alert")
    return found


def message_of(found: object) -> dict[str, Any]:
    """The object that a JSON value is, its keys in lower case; raises Unreadable for any other value."""
    if isinstance(found, str):
        found = _parsed(found)
    if not isinstance(found, dict):
        raise Unreadable(f"JSON of type {type(found).__name__}; expected an object")
    message = folded(found)
    return opened(message.get("requestbody")) or message


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except ValueError as broken:
        raise Unreadable(f"not JSON: {one_line(str(broken), 120)}") from None


def _parsed(text: str) -> object:
    try:
        found: object = json.loads(text)
        return json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError) as broken:
        raise Unreadable(f"not JSON: {one_line(str(broken), 120)}") from None
