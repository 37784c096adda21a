"""What the chat receivers were sent, in order, with every later version of a message."""

from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Literal

Kind = Literal["teams", "slack", "slack webhook"]


@dataclass(slots=True)
class Edit:
    at: datetime
    body: Any


@dataclass(slots=True)
class Message:
    """One accepted message. `lost` is accepted and never shown, as Teams does with a card too large."""

    at: datetime  # simulated
    kind: Kind
    destination: str  # Teams: the flow's name; Slack: the channel, or the webhook's last part
    body: Any
    ts: str = ""
    thread_ts: str = ""
    lost: bool = False
    versions: list[Edit] = field(default_factory=list)


@dataclass(slots=True)
class Rejected:
    """A message that was not taken, and the answer it got."""

    at: datetime
    kind: Kind
    destination: str
    body: Any
    why: str


class Mailbox:
    """All messages of a run. Safe to use from several threads."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.rejected: list[Rejected] = []
        self.lock = Lock()

    def add(self, message: Message) -> None:
        with self.lock:
            self.messages.append(message)

    def post(self, message: Message) -> str:
        """Add a Slack message and answer its ts: the simulated second and a number nobody else has."""
        with self.lock:
            message.ts = f"{int(message.at.timestamp())}.{len(self.messages) + 1:06d}"
            self.messages.append(message)
        return message.ts

    def edit(self, channel: str, ts: str, edit: Edit) -> bool:
        """False when there is no such message."""
        with self.lock:
            found = self.find(channel, ts)
            if found:
                found.versions.append(edit)
        return found is not None

    def find(self, channel: str, ts: str) -> Message | None:
        mine = (found for found in self.messages if found.ts == ts and found.destination == channel)
        return next(mine, None)

    def reject(self, rejected: Rejected) -> None:
        with self.lock:
            self.rejected.append(rejected)
