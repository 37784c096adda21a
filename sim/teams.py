"""The Teams receiver: a Workflows webhook that takes a card, answers 202 and says no more."""

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sim.messages import Mailbox, Message, Rejected
from sim.wire import Answer, Refusal, Request, as_json

ROUTE = re.compile(r"/teams/(?P<name>[^/]+)/workflows/[^/]+/triggers/manual/paths/invoke")
CARD_TYPE = "application/vnd.microsoft.card.adaptive"
MOST_BYTES = 28 * 1024
# Teams measures its own form of the card: a request of 24,453 bytes was counted as 28,897.
GROWTH = 1.18
MOST_A_SECOND = 4


class Teams:
    """Flows by name. A flow that gets more than four calls in one second answers 429."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.second: dict[str, tuple[tuple[int, int], int]] = {}

    def invoke(self, request: Request, name: str, now: datetime) -> Answer:
        if not request.parameters().get("sig"):
            return refusal(401, "DirectApiAuthorizationRequired", "The request needs a sig parameter.")
        if self.too_fast(name, now):
            return as_json({"error": {"code": "TooManyRequests"}}, 429, {"Retry-After": "1"})
        try:
            body = request.json()
        except Refusal:
            body = request.body.decode(errors="replace")
        fault = envelope_fault(body)
        if fault:
            self.mailbox.reject(Rejected(now, "teams", name, body, fault))
            return refusal(400, "InvalidRequestContent", fault)
        self.mailbox.add(Message(now, "teams", name, body, lost=counted_bytes(body) > MOST_BYTES))
        return Answer(202)

    def too_fast(self, name: str, now: datetime) -> bool:
        """More than four in what is the same second by both clocks.

        A replay moves hours in a wall second, and a test may leave the simulated clock alone.
        """
        second = int(now.timestamp()), int(time.monotonic())
        known, count = self.second.get(name, (second, 0))
        count = count + 1 if known == second else 1
        self.second[name] = second, count
        return count > MOST_A_SECOND


def refusal(status: int, code: str, message: str) -> Answer:
    return as_json({"error": {"code": code, "message": message}}, status)


def envelope_fault(body: Any) -> str:
    """What is wrong with a message; "" when nothing is."""
    if not isinstance(body, Mapping) or body.get("type") != "message":
        return "type must be message"
    attachments = body.get("attachments")
    if not isinstance(attachments, list) or not attachments:
        return "attachments must be a list that is not empty"
    faults = (card_fault(attachment) for attachment in attachments)
    return next((fault for fault in faults if fault), "")


def card_fault(attachment: Any) -> str:
    if not isinstance(attachment, Mapping) or attachment.get("contentType") != CARD_TYPE:
        return f"contentType must be {CARD_TYPE}"
    card = attachment.get("content")
    if not isinstance(card, Mapping) or card.get("type") != "AdaptiveCard":
        return "content must be an AdaptiveCard"
    if card.get("version") not in ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5"):
        return f"version {card.get('version')!r} is not supported"
    if not isinstance(card.get("body"), list):
        return "body must be a list"
    return ""


def counted_bytes(body: Mapping[str, Any]) -> float:
    """The size of the largest card, as Teams counts it."""
    sizes = (
        len(json.dumps(attachment["content"], separators=(",", ":"), ensure_ascii=False).encode())
        for attachment in body["attachments"]
    )
    return max(sizes) * GROWTH
