"""Polling: a timer makes one job for each subscription, a queue runs them, each within a minute."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from shared.core.faults import Fault, SignInFault, SourceFault, Throttled
from shared.core.freshness import Watermark, judge_freshness
from shared.flows.accept import accept
from shared.flows.estate import watched
from shared.flows.keep import load_mark, save_mark
from shared.flows.poll_spend import poll_spend
from shared.flows.poll_usage import poll_usage
from shared.flows.ports import Ports

Poll = Callable[[Ports, str, Watermark, datetime], list[str]]
SOURCES: Mapping[str, Poll] = {"usage": poll_usage, "spend": poll_spend}


def plan(ports: Ports, source: str) -> list[str]:
    """The jobs of one round: a message for `poll_scope` for each subscription watched."""
    return [json.dumps({"source": source, "subscription": one}) for one in watched(ports)]


def poll_scope(ports: Ports, message: str, now: datetime) -> list[str]:
    """Runs one job; answers the nudges for `deliver`. What fails is remembered, and told when it lasts.

    Safe to repeat and to be killed anywhere: the watermark moves last.
    """
    job = _job(message)
    if job is None:
        # No try would make sense of it, and the next round makes all jobs anew.
        ports.log({"event": "odd job", "message": message[:200]})
        return []
    source, subscription = job
    mark = load_mark(ports, source, subscription)
    if mark.not_before is not None and now < mark.not_before:
        return []
    try:
        nudges = SOURCES[source](ports, subscription, mark, now)
    except (SourceFault, SignInFault) as fault:
        ports.log({"event": "source", "source": source, "subscription": subscription, "trouble": str(fault)})
        after, nudges = _troubled(mark, fault, now), []
    else:
        after = replace(
            mark, read_until=now, answered_at=now, failing_since=None, trouble="", not_before=None
        )
    nudges += accept(ports, [judge_freshness(after, now)], now)
    save_mark(ports, after)
    return nudges


def _job(message: str) -> tuple[str, str] | None:
    """The source and the subscription that a message names; None when it names none."""
    try:
        job = json.loads(message)
        source, subscription = str(job["source"]), str(job["subscription"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    sensible = source in SOURCES and re.fullmatch(r"[\w-]{1,60}", subscription, re.ASCII)
    return (source, subscription) if sensible else None


def _troubled(mark: Watermark, fault: Fault, now: datetime) -> Watermark:
    wait = fault.after if isinstance(fault, Throttled) else None
    return replace(
        mark,
        failing_since=mark.failing_since or now,
        trouble=str(fault),
        not_before=now + wait if wait else None,
    )
