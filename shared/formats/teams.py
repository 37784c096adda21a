"""Teams by a Workflows webhook: an Adaptive Card a notification; nothing can be edited later.

Declared 1.4 and composed of 1.2 elements, which is what phones show. Teams counts a card some 18 %
larger than it is sent and drops more than 28 KiB after having answered 202, so ours stay under 20 KiB.
"""

import json
from dataclasses import replace
from typing import Any

from shared.core.model import Delivered, Notification, Outcome, RetryLater
from shared.formats.answers import by_status
from shared.formats.channel import Answer, Call, Channel
from shared.formats.message import SYMBOLS, Message, Tone, compose

MOST_BYTES = 20_480
MOST_TEXT = 2_000  # characters of one text
JOINER = "\u034f"  # invisible; keeps Teams from reading Markdown in data
STYLES = {Tone.BAD: "attention", Tone.UNEASY: "warning", Tone.GOOD: "good", Tone.PLAIN: "accent"}


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """One card; facts are dropped from the end until it fits."""
    message = compose(notification)
    body = _envelope(message)
    while len(json.dumps(body, ensure_ascii=False).encode()) > MOST_BYTES and message.facts:
        message = replace(message, facts=message.facts[:-1], small=f"{message.small} · shortened")
        body = _envelope(message)
    return (Call(body),)


def outcome(answer: Answer) -> Outcome:
    """202 says that the flow was queued, never that the card is in the channel."""
    if answer.status in (200, 201, 202, 204):
        if "429" in answer.body and "error" in answer.body.lower():
            return RetryLater(f"Teams answered {answer.status} with a throttling error in the text")
        return Delivered(confirmed=False)
    return by_status(answer, "Teams")


def _envelope(message: Message) -> dict[str, Any]:
    title = f"{SYMBOLS[message.tone]} {message.headline}"
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title[:MOST_TEXT],
        "msteams": {"width": "Full"},
        "body": [
            _headline(title, message.tone),
            *_middle(message),
            _line(message.small, size="Small", isSubtle=True),
        ],
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open in Azure", "url": message.link}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _headline(title: str, tone: Tone) -> dict[str, Any]:
    return {
        "type": "Container",
        "style": STYLES[tone],
        "bleed": True,
        "items": [_line(title, weight="Bolder", size="Medium")],
    }


def _middle(message: Message) -> list[dict[str, Any]]:
    facts = [{"title": escaped(fact.label), "value": _cut(fact.text)} for fact in message.facts]
    parts: list[dict[str, Any]] = [{"type": "FactSet", "facts": facts}] if facts else []
    return [*parts, _line(message.why)] if message.why else parts


def _line(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": _cut(text), "wrap": True, **look}


def _cut(text: str) -> str:
    return escaped(text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…")


def escaped(text: str) -> str:
    """Data as Teams shows it letter by letter: no link, list or emphasis can come out of it."""
    return "".join(JOINER + letter if letter in "*_[]~#`<" else letter for letter in " ".join(text.split()))


TEAMS = Channel(render, outcome)
