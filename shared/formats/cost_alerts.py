"""The alerts that Cost Management has raised, as it lists them: what a lost webhook would have said.

An alert of a budget becomes the same alert as its webhook's, so that both are one incident. The list has
an entry for each threshold of a budget, and keeps those of periods that are long over.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.budgets import budget_key, severity_of
from shared.core.model import Alert, Basis, Detail, Grain, Kind, Period, Quantity, Scope, Severity, Threshold
from shared.core.periods import period_of
from shared.core.scopes import portal_link
from shared.core.wording import named
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import folded, one_line
from shared.formats.moments import parse_moment
from shared.formats.native_budgets import GRAINS
from shared.formats.pushed import AZURE, MOST_NAME
from shared.formats.pushed_budget import HIGHEST_STEP, Sums, crossing, positive, scope_of, sentence

LATE = timedelta(hours=48)  # after a period's end Azure may still find that it was too dear
TOLD_FOR = timedelta(hours=24)
MOST_RATIO = Decimal(10)  # a threshold above it is a percent, though it should be a ratio


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of the list that is of a budget."""

    scope: str
    name: str
    active: bool
    status: str
    sums: Sums
    unit: str
    step: Threshold | None
    since: datetime
    changed: datetime
    period: Period


def parse_alerts(items: Iterable[Mapping[str, Any]], now: datetime) -> list[Alert]:
    """The alerts that matter now: one for each budget, with all its steps, and one for each other entry."""
    budgets: dict[str, list[_Entry]] = defaultdict(list)
    others: list[Alert] = []
    for item in map(folded, items):
        about = folded(item.get("properties")) or item
        if one_line(folded(about.get("definition")).get("type")).lower().startswith("budget"):
            entry = _entry(item, about, now)
            if now < entry.period.end + LATE:
                budgets[budget_key(entry.scope, entry.name)].append(entry)
        elif other := _other(item, about, now):
            others.append(other)
    return [*(_budget(key, entries) for key, entries in budgets.items()), *others]


def _entry(item: Mapping[str, Any], about: Mapping[str, Any], now: datetime) -> _Entry:
    details = folded(about.get("details"))
    identity, entity = (one_line(found, LONGEST_ID) for found in (item.get("id"), about.get("costentityid")))
    whose = entity if "/budgets/" in entity.lower() else identity
    amount = positive(details.get("amount"))
    step = _step(about, details)
    bar = amount * step.percent / 100 if amount and step else None
    changed = _changed(about, now)
    period = _period(details, changed)
    created = parse_moment(about.get("creationtime")) or changed
    status = one_line(about.get("status")) or "Active"
    return _Entry(
        scope_of(whose.lower()).rstrip("/"),
        one_line(entity.rstrip("/").rpartition("/")[2], MOST_NAME) or "without a name",
        status.lower() == "active",
        status,
        Sums(parse_amount(details.get("currentspend")), amount, bar),
        one_line(details.get("unit"), 10).upper() or "?",
        step,
        created if created in period and created <= changed else changed,
        changed,
        period,
    )


def _step(about: Mapping[str, Any], details: Mapping[str, Any]) -> Threshold | None:
    share = positive(details.get("threshold"))
    if share is None:
        return None
    percent = (100 * share if share <= MOST_RATIO else share).quantize(Decimal("0.01"))
    definition = folded(about.get("definition"))
    words = one_line(definition.get("criteria")) + one_line(definition.get("type"))
    basis = Basis.FORECAST if "forecast" in words.lower() else Basis.ACTUAL
    return Threshold(percent, basis) if Decimal("0.01") <= percent <= HIGHEST_STEP else None


def _changed(about: Mapping[str, Any], now: datetime) -> datetime:
    """When Azure said so last; times that it does not know it writes as the year 1."""
    times = (parse_moment(about.get(name)) for name in ("modificationtime", "creationtime"))
    return min(next((time for time in times if time), now), now)


def _period(details: Mapping[str, Any], changed: datetime) -> Period:
    """The budget's period in which the alert was raised; the start that is said may be of another one."""
    grain = GRAINS.get(one_line(details.get("timegraintype")).lower(), Grain.MONTH)
    start = parse_moment(details.get("periodstartdate"))
    begins = start.month if start else 1
    said = period_of(grain, start, begins) if start else None
    # What a period's last day brought is found, and told, after its end.
    return said if said and said.end <= changed < said.end + LATE else period_of(grain, changed, begins)


def _budget(key: str, entries: list[_Entry]) -> Alert:
    """One alert of all the entries of a budget: it holds while one of them is active."""
    newest = max(entries, key=lambda one: (one.period.start, one.active, one.changed))
    current = [one for one in entries if one.period == newest.period and one.active == newest.active]
    steps = [one.step for one in sorted(current, key=lambda one: one.since) if one.step]
    top = max(steps, key=lambda step: (severity_of(step), step.percent), default=None)
    return Alert(
        key=key,
        kind=Kind.BUDGET,
        rule=newest.name,
        scope=Scope(newest.scope),
        firing=newest.active,
        severity=severity_of(top) if top else Severity.WARNING,
        what=sentence(newest.name, newest.sums, newest.unit, top),
        since=min(one.since for one in current),
        at=newest.changed,
        seen=Quantity(newest.sums.spent, newest.unit) if newest.sums.spent is not None else None,
        against=Quantity(newest.sums.amount, newest.unit) if newest.sums.amount is not None else None,
        why=crossing(top) if newest.active else f"Azure says: {newest.status.lower()}",
        steps=tuple(dict.fromkeys(step.step for step in steps)),
        link=portal_link(newest.scope),
        source=AZURE,
        ends=newest.period.end,
    )


def _other(item: Mapping[str, Any], about: Mapping[str, Any], now: datetime) -> Alert | None:
    """Credit, quota, invoice and the like, in general words; None when it is a day old, or over."""
    definition = folded(about.get("definition"))
    identity = one_line(item.get("id"), LONGEST_ID).lower()
    criteria = one_line(definition.get("criteria")) or one_line(definition.get("type")) or "Cost alert"
    raised = min(parse_moment(about.get("creationtime")) or _changed(about, now), now)
    status = one_line(about.get("status")) or "Active"
    if now >= raised + TOLD_FOR or not identity:
        return None
    scope = Scope(scope_of(identity).rstrip("/"))
    rule, entity = _words(criteria), one_line(about.get("costentityid"), 2 * MOST_NAME)
    active = status.lower() == "active"
    return Alert(
        key=f"azure|{identity}|{criteria.lower()}",
        kind=Kind.AZURE,
        rule=rule,
        scope=scope,
        firing=active,
        severity=Severity.WARNING,
        what=f"{rule}: {entity or named(scope)}",
        since=raised,
        at=raised,
        why=one_line(about.get("description")) if active else f"Azure says: {status.lower()}",
        details=(Detail("From", "Cost Management alerts"),),
        link=portal_link(scope.resource),
        source=AZURE,
        ends=raised + TOLD_FOR if active else None,
    )


def _words(criteria: str) -> str:
    """ "InvoiceDueDateApproaching" as "Invoice due date approaching"."""
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", criteria) or [criteria]
    text = " ".join(part if part.isupper() else part.lower() for part in parts)
    return text[:1].upper() + text[1:]
