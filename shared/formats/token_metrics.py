"""Answers of the Azure Monitor metrics batch as readings of deployments, and of agents.

Two families of metrics count the same calls. For each account one is kept: the newer when it shows any
use, else the older when that does, and it changes only for an answer in which the kept one shows no use
at all and the other does. A deployment's meter is read from the account's family; from the other one only
where the account's shows no use of it and the other does, as with another maker's model in an account of
the older family. So of one deployment and meter an answer is read from one family, never from both.

A point without a value is unknown and left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.core.model import (
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_REFUSED,
    REQUESTS_THROTTLED,
    Meter,
    Reading,
    Scope,
)
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import listed, mapping, mappings, one_line
from shared.formats.metric_names import MOST_SERIES, Family, Question, Source
from shared.formats.moments import parse_moment

Series = Mapping[str, Any]  # as Azure writes it
Metrics = Mapping[str, Sequence[Series]]  # by the metric's name in lower case


def results(resources: Sequence[str], answer: Mapping[str, Any]) -> list[tuple[str, Metrics]]:
    """What an answer holds of each resource; a part that names none is taken in the order asked."""
    found: list[tuple[str, Metrics]] = []
    for index, result in enumerate(map(mapping, listed(answer.get("values")))):
        asked = resources[index] if index < len(resources) else ""
        resource = (one_line(result.get("resourceid"), LONGEST_ID) or asked).rstrip("/").lower()
        metrics = {
            _name(one).lower(): mappings(one.get("timeseries")) for one in mappings(result.get("value"))
        }
        found.append((resource, metrics))
    return found


def is_cut(metrics: Metrics) -> bool:
    """Whether a metric may have more series than an answer holds."""
    return any(len(series) >= MOST_SERIES for series in metrics.values())


def parts_in(metrics: Metrics, question: Question) -> set[str]:
    """The deployments, or agents, that have a series."""
    dimension = question.dimensions[0].lower()
    return {_labels(one).get(dimension, "") for series in metrics.values() for one in series} - {""}


def family_of(metrics: Metrics, question: Question, kept: Family | None) -> Family | None:
    """The family that an account is read from after this answer; None where neither ever showed any use."""
    order = [kept, *Family] if kept else [*Family]
    return next((one for one in order if _family_shows_use(metrics, question, one)), kept)


def _family_shows_use(metrics: Metrics, question: Question, family: Family) -> bool:
    ours = [source for source in question.sources if source.newer and source.older]
    return any(
        _show_use(metrics.get(next(source.names(family)).lower(), ()), _field(source)) for source in ours
    )


def parse(
    resource: str, metrics: Metrics, question: Question, family: Family | None, as_of: datetime
) -> list[Reading]:
    """The readings of one resource, series by series, each oldest first; `family` is that of its account."""
    readings: list[Reading] = []
    for source in question.sources:
        for part, series in _chosen(metrics, question, source, family or Family.NEWER):
            scope, field = Scope(resource, part), _field(source)
            for meter, ones in _by_meter(source, series).items():
                values = _values(ones, field)
                readings += (
                    Reading(scope, meter, start, start + question.every, values[start], as_of)
                    for start in sorted(values)
                )
    return readings


def _chosen(
    metrics: Metrics, question: Question, source: Source, family: Family
) -> Iterator[tuple[str, list[Series]]]:
    """Of each deployment the series that count: its account's family's unless only the other's show use."""
    dimension, field = question.dimensions[0].lower(), _field(source)
    chosen: dict[str, list[Series]] = {}
    for name in source.names(family):
        found: dict[str, list[Series]] = defaultdict(list)
        for series in metrics.get(name.lower(), ()):
            if part := _labels(series).get(dimension):
                found[part].append(series)
        for part, ones in found.items():
            if part not in chosen or (not _show_use(chosen[part], field) and _show_use(ones, field)):
                chosen[part] = ones
    yield from chosen.items()


def _show_use(series: Sequence[Series], field: str) -> bool:
    """Whether a point is anything but nought or unknown."""
    return any(parse_amount(point.get(field)) for one in series for point in mappings(one.get("data")))


def _by_meter(source: Source, series: Sequence[Series]) -> Mapping[Meter, Sequence[Series]]:
    if source.meter is not None:
        return {source.meter: series}
    found: dict[Meter, list[Series]] = defaultdict(list)
    for one in series:
        for meter in outcomes_of(_labels(one).get("statuscode", "")):
            found[meter].append(one)
    return found


def outcomes_of(code: str) -> tuple[Meter, ...]:
    """The meters that a request of that HTTP status counts to."""
    if code == "429":
        return (REQUESTS_THROTTLED,)
    if code.startswith("5") or code == "408":
        return (REQUESTS_FAILED,)
    return (REQUESTS_OK, REQUESTS_REFUSED) if code.startswith("4") else (REQUESTS_OK,)


def _values(series: Sequence[Series], field: str) -> dict[datetime, Decimal]:
    """The values by their start, those of several series added up: several status codes are one outcome."""
    found: dict[datetime, Decimal] = {}
    for one in series:
        for point in listed(one.get("data")):
            if not isinstance(point, dict):
                continue
            value, start = parse_amount(point.get(field)), parse_moment(point.get("timeStamp"))
            if value is not None and start is not None:
                found[start] = found[start] + value if start in found else value
    return found


def _field(source: Source) -> str:
    return "total" if source.total else "average"


def _labels(series: Series) -> dict[str, str]:
    return {_name(one).lower(): one_line(one.get("value")) for one in mappings(series.get("metadatavalues"))}


def _name(item: Mapping[str, Any]) -> str:
    return one_line(mapping(item.get("name")).get("value"))
