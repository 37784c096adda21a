"""Which of the tokens that a check saw have a price, and which have none; PTU are paid by the hour."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from cli.recording import Recording
from shared.core.estimates import used_by
from shared.core.model import Reading
from shared.core.prices import billed_by_token, rate_for
from shared.core.unpriced import Used
from shared.flows.accounts import load_accounts
from shared.flows.ports import Ports
from shared.flows.pricing import load_book


def prices(ports: Ports, recording: Recording) -> dict[str, list[dict[str, Any]]]:
    """Each deployment and kind of token in use: under "matched" with its rate, else under "unmatched".

    Where the price list was not read all are unmatched.
    """
    found: dict[str, list[dict[str, Any]]] = {"matched": [], "unmatched": []}
    for used in _in_use(ports, recording):
        book = load_book(ports, used.region)
        rate = rate_for(book, used.deployment, used.region, used.kind) if book else None
        about = _about(used)
        if rate is None:
            found["unmatched"].append(about)
            continue
        paid = {"meter": rate.meter, "currency": rate.currency, "from": str(rate.source)}
        found["matched"].append({**about, "a_token": f"{rate.amount:f}", **paid})
    return found


def _in_use(ports: Ports, recording: Recording) -> Iterator[Used]:
    by_subject: dict[str, list[Reading]] = defaultdict(list)
    for (_, subject), reading in recording.readings(ports.store):
        by_subject[subject].append(reading)
    for subject, readings in by_subject.items():
        used = used_by(readings, load_accounts(ports, subject))
        yield from (one for one in used if billed_by_token(one.deployment.sku))


def _about(used: Used) -> dict[str, Any]:
    return {
        "scope": used.scope.resource,
        "deployment": used.scope.part,
        "model": used.deployment.model,
        "version": used.deployment.version,
        "sku": used.deployment.sku,
        "region": used.region,
        "tokens": str(used.kind),
    }
