"""The metrics of an AI account that can be asked for, their units, dimensions and who emits them."""

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """What in a deployment's load a metric shows."""

    TOKENS_IN = 1
    TOKENS_OUT = 2
    TOKENS = 3
    REQUESTS = 4
    UTILISATION = 5
    LAST_BYTE = 6
    FIRST_TOKEN = 7
    NOTHING = 8  # valid to ask for; nothing in this estate emits it


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    unit: str
    source: Source
    dimensions: tuple[str, ...]
    newer: bool  # the family that covers every maker's models; the older knows OpenAI's only


PLACE = ("Region", "ModelDeploymentName")
MODEL = (*PLACE, "ModelName", "ModelVersion")
OLD_TOKENS = ("ApiName", "ModelDeploymentName", "FeatureName", "UsageChannel", "Region", "ModelVersion")
NEW_TOKENS = ("ApiName", *MODEL)
CALLS = (
    "ApiName",
    "OperationName",
    *MODEL,
    "StreamType",
    "StatusCode",
    "IsSpillover",
    "ServiceTierRequest",
    "ServiceTierResponse",
)


def family(newer: bool, *rows: tuple[str, str, Source, tuple[str, ...]]) -> tuple[Metric, ...]:
    return tuple(Metric(name, unit, source, dimensions, newer) for name, unit, source, dimensions in rows)


OLDER = family(
    False,
    ("ProcessedPromptTokens", "Count", Source.TOKENS_IN, OLD_TOKENS),
    ("GeneratedTokens", "Count", Source.TOKENS_OUT, OLD_TOKENS),
    ("TokenTransaction", "Count", Source.TOKENS, OLD_TOKENS),
    ("AzureOpenAIRequests", "Count", Source.REQUESTS, CALLS),
    ("AzureOpenAIProvisionedManagedUtilizationV2", "Percent", Source.UTILISATION, ("StreamType", *MODEL)),
    ("AzureOpenAITTLTInMS", "MilliSeconds", Source.LAST_BYTE, MODEL),
    ("AzureOpenAINormalizedTTFTInMS", "MilliSeconds", Source.FIRST_TOKEN, MODEL),
    ("AzureOpenAITimeToResponse", "MilliSeconds", Source.NOTHING, (*MODEL, "StatusCode")),
    ("AzureOpenAINormalizedTBTInMS", "MilliSeconds", Source.NOTHING, MODEL),
    ("AzureOpenAITokenPerSecond", "Count", Source.NOTHING, MODEL),
    ("AzureOpenAIContextTokensCacheMatchRate", "Percent", Source.NOTHING, MODEL),
    ("ActiveTokens", "Count", Source.NOTHING, MODEL),
    ("FineTunedTrainingHours", "Count", Source.NOTHING, OLD_TOKENS[:5]),
)
NEWER = family(
    True,
    ("InputTokens", "Count", Source.TOKENS_IN, NEW_TOKENS),
    ("OutputTokens", "Count", Source.TOKENS_OUT, NEW_TOKENS),
    ("TotalTokens", "Count", Source.TOKENS, NEW_TOKENS),
    ("ModelRequests", "Count", Source.REQUESTS, CALLS),
    ("ProvisionedUtilization", "Percent", Source.UTILISATION, MODEL),
    ("TimeToLastByte", "MilliSeconds", Source.LAST_BYTE, MODEL),
    ("NormalizedTimeToFirstToken", "MilliSeconds", Source.FIRST_TOKEN, MODEL),
    ("TimeToResponse", "MilliSeconds", Source.NOTHING, (*MODEL, "StatusCode")),
    ("NormalizedTimeBetweenTokens", "MilliSeconds", Source.NOTHING, MODEL),
    ("TokensPerSecond", "Count", Source.NOTHING, MODEL),
    ("cacheReadInputTokens", "Count", Source.NOTHING, (*NEW_TOKENS, "ContextLength")),
)
METRICS = {metric.name.lower(): metric for metric in (*OLDER, *NEWER)}
