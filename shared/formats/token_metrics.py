"""Results of the Azure Monitor metrics batch as readings of deployments.

Two families of metrics count the same tokens. One is chosen for each account, the newer where it has
values, and they are never added together. A point without a value is unknown and left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
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

NAMESPACE = "Microsoft.CognitiveServices/accounts"


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


def names_of(sources: Iterable[Source]) -> list[str]:
    """The metric names to ask for, of both families."""
    return [name for source in sources for name in (source.newer, source.older)]


def parse(
    resources: Sequence[str],
    results: Sequence[Any],
    sources: Sequence[Source],
    grain: timedelta,
    as_of: datetime,
) -> list[Reading]:
    """The readings in a batch's results, which carry no resource id and follow the order asked.

    `results` are azure.monitor.querymetrics MetricsQueryResult, or anything of that shape.
    """
    readings: list[Reading] = []
    for resource, result in zip(resources, results, strict=True):
        by_name = {str(metric.name).lower(): metric for metric in result.metrics}
        for source in sources:
            found: list[Reading] = []
            for name in (source.newer, source.older):
                if not found and name.lower() in by_name:
                    found = list(_readings(resource, by_name[name.lower()], source, grain, as_of))
            readings += found
    return _summed(readings)


def _readings(
    resource: str, metric: Any, source: Source, grain: timedelta, as_of: datetime
) -> Iterator[Reading]:
    for series in metric.timeseries:
        labels = {str(name).lower(): str(value) for name, value in _labels(series).items()}
        deployment = labels.get("modeldeploymentname", "")
        meter = source.meter or _by_status(labels.get("statuscode", ""))
        for point in series.data:
            value = point.total if source.total else point.average
            if value is not None and deployment:
                scope = Scope(resource.lower(), deployment)
                yield Reading(
                    scope, meter, point.timestamp, point.timestamp + grain, Decimal(str(value)), as_of
                )


def _labels(series: Any) -> Mapping[str, Any]:
    return series.metadata_values or {}


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
        value = reading.value + before.value if before else reading.value
        found[key] = Reading(reading.scope, reading.meter, reading.start, reading.end, value, reading.as_of)
    return [found[key] for key in sorted(found)]
