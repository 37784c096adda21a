"""Who may call: the table of docs/security.md is that of the app, and each refusal in it is proven here."""

import json
import re
import sys
import time
from pathlib import Path

import pytest

from cli.run import environment_for
from shared.edges.sqlite import SqliteStore
from shared.formats import records
from tests.app_apart import app
from tests.formats.principals import ACTION_GROUPS, CLIENT, TENANT, V1, V2, of

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(GET|POST) /api/(\S+)` \|(.*)\|$", re.MULTILINE)
HEADER = "x-ms-client-principal"
ENTRA = {"METERWATCH_WEBHOOK_AUDIENCE": CLIENT, "METERWATCH_WEBHOOK_TENANT": TENANT}
PROTECTED = {"WEBSITE_AUTH_ENABLED": "True"}
ALERT = json.dumps(
    {
        "schemaId": "AIP Budget Notification",
        "data": {
            "SubscriptionId": "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01",
            "BudgetName": "ai",
            "SpendingAmount": "810",
            "Budget": "1000",
            "Unit": "USD",
            "NotificationThresholdAmount": "0.8",
        },
    }
)


def rows():
    return {(method, route): cells.split("|") for method, route, cells in ROW.findall(DOCUMENT)}


def routes(worker):
    triggers = [function.trigger for function in worker.functions.values()]
    return {
        (method, one["route"]): one["authLevel"]
        for one in triggers
        if one["type"] == "httpTrigger"
        for method in one["methods"]
    }


def test_the_document_has_every_route_and_no_other(worker):
    assert set(rows()) == set(routes(worker))


def test_every_row_names_a_test_that_is_here():
    named = {re.sub(r"[`\s]", "", cells[-1]) for cells in rows().values()}

    assert all(callable(globals().get(name)) for name in named), named


def test_the_platform_asks_for_a_key(worker):
    behind_a_key = {route for route, cells in rows().items() if "platform checks the key" in cells[1]}

    assert behind_a_key == {route for route, level in routes(worker).items() if level == "FUNCTION"}
    assert len(behind_a_key) >= 3


def test_every_route_without_a_key_is_known_to_be_so(worker):
    anonymous = {route for route, level in routes(worker).items() if level == "ANONYMOUS"}

    assert anonymous == {
        ("POST", "azure-alert-secure"),
        ("POST", "slack-action"),
        ("GET", "respond"),
        ("POST", "respond"),
        ("GET", "health"),
    }


def test_a_press_that_slack_did_not_sign_is_refused(worker):
    signed = {"x-slack-request-timestamp": str(int(time.time())), "x-slack-signature": f"v0={'0' * 64}"}

    for headers in ({}, signed, {**signed, "x-slack-request-timestamp": "rubbish"}):
        answer = worker.http("slack_action", "POST", headers=headers, body=b"payload=%7B%7D")
        assert (answer.returned.status, answer.outputs) == (401, {"nudges": []})


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_we_did_not_sign_is_refused(worker, method):
    for token in ("", "rubbish", "e30.c2ln"):
        answer = worker.http("respond", method, params={"t": token}, body=b"by=ann")
        assert (answer.returned.status, answer.outputs) == (401, {"nudges": []})


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("secure")


@pytest.fixture(scope="module")
def secure(tenant, kept):
    """The app as it is set up for the secure webhook, in a process of its own."""
    settings = {**environment_for(tenant, kept), **ENTRA, **PROTECTED}
    with app({name: value for name, value in settings.items() if name != "METERWATCH_WEBHOOK_AUTH"}) as call:
        yield lambda headers, function="azure_alert_secure": call(
            "http", function, "POST", headers=headers, body=ALERT
        )


@pytest.mark.parametrize("claims", [V1, V2], ids=["version 1", "version 2"])
def test_the_secure_webhook_takes_what_azures_action_groups_send(secure, claims):
    assert secure({HEADER: of(claims)}).returned.status == 202


OTHER = "12345678-0000-0000-0000-000000000000"
REFUSED = {
    "nobody": {},
    "a token that the platform did not check": {"authorization": "Bearer eyJ0eXAi.e30.c2ln"},
    "rubbish": {HEADER: "rubbish"},
    "another provider": {HEADER: of(V2, provider="google")},
    "another audience": {HEADER: of(V2, aud=OTHER)},
    "another tenant": {HEADER: of(V2, tid=OTHER)},
    "another app": {HEADER: of(V2, azp=OTHER)},
    "no role": {HEADER: of(V2, roles="")},
}


@pytest.mark.parametrize("caller", REFUSED)
def test_the_secure_webhook_refuses_who_is_not_azures_action_groups(secure, kept, caller):
    before = inbox(kept)

    answer = secure(REFUSED[caller])

    assert (answer.returned.status, answer.returned.body) == (401, "not allowed")
    assert answer.outputs == {"nudges": []}
    assert inbox(kept) == before


def inbox(folder):
    store = SqliteStore(folder / "meterwatch.db")
    try:
        return len(list(store.scan(records.INBOX)))
    finally:
        store.close()


def test_the_webhook_by_key_is_shut_unless_it_was_chosen(secure, kept):
    before = inbox(kept)

    answer = secure({"x-functions-key": "whatever", HEADER: of(V2)}, "azure_alert").returned

    assert (answer.status, answer.body) == (401, "not allowed")
    assert inbox(kept) == before


def test_the_secure_webhook_is_shut_where_the_key_was_chosen(worker):
    answer = worker.http("azure_alert_secure", "POST", headers={HEADER: of(V2)}, body=ALERT).returned

    assert (answer.status, answer.body) == (401, "not allowed")


@pytest.mark.parametrize("lacking", ["WEBSITE_AUTH_ENABLED", *ENTRA])
def test_the_secure_webhook_is_shut_while_it_is_not_set_up_whole(tmp_path, lacking):
    settings = {"METERWATCH_STORE": str(tmp_path / "a.db"), **ENTRA, **PROTECTED}
    with app({name: value for name, value in settings.items() if name != lacking}) as call:
        answer = call("http", "azure_alert_secure", "POST", headers={HEADER: of(V2)}, body=ALERT).returned

    assert (answer.status, answer.body) == (401, "not allowed")


def test_health_says_one_word_to_anybody(worker):
    answer = worker.http("health", "GET").returned

    assert (answer.status, answer.body) == (200, "alive")


def test_readiness_is_json_that_names_no_secret(worker):
    answer = worker.http("ready", "GET").returned

    assert answer.status in (200, 503)
    assert set(json.loads(answer.body)) == {"problems", "sources", "waiting", "dead", "queues"}
    assert answer.headers["content-type"].startswith("application/json")


def test_no_answer_is_kept_or_guessed_at(worker):
    for name, method in (("azure_alert", "POST"), ("azure_alert_secure", "POST"), ("health", "GET")):
        headers = worker.http(name, method, body="<script>").returned.headers

        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_the_callers_id_is_that_of_azures_action_groups_in_the_document():
    assert ACTION_GROUPS in DOCUMENT
