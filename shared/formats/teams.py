"""Teams by a Workflows webhook: an Adaptive Card a notification; nothing can be edited later.

Declared 1.4 and composed of 1.2 elements, which is what phones show. Teams counts a card some 18 %
larger than it is sent and drops more than 28 KiB after having answered 202, so ours stay under 20 KiB.
"""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.core.acts import ACT_WORDS
from shared.core.model import Delivered, Notification, Outcome
from shared.formats.answers import by_status
from shared.formats.channel import Answer, Call, Channel
from shared.formats.message import SYMBOLS, Message, Tone, as_text, compose, shortened

MOST_BYTES = 20_480
JOINER = "\u034f"  # invisible; keeps Teams from reading Markdown in data
# Nothing that stands beside these two keeps them from being read, and Teams' phones do not know "\*".
LOOK_ALIKES = str.maketrans({"*": "\u2217", "`": "\u02cb"})
MOST_PLAIN = 3_000  # characters of a card that is one text
_CARD = {
    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
    "type": "AdaptiveCard",
    "version": "1.4",
}
MOST_SIDE_BY_SIDE = 3  # buttons that a phone shows in full
STYLES = {Tone.BAD: "attention", Tone.UNEASY: "warning", Tone.GOOD: "good", Tone.PLAIN: "accent"}


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """One card; facts are dropped from the end until it fits."""
    composed = compose(notification)
    if notification.plain:
        return (Call(_wrapped(_plain_card(composed))),)
    message = shortened(composed, lambda one: _size(_envelope(one)) <= MOST_BYTES)
    return (Call(_envelope(message)),)


def outcome(answer: Answer) -> Outcome:
    """202 says that the flow was queued, never that the card is in the channel."""
    if answer.status not in (200, 201, 202, 204):
        return by_status(answer, "Teams")
    # An older road answers 200 and puts the true status into the text.
    if inner := re.search(r"HTTP error ([45][0-9]{2})\b", answer.body):
        return by_status(replace(answer, status=int(inner[1])), "Teams")
    return Delivered(confirmed=False)


def _size(body: dict[str, Any]) -> int:
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _envelope(message: Message) -> dict[str, Any]:
    title = f"{SYMBOLS[message.tone]} {message.headline}"
    card = {
        **_CARD,
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": [
            _headline(title, message.tone),
            *_middle(message),
            _line(message.small, size="Small", isSubtle=True),
        ],
    }
    if actions := _actions(message):
        card["actions"] = actions
    return _wrapped(card)


def _plain_card(message: Message) -> dict[str, Any]:
    title = f"{SYMBOLS[message.tone]} {message.headline}"
    short = shortened(message, lambda one: len(as_text(one)) <= MOST_PLAIN)
    lines = as_text(short)[:MOST_PLAIN].splitlines()
    body = [_line(line) for line in lines]
    return {**_CARD, "fallbackText": title, "msteams": {"width": "Full"}, "body": body}


def _actions(message: Message) -> list[dict[str, Any]]:
    """The first act and the link to Azure; the other acts behind a third button, for a phone's width."""
    acts = [_link(ACT_WORDS[one.act], one.link) for one in message.offers if one.link]
    azure = [_link("Open in Azure", message.link)] if message.link else []
    if len(acts) < MOST_SIDE_BY_SIDE:
        return acts + azure
    more = {"type": "AdaptiveCard", "version": _CARD["version"], "actions": acts[1:]}
    return [acts[0], *azure, {"type": "Action.ShowCard", "title": "More", "card": more}]


def _link(title: str, url: str) -> dict[str, Any]:
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def _wrapped(card: dict[str, Any]) -> dict[str, Any]:
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
    facts = [{"title": escaped(fact.label), "value": escaped(fact.text)} for fact in message.facts]
    parts: list[dict[str, Any]] = [{"type": "FactSet", "facts": facts}] if facts else []
    return [*parts, _line(message.why)] if message.why else parts


def _line(text: str, **look: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": escaped(text), "wrap": True, **look}


def escaped(text: str) -> str:
    """Data as Teams shows it, nearly letter by letter: no link, list or emphasis can come out of it."""
    text = text.translate(LOOK_ALIKES)
    text = re.sub(r"[\[\]()#~<&\\]|(?<!\w)_|_(?!\w)", rf"{JOINER}\g<0>{JOINER}", text)
    return re.sub(r"^(?=[-+>=]|\d+[.)])", JOINER, text)


TEAMS = Channel(render, outcome, pace=timedelta(seconds=2))  # well under its 4 a second
