"""What Azure pushes: kept as it came, read, and taken in by the same door as what is polled."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.faults import Conflict, StoreAway
from shared.core.model import Alert, Kind, Scope, Severity
from shared.core.rows import MOST_BYTES, Put
from shared.flows.accept import accept
from shared.flows.in_order import accept_in_order
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.azure_alert import parse_all
from shared.formats.pushed_body import TooMuch, Unreadable

TOLD_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Reply:
    """The HTTP answer with its media type, the nudges for `deliver` and the jobs for `poll_scope`."""

    status: int
    text: str
    nudges: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    media: str = "text/plain"


def take(ports: Ports, body: bytes, now: datetime) -> Reply:
    """202 once all alerts in it are durable; 400 or 413 for none, kept and told; 503 to be sent again.

    An action group repeats 503 and gives up at 500, so nothing that may pass is answered with 500.
    """
    try:
        key = records.inbox_key(now, ports.new_id())
        ports.store.commit(records.INBOX, [Put(key, body[:MOST_BYTES], "")])
        return _taken(ports, _read(body, now), key, now)
    except (StoreAway, Conflict) as away:
        ports.log({"event": "webhook", "outcome": 503, "error": str(away)})
        return Reply(503, "the store is away; send it again")


def _read(body: bytes, now: datetime) -> list[Alert | Unreadable]:
    if len(body) > MOST_BYTES:
        return [TooMuch(f"a body of {len(body):,} bytes; expected at most {MOST_BYTES:,}")]
    return parse_all(body, now)


def _taken(ports: Ports, found: list[Alert | Unreadable], key: str, now: datetime) -> Reply:
    alerts = [one for one in found if isinstance(one, Alert)]
    odd = [one for one in found if isinstance(one, Unreadable)]
    nudges: list[str] = []
    for place, alert in enumerate(alerts):  # what begins twice in one body begins at two moments
        nudges += accept_in_order(ports, alert, now + timedelta(microseconds=place))
    if odd:
        nudges += accept(ports, [_unreadable(str(odd[0]), key, now)], now)
    status = 202 if alerts else 413 if isinstance(odd[0], TooMuch) else 400
    _log(ports, found, key, status)
    return Reply(status, _answer(alerts, odd), tuple(dict.fromkeys(nudges)))


def _log(ports: Ports, found: list[Alert | Unreadable], key: str, status: int) -> None:
    for one in found:
        what = {"rule": one.rule, "test": one.test} if isinstance(one, Alert) else {"error": str(one)}
        ports.log({"event": "webhook", "inbox": key, "outcome": status, **what})


def _answer(alerts: list[Alert], odd: list[Unreadable]) -> str:
    if not odd:
        return "taken"
    why = f"not an alert: {odd[0]}"
    return f"taken: {len(alerts)} of {len(alerts) + len(odd)}; {why}" if alerts else why


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
