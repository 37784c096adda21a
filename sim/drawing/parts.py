"""What both services' drawings are made of: elements, and JSON read without trust."""

import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

Node = Mapping[str, Any]
Drawer = Callable[[Node], str]


def tag(name: str, inside: str, classes: str = "", **attributes: str) -> str:
    """An element. `inside` is HTML already; attributes are escaped here."""
    given = {"class": " ".join(classes.split()), **attributes}
    written = "".join(f' {key}="{escape(value)}"' for key, value in given.items() if value)
    return f"<{name}{written}>{inside}</{name}>"


def words(value: Any) -> str:
    """A JSON value as text that can be written as UTF-8; "" where it is no text or number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).encode("utf-8", "replace").decode()


def node(value: Any) -> Node:
    return value if isinstance(value, Mapping) else {}


def nodes(value: Any) -> list[Node]:
    return [node(item) for item in value] if isinstance(value, list) else []


def plain(value: Any) -> str:
    return escape(words(value))


def unknown(what: str) -> str:
    return tag("div", escape(what or "element without a type"), "unknown")


def link(url: str, label: str, classes: str = "") -> str:
    """`label` is HTML. An address that is not http(s) is shown, not linked."""
    if not url.lower().startswith(("https://", "http://")):
        return tag("span", label, classes, title=url)
    return tag("a", label, classes, href=url, rel="noopener noreferrer", target="_blank")


def picture(source: Node) -> str:
    label = words(source.get("altText")) or words(source.get("alt_text")) or "no description"
    return unknown(f"picture: {label}")


def one_of(prefix: str, value: Any, allowed: str) -> str:
    """A class such as "size-large"; "" for a value that the format does not know."""
    word = words(value).lower()
    return f"{prefix}-{word}" if word in allowed.split() else ""


def replaced(
    pattern: re.Pattern[str],
    text: str,
    mark: Callable[[re.Match[str]], str],
    between: Callable[[str], str],
) -> str:
    """The text with `mark` applied to each match and `between` to all that lies between them."""
    pieces, position = [], 0
    for match in pattern.finditer(text):
        pieces += [between(text[position : match.start()]), mark(match)]
        position = match.end()
    return "".join([*pieces, between(text[position:])])
