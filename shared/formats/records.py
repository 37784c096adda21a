"""Our nouns as stored rows: their partitions, their keys, their bodies (JSON, to be read by people too).

Everything that must change together lies in one partition. Incidents, their transitions and what waits
share one, so that a decision and the messages it causes are written at once.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import msgspec

from shared.core.model import (
    Act,
    Address,
    Alert,
    Delivery,
    Incident,
    Meter,
    Reading,
    Scope,
    Transition,
    Waiting,
)
from shared.core.scopes import subscription_of

ALERTS = "alerts"
INBOX = "inbox"  # webhook bodies as they came
MOST_NUDGE = 120  # characters; the longest of ours have 77
OVER = "over"  # when pushed alerts were last said to be over
Kept = TypeVar("Kept")


def encode(noun: object) -> bytes:
    """Any of our dataclasses as JSON; Decimal as text, times in ISO 8601."""
    return msgspec.json.encode(noun)


def decode(body: bytes, kind: type[Kept]) -> Kept:
    """What `encode` wrote; raises msgspec.ValidationError for anything else."""
    return msgspec.json.decode(body, type=kind)


def digest(text: str, length: int = 16) -> str:
    """A short stand-in for a text in a key."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:length]


def incident_id(key: str, before: Incident | None, opened_at: datetime) -> str:
    """Short, for people to say; the same for the same opening, so that a repeat changes nothing.

    `before` is the episode before it, which may have opened at the same moment.
    """
    return "MW-" + digest(f"{key}|{before.id if before else ''}|{opened_at.isoformat()}", 8).upper()


def area_of(alert: Alert) -> str:
    """What incidents are read together by: the subscription, or "-"."""
    subscription = subscription_of(alert.scope.resource) or "-"
    # A webhook's sender may call anything a subscription; it stands in a key.
    return subscription if re.fullmatch(r"[\w-]{1,60}", subscription) else digest(subscription)


def incidents_prefix(area: str) -> str:
    """What the keys of an area's incidents begin with."""
    return f"incident|{area}|"


def incident_key(alert: Alert) -> str:
    return f"{incidents_prefix(area_of(alert))}{digest(alert.key)}"


def episode_key(incident: str) -> str:
    """Where an episode by its id stays when it is over."""
    return f"episode|{incident}"


def id_key(incident: str) -> str:
    """Under an incident's id, the key of the row that its alert key's newest episode has."""
    return f"by-id|{incident}"


def silence_key(alert_key: str, act: Act) -> str:
    """A person's silence of an alert; one of a sort replaces the one before it."""
    return f"silence|{digest(alert_key)}|{act}"


def expected_key(scope: Scope) -> str:
    return f"expected|{digest(scope.resource)}|{digest(scope.part)}"


def used_key(once: str, incident: str) -> str:
    """That a link or a press did what it is for to an incident."""
    return f"used|{digest(once, 32)}|{incident}"


def transition_key(transition: Transition) -> str:
    return f"transition|{transition.incident}|{transition.number:06d}"


def waiting_key(waiting: Waiting) -> str:
    return f"waiting|{waiting.address.nudge}|{waiting.incident}|{waiting.number:06d}"


def conversation_key(address: Address) -> str:
    return f"conversation|{address.nudge}"


def delivery_key(delivery: Delivery) -> str:
    return f"delivery|{delivery.incident}|{delivery.address.nudge}|{delivery.sequence:06d}"


def digest_key(name: str, channel: str, end: datetime) -> str:
    """Stands when the digest of the period that ended then was told there."""
    return f"digest|{name}|{channel}|{end.astimezone(UTC):%Y-%m-%dT%H:%MZ}"


def gate_key(channel: str) -> str:
    return f"gate|{channel}"


def address_of(nudge: str) -> Address | None:
    """The address that a queue message names; None when it names none, or what could not stand in a key."""
    channel, _, group = nudge.partition("|")
    named = channel and group and "|" not in group
    return Address(channel, group) if named and nudge.isprintable() and len(nudge) <= MOST_NUDGE else None


