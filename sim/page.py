"""One page that shows a simulated run: what was planted, what was told, and how it looked in the chat.

The page stands alone: one file, no script, no request to anywhere, and a policy that forbids both.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from sim.drawing import drawn
from sim.drawing.parts import node, nodes, plain, tag, words

Record = Mapping[str, Any]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
SEVERITIES = {
    "critical": ("◆", "Critical"),
    "warning": ("▲", "Warning"),
    "info": ("●", "Info"),
    "3": ("◆", "Critical"),
    "2": ("▲", "Warning"),
    "1": ("●", "Info"),
}
STATES = {"triggered": "Open", "acknowledged": "Acknowledged", "resolved": "Resolved"}
SERVICES = {"teams": "Teams", "slack": "Slack", "slack webhook": "Slack, by webhook"}


def page(
    title: str,
    story: Sequence[str],
    incidents: Sequence[Record],
    messages: Sequence[Record],
    truth: Sequence[Record],
) -> str:
    """The whole page as HTML.

    `story` are the lines of the live account, in order.
    An incident has id, state, severity, opened_at, resolved_at, what, notes (a text or a list of
    texts: where it was told) and transitions, each with at, change and why.
    A message has at, kind ("teams", "slack" or "slack webhook"), destination, body, ts, thread_ts;
    versions where it was edited later, each with at and body, the newest last; and lost, which is true
    for one that was accepted and never shown.
    A planted fact has kind, what, start, end and, where it was told, told_at and delay.
    Times are ISO texts and shown in UTC; a text that is no time is shown as it stands.
    """
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    main = tag("main", chat(messages), id="chat")
    beside = tag("aside", planted(truth) + incident_table(incidents) + account(story))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body>"
        f"{top(title, incidents, messages, truth)}"
        f'<div class="halves">{main}{beside}</div></body></html>\n'
    )


def top(title: str, incidents: Sequence[Record], messages: Sequence[Record], truth: Sequence[Record]) -> str:
    """The title and the three figures that sum up the run."""
    told = sum(1 for fact in truth if words(fact.get("told_at")))
    still_open = sum(1 for incident in incidents if words(incident.get("state")) != "resolved")
    figures = [
        figure("#planted", f"{told} of {len(truth)}", "planted faults told"),
        figure("#incidents", str(len(incidents)), f"incidents, {still_open} open"),
        figure("#chat", str(len(messages)), "messages"),
    ]
    return tag("header", tag("h1", escape(title)) + tag("nav", "".join(figures)), "top")


def figure(target: str, number: str, label: str) -> str:
    return tag("a", tag("b", escape(number)) + " " + tag("span", escape(label)), href=target)


def panel(name: str, title: str, inside: str, empty: str) -> str:
    return tag("section", tag("h2", title) + (inside or tag("p", empty, "empty")), "panel", id=name)


# --- Times


def moment(value: Any) -> datetime | None:
    """An ISO time as aware UTC; None where it is not one. A time without a zone is taken as UTC."""
    try:
        found = datetime.fromisoformat(words(value))
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(at: datetime) -> str:
    return f"{at:%A}, {at.day} {at:%B %Y}"


def when(value: Any) -> str:
    at = moment(value)
    return tag("time", f"{at.day} {at:%b %H:%M}", title=f"{at:%Y-%m-%d %H:%M:%S} UTC") if at else plain(value)


def clock(value: Any) -> str:
    at = moment(value)
    return tag("time", f"{at:%H:%M}", title=f"{at:%Y-%m-%d %H:%M:%S} UTC") if at else plain(value)


def lasted(start: Any, end: Any) -> str:
    """The time between the two in its two largest units; "" where either is unknown."""
    first, last = moment(start), moment(end)
    if first is None or last is None:
        return ""
    minutes = int((last - first).total_seconds()) // 60
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    return " ".join([f"{count} {unit}" for count, unit in parts if count > 0][:2]) or "under 1 min"


# --- The chat


def chat(messages: Sequence[Record]) -> str:
    """A fold for each channel, in the order in which the channels were first used."""
    channels: dict[tuple[str, str], list[Record]] = {}
    for message in messages:
        channels.setdefault((words(message.get("kind")), words(message.get("destination"))), []).append(
            message
        )
    folds = [channel(kind, place, told) for (kind, place), told in channels.items()]
    return tag("h2", "What people saw") + ("".join(folds) or tag("p", "Nothing was told.", "empty"))


def channel(kind: str, place: str, messages: Sequence[Record]) -> str:
    count = f"{len(messages)} message" + ("" if len(messages) == 1 else "s")
    service = tag("span", escape(SERVICES.get(kind, kind)), "service")
    summary = service + tag("b", escape(place)) + tag("span", count, "count")
    app = "teams" if kind == "teams" else "slack"
    inside = tag("summary", summary) + tag("div", timeline(app, messages), "timeline")
    return f'<details open class="channel {app}">{inside}</details>'


def timeline(app: str, messages: Sequence[Record]) -> str:
    """The messages by day; a reply stands under its parent, or alone where there is no parent."""
    parents = {words(message.get("ts")) for message in messages if not is_reply(message)} - {""}
    replies: dict[str, list[Record]] = {}
    shown = []
    for message in messages:
        parent = words(message.get("thread_ts"))
        if is_reply(message) and parent in parents:
            replies.setdefault(parent, []).append(message)
        else:
            shown.append(message)
    days = groupby(shown, key=lambda message: day(at) if (at := moment(message.get("at"))) else "")
    return "".join(
        tag("div", tag("span", escape(name)), "day")
        + "".join(post(app, message, replies.get(words(message.get("ts")), [])) for message in of_day)
        for name, of_day in days
    )


def is_reply(message: Record) -> bool:
    parent = words(message.get("thread_ts"))
    return parent not in ("", words(message.get("ts")))


def post(app: str, message: Record, replies: Sequence[Record]) -> str:
    """One message as its service frames it, with its earlier versions and replies folded."""
    *earlier, newest = versions(message)
    name = tag("b", "Workflows") if app == "teams" else tag("b", "Meterwatch") + tag("span", "APP", "app")
    edited = tag("span", "(edited)", "edited") if earlier else ""
    lost = tag("span", "accepted, but never shown", "lost") if message.get("lost") is True else ""
    line = tag("div", name + clock(message.get("at")) + edited + lost, "byline")
    inside = line + drawn(app, newest.get("body")) + past(app, earlier) + thread(app, replies)
    avatar = tag("div", "W" if app == "teams" else "M", "avatar", **{"aria-hidden": "true"})
    return tag("article", avatar + tag("div", inside, "said"))


def versions(message: Record) -> list[Record]:
    """All versions of a message, oldest first, whether or not they name the one first posted."""
    listed = nodes(message.get("versions"))
    first = {"at": message.get("at"), "body": message.get("body")}
    return listed if listed and listed[0].get("body") == first["body"] else [first, *listed]


def past(app: str, earlier: Iterable[Record]) -> str:
    drawings = [
        tag("div", tag("div", when(version.get("at")), "byline") + drawn(app, version.get("body")), "version")
        for version in earlier
    ]
    label = f"{len(drawings)} earlier version" + ("" if len(drawings) == 1 else "s")
    return tag("details", tag("summary", label) + "".join(drawings), "past") if drawings else ""


def thread(app: str, replies: Sequence[Record]) -> str:
    label = "1 reply" if len(replies) == 1 else f"{len(replies)} replies"
    inside = tag("summary", label) + "".join(post(app, reply, []) for reply in replies)
    return tag("details", inside, "thread") if replies else ""


# --- What stands beside the chat


def planted(truth: Sequence[Record]) -> str:
    heads = "".join(tag("th", head, scope="col") for head in ("Planted", "From", "Until", "First told"))
    rows = "".join(map(planted_row, truth))
    table = tag("table", tag("thead", tag("tr", heads)) + tag("tbody", rows), "rows")
    return panel("planted", "Planted, and told", table if rows else "", "Nothing was planted.")


def planted_row(fact: Record) -> str:
    told = when(fact.get("told_at"))
    delay = tag("span", plain(fact.get("delay")), "after") if words(fact.get("delay")) else ""
    return tag(
        "tr",
        cell("", tag("span", plain(fact.get("kind")), "kind") + plain(fact.get("what")), "what")
        + cell("From", when(fact.get("start")))
        + cell("Until", when(fact.get("end")))
        + cell("First told", tag("b", told) + delay if told else "not told", "told" if told else "untold"),
    )


def cell(label: str, inside: str, classes: str = "") -> str:
    """On a phone the table falls into blocks, and the label stands before the value."""
    return tag("td", inside or "–", classes, **{"data-label": label})


def incident_table(incidents: Sequence[Record]) -> str:
    heads = "".join(tag("th", head, scope="col") for head in ("Incident", "State", "Opened", "Lasted"))
    rows = "".join(map(incident_row, incidents))
    table = tag("table", tag("thead", tag("tr", heads)) + tag("tbody", rows), "rows")
    return panel("incidents", "Incidents", table if rows else "", "No incident was opened.")


def incident_row(incident: Record) -> str:
    level = words(incident.get("severity")).lower()
    symbol, word = SEVERITIES.get(level, ("○", level or "unknown"))
    severity = tag(
        "span", f"{symbol} {escape(word)}", f"severity {word.lower() if level in SEVERITIES else ''}"
    )
    state = words(incident.get("state"))
    named = tag("span", STATES.get(state, escape(state)), "state " + (state if state in STATES else ""))
    opened, ended = incident.get("opened_at"), incident.get("resolved_at")
    about = tag("div", severity + tag("code", plain(incident.get("id")))) + plain(incident.get("what"))
    return tag(
        "tr",
        cell("", about + notes(incident.get("notes")) + history(incident), "what")
        + cell("State", named)
        + cell("Opened", when(opened))
        + cell("Lasted", lasted(opened, ended) if words(ended) else "until now"),
    )


def notes(value: Any) -> str:
    lines = [words(line) for line in value] if isinstance(value, list | tuple) else [words(value)]
    return "".join(tag("div", escape(line), "note") for line in lines if line)


def history(incident: Record) -> str:
    value = incident.get("transitions")
    lines = [
        tag("li", when(change.get("at")) + tag("b", plain(change.get("change"))) + plain(change.get("why")))
        for change in (map(node, value) if isinstance(value, list | tuple) else ())
    ]
    label = "1 change" if len(lines) == 1 else f"{len(lines)} changes"
    return tag("details", tag("summary", label) + tag("ol", "".join(lines)), "history") if lines else ""


def account(story: Sequence[str]) -> str:
    lines = "".join(tag("li", plain(line)) for line in story)
    return panel("story", "The account", tag("ol", lines, "story") if lines else "", "Nothing to tell.")
