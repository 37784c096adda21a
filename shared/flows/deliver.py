"""Delivery: decide what an address is to be told, claim it with a lease, send, settle.

What waits to be told is a row until it was told, or until there is nothing to tell of it. At least once,
never lost, in order: one worker at a time leads the conversation with an address.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.faults import Conflict, Unreachable
from shared.core.model import (
    Address,
    Alert,
    Conversation,
    Delivered,
    Delivery,
    Kind,
    Notification,
    Outcome,
    Reason,
    Refused,
    RetryLater,
    Scope,
    Severity,
    Waiting,
)
from shared.core.retries import MOST_ATTEMPTS, Status, claim, settle
from shared.core.rows import MOST_CHANGES, Change, Delete, Put, Row
from shared.core.telling import Hold, Say, plan
from shared.flows.accept import accept
from shared.flows.gate import answered, let_summary_through, let_through
from shared.flows.offers import offers
from shared.flows.ports import Ports
from shared.flows.situation import load_conversation, load_waiting, situation_of
from shared.flows.summary import summary, summary_address
from shared.formats import records
from shared.formats.channels import KINDS
from shared.formats.message import compose

TOLD_FOR = timedelta(hours=24)
MOST_MESSAGES = 20  # to one address in one go
DEAD_LETTER = "message {} was given up; it is kept as a dead letter, its row says why"


def deliver(ports: Ports, nudge: str, now: datetime) -> None:
    """Tells an address what there is to tell it, message by message, until one has to wait.

    `nudge` is what `accept` answered. Safe to repeat, and to run twice at once: who has not the lease
    goes away.
    """
    address = records.address_of(nudge)
    if address is None:
        ports.log({"event": "odd nudge", "nudge": nudge[:200]})
        return
    for _ in range(MOST_MESSAGES):
        if not _tell_next(ports, address, now):
            return


def _tell_next(ports: Ports, address: Address, now: datetime) -> bool:
    """Tells the most urgent of what waits; whether there may be more to tell now."""
    talk, version = load_conversation(ports, address)
    waiting = load_waiting(ports, address.nudge)
    if not waiting and not talk.threads:
        return False
    said = plan(situation_of(ports, talk, waiting, now), now)
    if isinstance(said, Hold):
        _put_off(ports, said, waiting)
        return False
    claimed = claim(talk, now, ports.new_id())
    if claimed is None:
        return False
    if said.notification.reason is Reason.NOTHING_NEW:  # the channel cannot show it without a new message
        return _commit_settled(ports, said.settled, version, _heard(said, waiting))
    shut = let_through(ports, said.notification, now)
    if shut is not None:
        if shut.full:
            _tell_in_short(ports, address.channel, now)
        return False
    return _claim_and_send(ports, claimed, version, said, _heard(said, waiting), now)


def tell_one(
    ports: Ports, talk: Conversation, version: str, said: Say, then: Sequence[Change], now: datetime
) -> None:
    """Tells what is no matter of an incident, if it may be told now; `then` is written with the outcome."""
    claimed = claim(talk, now, ports.new_id())
    if claimed is not None and let_through(ports, said.notification, now) is None:
        _claim_and_send(ports, claimed, version, said, then, now)


def _tell_in_short(ports: Ports, channel: str, now: datetime) -> None:
    """Tells a channel that has had its messages of the hour what waits for it, once, in one message."""
    talk, version = load_conversation(ports, summary_address(channel))
    claimed = claim(talk, now, ports.new_id())
    if claimed is None or not let_summary_through(ports, channel, now):
        return
    waiting = load_waiting(ports, channel, everything=True)
    said = summary(ports, talk, waiting, now)
    if said is not None:
        _claim_and_send(ports, claimed, version, said, _heard(said, waiting), now)


def _claim_and_send(
    ports: Ports,
    claimed: Conversation,
    version: str,
    said: Say,
    then: Sequence[Change],
    now: datetime,
) -> bool:
    """`then` is what changes besides, once it has been told."""
    try:
        version = _keep(ports, claimed, version)
    except Conflict:
        return False  # somebody else has just taken it
    return _send_and_settle(ports, claimed, version, said, then, now)


def _put_off(ports: Ports, hold: Hold, waiting: Mapping[Waiting, Row]) -> None:
    """Takes away what needs no telling; what is muted will be told as still firing."""
    changes: list[Change] = [_delete(waiting[one]) for one in hold.done]
    changes += [
        Put(waiting[one].key, records.encode(replace(one, reason=Reason.STILL_FIRING)), waiting[one].version)
        for one in hold.muted
        if one.reason is Reason.OPENED
    ]
    _commit_each(ports, changes)


def _send_and_settle(
    ports: Ports,
    claimed: Conversation,
    version: str,
    said: Say,
    then: Sequence[Change],
    now: datetime,
) -> bool:
    offered = offers(ports, said.notification)
    notification = replace(
        said.notification, plain=claimed.plain, may_repeat=claimed.may_repeat, offers=offered
    )
    thread = next((one for one in claimed.threads if one.number == notification.thread), None)
    outcome, receipt = _tell(ports, claimed, notification, thread.receipt if thread else "")
    answered(ports, address := notification.address, outcome, now)
    settled, status = settle(claimed, said, outcome, receipt, now)
    if status is Status.DEAD or (isinstance(outcome, Refused) and outcome.closed):
        # Before the row changes: who dies in between tells it again, and telling it again changes nothing.
        why = DEAD_LETTER.format(notification.id) if status is Status.DEAD else settled.last_error
        accept(ports, [failing(address.channel, why, now)], now)
    _log(ports, notification, claimed, settled, status)
    if status is Status.QUEUED:
        with suppress(Conflict):  # the lease ran out during the send: who took over has the row now
            _keep(ports, settled, version)
        return claimed.plain is not settled.plain
    changes = [*then, *_deliveries(notification, claimed, settled, status)]
    return _commit_settled(ports, settled, version, changes)


def _tell(
    ports: Ports, claimed: Conversation, notification: Notification, receipt: str
) -> tuple[Outcome, str]:
    """Sends, and sends anew where the message to be edited is gone; answers as `_send` does."""
    if claimed.attempts > MOST_ATTEMPTS:
        return Refused(f"{MOST_ATTEMPTS} attempts ended without any outcome"), receipt
    outcome, received = _send(ports, notification, receipt)
    if isinstance(outcome, Refused) and outcome.gone:
        return _send(ports, notification, "")
    return outcome, received


def _send(ports: Ports, notification: Notification, receipt: str) -> tuple[Outcome, str]:
    """Makes the channel's calls; answers the last outcome and the receipt of the thread's message."""
    entry = ports.watch.channel(notification.channel)
    if entry is None:
        return Refused(f"watch.yaml has no channel {notification.channel!r} any more"), receipt
    kind = KINDS[entry.kind]
    try:
        calls = kind.render(notification, entry.channel, receipt)
    except Exception as bug:  # noqa: BLE001 - else its row would be claimed again for ever, seen by nobody
        return Refused(f"it cannot be rendered: {type(bug).__name__}: {str(bug)[:200]}", form=True), receipt
    outcome: Outcome = Delivered()
    received = receipt
    for call in calls:
        try:
            outcome = kind.outcome(ports.post(notification.channel, call))
        except Unreachable as lost:
            return RetryLater(str(lost), unsure=True), received
        if not isinstance(outcome, Delivered):
            return outcome, received
        received = received or outcome.receipt
    return outcome, received


def _keep(ports: Ports, talk: Conversation, version: str) -> str:
    """Writes a conversation and answers its row's new version; Conflict when `version` is not the newest."""
    change = Put(records.conversation_key(talk.address), records.encode(talk), version)
    (newest,) = ports.store.commit(records.ALERTS, [change])
    return newest


