"""What is wrong with the routes, silences and labels of watch.yaml though each of them is well formed."""

import re
import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from shared.core.model import Severity
from shared.core.scopes import within
from shared.formats.config_errors import Contradiction
from shared.formats.watch_routes import (
    DAYS,
    DigestEntry,
    HoursEntry,
    InhibitionEntry,
    PlannedEntry,
    RouteEntry,
    SilenceEntry,
    utc,
)
from shared.formats.watch_types import folded_scope, span

SOONEST_REPEAT = timedelta(minutes=30)
MOST_TIMES = Decimal(1000)
LABELS = ("resource", "part", "subscription", "rule", "kind", "owner", "environment", "incident")
Path = list[Any]


def route_contradictions(channels: Sequence[str], entries: Sequence[RouteEntry]) -> Iterator[Contradiction]:
    """Channels that are none, routes that nothing reaches or that lead nowhere, two of one name."""
    yield from _in_routes(channels, entries, ["routes"], None, leads_somewhere=False)
    names: set[str] = set()
    for path, entry in _all_routes(entries, ["routes"]):
        if entry.name is not None and entry.name.lower() in names:
            yield Contradiction([*path, "name"], repr(entry.name), "a name that no other route has")
        names.add((entry.name or "").lower())


def muting_contradictions(
    silences: Sequence[SilenceEntry], planned: Sequence[PlannedEntry], inhibitions: Sequence[InhibitionEntry]
) -> Iterator[Contradiction]:
    """Silences that end before they begin, bounds that bound nothing, labels that are none."""
    for part, ones in (("silences", silences), ("planned", planned)):
        for index, one in enumerate(ones):
            if one.start is not None and utc(one.end) <= utc(one.start):
                yield Contradiction([part, index, "end"], str(one.end), f"a time after {one.start}")
    for index, change in enumerate(planned):
        if not (change.up_to.is_finite() and 1 <= change.up_to <= MOST_TIMES):
            yield Contradiction(
                ["planned", index, "up_to"], str(change.up_to)[:80], f"a number from 1 to {MOST_TIMES:,}"
            )
    for index, rule in enumerate(inhibitions):
        yield from _label_contradictions(rule.equal, ["inhibitions", index, "equal"])


def digest_contradictions(channels: Sequence[str], entries: Sequence[DigestEntry]) -> Iterator[Contradiction]:
    """Digests for nobody, in no zone, or two of one name."""
    names = [entry.name.lower() for entry in entries]
    for index, entry in enumerate(entries):
        here = ["digests", index]
        if not entry.channels:
            yield Contradiction([*here, "channels"], "nobody", "at least one channel's name")
        yield from unknown_channels(channels, entry.channels, [*here, "channels"])
        yield from zone_contradictions(entry.zone, here)
        if names[index] in names[:index]:
            yield Contradiction([*here, "name"], repr(entry.name), "a name that no other digest has")


def unknown_channels(channels: Sequence[str], names: Sequence[str], path: Path) -> Iterator[Contradiction]:
    """The names that no channel has."""
    known = ", ".join(sorted(channels))[:400] or "none is defined"
    for place, name in enumerate(names):
        if name not in channels:
            yield Contradiction([*path, place], repr(name)[:80], f"a channel's name: {known}")


def zone_contradictions(zone: str, path: Path) -> Iterator[Contradiction]:
    """A time zone that is none."""
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield Contradiction([*path, "zone"], repr(zone), "a time zone such as Europe/Berlin")


def _all_routes(entries: Sequence[RouteEntry], path: Path) -> Iterator[tuple[Path, RouteEntry]]:
    for index, entry in enumerate(entries):
        here = [*path, index]
        yield here, entry
        yield from _all_routes(entry.routes, [*here, "routes"])


def _in_routes(
    channels: Sequence[str],
    entries: Sequence[RouteEntry],
    path: Path,
    above: RouteEntry | None,
    leads_somewhere: bool,
) -> Iterator[Contradiction]:
    for index, entry in enumerate(entries):
        here = [*path, index]
        said = leads_somewhere or entry.channels is not None
        if not said:
            yield Contradiction([*here, "channels"], "nothing", "channels' names, or [] for nobody")
        if why := _unreachable(entry, entries[:index], above):
            yield Contradiction(here, "a route that no alert can reach", why)
        yield from _of_one(channels, entry, here)
        yield from _in_routes(channels, entry.routes, [*here, "routes"], entry, leads_somewhere=True)


