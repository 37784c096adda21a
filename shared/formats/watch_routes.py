"""The part of watch.yaml that says who is told: routes, silences, planned changes, what follows from what."""

import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from shared.core.hours import Hours
from shared.core.model import Kind, Severity
from shared.core.muting import Inhibition, Silence
from shared.core.routes import Escalation, Manner, Matcher, Route
from shared.core.scopes import within
from shared.formats.config_errors import Contradiction
from shared.formats.watch_types import ArmId, Entry, Name, SeverityWord, Span, folded_scope, span

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TimeOfDay = Annotated[
    str,
    msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?!\n)$", description="a time of day such as 08:30"),
]
Zone = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_+/-]{0,60}(?!\n)$", description="a time zone such as Europe/Berlin"
    ),
]


class MatchEntry(Entry, frozen=True):
    """What an alert must be; what is left out matches everything."""

    at_least: SeverityWord = "info"
    scope: ArmId = ""
    kinds: tuple[Kind, ...] = ()
    rules: tuple[str, ...] = ()
    owner: str = ""
    environment: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class HoursEntry(Entry, frozen=True):
    """When a route may interrupt people; outside of it its messages wait."""

    days: tuple[Day, ...] = DAYS[:5]
    start: TimeOfDay = "08:00"
    end: TimeOfDay = "18:00"
    zone: Zone = "UTC"
    holidays: tuple[date, ...] = ()


class EscalationEntry(Entry, frozen=True):
    """Further channels, when nobody has acknowledged an incident in time."""

    after: Span
    channels: tuple[str, ...]


class RouteEntry(MatchEntry, frozen=True):
    """Alerts that match go to the first route inside that takes them, or else to these channels."""

    name: Name | None = None
    channels: tuple[str, ...] | None = None
    group_by: tuple[str, ...] | None = None
    wait: Span | None = None
    interval: Span | None = None
    repeat: dict[SeverityWord, tuple[Span, ...]] | None = None
    hours: HoursEntry | None = None
    escalation: EscalationEntry | None = None
    routes: tuple["RouteEntry", ...] = ()
    go_on: bool = msgspec.field(name="continue", default=False)


class SilenceEntry(MatchEntry, frozen=True, kw_only=True):
    """Keeps what matches from being told, from `start` (now when it is left out) until `end`."""

    end: datetime
    start: datetime | None = None
    part: str = ""
    why: str = ""


class PlannedEntry(SilenceEntry, frozen=True, kw_only=True):
    """A change that is planned: more than usual, up to a bound, is not told."""

    up_to: Annotated[Decimal, msgspec.Meta(description="times the usual")] = Decimal(2)


class InhibitionEntry(Entry, frozen=True):
    """While an alert of `source` is open, those of `target` with the same labels are not told."""

    source: MatchEntry
    target: MatchEntry
    equal: tuple[str, ...] = ("resource",)


# A deployment that fails or throttles uses fewer tokens, and a blind source knows nothing new.
DEFAULT_INHIBITIONS = (
    InhibitionEntry(
        source=MatchEntry(kinds=(Kind.LIMIT,), at_least="critical"),
        target=MatchEntry(kinds=(Kind.ANOMALY,)),
        equal=("resource", "part"),
    ),
)


def tree(entries: Sequence[RouteEntry], channels: Sequence[str], environment_tag: str) -> Route:
    """The routes as one tree. Without any, everything goes to every channel."""
    root = Route("all alerts", channels=() if entries else tuple(channels))
    inner = tuple(_route(one, root, str(index + 1), environment_tag) for index, one in enumerate(entries))
    return replace(root, routes=inner)


def _route(entry: RouteEntry, above: Route, place: str, environment_tag: str) -> Route:
    """A route with what it has of the one above; without a name it is called by its place."""
    own = Route(
        entry.name or f"route {place}",
        above.channels if entry.channels is None else entry.channels,
        matcher(entry, environment_tag),
        _manner(entry, above.manner),
        go_on=entry.go_on,
    )
    inner = (
        _route(one, own, f"{place}.{index + 1}", environment_tag) for index, one in enumerate(entry.routes)
    )
    return replace(own, routes=tuple(inner))


def _manner(entry: RouteEntry, above: Manner) -> Manner:
    repeat = above.repeat
    if entry.repeat is not None:
        own = {Severity[word.upper()]: tuple(map(span, spans)) for word, spans in entry.repeat.items()}
        repeat = {**above.repeat, **own}
    return Manner(
        group_by=above.group_by if entry.group_by is None else entry.group_by,
        wait=above.wait if entry.wait is None else span(entry.wait),
        interval=above.interval if entry.interval is None else span(entry.interval),
        repeat=repeat,
        hours=above.hours if entry.hours is None else hours(entry.hours),
        escalation=above.escalation
        if entry.escalation is None
        else Escalation(span(entry.escalation.after), entry.escalation.channels),
    )


