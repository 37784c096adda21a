"""Answers of the Azure Monitor metrics batch as readings of deployments.

Two families of metrics count the same tokens. One is chosen for each account, the newer where it has
values, and they are never added together. A point without a value is unknown and left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
from shared.formats.moments import parse_moment

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
    answer: Mapping[str, Any],
    sources: Sequence[Source],
    grain: timedelta,
    as_of: datetime,
) -> list[Reading]:
    """The readings in a batch's answer; a part that names no resource is taken in the order asked."""
    readings: list[Reading] = []
    for index, result in enumerate(answer.get("values") or ()):
        resource = str(
            result.get("resourceid") or (resources[index] if index < len(resources) else "")
        ).lower()
        by_name = {str(_name(metric)).lower(): metric for metric in result.get("value") or ()}
        for source in sources:
            found: list[Reading] = []
            for name in (source.newer, source.older):
                if not found and name.lower() in by_name:
                    found = list(_readings(resource, by_name[name.lower()], source, grain, as_of))
            readings += found
    return _summed(readings)


def _readings(
    resource: str, metric: Mapping[str, Any], source: Source, grain: timedelta, as_of: datetime
) -> Iterator[Reading]:
    field = "total" if source.total else "average"
    for series in metric.get("timeseries") or ():
        labels = {
            str(_name(label)).lower(): str(label.get("value") or "")
            for label in series.get("metadatavalues") or ()
        }
        scope = Scope(resource, labels.get("modeldeploymentname", ""))
        meter = source.meter or _by_status(labels.get("statuscode", ""))
        for point in series.get("data") or ():
            value, start = parse_amount(point.get(field)), parse_moment(point.get("timeStamp"))
            if value is not None and start is not None and scope.part:
                yield Reading(scope, meter, start, start + grain, value, as_of)


def _name(item: Mapping[str, Any]) -> Any:
    return (item.get("name") or {}).get("value", "")


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