def _of_one(channels: Sequence[str], entry: RouteEntry, path: Path) -> Iterator[Contradiction]:
    yield from unknown_channels(channels, entry.channels or (), [*path, "channels"])
    if entry.escalation is not None:
        there = [*path, "escalation", "channels"]
        yield from unknown_channels(channels, entry.escalation.channels, there)
        if not entry.escalation.channels:
            yield Contradiction(there, "nobody", "at least one channel's name")
    yield from _label_contradictions(entry.group_by or (), [*path, "group_by"])
    for word, spans in (entry.repeat or {}).items():
        for place, one in enumerate(spans):
            if span(one) < SOONEST_REPEAT:
                yield Contradiction([*path, "repeat", word, place], repr(one), "at least 30m")
    if entry.hours is not None:
        yield from _hours_contradictions(entry.hours, [*path, "hours"])


def _label_contradictions(labels: Sequence[str], path: Path) -> Iterator[Contradiction]:
    for place, label in enumerate(labels):
        if label not in LABELS and not re.fullmatch(r"tag:\S+", label):
            yield Contradiction([*path, place], repr(label)[:80], f"one of {', '.join(LABELS)}, tag:NAME")


def _unreachable(entry: RouteEntry, before: Sequence[RouteEntry], above: RouteEntry | None) -> str:
    """What would have to be different for an alert to reach a route; "" when some can."""
    for other in before:
        if not other.go_on and _takes_all_of(other, entry):
            return f"`continue: true` on {other.name or 'the route before it'}, which takes all of its alerts"
    if above is None:
        return ""
    ours, theirs = folded_scope(entry.scope), folded_scope(above.scope)
    if ours and theirs and not within(ours, theirs) and not within(theirs, ours):
        return f"a scope in that of the route around it, {theirs}"
    if entry.kinds and above.kinds and not set(entry.kinds) & set(above.kinds):
        return f"one of the kinds of the route around it: {', '.join(above.kinds)}"
    if entry.rules and above.rules and not set(_lower(entry.rules)) & set(_lower(above.rules)):
        return f"one of the rules of the route around it: {', '.join(above.rules)}"
    for name, value in _wanted(entry).items():
        if name in _wanted(above) and _wanted(above)[name] != value:
            return f"the {name} of the route around it, {_wanted(above)[name]}"
    return ""


def _lower(names: Sequence[str]) -> list[str]:
    return [name.lower() for name in names]


def _wanted(entry: RouteEntry) -> dict[str, str]:
    """What an alert must have exactly, by name."""
    wanted = {f"tag {name.lower()}": value for name, value in entry.tags.items()}
    wanted |= {"owner": entry.owner, "environment": entry.environment}
    return {name: value.lower() for name, value in wanted.items() if value}


def _takes_all_of(other: RouteEntry, entry: RouteEntry) -> bool:
    """Whether every alert that matches `entry` matches `other` too."""
    levels = [Severity[one.at_least.upper()] for one in (other, entry)]
    return (
        levels[0] <= levels[1]
        and within(folded_scope(entry.scope), folded_scope(other.scope))
        and (not other.kinds or (bool(entry.kinds) and set(entry.kinds) <= set(other.kinds)))
        and (not other.rules or (bool(entry.rules) and set(_lower(entry.rules)) <= set(_lower(other.rules))))
        and _wanted(other).items() <= _wanted(entry).items()
    )


def _hours_contradictions(entry: HoursEntry, path: Path) -> Iterator[Contradiction]:
    if entry.start >= entry.end:
        yield Contradiction([*path, "end"], repr(entry.end), f"a time after {entry.start}")
    if not entry.days:
        yield Contradiction([*path, "days"], "no day", "at least one of " + ", ".join(DAYS))
    yield from zone_contradictions(entry.zone, path)
