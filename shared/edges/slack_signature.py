"""Whether a request comes from Slack: its signature over the body as it was sent, and its age."""

from collections.abc import Mapping
from datetime import datetime

from slack_sdk.signature import Clock, SignatureVerifier


class _At(Clock):
    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> float:
        return self._moment.timestamp()


def is_signed(secret: str, body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
    """Whether Slack signed these bytes within five minutes of `now`. Headers of any shape are no error."""
    try:
        return SignatureVerifier(secret, _At(now)).is_valid_request(body, dict(headers))
    except (ValueError, OverflowError, TypeError):  # a time that is none, a body or signature that is no text
        return False
