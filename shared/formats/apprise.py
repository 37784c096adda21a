"""Apprise: any of its services by a URL, as a title and a text.

Apprise says of a notification only whether it went well, and a service that took it may still lose it.
"""

import json

from shared.core.model import Delivered, Notification, Outcome, Refused, RetryLater
from shared.formats.answers import by_status
from shared.formats.channel import Answer, Call, Channel
from shared.formats.message import SYMBOLS, Tone, as_text, compose, shortened

TYPES = {Tone.BAD: "failure", Tone.UNEASY: "warning", Tone.GOOD: "success", Tone.PLAIN: "info"}
NO_SERVICE = 404  # Apprise knows no service of the URL's form
MOST_BODY = 4_000  # characters; a service that takes fewer cuts it


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """One call: `title`, `body` without the title, and Apprise's own word for how bad it is."""
    composed = shortened(compose(notification), lambda one: len(as_text(one)) <= MOST_BODY)
    title = f"{SYMBOLS[composed.tone]} {composed.headline}"
    body = as_text(composed).removeprefix(composed.headline).strip()
    return (Call({"title": title, "body": body[:MOST_BODY], "type": TYPES[composed.tone]}),)


def outcome(answer: Answer) -> Outcome:
    """What Apprise's yes or no means: taken, or unsure."""
    if answer.status == NO_SERVICE:
        return Refused("Apprise knows no service for the channel's URL", closed=True)
    if answer.status != 200:
        return by_status(answer, "Apprise")
    if _is_true(answer.body):
        return Delivered(confirmed=False)
    return RetryLater("Apprise says that it did not go well, and no more", unsure=True)


def _is_true(body: str) -> bool:
    try:
        return json.loads(body) is True
    except (ValueError, RecursionError):
        return False


APPRISE = Channel(render, outcome)
