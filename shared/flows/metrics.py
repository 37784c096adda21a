"""Asking Azure Monitor: what is due, in as few calls as can be, and what was learnt about the answers.

A call asks for one question's metrics of up to 50 resources of one region and subscription.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from shared.core.faults import UnknownMetrics
from shared.core.model import Account, Period, Reading
from shared.core.periods import DAY, floor_to
from shared.core.rows import Put
from shared.flows.ports import Ports
from shared.formats import records, token_metrics
from shared.formats.metric_names import BY_DEPLOYMENT, GRAIN, PROJECTS, Family, MetricQuery, Question

MOST_RESOURCES = 50  # in one batch call
MOST_ONLY = 50  # deployments named in one call's filter, which is part of its URL
RARE_SETTLING = timedelta(minutes=10)  # after a whole hour, before what is asked once an hour is asked
MOST_POINTS = 700  # of each series in one answer: four weeks by the hour, more than two days as usual
UNKNOWN_FOR = DAY  # that a region is not asked again for metrics that it did not know
MEMORY = "metrics"  # the row


@dataclass(frozen=True, slots=True)
class Unknown:
    """Metrics, in lower case, that a region did not know."""

    names: frozenset[str]
    since: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """That the weeks before of an account were read."""

    at: datetime
    until: datetime  # from here on it is read as all the others


@dataclass(slots=True)
class Memory:
    """What earlier rounds found out about a subscription's metrics."""

    families: dict[str, Family] = field(default_factory=dict)  # by account
    unknown: dict[str, Unknown] = field(default_factory=dict)  # by region
    looked: dict[str, Look] = field(default_factory=dict)  # by account


def load_memory(ports: Ports, subscription: str) -> Memory:
    """What is remembered; nothing before the first round."""
    row = ports.store.get(records.state_partition(subscription), MEMORY)
    return records.decode(records.unsqueeze(row.body), Memory) if row else Memory()


def save_memory(ports: Ports, subscription: str, memory: Memory) -> None:
    """Remembers."""
    ordered = replace(memory, families=dict(sorted(memory.families.items())))
    change = Put(MEMORY, records.squeeze(records.encode(ordered)))
    ports.store.commit(records.state_partition(subscription), [change])


def is_due(question: Question, read_until: datetime | None, now: datetime) -> bool:
    """Whether a round asks a question: the first one after each whole hour does, where that is enough."""
    if question.every <= GRAIN or read_until is None:
        return True
    before, after = (floor_to(at - RARE_SETTLING, question.every) for at in (read_until, now))
    return before < after


@dataclass(frozen=True, slots=True)
class Asking:
    """A round of questions about one subscription. `memory` learns from the answers."""

    ports: Ports
    memory: Memory
    now: datetime

    def read(self, accounts: Sequence[Account], question: Question, asked: Period) -> list[Reading]:
        """All readings of a period. Raises a SourceFault."""
        readings: list[Reading] = []
        for (region, resources), part in product(_batches(accounts, question), _parts(asked, question)):
            answer = self._answer(region, resources, question.query, part, question.every)
            for resource, metrics in token_metrics.results(resources, answer):
                if question is BY_DEPLOYMENT:
                    self._choose_family(resource, metrics)
                if token_metrics.is_cut(metrics):
                    readings += self._in_parts(region, resource, metrics, question, part, accounts)
                else:
                    readings += self._parsed(resource, metrics, question)
        return readings

    def _answer(
        self, region: str, resources: Sequence[str], query: MetricQuery, asked: Period, grain: timedelta
    ) -> Mapping[str, Any]:
        """The answer to what the region knows of the query; {} where that is nothing."""
        while names := self._known(region, query.names):
            try:
                return self.ports.azure.metrics(region, resources, replace(query, names=names), asked, grain)
            except UnknownMetrics as fault:
                if not fault.names & {name.lower() for name in names}:
                    raise
                self._forget(region, fault.names)
        return {}

    def _known(self, region: str, names: Sequence[str]) -> tuple[str, ...]:
        found = self.memory.unknown.get(region)
        if found is None or self.now - found.since >= UNKNOWN_FOR:
            return tuple(names)
        return tuple(name for name in names if name.lower() not in found.names)

    def _forget(self, region: str, names: frozenset[str]) -> None:
        found = self.memory.unknown.get(region)
        if found is None or self.now - found.since >= UNKNOWN_FOR:
            found = Unknown(frozenset(), self.now)
        self.memory.unknown[region] = replace(found, names=found.names | names)
        self.ports.log({"event": "unknown metrics", "region": region, "metrics": ", ".join(sorted(names))})

    def _choose_family(self, account: str, metrics: token_metrics.Metrics) -> None:
        before = self.memory.families.get(account)
        after = token_metrics.family_of(metrics, BY_DEPLOYMENT, before)
        if after is not None and after != before:
            self.memory.families[account] = after
            self.ports.log({"event": "metric family", "account": account, "family": after})

    def _parsed(self, resource: str, metrics: token_metrics.Metrics, question: Question) -> list[Reading]:
        family = self.memory.families.get(resource)
        return token_metrics.parse(resource, metrics, question, family, self.now)

    def _in_parts(
        self,
        region: str,
        resource: str,
        metrics: token_metrics.Metrics,
        question: Question,
        asked: Period,
        accounts: Sequence[Account],
    ) -> list[Reading]:
        """Asks again for what one answer may not hold whole, some deployments at a time."""
        listed = {one.name for account in accounts if account.id == resource for one in account.deployments}
        names = sorted(token_metrics.parts_in(metrics, question) | listed)
        self.ports.log({"event": "answer cut", "resource": resource, "parts": len(names)})
        readings: list[Reading] = []
        waiting = [names[first : first + MOST_ONLY] for first in range(0, len(names), MOST_ONLY)]
        while waiting:
            some = waiting.pop()
            query = replace(question.query, only=tuple(some))
            answer = self._answer(region, [resource], query, asked, question.every)
            for _, part in token_metrics.results([resource], answer):
                if token_metrics.is_cut(part) and len(some) > 1:
                    waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
                else:
                    readings += self._parsed(resource, part, question)
        return readings


def _batches(accounts: Sequence[Account], question: Question) -> Iterator[tuple[str, list[str]]]:
    """What to ask for in one call each: a region and some of its resources."""
    regions: dict[str, list[str]] = defaultdict(list)
    for account in accounts:
        regions[account.region] += account.projects if question.namespace == PROJECTS else [account.id]
    for region, resources in sorted(regions.items()):
        for first in range(0, len(resources), MOST_RESOURCES):
            yield region, resources[first : first + MOST_RESOURCES]


def _parts(asked: Period, question: Question) -> Iterator[Period]:
    """A period in parts of which one answer may have all points; one is the rule."""
    start, longest = asked.start, MOST_POINTS * question.every
    while start < asked.end:
        yield Period(start, min(start + longest, asked.end))
        start += longest
