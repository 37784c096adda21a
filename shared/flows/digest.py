"""Digests, each told once a period to each of its channels, however many workers look."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cache

from shared.core.digests import Digest, newest_period, report
from shared.core.model import Address, Delivery, Notification, Period, Reason, Report
from shared.core.rows import Put
from shared.core.telling import Say
from shared.flows.audit import episodes
from shared.flows.deliver import tell_one
from shared.flows.ports import Ports
from shared.flows.situation import load_conversation, muting
from shared.formats import records


def tell_digests(ports: Ports, now: datetime) -> None:
    """Tells every digest whose period is over and that its channels were not told yet.

    A digest has been told when its row stands, which is written together with the outcome: who dies
    before tells it again, marked as a possible repeat. Of periods that were missed only the newest is told.
    """
    for digest in ports.watch.digests:
        period = newest_period(digest, now)
        composed = cache(lambda digest=digest, period=period: _report(ports, digest, period, now))
        for channel in digest.channels:
            _tell(ports, digest, channel, period, composed, now)


def _tell(
    ports: Ports, digest: Digest, channel: str, period: Period, composed: Callable[[], Report], now: datetime
) -> None:
    key = records.digest_key(digest.name, channel, period.end)
    address = Address(channel, f"digest {records.digest(digest.name, 8)}")
    talk, version = load_conversation(ports, address)
    # Looked for after the conversation was read: who tells it now changes the conversation.
    if ports.store.get(records.ALERTS, key) is not None:
        return
    told, sequence = composed(), talk.sequence + 1
    notification = Notification((), address, sequence, Reason.DIGEST, at=now, report=told)
    said = Say(notification, replace(talk, sequence=sequence), ())
    tell_one(ports, talk, version, said, [Put(key, records.encode(told), "")], now)


def _report(ports: Ports, digest: Digest, period: Period, now: datetime) -> Report:
    rows = ports.store.scan(records.ALERTS, "delivery|")
    deliveries = (records.decode(row.body, Delivery) for row in rows)
    return report(digest, period, episodes(ports.store), deliveries, muting(ports, now), now)