def matcher(entry: MatchEntry, environment_tag: str) -> Matcher:
    """What the entry means; the environment is a tag like others, under the name that the file gives it."""
    tags = {name.lower(): value.lower() for name, value in entry.tags.items()}
    if entry.environment:
        tags[environment_tag.lower()] = entry.environment.lower()
    return Matcher(
        at_least=Severity[entry.at_least.upper()],
        scope=folded_scope(entry.scope),
        kinds=tuple(entry.kinds),
        rules=tuple(rule.lower() for rule in entry.rules),
        owner=entry.owner.lower(),
        tags=tags,
    )


def hours(entry: HoursEntry) -> Hours:
    """The hours in their zone; raises ZoneInfoNotFoundError for a zone that is none."""
    window = time.fromisoformat(entry.start), time.fromisoformat(entry.end)
    days = {DAYS.index(day): window for day in entry.days}
    return Hours(days, zoneinfo.ZoneInfo(entry.zone), frozenset(entry.holidays))


def silences(
    plain: Sequence[SilenceEntry], planned: Sequence[PlannedEntry], environment_tag: str
) -> tuple[Silence, ...]:
    """Those of the file; who wrote it into the file is not known."""
    found = [(f"silence {index + 1}", one, None) for index, one in enumerate(plain)]
    changes = [(f"planned {index + 1}", one, one.up_to) for index, one in enumerate(planned)]
    return tuple(
        Silence(
            name,
            matcher(one, environment_tag),
            _utc(one.start) if one.start else datetime.min.replace(tzinfo=UTC),
            _utc(one.end),
            by="watch.yaml",
            why=one.why or name,
            part=one.part,
            up_to=up_to,
        )
        for name, one, up_to in [*found, *changes]
    )


def inhibitions(entries: Sequence[InhibitionEntry], environment_tag: str) -> tuple[Inhibition, ...]:
    """The rules of what follows from what."""
    return tuple(
        Inhibition(matcher(one.source, environment_tag), matcher(one.target, environment_tag), one.equal)
        for one in entries
    )


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def route_contradictions(channels: Sequence[str], entries: Sequence[RouteEntry]) -> Iterator[Contradiction]:
    """What is wrong with the routes as a whole: channels that are none, routes that nothing reaches."""
    yield from _in_routes(channels, entries, ["routes"], None)
    names: set[str] = set()
    for path, entry in _all_routes(entries, ["routes"]):
        if entry.name is not None and entry.name.lower() in names:
            yield Contradiction([*path, "name"], repr(entry.name), "a name that no other route has")
        names.add((entry.name or "").lower())


def _all_routes(entries: Sequence[RouteEntry], path: list[Any]) -> Iterator[tuple[list[Any], RouteEntry]]:
    for index, entry in enumerate(entries):
        here = [*path, index]
        yield here, entry
        yield from _all_routes(entry.routes, [*here, "routes"])


def _in_routes(
    channels: Sequence[str], entries: Sequence[RouteEntry], path: list[Any], above: RouteEntry | None
) -> Iterator[Contradiction]:
    known = ", ".join(sorted(channels))[:400] or "none is defined"
    for index, entry in enumerate(entries):
        here = [*path, index]
        named = {"channels": entry.channels or ()}
        if entry.escalation is not None:
            named["escalation"] = entry.escalation.channels
        for key, ones in named.items():
            inner = [*here, key] if key == "channels" else [*here, key, "channels"]
            for place, name in enumerate(ones):
                if name not in channels:
                    yield Contradiction([*inner, place], repr(name)[:80], f"a channel's name: {known}")
        if why := _unreachable(entry, entries[:index], above):
            yield Contradiction(here, "a route that no alert can reach", why)
        if entry.hours is not None:
            yield from _hours_contradictions(entry.hours, [*here, "hours"])
        yield from _in_routes(channels, entry.routes, [*here, "routes"], entry)


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
    if entry.owner and above.owner and entry.owner.lower() != above.owner.lower():
        return f"the owner of the route around it, {above.owner}"
    return ""


def _takes_all_of(other: RouteEntry, entry: RouteEntry) -> bool:
    """Whether every alert that matches `entry` matches `other` too."""
    levels = [Severity[one.at_least.upper()] for one in (other, entry)]
    return (
        levels[0] <= levels[1]
        and within(folded_scope(entry.scope), folded_scope(other.scope))
        and (not other.kinds or (bool(entry.kinds) and set(entry.kinds) <= set(other.kinds)))
        and (not other.rules or (bool(entry.rules) and set(entry.rules) <= set(other.rules)))
        and other.owner.lower() in ("", entry.owner.lower())
        and other.environment.lower() in ("", entry.environment.lower())
        and other.tags.items() <= entry.tags.items()
    )


def _hours_contradictions(entry: HoursEntry, path: list[Any]) -> Iterator[Contradiction]:
    if entry.start >= entry.end:
        yield Contradiction([*path, "end"], repr(entry.end), f"a time after {entry.start}")
    if not entry.days:
        yield Contradiction([*path, "days"], "no day", "at least one of " + ", ".join(DAYS))
    try:
        zoneinfo.ZoneInfo(entry.zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield Contradiction([*path, "zone"], repr(entry.zone), "a time zone such as Europe/Berlin")
