"""Flapping: what fires again and again, soon after it was over, is told once and kept until it is calm."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.model import Incident

FLAP_WITHIN = timedelta(hours=1)  # fires again that soon after it was over: a flip
FLAP_WINDOW = timedelta(hours=6)
FLIPS = 3  # in that time make it flapping
CALM = timedelta(hours=1)  # without firing, before a flapping incident is over


def is_flapping(incident: Incident, now: datetime) -> bool:
    """Whether it has fired again, soon after it was over, too often of late."""
    return len(recent_flips(incident.flips, now)) >= FLIPS


def recent_flips(flips: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    """Those that still count."""
    return tuple(at for at in flips if now - at < FLAP_WINDOW)


def fires_again(incident: Incident, now: datetime) -> Incident:
    """It holds again before it was over: of what is flapping that is one more flip."""
    if incident.clear_since is None:
        return incident
    flips = (*recent_flips(incident.flips, now), now) if is_flapping(incident, now) else incident.flips
    return replace(incident, clear_since=None, flips=flips)
