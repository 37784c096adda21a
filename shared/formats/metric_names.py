"""Which metrics of Azure Monitor hold which meter, and which of them one call asks for.

Azure counts the same calls in two families of metrics: the newer covers every maker's models, the older
OpenAI's only. A meter that both hold is read from one of them; see `shared.formats.token_metrics`.

Not asked for: metrics that Azure marks as not for its OpenAI models (TotalCalls, Latency, ...),
TotalTokenCalls (calls for sign-in tokens) and the deprecated first version of PTU utilisation.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from shared.core import model
from shared.core.model import Meter

ACCOUNTS = "Microsoft.CognitiveServices/accounts"
PROJECTS = "Microsoft.CognitiveServices/accounts/projects"
MOST_SERIES = 1000  # of a metric and resource in one answer; Azure's default of 10 would cut deployments off
GRAIN = timedelta(minutes=5)
HOUR = timedelta(hours=1)


class Family(StrEnum):
    """Which metrics an account's meters are read from, where both families hold them."""

    NEWER = "newer"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """What one call asks for: metrics of one namespace that share their dimensions."""

    names: tuple[str, ...]
    dimensions: tuple[str, ...]
    namespace: str = ACCOUNTS
    only: tuple[str, ...] = ()  # values of the first dimension; none is every value

    @property
    def filter(self) -> str:
        """The API's `filter`: a series for each value of each dimension."""
        first = self.dimensions[:1]
        wanted = [f"{name} eq '{_quoted(value)}'" for name in first for value in self.only]
        others = self.dimensions[1:] if wanted else self.dimensions
        every = [f"{dimension} eq '*'" for dimension in others]
        return " and ".join([" or ".join(wanted), *every] if wanted else every)


def _quoted(value: str) -> str:
    return value.replace("'", "''")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a meter is read from, in each family that holds it; "" where one does not.

    `total` False takes the average of a point, not its sum.
    """

    meter: Meter | None  # None: by status code
    newer: str
    older: str = ""
    total: bool = True

    def names(self, family: Family = Family.NEWER) -> Iterator[str]:
        """Its metrics, that of `family` first."""
        both = (self.newer, self.older) if family is Family.NEWER else (self.older, self.newer)
        return filter(None, both)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for in one call, and how often. The first dimension names a part of the resource."""

    sources: tuple[Source, ...]
    dimensions: tuple[str, ...] = ("ModelDeploymentName",)
    every: timedelta = GRAIN  # how often it is asked at most, and the length of its points
    namespace: str = ACCOUNTS

    @property
    def query(self) -> MetricQuery:
        """What to ask for: the metrics of both families."""
        names = (name for source in self.sources for name in source.names())
        return MetricQuery(tuple(names), self.dimensions, self.namespace)


TOKENS = (
    Source(model.TOKENS_IN, "InputTokens", "ProcessedPromptTokens"),
    Source(model.TOKENS_OUT, "OutputTokens", "GeneratedTokens"),
)
BY_DEPLOYMENT = Question(
    (
        *TOKENS,
        Source(model.ACTIVE_TOKENS, "ActiveTokens"),
        Source(
            model.PTU_UTILISATION,
            "ProvisionedUtilization",
            "AzureOpenAIProvisionedManagedUtilizationV2",
            total=False,
        ),
        Source(model.CACHE_MATCH_RATE, "", "AzureOpenAIContextTokensCacheMatchRate", total=False),
        Source(model.LATENCY, "TimeToLastByte", "AzureOpenAITTLTInMS", total=False),
        Source(model.TIME_TO_RESPONSE, "TimeToResponse", "AzureOpenAITimeToResponse", total=False),
        Source(
            model.TIME_TO_FIRST_TOKEN,
            "NormalizedTimeToFirstToken",
            "AzureOpenAINormalizedTTFTInMS",
            total=False,
        ),
        Source(
            model.TIME_BETWEEN_TOKENS,
            "NormalizedTimeBetweenTokens",
            "AzureOpenAINormalizedTBTInMS",
            total=False,
        ),
        Source(model.TOKENS_PER_SECOND, "TokensPerSecond", "AzureOpenAITokenPerSecond", total=False),
    )
)
BY_STATUS = Question(
    (Source(None, "ModelRequests", "AzureOpenAIRequests"),), ("ModelDeploymentName", "StatusCode")
)
RARE = Question(
    (
        Source(model.TOKENS_TOTAL, "TotalTokens", "TokenTransaction"),
        Source(model.AUDIO_TOKENS_IN, "AudioInputTokens", "AudioPromptTokens"),
        Source(model.AUDIO_TOKENS_OUT, "AudioOutputTokens", "AudioCompletionTokens"),
        Source(model.CACHE_READS, "cacheReadInputTokens"),
        Source(model.CACHE_WRITES_5M, "ephemeral5mInputTokens"),
        Source(model.CACHE_WRITES_1H, "ephemeral1hInputTokens"),
        Source(model.FINE_TUNING_HOURS, "FineTunedTrainingHours"),
        Source(model.REALTIME_SECONDS, "RealtimeUsageTime"),
        Source(model.IMAGES, "GeneratedImages"),
        Source(model.PAGES, "TotalPages"),
        Source(model.ANNOTATED_PAGES, "AnnotatedPages"),
    ),
    every=HOUR,
)
BY_AGENT = Question(
    (
        Source(model.AGENT_TOKENS_IN, "AgentInputTokens"),
        Source(model.AGENT_TOKENS_OUT, "AgentOutputTokens"),
    ),
    ("AgentId",),
    every=HOUR,
    namespace=PROJECTS,
)
HISTORY = Question(TOKENS, every=HOUR)  # what a baseline is learnt from
QUESTIONS = (BY_DEPLOYMENT, BY_STATUS, RARE, BY_AGENT)
RARE_METERS = frozenset(
    source.meter.name
    for question in QUESTIONS
    if question.every > GRAIN
    for source in question.sources
    if source.meter
)
