"""Azure Resource Manager, roles, logins and clocks of the simulated tenant."""

import json
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from sim.arm_shapes import TENANT
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.consumers import WORKSPACE
from sim.groups import PRODUCTION, ROOT, TRIAL
from sim.roles import CLIENT
from sim.wire import Request
from tests.sim.asking import COST, NOW, question

GROUPS = "/providers/Microsoft.Management/managementGroups"
ACCOUNTS = f"/subscriptions/{AGENTS}/providers/Microsoft.CognitiveServices/accounts"
FORM = b"grant_type=client_credentials&client_id=app&client_secret=s&scope=https%3A%2F%2Fmanagement.azure.com"


def account(azure, name):
    return next(one.id for one in azure.tenant.azure.directory.estate.accounts if one.plan.name == name)


def names(found):
    return [one["name"] for one in found]


def test_below_a_management_group_are_its_groups_and_the_subscriptions_of_all_of_them(azure):
    found = azure.all_of(f"{GROUPS}/{ROOT}/descendants?api-version=2020-05-01")

    assert names(found) == [PRODUCTION, TRIAL, AGENTS, PLATFORM, SANDBOX]
    assert {one["type"] for one in found} == {"Microsoft.Management/managementGroups", "/subscriptions"}
    assert found[-1]["properties"]["parent"]["id"] == f"{GROUPS}/{TRIAL}"
    assert names(azure.all_of(f"{GROUPS}/{TRIAL.upper()}/descendants?api-version=2020-05-01")) == [SANDBOX]


def test_a_management_group_that_is_not_there_is_a_404(azure):
    assert azure.refused(f"{GROUPS}/mg-other/descendants?api-version=2020-05-01")[:2] == (404, "NotFound")


def test_one_subscription_or_account_can_be_asked_for_by_its_id_in_any_case(azure):
    hub = account(azure, "aif-Hub-WEU")

    assert azure.found(f"/subscriptions/{AGENTS.upper()}")["subscriptionId"] == AGENTS
    assert azure.found(hub.lower())["id"] == hub


def test_what_is_not_there_is_a_404_that_names_it(azure):
    status, code, message = azure.refused(account(azure, "aif-Hub-WEU") + "x")

    assert (status, code) == (404, "ResourceNotFound")
    assert (
        "'Microsoft.CognitiveServices/accounts/aif-Hub-WEUx' under resource group 'RG-AI-Platform'" in message
    )
    assert azure.refused("/subscriptions/none")[:2] == (404, "SubscriptionNotFound")


def test_resource_groups_have_an_owner_where_the_account_has_none(azure):
    found = {one["name"]: one for one in azure.all_of(f"/subscriptions/{SANDBOX}/resourceGroups")}

    assert found["rg-lab"]["tags"]["owner"] == "lab@contoso.example"
    assert azure.found(account(azure, "aif-Lab-SWC"))["tags"] == {}
    assert "tags" not in found["rg-shared"]


def test_only_foundry_accounts_have_projects(azure):
    agents = account(azure, "aif-Agents-SWC")
    found = azure.all_of(f"{agents}/projects?api-version=2025-06-01")

    assert names(found) == ["aif-Agents-SWC/proj-Agents-SWC", "aif-Agents-SWC/proj-Agents-SWC-Dev"]
    assert found[0]["id"] == f"{agents}/projects/proj-Agents-SWC"
    assert azure.all_of(f"{account(azure, 'aoai-Support-SWC')}/projects") == []


def test_what_is_removed_is_gone_until_it_is_restored(azure):
    agents = account(azure, "aif-Agents-SWC")
    azure.set("removed", [f"{agents}/deployments/agents-main", account(azure, "aoai-Support-SWC")])

    assert names(azure.all_of(f"{agents}/deployments")) == ["agents-reason", "agents-next"]
    assert names(azure.all_of(ACCOUNTS)) == ["AOAI-Documents-swc", "aif-Agents-SWC"]
    assert azure.refused(account(azure, "aoai-Support-SWC"))[0] == 404
    azure.set("removed", [])
    assert len(azure.all_of(f"{agents}/deployments")) == len(azure.all_of(ACCOUNTS)) == 3


def test_a_removed_subscription_is_gone_with_all_that_is_in_it(azure):
    azure.set("removed", [f"/subscriptions/{AGENTS}"])

    assert AGENTS not in [one["subscriptionId"] for one in azure.all_of("/subscriptions")]
    assert AGENTS not in names(azure.all_of(f"{GROUPS}/{ROOT}/descendants"))
    assert (
        azure.refused(f"/subscriptions/{AGENTS}{COST}/query", question("2026-08-10", "2026-08-11"))[0] == 404
    )
    assert azure.refused(account(azure, "aif-Agents-SWC"))[0] == 404


def test_nothing_is_billed_for_a_removed_account_from_then_on(azure):
    body = question("2026-09-08", "2026-09-09", "ResourceId")
    azure.set("removed", [account(azure, "aif-Agents-SWC")])
    azure.tenant.now = NOW + timedelta(days=4)

    days = {
        (row["usagedate"], "agents" in row["resourceid"].lower())
        for row in azure.rows(f"/subscriptions/{AGENTS}", body)
    }
    assert days == {(20260908, True), (20260908, False), (20260909, False)}


