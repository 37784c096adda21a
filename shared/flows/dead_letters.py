"""Messages that were given up, and how they are put again once a person has mended what was wrong."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from shared.core.faults import Conflict
from shared.core.gates import Gate
from shared.core.model import Delivery, Reason, Waiting
from shared.core.retries import Status
from shared.core.rows import Put, Row
from shared.flows.ports import Ports
from shared.flows.respond import find
from shared.formats import records

REPLAYED = "replayed"  # the status of a dead letter that was put again


@dataclass(frozen=True, slots=True)
class Replay:
    """What was put again, and which channels' gates were opened."""

    letters: int
    opened: tuple[str, ...]


def dead_letters(ports: Ports, channel: str = "") -> list[tuple[Delivery, Row]]:
    """What was given up and not put again yet, of one channel or of all, oldest first."""
    found = (
        (records.decode(row.body, Delivery), row) for row in ports.store.scan(records.ALERTS, "delivery|")
    )
    dead = [(one, row) for one, row in found if one.status == Status.DEAD and _is_of(one, channel)]
    return sorted(dead, key=lambda one: one[0].at)


def closed_gates(ports: Ports, channel: str = "") -> Iterator[tuple[Gate, Row]]:
    """The channels that take nothing any more, with their rows."""
    for row in ports.store.scan(records.ALERTS, "gate|"):
        gate = records.decode(row.body, Gate)
        if gate.closed_since is not None and channel in ("", gate.channel):
            yield gate, row


def replay(ports: Ports, channel: str, now: datetime) -> Replay:
    """Has dead letters told again, each with how its incident stands by then, and opens closed gates.

    `channel` "" is all of them. Safe to repeat: what was put again is a dead letter no more. What is put
    waits in the store, for `tend` to find.
    """
    letters = sum(_put_again(ports, letter, row) for letter, row in dead_letters(ports, channel))
    return Replay(letters, tuple(_opened(ports, channel)))


def _put_again(ports: Ports, letter: Delivery, row: Row) -> bool:
    incident, _ = find(ports, letter.incident)
    if incident is None:
        return False
    key = records.incident_key(incident.alert)
    # Since the message was made: what ended afterwards is told late, not passed over as known.
    waits = Waiting(letter.address, incident.id, key, incident.transitions, letter.at, Reason.OPENED)
    with suppress(Conflict):  # somebody else replays it at this moment
        changes = [
            Put(row.key, records.encode(replace(letter, status=REPLAYED)), row.version),
            Put(records.waiting_key(waits), records.encode(waits)),
        ]
        ports.store.commit(records.ALERTS, changes)
        return True
    return False


def _opened(ports: Ports, channel: str) -> Iterator[str]:
    for gate, row in closed_gates(ports, channel):
        change = Put(
            row.key, records.encode(replace(gate, closed_since=None, probe_at=None, why="")), row.version
        )
        with suppress(Conflict):  # a message has just gone through it, or was refused
            ports.store.commit(records.ALERTS, [change])
            yield gate.channel


def _is_of(letter: Delivery, channel: str) -> bool:
    return channel in ("", letter.address.channel)
