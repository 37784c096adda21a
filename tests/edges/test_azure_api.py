"""Azure's APIs through the real SDK clients, against the simulated tenant over HTTP."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.core.faults import (
    NotPermitted,
    NotThere,
    SourceFault,
    Throttled,
    UnknownMetrics,
    Unreachable,
)
from shared.core.model import Period
from shared.edges.azure_api import AzureApi
from shared.edges.azure_clients import Endpoints
from shared.edges.simulated_login import SimulatedLogin
from shared.formats import cost_query, retail_prices
from shared.formats.metric_names import BY_DEPLOYMENT, MetricQuery
from sim.consumers import WORKSPACE
from sim.process import running_tenant

HOUR = timedelta(hours=1)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
QUERY = BY_DEPLOYMENT.query
GROUP = "mg-contoso"
LOG_QUERY = """ApiManagementGatewayLlmLog | join ApiManagementGatewayLogs on CorrelationId
| summarize PromptTokens = sum(PromptTokens) by DeploymentName, bin(TimeGenerated, 5m)"""


@pytest.fixture(scope="module")
def tenant():
    with running_tenant() as running:
        yield running


@pytest.fixture(autouse=True)
def _calm(tenant):
    tenant.set_clock(tenant.estate.live)
    yield
    tenant.set_scenario("calm")


@pytest.fixture
def azure(tenant):
    return AzureApi(SimulatedLogin(), Endpoints(tenant.arm, tenant.metrics, tenant.logs, tenant.prices))


def account_of(tenant, name):
    return next(one.id.lower() for one in tenant.estate.accounts if one.plan.name == name)


def scope_of(tenant):
    return f"/subscriptions/{tenant.estate.subscriptions[0].id}"


def ask_metrics(azure, tenant, query=QUERY, span=HOUR):
    now = tenant.estate.live
    account = account_of(tenant, "aif-Hub-WEU")
    return azure.metrics("westeurope", [account], query, Period(now - span, now), timedelta(minutes=5))


def cost_pages(azure, tenant, start, end):
    question = cost_query.question(Period(start, end))
    pages = [azure.cost_page(scope_of(tenant), question)]
    while link := cost_query.next_link(pages[-1]):
        pages.append(azure.cost_page(scope_of(tenant), question, link))
    return pages


def test_all_subscriptions_accounts_and_deployments_are_found_page_by_page(azure, tenant):
    estate = tenant.estate
    found = {
        subscription: {
            item["name"]: {one["name"] for one in azure.deployments(item["id"].lower())}
            for item in azure.accounts(subscription)
        }
        for subscription in azure.subscriptions()
    }

    expected = {
        plan.id: {
            account.plan.name: {one.plan.name for one in account.deployments if one.created <= estate.live}
            for account in estate.accounts
            if account.subscription == plan.id
        }
        for plan in estate.subscriptions
    }
    assert found == expected


def test_every_page_of_cost_is_followed_and_counts_once(azure, tenant):
    now = tenant.estate.live
    whole = cost_query.parse(cost_pages(azure, tenant, now - 20 * 24 * HOUR, now), now)
    tenant.set_options(cost_page=7)
    before = tenant.requests()["counts"]["costs"]
    paged = cost_query.parse(cost_pages(azure, tenant, now - 20 * 24 * HOUR, now), now)

    assert tenant.requests()["counts"]["costs"] - before > 5
    assert paged.readings == whole.readings
    assert whole.odd == ()


def test_every_page_of_cost_is_asked_for_in_our_own_name(azure, tenant):
    now = tenant.estate.live
    tenant.set_options(cost_page=50)
    cost_pages(azure, tenant, now - 10 * 24 * HOUR, now)

    asked = [
        one for one in tenant.requests()["recent"] if one["path"].lower().endswith("costmanagement/query")
    ]
    assert len(asked) > 1
    assert {one["client_type"] for one in asked} == {"Meterwatch"}


def test_a_scope_without_cost_has_no_pages(azure, tenant):
    start = tenant.estate.end + 400 * 24 * HOUR

    assert cost_query.parse(cost_pages(azure, tenant, start, start + 24 * HOUR), start).readings == ()


def test_no_series_is_cut_where_the_default_would_cut_some(azure, tenant):
    query = MetricQuery(("ModelRequests",), ("ModelDeploymentName", "StatusCode"))
    answer = ask_metrics(azure, tenant, query, span=24 * HOUR)

    (metric,) = answer["values"][0]["value"]
    assert len(metric["timeseries"]) > 10  # the default that Azure cuts at


def test_the_longest_of_all_waits_that_cost_management_asks_for_is_kept(azure, tenant):
    headers = {
        "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "20",
        "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after": "75",
        "Retry-After": "3",
    }
    tenant.set_faults([{"path_contains": "query", "status": 429, "headers": headers, "times": 9}])

    with pytest.raises(Throttled) as throttled:
        cost_pages(azure, tenant, tenant.estate.live - 24 * HOUR, tenant.estate.live)

    assert throttled.value.after == timedelta(seconds=75)


def test_metrics_throttle_by_529(azure, tenant):
    tenant.set_faults([{"path_contains": "getBatch", "status": 529, "times": 9}])

    with pytest.raises(Throttled) as throttled:
        ask_metrics(azure, tenant)

    assert throttled.value.after == timedelta(seconds=60)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 401}, NotPermitted),
        ({"status": 403}, NotPermitted),
        ({"status": 404}, NotThere),
        ({"status": 400}, NotThere),
        ({"status": 500}, Unreachable),
        ({"status": 503}, Unreachable),
        ({"cut": True}, Unreachable),
        ({"status": 200, "body": "<html>a proxy</html>"}, Unreachable),
        ({"status": 200, "body": '{"value": ['}, Unreachable),
        ({"status": 200, "body": "[1, 2]"}, Unreachable),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else value.__name__,
)
@pytest.mark.parametrize("part", ["accounts", "query", "getBatch"])
def test_every_failure_becomes_a_fault_in_our_words(azure, tenant, part, fault, expected):
    tenant.set_faults([{"path_contains": part, "times": 9, **fault}])

    with pytest.raises(SourceFault) as raised:
        asked_of(azure, tenant, part)

    assert type(raised.value) is expected
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_projects_and_resource_groups_are_listed(azure, tenant):
    account = account_of(tenant, "aif-Hub-WEU")
    subscription = account.split("/")[2]

    assert azure.projects(account)
    groups = {one["name"].lower() for one in azure.resource_groups(subscription)}
    assert account.split("/")[4] in groups


def test_the_subscriptions_under_a_management_group_are_found(azure, tenant):
    assert set(azure.subscriptions_under(GROUP)) <= set(azure.subscriptions())
    assert azure.subscriptions_under(GROUP)


def test_native_budgets_and_the_alerts_they_raised_are_listed(azure, tenant):
    scopes = [f"/subscriptions/{plan.id}" for plan in tenant.estate.subscriptions]
    budgets = [one for scope in scopes for one in azure.budgets(scope)]
    alerts = [one for scope in scopes for one in azure.cost_alerts(scope)]

    assert all(one["properties"]["amount"] > 0 for one in budgets)
    assert budgets
    assert all("properties" in one for one in alerts)


def test_an_account_exists_until_azure_says_that_it_is_gone(azure, tenant):
    account = account_of(tenant, "aif-Hub-WEU")
    assert azure.exists(account)
    tenant.remove(account)
    assert not azure.exists(account)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ({"status": 404, "body": "<html>no such page</html>"}, NotThere),
        ({"status": 404, "body": {"error": {"code": "SubscriptionNotFound", "message": "Where?"}}}, NotThere),
        ({"status": 400}, NotThere),
        ({"status": 403}, NotPermitted),
        ({"status": 200, "body": {"value": []}}, Unreachable),
        ({"status": 204, "body": ""}, Unreachable),
    ],
    ids=["a page", "no subscription", "a mistake", "no role", "a list", "nothing"],
)
def test_what_is_not_said_to_be_gone_by_azure_is_not_gone(azure, tenant, fault, raised):
    account = account_of(tenant, "aif-Hub-WEU")
    tenant.set_faults([{"path_contains": "aif-hub-weu", **fault}])

    with pytest.raises(raised):
        azure.exists(account)


def test_a_log_query_answers_its_rows_by_column(azure, tenant):
    now = tenant.estate.live
    rows = azure.logs(WORKSPACE, LOG_QUERY, Period(now - 2 * HOUR, now - HOUR))

    assert rows
    assert set(rows[0]) >= {"TimeGenerated", "DeploymentName", "PromptTokens"}


def test_a_part_of_a_log_is_no_answer(azure, tenant):
    tenant.set_options(logs_partial=True)
    now = tenant.estate.live

    with pytest.raises(Unreachable, match=r"only a part of the answer came \(PartialError\)"):
        azure.logs(WORKSPACE, LOG_QUERY, Period(now - 2 * HOUR, now - HOUR))


def test_prices_come_page_by_page_and_without_a_token(azure, tenant):
    tenant.set_options(prices_page=7)
    question = retail_prices.questions("westeurope", "USD")[0]
    page = azure.price_page(question)
    following = azure.price_page(question, page["NextPageLink"])

    assert len(page["Items"]) == 7
    assert following["Items"]
    assert following["Items"] != page["Items"]


@pytest.mark.parametrize(
    ("role", "part", "words"),
    [
        ("Reader", "accounts", "assign Reader on /subscriptions/"),
        ("Cost Management Reader", "query", "assign Cost Management Reader on it"),
        ("Monitoring Reader", "getBatch", "assign Monitoring Reader on subscription "),
    ],
)
def test_a_missing_role_is_named_with_its_scope(azure, tenant, role, part, words):
    tenant.take_role(role)

    with pytest.raises(NotPermitted) as raised:
        asked_of(azure, tenant, part)

    assert words in str(raised.value)


def test_a_list_whose_pages_never_end_is_given_up(azure, tenant):
    body = json.dumps({"value": [], "nextLink": f"{tenant.arm}/subscriptions?page=again"})
    tenant.set_faults([{"path_contains": "/subscriptions", "status": 200, "body": body}])

    with pytest.raises(Unreachable, match="more than 500 pages"):
        azure.subscriptions()


def test_a_metric_that_the_region_does_not_know_is_named(azure, tenant):
    with pytest.raises(UnknownMetrics, match="NoSuchMetric") as raised:
        ask_metrics(azure, tenant, MetricQuery(("ModelRequests", "NoSuchMetric"), ("ModelDeploymentName",)))

    assert raised.value.names == {"nosuchmetric"}


def test_the_period_of_cost_is_closed_where_ours_is_half_open(azure, tenant):
    end = datetime(2026, 8, 20, tzinfo=UTC)
    pages = cost_pages(azure, tenant, end - 24 * HOUR, end)

    days = {one.start for one in cost_query.parse(pages, tenant.estate.live).readings}
    assert days == {end - 24 * HOUR}


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("accounts", {}),
        ("accounts", {"value": None}),
        ("accounts", {"value": {"id": 1}}),
        ("query", {}),
        ("query", {"properties": None}),
        ("query", {"properties": "none"}),
        ("query", {"properties": {"columns": [], "rows": None}}),
        ("query", {"properties": {"columns": 5, "rows": []}}),
        ("getBatch", {}),
        ("getBatch", {"values": None}),
        ("getBatch", {"values": "none"}),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
def test_an_answer_without_its_list_is_no_empty_one(azure, tenant, part, body):
    tenant.set_faults([{"path_contains": part, "status": 200, "body": body}])

    with pytest.raises(Unreachable, match="an answer that makes no sense"):
        asked_of(azure, tenant, part)


@pytest.mark.parametrize("region", ["", "west europe", "elsewhere.example/", "x@y", "a.b"])
def test_what_is_no_region_becomes_no_host(azure, region):
    with pytest.raises(NotThere, match="no region"):
        azure.metrics(region, ["/subscriptions/1/x"], QUERY, Period(NOON, NOON + HOUR), HOUR)


@pytest.mark.parametrize(("part", "status"), [("accounts", 429), ("query", 429), ("getBatch", 529)])
def test_no_wait_is_spent_inside_a_function(azure, tenant, part, status):
    tenant.set_faults([{"path_contains": part, "status": status, "headers": {"Retry-After": "3600"}}])
    before = tenant.requests()["counts"].get("fault", 0)

    with pytest.raises(Throttled):
        asked_of(azure, tenant, part)

    assert tenant.requests()["counts"]["fault"] - before == 1


def asked_of(azure: AzureApi, tenant: Any, part: str) -> object:
    """The question that is answered at a path with `part` in it."""
    now = tenant.estate.live
    if part == "accounts":
        return azure.accounts(tenant.estate.subscriptions[0].id)
    if part == "query":
        return cost_pages(azure, tenant, now - 24 * HOUR, now)
    return ask_metrics(azure, tenant)
