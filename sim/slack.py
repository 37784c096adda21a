"""The Slack receiver: chat.postMessage and chat.update with a bot token, and an incoming webhook."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sim.messages import Edit, Kind, Mailbox, Message, Rejected
from sim.slack_rules import MOST_TEXT, block_faults, text_length
from sim.wire import Answer, Refusal, Request, as_json, as_text

METHOD_ROUTE = re.compile(r"/slack/api/(?P<method>[\w.]+)")
WEBHOOK_ROUTE = re.compile(r"/slack/services/(?P<team>[^/]+)/(?P<bot>[^/]+)/(?P<secret>[^/]+)")

MOST_POSTED = 40_000  # characters of `text`
MOST_UPDATED = 4_000
MOST_ATTACHMENTS = 100
MOST_IN_ATTACHMENT = 20


class No(Exception):
    """Slack's own word for what it does not like, and the places."""

    def __init__(self, error: str, places: list[str] | None = None) -> None:
        super().__init__(error)
        self.error, self.places = error, places or []


class Slack:
    """One workspace. Channels whose id begins with C exist; others only when they are in `known`."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.known: set[str] = set()

    def call(self, request: Request, method: str, now: datetime) -> Answer:
        """A Web API call: HTTP 200 whatever comes of it."""
        body: Any = None
        try:
            if not request.headers.get("authorization", "").startswith("Bearer "):
                raise No("not_authed")
            body = json_body(request)
            if method == "chat.postMessage":
                return self.post(body, now)
            if method == "chat.update":
                return self.update(body, now)
            raise No("unknown_method")
        except No as no:
            self.reject("slack", channel_of(body), body, no, now)
            return as_json(refusal(no))

    def post(self, body: Mapping[str, Any], now: datetime) -> Answer:
        channel = self.channel(body)
        check_message(body, MOST_POSTED)
        thread = str(body.get("thread_ts") or "")
        if thread and self.mailbox.find(channel, thread) is None:
            raise No("thread_not_found")
        ts = self.mailbox.post(Message(now, "slack", channel, body, thread_ts=thread))
        return as_json({"ok": True, "channel": channel, "ts": ts, "message": {**body, "ts": ts}})

    def update(self, body: Mapping[str, Any], now: datetime) -> Answer:
        channel, ts = self.channel(body), str(body.get("ts") or "")
        check_message(body, MOST_UPDATED)
        if not self.mailbox.edit(channel, ts, Edit(now, body)):
            raise No("message_not_found")
        return as_json({"ok": True, "channel": channel, "ts": ts, "text": body.get("text", "")})

    def channel(self, body: Mapping[str, Any]) -> str:
        channel = str(body.get("channel") or "")
        if not channel.startswith("C") and channel not in self.known:
            raise No("channel_not_found")
        return channel

    def webhook(self, request: Request, team: str, bot: str, secret: str, now: datetime) -> Answer:
        """An incoming webhook: plain text, and no ts to come back to."""
        if (team, bot) != ("T000", "B000"):
            return as_text("no_service", 404)
        body: Any = None
        try:
            body = json_body(request, "invalid_payload")
            check_message(body, MOST_POSTED)
        except No as no:
            self.reject("slack webhook", secret, body, no, now)
            return as_text(no.error, 400)
        self.mailbox.add(Message(now, "slack webhook", secret, body))
        return as_text("ok")

    def reject(self, kind: Kind, destination: str, body: Any, no: No, now: datetime) -> None:
        why = "; ".join([no.error, *no.places])
        self.mailbox.reject(Rejected(now, kind, destination, body, why))


def json_body(request: Request, error: str = "invalid_json") -> Mapping[str, Any]:
    try:
        body = request.json()
    except Refusal as wrong:
        raise No(error) from wrong
    if not isinstance(body, dict):
        raise No(error)
    return body


def channel_of(body: Any) -> str:
    return str(body.get("channel", "")) if isinstance(body, Mapping) else ""


def refusal(no: No) -> dict[str, Any]:
    answer: dict[str, Any] = {"ok": False, "error": no.error}
    if no.places:
        answer["errors"] = no.places
        answer["response_metadata"] = {"messages": [f"[ERROR] {place}" for place in no.places]}
    return answer


def check_message(body: Mapping[str, Any], most_text: int) -> None:
    """Raises No for a message that Slack would refuse whole."""
    text, blocks, attachments = body.get("text"), body.get("blocks"), body.get("attachments")
    if not text and not blocks and not attachments:
        raise No("no_text")
    if isinstance(text, str) and len(text) > most_text:
        raise No("msg_too_long")
    faults = block_faults(blocks) if blocks else []
    if faults:
        raise No("invalid_blocks", faults)
    check_attachments(attachments or [])
    if text_length(blocks) + text_length(attachments) > MOST_TEXT:
        raise No("msg_blocks_too_long")


def check_attachments(attachments: Any) -> None:
    if not isinstance(attachments, list) or not all(isinstance(one, Mapping) for one in attachments):
        raise No("invalid_attachments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise No("too_many_attachments")
    for number, attachment in enumerate(attachments):
        blocks = attachment.get("blocks") or []
        faults = block_faults(blocks, f"/attachments/{number}/blocks")
        if faults or len(blocks) > MOST_IN_ATTACHMENT:
            raise No("invalid_attachments", faults)
