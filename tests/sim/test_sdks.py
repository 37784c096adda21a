"""The newer APIs of the tenant, read by the SDK clients."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.costmanagement import CostManagementClient
from azure.monitor.query import LogsQueryClient, LogsQueryPartialResult, LogsQueryResult

from shared.edges.simulated_login import SimulatedLogin
from sim.blueprint import AGENTS
from sim.consumers import WORKSPACE
from sim.process import RunningTenant, running_tenant

NOW = datetime(2026, 9, 13, 13, tzinfo=UTC)
PLAIN: dict[str, Any] = {"enforce_https": False}  # a bearer token over plain http
QUERY = """
ApiManagementGatewayLlmLog
| join kind=leftouter ApiManagementGatewayLogs on CorrelationId
| summarize PromptTokens=sum(PromptTokens), Calls=count() by bin(TimeGenerated, 1h), ApimSubscriptionId
"""


@pytest.fixture(scope="module")
def process() -> Iterator[RunningTenant]:
    with running_tenant() as running:
        yield running


@pytest.fixture
def tenant(process: RunningTenant) -> RunningTenant:
    process.set_scenario("calm")
    process.set_clock(NOW)
    return process


@pytest.fixture
def costs(tenant: RunningTenant) -> Iterator[CostManagementClient]:
    with CostManagementClient(SimulatedLogin(), base_url=tenant.arm, retry_total=0) as client:
        yield client


@pytest.fixture
def logs(tenant: RunningTenant) -> Iterator[LogsQueryClient]:
    with LogsQueryClient(SimulatedLogin(), endpoint=tenant.logs, retry_total=0) as client:
        yield client


def ask(logs: LogsQueryClient, query: str = QUERY) -> Any:
    span = (NOW - timedelta(hours=3), NOW - timedelta(hours=1))
    return logs.query_workspace(WORKSPACE, query, timespan=span, **PLAIN)


def test_budgets_have_typed_amounts_and_filters(costs):
    found = {one.name: one.properties for one in costs.budgets.list(f"subscriptions/{AGENTS}", **PLAIN)}

    planned = found["ai-products-monthly"]
    assert planned.amount == 10_000
    assert 0 < planned.current_spend.amount < planned.amount
    assert {one.threshold_type for one in planned.notifications.values()} == {"Actual", "Forecasted"}
    assert found["reasoning-quarterly"].filter.dimensions.name == "Meter"


def test_alerts_of_budgets_have_a_ratio_and_times_that_never_were(costs):
    (first, _) = costs.alerts.list(f"subscriptions/{AGENTS}", **PLAIN).value

    assert float(first.properties.details.threshold) == 0.8
    assert first.properties.close_time == "0001-01-01T00:00:00"
    assert first.properties.details.current_spend > 8_000


def test_a_forecast_tells_actual_from_expected(costs):
    body = {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": "2026-09-01T00:00:00Z", "to": "2026-09-30T00:00:00Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
        },
        "includeActualCost": True,
    }
    found = costs.forecast.usage(f"subscriptions/{AGENTS}", body, **PLAIN)

    assert len(found.rows) == 30
    assert [row[2] for row in found.rows] == ["Actual"] * 12 + ["Forecast"] * 18


def test_logs_come_as_a_table_with_times(logs):
    found = ask(logs)

    assert isinstance(found, LogsQueryResult)
    (table,) = found.tables
    assert table.columns == ["TimeGenerated", "ApimSubscriptionId", "PromptTokens", "Calls"]
    assert table.rows[0]["TimeGenerated"] == NOW - timedelta(hours=3)
    assert len(table.rows) == 12


def test_a_partial_answer_is_told_from_a_whole_one(tenant, logs):
    tenant.set_scenario("partial-logs")
    found = ask(logs)

    assert isinstance(found, LogsQueryPartialResult)
    assert found.partial_error
    assert found.partial_error.code == "PartialError"
    assert len(found.partial_data[0].rows) == 6


@pytest.mark.parametrize(
    ("role", "query", "status"),
    [("Log Analytics Reader", QUERY, 403), ("Reader", "Nothing | count", 400)],
    ids=["not permitted", "unknown table"],
)
def test_what_the_workspace_refuses_is_raised(tenant, logs, role, query, status):
    tenant.take_role(role)
    with pytest.raises(HttpResponseError) as refused:
        ask(logs, query)

    assert refused.value.status_code == status
