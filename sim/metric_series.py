"""The estate's load as metric series: a sum and a weight a slot, from which every aggregation follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from sim.blueprint import NOT_OPENAI, DeploymentPlan
from sim.estate import SimAccount, SimDeployment, projects_of
from sim.load import Counts, Floats, Load
from sim.metric_names import Metric, Source

MINUTES_A_SLOT = 5
AGENT_SHARE = 0.5  # of what a Foundry account's models do, over all its projects
FASTEST = 200.0  # tokens a second

Values = Floats | Counts


@dataclass(frozen=True, slots=True)
class Leaf:
    """The finest split there is: a deployment, and a status for requests."""

    labels: Mapping[str, str]  # by dimension in lower case
    total: Values  # the sum of all samples of a slot
    weight: Values  # how many samples; none is a slot without a value
    peak: Values  # the largest sample


@dataclass(frozen=True, slots=True)
class Amounts:
    """The numbers of a leaf, without what they belong to. `status` 0 is all of a deployment."""

    total: Values
    weight: Values
    peak: Values
    status: int = 0


class Series:
    """Makes the leaves of accounts and projects. What follows from a load is made once and shared."""

    def __init__(self) -> None:
        self.made: dict[tuple[Load, Source], tuple[Amounts, ...]] = {}

    def of_account(self, account: SimAccount, metric: Metric) -> Iterator[Leaf]:
        """The series that an account emits for a metric; none when it does not."""
        if metric.newer and account.plan.kind == "OpenAI":
            return
        for deployment in account.deployments:
            if not emits(deployment, metric):
                continue
            names = labels(account, deployment.plan)
            for part in self.amounts(deployment.load, metric.source):
                yield Leaf(names | by_status(deployment.plan, part), part.total, part.weight, part.peak)

    def of_project(self, account: SimAccount, project: str, metric: Metric) -> Iterator[Leaf]:
        """A project has one agent on each model of its account."""
        share = AGENT_SHARE / len(projects_of(account))
        for deployment in account.deployments:
            if metric.source is Source.NOTHING or not deployment.plan.tokens_out:
                continue
            part = self.amounts(deployment.load, metric.source)[0]
            total, weight = np.floor(part.total * share), np.ceil(part.weight * share)
            names = agent_labels(account, project, deployment.plan, metric)
            yield Leaf(names, total.astype(np.int64), weight.astype(np.int64), part.peak)

    def amounts(self, load: Load, source: Source) -> tuple[Amounts, ...]:
        key = load, source
        if key not in self.made:
            self.made[key] = tuple(amounts(load, source))
        return self.made[key]


def emits(deployment: SimDeployment, metric: Metric) -> bool:
    if metric.provisioned and deployment.load.utilisation is None:
        return False
    return metric.newer or deployment.plan.model not in NOT_OPENAI


def amounts(load: Load, source: Source) -> Iterator[Amounts]:
    """What a load shows of a source: by status for requests, at most one for the others."""
    served = load.requests[200]
    if source is Source.REQUESTS:
        for status, count in load.requests.items():
            yield Amounts(count, count, np.minimum(count, 1), status)
        return
    summed = sums(load, source)
    if summed is not None:
        weight = served if summed.dtype == served.dtype else np.ceil(summed)  # hours go on without requests
        yield Amounts(summed, weight, 2 * mean(summed, weight))
    elif (percent := percentage(load, source)) is not None:
        minutes: Counts = np.full(len(served), MINUTES_A_SLOT, dtype=np.int64)
        yield Amounts(percent * minutes, minutes, np.clip(percent * 1.04, 0.0, 100.0))
    elif (average := averages(load, source)) is not None:
        yield Amounts(average * served, served, 3 * average)


def sums(load: Load, source: Source) -> Values | None:
    if source is Source.TOKENS_IN:
        return load.tokens_in
    if source is Source.TOKENS_OUT:
        return load.tokens_out
    if source is Source.TOKENS:
        return load.tokens_in + load.tokens_out
    if source is Source.TOKENS_UNCACHED and load.utilisation is not None:
        cached = np.rint(load.tokens_in * cache_match(load.utilisation) / 100).astype(np.int64)
        return load.tokens_in + load.tokens_out - cached
    return load.others.get(source.value)


def percentage(load: Load, source: Source) -> Floats | None:
    if load.utilisation is None:
        return None
    if source is Source.UTILISATION:
        return load.utilisation
    return cache_match(load.utilisation) if source is Source.CACHE_MATCH else None


def cache_match(utilisation: Floats) -> Floats:
    """Percent of the input tokens: the busier, the more prompts are like the one before."""
    return np.asarray(np.round(20.0 + 0.4 * utilisation, 2))


def averages(load: Load, source: Source) -> Floats | None:
    """Milliseconds, or tokens a second, of the mean request."""
    between = (load.last_byte_ms - load.first_token_ms) / np.maximum(
        1.0, mean(load.tokens_out, load.requests[200])
    )
    return {
        Source.LAST_BYTE: load.last_byte_ms,
        Source.FIRST_TOKEN: load.first_token_ms,
        Source.RESPONSE: load.first_token_ms * 1.1,
        Source.BETWEEN_TOKENS: between,
        Source.TOKEN_RATE: np.minimum(FASTEST, 1000.0 / np.maximum(between, 1.0)),
    }.get(source)


def labels(account: SimAccount, plan: DeploymentPlan) -> dict[str, str]:
    embeds = "embedding" in plan.model
    return {
        "region": account.plan.region,
        "modeldeploymentname": plan.name,
        "modelname": plan.model,
        "modelversion": plan.version,
        "apiname": "Embeddings" if embeds else "ChatCompletions",
        "operationname": "Embeddings_Create" if embeds else "ChatCompletions_Create",
        "streamtype": "Non-Streaming",
        "featurename": "",
        "usagechannel": "",
        "contextlength": "Standard",  # what Azure calls it is not published
        "statuscode": "200",
        "isspillover": "False",
        "servicetierrequest": plan.tier,
        "servicetierresponse": plan.tier,
    }


def by_status(plan: DeploymentPlan, part: Amounts) -> dict[str, str]:
    """A spillover shows twice: as what the PTU turned away, and as what the Standard one served instead."""
    if not part.status:
        return {}
    turned_away = part.status == 429 or not plan.sku.endswith("ProvisionedManaged")
    return {"statuscode": str(part.status), "isspillover": str(plan.spillover and turned_away)}


def agent_labels(account: SimAccount, project: str, plan: DeploymentPlan, metric: Metric) -> dict[str, str]:
    number = crc32(f"{account.id}/{project}/{plan.name}".lower().encode())
    return {
        "agentid": f"asst_{number:08x}",
        "modelname": plan.model,
        # The values of these are not published either.
        "tokentype": "input" if metric.source is Source.TOKENS_IN else "output",
        "responsestatus": "completed",
        "runstatus": "completed",
        "statuscode": "200",
        "threadid": "",
        "streamtype": "Non-Streaming",
    }


def mean(total: Values, weight: Values) -> Floats:
    return np.asarray(total / np.maximum(weight, 1))


def until(leaf: Leaf, slot: int | None) -> Leaf:
    """A series that ends before `slot`; None is one that goes on."""
    if slot is None:
        return leaf
    there = np.arange(len(leaf.weight)) < slot
    return replace(leaf, total=leaf.total * there, weight=leaf.weight * there)


def merged(parts: Sequence[Leaf]) -> Leaf:
    """Several series as one; its labels are those of the first."""
    if len(parts) == 1:
        return parts[0]
    return Leaf(
        parts[0].labels,
        np.sum([part.total for part in parts], axis=0),
        np.sum([part.weight for part in parts], axis=0),
        np.max([part.peak for part in parts], axis=0).astype(np.float64),
    )
