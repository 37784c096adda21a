"""The gates of the channels in the store: one message passes at a time, whichever worker sends it."""

from datetime import datetime, timedelta

from shared.core.faults import Conflict
from shared.core.gates import Gate, Shut, enter, enter_in_short, leave
from shared.core.model import Address, Notification, Outcome, Severity
from shared.core.rows import Put
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.channels import KINDS

TRIES = 20  # when others pass the same gate at the same moment
PATIENCE = timedelta(seconds=5)  # that a place in the row is waited for; `tend` takes up what takes longer


def load_gate(ports: Ports, channel: str) -> tuple[Gate, str]:
    """What is known of a channel, and the row's version."""
    row = ports.store.get(records.ALERTS, records.gate_key(channel))
    return (records.decode(row.body, Gate), row.version) if row else (Gate(channel), "")


def let_through(ports: Ports, notification: Notification, now: datetime) -> Shut | None:
    """Passes the channel's gate with one message, after a short wait where there is one to wait for.

    None when it has passed, else why it may not.
    """
    entry = ports.watch.channel(notification.channel)
    if entry is None:
        return None  # refused when it is sent, in words
    pace = KINDS[entry.kind].pace
    urgent = any(one.open and one.alert.severity is Severity.CRITICAL for one in notification.incidents)
    for _ in range(TRIES):
        gate, version = load_gate(ports, notification.channel)
        step = enter(gate, pace, entry.most_per_hour, urgent, now)
        if isinstance(step, Shut):
            if step.full or step.until - now > PATIENCE:
                ports.log({"event": "held", "channel": notification.channel, "why": step.why})
                return step
            ports.wait(step.until - now)
            now = step.until
            continue
        if _save(ports, step, version):
            return None
    return Shut(now, "many others are at its gate")


def let_summary_through(ports: Ports, channel: str, now: datetime) -> bool:
    """Passes the gate of a channel that is full with the one summary of this hour."""
    gate, version = load_gate(ports, channel)
    after = enter_in_short(gate, now)
    return after is not None and _save(ports, after, version)


def answered(ports: Ports, address: Address, outcome: Outcome, now: datetime) -> None:
    """Remembers what an answer says of the channel as a whole."""
    for _ in range(TRIES):
        gate, version = load_gate(ports, address.channel)
        after = leave(gate, outcome, now)
        if after == gate or _save(ports, after, version):
            return


def _save(ports: Ports, gate: Gate, version: str) -> bool:
    change = Put(records.gate_key(gate.channel), records.encode(gate), version)
    try:
        ports.store.commit(records.ALERTS, [change])
    except Conflict:
        return False
    return True
