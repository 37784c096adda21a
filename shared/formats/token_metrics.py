"""Answers of the Azure Monitor metrics batch as readings of deployments.

Two families of metrics count the same tokens. One is chosen for each deployment, the newer where it
shows any use, and they are never added together. A point without a value is unknown and left out.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from shared.core.model import (
    LATENCY,
    PTU_UTILISATION,
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_THROTTLED,
    TOKENS_IN,
    TOKENS_OUT,
    Meter,
    Reading,
    Scope,
)
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import listed, mapping, mappings, one_line
from shared.formats.moments import parse_moment

NAMESPACE = "Microsoft.CognitiveServices/accounts"


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """What one call asks for: metrics of one namespace that share their dimensions."""

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    namespace: str = NAMESPACE


@dataclass(frozen=True, slots=True)
class Source:
    """Where a meter is read from. `total` False takes the average of a point, not its sum."""

    newer: str
    older: str
    meter: Meter | None  # None: by status code
    total: bool = True


BY_DEPLOYMENT = (
    Source("InputTokens", "ProcessedPromptTokens", TOKENS_IN),
    Source("OutputTokens", "GeneratedTokens", TOKENS_OUT),
    Source(
        "ProvisionedUtilization", "AzureOpenAIProvisionedManagedUtilizationV2", PTU_UTILISATION, total=False
    ),
    Source("TimeToLastByte", "AzureOpenAITTLTInMS", LATENCY, total=False),
)
BY_STATUS = (Source("ModelRequests", "AzureOpenAIRequests", None),)

# What to ask for: the metrics of one call must share its dimensions.
QUESTIONS: tuple[tuple[tuple[Source, ...], tuple[str, ...]], ...] = (
    (BY_DEPLOYMENT, ("ModelDeploymentName",)),
    (BY_STATUS, ("ModelDeploymentName", "StatusCode")),
)


def query_for(sources: Iterable[Source], dimensions: Sequence[str]) -> MetricQuery:
    """What to ask for: the metrics of both families."""
    names = (name for source in sources for name in (source.newer, source.older))
    return MetricQuery(tuple(names), tuple(dimensions))


def parse(
    resources: Sequence[str],
    answer: Mapping[str, Any],
    sources: Sequence[Source],
    grain: timedelta,
    as_of: datetime,
) -> list[Reading]:
    """The readings in a batch's answer; a part that names no resource is taken in the order asked."""
    readings: list[Reading] = []
    for index, result in enumerate(map(mapping, listed(answer.get("values")))):
        asked = resources[index] if index < len(resources) else ""
        resource = (one_line(result.get("resourceid"), LONGEST_ID) or asked).rstrip("/").lower()
        by_name = {_name(metric).lower(): metric for metric in mappings(result.get("value"))}
        for source in sources:
            readings += _chosen(resource, by_name, source, grain, as_of)
    return _summed(readings)


def _chosen(
    resource: str, by_name: Mapping[str, Mapping[str, Any]], source: Source, grain: timedelta, as_of: datetime
) -> Iterator[Reading]:
    """Of each deployment the newer family's readings, or the older's where the newer shows nothing."""
    chosen: dict[Scope, list[Reading]] = {}
    for name in (source.newer, source.older):
        found: dict[Scope, list[Reading]] = defaultdict(list)
        for reading in _readings(resource, by_name.get(name.lower(), {}), source, grain, as_of):
            found[reading.scope].append(reading)
        for scope, ones in found.items():
            if not any(one.value for one in chosen.get(scope, ())):
                chosen[scope] = ones
    return chain.from_iterable(chosen.values())


def _readings(
    resource: str, metric: Mapping[str, Any], source: Source, grain: timedelta, as_of: datetime
) -> Iterator[Reading]:
    field = "total" if source.total else "average"
    for series in mappings(metric.get("timeseries")):
        labels = {
            _name(label).lower(): one_line(label.get("value"))
            for label in mappings(series.get("metadatavalues"))
        }
        scope = Scope(resource, labels.get("modeldeploymentname", ""))
        meter = source.meter or _by_status(labels.get("statuscode", ""))
        for point in mappings(series.get("data")):
            value, start = parse_amount(point.get(field)), parse_moment(point.get("timeStamp"))
            if value is not None and start is not None and scope.part:
                yield Reading(scope, meter, start, start + grain, value, as_of)


def _name(item: Mapping[str, Any]) -> str:
    return one_line(mapping(item.get("name")).get("value"))


def _by_status(code: str) -> Meter:
    if code == "429":
        return REQUESTS_THROTTLED
    # Other 4xx are the caller's own mistakes and say nothing about the service.
    return REQUESTS_FAILED if code.startswith("5") or code == "408" else REQUESTS_OK


def _summed(readings: Iterable[Reading]) -> list[Reading]:
    """Readings of one meter and period added up: several status codes are one outcome."""
    found: dict[tuple[Scope, Meter, datetime], Reading] = {}
    for reading in readings:
        key = (reading.scope, reading.meter, reading.start)
        before = found.get(key)
        found[key] = replace(before, value=before.value + reading.value) if before else reading
    return [found[key] for key in sorted(found)]
