"""What a run came to, for its page: the incidents from the store, and what of the truth was told."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

from shared.core.model import Incident, Kind, Transition
from shared.core.wording import lasted
from shared.flows.audit import Account, accounts
from shared.flows.ports import Store
from sim import incidents as truths
from sim.incidents import Incident as Truth

Tells = Callable[[Incident, Transition], bool]


def _opens(*kinds: Kind) -> Tells:
    return lambda incident, change: change.change == "opened" and incident.alert.kind in kinds


def _crosses(step: str) -> Tells:
    return lambda incident, change: step in change.steps


# Which change of which incident tells of a planted fault.
TELLS: Mapping[str, Tells] = {
    truths.LOOP: _opens(Kind.ANOMALY),
    truths.LEAK: _opens(Kind.ANOMALY),
    truths.NEW_MODEL: _opens(Kind.NEWCOMER),
    truths.OUTAGE: _opens(Kind.LIMIT, Kind.ANOMALY),
    truths.PTU_FULL: _opens(Kind.LIMIT),
    truths.BUDGET_PACE: _crosses("forecast 100"),
    truths.BUDGET_CROSSED: _crosses("actual 80"),
    truths.BUDGET_WEBHOOK: lambda incident, change: change.change == "confirmed",
}


def incidents_told(store: Store) -> list[dict[str, Any]]:
    """The incidents as the page shows them, each with its history."""
    return [_told(one) for one in accounts(store)]


def _told(account: Account) -> dict[str, Any]:
    incident = account.incident
    told = Counter(one.address.channel for one in account.deliveries)
    return {
        "id": incident.id,
        "state": incident.state,
        "severity": incident.alert.severity.name.lower(),
        "opened_at": incident.opened_at.isoformat(),
        "resolved_at": incident.resolved_at.isoformat() if incident.resolved_at else None,
        "what": incident.alert.what,
        "notes": [f"{channel}: {count} messages" for channel, count in sorted(told.items())],
        "transitions": [
            {"at": one.at.isoformat(), "change": one.change, "why": one.why} for one in account.transitions
        ],
    }


def truth_told(planted: Iterable[Truth], store: Store) -> list[dict[str, Any]]:
    """Each planted fault, and when it was first told of."""
    known = accounts(store)
    return [_planted(truth, known) for truth in planted]


def _planted(truth: Truth, known: Iterable[Account]) -> dict[str, Any]:
    told = (
        change.at
        for one in known
        if _is_about(one.incident, truth)
        for change in one.transitions
        if TELLS[truth.kind](one.incident, change)
    )
    at = next(told, None)
    return {
        "kind": truth.kind,
        "what": truth.words,
        "start": truth.start.isoformat(),
        "end": truth.end.isoformat(),
        "told_at": at.isoformat() if at else "",
        "delay": _delay(at - truth.start) if at is not None else "",
    }


def _delay(span: timedelta) -> str:
    return f"after {lasted(span)}" if span >= timedelta() else "before it"


def _is_about(incident: Incident, truth: Truth) -> bool:
    """Whether an incident is at a planted fault's place and began while it lasted."""
    if incident.alert.kind is Kind.BUDGET:
        return incident.alert.rule == truth.what
    account, _, deployment = truth.what.lower().partition("/")
    scope = incident.alert.scope
    there = scope.resource.endswith("/" + account) and deployment in ("", scope.part)
    return there and truth.start <= incident.opened_at <= truth.end
