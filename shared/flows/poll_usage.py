"""Usage of one subscription: what each deployment and agent did, minutes old.

estate -> metrics -> readings (kept) -> limits, anomalies, newcomers -> accept
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.core.anomalies import judge_tokens, learn_hours, tokens
from shared.core.baseline import Baseline
from shared.core.faults import NotThere, UnknownMetrics
from shared.core.freshness import Watermark
from shared.core.limits import judge_limits, shares
from shared.core.model import Account, Alert, Period, Reading, Scope
from shared.core.newcomers import judge_newcomers, names_in
from shared.core.periods import DAY, HOUR, floor_to, hour_of
from shared.flows.accept import accept
from shared.flows.accounts import JUST_READ, Estate, read_estate
from shared.flows.expectations import expectations
from shared.flows.keep import (
    keep_history,
    keep_known,
    keep_usage,
    known_names,
    load_baselines,
    save_baselines,
)
from shared.flows.metrics import RARE_SETTLING, Asking, Look, is_due, load_memory, save_memory
from shared.flows.ports import Ports
from shared.flows.pricing import tell_unpriced, with_cost
from shared.formats.metric_names import BY_DEPLOYMENT, GRAIN, HISTORY, QUESTIONS, RARE_METERS, Question

SETTLING = GRAIN  # the newest points are still being counted
HOUR_SETTLING = timedelta(minutes=10)  # before a baseline learns an hour, which it does only once
REREAD = HOUR + HOUR_SETTLING + SETTLING  # so that an hour is seen whole in the round that learns it
WEEKS_BEFORE = 28 * DAY  # read once of each account, so that baselines are of use from the first day
MOST_LOOKS = 50  # accounts whose weeks before are read in one round
LOOKS_A_CALL = 10
LONGEST_ASK = 31 * DAY


def poll_usage(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads since the watermark, keeps, judges, accepts; answers the nudges for `deliver`."""
    estate, nudges = read_estate(ports, subscription, now)
    asking = Asking(ports, load_memory(ports, subscription), now)
    try:
        readings = _read(asking, subscription, estate, mark)
    except UnknownMetrics:
        raise
    except NotThere:  # an account that was removed since they were listed would stop all the others
        before = estate.accounts
        estate, more = read_estate(ports, subscription, now, age=JUST_READ)
        nudges += more
        if estate.accounts == before:
            raise
        readings = _read(asking, subscription, estate, mark)
    used = {reading.scope for reading in readings}
    if estate.unlisted(used):
        estate, more = read_estate(ports, subscription, now, used)
        nudges += more
    keep_usage(ports, subscription, readings)
    gone = {scope for scope in used if estate.is_removed(scope)}
    nudges += _judge(ports, subscription, estate, [one for one in readings if one.scope not in gone], now)
    save_memory(ports, subscription, asking.memory)
    return nudges


def _read(asking: Asking, subscription: str, estate: Estate, mark: Watermark) -> list[Reading]:
    """What is due, of all accounts whose weeks before are known."""
    new = [one for one in estate.accounts if one.id not in asking.memory.looked]
    windows = {
        question: _window(asking, question, mark, bool(new))
        for question in QUESTIONS
        if is_due(question, mark.read_until, asking.now)
    }
    _look_back(asking, subscription, new, windows[BY_DEPLOYMENT].start)
    accounts = [one for one in estate.accounts if one.id in asking.memory.looked]
    return [
        reading for question, asked in windows.items() for reading in asking.read(accounts, question, asked)
    ]


def _window(asking: Asking, question: Question, mark: Watermark, has_new: bool) -> Period:
    """What to ask for: since the watermark, and as far back as a judgement needs.

    Where an account is new, from a whole hour on: there its weeks before end, which are read by the hour.
    """
    rare = question.every > GRAIN
    end = floor_to(asking.now - (RARE_SETTLING if rare else SETTLING), question.every)
    limits = [one for one in asking.ports.watch.limits if (one.meter in RARE_METERS) == rare]
    back = max([2 * HOUR if rare else REREAD, *(one.hold + question.every for one in limits)])
    since = max(floor_to(min(mark.read_until or end, end), question.every) - back, end - LONGEST_ASK)
    looks = asking.memory.looked.values()
    unread = (one.until for one in looks if mark.read_until is None or one.at > mark.read_until)
    start = min([since, *unread])
    return Period(hour_of(start) if has_new or rare else start, end)


def _look_back(asking: Asking, subscription: str, new: Sequence[Account], until: datetime) -> None:
    """Reads and keeps the weeks before of new accounts, and the baselines that follow from them.

    Some in each round: the others are read from the round on that comes to them. Safe to be killed anywhere.
    """
    some = sorted(new, key=lambda account: account.region)[:MOST_LOOKS]
    for first in range(0, len(some), LOOKS_A_CALL):
        part = some[first : first + LOOKS_A_CALL]
        history = asking.read(part, HISTORY, Period(until - WEEKS_BEFORE, until))
        keep_history(asking.ports, subscription, history)
        save_baselines(asking.ports, subscription, learn_hours({}, tokens(history), until))
        asking.memory.looked |= {account.id: Look(asking.now, until) for account in part}
        save_memory(asking.ports, subscription, asking.memory)


def _judge(
    ports: Ports, subscription: str, estate: Estate, readings: Sequence[Reading], now: datetime
) -> list[str]:
    """Tells what is found, then learns; answers the nudges."""
    baselines = load_baselines(ports, subscription)
    known, names = known_names(ports, subscription, "estate"), names_in(estate.known)
    outcomes, used = shares(readings), tokens(readings)
    alerts = [
        *(judge_newcomers(known, names, now) if ports.watch.newcomers else []),
        *judge_limits(ports.watch.limits, [*readings, *outcomes], now),
        *_anomalies(ports, baselines, used, outcomes, now),
    ]
    alerts = with_cost(ports, alerts, estate.accounts, readings)
    nudges = accept(ports, [_owned(one, estate) for one in alerts], now, first=known is None)
    nudges += tell_unpriced(ports, subscription, estate.accounts, readings, now)
    learnt = learn_hours(baselines, used, now - HOUR_SETTLING, expectations(ports))
    save_baselines(ports, subscription, learnt)
    if known is not None or estate.is_whole:  # else what is only listed later would be told as new
        keep_known(ports, subscription, "estate", names, now)
    return nudges


def _owned(alert: Alert, estate: Estate) -> Alert:
    """The alert with whose it is, and the tags that routes go by."""
    account = estate.account_of(alert.scope.resource)
    return replace(alert, owner=account.owner, tags=account.tags) if account else alert


def _anomalies(
    ports: Ports,
    baselines: Mapping[Scope, Baseline],
    used: Mapping[Scope, Sequence[Reading]],
    outcomes: Iterable[Reading],
    now: datetime,
) -> list[Alert]:
    sensitivity = ports.watch.sensitivity
    if sensitivity is None:
        return []
    judged = (
        judge_tokens(baselines[scope], series, sensitivity)
        for scope, series in used.items()
        if scope in baselines and now - series[-1].end <= REREAD
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
