"""Events of the activity log: who did what, and what came of it; scaling, policy, security, advice."""

from typing import Any

from shared.core.model import Detail, Scope
from shared.core.wording import named
from shared.formats.loose import one_line, opened
from shared.formats.pushed import Finding, Pushed, first_text, id_of, link_of, where
from shared.formats.pushed_words import known, level_of, list_in, number, rows_of

MOST_POLICIES = 3


def read_activity(pushed: Pushed) -> Finding:
    """ "Microsoft.Compute/virtualMachines/restart/action Succeeded, by a@b.example, on vm-1"."""
    event = pushed.context
    properties = opened(event.get("properties"))
    source = id_of(event, "eventsource") or pushed.service.lower()
    said = next((say(pushed, properties) for name, say in SOURCES.items() if name in source), "")
    return Finding(
        what=said or _operation(pushed),
        why=first_text(
            event.get("activity log event description"),
            properties.get("description"),
            properties.get("message") if properties.get("message") != event.get("operationname") else "",
        )[:400],
        details=known(
            Detail("Operation", one_line(event.get("operationname"), 200) if said else ""),
            Detail("Status", _status(pushed) if said else ""),
            Detail("By", one_line(event.get("caller"), 120) if said else ""),
            Detail("Level", level_of(event.get("level")).capitalize()),
            Detail("To do", _plain_list(properties.get("remediationsteps"))),
        ),
        link=link_of(properties.get("recommendationresourcelink")),
        identity=_identity(pushed),
    )


def _identity(pushed: Pushed) -> str:
    """One operation is several events, from its start to its end; they have its correlation in common."""
    event = pushed.context
    operation = id_of(event, "correlationid") or id_of(event, "operationid") or id_of(event, "eventdataid")
    if not operation:
        return ""
    return "|".join((operation, id_of(event, "operationname"), pushed.target, pushed.rule.lower()))


def _operation(pushed: Pushed) -> str:
    event = pushed.context
    operation = one_line(event.get("operationname"), 120) or pushed.rule
    caller = one_line(event.get("caller"), 80)
    by = f", by {caller}," if caller else ""
    return f"{' '.join(filter(None, (operation, _status(pushed))))}{by}{where(pushed)}".rstrip(",")


def _status(pushed: Pushed) -> str:
    status, further = (one_line(pushed.context.get(name), 60) for name in ("status", "substatus"))
    return f"{status} ({further})" if status and further else status


def _scaled(pushed: Pushed, properties: dict[str, Any]) -> str:
    before, after = (number(properties.get(name)) for name in ("oldinstancescount", "newinstancescount"))
    resource = one_line(properties.get("resourcename"), 1000).rstrip("/")
    what = named(Scope(resource)) if resource else where(pushed).removeprefix(" on ")
    status = _status(pushed)
    return (
        f"{what} scales from {before} to {after} instances, {status}".rstrip(", ") if before and after else ""
    )


def _policed(pushed: Pushed, properties: dict[str, Any]) -> str:
    """Which policies spoke; they come as a list written as text."""
    policies = rows_of(list_in(properties.get("policies")))[:MOST_POLICIES]
    effects = [one_line(one.get("policydefinitioneffect"), 60) for one in policies]
    reasons = [
        first_text(one.get("policydefinitionreferenceid"), one.get("policyassignmentname"))[:80]
        for one in policies
    ]
    said = ", ".join(" ".join(filter(None, pair)) for pair in zip(effects, reasons, strict=True))
    return f"Policy {said}: {_operation(pushed)}" if said else ""


def _secured(pushed: Pushed, properties: dict[str, Any]) -> str:
    """What was found where, and what was done about it."""
    found = first_text(
        properties.get("alertdisplayname"), properties.get("category"), pushed.context.get("description")
    )[:160].rstrip(".")
    entity, done = (one_line(properties.get(name), 80) for name in ("compromisedentity", "actiontaken"))
    if not found and not entity:
        return ""
    at = f" on {entity}" if entity else where(pushed)
    return f"Security: {found or pushed.rule}{at}{f', {done}' if done else ''}"


def _advised(pushed: Pushed, properties: dict[str, Any]) -> str:
    name = one_line(properties.get("recommendationname"), 160)
    return f"Advice: {name}{where(pushed)}" if name else ""


SOURCES = {"autoscale": _scaled, "policy": _policed, "security": _secured, "recommendation": _advised}


def _plain_list(found: object) -> str:
    steps = list_in(found)
    texts = (
        [one_line(step, 200) for step in steps]
        if isinstance(steps, list)
        else [one_line(found, 400).strip("[]")]
    )
    return "; ".join(filter(None, texts))[:400]
