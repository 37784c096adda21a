"""`meterwatch parse FILE...`: the alert that each webhook body becomes, or why it is none."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.core.model import Alert, Quantity
from shared.core.wording import SEVERITY_WORDS
from shared.formats.azure_alert import parse_all
from shared.formats.moments import parse_moment

STDIN = "-"


def main(arguments: Sequence[str]) -> int:
    """0: every body is an alert; 1: one is none, and the document says why; 2: a file cannot be read."""
    parser = argparse.ArgumentParser(
        prog="meterwatch parse", description="Print the alert that each webhook body becomes, as JSON."
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help=f"a body; {STDIN} is standard input")
    parser.add_argument(
        "--received", type=_moment, metavar="TIME", help="when the bodies arrived, in ISO 8601; default: now"
    )
    options = parser.parse_args(arguments)
    received_at = options.received or datetime.now(UTC)
    found = [one for file in options.files for one in _outcomes(file, received_at)]
    entries = [entry for _, entry in found]
    print(json.dumps(entries[0] if len(entries) == 1 else entries, indent=2))
    return max(status for status, _ in found)


def _moment(text: str) -> datetime:
    if found := parse_moment(text):
        return found
    raise argparse.ArgumentTypeError(f"{text!r} is no time; expected one like 2026-09-21T04:12:00Z")


def _outcomes(file: str, received_at: datetime) -> Iterator[tuple[int, dict[str, Any]]]:
    """What a file holds, in its order: an exit code with an alert, or with why it is none."""
    try:
        body = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as unread:
        yield 2, {"file": file, "error": f"cannot be read: {unread.strerror}"}
        return
    for one in parse_all(body, received_at):
        if isinstance(one, Alert):
            yield 0, {"file": file, **shown(one)}
        else:
            yield 1, {"file": file, "error": str(one)}


def shown(alert: Alert) -> dict[str, Any]:
    """An alert as docs/webhook.md describes it."""
    return {
        "kind": alert.kind.value,
        "rule": alert.rule,
        "key": alert.key,
        "severity": SEVERITY_WORDS[alert.severity].lower(),
        "firing": alert.firing,
        "what": alert.what,
        "why": alert.why,
        "target": alert.scope.resource,
        "link": alert.link,
        "seen": _quantity(alert.seen),
        "against": _quantity(alert.against),
        "steps": list(alert.steps),
        "since": _time(alert.since),
        "at": _time(alert.at),
        "ends": _time(alert.ends),
        "details": [{"label": one.label, "text": one.text} for one in alert.details],
        "test": alert.test,
        "source": alert.source,
    }


def _quantity(quantity: Quantity | None) -> dict[str, str] | None:
    return {"value": f"{quantity.value:f}", "unit": quantity.unit} if quantity else None


def _time(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
