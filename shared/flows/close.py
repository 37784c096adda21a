"""Closing alerts for a reason that no judgement finds: what they are about is gone, or watched no longer."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.core.model import Incident, Scope
from shared.flows.accept import accept
from shared.flows.ports import Ports
from shared.formats import records


def close(ports: Ports, subscription: str, why: Callable[[Scope], str], now: datetime) -> list[str]:
    """Resolves a subscription's open incidents for which there is a `why`; "" leaves one open.

    Answers the nudges for `deliver`. Safe to repeat.
    """
    rows = ports.store.scan(records.ALERTS, records.incidents_prefix(subscription))
    standing = [one.alert for row in rows if (one := records.decode(row.body, Incident)).open]
    over = [
        replace(alert, firing=False, since=now, at=now, why=reason)
        for alert in standing
        if (reason := why(alert.scope))
    ]
    return accept(ports, over, now)
