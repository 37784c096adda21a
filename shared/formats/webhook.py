"""A webhook of your own: JSON of a stable shape, signed, for programs rather than for people.

The shape only grows: what is there keeps its name and meaning while `version` is 1. Its receiver checks the
signature over the timestamp and the exact body, refuses old timestamps, and knows a repeat by `id`.
"""

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.core.model import Alert, Delivered, Incident, Notification, Outcome, Quantity
from shared.formats.answers import by_status
from shared.formats.channel import Answer, Call, Channel, encoded
from shared.formats.loose import one_line
from shared.formats.message import as_text, compose

VERSION = 1
TIMESTAMP, SIGNATURE = "X-Meterwatch-Timestamp", "X-Meterwatch-Signature"
MOST_INCIDENTS = 50  # of one message one by one; the text counts all
MOST_TEXT = 2_000  # characters of one value


def render(notification: Notification, place: str, receipt: str) -> tuple[Call, ...]:
    """One call, not signed yet; without its incidents when it was refused with them."""
    composed = compose(notification)
    ones = () if notification.plain else notification.incidents[:MOST_INCIDENTS]
    body = {
        "version": VERSION,
        "id": one_line(notification.id, MOST_TEXT),
        "channel": one_line(notification.channel, MOST_TEXT),
        "sequence": notification.sequence,
        "thread": notification.thread,
        "reason": str(notification.reason),
        "at": _moment(notification.at),
        "may_repeat": notification.may_repeat,
        "headline": composed.headline,
        "text": as_text(composed),
        "incidents": [_incident(one, one.id in notification.news) for one in ones],
        "left_out": len(notification.incidents) - len(ones),
    }
    return (Call(body, headers={TIMESTAMP: str(int(notification.at.timestamp()))}),)


def outcome(answer: Answer) -> Outcome:
    """Any 2xx is a delivery."""
    if 200 <= answer.status < 300:
        return Delivered()
    return by_status(answer, "The webhook")


def signed(call: Call, key: bytes) -> Call:
    """The call with its signature: HMAC-SHA256 over the timestamp, a full stop and the body as it is sent."""
    stamp = call.headers.get(TIMESTAMP, "")
    digest = hmac.new(key, f"{stamp}.".encode() + encoded(call), hashlib.sha256).hexdigest()
    return replace(call, headers={**call.headers, SIGNATURE: f"sha256={digest}"})


def _incident(incident: Incident, news: bool) -> dict[str, Any]:
    return {
        "id": one_line(incident.id, MOST_TEXT),
        "news": news,
        "state": str(incident.state),
        "opened_at": _moment(incident.opened_at),
        "resolved_at": _moment(incident.resolved_at),
        "acknowledged_by": one_line(incident.acknowledged_by, MOST_TEXT),
        "confirmed_by": [one_line(one, MOST_TEXT) for one in incident.confirmed_by],
        **_alert(incident.alert),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    texts = {
        "rule": alert.rule,
        "resource": alert.scope.resource,
        "part": alert.scope.part,
        "owner": alert.owner,
        "what": alert.what,
        "why": alert.why,
        "link": alert.link,
        "source": alert.source,
    }
    return {
        "severity": alert.severity.name.lower(),
        "kind": str(alert.kind),
        **{name: one_line(text, MOST_TEXT) for name, text in texts.items()},
        "since": _moment(alert.since),
        "as_of": _moment(alert.as_of),
        "seen": _quantity(alert.seen),
        "against": _quantity(alert.against),
        "test": alert.test,
    }


def _quantity(quantity: Quantity | None) -> dict[str, str] | None:
    """The value as text: a decimal has no rounding there."""
    if quantity is None:
        return None
    return {"value": f"{quantity.value:f}", "unit": one_line(quantity.unit, MOST_TEXT)}


def _moment(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


WEBHOOK = Channel(render, outcome)
