"""When a channel has had its messages of the hour: all that waits for it in one message, counted."""

from dataclasses import replace
from datetime import datetime

from shared.core.model import Address, Conversation, Notification, Reason, Waiting
from shared.core.rows import Row
from shared.core.telling import Say, by_rank
from shared.flows.audit import episodes
from shared.flows.ports import Ports
from shared.flows.situation import muting

GROUP = "summary"  # the address of a channel's summaries


def summary(ports: Ports, talk: Conversation, waiting: dict[Waiting, Row], now: datetime) -> Say | None:
    """One message about all that waits for a channel and is not muted; None when there is nothing.

    What it tells waits no longer, and is not told again one by one; what comes later of it is.
    """
    asked, muted = {one.incident for one in waiting}, muting(ports, now)
    found = {one.id: one for one in episodes(ports.store) if one.id in asked and not muted(one)}
    if not found:
        return None
    sequence = talk.sequence + 1
    notification = Notification(
        incidents=by_rank(found.values()),
        address=talk.address,
        sequence=sequence,
        reason=Reason.SUMMARY,
        at=now,
        news=tuple(found),
        may_repeat=talk.may_repeat,
    )
    return Say(
        notification, replace(talk, sequence=sequence), tuple(one for one in waiting if one.incident in found)
    )


def summary_address(channel: str) -> Address:
    """Where the summaries of a channel are told."""
    return Address(channel, GROUP)
