"""Gateway logs of one workspace: tokens of each API Management consumer, product and deployment, minutes old.

logs -> readings (kept) -> limits, anomalies, newcomers -> accept
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from shared.core.anomalies import judge_tokens, learn_hours
from shared.core.baseline import Baseline
from shared.core.consumers import consumer_tokens, names_of, with_idle
from shared.core.faults import NotThere, Unreachable
from shared.core.freshness import Watermark
from shared.core.limits import judge_limits
from shared.core.model import Alert, Period, Reading, Scope
from shared.core.newcomers import judge_newcomers
from shared.core.periods import DAY, HOUR, floor_to, hour_of
from shared.flows.accept import accept
from shared.flows.expectations import expectations
from shared.flows.keep import keep_anew, keep_known, known_names, load_baselines, save_baselines
from shared.flows.ports import Ports
from shared.formats import gateway_log

GRAIN = timedelta(minutes=5)
SETTLING = timedelta(minutes=10)  # a call is logged when it ends, and minutes later, under when it began
HOUR_SETTLING = timedelta(minutes=30)  # before a baseline learns an hour, which it does only once
REREAD = 2 * HOUR  # the record that says who called may come in after the one with the tokens
HISTORY = 28 * DAY  # read once, so that baselines are of use from the first day
LONGEST_ASK = 31 * DAY
MOST_BINS = 336  # of each consumer in one answer: two weeks by the hour, 28 hours by five minutes


def workspaces(ports: Ports) -> tuple[str, ...]:
    """The workspace to read, by its GUID; none is configured where there is no such gateway."""
    return (ports.watch.gateway.workspace,) if ports.watch.gateway.workspace else ()


def poll_gateway(ports: Ports, workspace: str, mark: Watermark, now: datetime) -> list[str]:
    """Reads since the watermark, keeps, judges, accepts; answers the nudges for `deliver`."""
    baselines = load_baselines(ports, workspace)
    asked = _window(ports, mark, now)
    readings = [one for part in _parts(asked, GRAIN) for one in _ask(ports, workspace, part, GRAIN, now)]
    names = names_of(readings)
    learnt: dict[Scope, Baseline] = {}
    if mark.read_until is None:
        history = _history(ports, workspace, asked.start, now)
        keep_anew(ports, workspace, history)
        learnt = learn_hours({}, consumer_tokens(history), now)
        baselines |= learnt
        names |= names_of(history)
    keep_anew(ports, workspace, readings)
    used = consumer_tokens(readings, baselines)
    alerts = [
        *_newcomers(ports, workspace, names, now),
        *judge_limits(ports.watch.limits, with_idle(readings), now),
        *_anomalies(ports, baselines, used),
    ]
    nudges = accept(ports, alerts, now, first=mark.read_until is None)
    newest = learn_hours(baselines, used, now - HOUR_SETTLING, expectations(ports))
    save_baselines(ports, workspace, learnt | newest)
    keep_known(ports, workspace, "consumers", names, now)
    return nudges


def _window(ports: Ports, mark: Watermark, now: datetime) -> Period:
    """What to ask for, from a whole hour on: since the watermark, and as far back as a judgement needs."""
    end = floor_to(now - SETTLING, GRAIN)
    meters = {meter.name for meter in gateway_log.METERS.values()}
    holds = (limit.hold + GRAIN for limit in ports.watch.limits if limit.meter in meters)
    since = min(mark.read_until or end, end) - max([REREAD, *holds])
    return Period(hour_of(max(since, end - LONGEST_ASK)), end)


def _parts(asked: Period, grain: timedelta) -> Iterator[Period]:
    """A period in parts, the oldest first, each of which one answer can hold."""
    start = asked.start
    while start < asked.end:
        yield Period(start, min(start + MOST_BINS * grain, asked.end))
        start += MOST_BINS * grain


def _ask(ports: Ports, workspace: str, asked: Period, grain: timedelta, now: datetime) -> Sequence[Reading]:
    kusto = gateway_log.question(asked, grain)
    try:
        rows = ports.azure.logs(workspace, kusto, gateway_log.searched(asked))
    except NotThere as fault:
        if gateway_log.is_switched_off(str(fault)):
            raise NotThere(f"{gateway_log.SWITCHED_OFF} ({fault})") from None
        raise
    found = gateway_log.parse(rows, asked, grain, now)
    for line in found.odd:
        ports.log({"event": "odd gateway row", "workspace": workspace, "row": line})
    return found.readings


def _history(ports: Ports, workspace: str, until: datetime, now: datetime) -> list[Reading]:
    """The weeks before, by the hour; as much of them as comes."""
    found: list[Reading] = []
    for part in reversed([*_parts(Period(until - HISTORY, until), HOUR)]):
        try:
            found += _ask(ports, workspace, part, HOUR, now)
        except Unreachable as fault:
            # Weeks of a busy gateway's log may be more than is answered: baselines then begin later.
            ports.log({"event": "source", "source": "gateway history", "trouble": str(fault)})
            break
    return found


def _newcomers(ports: Ports, workspace: str, names: Mapping[str, Scope], now: datetime) -> list[Alert]:
    if not ports.watch.newcomers:
        return []
    return judge_newcomers(known_names(ports, workspace, "consumers"), names, now)


def _anomalies(
    ports: Ports, baselines: Mapping[Scope, Baseline], used: Mapping[Scope, Sequence[Reading]]
) -> list[Alert]:
    sensitivity = ports.watch.sensitivity
    if sensitivity is None:
        return []
    judged = (
        judge_tokens(baselines[one], series, sensitivity) for one, series in used.items() if one in baselines
    )
    return [alert for alert in judged if alert is not None]
