"""Delivery: claim a row with a lease, send, settle. At least once, never lost, in order.

A notification waits in the outbox until a channel has taken it or refused it for good; then its row
moves to `delivered|`, `accepted|` or `dead|`, in the same transaction that keeps the channel's receipt.
"""

from datetime import datetime, timedelta

from shared.core.faults import Conflict, Unreachable
from shared.core.model import (
    Alert,
    Delivered,
    Kind,
    Notification,
    Outcome,
    Refused,
    RetryLater,
    Scope,
    Severity,
)
from shared.core.retries import MOST_ATTEMPTS, Status, claim, settle
from shared.core.rows import Change, Delete, Put
from shared.flows.accept import accept
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.channels import KINDS

TOLD_FOR = timedelta(hours=24)
DEAD_LETTER = "message {} was given up; it is kept as a dead letter, its row says why"


def deliver(ports: Ports, nudge: str, now: datetime) -> None:
    """Sends the outbox rows of one incident and channel, oldest first, until one has to wait.

    `nudge` is what `accept` answered. Safe to repeat, and to run twice at once: who has not the lease
    goes away.
    """
    for row in ports.store.scan(records.ALERTS, f"outbox|{nudge}|"):
        notification = records.decode(row.body, Notification)
        claimed = claim(notification, now, ports.new_id())
        if claimed is None:
            return
        try:
            (version,) = ports.store.commit(
                records.ALERTS, [Put(row.key, records.encode(claimed), row.version)]
            )
        except Conflict:
            return
        if _send_and_settle(ports, claimed, version, now) is Status.QUEUED:
            return


def _send_and_settle(ports: Ports, claimed: Notification, version: str, now: datetime) -> Status:
    kept = ports.store.get(records.ALERTS, records.receipt_key(claimed))
    receipt = kept.body.decode() if kept else ""
    outcome, received = _tell(ports, claimed, receipt)
    settled, status = settle(claimed, outcome, now)
    if status is Status.DEAD:
        # Before the row moves: who dies in between tells it again, and telling it again changes nothing.
        accept(ports, [_failing(settled.channel, DEAD_LETTER.format(settled.id), now)], now)
    changes: list[Change] = [Put(records.outbox_key(settled), records.encode(settled), version)]
    if status is not Status.QUEUED:
        changes = [
            Delete(records.outbox_key(settled), version),
            Put(f"{status}|{settled.id}", records.encode(settled)),
        ]
    if received and received != receipt:
        changes.append(Put(records.receipt_key(settled), received.encode()))
    try:
        ports.store.commit(records.ALERTS, changes)
    except Conflict:
        # The lease ran out during the send and somebody else took over: theirs is the row now.
        status = Status.QUEUED
    _log(ports, settled, status)
    return status


def _tell(ports: Ports, notification: Notification, receipt: str) -> tuple[Outcome, str]:
    """Sends, and sends anew where the message to be edited is gone; answers as `_send` does."""
    if notification.attempts > MOST_ATTEMPTS:
        return Refused(f"{MOST_ATTEMPTS} attempts ended without any outcome"), receipt
    outcome, received = _send(ports, notification, receipt)
    if isinstance(outcome, Refused) and outcome.gone:
        return _send(ports, notification, "")
    return outcome, received


def _send(ports: Ports, notification: Notification, receipt: str) -> tuple[Outcome, str]:
    """Makes the channel's calls; answers the last outcome and the receipt of the incident's message."""
    entry = ports.watch.channel(notification.channel)
    if entry is None:
        return Refused(f"watch.yaml has no channel {notification.channel!r} any more"), receipt
    kind = KINDS[entry.kind]
    try:
        calls = kind.render(notification, entry.channel, receipt)
    except Exception as bug:  # noqa: BLE001 - else its row would be claimed again for ever, seen by nobody
        return Refused(f"it cannot be rendered: {type(bug).__name__}: {str(bug)[:200]}"), receipt
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


def _log(ports: Ports, notification: Notification, status: Status) -> None:
    ports.log(
        {
            "event": "delivery",
            "incident": notification.incident.id,
            "channel": notification.channel,
            "message": notification.sequence,
            "attempt": notification.attempts,
            "outcome": status,
            "error": notification.last_error,
        }
    )


def due(ports: Ports, now: datetime) -> list[str]:
    """The nudges of all outbox rows that could be sent now, each once, oldest incident first."""
    nudges: dict[str, None] = {}
    for row in ports.store.scan(records.ALERTS, "outbox|"):
        notification = records.decode(row.body, Notification)
        if claim(notification, now, "nobody") is not None:
            nudges[records.nudge_of(notification)] = None
    return list(nudges)


def tell_of_poison(ports: Ports, nudge: str, now: datetime) -> list[str]:
    """An alert about a nudge that could not be worked off; its rows stay, and `tend` tries them again."""
    incident, _, channel = nudge.partition("|")
    why = f"the delivery of incident {incident[:40]} stopped with an error, again and again; see the logs"
    return accept(ports, [_failing(channel[:60] or "unknown", why, now)], now)


def _failing(channel: str, why: str, now: datetime) -> Alert:
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
