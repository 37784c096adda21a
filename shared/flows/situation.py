"""Gathers what `telling.plan` looks at: the conversation with an address, what waits, how incidents stand."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from itertools import islice

from shared.core.model import Address, Conversation, Incident, State, Waiting
from shared.core.muting import Silence, why_muted
from shared.core.routes import manner_for
from shared.core.rows import Row
from shared.core.telling import Situation
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.channels import KINDS

NEAR = {"resource", "subscription"}
MOST_WAITING = 500  # rows that are looked at together


def load_conversation(ports: Ports, address: Address) -> tuple[Conversation, str]:
    """The conversation with an address and its row's version; a fresh one and "" before the first message."""
    row = ports.store.get(records.ALERTS, records.conversation_key(address))
    return (records.decode(row.body, Conversation), row.version) if row else (Conversation(address), "")


def load_waiting(ports: Ports, prefix: str, everything: bool = False) -> dict[Waiting, Row]:
    """What waits at an address or channel, oldest first, each with its row; as much as is told at once."""
    scanned = ports.store.scan(records.ALERTS, f"waiting|{prefix}|")
    rows = scanned if everything else islice(scanned, MOST_WAITING)
    found = [(records.decode(row.body, Waiting), row) for row in rows]
    return dict(sorted(found, key=lambda one: (one[0].since, one[0].number)))


def load_incident(ports: Ports, key: str, incident: str) -> Incident | None:
    """An episode by its id; `key` is the row of the newest with the same alert key."""
    for name in (key, records.episode_key(incident)):
        row = ports.store.get(records.ALERTS, name)
        found = records.decode(row.body, Incident) if row else None
        if found is not None and found.id == incident:
            return found
    return None


def situation_of(ports: Ports, talk: Conversation, waiting: Iterable[Waiting], now: datetime) -> Situation:
    """All that decides what to say next."""
    waits = tuple(waiting)
    keys = {**talk.keys, **{one.incident: one.incident_key for one in waits}}
    loaded = {one: load_incident(ports, key, one) for one, key in keys.items()}
    incidents = {one: found for one, found in loaded.items() if found is not None}
    ahead = {one for one, found in incidents.items() if _is_ahead(found, talk, waits)}
    incidents = {one: found for one, found in incidents.items() if one not in ahead}
    waits = tuple(one for one in waits if one.incident not in ahead)
    channel = talk.address.channel
    entry = ports.watch.channel(channel)
    first = next(iter(incidents.values()), None)
    root = ports.watch.routes
    return Situation(
        talk,
        waits,
        incidents,
        manner_for(first.alert, talk.address, root) if first else root.manner,
        muting(ports, now),
        edits=entry is not None and KINDS[entry.kind].edits,
    )


def _is_ahead(incident: Incident, talk: Conversation, waits: Iterable[Waiting]) -> bool:
    """Whether it ended after `waits` was read.

    Its end has a row and a nudge of its own, and is told then: told now, it would be told once more.
    """
    told = {one: told for thread in talk.threads for one, told in thread.told.items()}
    if incident.state is not State.RESOLVED or incident.alert.test:
        return False
    if incident.id in told and told[incident.id].state is State.RESOLVED:
        return False
    return not any(one.incident == incident.id and one.number == incident.transitions for one in waits)


def muting(ports: Ports, now: datetime) -> Callable[[Incident], str]:
    """Says of an incident why it must not be told now; reads the store when it is first asked."""

    @cache
    def silences() -> list[Silence]:
        rows = ports.store.scan(records.ALERTS, "silence|")
        return [*ports.watch.silences, *(records.decode(row.body, Silence) for row in rows)]

    @cache
    def standing(prefix: str) -> list[Incident]:
        rows = ports.store.scan(records.ALERTS, prefix)
        return [one for row in rows if (one := records.decode(row.body, Incident)).open]

    def why(incident: Incident) -> str:
        # Rules that want the same resource or subscription never look beyond the incident's own.
        near = all(NEAR & {*rule.equal} for rule in ports.watch.inhibitions)
        prefix = f"incident|{records.area_of(incident.alert)}|" if near else "incident|"
        return why_muted(incident, silences(), ports.watch.inhibitions, lambda: standing(prefix), now)

    return why
