"""Markdown as far as Teams takes it: emphasis, links and lists."""

import re
from html import escape

from sim.drawing.parts import link, replaced, tag

MARKDOWN = re.compile(
    r"(?:\\|\u034f)(?P<literal>[^\w\s])"  # U+034F before a mark is how data is kept from being read as one
    r"|\[(?P<label>(?:\\.|[^\[\]\\])+)\]\((?P<url>[^\s()]+)\)"
    r"|\*\*(?P<bold>\S.*?)\*\*"
    r"|(?<![\w*])\*(?P<italic>[^\s*][^*\n]*)\*"
    r"|(?<!\w)_(?P<leaning>[^\s_][^_\n]*)_(?!\w)"
    r"|`(?P<code>[^`\n]+)`"
)


def markdown(text: str) -> str:
    return "".join(map(markdown_line, text.replace("\r", "\n").split("\n")))


def markdown_line(line: str) -> str:
    listed = re.match(r"\s*(?:[-*+]|\d+[.)])\s+(?=\S)", line)
    if listed:
        return tag("div", inline_markdown(line[listed.end() :]), "listed")
    return tag("div", inline_markdown(line)) if line.strip() else '<div class="blank"></div>'


def inline_markdown(text: str) -> str:
    return replaced(MARKDOWN, text, markdown_mark, escape)


def markdown_mark(mark: re.Match[str]) -> str:
    if mark["literal"]:
        return escape(mark["literal"])
    if mark["label"]:
        return link(mark["url"], escape(re.sub(r"\\(\W)", r"\1", mark["label"])))
    if mark["bold"]:
        return tag("strong", inline_markdown(mark["bold"]))
    if mark["code"]:
        return tag("code", escape(mark["code"]))
    return tag("em", inline_markdown(mark["italic"] or mark["leaning"]))
