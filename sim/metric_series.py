"""The estate's load as metric series: a sum and a weight a slot, from which every aggregation follows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sim.blueprint import NOT_OPENAI
from sim.estate import SimAccount, SimDeployment
from sim.load import Counts, Floats
from sim.metric_names import Metric, Source

MINUTES_A_SLOT = 5


@dataclass(frozen=True, slots=True)
class Leaf:
    """The finest split there is: a deployment, and a status for requests."""

    labels: Mapping[str, str]  # by dimension in lower case
    total: Floats | Counts  # the sum of all samples of a slot
    weight: Floats | Counts  # how many samples; none is a slot without a value
    peak: Floats | Counts  # the largest sample


def leaves(account: SimAccount, metric: Metric) -> tuple[Leaf, ...]:
    """The series that an account emits for a metric; empty when it does not."""
    if metric.newer and account.plan.kind == "OpenAI":
        return ()
    return tuple(
        leaf
        for deployment in account.deployments
        if metric.newer or deployment.plan.model not in NOT_OPENAI
        for leaf in deployment_leaves(account, deployment, metric.source)
    )


def deployment_leaves(account: SimAccount, deployment: SimDeployment, source: Source) -> Iterator[Leaf]:
    load, names = deployment.load, labels(account, deployment)
    served = load.requests[200]
    if source is Source.REQUESTS:
        for status, count in load.requests.items():
            yield Leaf(names | {"statuscode": str(status)}, count, count, np.minimum(count, 1))
    elif source in (Source.TOKENS_IN, Source.TOKENS_OUT, Source.TOKENS):
        tokens = {
            Source.TOKENS_IN: load.tokens_in,
            Source.TOKENS_OUT: load.tokens_out,
            Source.TOKENS: load.tokens_in + load.tokens_out,
        }[source]
        yield Leaf(names, tokens, served, 2 * mean(tokens, served))
    elif source is Source.LAST_BYTE:
        yield Leaf(names, load.last_byte_ms * served, served, 3 * load.last_byte_ms)
    elif source is Source.FIRST_TOKEN:
        yield Leaf(names, load.first_token_ms * served, served, 3 * load.first_token_ms)
    elif source is Source.UTILISATION and load.utilisation is not None:
        weight: Counts = np.full(len(served), MINUTES_A_SLOT, dtype=np.int64)
        peak: Floats = np.clip(load.utilisation * 1.04, 0.0, 100.0)
        yield Leaf(names, load.utilisation * weight, weight, peak)


def labels(account: SimAccount, deployment: SimDeployment) -> dict[str, str]:
    plan = deployment.plan
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
        "isspillover": "False",
        "servicetierrequest": "default",
        "servicetierresponse": "default",
    }


def mean(total: Floats | Counts, weight: Floats | Counts) -> Floats:
    return np.asarray(total / np.maximum(weight, 1))


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
