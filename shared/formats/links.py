"""Signed links: whoever holds one may do one thing about one incident, once, for some days.

A link says what it is for and is signed with the app's own key. Nothing of it is kept: that one was used
is a row, written together with what it did.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from shared.core.model import Act

LASTS = timedelta(days=7)
MOST_TOKEN = 2_000  # characters; ours have a few hundred
PURPOSE = b"meterwatch link 1|"  # what the key signs for something else is no link


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a link is for. `nonce` is nobody else's; `subject` as of an Offer."""

    act: Act
    subject: str
    channel: str  # where it was told
    expires: datetime  # to the second
    nonce: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where links lead, and the key that signs them."""

    address: str  # https
    key: bytes = field(repr=False)


def link_to(links: Links, ticket: Ticket) -> str:
    """The link that carries a ticket."""
    return f"{links.address}?t={sealed(ticket, links.key)}"


def sealed(ticket: Ticket, key: bytes) -> str:
    """A ticket as a token: letters, digits, "-", "_" and one point."""
    expires = int(ticket.expires.timestamp())
    said = [str(ticket.act), ticket.subject, ticket.channel, expires, ticket.nonce]
    payload = _text(msgspec.json.encode(said))
    return f"{payload}.{_signature(payload, key)}"


def unsealed(token: str, key: bytes, now: datetime) -> Ticket | str:
    """The ticket of a token, or why it is not to be honoured."""
    if len(token) > MOST_TOKEN:
        return "this link is not one of ours"
    payload, _, signature = token.partition(".")
    # The text is compared, not what it decodes to: of no link is there a second spelling.
    if not hmac.compare_digest(_signature(payload, key).encode(), signature.encode(errors="replace")):
        return "this link is not one of ours, or it was changed on its way"
    act, subject, channel, expires, nonce = msgspec.json.decode(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=tuple[Act, str, str, int, str]
    )
    if now.timestamp() >= expires:
        return f"this link has expired; it was good for {LASTS.days} days"
    return Ticket(act, subject, channel, datetime.fromtimestamp(expires, UTC), nonce)


def _signature(payload: str, key: bytes) -> str:
    said = PURPOSE + payload.encode(errors="replace")
    return _text(hmac.digest(key, said, hashlib.sha256))


def _text(some: bytes) -> str:
    return base64.urlsafe_b64encode(some).rstrip(b"=").decode()
