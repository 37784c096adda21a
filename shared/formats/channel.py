"""A channel is two pure functions: a notification into calls, and an answer into an outcome."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.core.model import Notification, Outcome


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP POST of JSON. `path` goes behind the channel's address; "" is the address itself."""

    body: Mapping[str, Any]
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # besides the channel's own


def encoded(call: Call) -> bytes:
    """The body exactly as it is sent."""
    return json.dumps(call.body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a channel said. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of channel.

    `render(notification, place, receipt)` answers the calls to make, in order, each only after the
    one before was delivered. `place` is where in the service to post (a Slack channel id, or "").
    `receipt` is that of the incident's first message, "" before it. Repeating all calls is harmless
    up to the last, which posts.
    """

    render: Callable[[Notification, str, str], tuple[Call, ...]]
    outcome: Callable[[Answer], Outcome]
    pace: timedelta = timedelta(seconds=1)  # between two messages
    edits: bool = False  # whether a message can be changed after it was sent
