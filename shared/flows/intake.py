"""What Azure pushes: kept as it came, read, and taken in by the same door as what is polled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.faults import Conflict, StoreAway
from shared.core.model import Alert, Kind, Scope, Severity
from shared.core.rows import MOST_BYTES, Put
from shared.flows.accept import accept
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.azure_alert import Unreadable, parse

TOLD_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP answer, and the nudges for `deliver`."""

    status: int
    text: str
    nudges: tuple[str, ...] = ()


def take(ports: Ports, body: bytes, now: datetime) -> Reply:
    """202 once the alert is durable; 400 or 413 for what is none, kept and told; 503 to be sent again.

    An action group repeats 503 and gives up at 500, so nothing that may pass is answered with 500.
    """
    try:
        key = records.inbox_key(now, ports.new_id())
        ports.store.commit(records.INBOX, [Put(key, body[:MOST_BYTES], "")])
        try:
            alert = _read(body, now)
        except Unreadable as why:
            nudges = accept(ports, [_unreadable(str(why), key, now)], now)
            status = 413 if len(body) > MOST_BYTES else 400
            ports.log({"event": "webhook", "inbox": key, "outcome": status, "error": str(why)})
            return Reply(status, f"not an alert: {why}", tuple(nudges))
        nudges = accept(ports, [alert], now)
    except (StoreAway, Conflict) as away:
        ports.log({"event": "webhook", "outcome": 503, "error": str(away)})
        return Reply(503, "the store is away; send it again")
    ports.log({"event": "webhook", "inbox": key, "outcome": 202, "rule": alert.rule, "test": alert.test})
    return Reply(202, "taken", tuple(nudges))


def _read(body: bytes, now: datetime) -> Alert:
    if len(body) > MOST_BYTES:
        raise Unreadable(f"a body of {len(body):,} bytes; expected at most {MOST_BYTES:,}")
    return parse(body, now)


def _unreadable(why: str, key: str, now: datetime) -> Alert:
    return Alert(
        key="webhook|unreadable",
        kind=Kind.AZURE,
        rule="webhook",
        scope=Scope(""),
        firing=True,
        severity=Severity.WARNING,
        what="The webhook received a message that is no Azure alert",
        since=now,
        at=now,
        why=f"{why}; it is kept in the inbox as {key}",
        source="webhook",
        ends=now + TOLD_FOR,
    )
