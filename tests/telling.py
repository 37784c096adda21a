"""A chat at the wire, ports that tell it, and looks into the store: for stories about what is told."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from shared.core.model import (
    Alert,
    Conversation,
    Delivery,
    Incident,
    Kind,
    Scope,
    Severity,
    Transition,
)
from shared.edges.sqlite import SqliteStore
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.channel import Answer, Call
from shared.formats.watch_file import parse_watch

NOW = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SCOPE = Scope("/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg", "chat")
WATCH = """
channels:
  slack: {kind: slack, secret: A, channel: C1}
  teams: {kind: teams, secret: B}
limits:
  - {name: ptu, meter: PTU utilisation, above: 90}
"""


def limit(firing: bool = True, severity: Severity = Severity.WARNING, **named: Any) -> Alert:
    """An alert about a limit that holds, or holds no more."""
    plain = Alert(
        key="limit|ptu|chat",
        kind=Kind.LIMIT,
        rule="ptu",
        scope=SCOPE,
        firing=firing,
        severity=severity,
        what="PTU utilisation 97 % on chat, limit 90 %",
        since=NOW,
        at=NOW,
        why="above the limit for 15 min",
    )
    return replace(plain, **named)


class Chat:
    """Slack and Teams at the wire: answers as they do, or as `script` says, and remembers what came."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, Call]] = []
        self.arrived: list[tuple[str, Call]] = []  # those that were not turned away
        self.script: dict[str, list[Answer | BaseException]] = {}

    def __call__(self, channel: str, call: Call) -> Answer:
        self.posts.append((channel, call))
        answer = self._answer(channel, call)
        if isinstance(answer, BaseException) or answer.status < 300:
            self.arrived.append((channel, call))
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _answer(self, channel: str, call: Call) -> Answer | BaseException:
        if waiting := self.script.get(channel):
            return waiting.pop(0)
        if channel == "teams":
            return Answer(202)
        ts = call.body.get("ts") or f"{len(self.posts)}.0"
        return Answer(200, {}, json.dumps({"ok": True, "channel": "C1", "ts": ts}))

    def of(self, channel: str) -> list[Call]:
        return [call for name, call in self.posts if name == channel]


class Killed(BaseException):
    """The process ends here."""


class Mortal:
    """A process that dies at the n-th call of any of the parts that it stands before."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def standing_before(self, part: Any) -> Any:
        return _Guarded(self, part)

    def count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


class _Guarded:
    def __init__(self, mortal: Mortal, part: Any) -> None:
        self._mortal, self._part = mortal, part

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        def call(*given: Any) -> Any:
            self._mortal.count()
            return method(*given)

        return call


@contextmanager
def ports_telling(chat: Chat, file: Path | str, watch: str = WATCH) -> Iterator[Ports]:
    """Ports on a real store that post to `chat`; nothing asks Azure."""
    ids = count()
    store = SqliteStore(file)
    nobody: Any = None
    yield Ports(store, azure=nobody, post=chat, watch=parse_watch(watch), new_id=lambda: f"id{next(ids)}")
    store.close()


def tell(ports: Ports, alerts: Iterable[Alert], now: datetime) -> None:
    """Takes alerts in and sends what they cause."""
    for nudge in accept(ports, alerts, now):
        deliver(ports, nudge, now)


def keys(ports: Ports, prefix: str) -> list[str]:
    return [row.key for row in ports.store.scan(records.ALERTS, prefix)]


def deliveries(ports: Ports) -> list[Delivery]:
    return [records.decode(row.body, Delivery) for row in ports.store.scan(records.ALERTS, "delivery|")]


def conversations(ports: Ports) -> list[Conversation]:
    return [
        records.decode(row.body, Conversation) for row in ports.store.scan(records.ALERTS, "conversation|")
    ]


def incidents(ports: Ports) -> list[Incident]:
    return [records.decode(row.body, Incident) for row in ports.store.scan(records.ALERTS, "incident|")]


def changes(ports: Ports) -> list[str]:
    rows = ports.store.scan(records.ALERTS, "transition|")
    return [records.decode(row.body, Transition).change for row in rows]


def links_on(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The links of a card, those behind a further button too."""
    inner = [
        links_on(one["card"]) if one["type"] == "Action.ShowCard" else [one]
        for one in card.get("actions", ())
    ]
    return [one for ones in inner for one in ones]
