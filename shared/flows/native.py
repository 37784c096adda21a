"""The native budgets of a scope: listed, and their spend asked for by their own filters.

Azure evaluates a budget once a day, of cost that comes in six times a day; here it is told hours sooner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from shared.core.budgets import budget_key, judge_gone
from shared.core.faults import NotPermitted, NotThere, SourceFault
from shared.core.model import Alert, Detail, Quantity, Reading
from shared.core.periods import DAY
from shared.core.rows import Put
from shared.core.scopes import subscription_of
from shared.core.wording import moment, said
from shared.flows import calls
from shared.flows.accept import accept
from shared.flows.costs import Book, days_since, keep_days
from shared.flows.keep import known_names
from shared.flows.poll_spend import judged, wanted_since
from shared.flows.ports import Ports
from shared.flows.read_costs import Asked, read_costs
from shared.formats import cost_query, records
from shared.formats.cost_query import CostRows
from shared.formats.native_budgets import NativeBudget, concerns_ai, parse_budgets

EVERY = timedelta(hours=4)  # the bill is refreshed that often
HISTORY = timedelta(days=20)  # enough for a forecast, and few enough to be read at once


@dataclass(frozen=True, slots=True)
class Figure:
    """What Azure's own evaluation says of a budget, and since when it says so."""

    spent: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Natives:
    """The native budgets of a subject as they were listed last."""

    listed_at: Mapping[str, datetime] = field(default_factory=dict)  # by scope that was asked
    budgets: tuple[NativeBudget, ...] = ()
    figures: Mapping[str, Figure] = field(default_factory=dict)  # by key


def load_natives(ports: Ports, subject: str) -> Natives:
    """The native budgets known of a subject."""
    row = ports.store.get(records.state_partition(subject), "natives")
    return records.decode(records.unsqueeze(row.body), Natives) if row else Natives()


def list_natives(
    ports: Ports, subject: str, scope: str, now: datetime, every: timedelta = timedelta()
) -> list[str]:
    """Lists the budgets of a scope, unless it was listed just before; ends what holds of those now gone.

    The list of a management group has those of its subscriptions too, which are asked by themselves.
    """
    before = load_natives(ports, subject)
    last = before.listed_at.get(scope)
    if last and now - last < max(every, calls.pace(ports)):
        return []
    listed, odd = parse_budgets(calls.budgets(ports, scope, now))
    for line in odd:
        ports.log({"event": "odd budget", "scope": scope, "budget": line})
    found = [one for one in listed if subscription_of(one.scope) == subscription_of(scope)]
    for one in found:
        if one.why_not:
            ports.log({"event": "budget not watched", "budget": one.key, "why": one.why_not})
    after = _after_list(before, scope, found, now)
    kept = {one.key for one in after.budgets} | _ours(ports)
    gone = [judge_gone(one.name, one.scope, now) for one in before.budgets if one.key not in kept]
    nudges = accept(ports, gone, now)
    row = Put("natives", records.squeeze(records.encode(after)))
    ports.store.commit(records.state_partition(subject), [row])
    return nudges


def _ours(ports: Ports) -> set[str]:
    """The keys of the budgets in watch.yaml, which go before native ones of the same scope and name."""
    return {budget_key(budget.scope, budget.name) for budget in ports.watch.budgets}


def _after_list(before: Natives, scope: str, found: Iterable[NativeBudget], now: datetime) -> Natives:
    listed_at = {**before.listed_at, scope: now}
    budgets = {one.key: one for one in before.budgets if _is_of_another(one, scope, before.listed_at)}
    budgets |= {one.key: one for one in found}
    figures = {}
    for key, one in budgets.items():
        spent, known = str(one.spent), before.figures.get(key)
        figures[key] = known if known and known.spent == spent else Figure(spent, now)
    return Natives(listed_at, tuple(budgets.values()), figures)


def _is_of_another(one: NativeBudget, scope: str, listed: Mapping[str, datetime]) -> bool:
    """Whether a budget came from the list of another scope, which will say when it is gone."""
    return one.scope != scope and one.scope in listed


def judge_natives(ports: Ports, subject: str, now: datetime) -> tuple[list[Alert], list[SourceFault]]:
    """Reads and judges each budget that is watched; what went wrong with one stops no other."""
    natives = load_natives(ports, subject)
    alerts: list[Alert] = []
    faults: list[SourceFault] = []
    for one in _watched(ports, subject, natives, now):
        try:
            _read(ports, subject, one, now)
        except (NotPermitted, NotThere) as refused:  # this one cannot be asked for, as it is
            ports.log({"event": "budget not watched", "budget": one.key, "why": str(refused)})
            continue
        except SourceFault as fault:
            faults.append(fault)
            continue
        alerts += _judged(ports, subject, one, natives.figures[one.key], now)
    return alerts, faults


def _watched(ports: Ports, subject: str, natives: Natives, now: datetime) -> list[NativeBudget]:
    """Those that concern AI cost, are in force, and are not in watch.yaml under the same scope and name."""
    ours = _ours(ports)
    known = known_names(ports, subject, "billing")

    def is_ai(meter: str) -> bool:
        return known is None or f"billing meter: {meter}".lower() in names

    names = {name.lower() for name in known or ()}
    return [
        one
        for one in natives.budgets
        if not one.why_not and one.key not in ours and _in_force(one, now) and concerns_ai(one.only, is_ai)
    ]


def _in_force(one: NativeBudget, now: datetime) -> bool:
    """Whether a budget has begun and not ended; its last day is one of it."""
    return (one.starts is None or one.starts <= now) and (one.ends is None or now < one.ends + DAY)


def _book(subject: str, one: NativeBudget) -> Book:
    """Where its days are kept; elsewhere once its filter is another one."""
    prefix = f"native|{records.digest(one.key + str(one.only))}|"
    return Book(records.readings_partition(subject), prefix, one.scope)


def _read(ports: Ports, subject: str, one: NativeBudget, now: datetime) -> None:
    book = _book(subject, one)

    def keep(rows: CostRows) -> None:
        keep_days(ports, book, rows.readings, whole=not rows.odd)

    # Azure judges budgets by cost as charged, whatever the bill is read as.
    question = partial(cost_query.question, groups=(), only=one.only)
    name = book.prefix.rstrip("|")
    asked = Asked(one.scope, subject, name, question, keep, max(EVERY, calls.pace(ports)))
    read_costs(ports, asked, _since(one, now), now)


def _since(one: NativeBudget, now: datetime) -> datetime:
    budget = one.as_budget(one.unit)
    return wanted_since([budget] if budget else [], now, HISTORY)


def _judged(ports: Ports, subject: str, one: NativeBudget, figure: Figure, now: datetime) -> list[Alert]:
    readings = days_since(ports, _book(subject, one), _since(one, now))
    unit = one.unit or _only_unit(readings)
    budget = one.as_budget(unit)
    if budget is None or not unit:
        return []
    lines = _azures_own(one, unit, figure)
    return [replace(alert, details=(*alert.details, *lines)) for alert in judged(budget, readings, now)]


def _only_unit(readings: Iterable[Reading]) -> str:
    """The currency of a budget whose own is not said: that of its bill, when there is one."""
    units = {one.meter.unit for one in readings}
    return units.pop() if len(units) == 1 else ""


def _azures_own(one: NativeBudget, unit: str, figure: Figure) -> tuple[Detail, ...]:
    if one.spent is None:
        return ()
    text = f"{said(Quantity(one.spent, unit))}, the same since {moment(figure.since)}"
    return (Detail("Azure's own figure", text),)
