"""What is sent to Azure's APIs and where, and what becomes of an answer that is none."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)

from shared.core.faults import NotPermitted, Throttled, Unreachable
from shared.core.model import Period
from shared.edges.azure_api import AzureApi
from shared.edges.azure_call import how_lost, refuse_elsewhere
from shared.edges.azure_clients import PUBLIC, Endpoints, audience
from shared.edges.simulated_login import SimulatedLogin
from shared.formats.azure_errors import Asked
from shared.formats.azure_meanings import Api
from shared.formats.metric_names import MetricQuery
from tests.loopback import Told, loopback

HOUR = timedelta(hours=1)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
ASKED = Period(NOON, NOON + HOUR)
SECRET = "nobody-may-see-this"
SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
SCOPE = f"/subscriptions/{SUBSCRIPTION}"
ACCOUNT = f"{SCOPE}/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/a"
QUERY = MetricQuery(("InputTokens",), ("ModelDeploymentName",))

QUESTIONS = {
    "subscriptions": lambda api: api.subscriptions(),
    "subscriptions under a group": lambda api: api.subscriptions_under("ai"),
    "resource groups": lambda api: api.resource_groups(SUBSCRIPTION),
    "accounts": lambda api: api.accounts(SUBSCRIPTION),
    "deployments": lambda api: api.deployments(ACCOUNT),
    "projects": lambda api: api.projects(ACCOUNT),
    "cost": lambda api: api.cost_page(SCOPE, {}),
    "budgets": lambda api: api.budgets(SCOPE),
    "alerts": lambda api: api.cost_alerts(SCOPE),
    "metrics": lambda api: api.metrics("westeurope", [ACCOUNT], QUERY, ASKED, HOUR),
    "logs": lambda api: api.logs("W", "T", ASKED),
    "prices": lambda api: api.price_page({}),
    "whether it exists": lambda api: api.exists(ACCOUNT),
}
LISTED = ("subscriptions", "subscriptions under a group", "resource groups", "accounts", "deployments",
          "projects", "budgets", "alerts")  # fmt: skip
each_question = pytest.mark.parametrize("question", QUESTIONS)


def api_at(url):
    return AzureApi(SimulatedLogin(), Endpoints(url, url + "/{region}", url, url))


def answered(question, told):
    """What the API makes of one answer to one question."""
    with loopback(lambda request: told) as server:
        return QUESTIONS[question](api_at(server.url))


@each_question
def test_a_question_asks_once_and_says_who_asks(question):
    with loopback(lambda request: Told(429, headers={"Retry-After": "3600"})) as server:
        with pytest.raises(Throttled) as throttled:
            QUESTIONS[question](api_at(server.url))
        (heard,) = server.heard

    assert throttled.value.after == timedelta(hours=1)
    assert heard.headers.get("authorization", "") == ("" if question == "prices" else "Bearer simulated")


@each_question
@pytest.mark.parametrize(
    "told",
    [
        Told(200, b""),
        Told(200, b'{"value": ['),
        Told(200, [1, 2]),
        Told(200, "text"),
        Told(200, {}),
        Told(200, b"<html>a proxy</html>", {"Content-Type": "text/html"}),
        Told(500, b"{", {"Content-Type": "application/json"}),
        Told(502, b"<html>a proxy</html>", {"Content-Type": "text/html"}),
        Told(307, b"", {"Location": "http://localhost:1/elsewhere"}),
    ],
    ids=["nothing", "cut off", "a list", "a text", "empty", "a page", "trouble cut off", "gateway", "away"],
)  # fmt: skip
def test_an_answer_that_is_none_is_a_fault_on_one_line(question, told):
    with pytest.raises(Unreachable) as raised:
        answered(question, told)

    assert len(str(raised.value).splitlines()) == 1
    assert "localhost" not in str(raised.value)
    assert raised.value.__cause__ is None


@each_question
def test_nobody_listening_is_a_fault(question):
    with loopback(lambda request: Told()) as server:
        pass
    with pytest.raises(Unreachable, match="cannot be reached"):
        QUESTIONS[question](api_at(server.url))


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (ServiceRequestError(""), "cannot be reached"),
        (ServiceRequestTimeoutError(""), "no answer in time"),
        (ServiceResponseError(""), "the connection was cut"),
        (ServiceResponseTimeoutError(""), "no answer in time"),
        (AzureError(""), "no answer"),
    ],
)
def test_how_a_call_was_lost_is_said_in_words(lost, words):
    assert how_lost(lost) == f"{words} ({type(lost).__name__})"


@pytest.mark.parametrize("question", [one for one in QUESTIONS if one != "whether it exists"])
@pytest.mark.parametrize(
    "told", [Told(204), Told(404, {"error": {"code": "SubscriptionHasNoUsages", "message": ""}})]
)
def test_no_data_is_an_empty_answer(question, told):
    if question == "prices":  # a list without prices is no list
        with pytest.raises(Unreachable):
            answered(question, told)
        return
    assert answered(question, told) in ([], {}, {"values": []})


@pytest.mark.parametrize("question", LISTED)
def test_items_of_a_list_that_are_no_objects_are_left_out(question):
    assert answered(question, Told(200, {"value": [None, 5, "x", []]})) == []


@each_question
@pytest.mark.parametrize(
    "message",
    [
        f"see https://host.example/path?sig={SECRET}&x=1",
        f"see /more?$skiptoken={SECRET}",
        f"the token Bearer {SECRET} is no good",
        f"the token eyJ{SECRET} is no good",
        f"the body client_secret={SECRET}",
    ],
    ids=["in a URL", "in a path", "in a header", "by itself", "in a form"],
)
def test_no_secret_that_azure_repeats_is_shown(question, message):
    told = Told(403, {"error": {"code": "Odd", "message": message}})

    with pytest.raises(NotPermitted, match="Odd") as raised:
        answered(question, told)

    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("question", LISTED)
def test_a_page_on_another_host_is_not_sent_our_token(question):
    with loopback(lambda request: Told(200, {"value": []})) as elsewhere:
        link = f"{elsewhere.url}/more?$skiptoken={SECRET}"
        with pytest.raises(Unreachable, match="the next page is on another host") as raised:
            answered(question, Told(200, {"value": [], "nextLink": link}))

    assert elsewhere.heard == []
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("page", [lambda api, link: api.cost_page(SCOPE, {}, link),
                                  lambda api, link: api.price_page({}, link)],
                         ids=["cost", "prices"])  # fmt: skip
def test_a_page_of_rows_on_another_host_is_not_asked_for(page):
    with loopback(lambda request: Told(200, {})) as elsewhere, loopback(lambda request: Told()) as server:
        with pytest.raises(Unreachable, match="another host") as raised:
            page(api_at(server.url), f"{elsewhere.url}/more?$skiptoken={SECRET}")
        assert elsewhere.heard == server.heard == []

    assert SECRET not in str(raised.value)


def test_the_pages_of_cost_are_asked_for_with_the_same_question():
    rows: dict[str, Any] = {"properties": {"columns": [], "rows": [], "nextLink": None}}
    with loopback(lambda request: Told(200, rows)) as server:
        api = api_at(server.url)
        api.cost_page(SCOPE, {"type": "ActualCost"})
        api.cost_page(SCOPE, {"type": "ActualCost"}, f"{server.url}/more?$skiptoken=1")

    assert [json.loads(heard.body) for heard in server.heard] == [{"type": "ActualCost"}] * 2
    assert [heard.headers["clienttype"] for heard in server.heard] == ["Meterwatch"] * 2
    assert "$top=5000" in server.heard[0].path


@each_question
def test_a_redirect_is_not_followed(question):
    with loopback(lambda request: Told(200, {"value": []})) as elsewhere:
        away = Told(307, b"", {"Location": elsewhere.url})
        with pytest.raises(Unreachable, match="307"):
            answered(question, away)

        assert elsewhere.heard == []


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://management.azure.com/subscriptions?page=2", True),
        ("https://management.azure.com:443/subscriptions?page=2", True),
        ("https://MANAGEMENT.azure.com/subscriptions?page=2", True),
        ("http://management.azure.com/subscriptions", False),
        ("https://management.azure.com:8443/subscriptions", False),
        ("https://management.azure.com.elsewhere.example/subscriptions", False),
        ("https://management.azure.com@elsewhere.example/subscriptions", False),
        ("//elsewhere.example/subscriptions", False),
        ("/subscriptions", False),
        ("https://[", False),
        ("https://management.azure.com:port/", False),
        ("5", False),
    ],
)
def test_only_a_link_to_the_same_host_is_followed(link, followed):
    asked = Asked(Api.ARM, "a list", "")
    if followed:
        refuse_elsewhere(asked, link, PUBLIC.arm)
        return
    with pytest.raises(Unreachable, match="a list: the next page is on another host"):
        refuse_elsewhere(asked, link, PUBLIC.arm)


@pytest.mark.parametrize(
    ("endpoint", "public", "token_is_for"),
    [
        (PUBLIC.arm, PUBLIC.arm, "https://management.azure.com"),
        ("https://management.usgovcloudapi.net", PUBLIC.arm, "https://management.usgovcloudapi.net"),
        ("https://api.loganalytics.us", PUBLIC.logs, "https://api.loganalytics.us"),
        ("http://127.0.0.1:8080", PUBLIC.arm, "https://management.azure.com"),
        ("http://[::1]:8080/{region}", PUBLIC.metrics, PUBLIC.metrics),
    ],
)
def test_a_token_is_for_the_cloud_of_the_endpoint(endpoint, public, token_is_for):
    assert audience(endpoint, public) == token_is_for


class Remembering(SimulatedLogin):
    """A login that remembers what its tokens were wanted for."""

    def __init__(self):
        self.scopes = []

    def get_token_info(self, *scopes, **options):
        self.scopes += scopes
        return super().get_token_info(*scopes, **options)


def test_each_api_of_a_sovereign_cloud_gets_a_token_of_its_own():
    login = Remembering()
    cloud = "https://{}.invalid"
    api = AzureApi(
        login, Endpoints(cloud.format("arm"), "https://{region}.metrics.invalid", cloud.format("logs"))
    )
    for question in ("accounts", "metrics", "logs"):
        with pytest.raises(Unreachable):
            QUESTIONS[question](api)

    assert login.scopes == [
        "https://arm.invalid/.default",
        "https://metrics.invalid/.default",
        "https://logs.invalid/.default",
    ]


def test_no_token_goes_over_plain_http_to_another_machine():
    login = Remembering()
    api = AzureApi(login, Endpoints("http://192.0.2.1:8080"))

    with pytest.raises(Unreachable):
        api.accounts(SUBSCRIPTION)

    assert login.scopes == []
