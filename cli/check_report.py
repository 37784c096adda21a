"""The account of a check as one JSON document; docs/check.md says what each key holds."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cli.check_prices import prices
from cli.recording import Call, Job, Recording
from shared.core.freshness import Watermark
from shared.core.model import Address, Budget, Incident, Notification, Reading, Reason
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.loose import mapping, one_line
from shared.formats.message import compose

USAGE_KEPT = timedelta(days=2)  # of usage; of cost all is in the document
OF_COST = ("spend", "bill")  # the sources of cost


def document(
    ports: Ports, recording: Recording, marks: Sequence[Watermark], by: str, now: datetime
) -> dict[str, Any]:
    """Everything that a check found, fit for json.dumps: numbers as text, times in ISO 8601."""
    return {
        "checked_at": now.isoformat(),
        "by": by,
        "sources": [_source(mark, recording) for mark in marks],
        "asked": [_call(call) for call in recording.calls],
        "refused": [_refused(call) for call in recording.calls if not call.answered],
        "readings": [
            _reading(job, one)
            for job, one in recording.readings(ports.store)
            if job[0] in OF_COST or one.end > now - USAGE_KEPT
        ],
        "odd_rows": [
            {name: str(value) for name, value in event.items()}
            for event in recording.events
            if str(event.get("event", "")).startswith("odd")
        ],
        "incidents": [_incident(one) for one in incidents_of(ports)],
        "budgets": list(_budgets(ports.watch.budgets, recording.native_budgets)),
        "prices": prices(ports, recording),
    }


def incidents_of(ports: Ports) -> list[Incident]:
    """What would be told now."""
    rows = ports.store.scan(records.ALERTS, "incident|")
    return [one for row in rows if (one := records.decode(row.body, Incident)).open]


def headline(incident: Incident) -> str:
    """What a message about it begins with."""
    return compose(Notification((incident,), Address("", ""), 1, Reason.OPENED, incident.opened_at)).headline


def is_answered(mark: Watermark) -> bool:
    """Whether the poll of the source went well."""
    return mark.answered_at is not None and not mark.trouble


def trouble_of(mark: Watermark, recording: Recording) -> str:
    """What sort of trouble a source has, as `kind_of` says it; "" for none."""
    if is_answered(mark):
        return ""
    refused = {call.why: call.kind for call in recording.calls if not call.answered}
    return refused.get(mark.trouble, "wait" if mark.not_before else "broken")


def _source(mark: Watermark, recording: Recording) -> dict[str, Any]:
    return {
        "source": mark.source,
        "subject": mark.subject,
        "answered": is_answered(mark),
        "read_until": mark.read_until.isoformat() if mark.read_until else None,
        "kind": trouble_of(mark, recording),
        "why": mark.trouble,
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        "source": call.job[0],
        "subject": call.job[1],
        "api": call.api,
        "of": call.of,
        "what": call.what,
        "pages": call.pages,
        "answered": call.answered,
        "seconds": round(call.seconds, 3),
    }


def _refused(call: Call) -> dict[str, Any]:
    return {
        "source": call.job[0],
        "subject": call.job[1],
        "api": call.api,
        "of": call.of,
        "kind": call.kind,
        "why": call.why,
    }


def _reading(job: Job, one: Reading) -> dict[str, Any]:
    return {
        "source": job[0],
        "subject": job[1],
        "scope": one.scope.resource,
        "part": one.scope.part,
        "meter": one.meter.name,
        "unit": one.meter.unit,
        "start": one.start.isoformat(),
        "end": one.end.isoformat(),
        "value": str(one.value),
        "as_of": one.as_of.isoformat(),
    }


def _incident(incident: Incident) -> dict[str, Any]:
    alert = incident.alert
    return {
        "key": alert.key,
        "kind": str(alert.kind),
        "severity": alert.severity.name.lower(),
        "scope": alert.scope.resource,
        "part": alert.scope.part,
        "headline": headline(incident),
        "why": alert.why,
        "channels": [address.channel for address in incident.addresses],
    }


def _budgets(
    ours: Sequence[Budget], native: Sequence[tuple[str, Mapping[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Those of watch.yaml, then those that Azure listed."""
    for one in ours:
        yield {
            "from": "watch.yaml",
            "name": one.name,
            "scope": one.scope,
            "amount": str(one.amount.value),
            "currency": one.amount.unit,
            "grain": str(one.grain),
        }
    for scope, listed in native:
        properties = mapping(listed.get("properties"))
        yield {
            "from": "Azure",
            "name": one_line(listed.get("name")),
            "scope": scope,
            "amount": one_line(properties.get("amount")),
            "currency": one_line(mapping(properties.get("currentSpend")).get("unit")),
            "grain": one_line(properties.get("timeGrain")),
        }
