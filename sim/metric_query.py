"""A metrics batch request: its parameters and filter taken apart and checked, as the service would."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sim.metric_names import METRICS, Metric
from sim.wire import Refusal

NAMESPACE = "microsoft.cognitiveservices/accounts"
TRACE = "TraceId: {6666aaaa-77bb-cccc-dd88-eeeeee999999}"
AGGREGATIONS = ("total", "average", "maximum", "count")
# Grains in slots of five minutes; FULL is one point for the whole time.
GRAINS = {"PT5M": 1, "PT15M": 3, "PT30M": 6, "PT1H": 12, "PT6H": 72, "PT12H": 144, "P1D": 288, "FULL": 0}
DEFAULT_TOP = 10

CONDITION = re.compile(r"\s*(?P<name>\w+)\s+eq\s+'(?P<value>[^']*)'\s*")


@dataclass(frozen=True, slots=True)
class Filter:
    """Dimension in lower case to the values wanted; None is every value, and one series for each."""

    text: str
    wanted: Mapping[str, frozenset[str] | None]
    rolled_up: frozenset[str]


@dataclass(frozen=True, slots=True)
class MetricQuery:
    metrics: tuple[Metric, ...]
    start: datetime
    end: datetime
    interval: str
    aggregations: tuple[str, ...]
    filter: Filter
    top: int  # series a metric and resource; the rest is cut without a word
    ascending: bool


def bad(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def parse_query(given: Mapping[str, str], now: datetime) -> MetricQuery:
    """Raises Refusal with 400 for what the service would refuse."""
    if given.get("metricnamespace", "").lower() != NAMESPACE:
        raise bad(f"Metric namespace '{given.get('metricnamespace', '')}' is not supported here, {TRACE}")
    interval = given.get("interval", "PT5M").upper()
    if interval not in GRAINS:
        raise bad(f"Invalid time grain '{interval}', supported ones are: {','.join(GRAINS)}, {TRACE}")
    metrics = tuple(known(name.strip()) for name in given.get("metricnames", "").split(","))
    wanted = parse_filter(given.get("filter", ""), given.get("rollupby", ""))
    for metric in metrics:
        check_dimensions(metric, wanted)
    start, end = period(given, now)
    return MetricQuery(
        metrics,
        start,
        end,
        interval,
        aggregations(given.get("aggregation", "average")),
        wanted,
        int(given.get("top", DEFAULT_TOP)),
        given.get("orderby", "").lower().endswith(" asc"),
    )


def known(name: str) -> Metric:
    if name.lower() not in METRICS:
        valid = ",".join(metric.name for metric in METRICS.values())
        raise bad(
            "Failed to find metric configuration for provider: Microsoft.CognitiveServices, "
            f"resource Type: accounts, metric: {name}, Valid metrics: {valid}, {TRACE}"
        )
    return METRICS[name.lower()]


def parse_filter(text: str, rolled_up: str) -> Filter:
    """ "A eq '*' and B eq 'x' or B eq 'y'": `or` only between values of one dimension."""
    wanted: dict[str, frozenset[str] | None] = {}
    for clause in re.split(r"\s+and\s+", text.strip()) if text.strip() else []:
        found = [CONDITION.fullmatch(part) for part in re.split(r"\s+or\s+", clause)]
        matches = [match for match in found if match]
        names = {match["name"].lower() for match in matches}
        if len(matches) != len(found) or len(names) != 1:
            raise bad(f"Invalid filter: {text}, {TRACE}")
        values = frozenset(match["value"].lower() for match in matches)
        wanted[names.pop()] = None if "*" in values else values
    rolled = frozenset(name.strip().lower() for name in rolled_up.split(",") if name.strip())
    return Filter(f"{text}|{rolled_up}", wanted, rolled)


def check_dimensions(metric: Metric, wanted: Filter) -> None:
    allowed = {name.lower() for name in metric.dimensions}
    unknown = sorted({*wanted.wanted, *wanted.rolled_up} - allowed)
    if unknown:
        raise bad(
            f"Metric: {metric.name} does not support requested dimension combination: {','.join(unknown)}, "
            f"supported ones are: {','.join(metric.dimensions)}, {TRACE}"
        )


def aggregations(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    unknown = [name for name in names if name not in AGGREGATIONS]
    if unknown:
        raise bad(f"Invalid aggregation types: {','.join(unknown)}, {TRACE}")
    return names


def period(given: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """[start, end), the last hour unless told."""
    end = moment(given["endtime"]) if "endtime" in given else now
    start = moment(given["starttime"]) if "starttime" in given else end - timedelta(hours=1)
    if start >= end:
        raise bad(f"Start time {start:%Y-%m-%dT%H:%M:%SZ} is not before the end time, {TRACE}")
    return start, end


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise bad(f"Invalid time '{text}', {TRACE}") from wrong
    return found if found.tzinfo else found.replace(tzinfo=UTC)
