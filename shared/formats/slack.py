"""Slack: one message an incident, edited in place, with its history in the thread; or a plain webhook.

Limits as Slack has them (docs.slack.dev, block kit and chat.* methods); ours stay well inside.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.core.model import Delivered, Notification, Outcome, Reason, Refused, RetryLater
from shared.formats.answers import by_status, retry_after
from shared.formats.channel import Answer, Call, Channel
from shared.formats.loose import listed, mapping, one_line
from shared.formats.message import SYMBOLS, Message, Tone, as_text, compose, shortened
from shared.formats.slack_buttons import buttons

COLOURS = {Tone.BAD: "#D13438", Tone.UNEASY: "#F7A300", Tone.GOOD: "#2EB67D", Tone.PLAIN: "#2B88D8"}
# Characters, after escaping. Of a field and a section Slack takes 2000 and 3000; of a whole message no
# document says how many, but some 13,000 were refused.
MOST_LABEL, MOST_FIELD = 90, 1_900
MOST_SECTION = 2_900
MOST_MESSAGE = 10_000
MOST_TEXT = 3_900  # of a message without blocks
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
# A message without blocks may be taken all the same.
ILL_FORMED = {
    "invalid_blocks",
    "invalid_blocks_format",
    "invalid_attachments",
    "msg_blocks_too_long",
    "msg_too_long",
    "too_many_attachments",
    "no_text",
}
# Whatever is sent, it is refused, until a person mends the channel or the token.
CLOSED = {
    "channel_not_found",
    "is_archived",
    "not_in_channel",
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "restricted_action",
    "ekm_access_denied",
}
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"}


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """By bot token. The first time a message; later an edit of it, then a line in its thread.

    The message shows how things stand, its thread what was new. What need not interrupt anybody is only
    edited in.
    """
    body = _body(notification)
    if not receipt:
        return (Call({"channel": place, **body}, "chat.postMessage"),)
    channel, _, ts = receipt.partition("/")
    # An edit, unlike a post, has Slack look for links and names in the text unless told not to.
    stands = _body(replace(notification, reason=Reason.CHANGED))
    edit = Call({"channel": channel, "ts": ts, **stands, "parse": "none", "link_names": False}, "chat.update")
    if notification.reason is Reason.CHANGED:
        return (edit,)
    # The thread is history: what can be done stands at the one message that is kept up to date.
    told = _body(replace(notification, offers=()))
    return edit, Call({"channel": channel, "thread_ts": ts, **told}, "chat.postMessage")


def outcome(answer: Answer) -> Outcome:
    """What the Web API's answer means; it answers 200 for refusals too."""
    if answer.status != 200:
        return by_status(answer, "Slack")
    said = _parsed(answer.body)
    if said.get("ok") is True:
        return Delivered(receipt=_receipt(said))
    error = one_line(said.get("error"), 200)
    if not error:
        return RetryLater("Slack answered something that is not its own", unsure=True)
    if error in GONE:
        return Refused(f"Slack answered {error}", gone=True)
    if error in AGAIN:
        return RetryLater(
            f"Slack answered {error}", retry_after(answer.headers), unsure=error in PERHAPS_DONE
        )
    why = f"Slack answered {error}{_pointers(said)}"
    return Refused(why, form=error in ILL_FORMED, closed=error in CLOSED)


def render_webhook(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """By incoming webhook: each notification is a message of its own."""
    return (Call(_body(notification)),)


def outcome_webhook(answer: Answer) -> Outcome:
    """What an incoming webhook's answer means: a status and a word of text."""
    if answer.status == 200:
        return Delivered()
    return by_status(answer, "Slack")


def _body(notification: Notification) -> dict[str, Any]:
    composed = compose(notification)
    if notification.plain:
        short = shortened(composed, lambda one: len(escaped(as_text(one))) <= MOST_TEXT)
        return {"text": escaped(as_text(short))[:MOST_TEXT], "unfurl_links": False, "unfurl_media": False}
    return _form(shortened(composed, lambda one: _length(_form(one)) <= MOST_MESSAGE))


def _form(message: Message) -> dict[str, Any]:
    title = escaped(f"{SYMBOLS[message.tone]} {message.headline}")
    blocks: list[dict[str, Any]] = []
    fields = [
        _text(f"*{_cut(fact.label, MOST_LABEL)}*\n{_cut(fact.text, MOST_FIELD)}") for fact in message.facts
    ]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    if message.why:
        blocks.append(_section(_cut(message.why, MOST_SECTION)))
    controls = buttons(message.offers) + ([_button(message.link)] if message.link else [])
    if controls:
        blocks.append({"type": "actions", "elements": controls})
    if message.offers:  # an edit has another id, else Slack would show what was chosen before
        blocks[-1]["block_id"] = f"controls {message.number}"
    blocks.append({"type": "context", "elements": [_text(_cut(message.small, MOST_FIELD))]})
    return {
        "text": title,  # what a notification shows; the blocks take its place in the channel
        "blocks": [_section(f"*{title}*")],
        "attachments": [{"color": COLOURS[message.tone], "fallback": title, "blocks": blocks}],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _length(part: object) -> int:
    """The characters of all texts in a body, at any depth."""
    if isinstance(part, dict):
        return sum(map(_length, part.values()))
    if isinstance(part, list):
        return sum(map(_length, part))
    return len(part) if isinstance(part, str) else 0


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}  # verbatim: no links made of bare addresses


def _button(link: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": "Open in Azure"}
    return {"type": "button", "text": text, "url": link, "action_id": "open"}


def _cut(text: str, most: int) -> str:
    """Data, escaped, in at most so many characters; nothing is cut in the middle of an escape."""
    shown = escaped(text)
    while len(shown) > most:
        text = text[: len(text) * most // len(shown) - 1]
        shown = escaped(f"{text}…")
    return shown


def escaped(text: str) -> str:
    """Data as Slack shows it letter by letter: no mention, link, quote or emphasis can come out of it."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"(?<!\w)[*_~`]|[*_~`](?!\w)|^&gt;", rf"{JOINER}\g<0>", text)
    return re.sub(r":(?=[\w+'-]+:)", f":{JOINER}", text)


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}


def _receipt(said: Mapping[str, Any]) -> str:
    """What a later edit needs; "" when Slack did not say, and then there is none."""
    channel, ts = one_line(said.get("channel")), one_line(said.get("ts"))
    return f"{channel}/{ts}" if channel and ts else ""


def _pointers(said: Mapping[str, Any]) -> str:
    errors = "; ".join(filter(None, map(one_line, listed(said.get("errors")))))
    return f": {errors[:300]}" if errors else ""


SLACK = Channel(render, outcome, edits=True)
SLACK_WEBHOOK = Channel(render_webhook, outcome_webhook)
