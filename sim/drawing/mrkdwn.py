"""Slack's own mark-up, which it calls mrkdwn."""

import re
from datetime import UTC, datetime
from html import escape
from itertools import groupby

from sim.drawing.parts import link, replaced, tag

SYMBOLS = {
    "bar_chart": "📊",
    "bell": "🔔",
    "chart_with_upwards_trend": "📈",
    "eyes": "👀",
    "hourglass": "⌛",
    "information_source": "ℹ️",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "moneybag": "💰",
    "red_circle": "🔴",
    "rotating_light": "🚨",
    "warning": "⚠️",
    "white_check_mark": "✅",
}


def span(name: str, sign: str) -> str:
    """A pattern for text between two signs that touch it and no word outside; U+034F breaks a sign."""
    inside = rf"(?P<{name}>(?:\u034f.|[^{sign}\n\u034f])+)"
    return rf"(?<![\w{sign}])[{sign}](?=\S){inside}(?<!\s)[{sign}](?![\w{sign}])"


MRKDWN = re.compile(
    r"\u034f(?P<literal>[*_~`])"
    r"|```(?P<block>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<token>[^<>\n]+)>"
    r"|:(?P<emoji>[a-z0-9_+-]+):|" + "|".join([span("strong", "*"), span("em", "_"), span("s", "~")]),
    re.DOTALL,
)
DATE = re.compile(r"!date\^(?P<seconds>[0-9]{1,11})\^(?P<form>[^^|]*)(?:\^[^|]*)?(?:\|.*)?")
DATE_FORMS = {
    "date_num": "%F",
    "date_short": "%b %d, %Y",
    "date_long": "%A, %B %d, %Y",
    "date": "%B %d, %Y",
    "time_secs": "%H:%M:%S",
    "time": "%H:%M",
}


def mrkdwn(text: str) -> str:
    """Lines that begin with ">" become quotes; line ends are kept by the style sheet."""
    pieces = []
    for quoted, lines in groupby(text.split("\n"), lambda line: line.startswith((">", "&gt;"))):
        if quoted:
            bare = "\n".join(re.sub(r"^(>|&gt;) ?", "", line) for line in lines)
            pieces.append(tag("blockquote", inline_mrkdwn(bare)))
        else:
            pieces.append(inline_mrkdwn("\n".join(lines)))
    return "".join(pieces)


def inline_mrkdwn(text: str) -> str:
    return replaced(MRKDWN, text, mrkdwn_mark, unescaped)


def mrkdwn_mark(mark: re.Match[str]) -> str:
    kind = mark.lastgroup or ""
    content = mark[kind]
    if kind == "literal":
        return content
    if kind == "token":
        return slack_token(content)
    if kind == "emoji":
        return SYMBOLS.get(content, f":{escape(content)}:")
    if kind in ("block", "code"):
        return tag("pre" if kind == "block" else "code", unescaped(content.strip("\n")))
    return tag(kind, inline_mrkdwn(content))


def unescaped(text: str) -> str:
    """Slack's three escapes undone, then made safe for HTML again."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def slack_token(token: str) -> str:
    """What stands between "<" and ">": a date, a mention or a link."""
    date = DATE.fullmatch(token)
    if date:
        return slack_date(int(date["seconds"]), date["form"])
    target, _, label = token.partition("|")
    if target.startswith(("@", "#", "!")):
        name = label or target.partition("^")[0].strip("!@#")
        sign = "#" if target.startswith("#") else "@"
        return tag("span", sign + escape(name.lstrip("@#")), "mention")
    return link(target.replace("&amp;", "&"), unescaped(label or target))


def slack_date(seconds: int, form: str) -> str:
    """In UTC: the page cannot know the reader's zone, and says so when pointed at."""
    moment = datetime.fromtimestamp(seconds, UTC)  # of eleven digits at most: never out of range

    def part(match: re.Match[str]) -> str:
        pattern = DATE_FORMS.get(match[1].removesuffix("_pretty"))
        return moment.strftime(pattern.replace("%d", str(moment.day))) if pattern else match[0]

    text = re.sub(r"\{(\w+)\}", part, form)
    return tag("time", escape(text), title=f"{moment:%Y-%m-%d %H:%M} UTC; Slack shows the reader's zone")