ASKED: list[tuple[str, str, Any, int, str]] = [
    ("Reader", ACCOUNTS, None, 403, "AuthorizationFailed"),
    ("Reader", f"/subscriptions/{AGENTS}/resourceGroups", None, 403, "AuthorizationFailed"),
    ("Cost Management Reader", f"/subscriptions/{AGENTS}{COST}/query", {}, 403, "RBACAccessDenied"),
    ("Cost Management Reader", f"/subscriptions/{AGENTS}{COST}/forecast", {}, 403, "RBACAccessDenied"),
    ("Cost Management Reader", f"/subscriptions/{AGENTS}{COST}/budgets", None, 403, "RBACAccessDenied"),
    ("Cost Management Reader", f"/subscriptions/{AGENTS}{COST}/alerts", None, 403, "RBACAccessDenied"),
    (
        "Monitoring Reader",
        f"/metrics/swedencentral/subscriptions/{AGENTS}/metrics:getBatch",
        {},
        401,
        "AuthorizationFailed",
    ),
    ("Log Analytics Reader", f"/logs/v1/workspaces/{WORKSPACE}/query", {}, 403, "InsufficientAccessError"),
]


@pytest.mark.parametrize(("role", "path", "body", "status", "code"), ASKED)
def test_without_a_role_its_api_refuses_until_it_is_assigned(azure, role, path, body, status, code):
    azure.set("roles", {"role": role})
    assert azure.refused(path, body)[:2] == (status, code)

    azure.set("roles", {"role": role, "assigned": True})
    assert azure.answer(path, body).status not in (401, 403)


def test_a_role_may_be_missing_on_one_scope_alone(azure):
    azure.set("roles", {"role": "Reader", "scope": f"/subscriptions/{AGENTS}"})
    status, _, message = azure.refused(ACCOUNTS)

    assert status == 403
    assert message == (
        f"The client '{CLIENT}' with object id '{CLIENT}' does not have authorization to perform action "
        f"'Microsoft.CognitiveServices/accounts/read' over scope '/subscriptions/{AGENTS}' or the scope is "
        "invalid. If access was recently granted, please refresh your credentials."
    )
    assert azure.answer(ACCOUNTS.replace(AGENTS, SANDBOX)).status == 200
    assert azure.answer("/subscriptions").status == 200


def test_a_role_that_is_none_is_refused(azure):
    with pytest.raises(ValueError, match="Invalid enum value 'Cook'"):
        azure.set("roles", {"role": "Cook"})


def test_a_login_gives_a_token_that_opens_the_tenant(azure):
    token = azure.found(f"/login/{TENANT}/oauth2/v2.0/token", FORM)

    assert token["token_type"] == "Bearer"
    headers = {"authorization": f"Bearer {token['access_token']}"}
    assert azure.answer("/subscriptions", headers=headers).status == 200


@pytest.mark.parametrize(
    ("fault", "tenant", "form", "status", "error", "number"),
    [
        ("AADSTS7000222", TENANT, FORM, 401, "invalid_client", 7000222),
        ("AADSTS700082", TENANT, FORM, 400, "invalid_grant", 700082),
        ("AADSTS90002", TENANT, FORM, 400, "invalid_request", 90002),
        ("", "00000000-0000-0000-0000-000000000000", FORM, 400, "invalid_request", 90002),
        ("", TENANT, b"grant_type=client_credentials", 400, "invalid_request", 900144),
    ],
    ids=["expired secret", "expired login", "wrong tenant by option", "wrong tenant", "half a form"],
)
def test_what_entra_says_instead_of_a_token(azure, fault, tenant, form, status, error, number):
    azure.options(login_fault=fault)
    answer = azure.answer(f"/login/{tenant}/oauth2/v2.0/token", form)

    said = json.loads(answer.body)
    assert (answer.status, said["error"], said["error_codes"]) == (status, error, [number])
    assert said["error_description"].startswith(f"AADSTS{number}: ")


def test_arm_may_take_the_token_for_another_tenants(azure):
    azure.options(wrong_issuer=True)
    status, code, message = azure.refused("/subscriptions")

    assert (status, code) == (401, "InvalidAuthenticationTokenTenant")
    assert message.startswith("The access token is from the wrong issuer 'https://sts.windows.net/")
    assert azure.answer(f"/logs/v1/workspaces/{WORKSPACE}/query", {}).status == 400


def test_azures_clock_may_be_off(azure):
    azure.options(clock_ahead=-600)

    date = azure.answer("/subscriptions").headers["Date"]
    assert parsedate_to_datetime(date) == NOW - timedelta(minutes=10)
    azure.options(clock_ahead=86_400 * 5)
    assert azure.rows(f"/subscriptions/{AGENTS}", question("2026-09-10", "2026-09-10"))


def test_calls_are_counted_by_route_and_by_api_until_they_are_forgotten(azure):
    azure.answer("/subscriptions")
    azure.answer(ACCOUNTS)
    azure.answer("/prices/api/retail/prices")

    seen = json.loads(azure.controls.answer(Request("GET", "/sim/requests", "", {}, b"")).body)
    assert seen["counts"] == {"subscriptions": 1, "accounts": 1, "prices": 1}
    assert seen["apis"] == {"arm": 2, "prices": 1}
    azure.set("requests/reset", None)
    seen = json.loads(azure.controls.answer(Request("GET", "/sim/requests", "", {}, b"")).body)
    assert seen == {"counts": {}, "apis": {}, "recent": []}
