"""Draws a Workflows envelope: Adaptive Cards of the elements up to version 1.2."""

import re
from collections.abc import Mapping
from typing import Any

from sim.drawing.markdown import markdown
from sim.drawing.parts import Drawer, Node, link, node, nodes, one_of, picture, plain, tag, unknown, words

SHARE = re.compile(r"[0-9]{1,4}")
PIXELS = re.compile(r"[0-9]{1,4}px")


def teams(body: Node) -> str:
    text = words(body.get("text"))
    cards = [attachment(item) for item in nodes(body.get("attachments"))]
    return (markdown(text) if text else "") + "".join(cards) or unknown("message without a card")


def attachment(item: Node) -> str:
    card = node(item.get("content"))
    if card.get("type") != "AdaptiveCard":
        return unknown(words(item.get("contentType")) or "attachment without a card")
    inside = elements(card.get("body")) + actions(card)
    full = words(node(card.get("msteams")).get("width")).lower() == "full"
    return tag("div", inside or unknown("empty card"), "card full" if full else "card")


def elements(value: Any) -> str:
    return "".join(map(element, nodes(value)))


def element(item: Node) -> str:
    """One element, or its fallback where Teams' oldest clients would not know it."""
    if item.get("isVisible") is False:
        return ""
    kind = words(item.get("type"))
    if kind in ELEMENTS:
        gap = one_of("gap", item.get("spacing"), "none small medium large extralarge padding")
        separator = "separated" if item.get("separator") is True else ""
        return tag("div", ELEMENTS[kind](item), f"element {gap} {separator}")
    fallback = item.get("fallback")
    if isinstance(fallback, Mapping):
        return element(fallback)
    return "" if fallback == "drop" else unknown(kind)


def text_look(item: Node) -> str:
    colours = "dark light accent good warning attention"
    return " ".join(
        [
            one_of("size", item.get("size"), "small medium large extralarge"),
            one_of("weight", item.get("weight"), "lighter bolder"),
            one_of("colour", item.get("color"), colours),
            one_of("align", item.get("horizontalAlignment"), "center right"),
            one_of("font", item.get("fontType"), "monospace"),
            "subtle" if item.get("isSubtle") is True else "",
        ]
    )


def text_block(item: Node) -> str:
    cut = "" if item.get("wrap") is True else "one-line"
    return tag("div", markdown(words(item.get("text"))), f"text {cut} {text_look(item)}")


def rich_text_block(item: Node) -> str:
    inlines = item.get("inlines")
    runs = inlines if isinstance(inlines, list) else []
    return tag("div", "".join(map(text_run, runs)), f"text {text_look(item)}")


def text_run(run: Any) -> str:
    if isinstance(run, str):
        return plain(run)
    item = node(run)
    if item.get("type") != "TextRun":
        return unknown(words(item.get("type")))
    shape = " ".join(name for name in ("italic", "strikethrough", "highlight") if item.get(name) is True)
    text = tag("span", plain(item.get("text")), f"{text_look(item)} {shape}")
    url = words(node(item.get("selectAction")).get("url"))
    return link(url, text) if url else text


def fact_set(item: Node) -> str:
    rows = [
        tag("dt", markdown(words(fact.get("title")))) + tag("dd", markdown(words(fact.get("value"))))
        for fact in nodes(item.get("facts"))
    ]
    return tag("dl", "".join(rows), "facts")


def container(item: Node) -> str:
    tone = one_of("tone", item.get("style"), "emphasis accent good attention warning")
    bleed = "bleed" if item.get("bleed") is True else ""
    return tag("div", elements(item.get("items")), f"container {tone} {bleed}")


def column_set(item: Node) -> str:
    tone = one_of("tone", item.get("style"), "emphasis accent good attention warning")
    return tag("div", "".join(map(column, nodes(item.get("columns")))), f"columns {tone}")


def column(item: Node) -> str:
    """Its width: "auto", "stretch", a weight or pixels; Teams takes "stretch" where none is given."""
    width = words(item.get("width")) or "stretch"
    style = ""
    if SHARE.fullmatch(width):
        style = f"flex:{width} 1 0"
    elif PIXELS.fullmatch(width):
        style = f"flex:0 0 {width}"
    align = one_of("vertical", item.get("verticalContentAlignment"), "center bottom")
    return tag("div", container(item), f"column {one_of('width', width, 'auto')} {align}", style=style)


def actions(item: Node) -> str:
    drawn_actions = "".join(map(action, nodes(item.get("actions"))))
    return tag("div", drawn_actions, "buttons") if drawn_actions else ""


def action(item: Node) -> str:
    kind, title = words(item.get("type")), plain(item.get("title")) or "Open"
    if kind == "Action.OpenUrl":
        return link(words(item.get("url")), title, "button")
    if kind == "Action.ToggleVisibility":
        return tag("span", title, "button")
    if kind == "Action.ShowCard":
        inside = elements(node(item.get("card")).get("body"))
        return tag("details", tag("summary", title, "button") + inside)
    return unknown(kind)


ELEMENTS: dict[str, Drawer] = {
    "ActionSet": actions,
    "ColumnSet": column_set,
    "Container": container,
    "FactSet": fact_set,
    "Image": picture,
    "ImageSet": lambda item: "".join(map(picture, nodes(item.get("images")))),
    "RichTextBlock": rich_text_block,
    "TextBlock": text_block,
}
