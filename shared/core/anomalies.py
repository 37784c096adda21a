"""Anomalies: a deployment's tokens against its own baseline, told as one alert a deployment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from shared.core.baseline import LIMIT_SCORE, Anomaly, Baseline, judge_series, learn, strongest
from shared.core.model import (
    TOKENS_IN,
    TOKENS_OUT,
    Alert,
    Detail,
    Kind,
    Meter,
    Quantity,
    Reading,
    Scope,
    Sensitivity,
    Severity,
)
from shared.core.periods import HOUR, hour_of
from shared.core.scopes import portal_link
from shared.core.wording import named, said

TOKENS = Meter("tokens", "tokens")
CALM = 0.6  # of the score that fires, or of the least tokens; below it the anomaly is over
GRAVE = 3.0  # times the score that fires; above it the anomaly is critical,
GRAVE_FACTOR = 2.0  # if it is at least so many times the usual: a very regular series is soon far off


def anomaly_key(scope: Scope) -> str:
    """The identity of a deployment's anomaly."""
    return f"anomaly|{TOKENS.name}|{scope.resource}|{scope.part}"


def judge_tokens(baseline: Baseline, recent: Sequence[Reading], sensitivity: Sensitivity) -> Alert | None:
    """A deployment's anomaly alert from its newest token readings, oldest first.

    None where nothing can be said: too little history, less than half of the newest hour, or a
    difference between calm and firing, at which whatever held before still holds.
    """
    rolling = [reading for reading in recent if reading.end > recent[-1].end - HOUR]
    held = sum((reading.end - reading.start for reading in rolling), 0 * HOUR)
    if not baseline.ready or held < HOUR / 2:
        return None
    # Nobody knows whether an absent part of the hour was idle or is late: both must agree.
    ways = [rolling, [*rolling, _nothing(rolling, HOUR - held)]] if held < HOUR else [rolling]
    judged = [judge_series(baseline, way) for way in ways]
    found = [strongest(one, sensitivity.least_tokens) for one in judged]
    far = [one for one in found if one is not None and abs(one.score) >= sensitivity.score]
    if len(far) == len(ways) and len({one.score > 0 for one in far}) == 1:
        return _firing(min(far, key=lambda one: abs(one.score)), rolling[-1], sensitivity)
    leaning = [strongest(one, CALM * sensitivity.least_tokens) for one in judged]
    calm = all(one is None or abs(one.score) < CALM * sensitivity.score for one in leaning)
    return _calm(rolling[-1]) if calm else None


def _nothing(rolling: Sequence[Reading], length: timedelta) -> Reading:
    """The absent part of the newest hour, as if it had been idle."""
    start = rolling[-1].end - HOUR
    return replace(rolling[-1], start=start, end=start + length, value=Decimal())


def _firing(found: Anomaly, newest: Reading, sensitivity: Sensitivity) -> Alert:
    seen, expected, low, high = (
        Quantity(Decimal(round(value)), TOKENS.unit)
        for value in (found.seen, found.expected, found.low, found.high)
    )
    worse = found.score >= GRAVE * sensitivity.score and found.seen >= GRAVE_FACTOR * found.expected
    return Alert(
        key=anomaly_key(newest.scope),
        kind=Kind.ANOMALY,
        rule="anomaly",
        scope=newest.scope,
        firing=True,
        severity=Severity.CRITICAL if worse else Severity.WARNING,
        what=f"{named(newest.scope)} used {said(seen)} in the last {found.length}, {_compared(found)}",
        since=found.since,
        at=newest.end,
        as_of=newest.end,
        seen=seen,
        against=expected,
        why="far above its usual for this time of the week" if found.score > 0 else "far below its usual",
        details=(
            Detail(
                "Usual", f"{said(low)} to {said(high)}" + ("" if found.settled else ", known for days only")
            ),
            Detail(
                "Distance",
                f"{abs(found.score) / LIMIT_SCORE:.1f} times as far off as its past leads to expect",
            ),
        ),
        link=portal_link(newest.scope.resource),
    )


def _compared(found: Anomaly) -> str:
    if found.expected < 1:
        return "usually none"
    ratio = found.seen / found.expected
    return f"{ratio:.1f} times its usual" if ratio >= 2 else f"{100 * (ratio - 1):+.0f} % against its usual"


def _calm(newest: Reading) -> Alert:
    return Alert(
        key=anomaly_key(newest.scope),
        kind=Kind.ANOMALY,
        rule="anomaly",
        scope=newest.scope,
        firing=False,
        severity=Severity.INFO,
        what=f"{named(newest.scope)} uses as many tokens as usual",
        since=newest.end,
        at=newest.end,
        as_of=newest.end,
        why="back within its usual range",
        link=portal_link(newest.scope.resource),
    )


def tokens(readings: Iterable[Reading]) -> dict[Scope, list[Reading]]:
    """Tokens in and out together, by deployment, oldest first; one kind alone counts as it is."""
    summed: dict[Scope, dict[datetime, Reading]] = {}
    for reading in readings:
        if reading.meter.name in (TOKENS_IN.name, TOKENS_OUT.name):
            by_start = summed.setdefault(reading.scope, {})
            other = by_start.get(reading.start)
            value = reading.value + (other.value if other else 0)
            by_start[reading.start] = Reading(
                reading.scope, TOKENS, reading.start, reading.end, value, reading.as_of
            )
    return {scope: [by_start[start] for start in sorted(by_start)] for scope, by_start in summed.items()}


def whole_hours(series: Sequence[Reading]) -> list[Reading]:
    """The hours that a series covers whole, as readings of an hour each, oldest first."""
    gathered: dict[datetime, list[Reading]] = {}
    for reading in series:
        gathered.setdefault(hour_of(reading.start), []).append(reading)
    return [
        Reading(
            part[0].scope,
            part[0].meter,
            hour,
            hour + HOUR,
            sum((r.value for r in part), Decimal()),
            part[-1].as_of,
        )
        for hour, part in sorted(gathered.items())
        if sum(((r.end - r.start) for r in part), 0 * HOUR) == HOUR
    ]


def learn_hours(
    baselines: Mapping[Scope, Baseline],
    series: Mapping[Scope, Sequence[Reading]],
    settled: datetime,
    is_expected: Callable[[Scope, datetime], bool] = lambda scope, start: False,
) -> dict[Scope, Baseline]:
    """The baselines that the whole hours among the readings change, after them.

    An hour is learnt only once: those that end after `settled` may still change, and are left for later.
    `is_expected` says of an hour, by its start, whether a person has called it usual.
    """
    changed = {}
    for scope, readings in series.items():
        before = baselines.get(scope)
        hours = [hour for hour in whole_hours(readings) if hour.end <= settled]
        after = learn(before, hours, partial(is_expected, scope))
        if after is not None and after is not before:
            changed[scope] = after
    return changed
