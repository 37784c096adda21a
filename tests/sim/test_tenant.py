"""The simulated tenant, asked by the SDK clients that the app uses."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest
from azure.mgmt.costmanagement import CostManagementClient
from azure.monitor.querymetrics import MetricsClient

from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.estate import SimAccount
from sim.process import RunningTenant, running_tenant

NAMESPACE = "Microsoft.CognitiveServices/accounts"
NOW = datetime(2026, 9, 8, 13, 30, tzinfo=UTC)  # in the outage
PLAIN: dict[str, Any] = {"enforce_https": False}  # a bearer token over plain http


class FixedToken:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("simulated", int(time.time()) + 3600)

    def get_token_info(self, *scopes: str, **options: Any) -> AccessTokenInfo:
        return AccessTokenInfo("simulated", int(time.time()) + 3600)


@pytest.fixture(scope="module")
def process() -> Iterator[RunningTenant]:
    with running_tenant() as running:
        yield running


@pytest.fixture
def tenant(process: RunningTenant) -> RunningTenant:
    process.set_faults([])
    process.set_options()
    process.set_clock(NOW)
    return process


@pytest.fixture
def costs(tenant: RunningTenant) -> Iterator[CostManagementClient]:
    with CostManagementClient(FixedToken(), base_url=tenant.arm, retry_total=0) as client:
        yield client


def account(tenant: RunningTenant, name: str) -> SimAccount:
    return next(found for found in tenant.estate.accounts if found.plan.name == name)


def ask(tenant: RunningTenant, accounts: list[SimAccount], names: list[str], **options: Any) -> list[Any]:
    """One answer an account: twenty minutes, totals and averages, split by deployment, unless told."""
    region = options.pop("region", accounts[0].plan.region)
    given: dict[str, Any] = {
        "timespan": (NOW - timedelta(minutes=30), NOW - timedelta(minutes=10)),
        "granularity": timedelta(minutes=5),
        "aggregations": ["Total", "Average"],
        "filter": "ModelDeploymentName eq '*'",
    }
    with MetricsClient(tenant.metrics.format(region=region), FixedToken(), retry_total=0) as client:
        return client.query_resources(
            resource_ids=[found.id for found in accounts],
            metric_namespace=NAMESPACE,
            metric_names=names,
            **{**given, **options},
            **PLAIN,
        )


def names(metric: Any) -> set[str]:
    """The deployments that a metric was split into."""
    return {one.metadata_values["modeldeploymentname"] for one in metric.timeseries}


def question(first: str, last: str, *groups: str, **dataset: Any) -> Any:
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{first}T00:00:00Z", "to": f"{last}T23:59:59Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {
                "totalCost": {"name": "Cost", "function": "Sum"},
                "qty": {"name": "UsageQuantity", "function": "Sum"},
            },
            "grouping": [{"type": "Dimension", "name": name} for name in groups],
            "filter": {
                "dimensions": {
                    "name": "ResourceType",
                    "operator": "In",
                    "values": ["Microsoft.CognitiveServices/accounts"],
                }
            },
            **dataset,
        },
    }


def records(result: Any) -> list[dict[str, Any]]:
    names = [column.name.lower() for column in result.columns]
    return [dict(zip(names, row, strict=True)) for row in result.rows]


def pages(tenant: RunningTenant, path: str) -> list[list[dict[str, Any]]]:
    url, found = f"{tenant.url}{path}?api-version=2024-10-01", []
    while url:
        body = requests.get(url, headers={"Authorization": "Bearer simulated"}, timeout=5).json()
        found.append(body["value"])
        url = body.get("nextLink")
    return found


def test_without_a_bearer_token_every_api_answers_401(tenant):
    for method, path in [("GET", "/subscriptions"), ("POST", "/metrics/x/subscriptions/y/metrics:getBatch")]:
        answer = requests.request(method, tenant.url + path, timeout=5)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_subscriptions_and_accounts_come_in_pages(tenant):
    subscriptions = pages(tenant, "/subscriptions")
    accounts = pages(tenant, f"/subscriptions/{AGENTS}/providers/{NAMESPACE}")

    assert [len(page) for page in subscriptions] == [2, 1]
    assert [len(page) for page in accounts] == [2, 1]
    assert accounts[0][0]["id"].startswith(f"/subscriptions/{AGENTS}/resourceGroups/RG-")


def test_a_deployment_is_listed_from_the_day_it_exists(tenant):
    path = account(tenant, "aif-Agents-SWC").id + "/deployments"
    tenant.set_clock(datetime(2026, 9, 4, 8, 55, tzinfo=UTC))
    before = [found["name"] for page in pages(tenant, path) for found in page]
    tenant.set_clock(datetime(2026, 9, 4, 9, tzinfo=UTC))
    after = [found["name"] for page in pages(tenant, path) for found in page]

    assert before == ["agents-main", "agents-reason"]
    assert after == [*before, "agents-next"]


def test_metrics_answer_in_the_order_asked_with_lower_case_labels(tenant):
    asked = [account(tenant, "aoai-Search-EUS2"), account(tenant, "AOAI-Analytics-EUS2")]
    search, analytics = ask(tenant, asked, ["ProcessedPromptTokens"])

    (ptu,) = search.metrics[0].timeseries
    assert ptu.metadata_values == {"modeldeploymentname": "search-ptu"}
    assert [point.total for point in ptu.data] == [
        asked[0].deployments[0].load.tokens_in[slot] for slot in range(36 * 288 + 156, 36 * 288 + 160)
    ]
    assert names(analytics.metrics[0]) == {"ask-the-data"}


def test_an_openai_account_emits_the_older_family_and_aiservices_both(tenant):
    both = ["InputTokens", "ProcessedPromptTokens"]
    (search,) = ask(tenant, [account(tenant, "aoai-Search-EUS2")], both)
    (hub,) = ask(tenant, [account(tenant, "aif-Hub-WEU")], both)

    assert [len(metric.timeseries) for metric in search.metrics] == [0, 1]
    newer, older = (names(metric) for metric in hub.metrics)
    assert newer - older == {"open-weights"}
    assert len(older) == 3


def test_a_split_by_status_shows_the_outage(tenant):
    (hub,) = ask(
        tenant,
        [account(tenant, "aif-Hub-WEU")],
        ["ModelRequests"],
        filter="ModelDeploymentName eq '*' and StatusCode eq '*'",
        max_results=1000,
        timespan=(NOW - timedelta(minutes=15), NOW - timedelta(minutes=5)),
    )
    totals = {"200": 0.0, "503": 0.0}
    for one in hub.metrics[0].timeseries:
        status = one.metadata_values["statuscode"]
        totals[status] = totals.get(status, 0.0) + sum(point.total or 0 for point in one.data)

    assert totals["503"] > 5 * totals["200"]


def test_series_beyond_top_are_cut_without_a_word_and_the_default_is_ten(tenant):
    split = {
        "filter": "ModelDeploymentName eq '*' and StatusCode eq '*'",
        "timespan": (NOW - timedelta(days=2), NOW),
        "granularity": timedelta(hours=1),
    }
    hub = [account(tenant, "aif-Hub-WEU")]
    counts = [
        len(ask(tenant, hub, ["ModelRequests"], **split, **top)[0].metrics[0].timeseries)
        for top in ({}, {"max_results": 3}, {"max_results": 100})
    ]

    assert counts[:2] == [10, 3]
    assert counts[2] > 10


def test_without_a_filter_an_account_is_one_series(tenant):
    hub = account(tenant, "aif-Hub-WEU")
    (answer,) = ask(tenant, [hub], ["OutputTokens"], filter=None)

    (one,) = answer.metrics[0].timeseries
    slot = 36 * 288 + 156
    assert one.metadata_values == {}
    assert one.data[0].total == sum(found.load.tokens_out[slot] for found in hub.deployments)


def test_a_coarser_grain_adds_up_totals_and_weighs_averages(tenant):
    search = account(tenant, "aoai-Search-EUS2")
    names = ["ProcessedPromptTokens", "AzureOpenAIProvisionedManagedUtilizationV2"]
    hour = (NOW.replace(minute=0) - timedelta(hours=1), NOW.replace(minute=0))
    (fine,) = ask(tenant, [search], names, timespan=hour)
    (coarse,) = ask(tenant, [search], names, timespan=hour, granularity=timedelta(hours=1))

    tokens, busy = ([metric.timeseries[0].data for metric in answer.metrics] for answer in (fine, coarse))
    assert [len(data) for data in tokens] == [12, 12]
    assert [len(data) for data in busy] == [1, 1]
    assert busy[0][0].total == sum(point.total for point in tokens[0])
    assert busy[1][0].average == pytest.approx(sum(point.average for point in tokens[1]) / 12, abs=0.01)


def test_the_newest_minutes_are_absent_and_arrive_later(tenant):
    hub = [account(tenant, "aif-Hub-WEU")]
    span = {"timespan": (NOW - timedelta(minutes=10), NOW), "filter": None}
    first = ask(tenant, hub, ["InputTokens"], **span)[0].metrics[0].timeseries[0].data
    tenant.set_clock(NOW + timedelta(minutes=5))
    later = ask(tenant, hub, ["InputTokens"], **span)[0].metrics[0].timeseries[0].data

    assert first[0].total == later[0].total
    assert (first[1].total or 0) < later[1].total


def test_a_slot_without_a_request_is_a_bare_time(tenant):
    night = datetime(2026, 9, 8, 3, tzinfo=UTC)
    (answer,) = ask(
        tenant,
        [account(tenant, "aif-Lab-SWC")],
        ["InputTokens"],
        filter="ModelDeploymentName eq 'lab-vision'",
        timespan=(night - timedelta(hours=20), night),
    )

    totals = [point.total for point in answer.metrics[0].timeseries[0].data]
    assert None in totals
    assert 0 not in totals


@pytest.mark.parametrize(
    ("names", "change", "said"),
    [
        (["Tokenz"], {}, "Failed to find metric configuration"),
        (["ProcessedPromptTokens"], {"filter": "ModelName eq '*'"}, "does not support requested dimension"),
        (["InputTokens"], {"region": "eastus2"}, "is not in region"),
        (["InputTokens"], {"granularity": timedelta(minutes=7)}, "Invalid time grain"),
    ],
    ids=["unknown metric", "dimension of another metric", "another region", "unknown grain"],
)
def test_what_the_metrics_service_refuses_is_a_400(tenant, names, change, said):
    with pytest.raises(HttpResponseError, match=said) as refused:
        ask(tenant, [account(tenant, "aif-Hub-WEU")], names, **change)
    assert refused.value.status_code == 400


def test_more_than_fifty_resources_or_two_subscriptions_are_a_400(tenant):
    with pytest.raises(HttpResponseError, match="exceeds the limit of 50"):
        ask(tenant, [account(tenant, "aif-Hub-WEU")] * 51, ["InputTokens"])
    with pytest.raises(HttpResponseError, match="is not in subscription"):
        ask(tenant, [account(tenant, "aif-Hub-WEU"), account(tenant, "aoai-Tools-WEU")], ["InputTokens"])


def test_daily_cost_by_meter_and_resource_agrees_with_the_tokens(tenant, costs):
    agents = account(tenant, "aif-Agents-SWC")
    result = costs.query.usage(
        f"/subscriptions/{AGENTS}", question("2026-08-10", "2026-08-10", "Meter", "ResourceId"), **PLAIN
    )

    rows = {(row["meter"], row["resourceid"].lower()): row for row in records(result)}
    row = rows["gpt 4.1 Inp glbl Tokens", agents.id.lower()]
    tokens = agents.deployments[0].load.tokens_in[7 * 288 : 8 * 288].sum()
    assert row["usagedate"] == 20260810
    assert row["usagequantity"] == pytest.approx(tokens / 1000)
    assert row["cost"] == pytest.approx(tokens / 1000 * 0.002)
    assert row["currency"] == "USD"


def test_the_cost_of_a_day_comes_late_and_moves(tenant, costs):
    def seen(now: datetime) -> float | None:
        tenant.set_clock(now)
        result = costs.query.usage(f"/subscriptions/{AGENTS}", question("2026-08-11", "2026-08-11"), **PLAIN)
        return result.rows and sum(row["cost"] for row in records(result)) if result else None

    day = datetime(2026, 8, 11, tzinfo=UTC)
    early, first, settled = (seen(day + timedelta(hours=hours)) for hours in (6, 34, 96))
    assert early is None
    assert first is not None
    assert settled is not None
    assert first < settled


def test_column_order_and_spelling_differ_and_ids_change_their_case(tenant, costs):
    body = question("2026-08-10", "2026-08-30", "Meter", "ResourceId")
    scopes = [f"/subscriptions/{one}" for one in (AGENTS, PLATFORM, SANDBOX)]
    results = [costs.query.usage(scope, body, **PLAIN) for scope in scopes]

    assert len({tuple(column.name for column in result.columns) for result in results}) > 1
    ids = {row["resourceid"] for row in records(results[0])}
    assert len(ids) > len({one.lower() for one in ids})


def test_the_service_name_changed_in_between(tenant, costs):
    query = question("2026-08-10", "2026-08-24", "ServiceName")
    result = costs.query.usage(f"/subscriptions/{AGENTS}", query, **PLAIN)

    names = {row["usagedate"]: row["servicename"] for row in records(result)}
    assert names[20260816] == "Cognitive Services"
    assert names[20260817] == "Foundry Models"


def test_pages_of_cost_follow_the_next_link_with_the_same_body(tenant, costs):
    tenant.set_options(cost_page=7)
    body = question("2026-08-10", "2026-08-11", "Meter", "ResourceId")
    result = costs.query.usage(f"/subscriptions/{AGENTS}", body, **PLAIN)
    rows, link = list(result.rows), result.next_link
    while link:
        page = costs.send_request(HttpRequest("POST", link, json=body), **PLAIN).json()["properties"]
        rows, link = rows + page["rows"], page["nextLink"]

    tenant.set_options()
    assert rows == costs.query.usage(f"/subscriptions/{AGENTS}", body, **PLAIN).rows
    assert len(rows) > 14


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grouping": [{"type": "Dimension", "name": "MeterName"}]}, "Invalid dimension 'MeterName'"),
        ({"grouping": [{"type": "Dimension", "name": "Meter"}] * 3}, "at most 2 groupings"),
        ({"aggregation": {"a": {"name": "Cost", "function": "Average"}}}, "is not supported"),
        ({"filter": {"and": [{"dimensions": {}}]}}, "two conditions or more"),
    ],
    ids=["MeterName", "three groupings", "average", "and of one"],
)
def test_what_cost_management_refuses_is_a_400(costs, change, said):
    with pytest.raises(HttpResponseError, match=said) as refused:
        costs.query.usage(f"/subscriptions/{AGENTS}", question("2026-08-10", "2026-08-11", **change), **PLAIN)
    assert refused.value.status_code == 400


def test_a_fifth_cost_query_in_a_minute_is_throttled_when_that_is_switched_on(tenant, costs):
    tenant.set_options(cost_throttle=True)
    scope, body = f"/subscriptions/{SANDBOX}", question("2026-08-10", "2026-08-11")
    for _ in range(4):
        costs.query.usage(scope, body, **PLAIN)
    with pytest.raises(HttpResponseError) as refused:
        costs.query.usage(scope, body, **PLAIN)

    answer: Any = refused.value.response
    assert refused.value.status_code == 429
    assert int(answer.headers["x-ms-ratelimit-microsoft.costmanagement-entity-retry-after"]) == 60
    tenant.set_clock(NOW + timedelta(seconds=61))
    assert costs.query.usage(scope, body, **PLAIN) is not None


def test_a_fault_strikes_as_often_as_it_was_told(tenant):
    tenant.set_faults([{"path_contains": "getBatch", "status": 529, "times": 1}])
    hub = [account(tenant, "aif-Hub-WEU")]

    with pytest.raises(HttpResponseError) as refused:
        ask(tenant, hub, ["InputTokens"])
    assert refused.value.status_code == 529
    assert ask(tenant, hub, ["InputTokens"])


def test_a_fault_may_end_the_connection_or_refuse_the_token(tenant):
    header = {"Authorization": "Bearer simulated"}
    tenant.set_faults([{"path_contains": "/subscriptions", "cut": True, "times": 1}])
    with pytest.raises(requests.ConnectionError):
        requests.get(tenant.url + "/subscriptions", headers=header, timeout=5)

    tenant.set_faults([{"path_contains": "query", "status": 401}])
    with (
        CostManagementClient(FixedToken(), base_url=tenant.arm) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.query.usage(f"/subscriptions/{AGENTS}", question("2026-08-10", "2026-08-11"), **PLAIN)


def test_requests_are_counted_by_route_and_the_client_type_is_kept(tenant, costs):
    before = tenant.requests()["counts"].get("costs", 0)
    body = question("2026-08-10", "2026-08-11")
    head: dict[str, Any] = {"headers": {"ClientType": "Meterwatch"}}
    costs.query.usage(f"/subscriptions/{AGENTS}", body, **head, **PLAIN)

    seen = tenant.requests()
    assert seen["counts"]["costs"] == before + 1
    assert seen["recent"][-1]["client_type"] == "Meterwatch"


def test_controls_that_are_wrong_say_so(tenant):
    with pytest.raises(ValueError, match="status"):
        tenant.set_faults([{"status": "many"}])
    with pytest.raises(ValueError, match="unknown field"):
        tenant.set_options(pages=3)
