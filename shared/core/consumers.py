"""Consumers: who calls deployments through a gateway, by its log of calls.

A scope's part names one consumer of one deployment: "chat-prod for sub-web + product gold". API Management
allows none of * # & + : < > ? in its names, and a deployment's name holds no blank: it can be taken apart.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

from shared.core.anomalies import TOKENS
from shared.core.model import CONSUMER_TOKENS_IN, CONSUMER_TOKENS_OUT, Meter, Reading, Scope
from shared.core.wording import named

UNKNOWN = "<unknown consumer>"
FOR, PRODUCT = " for ", " + product "


def part_of(consumer: str, product: str, deployment: str) -> str:
    """What a consumer's use of a deployment is called; "" is a consumer or product that is not known."""
    who = f"{deployment.replace(' ', '_')}{FOR}{consumer or UNKNOWN}"
    return f"{who}{PRODUCT}{product}" if product else who


def consumer_of(scope: Scope) -> Scope:
    """The consumer of a part, as a scope of the gateway: all that it has of any deployment and product."""
    return Scope(scope.resource, scope.part.partition(FOR)[2].partition(PRODUCT)[0])


def names_of(readings: Iterable[Reading]) -> dict[str, Scope]:
    """The consumers that can be new. Calls by nobody known are no consumer: the log may yet say whose."""
    found = {consumer_of(one.scope) for one in readings}
    return {f"consumer: {named(scope)}": scope for scope in sorted(found) if scope.part != UNKNOWN}


def consumer_tokens(readings: Iterable[Reading], silent: Iterable[Scope] = ()) -> dict[Scope, list[Reading]]:
    """Tokens in and out together, by consumer, oldest first and without holes: see `with_idle`."""
    summed: dict[tuple[Scope, datetime], Reading] = {}
    for one in readings:
        if one.meter in (CONSUMER_TOKENS_IN, CONSUMER_TOKENS_OUT):
            key = consumer_of(one.scope), one.start
            value = one.value + (summed[key].value if key in summed else 0)
            summed[key] = Reading(key[0], TOKENS, one.start, one.end, value, one.as_of)
    series: dict[Scope, list[Reading]] = defaultdict(list)
    for one in with_idle(summed.values(), ((scope, TOKENS) for scope in silent)):
        series[one.scope].append(one)
    return dict(series)


def with_idle(readings: Iterable[Reading], silent: Iterable[tuple[Scope, Meter]] = ()) -> Iterator[Reading]:
    """Readings of one grain, with a zero for each that is absent between a gateway's first and newest one.

    A log that was read whole and goes on afterwards says that there was no call. Before its first and
    after its newest call it says nothing: it may be late, or switched off. `silent` are series that have
    no reading at all now and had some before.
    """
    series: dict[tuple[Scope, Meter], dict[datetime, Reading]] = {key: {} for key in silent}
    logged: dict[str, list[Reading]] = defaultdict(list)
    for one in readings:
        series.setdefault((one.scope, one.meter), {})[one.start] = one
        logged[one.scope.resource].append(one)
    spans = {
        gateway: (min(ones, key=attrgetter("start")), max(ones, key=attrgetter("start")))
        for gateway, ones in logged.items()
    }
    for scope, meter in sorted(series):
        if scope.resource in spans:
            yield from _filled(scope, meter, series[scope, meter], *spans[scope.resource])


def _filled(
    scope: Scope, meter: Meter, known: Mapping[datetime, Reading], first: Reading, newest: Reading
) -> Iterator[Reading]:
    start, grain = first.start, first.end - first.start
    while start <= newest.start:
        idle = Reading(scope, meter, start, start + grain, Decimal(), newest.as_of)
        yield known.get(start, idle)
        start += grain
