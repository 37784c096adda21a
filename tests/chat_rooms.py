"""The simulated Slack and Teams in this process: they refuse what the real ones refuse, or fail as told."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.core.faults import Unreachable
from shared.formats.channel import Answer, Call
from sim import wire
from sim.messages import Mailbox, Message
from sim.slack import Slack
from sim.teams import Teams

CHANNELS = {"slack": "C1", "teams": "on-call"}


@dataclass
class Fault:
    """What happens to a channel's next call. `arrives`: the chat has the message all the same."""

    answer: Answer | None  # None is a lost answer
    arrives: bool = False


class ChatRooms:
    """Answers calls as `ports.post`. `now` is the clock of the chats."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.mailbox = Mailbox()
        self.slack, self.teams = Slack(self.mailbox), Teams(self.mailbox)
        self.faults: dict[str, list[Fault]] = {}

    def __call__(self, channel: str, call: Call) -> Answer:
        waiting = self.faults.get(channel)
        fault = waiting.pop(0) if waiting else None
        answer = self._answer(channel, call) if fault is None or fault.arrives else None
        if fault is None:
            assert answer is not None
            return answer
        if fault.answer is None:
            raise Unreachable(f"no answer from channel {channel}: ReadTimeout")
        return fault.answer

    def _answer(self, channel: str, call: Call) -> Answer:
        body = json.dumps(call.body).encode()
        if channel == "slack":
            headers = {"authorization": "Bearer xoxb-simulated"}
            request = wire.Request("POST", f"/slack/api/{call.path}", "", headers, body)
            found = self.slack.call(request, call.path, self.now)
        else:
            self.teams.second.clear()  # the pace is kept in simulated time, not in this machine's
            request = wire.Request("POST", "/teams/on-call", "sig=1", {}, body)
            found = self.teams.invoke(request, CHANNELS[channel], self.now)
        return Answer(
            found.status, {name.lower(): value for name, value in found.headers.items()}, found.body.decode()
        )

    def posted(self, channel: str) -> list[Message]:
        """What interrupted somebody in a channel, in order; edits are not among it."""
        return [one for one in self.mailbox.messages if one.destination == CHANNELS[channel]]


def words(message: Message) -> str:
    """All that a message shows, as one text."""
    return json.dumps(message.body, ensure_ascii=False).replace("\u034f", "")


def numbered(message: Message) -> tuple[str, int]:
    """The incident that a message names first, and its number."""
    found = re.search(r"incident (MW-[0-9A-F]+), message (\d+)", words(message))
    assert found, words(message)
    return found[1], int(found[2])


def headline(body: Mapping[str, Any]) -> str:
    """What a phone shows."""
    text = body.get("text") or body["attachments"][0]["content"]["fallbackText"]
    return str(text).replace("\u034f", "")
