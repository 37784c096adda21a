"""The part of watch.yaml that says who is told: routes, silences, planned changes, what follows from what."""

import zoneinfo
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from shared.core.digests import Digest
from shared.core.hours import Hours
from shared.core.model import Grain, Kind, Severity
from shared.core.muting import Inhibition, Silence
from shared.core.routes import Escalation, Manner, Matcher, Route
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


Moment = Annotated[
    datetime,
    msgspec.Meta(
        description="a time such as 2026-10-01T18:00:00Z, in UTC without a zone",
        extra_json_schema={"format": "date-time"},
    ),
]
Holiday = Annotated[date, msgspec.Meta(description="a day such as 2026-12-24")]


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
    holidays: tuple[Holiday, ...] = ()


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


class DigestEntry(MatchEntry, frozen=True, kw_only=True):
    """What happened in a day, week (from Monday) or month, told at a time of day."""

    name: Name
    channels: tuple[str, ...]
    every: Literal["day", "week", "month"] = "day"
    at: TimeOfDay = "08:00"
    zone: Zone = "UTC"


class SilenceEntry(MatchEntry, frozen=True, kw_only=True):
    """Keeps what matches from being told, from `start` (now when it is left out) until `end`."""

    end: Moment
    start: Moment | None = None
    part: str = ""
    why: str = ""


class PlannedEntry(SilenceEntry, frozen=True, kw_only=True):
    """A change that is planned: more than usual, up to a bound, is not told."""

    up_to: Annotated[Decimal, msgspec.Meta(description="a number: times the usual")] = Decimal(2)


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
    # What is above its PTU turns callers away: one cause, one message.
    InhibitionEntry(
        source=MatchEntry(rules=("ptu-utilisation",)),
        target=MatchEntry(rules=("throttled",)),
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
        _manner(entry, above.manner, environment_tag),
        go_on=entry.go_on,
    )
    inner = (
        _route(one, own, f"{place}.{index + 1}", environment_tag) for index, one in enumerate(entry.routes)
    )
    return replace(own, routes=tuple(inner))


def _manner(entry: RouteEntry, above: Manner, environment_tag: str) -> Manner:
    repeat = above.repeat
    if entry.repeat is not None:
        own = {Severity[word.upper()]: tuple(map(span, spans)) for word, spans in entry.repeat.items()}
        repeat = {**above.repeat, **own}
    return Manner(
        group_by=above.group_by if entry.group_by is None else labels(entry.group_by, environment_tag),
        wait=above.wait if entry.wait is None else span(entry.wait),
        interval=above.interval if entry.interval is None else span(entry.interval),
        repeat=repeat,
        hours=above.hours if entry.hours is None else hours(entry.hours),
        escalation=above.escalation
        if entry.escalation is None
        else Escalation(span(entry.escalation.after), entry.escalation.channels),
    )


def labels(names: Sequence[str], environment_tag: str) -> tuple[str, ...]:
    """The names of labels as the core has them."""
    tag = f"tag:{environment_tag.lower()}"
    return tuple(
        tag if name == "environment" else name.lower() if name.startswith("tag:") else name for name in names
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


def digests(entries: Sequence[DigestEntry], environment_tag: str) -> tuple[Digest, ...]:
    """The digests; raises ZoneInfoNotFoundError for a zone that is none."""
    return tuple(
        Digest(
            one.name,
            Grain(one.every),
            time.fromisoformat(one.at),
            zoneinfo.ZoneInfo(one.zone),
            one.channels,
            matcher(one, environment_tag),
        )
        for one in entries
    )


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
            utc(one.start) if one.start else datetime.min.replace(tzinfo=UTC),
            utc(one.end),
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
        Inhibition(
            matcher(one.source, environment_tag),
            matcher(one.target, environment_tag),
            labels(one.equal, environment_tag),
        )
        for one in entries
    )


def utc(moment: datetime) -> datetime:
    """A time of the file; without a zone it is meant in UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
