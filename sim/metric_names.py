"""The metrics that can be asked for: their units, aggregations, dimensions, and what of a load each shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """What in a deployment's load, or a project's agents, a metric shows. A value is its name in the load."""

    TOKENS_IN = "tokens_in"
    TOKENS_OUT = "tokens_out"
    TOKENS = "tokens"
    TOKENS_UNCACHED = "tokens_uncached"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    AUDIO_IN = "audio_in"
    AUDIO_OUT = "audio_out"
    REALTIME_SECONDS = "realtime_seconds"
    TRAINING_HOURS = "training_hours"
    IMAGES = "images"
    PAGES = "pages"
    ANNOTATED_PAGES = "annotated_pages"
    REQUESTS = "requests"
    UTILISATION = "utilisation"
    CACHE_MATCH = "cache_match"
    RESPONSE = "response"
    LAST_BYTE = "last_byte"
    FIRST_TOKEN = "first_token"
    BETWEEN_TOKENS = "between_tokens"
    TOKEN_RATE = "token_rate"
    NOTHING = ""  # valid to ask for; nothing in this estate emits it


Names = tuple[str, ...]
Row = tuple[str, str, Source, Names]

# The first is what is answered when nothing is asked for.
SUM: Names = ("total",)
SPREAD: Names = ("average", "minimum", "maximum")
SUM_AND_SPREAD: Names = ("total", "average", "minimum", "maximum")
ALL: Names = ("count", "total", "average", "minimum", "maximum")


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    unit: str
    source: Source
    dimensions: Names
    aggregations: Names
    newer: bool = False  # the family that covers every maker's models; the older knows OpenAI's only
    provisioned: bool = False  # emitted by deployments with PTU only


PLACE = ("Region", "ModelDeploymentName")
MODEL = (*PLACE, "ModelName", "ModelVersion")
OLD_TRAINING = ("ApiName", "ModelDeploymentName", "FeatureName", "UsageChannel", "Region")
OLD_TOKENS = (*OLD_TRAINING, "ModelVersion")  # and no ModelName
NEW_TOKENS = ("ApiName", *MODEL)
CACHED_TOKENS = (*NEW_TOKENS, "ContextLength")
TIMES = ("ApiName", "OperationName", "StreamType", *MODEL)
CALLS = (*TIMES, "StatusCode", "IsSpillover", "ServiceTierRequest", "ServiceTierResponse")
AGENT_TOKENS = ("AgentId", "ModelName", "TokenType")


def counts(*rows: Row, newer: bool = False, provisioned: bool = False) -> tuple[Metric, ...]:
    return tuple(Metric(*row, SUM, newer, provisioned) for row in rows)


def spreads(*rows: Row, newer: bool = False, provisioned: bool = False) -> tuple[Metric, ...]:
    return tuple(Metric(*row, SPREAD, newer, provisioned) for row in rows)


OLDER = (
    *counts(
        ("ProcessedPromptTokens", "Count", Source.TOKENS_IN, OLD_TOKENS),
        ("GeneratedTokens", "Count", Source.TOKENS_OUT, OLD_TOKENS),
        ("TokenTransaction", "Count", Source.TOKENS, OLD_TOKENS),
        ("AudioPromptTokens", "Count", Source.AUDIO_IN, MODEL),
        ("AudioCompletionTokens", "Count", Source.AUDIO_OUT, MODEL),
        ("RealtimeUsageTime", "Count", Source.REALTIME_SECONDS, PLACE),
        ("FineTunedTrainingHours", "Count", Source.TRAINING_HOURS, OLD_TRAINING),
        ("AzureOpenAIRequests", "Count", Source.REQUESTS, CALLS),
    ),
    Metric("ActiveTokens", "Count", Source.TOKENS_UNCACHED, MODEL, SUM_AND_SPREAD, provisioned=True),
    *spreads(
        ("AzureOpenAITTLTInMS", "MilliSeconds", Source.LAST_BYTE, TIMES),
        ("AzureOpenAINormalizedTTFTInMS", "MilliSeconds", Source.FIRST_TOKEN, TIMES),
    ),
    *spreads(
        (
            "AzureOpenAIProvisionedManagedUtilizationV2",
            "Percent",
            Source.UTILISATION,
            ("StreamType", *MODEL),
        ),
        ("AzureOpenAIContextTokensCacheMatchRate", "Percent", Source.CACHE_MATCH, MODEL),
        ("AzureOpenAITimeToResponse", "MilliSeconds", Source.RESPONSE, (*TIMES, "StatusCode")),
        ("AzureOpenAINormalizedTBTInMS", "MilliSeconds", Source.BETWEEN_TOKENS, TIMES),
        ("AzureOpenAITokenPerSecond", "Count", Source.TOKEN_RATE, TIMES),
        provisioned=True,
    ),
)
NEWER = (
    *counts(
        ("InputTokens", "Count", Source.TOKENS_IN, NEW_TOKENS),
        ("OutputTokens", "Count", Source.TOKENS_OUT, NEW_TOKENS),
        ("TotalTokens", "Count", Source.TOKENS, NEW_TOKENS),
        ("cacheReadInputTokens", "Count", Source.CACHE_READ, CACHED_TOKENS),
        ("ephemeral5mInputTokens", "Count", Source.CACHE_WRITE_5M, CACHED_TOKENS),
        ("ephemeral1hInputTokens", "Count", Source.CACHE_WRITE_1H, CACHED_TOKENS),
        ("GeneratedImages", "Count", Source.IMAGES, NEW_TOKENS),
        ("TotalPages", "Count", Source.PAGES, NEW_TOKENS),
        ("AnnotatedPages", "Count", Source.ANNOTATED_PAGES, NEW_TOKENS),
        ("ModelRequests", "Count", Source.REQUESTS, CALLS),
        newer=True,
    ),
    *counts(
        ("AudioInputTokens", "Count", Source.AUDIO_IN, MODEL),
        ("AudioOutputTokens", "Count", Source.AUDIO_OUT, MODEL),
        newer=True,
        provisioned=True,
    ),
    *spreads(
        ("TimeToLastByte", "MilliSeconds", Source.LAST_BYTE, TIMES),
        ("NormalizedTimeToFirstToken", "MilliSeconds", Source.FIRST_TOKEN, TIMES),
        newer=True,
    ),
    *spreads(
        ("ProvisionedUtilization", "Percent", Source.UTILISATION, MODEL),
        ("TimeToResponse", "MilliSeconds", Source.RESPONSE, (*TIMES, "StatusCode")),
        ("NormalizedTimeBetweenTokens", "MilliSeconds", Source.BETWEEN_TOKENS, TIMES),
        ("TokensPerSecond", "Count", Source.TOKEN_RATE, TIMES),
        newer=True,
        provisioned=True,
    ),
)
# In preview. The dimensions of AgentToolCalls could not be confirmed.
AGENTS = (
    Metric("AgentInputTokens", "Count", Source.TOKENS_IN, AGENT_TOKENS, SUM_AND_SPREAD),
    Metric("AgentOutputTokens", "Count", Source.TOKENS_OUT, AGENT_TOKENS, SUM_AND_SPREAD),
    Metric("AgentResponses", "Count", Source.REQUESTS, ("AgentId", "ModelName", "ResponseStatus"), ALL),
    Metric(
        "AgentRuns",
        "Count",
        Source.REQUESTS,
        ("AgentId", "ModelName", "RunStatus", "StatusCode", "ThreadId", "StreamType"),
        ALL,
    ),
    Metric("AgentEvents", "Count", Source.NOTHING, ("EventType",), ALL),
    Metric("AgentMessages", "Count", Source.NOTHING, ("EventType", "ThreadId"), ALL),
    Metric("AgentThreads", "Count", Source.NOTHING, ("EventType",), ALL),
    Metric("AgentToolCalls", "Count", Source.NOTHING, ("AgentId", "ModelName", "ToolName"), ALL),
)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A type of resource, and its metrics by name in lower case."""

    name: str  # in lower case, as answers have it
    metrics: Mapping[str, Metric]

    @property
    def resource_type(self) -> str:
        return self.name.partition("/")[2]


def by_name(metrics: tuple[Metric, ...]) -> Mapping[str, Metric]:
    return {metric.name.lower(): metric for metric in metrics}


ACCOUNTS = Namespace("microsoft.cognitiveservices/accounts", by_name((*OLDER, *NEWER)))
PROJECTS = Namespace("microsoft.cognitiveservices/accounts/projects", by_name(AGENTS))
NAMESPACES: Mapping[str, Namespace] = {one.name: one for one in (ACCOUNTS, PROJECTS)}
