"""POST {region}/subscriptions/{id}/metrics:getBatch, answered from series that are ready at the start.

The body is written as text: a replay asks tens of thousands of times.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from json import dumps
from zlib import crc32

from sim.estate import Estate, SimAccount, projects_of
from sim.metric_names import ACCOUNTS, PROJECTS, Metric, Namespace
from sim.metric_points import Calendar, Window, points
from sim.metric_query import TRACE, Filter, MetricQuery, bad, parse_query
from sim.metric_series import MINUTES_A_SLOT, Leaf, Series, merged, until
from sim.wire import Answer, Request

MOST_RESOURCES = 50
MOST_CACHED = 4_000


Ended = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with metrics: an account, or one of its projects when `project` is not "".

    `ended` names the deployments that have been removed, each with the first slot without it.
    """

    account: SimAccount
    project: str = ""
    ended: Ended = ()

    @property
    def namespace(self) -> Namespace:
        return PROJECTS if self.project else ACCOUNTS


@dataclass(frozen=True, slots=True)
class Shown:
    """One series of an answer: its labels as JSON, and its numbers for the whole estate."""

    metadata: str
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class Conduct:
    """In three points it is not known how Azure answers, or it is not the same everywhere."""

    unknown: frozenset[str] = frozenset()  # in lower case: regions without the newer metrics, metrics in none
    anonymous: bool = False  # results without ids, which can only be matched by their order
    missing_is_empty: bool = False  # a resource that is not there has no series; otherwise it is a 400

    def unknown_in(self, region: str) -> frozenset[str]:
        """The metrics, in lower case, that the service of a region has never heard of."""
        if region not in self.unknown:
            return self.unknown
        newer = {name for name, metric in ACCOUNTS.metrics.items() if metric.newer}
        return self.unknown | newer


Gone = Callable[[str], datetime | None]


def never(identity: str) -> None:
    """Nothing is ever removed."""


