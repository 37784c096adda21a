"""Limits: a meter above a value for a time, and the shares of requests that limits are set on."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from shared.core.model import (
    FAILED_SHARE,
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_THROTTLED,
    THROTTLED_SHARE,
    Alert,
    Detail,
    Kind,
    Limit,
    Meter,
    Quantity,
    Reading,
    Scope,
)
from shared.core.scopes import portal_link, within
from shared.core.wording import lasted, named, said

STALE = timedelta(minutes=45)  # newer data than this there must be, to say anything at all
OUTCOMES = frozenset(meter.name for meter in (REQUESTS_OK, REQUESTS_THROTTLED, REQUESTS_FAILED))
LEAST_REQUESTS = 20  # in a reading; a share of fewer says nothing


def judge_limit(limit: Limit, series: Sequence[Reading], now: datetime) -> Alert | None:
    """A limit's alert for one series (readings of one scope and meter, oldest first).

    Firing when every reading of the last `hold` is above, recovered when every one is at or below where
    it is clear; None in between, with a gap, or with nothing fresh: then whatever held before still holds.
    """
    unbroken = _unbroken(series)
    recent = _last(unbroken, limit.hold)
    if not recent or now - recent[-1].end > STALE or recent[-1].end - recent[0].start < limit.hold:
        return None
    clear = limit.above if limit.clear is None else limit.clear
    firing = all(reading.value > limit.above for reading in recent)
    if not firing and any(reading.value > clear for reading in recent):
        return None
    newest, first = recent[-1], _start_of_run(unbroken, limit.above if firing else clear)
    seen, against = (Quantity(value, newest.meter.unit) for value in (newest.value, limit.above))
    return Alert(
        key=f"limit|{limit.name}|{newest.scope.resource}|{newest.scope.part}",
        kind=Kind.LIMIT,
        rule=limit.name,
        scope=newest.scope,
        firing=firing,
        severity=limit.severity,
        what=f"{newest.meter.name} {said(seen)} on {named(newest.scope)}, limit {said(against)}",
        since=first,
        at=newest.end,
        as_of=newest.end,
        seen=seen,
        against=against,
        why=_why(limit, firing, newest, lasted(newest.end - first)),
        details=(Detail("Highest", said(Quantity(max(r.value for r in recent), newest.meter.unit))),),
        link=portal_link(newest.scope.resource),
    )


def _why(limit: Limit, firing: bool, newest: Reading, span: str) -> str:
    if firing or limit.clear is None:
        return f"{'above' if firing else 'not above'} the limit for {span}"
    return f"at or below {said(Quantity(limit.clear, newest.meter.unit))}, where it is clear, for {span}"


def judge_limits(limits: Sequence[Limit], readings: Iterable[Reading], now: datetime) -> list[Alert]:
    """The alerts of all limits about the series that they are for; of each series the oldest comes first."""
    limited = {limit.meter for limit in limits}
    series: dict[tuple[Scope, str], list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.meter.name in limited:
            series[reading.scope, reading.meter.name].append(reading)
    judged = (
        judge_limit(limit, ones, now)
        for limit in limits
        for (scope, meter), ones in series.items()
        if meter == limit.meter and within(scope.resource, limit.scope)
    )
    return [alert for alert in judged if alert is not None]


def _unbroken(series: Sequence[Reading]) -> Sequence[Reading]:
    """The readings after the newest gap: what went on in it is unknown."""
    for index in range(len(series) - 1, 0, -1):
        if series[index].start > series[index - 1].end:
            return series[index:]
    return series


def _last(series: Sequence[Reading], hold: timedelta) -> list[Reading]:
    if not series:
        return []
    start = series[-1].end - hold
    return [reading for reading in series if reading.end > start]


def _start_of_run(series: Sequence[Reading], bar: Decimal) -> datetime:
    """Since when the newest reading's side of the bar has been kept."""
    side = series[-1].value > bar
    since = series[-1].start
    for reading in reversed(series):
        if (reading.value > bar) != side:
            break
        since = reading.start
    return since


def shares(readings: Iterable[Reading]) -> list[Reading]:
    """Of request counts by outcome, the throttled and the failed share of each deployment and period."""
    counts: dict[tuple[Scope, datetime, datetime], dict[Meter, Reading]] = defaultdict(dict)
    for reading in readings:
        if reading.meter.name in OUTCOMES:
            counts[reading.scope, reading.start, reading.end][reading.meter] = reading
    found = []
    for (scope, start, end), by_meter in sorted(counts.items()):
        total = sum(reading.value for reading in by_meter.values())
        if total < LEAST_REQUESTS:
            continue
        as_of = max(reading.as_of for reading in by_meter.values())
        for part, share in ((REQUESTS_THROTTLED, THROTTLED_SHARE), (REQUESTS_FAILED, FAILED_SHARE)):
            # Azure lists a status only when it occurred: an absent one beside others was none.
            part_value = by_meter[part].value if part in by_meter else Decimal()
            found.append(Reading(scope, share, start, end, 100 * part_value / total, as_of))
    return found
