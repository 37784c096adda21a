"""`meterwatch check --json`: one document of all that was asked, answered, refused and found."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from cli.recording import kind_of
from shared.core.faults import (
    NotPermitted,
    NotThere,
    SignInFault,
    Throttled,
    UnknownMetrics,
    Unreachable,
)
from sim.blueprint import SANDBOX
from sim.consumers import WORKSPACE
from tests.commands import ROOT, check, pointed_at, typed
from tests.loopback import Told, loopback

DOCUMENTED = (ROOT / "docs" / "check.md").read_text(encoding="utf-8")
NOWHERE = "00000000-0000-0000-0000-000000000000"
BUSY = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"  # at any hour of the day
WATCH = f"""
subscriptions: [{BUSY}]
channels: {{finops: {{kind: teams, secret: TEAMS_WEBHOOK_URL}}}}
budgets: [{{name: small, scope: /subscriptions/{BUSY}, amount: 1, currency: USD, grain: month}}]
limits: [{{name: any, meter: tokens in, above: 0, hold: 5m}}]
gateway: {{workspace: {WORKSPACE}}}
"""


@pytest.fixture(autouse=True)
def _calm(tenant):
    yield
    tenant.set_scenario("calm")


@pytest.fixture(scope="module")
def troubled(tenant, tmp_path_factory):
    """A run in which every list of the document holds something."""
    file = tmp_path_factory.mktemp("watch") / "watch.yaml"
    file.write_text(WATCH)
    tenant.take_role("Log Analytics Reader")
    cost = {"path_contains": "CostManagement/query", "status": 200, "body": odd_cost(datetime.now(UTC))}
    tenant.set_faults([{**cost, "times": 1}])
    return check(tenant, "--json", "--config", str(file))


def odd_cost(now):
    """An answer of Cost Management with a row that makes sense and one that does not."""
    names = ("Cost", "UsageQuantity", "UsageDate", "ResourceId", "Meter", "Currency")
    day = int(f"{now - timedelta(days=1):%Y%m%d}")
    resource = f"/subscriptions/{BUSY}/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a"
    rows = [[2.5, 1.0, day, resource, "gpt 4.1 Inp glbl Tokens", "USD"]]
    rows += [["much", 1.0, day, resource, "gpt 4.1 Inp glbl Tokens", "USD"]]
    columns = [{"name": name, "type": "String"} for name in names]
    return {"properties": {"nextLink": None, "columns": columns, "rows": rows}}


def shape(found):
    """The keys of a document; of a list those of its first item."""
    if isinstance(found, dict):
        return {key: shape(value) for key, value in found.items()}
    if isinstance(found, list):
        return [shape(found[0])] if found else []
    return type(found).__name__ if found is not None else "str"


def test_the_document_has_the_keys_that_are_documented(troubled):
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENTED, re.DOTALL)

    assert troubled.returncode == 1
    assert shape(json.loads(troubled.stdout)) == shape(json.loads(example))


def test_every_key_of_the_document_is_explained():
    (example,) = re.findall(r"```json\n(.*?)```", DOCUMENTED, re.DOTALL)
    for key, value in json.loads(example).items():
        assert f"| `{key}` |" in DOCUMENTED, key
        for inner in value[0] if isinstance(value, list) and value else ():
            assert f"`{inner}`" in DOCUMENTED, (key, inner)


def test_the_document_has_standard_output_to_itself(troubled):
    found = json.loads(troubled.stdout)

    assert f"subscription {BUSY}" in troubled.stderr
    assert [one["kind"] for one in found["refused"]] == ["no permission"]
    assert f"logs of workspace {WORKSPACE}" in found["refused"][0]["why"]
    assert "much" in found["odd_rows"][0]["row"]
    assert "2.5" in {one["value"] for one in found["readings"] if one["source"] == "spend"}
    assert {one["from"] for one in found["budgets"]} >= {"watch.yaml"}


def test_usage_is_of_two_days_and_cost_is_whole(tenant):
    found = json.loads(check(tenant, "--json", "--subscription", SANDBOX).stdout)
    now = datetime.fromisoformat(found["checked_at"])
    oldest = {
        source: min(
            datetime.fromisoformat(one["end"]) for one in found["readings"] if one["source"] == source
        )
        for source in ("usage", "spend")
    }

    assert now - timedelta(days=2) < oldest["usage"]
    assert oldest["spend"] < now - timedelta(days=20)
    assert found["prices"]["matched"]


def test_what_was_asked_is_in_order_with_its_pages(tenant):
    tenant.set_options(prices_page=7)
    asked = json.loads(check(tenant, "--json", "--subscription", SANDBOX).stdout)["asked"]

    order = [one["what"].partition(" of ")[0] for one in asked]
    assert order[0] == "accounts"
    assert order.index("deployments") < [one["api"] for one in asked].index("metrics")
    assert max(one["pages"] for one in asked if one["api"] == "retail prices") > 1
    assert all(one["answered"] and one["seconds"] >= 0 for one in asked)
    assert {"ARM", "metrics", "Cost Management"} <= {one["api"] for one in asked}


def test_a_run_that_could_not_begin_has_a_document_too():
    with loopback(
        lambda request: Told(403, {"error": {"code": "AuthorizationFailed", "message": ""}})
    ) as server:
        done = typed(["check", "--json"], pointed_at(server.url))
    found = json.loads(done.stdout)

    assert done.returncode == 2
    assert found["sources"] == found["readings"] == []
    assert found["refused"][0]["kind"] == "no permission"
    assert found["refused"][0]["why"] in done.stderr


NOON = "2026-09-15T12:00:00Z"
ACCOUNT = f"/subscriptions/{NOWHERE}/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/A"
RECORDED = {
    "/accounts": {"value": [{"id": ACCOUNT, "name": "A", "location": "westeurope", "kind": "OpenAI"}]},
    "/deployments": {"value": [{"name": "chat", "properties": {"model": {"name": "gpt-4.1"}}}]},
    "/projects": {"value": []},
    "/resourcegroups": {"value": []},
    "/budgets": {"value": []},
    "/alerts": {"value": []},
    "/prices": {"Items": [], "NextPageLink": None, "Count": 0},
    "/metrics": {"values": []},
    "/query": {
        "properties": {
            "nextLink": None,
            "columns": [{"name": name} for name in ("Cost", "UsageDate", "Meter", "ResourceId", "Currency")],
            "rows": [[12.5, 20260914, "gpt 4.1 Inp glbl Tokens", ACCOUNT, "EUR"]],
        }
    },
}


def played(request):
    path = request.path.partition("?")[0]
    known = [body for part, body in RECORDED.items() if part in path.lower()]
    return Told(200, known[-1]) if known else Told(404, {"error": {"code": "NotFound", "message": path}})


def test_recorded_answers_are_played_by_a_server_on_this_machine():
    with loopback(played) as server:
        arguments = ["check", "--json", "--subscription", NOWHERE, "--at", NOON]
        done = typed(arguments, pointed_at(server.url))
    found = json.loads(done.stdout)

    assert found["refused"] == []
    assert {(one["value"], one["unit"], one["start"], one["scope"]) for one in found["readings"]} == {
        ("12.5", "EUR", "2026-09-14T00:00:00+00:00", ACCOUNT.lower())
    }
    assert found["checked_at"] == "2026-09-15T12:00:00+00:00"


def test_a_time_that_is_none_is_refused_in_one_line():
    done = typed(["check", "--at", "yesterday"], {})

    assert done.returncode == 2
    assert "'yesterday', expected a time such as" in done.stderr


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Throttled("", timedelta(seconds=1)), "wait"),
        (NotPermitted(""), "no permission"),
        (UnknownMetrics("", frozenset()), "no data"),
        (NotThere(""), "wrong scope"),
        (Unreachable(""), "broken"),
        (SignInFault(""), "sign-in"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_every_fault_is_of_one_kind(fault, kind):
    assert kind_of(fault) == kind