class MetricsApi:
    """Answers batches. Safe to use from several threads."""

    def __init__(self, estate: Estate) -> None:
        self.conduct = Conduct()
        self.accounts = {account.id.lower(): account for account in estate.accounts}
        self.known = {resource_id: Resource(account) for resource_id, account in self.accounts.items()} | {
            f"{account.id}/projects/{name}".lower(): Resource(account, name)
            for account in estate.accounts
            for name in projects_of(account)
        }
        self.calendar, self.made = Calendar(estate.start, estate.slots), Series()
        self.cache: dict[tuple[str, str, Ended, str, str], tuple[Shown, ...]] = {}

    def answer(
        self, request: Request, region: str, subscription: str, now: datetime, gone: Gone = never
    ) -> Answer:
        """Raises Refusal for what the service would refuse; `gone` says since when an id has been removed."""
        region, subscription, conduct = region.lower(), subscription.lower(), self.conduct
        query = parse_query(request.parameters(), now, conduct.unknown_in(region))
        parts = []
        for identity in identities_of(request):
            if not identity.lower().startswith(f"/subscriptions/{subscription}/"):
                raise bad(f"The resource id {identity} is not in subscription {subscription}, {TRACE}")
            found = None if gone(identity) else self.known.get(identity.lower().rstrip("/"))
            if found:
                check_place(identity, found, query, region)
                found = self.as_left(found, gone)
            elif not conduct.missing_is_empty:
                raise bad(f"The resource id {identity} was not found, {TRACE}")
            parts.append(self.resource_text(identity, found, query, region, now))
        return Answer(200, f'{{"values":[{",".join(parts)}]}}'.encode())

    def as_left(self, found: Resource, gone: Gone) -> Resource:
        """A resource, with what has been removed from it."""
        account = found.account
        times = [
            (one.plan.name, gone(f"{account.id}/deployments/{one.plan.name}")) for one in account.deployments
        ]
        ended = tuple((name, self.calendar.minute(when) // MINUTES_A_SLOT) for name, when in times if when)
        return replace(found, ended=ended) if ended else found

    def resource_text(
        self, identity: str, resource: Resource | None, query: MetricQuery, region: str, now: datetime
    ) -> str:
        late = 3 + crc32(identity.lower().rstrip("/").encode()) % 2  # minutes
        window = self.calendar.window(query, now, late)
        metrics = [self.metric_text(identity, resource, metric, query, window) for metric in query.metrics]
        name = "" if self.conduct.anonymous else f'"resourceid":{dumps(identity)},'
        return (
            f'{{"starttime":"{query.start:%Y-%m-%dT%H:%M:%SZ}","endtime":"{query.end:%Y-%m-%dT%H:%M:%SZ}",'
            f'"interval":"{query.interval_told}","namespace":"{query.namespace.name}",'
            f'"resourceregion":"{region}",{name}"value":[{",".join(metrics)}]}}'
        )

    def metric_text(
        self, identity: str, resource: Resource | None, metric: Metric, query: MetricQuery, window: Window
    ) -> str:
        found = chosen(self.series(resource, metric, query.filter), query, window) if resource else []
        names = query.aggregations_of(metric)
        texts = [
            f'{{"metadatavalues":{one.metadata},"data":[{points(one.leaf, names, window)}]}}' for one in found
        ]
        return (
            f'{{"id":{dumps(f"{identity}/providers/Microsoft.Insights/metrics/{metric.name}")},'
            f'"type":"Microsoft.Insights/metrics","name":{{"value":"{metric.name}",'
            f'"localizedValue":"{metric.name}"}},"displayDescription":"","unit":"{metric.unit}",'
            f'"timeseries":[{",".join(texts)}],"errorCode":"Success"}}'
        )

    def series(self, resource: Resource, metric: Metric, wanted: Filter) -> tuple[Shown, ...]:
        key = (resource.account.id, resource.project, resource.ended, metric.name, wanted.text)
        found = self.cache.get(key)
        if found is None:
            if len(self.cache) >= MOST_CACHED:
                self.cache.clear()
            found = self.cache[key] = split(self.leaves(resource, metric), wanted)
        return found

    def leaves(self, resource: Resource, metric: Metric) -> Iterable[Leaf]:
        if resource.project:
            return self.made.of_project(resource.account, resource.project, metric)
        ended, found = dict(resource.ended), self.made.of_account(resource.account, metric)
        return (until(leaf, ended.get(leaf.labels["modeldeploymentname"])) for leaf in found)


def check_place(identity: str, found: Resource, query: MetricQuery, region: str) -> None:
    if found.namespace is not query.namespace:
        raise bad(f"The resource id {identity} is not of the type {query.namespace.name}, {TRACE}")
    place = found.account.plan.region
    if place != region:
        raise bad(f"The resource id {identity} is not in region {region} but {place}, {TRACE}")


def identities_of(request: Request) -> list[str]:
    """The resource ids asked for, in order, each as it was spelled."""
    body = request.json()
    found = body.get("resourceids") if isinstance(body, dict) else None
    if not isinstance(found, list) or not found:
        raise bad(f"The request body needs a list of resourceids, {TRACE}")
    if len(found) > MOST_RESOURCES:
        raise bad(f"The number of resource ids {len(found)} exceeds the limit of {MOST_RESOURCES}, {TRACE}")
    return [str(identity) for identity in found]


def split(parts: Iterable[Leaf], wanted: Filter) -> tuple[Shown, ...]:
    """One series for each combination of the dimensions that are asked for and not rolled up."""
    kept = [name for name in wanted.wanted if name not in wanted.rolled_up]
    groups: dict[tuple[str, ...], list[Leaf]] = defaultdict(list)
    for leaf in parts:
        if all(
            values is None or leaf.labels[name].lower() in values for name, values in wanted.wanted.items()
        ):
            groups[tuple(leaf.labels[name] for name in kept)].append(leaf)
    return tuple(Shown(metadata(kept, labels), merged(group)) for labels, group in groups.items())


def metadata(names: Sequence[str], labels: Sequence[str]) -> str:
    pairs = zip(names, labels, strict=True)
    return dumps([{"name": {"value": name, "localizedValue": name}, "value": label} for name, label in pairs])


def chosen(series: Sequence[Shown], query: MetricQuery, window: Window) -> list[Shown]:
    """Those with data in the window, the largest first, no more than `top` when a filter splits them."""
    alive = [one for one in series if one.leaf.weight[window.during].any()]
    if len(alive) < 2:
        return alive
    alive.sort(key=lambda one: float(one.leaf.total[window.during].sum()), reverse=not query.ascending)
    return alive[: query.top]
