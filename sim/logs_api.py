"""POST /logs/v1/workspaces/{id}/query: the language model log of API Management, joined to its gateway log.

It runs no KQL. It answers a query that names `ApiManagementGatewayLlmLog` from a table that is ready, in
bins of `bin(TimeGenerated, N)` with N as 5m, 1h or 1d (5m unless told). The columns are those of `COLUMNS`
whose names stand in the query's last `summarize` or `project`, in the order and with the types here, and the
counts are summed over all others:

    TimeGenerated datetime; GatewayId, _ResourceId, ApimSubscriptionId, ProductId, DeploymentName, ModelName
    string; PromptTokens, CompletionTokens, TotalTokens, Calls long

TimeGenerated is the start of the bin. GatewayId and _ResourceId are the ARM id of the API Management service,
the second in lower case. ApimSubscriptionId and ProductId come from `ApiManagementGatewayLogs`, so the query
must name that too; both are null for calls without a subscription. A call is in the log one to three minutes
after it was made. `timespan` is an ISO interval "start/end" or a duration; without it all is answered.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from zlib import crc32

from sim.consumers import GATEWAY, WORKSPACE, ConsumerLoad, consumer_loads
from sim.estate import Estate
from sim.log_query import COLUMNS, SLOT, LogQuery, parse_query
from sim.view import View
from sim.wire import Answer, Refusal, Request, as_json

Key = tuple[datetime, tuple[str | None, ...]]

PARTIAL = {
    "code": "PartialError",
    "message": "There were some errors when processing your query.",
    "details": [
        {
            "code": "EngineError",
            "message": "Something went wrong processing your query on the server.",
            "innererror": {
                "code": "-2133196797",
                "message": "The results of this query exceed the set limit of 64000000 bytes.",
                "severity": 2,
                "severityName": "Error",
            },
        }
    ],
}


class LogsApi:
    """The one workspace of the tenant. Safe to use from several threads."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate

    @cached_property
    def loads(self) -> tuple[ConsumerLoad, ...]:
        """Made when first asked for: most runs never ask."""
        return consumer_loads(self.estate)

    def answer(self, view: View, request: Request, workspace: str) -> Answer:
        """The whole answer: the API has no pages. With the option `logs_partial` half of it, and an error."""
        if workspace.lower() != WORKSPACE:
            raise Refusal(404, "WorkspaceNotFoundError", f"The workspace {workspace} could not be found")
        query = parse_query(view, request.json())
        rows = sorted_rows(query, summed(view, query, self.loads))
        if view.options.logs_partial:
            return as_json({"tables": [table_shape(query, rows[: len(rows) // 2])], "error": PARTIAL})
        return as_json({"tables": [table_shape(query, rows)]})


def table_shape(query: LogQuery, rows: list[list[Any]]) -> dict[str, Any]:
    columns = [{"name": name, "type": COLUMNS[name]} for name in query.columns]
    return {"name": "PrimaryResult", "columns": columns, "rows": rows}


def summed(view: View, query: LogQuery, loads: Sequence[ConsumerLoad]) -> Mapping[Key, list[int]]:
    sums: dict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    first = max(0, -(-(query.start - view.estate.start) // SLOT))
    last = min(view.estate.slots, -(-(min(query.end, view.now) - view.estate.start) // SLOT))
    for load in loads:
        if view.gone(load.account):
            continue
        labels = tuple(labels_of(load)[name] for name in query.labels)
        for slot, counts in logged(view, load, first, last):
            start = view.estate.start + slot * SLOT
            key = start - (start - datetime.min.replace(tzinfo=UTC)) % query.width, labels
            sums[key] = [total + count for total, count in zip(sums[key], counts, strict=True)]
    return sums


def logged(view: View, load: ConsumerLoad, first: int, last: int) -> Iterator[tuple[int, Sequence[int]]]:
    """Slots with calls, each with prompt tokens, completion tokens and calls as far as they have come in."""
    late = timedelta(minutes=1 + crc32(f"{load.consumer}|{load.deployment.plan.name}".encode()) % 3)
    series = (load.tokens_in[first:last], load.tokens_out[first:last], load.calls[first:last])
    for slot, counts in enumerate(zip(*(one.tolist() for one in series), strict=True), start=first):
        arrived = (view.now - late - view.estate.start - slot * SLOT) / SLOT
        counted = counts if arrived >= 1 else [int(count * max(0.0, arrived)) for count in counts]
        if counted[2]:
            yield slot, counted


def labels_of(load: ConsumerLoad) -> dict[str, str | None]:
    return {
        "GatewayId": GATEWAY,
        "_ResourceId": GATEWAY.lower(),
        "ApimSubscriptionId": load.consumer.subscription,
        "ProductId": load.consumer.product,
        "DeploymentName": load.deployment.plan.name,
        "ModelName": load.deployment.plan.model,
    }


def sorted_rows(query: LogQuery, sums: Mapping[Key, list[int]]) -> list[list[Any]]:
    rows = []
    for (when, labels), (prompt, completion, calls) in sorted(sums.items(), key=lambda one: str(one[0])):
        values: dict[str, Any] = dict(zip(query.labels, labels, strict=True))
        values |= {"TimeGenerated": f"{when:%Y-%m-%dT%H:%M:%S}.0000000Z", "Calls": calls}
        values |= {"PromptTokens": prompt, "CompletionTokens": completion}
        values["TotalTokens"] = prompt + completion
        rows.append([values[name] for name in query.columns])
    return rows
