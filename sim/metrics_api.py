"""POST {region}/subscriptions/{id}/metrics:getBatch, answered from series that are ready at the start.

The body is written as text: a replay asks tens of thousands of times.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from zlib import crc32

import numpy as np

from sim.estate import Estate, SimAccount
from sim.load import SLOT_SECONDS, Counts, Floats
from sim.metric_names import Metric
from sim.metric_query import GRAINS, NAMESPACE, Filter, MetricQuery, bad, parse_query
from sim.metric_series import MINUTES_A_SLOT, Leaf, leaves, merged
from sim.wire import Answer, Request

MOST_RESOURCES = 50
MOST_CACHED = 4_000
Values = Floats | Counts


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels as JSON, and its numbers for the whole estate."""

    metadata: str
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Window:
    """Slots [first, last) in points of `width` slots, of which [first, known) have data.

    `minutes` is how much of the last known slot has arrived: 5 is all of it.
    """

    first: int
    last: int
    width: int
    known: int
    minutes: int


class MetricsApi:
    """Answers batches. Safe to use from several threads."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.accounts = {account.id.lower(): account for account in estate.accounts}
        self.cache: dict[tuple[str, str, str], tuple[Series, ...]] = {}
        step = timedelta(seconds=SLOT_SECONDS)
        moments = (estate.start + number * step for number in range(estate.slots + 1))
        self.stamps = [f'{{"timeStamp":"{moment:%Y-%m-%dT%H:%M:%SZ}"' for moment in moments]

    def answer(self, request: Request, region: str, subscription: str, now: datetime) -> Answer:
        """Raises Refusal for what the service would refuse."""
        query = parse_query(request.parameters(), now)
        resources = self.resources(request, region, subscription)
        parts = [self.resource_text(identity, account, query, now) for identity, account in resources]
        return Answer(200, f'{{"values":[{",".join(parts)}]}}'.encode())

    def resources(self, request: Request, region: str, subscription: str) -> list[tuple[str, SimAccount]]:
        """What is asked for, in order, each id as it was spelled."""
        body = request.json()
        identities = body.get("resourceids") if isinstance(body, dict) else None
        if not isinstance(identities, list) or not identities:
            raise bad("The request body needs a list of resourceids")
        if len(identities) > MOST_RESOURCES:
            raise bad(f"The number of resource ids {len(identities)} exceeds the limit of {MOST_RESOURCES}")
        found = []
        for identity in identities:
            account = self.accounts.get(str(identity).lower().rstrip("/"))
            if account is None:
                raise bad(f"The resource id {identity} was not found")
            if account.subscription != subscription.lower():
                raise bad(f"The resource id {identity} is not in subscription {subscription}")
            if account.plan.region != region.lower():
                raise bad(f"The resource id {identity} is not in region {region} but {account.plan.region}")
            found.append((str(identity), account))
        return found

    def resource_text(self, identity: str, account: SimAccount, query: MetricQuery, now: datetime) -> str:
        window = self.window(query, account, now)
        metrics = [self.metric_text(identity, account, metric, query, window) for metric in query.metrics]
        head = (
            f'{{"starttime":"{query.start:%Y-%m-%dT%H:%M:%SZ}","endtime":"{query.end:%Y-%m-%dT%H:%M:%SZ}",'
            f'"interval":"{query.interval}","namespace":"{NAMESPACE}",'
            f'"resourceregion":"{account.plan.region}","resourceid":{dumps(identity)},"value":['
        )
        return head + ",".join(metrics) + "]}"

    def metric_text(
        self, identity: str, account: SimAccount, metric: Metric, query: MetricQuery, window: Window
    ) -> str:
        found = chosen(self.series(account, metric, query.filter), query, window)
        texts = [
            f'{{"metadatavalues":{series.metadata},"data":[{self.points(series.leaf, query, window)}]}}'
            for series in found
        ]
        return (
            f'{{"id":{dumps(f"{identity}/providers/Microsoft.Insights/metrics/{metric.name}")},'
            f'"type":"Microsoft.Insights/metrics","name":{{"value":"{metric.name}",'
            f'"localizedValue":"{metric.name}"}},"displayDescription":"","unit":"{metric.unit}",'
            f'"timeseries":[{",".join(texts)}],"errorCode":"Success"}}'
        )

    def series(self, account: SimAccount, metric: Metric, wanted: Filter) -> tuple[Series, ...]:
        key = (account.id, metric.name, wanted.text)
        found = self.cache.get(key)
        if found is None:
            if len(self.cache) >= MOST_CACHED:
                self.cache.clear()
            found = self.cache[key] = split(leaves(account, metric), wanted)
        return found

    def window(self, query: MetricQuery, account: SimAccount, now: datetime) -> Window:
        """The newest three or four minutes have not arrived; the slot they are in counts only in part."""
        first, last = self.slot(query.start), -(-self.seconds(min(query.end, now)) // SLOT_SECONDS)
        width = GRAINS[query.interval] or max(1, last - first)
        first = max(0, first - first % width if GRAINS[query.interval] else first)
        late = 3 + crc32(account.id.lower().encode()) % 2
        minutes = max(0, min(self.seconds(now) // 60 - late, self.estate.slots * MINUTES_A_SLOT))
        known, part = -(-minutes // MINUTES_A_SLOT), minutes % MINUTES_A_SLOT
        last = min(max(first, last), self.estate.slots)
        return Window(
            first, last, width, min(known, last), part if part and known <= last else MINUTES_A_SLOT
        )

    def slot(self, moment: datetime) -> int:
        return self.seconds(moment) // SLOT_SECONDS

    def seconds(self, moment: datetime) -> int:
        return int((moment - self.estate.start).total_seconds())

    def points(self, leaf: Leaf, query: MetricQuery, window: Window) -> str:
        weights = folded(arrived(leaf.weight, window), window)
        columns = [column(name, leaf, window).tolist() for name in query.aggregations]
        shape = "%s" + "".join(f',"{name}":%s' for name in query.aggregations) + "}"
        stamps = self.stamps[window.first : window.last : window.width]
        rows = zip(stamps, *columns, strict=False)
        filled = [
            shape % row if weight else row[0] + "}"
            for row, weight in zip(rows, weights.tolist(), strict=False)
        ]
        filled += [stamp + "}" for stamp in stamps[len(filled) :]]
        return ",".join(filled)


def split(parts: Sequence[Leaf], wanted: Filter) -> tuple[Series, ...]:
    """One series for each combination of the dimensions that are asked for and not rolled up."""
    kept = [name for name in wanted.wanted if name not in wanted.rolled_up]
    groups: dict[tuple[str, ...], list[Leaf]] = defaultdict(list)
    for leaf in parts:
        if all(
            values is None or leaf.labels[name].lower() in values for name, values in wanted.wanted.items()
        ):
            groups[tuple(leaf.labels[name] for name in kept)].append(leaf)
    return tuple(Series(metadata(kept, labels), merged(group)) for labels, group in groups.items())


def metadata(names: Sequence[str], labels: Sequence[str]) -> str:
    pairs = zip(names, labels, strict=True)
    return dumps([{"name": {"value": name, "localizedValue": name}, "value": label} for name, label in pairs])


def chosen(series: Sequence[Series], query: MetricQuery, window: Window) -> list[Series]:
    """Those with data in the window, the largest first, no more than `top` when a filter splits them."""
    during = slice(window.first, window.known)
    alive = [one for one in series if one.leaf.weight[during].any()]
    if len(alive) < 2:
        return alive
    alive.sort(key=lambda one: float(one.leaf.total[during].sum()), reverse=not query.ascending)
    return alive[: query.top]


def column(name: str, leaf: Leaf, window: Window) -> Values:
    if name == "total":
        return folded(arrived(leaf.total, window), window)
    if name == "count":
        return folded(arrived(leaf.weight, window), window)
    if name == "maximum":
        peaks = folded(leaf.peak[window.first : window.known], window, np.maximum)
        return np.asarray(np.round(peaks, 4), dtype=np.float64)
    during = slice(window.first, window.known)
    weights = folded(leaf.weight[during], window)
    means = folded(leaf.total[during], window) / np.maximum(weights, 1)
    return np.asarray(np.round(means, 4), dtype=np.float64)


def arrived(values: Values, window: Window) -> Values:
    """The slots of the window, the last one only as far as it has arrived."""
    seen = values[window.first : window.known]
    if window.minutes < MINUTES_A_SLOT and len(seen):
        seen = seen.copy()
        seen[-1] = seen[-1] * window.minutes // MINUTES_A_SLOT
    return seen


def folded(seen: Values, window: Window, fold: np.ufunc = np.add) -> Values:
    """Slots into points."""
    if window.width == 1 or not len(seen):
        return seen
    return np.asarray(fold.reduceat(seen, np.arange(0, len(seen), window.width)))
