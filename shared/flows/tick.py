"""The work of all timers at once, for a scheduler outside that stands in for the platform's."""

from datetime import datetime

from shared.flows.intake import Reply
from shared.flows.poll import TIMERS, left_over, plan
from shared.flows.ports import Ports
from shared.flows.tend import tend


def all_timers(ports: Ports, now: datetime) -> Reply:
    """The jobs of every timer, those left over, and the nudges of all messages due. Safe to repeat."""
    jobs = [job for timer in TIMERS for job in plan(ports, timer, now)]
    return Reply(202, "ticked", tuple(tend(ports, now)), (*jobs, *left_over(ports, now)))
