"""Azure as the flows see it, small enough to be told what is in it: accounts, what they hold, metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.core.faults import NotThere, UnknownMetrics
from shared.core.model import Period
from shared.formats.metric_names import MOST_SERIES, PROJECTS, MetricQuery

NEWER = frozenset({"InputTokens", "OutputTokens", "ModelRequests", "TotalTokens", "TimeToLastByte"})
OLDER = frozenset({"ProcessedPromptTokens", "GeneratedTokens", "AzureOpenAIRequests", "TokenTransaction"})
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
AGENTS = frozenset({"AgentInputTokens", "AgentOutputTokens"})


@dataclass
class SmallAccount:
    """An account of a subscription; what it emits, by deployment, where that differs from `emits`."""

    name: str
    deployments: list[str]
    region: str = "westeurope"
    group: str = "rg"
    kind: str = "OpenAI"
    tags: dict[str, str] = field(default_factory=dict)
    projects: list[str] = field(default_factory=list)
    emits: frozenset[str] = NEWER
    by_deployment: dict[str, frozenset[str]] = field(default_factory=dict)
    statuses: Sequence[str] = ("200",)


class SmallAzure:
    """Answers what it was told; `faults` by method's name, or by ARM id, are raised instead."""

    def __init__(self, subscription: str, *accounts: SmallAccount) -> None:
        self.subscription = subscription
        self.held = list(accounts)
        self.hidden: set[str] = set()  # names that lists leave out, though they are there
        self.groups: dict[str, dict[str, str]] = {}  # tags by resource group
        self.faults: dict[str, Exception] = {}
        self.unknown: dict[str, set[str]] = {}  # by region
        self.began = EARLIEST  # nothing was used before
        self.asked: list[tuple[str, Any]] = []

    def id_of(self, account: SmallAccount) -> str:
        provider = f"{account.group}/providers/microsoft.cognitiveservices"
        return f"/subscriptions/{self.subscription}/resourcegroups/{provider}/accounts/{account.name}"

    def take(self, method: str, what: Any) -> None:
        self.asked.append((method, what))
        for name in (method, what):
            if isinstance(name, str) and name in self.faults:
                raise self.faults[name]

    def calls(self, method: str) -> list[Any]:
        return [what for name, what in self.asked if name == method]

    def subscriptions(self) -> list[str]:
        self.take("subscriptions", "")
        return [self.subscription]

    def accounts(self, subscription: str) -> list[dict[str, Any]]:
        self.take("accounts", subscription)
        return [
            {"id": self.id_of(one), "location": one.region, "kind": one.kind, "tags": one.tags}
            for one in self.held
            if one.name not in self.hidden
        ]

    def resource_groups(self, subscription: str) -> list[dict[str, Any]]:
        self.take("resource_groups", subscription)
        root = f"/subscriptions/{subscription}/resourceGroups"
        return [{"id": f"{root}/{name}", "tags": tags} for name, tags in self.groups.items()]

    def deployments(self, account: str) -> list[dict[str, Any]]:
        self.take("deployments", account)
        names = [name for name in self._held(account).deployments if name not in self.hidden]
        return [{"name": name, "properties": {"model": {"name": "gpt-5"}}} for name in names]

    def projects(self, account: str) -> list[dict[str, Any]]:
        self.take("projects", account)
        return [{"id": f"{account}/projects/{name}"} for name in self._held(account).projects]

    def exists(self, resource: str) -> bool:
        self.take("exists", resource)
        there = {self.id_of(one) for one in self.held}
        inner = {f"{self.id_of(one)}/deployments/{name}" for one in self.held for name in one.deployments}
        projects = {f"{self.id_of(one)}/projects/{name}" for one in self.held for name in one.projects}
        return resource in there | inner | projects

    def metrics(
        self, region: str, resources: Sequence[str], query: MetricQuery, asked: Period, grain: timedelta
    ) -> dict[str, Any]:
        self.take("metrics", (region, list(resources), query, asked, grain))
        if "metrics" in self.faults:
            raise self.faults["metrics"]
        unknown = {name.lower() for name in query.names} & self.unknown.get(region, set())
        if unknown:
            raise UnknownMetrics(f"metrics in {region}: not known", frozenset(unknown))
        return {"values": [self._result(resource, query, asked, grain) for resource in resources]}

    def _held(self, account: str) -> SmallAccount:
        for one in self.held:
            if self.id_of(one) == account:
                return one
        raise NotThere(f"{account} answered 404")

    def _result(self, resource: str, query: MetricQuery, asked: Period, grain: timedelta) -> dict[str, Any]:
        account = self._held(resource.partition("/projects/")[0])
        parts = ["asst_1"] if query.namespace == PROJECTS else account.deployments
        wanted = [part for part in parts if not query.only or part in query.only]
        return {
            "value": [
                {
                    "name": {"value": name},
                    "timeseries": list(self._series(account, name, wanted, query, asked, grain)),
                }
                for name in query.names
            ]
        }

    def _series(
        self,
        account: SmallAccount,
        name: str,
        parts: Sequence[str],
        query: MetricQuery,
        asked: Period,
        grain: timedelta,
    ) -> Iterator[dict[str, Any]]:
        statuses = account.statuses if "StatusCode" in query.dimensions else [""]
        series = [
            {
                "metadatavalues": labels(query.dimensions, part, status),
                "data": list(points(part, max(asked.start, self.began), asked.end, grain)),
            }
            for part in parts
            for status in statuses
            if name
            in (AGENTS if query.namespace == PROJECTS else account.by_deployment.get(part, account.emits))
        ]
        yield from series[:MOST_SERIES]


def labels(dimensions: Sequence[str], part: str, status: str) -> list[dict[str, Any]]:
    values = [part, status][: len(dimensions)]
    return [
        {"name": {"value": name.lower()}, "value": value}
        for name, value in zip(dimensions, values, strict=True)
    ]


def points(part: str, at: datetime, end: datetime, grain: timedelta) -> Iterator[dict[str, Any]]:
    while at < end:
        value = used(part, at, grain)
        yield {"timeStamp": f"{at:%Y-%m-%dT%H:%M:%SZ}", "total": value, "average": value}
        at += grain


def used(part: str, at: datetime, grain: timedelta) -> float:
    """What a part did: much the same every day, and never nothing."""
    return float((100 + at.hour + len(part)) * (grain / timedelta(minutes=5)))
