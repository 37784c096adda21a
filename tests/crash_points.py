"""`python -m tests.crash_points STORE TENANT`: kills a process after each of its I/O steps.

Each story runs in a forked child that opens the store anew and is killed (SIGKILL) after its n-th call of
the store or a chat; a second child takes up what it left, and goes on. Prints a line of JSON for each n:
what the chats have, and what the store says. STORE is a folder, or a connection string of Azure Tables.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from shared.core.model import Incident, Severity
from shared.edges.chat import Address, ChatPost
from shared.edges.sqlite import SqliteStore
from shared.edges.tables import TableStore
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.ports import Ports, Store
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.watch_file import parse_watch
from tests.telling import MINUTE, NOW, limit

MOST_STEPS = 400
PHASES = (
    (0, limit),
    (10, lambda: limit(severity=Severity.CRITICAL)),
    (20, lambda: limit(firing=False)),
)
TAKEN_UP = 4 * MINUTE  # later, when every lease has run out


def watch_of(run: str) -> str:
    """Channels of its own for each run, so that the chats tell the runs apart."""
    return f"""
channels:
  slack: {{kind: slack, secret: A, channel: C{run}}}
  teams: {{kind: teams, secret: B}}
limits:
  - {{name: ptu, meter: PTU utilisation, above: 90}}
"""


def store_at(where: str, run: str) -> Store:
    if "=" in where:
        return TableStore.from_connection_string(where, f"run{run}")
    return SqliteStore(Path(where) / f"{run}.db")


def chat_at(tenant: str, run: str) -> ChatPost:
    return ChatPost(
        {
            "slack": Address(f"{tenant}/slack/api/", {"Authorization": "Bearer xoxb-simulated"}),
            "teams": Address(f"{tenant}/teams/T{run}/workflows/0/triggers/manual/paths/invoke?sig=simulated"),
        }
    )


class Steps:
    """Counts I/O, and kills this process after the last step that it may make."""

    def __init__(self, left: int) -> None:
        self.left = left

    def made(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def after(self, part: Any) -> Any:
        return _Counted(self, part)


class _Counted:
    def __init__(self, steps: Steps, part: Any) -> None:
        self._steps, self._part = steps, part

    def __call__(self, *given: Any) -> Any:
        answer = self._part(*given)
        self._steps.made()
        return answer

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._part, name)

        def call(*given: Any) -> Any:
            found = method(*given)
            answer = list(found) if name == "scan" else found
            self._steps.made()
            return answer

        return call


def ports_for(where: str, tenant: str, run: str, steps: Steps) -> Ports:
    ids = count(os.getpid() * 1000)
    nobody: Any = None
    store, chat = steps.after(store_at(where, run)), steps.after(chat_at(tenant, run))
    return Ports(store, nobody, chat, parse_watch(watch_of(run)), lambda: f"id{next(ids)}")


def story(make: Callable[[], Ports], later: timedelta) -> None:
    """All phases, each as a poll brings it and as `tend` finds what is left of it."""
    ports = make()
    for minute, alert in PHASES:
        now = NOW + minute * MINUTE + later
        nudges = [*accept(ports, [replace(alert(), at=now)], now), *tend(ports, now)]
        for nudge in dict.fromkeys(nudges):
            deliver(ports, nudge, now)


def in_a_child(act: Callable[[], None]) -> int:
    """Runs it in a fork; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - a fork must not go on as its parent
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def runs(where: str, tenant: str) -> Iterator[dict[str, Any]]:
    """A run for each step, the last one undisturbed."""
    for step in range(1, MOST_STEPS):
        run = f"{step:03d}"
        whole = partial(ports_for, where, tenant, run, Steps(-1))
        dying = partial(ports_for, where, tenant, run, Steps(step))
        ended = again = in_a_child(partial(story, dying, timedelta()))
        if ended == -signal.SIGKILL:
            again = in_a_child(partial(story, whole, TAKEN_UP))
        yield {"run": run, "ended": ended, "again": again, **left_in(whole().store)}
        if ended == 0:
            return


def left_in(store: Store) -> dict[str, Any]:
    rows = [*store.scan(records.ALERTS)]
    incidents = [records.decode(row.body, Incident) for row in rows if row.key.startswith("incident|")]
    return {
        "waiting": sum(row.key.startswith("waiting|") for row in rows),
        "open": sum(one.open for one in incidents),
        "incidents": len(incidents),
    }


if __name__ == "__main__":
    for found in runs(*sys.argv[1:]):
        print(json.dumps(found), flush=True)
