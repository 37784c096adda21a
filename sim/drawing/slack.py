"""Draws the JSON of chat.postMessage, or of an incoming webhook: Block Kit and legacy attachments."""

import re
from html import escape
from typing import Any

from sim.drawing.markdown import markdown
from sim.drawing.mrkdwn import SYMBOLS, mrkdwn
from sim.drawing.parts import Drawer, Node, link, node, nodes, one_of, picture, plain, tag, unknown, words

COLOUR = re.compile(r"#?([0-9a-fA-F]{6})")


def slack(body: Node) -> str:
    """Slack shows `text` only where there are no blocks; attachments stand below either."""
    top = blocks(body.get("blocks")) or paragraph(mrkdwn(words(body.get("text"))))
    return top + "".join(map(barred, nodes(body.get("attachments")))) or unknown("empty message")


def paragraph(inside: str) -> str:
    return tag("div", inside, "mrkdwn") if inside else ""


def barred(item: Node) -> str:
    """A legacy attachment: the only place where Slack shows a colour."""
    colour = COLOUR.fullmatch(words(item.get("color")))
    inside = blocks(item.get("blocks")) or paragraph(mrkdwn(words(item.get("text"))))
    style = f"--bar:#{colour[1]}" if colour else ""
    return tag("div", inside or unknown("empty attachment"), "barred", style=style)


def blocks(value: Any) -> str:
    return "".join(map(block, nodes(value)))


def block(item: Node) -> str:
    kind = words(item.get("type"))
    return BLOCKS[kind](item) if kind in BLOCKS else unknown(kind)


def slack_text(value: Any) -> str:
    """A text object: Slack parses "mrkdwn", and in "plain_text" only the emoji."""
    item = node(value)
    text = words(item.get("text"))
    if item.get("type") == "mrkdwn":
        return mrkdwn(text)
    return re.sub(r":([a-z0-9_+-]+):", lambda name: SYMBOLS.get(name[1], name[0]), escape(text))


def header(item: Node) -> str:
    return tag("div", slack_text(item.get("text")), "header")


def section(item: Node) -> str:
    fields = "".join(tag("div", slack_text(field), "field") for field in nodes(item.get("fields")))
    text = paragraph(slack_text(item.get("text"))) + (tag("div", fields, "fields") if fields else "")
    beside = control(node(item["accessory"])) if item.get("accessory") else ""
    return tag("div", tag("div", text) + beside, "section")


def context(item: Node) -> str:
    pieces = [
        picture(part) if part.get("type") == "image" else tag("span", slack_text(part))
        for part in nodes(item.get("elements"))
    ]
    return tag("div", "".join(pieces), "context")


def control(item: Node) -> str:
    if item.get("type") == "image":
        return picture(item)
    if item.get("type") == "static_select":
        return tag("span", f"{slack_text(item.get('placeholder'))} ▾", "button")
    if item.get("type") != "button":
        return unknown(words(item.get("type")))
    style = one_of("button", item.get("style"), "primary danger")
    return link(words(item.get("url")), slack_text(item.get("text")), f"button {style}")


def controls(item: Node) -> str:
    return tag("div", "".join(map(control, nodes(item.get("elements")))), "buttons")


def rich_text(item: Node) -> str:
    return "".join(map(rich_part, nodes(item.get("elements"))))


def rich_part(item: Node) -> str:
    kind, inside = words(item.get("type")), nodes(item.get("elements"))
    if kind == "rich_text_list":
        return tag("ul", "".join(tag("li", rich_part(entry)) for entry in inside))
    names = {"rich_text_section": "div", "rich_text_quote": "blockquote", "rich_text_preformatted": "pre"}
    return tag(names[kind], "".join(map(rich_inline, inside))) if kind in names else unknown(kind)


def rich_inline(item: Node) -> str:
    kind = item.get("type")
    if kind == "emoji":
        return SYMBOLS.get(words(item.get("name")), f":{plain(item.get('name'))}:")
    if kind not in ("text", "link"):
        return unknown(words(kind))
    style = node(item.get("style"))
    text = plain(item.get("text")) or plain(item.get("url"))
    for name, mark in (("code", "code"), ("bold", "strong"), ("italic", "em"), ("strike", "s")):
        text = tag(mark, text) if style.get(name) is True else text
    return link(words(item.get("url")), text) if kind == "link" else text


BLOCKS: dict[str, Drawer] = {
    "actions": controls,
    "context": context,
    "divider": lambda item: "<hr>",
    "header": header,
    "image": picture,
    "markdown": lambda item: tag("div", markdown(words(item.get("text"))), "text"),
    "rich_text": rich_text,
    "section": section,
}
