"""The two doors of the webhook. One of them is open, by the settings; who is let in is taken in alike.

Nothing is read, kept or told of who is not let in, but a line in the log.
"""

from datetime import datetime

from shared.flows.intake import Reply, take
from shared.flows.ports import Ports
from shared.formats.principal import refusal

NOT_ALLOWED = Reply(401, "not allowed")


def by_principal(ports: Ports, header: str, body: bytes, now: datetime) -> Reply:
    """Of a caller whom the platform's authentication has named in `header`, "" where it has named none."""
    closed = "METERWATCH_WEBHOOK_AUTH is key" if ports.webhook.by_key else ""
    if why := closed or refusal(header, ports.webhook.expected):
        return _refused(ports, "entra", why)
    return take(ports, body, now)


def by_key(ports: Ports, body: bytes, now: datetime) -> Reply:
    """Of a caller whose function key the platform has checked."""
    if not ports.webhook.by_key:
        return _refused(ports, "key", "METERWATCH_WEBHOOK_AUTH is not key")
    return take(ports, body, now)


def _refused(ports: Ports, door: str, why: str) -> Reply:
    ports.log({"event": "webhook", "door": door, "outcome": NOT_ALLOWED.status, "why": why})
    return NOT_ALLOWED
