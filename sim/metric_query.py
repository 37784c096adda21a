"""A metrics batch request: its parameters and filter taken apart and checked, as the service would."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sim.metric_names import ALL, NAMESPACES, Metric, Namespace
from sim.wire import Refusal

TRACE = "TraceId: {6666aaaa-77bb-cccc-dd88-eeeeee999999}"
# Grains in minutes; FULL is one point for the whole time.
GRAINS = {
    "PT1M": 1,
    "PT5M": 5,
    "PT15M": 15,
    "PT30M": 30,
    "PT1H": 60,
    "PT6H": 360,
    "PT12H": 720,
    "P1D": 1440,
    "FULL": 0,
}
DEFAULT_TOP = 10
MOST_METRICS = 20

CONDITION = re.compile(r"\s*(?P<name>\w+)\s+eq\s+'(?P<value>[^']*)'\s*")


@dataclass(frozen=True, slots=True)
class Filter:
    """Dimension in lower case to the values wanted; None is every value, and one series for each."""

    text: str
    wanted: Mapping[str, frozenset[str] | None]
    rolled_up: frozenset[str]


@dataclass(frozen=True, slots=True)
class MetricQuery:
    namespace: Namespace
    metrics: tuple[Metric, ...]
    start: datetime
    end: datetime
    interval: str
    aggregations: tuple[str, ...]  # none asked for: of each metric its own
    filter: Filter
    top: int  # series a metric and resource; the rest is cut without a word
    ascending: bool

    @property
    def interval_told(self) -> str:
        """The interval that the answer names: for FULL, the length of the time asked for."""
        if self.interval != "FULL":
            return self.interval
        hours, minutes = divmod(int((self.end - self.start).total_seconds()) // 60, 60)
        return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes or not hours else "")

    def aggregations_of(self, metric: Metric) -> tuple[str, ...]:
        """Those asked for that the metric has; one that it has not is left out, not refused."""
        if not self.aggregations:
            return metric.aggregations[:1]
        return tuple(name for name in self.aggregations if name in metric.aggregations)


def bad(message: str) -> Refusal:
    return Refusal(400, "BadRequest", message)


def parse_query(given: Mapping[str, str], now: datetime, unknown: frozenset[str]) -> MetricQuery:
    """Raises Refusal with 400 for what the service would refuse; `unknown` metrics it has never heard of."""
    if "$filter" in given:
        raise bad(f"The parameter '$filter' is not supported here, use 'filter', {TRACE}")
    namespace = NAMESPACES.get(given.get("metricnamespace", "").lower())
    if namespace is None:
        raise bad(f"Metric namespace '{given.get('metricnamespace', '')}' is not supported here, {TRACE}")
    interval = given.get("interval", "PT5M").upper()
    if interval not in GRAINS:
        raise bad(f"Invalid time grain '{interval}', supported ones are: {','.join(GRAINS)}, {TRACE}")
    metrics = metrics_of(namespace, given.get("metricnames", ""), unknown)
    wanted = parse_filter(given.get("filter", ""), given.get("rollupby", ""))
    for metric in metrics:
        check_dimensions(metric, wanted)
    start, end = period(given, now)
    return MetricQuery(
        namespace,
        metrics,
        start,
        end,
        interval,
        aggregations(given.get("aggregation", "")),
        wanted,
        top(given.get("top", str(DEFAULT_TOP))),
        given.get("orderby", "").lower().endswith(" asc"),
    )


def metrics_of(namespace: Namespace, text: str, unknown: frozenset[str]) -> tuple[Metric, ...]:
    names = [name.strip() for name in text.split(",")]
    if len(names) > MOST_METRICS:
        raise bad(f"The number of metric names {len(names)} exceeds the limit of {MOST_METRICS}, {TRACE}")
    known = {key: metric for key, metric in namespace.metrics.items() if key not in unknown}
    for name in names:
        if name.lower() not in known:
            valid = ",".join(metric.name for metric in known.values())
            raise bad(
                "Failed to find metric configuration for provider: Microsoft.CognitiveServices, "
                f"resource Type: {namespace.resource_type}, metric: {name}, Valid metrics: {valid}, {TRACE}"
            )
    return tuple(known[name.lower()] for name in names)


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
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(","))) if text else ()
    unknown = [name for name in names if name not in ALL]
    if unknown:
        raise bad(f"Invalid aggregation types: {','.join(unknown)}, {TRACE}")
    return names


def top(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise bad(f"Invalid top '{text}', a number above 0 is expected, {TRACE}")
    return int(text)


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
