"""Slack: one message an incident, edited in place, with its history in the thread; or a plain webhook.

Limits as Slack has them (docs.slack.dev, block kit and chat.* methods); ours stay well inside.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from shared.core.model import Delivered, Notification, Outcome, Refused, RetryLater
from shared.formats.answers import by_status, retry_after
from shared.formats.channel import Answer, Call, Channel
from shared.formats.message import SYMBOLS, Message, Tone, compose

COLOURS = {Tone.BAD: "#D13438", Tone.UNEASY: "#F7A300", Tone.GOOD: "#2EB67D", Tone.PLAIN: "#2B88D8"}
MOST_FACTS = 10  # fields of a section
MOST_TEXT = 1500  # characters of a field or section; Slack takes 2000 and 3000, after escaping
JOINER = "\u034f"  # invisible; keeps Slack from reading a mark-up character in data

AGAIN = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
}
# Slack says of these that part of the work may have been done.
PERHAPS_DONE = {"internal_error", "fatal_error", "request_timeout"}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"}


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """By bot token. The first time a message; later an edit of it, then a line in its thread."""
    body = _body(compose(notification))
    if not receipt:
        return (Call({"channel": place, **body}, "chat.postMessage"),)
    channel, _, ts = receipt.partition("/")
    return (
        Call({"channel": channel, "ts": ts, **body}, "chat.update"),
        Call({"channel": channel, "thread_ts": ts, **body}, "chat.postMessage"),
    )


def outcome(answer: Answer) -> Outcome:
    """What the Web API's answer means; it answers 200 for refusals too."""
    if answer.status != 200:
        return by_status(answer, "Slack")
    said = _parsed(answer.body)
    if said.get("ok") is True:
        return Delivered(receipt=f"{said.get('channel', '')}/{said.get('ts', '')}")
    error = str(said.get("error", "an answer that is not Slack's"))
    if error in GONE:
        return Refused(f"Slack answered {error}", gone=True)
    if error in AGAIN or "error" not in said:
        return RetryLater(
            f"Slack answered {error}", retry_after(answer.headers), unsure=error in PERHAPS_DONE
        )
    return Refused(f"Slack answered {error}{_pointers(said)}")


def render_webhook(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """By incoming webhook: each notification is a message of its own."""
    return (Call(_body(compose(notification))),)


def outcome_webhook(answer: Answer) -> Outcome:
    """What an incoming webhook's answer means: a status and a word of text."""
    if answer.status == 200:
        return Delivered()
    return by_status(answer, "Slack")


def _body(message: Message) -> dict[str, Any]:
    title = f"{SYMBOLS[message.tone]} {message.headline}"
    blocks: list[dict[str, Any]] = []
    fields = [_text(f"*{escaped(fact.label)}*\n{_cut(fact.text)}") for fact in message.facts[:MOST_FACTS]]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    if message.why:
        blocks.append(_section(_cut(message.why)))
    if message.link:
        blocks.append({"type": "actions", "elements": [_button(message.link)]})
    blocks.append({"type": "context", "elements": [_text(_cut(message.small))]})
    return {
        "text": escaped(title),  # what a notification shows; the blocks take its place in the channel
        "blocks": [_section(f"*{escaped(title)}*")],
        "attachments": [{"color": COLOURS[message.tone], "fallback": escaped(title), "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _button(link: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Open in Azure"}
    return {"type": "button", "text": text, "url": link, "action_id": "open"}


def _cut(text: str) -> str:
    return escaped(text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…")


def escaped(text: str) -> str:
    """Data as Slack shows it letter by letter: no mention, link or emphasis can come out of it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"(?<!\w)[*_~`]|[*_~`](?!\w)", lambda found: JOINER + found[0], text)


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _pointers(said: Mapping[str, Any]) -> str:
    errors = said.get("errors")
    return ": " + "; ".join(map(str, errors))[:300] if isinstance(errors, list) else ""


SLACK = Channel(render, outcome)
SLACK_WEBHOOK = Channel(render_webhook, outcome_webhook)
