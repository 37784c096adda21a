"""The resource lists of Azure Resource Manager: subscriptions, AI accounts, deployments, in small pages."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sim.blueprint import NOT_OPENAI, SubscriptionPlan
from sim.estate import Estate, SimAccount, SimDeployment
from sim.wire import Answer, Refusal, Request, as_json

PAGE = 2  # small enough that every list but the shortest has a second page
TENANT = "4f1c2d3e-90ab-4cde-8f01-23456789abcd"


def list_subscriptions(estate: Estate, request: Request, base: str) -> Answer:
    return page([subscription_shape(plan) for plan in estate.subscriptions], request, base)


def list_accounts(estate: Estate, request: Request, base: str, subscription: str) -> Answer:
    if subscription.lower() not in {plan.id for plan in estate.subscriptions}:
        raise Refusal(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")
    mine = [found for found in estate.accounts if found.subscription == subscription.lower()]
    return page([account_shape(found) for found in mine], request, base)


def list_deployments(
    estate: Estate, request: Request, base: str, account: SimAccount | None, now: datetime
) -> Answer:
    if account is None:
        raise Refusal(404, "ResourceNotFound", f"The resource under '{request.path}' was not found.")
    there = [found for found in account.deployments if found.created <= now]
    return page([deployment_shape(account, found) for found in there], request, base)


def page(values: Sequence[Mapping[str, Any]], request: Request, base: str) -> Answer:
    given = request.parameters()
    start = int(given.get("$skiptoken", "0"))
    body: dict[str, Any] = {"value": values[start : start + PAGE]}
    if start + PAGE < len(values):
        version = given.get("api-version", "")
        body["nextLink"] = f"{base}{request.path}?api-version={version}&$skiptoken={start + PAGE}"
    return as_json(body)


def subscription_shape(plan: SubscriptionPlan) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{plan.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": plan.id,
        "tenantId": TENANT,
        "displayName": plan.name,
        "state": "Enabled",
        "subscriptionPolicies": {"quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
    }


def account_shape(account: SimAccount) -> dict[str, Any]:
    plan = account.plan
    return {
        "id": account.id,
        "name": plan.name,
        "type": "Microsoft.CognitiveServices/accounts",
        "kind": plan.kind,
        "location": plan.region,
        "sku": {"name": "S0"},
        "tags": dict(plan.tags),
        "properties": {
            "endpoint": f"https://{plan.name.lower()}.openai.azure.com/",
            "provisioningState": "Succeeded",
            "customSubDomainName": plan.name.lower(),
            "publicNetworkAccess": "Enabled",
        },
    }


def deployment_shape(account: SimAccount, deployment: SimDeployment) -> dict[str, Any]:
    plan = deployment.plan
    maker = "OpenAI-OSS" if plan.model in NOT_OPENAI else "OpenAI"
    return {
        "id": f"{account.id}/deployments/{plan.name}",
        "name": plan.name,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "sku": {"name": plan.sku, "capacity": plan.capacity},
        "properties": {
            "model": {"format": maker, "name": plan.model, "version": plan.version},
            "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
            "currentCapacity": plan.capacity,
            "raiPolicyName": "Microsoft.DefaultV2",
            "provisioningState": "Succeeded",
        },
        "systemData": {"createdAt": deployment.created.isoformat().replace("+00:00", "Z")},
    }
