"""What people do about incidents: each act is one change, with who, when and why, and what follows from it.

Whatever is written of an act is written together: the incident, its transition, a silence, what is to be
learnt, and that the link or press was used. So an act that comes twice is done once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.acts import Done, Wish, act_on
from shared.core.faults import Conflict
from shared.core.model import Act, Incident
from shared.core.muting import Silence
from shared.core.rows import Change, Put, Row
from shared.flows.accept import TRIES, commit
from shared.flows.ports import Ports
from shared.flows.situation import load_conversation
from shared.formats import records

REMEMBERED = timedelta(days=8)  # that a link was used: longer than it is good for
MOST_ID, MOST_SUBJECT = 40, 120  # characters
MOST_AT_ONCE = 40  # incidents of one message: Slack waits three seconds for all of them


@dataclass(frozen=True, slots=True)
class Response:
    """What came of an act: whether anything was done, in words, and the nudges for `deliver`."""

    done: bool
    words: str
    nudges: tuple[str, ...] = ()


def respond(ports: Ports, incident: str, wish: Wish, now: datetime, once: str = "") -> Response:
    """Does what a person wants about an incident, or says why there is nothing to do, and changes nothing.

    `once` names the link or the press: with the same name nothing is done a second time.
    """
    for _ in range(TRIES):
        found, row = find(ports, incident)
        if found is None:
            return Response(False, f"there is no incident {incident}")
        if once and is_used(ports, once, incident):
            return Response(False, "this was done already")
        silence, version = _silence_before(ports, found, wish.act)
        done = act_on(found, wish, silence, now)
        if isinstance(done, str):
            return Response(False, done)
        beside = [*_rows_of(done, found, wish.act, version), *_used(once, incident, now)]
        try:
            nudges = commit(ports, done.step, row, now, beside=beside)
        except Conflict:
            continue
        (change,) = done.step.transitions
        return Response(True, f"{change.change}: {change.why}", tuple(nudges))
    raise Conflict(f"incident {incident} changed {TRIES} times while it was being written")


def find(ports: Ports, incident: str) -> tuple[Incident | None, Row | None]:
    """An episode by its id, with its row while it can change; (None, None) when there is none."""
    if not incident.isascii() or not incident.isprintable() or len(incident) > MOST_ID:
        return None, None  # it comes from outside and would stand in a key
    named = ports.store.get(records.ALERTS, records.id_key(incident))
    if named is None:
        return None, None
    newest = ports.store.get(records.ALERTS, records.decode(named.body, str))
    found = records.decode(newest.body, Incident) if newest else None
    if found is not None and found.id == incident:
        return found, newest
    over = ports.store.get(records.ALERTS, records.episode_key(incident))
    return (records.decode(over.body, Incident), None) if over else (None, None)


def meant_by(ports: Ports, subject: str) -> list[str]:
    """The ids of the incidents that an offer is about; those of a thread are few enough to act on at once."""
    nudge, _, number = subject.rpartition("|")
    address = records.address_of(nudge) if len(subject) <= MOST_SUBJECT else None
    if address is None:
        return [subject]
    talk, _ = load_conversation(ports, address)
    told = [one for thread in talk.threads if str(thread.number) == number for one in thread.told]
    still = (one for one in told if (found := find(ports, one)[0]) is not None and found.open)
    return [one for one, _ in zip(still, range(MOST_AT_ONCE), strict=False)]


def is_used(ports: Ports, once: str, incident: str) -> bool:
    """Whether a link or a press has done what it is for to an incident."""
    return ports.store.get(records.ALERTS, records.used_key(once, incident)) is not None


def _silence_before(ports: Ports, incident: Incident, act: Act) -> tuple[Silence | None, str]:
    if act not in (Act.SILENCE, Act.EXPECTED):
        return None, ""
    row = ports.store.get(records.ALERTS, records.silence_key(incident.alert.key, act))
    return (records.decode(row.body, Silence), row.version) if row else (None, "")


def _rows_of(done: Done, incident: Incident, act: Act, version: str) -> Iterator[Change]:
    if done.silence is not None:
        key = records.silence_key(incident.alert.key, act)
        yield Put(key, records.encode(done.silence), version)
    if done.expected is not None:
        yield Put(records.expected_key(done.expected.scope), records.encode(done.expected))


def _used(once: str, incident: str, now: datetime) -> Iterator[Change]:
    if once:
        yield Put(records.used_key(once, incident), records.encode(now + REMEMBERED), "")
