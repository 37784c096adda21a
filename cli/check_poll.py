"""One round of every timer, as the deployed app would run it, and what follows from it."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cli.recording import Recording
from shared.core.freshness import Watermark
from shared.flows.keep import load_mark
from shared.flows.poll import TIMERS, left_over, plan, poll_scope
from shared.flows.ports import Ports

PATIENCE = timedelta(minutes=4)  # with what was put off, so that a scope is seen whole


@dataclass(frozen=True, slots=True)
class Clock:
    """How a check waits: for how long in all, and by what; `wait` answers what time it is then."""

    patience: timedelta
    wait: Callable[[datetime], datetime]


def poll(ports: Ports, recording: Recording, now: datetime, clock: Clock) -> list[Watermark]:
    """Runs all jobs, and answers how each source of each subject did.

    What is under a management group is known when that was read, and planned then. What was put off for a
    short while, because Azure may be asked only so often, is waited for.
    """
    done: set[str] = set()
    for timer in TIMERS:
        while fresh := [message for message in plan(ports, timer, now) if message not in done]:
            _run(ports, recording, fresh, now)
            done |= set(fresh)
    latest = now + clock.patience
    while until := _soon(_marks(ports, recording), now, latest):
        now = clock.wait(until)
        _run(ports, recording, left_over(ports, now), now)
    return _marks(ports, recording)


def _run(ports: Ports, recording: Recording, messages: Sequence[str], now: datetime) -> None:
    for message in messages:
        job = json.loads(message)
        with recording.of(job["source"], job["subject"]):
            poll_scope(ports, message, now)


def _marks(ports: Ports, recording: Recording) -> list[Watermark]:
    return [load_mark(ports, source, subject)[0] for source, subject in recording.jobs]


def _soon(marks: Sequence[Watermark], now: datetime, latest: datetime) -> datetime | None:
    """Until when to wait for what was put off; None when nothing was, or for too long."""
    ends = (mark.not_before for mark in marks if mark.not_before is not None)
    return min((end for end in ends if now < end <= latest), default=None)


def _wait(until: datetime) -> datetime:
    """Waits, and answers what time it is then."""
    seconds = max(0.0, (until - datetime.now(UTC)).total_seconds())
    print(f"waiting {seconds:.0f} s: Azure may be asked only so often", file=sys.stderr, flush=True)
    time.sleep(seconds)
    return max(until, datetime.now(UTC))


REAL = Clock(PATIENCE, _wait)
TOLD = Clock(timedelta(hours=1), lambda until: until)  # of who says what time it is: nobody waits