def _heard(said: Say, waiting: Mapping[Waiting, Row]) -> list[Change]:
    return [_delete(waiting[one]) for one in said.done]


def _delete(row: Row) -> Change:
    return Delete(row.key, row.version)


def _deliveries(
    notification: Notification, claimed: Conversation, settled: Conversation, status: Status
) -> list[Change]:
    """What became of the message, a row for each incident that it brought news of."""
    headline = _headline(notification)
    found = [
        Delivery(
            one,
            notification.address,
            notification.sequence,
            notification.reason,
            notification.at,
            status,
            claimed.attempts,
            notification.may_repeat,
            headline,
            settled.last_error,
        )
        for one in notification.news
    ]
    return [Put(records.delivery_key(one), records.encode(one)) for one in found]


def _headline(notification: Notification) -> str:
    try:
        return compose(notification).headline
    except Exception:  # noqa: BLE001 - what could not be rendered is given up; that must be written down
        return ""


def _commit_settled(ports: Ports, settled: Conversation, version: str, changes: Iterable[Change]) -> bool:
    """Writes the conversation with what it has dealt with; False when somebody else has taken it over."""
    key = records.conversation_key(settled.address)
    dealt_with = [*changes]
    first = MOST_CHANGES - 1
    try:
        ports.store.commit(records.ALERTS, [Put(key, records.encode(settled), version), *dealt_with[:first]])
    except Conflict:
        return False
    _commit_each(ports, dealt_with[first:])
    return True


def _commit_each(ports: Ports, changes: list[Change]) -> None:
    """Rows that need not change together; one that somebody else has changed is theirs."""
    for first in range(0, len(changes), MOST_CHANGES):
        some = changes[first : first + MOST_CHANGES]
        try:
            ports.store.commit(records.ALERTS, some)
        except Conflict:
            for one in some:
                with suppress(Conflict):
                    ports.store.commit(records.ALERTS, [one])


def _log(
    ports: Ports,
    notification: Notification,
    claimed: Conversation,
    settled: Conversation,
    status: Status,
) -> None:
    ports.log(
        {
            "event": "delivery",
            "incident": notification.incidents[0].id if notification.incidents else "",
            "of": len(notification.incidents),
            "channel": notification.channel,
            "message": notification.sequence,
            "reason": notification.reason,
            "attempt": claimed.attempts,
            "outcome": status,
            "error": settled.last_error,
        }
    )


def tell_of_poison(ports: Ports, nudge: str, now: datetime) -> list[str]:
    """An alert about a nudge that could not be worked off; its rows stay, and `tend` tries them again."""
    channel, _, group = nudge.partition("|")
    why = f"the delivery of group {group[:40]} stopped with an error, again and again; see the logs"
    return accept(ports, [failing(channel[:60] or "unknown", why, now)], now)


def failing(channel: str, why: str, now: datetime) -> Alert:
    """The alert that a channel cannot be told what it should be; it goes to the others."""
    return Alert(
        key=f"delivery|{channel}",
        kind=Kind.DELIVERY,
        rule="delivery",
        scope=Scope(""),
        firing=True,
        severity=Severity.CRITICAL,
        what=f"Messages to channel {channel} fail",
        since=now,
        at=now,
        why=why,
        ends=now + TOLD_FOR,
    )
