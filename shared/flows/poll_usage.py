"""Usage of one subscription: tokens, requests, PTU and latency of each deployment, minutes old.

estate -> metrics -> readings (kept) -> limits, anomalies, newcomers -> accept
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.anomalies import judge_tokens, learn_hours, tokens
from shared.core.baseline import Baseline
from shared.core.freshness import Watermark
from shared.core.limits import judge_limits, shares
from shared.core.model import Account, Alert, Period, Reading, Scope
from shared.core.newcomers import judge_newcomers, names_in
from shared.core.periods import DAY, HOUR, floor_to, hour_of
from shared.flows.accept import accept
from shared.flows.estate import JUST_READ, load_estate
from shared.flows.keep import (
    keep_history,
    keep_known,
    keep_usage,
    known_names,
    load_baselines,
    save_baselines,
)
from shared.flows.ports import Ports
from shared.formats import token_metrics

GRAIN = timedelta(minutes=5)
SETTLING = GRAIN  # the newest points are still being counted
HOUR_SETTLING = timedelta(minutes=10)  # before a baseline learns an hour, which it does only once
REREAD = HOUR + HOUR_SETTLING + SETTLING  # so that an hour is seen whole in the round that learns it
HISTORY = 28 * DAY  # read once, so that baselines are of use from the first day
MOST_RESOURCES = 50  # in one batch call
LONGEST_ASK = 31 * DAY


def poll_usage(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads since the watermark, keeps, judges, accepts; answers the nudges for `deliver`."""
    accounts = load_estate(ports, subscription, now)
    baselines = load_baselines(ports, subscription)
    asked = _window(ports, mark, now)
    if mark.read_until is None:
        baselines |= _first_look(ports, subscription, accounts, asked.start, now)
    readings = _fetch(ports, accounts, asked, GRAIN, now)
    if _unlisted(accounts, readings):
        accounts = load_estate(ports, subscription, now, JUST_READ)
    keep_usage(ports, subscription, readings)
    outcomes = shares(readings)
    alerts = [
        *_newcomers(ports, subscription, accounts, now),
        *judge_limits(ports.watch.limits, [*readings, *outcomes], now),
        *_anomalies(ports, baselines, readings, outcomes),
    ]
    owners = {account.id: account.owner for account in accounts}
    nudges = accept(ports, [replace(one, owner=owners.get(one.scope.resource, "")) for one in alerts], now)
    save_baselines(ports, subscription, learn_hours(baselines, tokens(readings), now - HOUR_SETTLING))
    keep_known(ports, subscription, "estate", names_in(accounts), now)
    return nudges


def _window(ports: Ports, mark: Watermark, now: datetime) -> Period:
    """What to ask for: since the watermark, and as far back as a judgement needs."""
    end = floor_to(now - SETTLING, GRAIN)
    back = max([REREAD, *(limit.hold + GRAIN for limit in ports.watch.limits)])
    if mark.read_until is None:
        return Period(hour_of(end - back), end)
    return Period(max(floor_to(min(mark.read_until, end), GRAIN) - back, end - LONGEST_ASK), end)


def _first_look(
    ports: Ports, subscription: str, accounts: Sequence[Account], until: datetime, now: datetime
) -> dict[Scope, Baseline]:
    """Reads and keeps the weeks before, and the baselines that follow from them."""
    history = _fetch(ports, accounts, Period(until - HISTORY, until), HOUR, now)
    keep_history(ports, subscription, history)
    learnt = learn_hours({}, tokens(history), now - HOUR_SETTLING)
    save_baselines(ports, subscription, learnt)
    return learnt


def _fetch(
    ports: Ports, accounts: Sequence[Account], asked: Period, grain: timedelta, now: datetime
) -> list[Reading]:
    """All readings of a period: the questions of one region together, up to 50 accounts at once."""
    regions: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        regions[account.region].append(account.id)
    readings: list[Reading] = []
    for region, ids in sorted(regions.items()):
        for first in range(0, len(ids), MOST_RESOURCES):
            some = ids[first : first + MOST_RESOURCES]
            for sources, dimensions in token_metrics.QUESTIONS:
                query = token_metrics.query_for(sources, dimensions)
                answer = ports.azure.metrics(region, some, query, asked, grain)
                readings += token_metrics.parse(some, answer, sources, grain, now)
    return readings


def _unlisted(accounts: Iterable[Account], readings: Iterable[Reading]) -> set[Scope]:
    """Deployments that are used and not in the list: it has become old."""
    listed = {Scope(account.id, one.name) for account in accounts for one in account.deployments}
    return {reading.scope for reading in readings} - listed


def _newcomers(ports: Ports, subscription: str, accounts: list[Account], now: datetime) -> list[Alert]:
    if not ports.watch.newcomers:
        return []
    return judge_newcomers(known_names(ports, subscription, "estate"), names_in(accounts), now)


def _anomalies(
    ports: Ports,
    baselines: Mapping[Scope, Baseline],
    readings: Iterable[Reading],
    outcomes: Iterable[Reading],
) -> list[Alert]:
    sensitivity = ports.watch.sensitivity
    if sensitivity is None:
        return []
    judged = (
        judge_tokens(baselines[scope], series, sensitivity)
        for scope, series in tokens(readings).items()
        if scope in baselines
    )
    explained = _turned_away(ports, outcomes)
    return [one for one in judged if one is not None and not (one.scope in explained and _is_drop(one))]


def _turned_away(ports: Ports, outcomes: Iterable[Reading]) -> set[Scope]:
    """Deployments that failed or throttled callers above a limit: their drop in tokens is no news."""
    bars = {limit.meter: limit.above for limit in ports.watch.limits}
    return {one.scope for one in outcomes if one.meter.name in bars and one.value > bars[one.meter.name]}


def _is_drop(alert: Alert) -> bool:
    return (
        alert.firing
        and alert.seen is not None
        and alert.against is not None
        and alert.seen.value < alert.against.value
    )
