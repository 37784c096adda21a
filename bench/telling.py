"""How fast alerts are taken in and told, and what becomes of a storm: `python -m bench.telling`.

Accept and deliver on SQLite in a file and on Azure Tables in a real Azurite, with a chat that answers at once
and never throttles, on a simulated clock; each figure with its ratio to bare commits of one row to the same
store. Then a storm of 5,000 alerts in a minute: how many messages it becomes, and when all of it is told.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.core.model import Alert, Kind, Scope, Severity
from shared.core.rows import Put
from shared.edges.sqlite import SqliteStore
from shared.edges.tables import TableStore
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.ports import Ports, Store
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.channel import Answer, Call
from shared.formats.watch_file import parse_watch
from tests.azurite import running_azurite, why_no_azurite

NOW = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALERTS = {"SQLite": 1_000, "Azure Tables": 200}
STORM = 5_000
WATCH = """
channels:
  slack: {kind: slack, secret: A, channel: C1}
  teams: {kind: teams, secret: B}
limits:
  - {name: failing, meter: failed share, above: 10}
"""
ENDLESS = WATCH.replace("}\n", ", most_per_hour: 1000}\n", 2)


class Chat:
    """Takes everything at once, and counts."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Call]] = []

    def __call__(self, channel: str, call: Call) -> Answer:
        self.taken.append((channel, call))
        return Answer(
            200 if channel == "slack" else 202, {}, f'{{"ok":true,"channel":"C1","ts":"{len(self.taken)}.0"}}'
        )


def an_alert(number: int, severity: Severity = Severity.WARNING) -> Alert:
    """A deployment that fails; ten to an account, fifty accounts to a subscription."""
    account, subscription = number // 10, number // 500
    resource = f"/subscriptions/{subscription:08d}-0000-0000-0000-000000000000/resourcegroups/rg/a/{account}"
    return Alert(
        key=f"limit|failing|{number}",
        kind=Kind.LIMIT,
        rule="failing",
        scope=Scope(resource, f"chat-{number % 10}"),
        firing=True,
        severity=severity,
        what=f"failed share 31 % on chat-{number % 10} in {account}, limit 10 %",
        since=NOW,
        at=NOW,
        as_of=NOW,
        why="above the limit for 15 min",
        seen=None,
        against=None,
    )


def ports_on(store: Store, chat: Chat, watch: str = WATCH) -> Ports:
    ids = count()
    nobody: Any = None
    return Ports(store, nobody, chat, parse_watch(watch), lambda: f"id{next(ids)}")


def a_second(act: Callable[[], int]) -> tuple[float, float]:
    """How often a second of wall time, and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    done = act()
    return done / (time.perf_counter() - wall), done / (time.process_time() - cpu)


def measure(name: str, store: Store) -> None:
    alerts = [an_alert(number) for number in range(ALERTS[name])]
    chat = Chat()
    ports = ports_on(store, chat, ENDLESS)

    def bare() -> int:
        for number in range(len(alerts)):
            store.commit("bare", [Put(f"{number}", b"x" * 800, "")])
        return len(alerts)

    def taken_in() -> int:
        for alert in alerts:
            accept(ports, [alert], NOW)
        return len(alerts)

    def told() -> int:
        before = len(chat.taken)
        for place, nudge in enumerate(tend(ports, NOW)):
            deliver(ports, nudge, NOW + place * timedelta(seconds=5))
        return len(chat.taken) - before

    basis = a_second(bare)
    print(f"\n{name}: {basis[0]:,.0f} bare commits a second, {basis[1]:,.0f} a second of CPU")
    for label, act in (("alerts accepted", taken_in), ("messages told", told)):
        wall, cpu = a_second(act)
        print(f"  {label:<16} {wall:8,.0f} a second ({wall / basis[0]:.2f} of bare), {cpu:,.0f} a CPU second")


def storm(store: Store) -> None:
    """5,000 alerts in a minute, then time passes until nothing waits."""
    chat = Chat()
    ports = ports_on(store, chat)
    accept(ports, (an_alert(one) for one in range(STORM)), NOW)
    print(f"\na storm: {STORM:,} alerts in a minute, {len(chat.taken)} messages yet")
    began, minutes = time.perf_counter(), 0
    while any(store.scan(records.ALERTS, "waiting|")):
        for nudge in tend(ports, NOW + minutes * MINUTE):
            deliver(ports, nudge, NOW + minutes * MINUTE)
        minutes += 1
    said = [json.dumps(call.body) for channel, call in chat.taken if channel == "teams"]
    counted = sum("in short" in text for text in said)
    print(f"  all told after {minutes} minutes, in {time.perf_counter() - began:.0f} s of work")
    print(f"  {len(said)} messages in Teams, {counted} of them summaries")


@contextmanager
def sqlite() -> Iterator[Store]:
    with TemporaryDirectory() as folder:
        yield SqliteStore(Path(folder) / "bench.db")


def main() -> None:
    with sqlite() as store:
        measure("SQLite", store)
    if why := why_no_azurite():
        print(f"\nAzure Tables: not measured, {why}")
    else:
        with running_azurite() as azurite:
            measure("Azure Tables", TableStore.from_connection_string(azurite.connection_string))
    with sqlite() as store:
        storm(store)


if __name__ == "__main__":
    main()