def inbox_key(received_at: datetime, unique: str) -> str:
    return f"{received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}|{unique}"


def over_key(alert: Alert) -> str:
    return digest(alert.key, 32)


def state_partition(subscription: str) -> str:
    return f"state|{subscription}"


def baseline_key(scope: Scope) -> str:
    return f"baseline|{digest(scope.resource)}|{digest(scope.part)}"


def readings_partition(subscription: str) -> str:
    return f"readings|{subscription}"


def usage_key(resource: str, hour: datetime) -> str:
    """One row holds an account's readings of one hour."""
    return f"usage|{digest(resource)}|{hour:%Y-%m-%dT%H}"


class Series(msgspec.Struct, array_like=True, frozen=True):
    """The readings of one scope and meter in a row, packed: epoch seconds, seconds, values, epoch seconds."""

    resource: str
    part: str
    meter: str
    unit: str
    starts: list[int]
    lengths: list[int]
    values: list[str]
    as_of: list[int]


def pack(readings: Iterable[Reading]) -> bytes:
    """Readings as one body, compressed."""
    series: dict[tuple[Scope, Meter], list[Reading]] = {}
    for reading in readings:
        series.setdefault((reading.scope, reading.meter), []).append(reading)
    return squeeze(
        msgspec.json.encode([_series(scope, meter, ones) for (scope, meter), ones in series.items()])
    )


def pack_in_parts(readings: Sequence[Reading], most: int) -> list[bytes]:
    """Readings as one body, or as several where it would have more than `most` bytes."""
    body = pack(readings)
    if len(body) <= most or len(readings) < 2:
        return [body]
    half = len(readings) // 2
    return [part for some in (readings[:half], readings[half:]) for part in pack_in_parts(some, most)]


def part_key(key: str, number: int) -> str:
    """The row of the n-th part of what one row cannot hold; the first is the row itself."""
    return f"{key}|{number}" if number else key


def squeeze(body: bytes) -> bytes:
    """A body compressed."""
    return zlib.compress(body)


def unsqueeze(body: bytes) -> bytes:
    """What `squeeze` was given; JSON that never was compressed as it is."""
    return body if body[:1] in (b"[", b"{") else zlib.decompress(body)


def _series(scope: Scope, meter: Meter, readings: list[Reading]) -> Series:
    return Series(
        scope.resource,
        scope.part,
        meter.name,
        meter.unit,
        [int(one.start.timestamp()) for one in readings],
        [int((one.end - one.start).total_seconds()) for one in readings],
        [str(one.value) for one in readings],
        [int(one.as_of.timestamp()) for one in readings],
    )


def points_in(body: bytes) -> Iterator[tuple[str, str, str, int, int, str]]:
    """What `points_of` says of the readings of a body, without making them."""
    for one in _series_in(body):
        for start, length, value in zip(one.starts, one.lengths, one.values, strict=True):
            yield one.resource, one.part, one.meter, start, length, value


def points_of(readings: Iterable[Reading]) -> Iterator[tuple[str, str, str, int, int, str]]:
    """Each reading but for when it was known: resource, part, meter, start, length, value."""
    for one in readings:
        start, length = int(one.start.timestamp()), int((one.end - one.start).total_seconds())
        yield one.scope.resource, one.scope.part, one.meter.name, start, length, str(one.value)


def unpack(body: bytes) -> Iterator[Reading]:
    """The readings of a body, series by series; `as_of` to the second."""
    for one in _series_in(body):
        scope, meter = Scope(one.resource, one.part), Meter(one.meter, one.unit)
        for start, length, value, as_of in zip(one.starts, one.lengths, one.values, one.as_of, strict=True):
            begun = datetime.fromtimestamp(start, UTC)
            end = begun + timedelta(seconds=length)
            yield Reading(scope, meter, begun, end, Decimal(value), datetime.fromtimestamp(as_of, UTC))


def _series_in(body: bytes) -> list[Series]:
    return msgspec.json.decode(unsqueeze(body), type=list[Series])
