"""Azure's APIs through the real SDK clients, against the simulated tenant over HTTP."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CredentialUnavailableError

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Throttled, Unreachable
from shared.edges.azure_api import AzureApi
from shared.edges.simulated_login import SimulatedLogin
from shared.formats import cost_query, token_metrics
from sim.process import running_tenant

HOUR = timedelta(hours=1)
NAMES = token_metrics.names_of(token_metrics.BY_DEPLOYMENT)


@pytest.fixture(scope="module")
def tenant():
    with running_tenant() as running:
        yield running


@pytest.fixture(autouse=True)
def _calm(tenant):
    tenant.set_clock(tenant.estate.live)
    yield
    tenant.set_faults([])
    tenant.set_options()


@pytest.fixture
def azure(tenant):
    return AzureApi(SimulatedLogin(), tenant.arm, tenant.metrics)


def account_of(tenant, name):
    return next(one.id.lower() for one in tenant.estate.accounts if one.plan.name == name)


def scope_of(tenant):
    return f"/subscriptions/{tenant.estate.subscriptions[0].id}"


def ask_metrics(azure, tenant, names=NAMES, dimensions=("ModelDeploymentName",), span=HOUR):
    now = tenant.estate.live
    account = account_of(tenant, "aif-Hub-WEU")
    return azure.metrics("westeurope", [account], names, dimensions, now - span, now, timedelta(minutes=5))


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
    whole = cost_query.parse(azure.costs(scope_of(tenant), now - 20 * 24 * HOUR, now), now)
    tenant.set_options(cost_page=7)
    before = tenant.requests()["counts"]["costs"]
    paged = cost_query.parse(azure.costs(scope_of(tenant), now - 20 * 24 * HOUR, now), now)

    assert tenant.requests()["counts"]["costs"] - before > 5
    assert paged.readings == whole.readings
    assert whole.odd == ()


def test_every_page_of_cost_is_asked_for_in_our_own_name(azure, tenant):
    now = tenant.estate.live
    tenant.set_options(cost_page=50)
    azure.costs(scope_of(tenant), now - 10 * 24 * HOUR, now)

    asked = [
        one for one in tenant.requests()["recent"] if one["path"].lower().endswith("costmanagement/query")
    ]
    assert len(asked) > 1
    assert {one["client_type"] for one in asked} == {"Meterwatch"}


def test_a_scope_without_cost_has_no_pages(azure, tenant):
    start = tenant.estate.end + 400 * 24 * HOUR

    assert cost_query.parse(azure.costs(scope_of(tenant), start, start + 24 * HOUR), start).readings == ()


def test_no_series_is_cut_where_the_default_would_cut_some(azure, tenant):
    dimensions = ("ModelDeploymentName", "StatusCode")
    answer = ask_metrics(azure, tenant, ["ModelRequests"], dimensions, span=24 * HOUR)

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
        azure.costs(scope_of(tenant), tenant.estate.live - 24 * HOUR, tenant.estate.live)

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
    now = tenant.estate.live
    ask = {
        "accounts": lambda: azure.accounts(tenant.estate.subscriptions[0].id),
        "query": lambda: azure.costs(scope_of(tenant), now - 24 * HOUR, now),
        "getBatch": lambda: ask_metrics(azure, tenant),
    }[part]

    with pytest.raises(SourceFault) as raised:
        ask()

    assert type(raised.value) is expected
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None


class NobodySignedIn:
    """A credential as `DefaultAzureCredential` is without a login."""

    def __init__(self, error):
        self.error = error

    def get_token_info(self, *scopes, **options):
        raise self.error

    get_token = get_token_info


@pytest.mark.parametrize("kind", [ClientAuthenticationError, CredentialUnavailableError])
def test_nobody_signed_in_is_said_as_such(tenant, kind):
    azure = AzureApi(
        NobodySignedIn(kind(message="no login\nand many more lines")), tenant.arm, tenant.metrics
    )

    with pytest.raises(SignInFault) as raised:
        azure.subscriptions()

    assert str(raised.value) == "no login"


def test_a_page_on_another_host_is_not_sent_our_token(azure, tenant):
    body = json.dumps({"value": [], "nextLink": "https://elsewhere.example/subscriptions?page=2"})
    tenant.set_faults([{"path_contains": "/subscriptions", "status": 200, "body": body, "times": 1}])

    with pytest.raises(Unreachable, match="another host: elsewhere"):
        azure.subscriptions()


def test_a_list_whose_pages_never_end_is_given_up(azure, tenant):
    body = json.dumps({"value": [], "nextLink": f"{tenant.arm}/subscriptions?page=again"})
    tenant.set_faults([{"path_contains": "/subscriptions", "status": 200, "body": body}])

    with pytest.raises(Unreachable, match="more than 500 pages"):
        azure.subscriptions()


def test_a_question_that_azure_refuses_names_what_it_said(azure, tenant):
    with pytest.raises(NotThere, match="NoSuchMetric"):
        ask_metrics(azure, tenant, ["NoSuchMetric"])


def test_the_period_of_cost_is_closed_where_ours_is_half_open(azure, tenant):
    end = datetime(2026, 8, 20, tzinfo=UTC)
    pages = azure.costs(scope_of(tenant), end - 24 * HOUR, end)

    days = {one.start for one in cost_query.parse(pages, tenant.estate.live).readings}
    assert days == {end - 24 * HOUR}
