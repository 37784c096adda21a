"""API Management in Log Analytics: the question for its consumers' tokens, and the answer as readings.

API Management writes a language model's tokens into one table and who called into another; a call has the
same CorrelationId in both. Without the second there is no consumer, and the tokens count all the same.
Tokens are as the gateway saw them: it estimates those of streams.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.core.consumers import part_of
from shared.core.model import (
    CONSUMER_CALLS,
    CONSUMER_TOKENS_IN,
    CONSUMER_TOKENS_OUT,
    Meter,
    Period,
    Reading,
    Scope,
)
from shared.formats.amounts import parse_amount
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import folded, one_line
from shared.formats.moments import parse_moment

TABLE = "ApiManagementGatewayLlmLog"
APART = timedelta(minutes=15)  # at most, between the records of one call in the two tables
LONGEST_NAME = 256  # characters of a name in API Management
METERS = {
    "prompttokens": CONSUMER_TOKENS_IN,
    "completiontokens": CONSUMER_TOKENS_OUT,
    "calls": CONSUMER_CALLS,
}
SWITCHED_OFF = (
    f"the workspace has no table {TABLE}: send API Management's categories GatewayLlmLogs and GatewayLogs"
    " there by a diagnostic setting, with resource-specific tables"
)

# Messages are split over several records: those with tokens name a deployment. A retried call has several
# records in the second table, and may have in the first: one of each is taken, else the join would multiply.
# A workspace without the second table, or without its newer columns, answers all the same.
_QUESTION = """\
let calls = {table}
    | where TimeGenerated >= datetime({start}) and TimeGenerated < datetime({end})
    | where DeploymentName != ''
    | summarize TimeGenerated = min(TimeGenerated), _ResourceId = take_any(_ResourceId),
        DeploymentName = take_any(DeploymentName), PromptTokens = max(PromptTokens),
        CompletionTokens = max(CompletionTokens)
        by CorrelationId;
let callers = union isfuzzy=true
    (datatable(CorrelationId: string, ApimSubscriptionId: string, ProductId: string) []),
    (ApiManagementGatewayLogs
    | where TimeGenerated >= datetime({earliest}) and TimeGenerated < datetime({latest})
    | project CorrelationId,
        ApimSubscriptionId = tostring(column_ifexists('ApimSubscriptionId', '')),
        ProductId = tostring(column_ifexists('ProductId', '')))
    | summarize ApimSubscriptionId = take_any(ApimSubscriptionId), ProductId = take_any(ProductId)
        by CorrelationId;
calls
| join kind=leftouter callers on CorrelationId
| summarize PromptTokens = sum(PromptTokens), CompletionTokens = sum(CompletionTokens), Calls = count()
    by bin(TimeGenerated, {minutes}m), _ResourceId, ApimSubscriptionId, ProductId, DeploymentName
"""


def question(asked: Period, grain: timedelta) -> str:
    """The KQL for the consumers' use in a period, in bins of `grain`, which is whole minutes."""
    around = searched(asked)
    return _QUESTION.format(
        table=TABLE,
        start=_literal(asked.start),
        end=_literal(asked.end),
        earliest=_literal(around.start),
        latest=_literal(around.end),
        minutes=grain // timedelta(minutes=1),
    )


def searched(asked: Period) -> Period:
    """Where the records of a period's calls may lie; Log Analytics is to look no further."""
    return Period(asked.start - APART, asked.end + APART)


def _literal(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class LogRows:
    """What an answer held. `odd` says, a line each, which rows could not be read."""

    readings: tuple[Reading, ...]
    odd: tuple[str, ...] = ()


def parse(rows: Iterable[Mapping[str, Any]], asked: Period, grain: timedelta, as_of: datetime) -> LogRows:
    """The readings of a period, oldest first.

    Names that differ in case alone are one. A number that is absent is no reading.
    """
    summed: dict[tuple[Scope, Meter, datetime], Decimal] = {}
    odd: list[str] = []
    for row in rows:
        known = folded(row)
        start = _moment(known.get("timegenerated"))
        if start is None:
            odd.append(f"{str(row)[:200]}: no time in TimeGenerated")
            continue
        if start not in asked:
            continue  # a bin that was not read whole
        scope = _scope(known)
        for column, meter in METERS.items():
            value = parse_amount(known.get(column))
            if value is not None:
                key = scope, meter, start
                summed[key] = summed.get(key, Decimal()) + value
    readings = (
        Reading(scope, meter, start, start + grain, value, as_of)
        for (scope, meter, start), value in sorted(summed.items(), key=lambda one: one[0][2])
    )
    return LogRows(tuple(readings), tuple(odd))


def is_switched_off(refusal: str) -> bool:
    """Whether Log Analytics refused because it knows no such table; our question has no other fault."""
    return any(word in refusal for word in (TABLE, "SEM0100", "BadArgumentError"))


def _scope(row: Mapping[str, Any]) -> Scope:
    consumer, product, deployment = (
        one_line(row.get(column), LONGEST_NAME).lower()
        for column in ("apimsubscriptionid", "productid", "deploymentname")
    )
    gateway = one_line(row.get("_resourceid"), LONGEST_ID).rstrip("/").lower()
    return Scope(gateway, part_of(consumer, product, deployment))


def _moment(found: object) -> datetime | None:
    if not isinstance(found, datetime):
        return parse_moment(found)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
