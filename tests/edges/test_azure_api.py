"""Azure's APIs through the real SDK clients, against the simulated tenant over HTTP."""

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ServiceRequestError
from azure.identity import CredentialUnavailableError

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Throttled, Unreachable
from shared.edges.azure_api import LONGEST_WAIT, AzureApi, longest_wait
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

    with pytest.raises(SourceFault) as raised:
        asked_of(azure, tenant, part)

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

    with pytest.raises(Unreachable, match=r"another host: elsewhere\.example"):
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


SECRET = "nobody-may-see-this"


@pytest.fixture
def elsewhere():
    """Another host, and the headers of all that was sent there."""
    seen: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_GET = do_POST

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_page_of_cost_on_another_host_is_not_asked_for(azure, tenant, elsewhere):
    address, seen = elsewhere
    properties = {"columns": [], "rows": [], "nextLink": f"{address}/more?token={SECRET}"}
    tenant.set_faults([{"path_contains": "query", "status": 200, "body": {"properties": properties}}])

    with pytest.raises(Unreachable, match="another host") as raised:
        azure.costs(scope_of(tenant), tenant.estate.live - 24 * HOUR, tenant.estate.live)

    assert seen == []
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("part", ["accounts", "query", "getBatch"])
def test_a_redirect_to_another_host_does_not_take_our_token_along(azure, tenant, elsewhere, part):
    address, seen = elsewhere
    # The same machine by its other name: for a client that is another host.
    location = address.replace("127.0.0.1", "localhost")
    tenant.set_faults([{"path_contains": part, "status": 307, "headers": {"Location": location}}])

    with pytest.raises(Unreachable):
        asked_of(azure, tenant, part)

    assert all("authorization" not in headers for headers in seen)


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://management.azure.com/subscriptions?page=2", True),
        ("https://management.azure.com:443/subscriptions?page=2", True),
        ("https://MANAGEMENT.azure.com/subscriptions?page=2", True),
        (None, True),
        ("http://management.azure.com/subscriptions", False),
        ("https://management.azure.com:8443/subscriptions", False),
        ("https://management.azure.com.elsewhere.example/subscriptions", False),
        ("https://management.azure.com@elsewhere.example/subscriptions", False),
        ("//elsewhere.example/subscriptions", False),
        ("/subscriptions", False),
        ("https://[", False),
        ("https://management.azure.com:port/", False),
        (5, False),
        (["https://management.azure.com/"], False),
    ],
)
def test_only_a_link_to_the_same_host_is_followed(link, followed):
    api = AzureApi(SimulatedLogin(), "https://management.azure.com", "")
    if followed:
        assert api._next("a list", {"nextLink": link}) == (link or "")
        return
    with pytest.raises(Unreachable, match="a list: the next page is on another host"):
        api._next("a list", {"nextLink": link})


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
        azure.metrics(region, ["/subscriptions/1/x"], NAMES, ["A"], *[datetime.now(UTC)] * 2, HOUR)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 60),
        ({"Retry-After": "-5"}, 60),
        ({"Retry-After": "9" * 40}, LONGEST_WAIT.total_seconds()),
        ({"x-ms-ratelimit-microsoft.consumption-retry-after": "90", "retry-after": "5"}, 90),
        ({"x-ms-ratelimit-remaining-microsoft.costmanagement-entity-requests": "500"}, 60),
    ],
    ids=["nothing said", "seconds", "a date", "below zero", "beyond belief", "the longest", "no wait"],
)
def test_the_wait_that_headers_ask_for(headers, seconds):
    assert longest_wait(headers) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("part", "status"), [("accounts", 429), ("query", 429), ("getBatch", 529)])
def test_no_wait_is_spent_inside_a_function(azure, tenant, part, status):
    tenant.set_faults([{"path_contains": part, "status": status, "headers": {"Retry-After": "3600"}}])
    before = tenant.requests()["counts"].get("fault", 0)

    with pytest.raises(Throttled):
        asked_of(azure, tenant, part)

    assert tenant.requests()["counts"]["fault"] - before == 1


@pytest.mark.parametrize("part", ["accounts", "query", "getBatch"])
@pytest.mark.parametrize(
    "message",
    [
        f"see https://host.example/path?sig={SECRET}&x=1",
        f"the token Bearer {SECRET} is no good",
        f"the token eyJ{SECRET} is no good",
    ],
    ids=["in a URL", "in a header", "by itself"],
)
def test_no_secret_that_azure_repeats_is_shown(azure, tenant, part, message):
    body = {"error": {"code": "Odd", "message": message}}
    tenant.set_faults([{"path_contains": part, "status": 403, "body": body}])

    with pytest.raises(NotPermitted, match="Odd") as raised:
        asked_of(azure, tenant, part)

    assert SECRET not in str(raised.value)


def test_no_secret_in_the_words_of_a_login_is_shown(tenant):
    error = ClientAuthenticationError(message=f"AADSTS7000215 at https://login.example/t?secret={SECRET}")

    with pytest.raises(SignInFault, match="AADSTS7000215") as raised:
        AzureApi(NobodySignedIn(error), tenant.arm, tenant.metrics).subscriptions()

    assert SECRET not in str(raised.value)


def test_a_login_that_cannot_be_reached_is_no_missing_login(tenant):
    azure = AzureApi(NobodySignedIn(ServiceRequestError("no route")), tenant.arm, tenant.metrics)

    with pytest.raises(Unreachable, match="ARM list /subscriptions: ServiceRequestError"):
        azure.subscriptions()


def asked_of(azure: AzureApi, tenant: Any, part: str) -> object:
    """The question that is answered at a path with `part` in it."""
    now = tenant.estate.live
    if part == "accounts":
        return azure.accounts(tenant.estate.subscriptions[0].id)
    if part == "query":
        return azure.costs(scope_of(tenant), now - 24 * HOUR, now)
    return ask_metrics(azure, tenant)
