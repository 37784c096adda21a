"""Usage of one subscription: tokens, requests, PTU and latency of each deployment, minutes old.

estate -> metrics -> readings (kept) -> limits, anomalies, newcomers -> accept
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.anomalies import judge_tokens, tokens, whole_hours
from shared.core.baseline import Baseline, learn
from shared.core.freshness import Watermark
from shared.core.limits import judge_limit, shares
from shared.core.model import Account, Alert, Meter, Reading, Scope
from shared.core.newcomers import judge_newcomers, names_in
from shared.core.periods import DAY, HOUR, floor_to, hour_of
from shared.core.scopes import within
from shared.flows.accept import accept
from shared.flows.keep import (
    keep_known,
    keep_usage,
    known_names,
    load_baselines,
    save_baselines,
)
from shared.flows.estate import load_estate
from shared.flows.ports import Ports
from shared.formats import token_metrics

GRAIN = timedelta(minutes=5)
SETTLING = GRAIN  # the newest points are still being counted
HOUR_SETTLING = timedelta(minutes=30)  # before a baseline learns an hour, which it does only once
REREAD = HOUR + GRAIN  # metrics arrive late; and a whole rolling hour is judged each time
HISTORY = 28 * DAY  # read once, so that baselines are of use from the first day
MOST_RESOURCES = 50  # in one batch call
LONGEST_ASK = 31 * DAY


def poll_usage(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads since the watermark, keeps, judges, accepts; answers the nudges for `deliver`."""
    accounts = load_estate(ports, subscription, now)
    end = floor_to(now - SETTLING, GRAIN)
    baselines = load_baselines(ports, subscription)
    if mark.read_until is None:
        start = hour_of(end - REREAD)
        history = _fetch(ports, accounts, start - HISTORY, start, HOUR, now)
        keep_usage(ports, subscription, history)
        _learn(baselines, history, now)
    else:
        start = max(hour_of(min(mark.read_until, end) - REREAD), end - LONGEST_ASK)
    readings = _fetch(ports, accounts, start, end, GRAIN, now)
    keep_usage(ports, subscription, readings)
    alerts = [
        *_newcomers(ports, subscription, accounts, now),
        *_over_limits(ports, readings, now),
        *_anomalies(ports, baselines, readings),
    ]
    owners = {account.id: account.owner for account in accounts}
    nudges = accept(ports, [replace(one, owner=owners.get(one.scope.resource, "")) for one in alerts], now)
    _learn(baselines, readings, now)
    save_baselines(ports, subscription, baselines)
    keep_known(ports, subscription, "estate", names_in(accounts), now)
    return nudges


def _fetch(
    ports: Ports, accounts: Sequence[Account], start: datetime, end: datetime, grain: timedelta, now: datetime
) -> list[Reading]:
    """All readings of [start, end): one question a region, up to 50 accounts at once."""
    regions: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        regions[account.region].append(account.id)
    readings: list[Reading] = []
    for region, ids in sorted(regions.items()):
        for first in range(0, len(ids), MOST_RESOURCES):
            some = ids[first : first + MOST_RESOURCES]
            for sources, dimensions in token_metrics.QUESTIONS:
                names = token_metrics.names_of(sources)
                answer = ports.azure.metrics(region, some, names, dimensions, start, end, grain)
                readings += token_metrics.parse(some, answer, sources, grain, now)
    return readings


def _newcomers(ports: Ports, subscription: str, accounts: list[Account], now: datetime) -> list[Alert]:
    if not ports.watch.newcomers:
        return []
    return judge_newcomers(known_names(ports, subscription, "estate"), names_in(accounts), now)


def _over_limits(ports: Ports, readings: Sequence[Reading], now: datetime) -> list[Alert]:
    series: dict[tuple[Scope, Meter], list[Reading]] = defaultdict(list)
    for reading in (*readings, *shares(readings)):
        series[reading.scope, reading.meter].append(reading)
    judged = (
        judge_limit(limit, ones, now)
        for limit in ports.watch.limits
        for (scope, meter), ones in series.items()
        if meter.name == limit.meter and within(scope.resource, limit.scope)
    )
    return [alert for alert in judged if alert is not None]


def _anomalies(ports: Ports, baselines: dict[Scope, Baseline], readings: Iterable[Reading]) -> list[Alert]:
    sensitivity = ports.watch.sensitivity
    if sensitivity is None:
        return []
    judged = (
        judge_tokens(baselines[scope], series, sensitivity)
        for scope, series in tokens(readings).items()
        if scope in baselines
    )
    explained = _turned_away(ports, readings)
    return [one for one in judged if one is not None and not (one.scope in explained and _is_drop(one))]


def _turned_away(ports: Ports, readings: Iterable[Reading]) -> set[Scope]:
    """Deployments that failed or throttled callers above a limit: their drop in tokens is no news."""
    bars = {limit.meter: limit.above for limit in ports.watch.limits}
    found = shares(readings)
    return {one.scope for one in found if one.meter.name in bars and one.value > bars[one.meter.name]}


def _is_drop(alert: Alert) -> bool:
    return (
        alert.firing
        and alert.seen is not None
        and alert.against is not None
        and alert.seen.value < alert.against.value
    )


def _learn(baselines: dict[Scope, Baseline], readings: Iterable[Reading], now: datetime) -> None:
    """Takes the whole and settled hours among the readings into the baselines."""
    for scope, series in tokens(readings).items():
        settled = [hour for hour in whole_hours(series) if hour.end + HOUR_SETTLING <= now]
        learnt = learn(baselines.get(scope), settled)
        if learnt is not None:
            baselines[scope] = learnt
