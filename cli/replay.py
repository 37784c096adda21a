"""The app on a simulated clock: its timers, queues and webhook, tick by tick, in one process."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.flows import deliver, intake, poll, tend
from shared.flows.ports import Ports, Post
from shared.formats.channel import Answer, Call

USAGE_EVERY = timedelta(hours=1)
SPEND_EVERY = timedelta(hours=4)


@dataclass(frozen=True, slots=True)
class Sent:
    """A call to a channel that was answered, in simulated time."""

    at: datetime
    channel: str
    call: Call
    answer: Answer


def ticks(start: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    """Every tick of [start, end)."""
    while start < end:
        yield start
        start += every


def replay(
    ports: Ports,
    start: datetime,
    end: datetime,
    webhooks: Iterable[tuple[datetime, Any]],
    set_clock: Callable[[datetime], None],
) -> Iterator[tuple[datetime, list[Sent]]]:
    """Runs the flows from `start` to `end` and answers what was sent, tick by tick.

    The timers are rarer than deployed, for speed; the flows work from watermarks, so that only the
    delay of an alert depends on it. `webhooks` are bodies and when they are posted, in order.
    """
    pushed = list(webhooks)
    for now in ticks(start, end, USAGE_EVERY):
        set_clock(now)
        sent: list[Sent] = []
        witnessed = replace(ports, post=_witness(ports, sent, now))
        nudges: list[str] = []
        while pushed and pushed[0][0] <= now:
            nudges += intake.take(witnessed, msgspec.json.encode(pushed.pop(0)[1]), now).nudges
        jobs = poll.plan(witnessed, "usage", now) + poll.left_over(witnessed, now)
        if (now - start) % SPEND_EVERY == timedelta():
            jobs += poll.plan(witnessed, "spend", now)
        for job in jobs:
            nudges += poll.poll_scope(witnessed, job, now)
        nudges += tend.tend(witnessed, now)
        for nudge in dict.fromkeys(nudges):
            deliver.deliver(witnessed, nudge, now)
        yield now, sent


def _witness(ports: Ports, sent: list[Sent], now: datetime) -> Post:
    def post(channel: str, call: Call) -> Answer:
        answer = ports.post(channel, call)
        sent.append(Sent(now, channel, call, answer))
        return answer

    return post
