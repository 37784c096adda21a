"""`meterwatch routes test`: where an alert would go, in which manner, and what would keep it untold."""

import argparse
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli.config import Unreadable, read_watch
from cli.store import ports_here
from shared.core.faults import Fault
from shared.core.hours import opens_at
from shared.core.model import Alert, Incident, Kind, Scope, Severity, State
from shared.core.muting import why_muted
from shared.core.reasons import REPEATED
from shared.core.routes import Manner, Route, explained, label_of, taken_by
from shared.core.wording import lasted, moment, named
from shared.flows.ports import Ports
from shared.flows.respond import find
from shared.flows.situation import muting
from shared.formats.moments import parse_moment
from shared.formats.watch_file import Watch
from shared.formats.watch_types import folded_scope
from shared.settings import SettingsError

PROG = "meterwatch routes"


def main(arguments: Sequence[str]) -> int:
    """0: somebody would be told; 1: nobody would; 2: the file, the store or the incident cannot be read."""
    options = _options(arguments)
    try:
        watch = read_watch(options.config)
        ports = _ports(watch, needed=bool(options.incident))
        incident = _stored(ports, options.incident) if ports and options.incident else _described(options)
        print("\n".join(_account(watch, ports, incident, options.at or datetime.now(UTC))))
    except (Unreadable, NoIncident, SettingsError, Fault, OSError) as wrong:
        print(wrong if isinstance(wrong, Unreadable) else f"{PROG}: {wrong}", file=sys.stderr)
        return 2
    return 0 if any(route.channels for route in taken_by(incident.alert, watch.routes)) else 1


class NoIncident(Exception):
    """The store has no such incident."""


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROG, description="Where an alert would go, and why.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    test = verbs.add_parser("test", help="describe an alert, or name an incident")
    test.add_argument("--config", type=Path, default=Path("watch.yaml"), help="the file; watch.yaml")
    test.add_argument("--incident", default="", help="the alert of this one, in the store of the settings")
    test.add_argument("--kind", type=Kind, choices=list(Kind), default=Kind.LIMIT)
    words = [one.name.lower() for one in Severity]
    test.add_argument("--severity", choices=words, default="warning")
    test.add_argument("--scope", default="", help="an ARM id")
    test.add_argument("--part", default="", help="a deployment's name")
    test.add_argument("--rule", default="", help="a limit's or budget's name")
    test.add_argument("--owner", default="")
    test.add_argument("--tag", type=_tag, action="append", default=[], help="name=value; repeatable")
    test.add_argument("--at", type=_moment, help="when it opens, such as 2026-09-08T03:00Z; now")
    return parser.parse_args(arguments)


def _tag(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name and equals:
        return name.lower(), value
    raise ArgumentTypeError(f"{text!r}, expected name=value")


def _moment(text: str) -> datetime:
    if found := parse_moment(text):
        return found
    raise ArgumentTypeError(f"{text!r}, expected a time such as 2026-09-08T03:00Z")


def _ports(watch: Watch, needed: bool) -> Ports | None:
    """The store's silences count too, where there is a store; without one the file is all there is."""
    try:
        return ports_here(watch)
    except SettingsError:
        if needed:
            raise
        return None


def _stored(ports: Ports, incident: str) -> Incident:
    found, _ = find(ports, incident)
    if found is None:
        raise NoIncident(f"there is no incident {incident}")
    return found


def _described(options: argparse.Namespace) -> Incident:
    now = options.at or datetime.now(UTC)
    alert = Alert(
        key="described",
        kind=options.kind,
        rule=options.rule or str(options.kind),
        scope=Scope(folded_scope(options.scope), options.part),
        firing=True,
        severity=Severity[options.severity.upper()],
        what="an alert as described",
        since=now,
        at=now,
        owner=options.owner,
        tags=dict(options.tag),
    )
    return Incident("described", State.TRIGGERED, opened_at=now, alert=alert)


def _account(watch: Watch, ports: Ports | None, incident: Incident, now: datetime) -> Iterator[str]:
    alert = incident.alert
    yield f"{alert.severity.name.lower()} {alert.kind}, rule {alert.rule}, at {named(alert.scope)}:"
    yield from (f"  {line}" for line in explained(alert, watch.routes))
    heard: set[str] = set()
    for route in taken_by(alert, watch.routes):
        for channel in (one for one in route.channels if one not in heard):
            yield from _told(watch, route, channel, incident, now)
            heard.add(channel)
    if not heard:
        yield "nobody is told: no route leads to a channel"
    yield _muted(watch, ports, incident, now)


def _told(watch: Watch, route: Route, channel: str, incident: Incident, now: datetime) -> Iterator[str]:
    entry, manner = watch.channel(channel), route.manner
    group = ", ".join(
        f"{label} {label_of(incident.alert, incident.id, label) or 'none'}" for label in manner.group_by
    )
    yield f"{channel} ({entry.kind if entry else 'not defined'}), by {route.name}"
    yield f"  together with   {group or 'everything else of the route'}"
    yield f"  first message   {_first(manner, now)}"
    yield f"  then            at most one in {lasted(manner.interval)}, critical news at once"
    yield f"  repeated        {_repeats(manner, incident.alert)}"
    if later := manner.escalation:
        yield f"  escalated       to {', '.join(later.channels)}, not acknowledged for {lasted(later.after)}"


def _first(manner: Manner, now: datetime) -> str:
    wait = f"after {lasted(manner.wait)}" if manner.wait else "at once"
    opens = opens_at(manner.hours, now)
    if manner.hours is None:
        return wait
    return f"{wait}; open now" if opens <= now else f"{wait}, and not before its hours begin, {moment(opens)}"


def _repeats(manner: Manner, alert: Alert) -> str:
    spans = manner.repeat.get(alert.severity, ()) if alert.kind in REPEATED else ()
    return "after " + ", then ".join(map(lasted, spans)) if spans else "never"


def _muted(watch: Watch, ports: Ports | None, incident: Incident, now: datetime) -> str:
    """What keeps it from being told now; without a store, by the file alone."""
    if ports is not None:
        why = muting(ports, now)(incident)
        return f"muted now: {why}" if why else "nothing mutes it now"
    why = why_muted(incident, watch.silences, watch.inhibitions, tuple, now)
    return f"muted now: {why}" if why else "nothing in the file mutes it now; no store was looked at"
