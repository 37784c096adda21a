"""Things of the estate in the shapes that Azure Resource Manager gives them."""

from collections.abc import Mapping
from typing import Any

from sim.blueprint import MAKERS, SubscriptionPlan
from sim.estate import SimAccount, SimDeployment
from sim.groups import DISPLAY, GROUP_PATH, ROOT, parent_of

TENANT = "4f1c2d3e-90ab-4cde-8f01-23456789abcd"


def subscription(plan: SubscriptionPlan) -> dict[str, Any]:
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


def child_group(name: str, parent: str) -> dict[str, Any]:
    kind = "Microsoft.Management/managementGroups"
    return descendant(GROUP_PATH + name, name, kind, DISPLAY[name], parent or ROOT)


def child_subscription(plan: SubscriptionPlan) -> dict[str, Any]:
    return descendant(f"/subscriptions/{plan.id}", plan.id, "/subscriptions", plan.name, parent_of(plan))


def descendant(identity: str, name: str, kind: str, display: str, parent: str) -> dict[str, Any]:
    return {
        "id": identity,
        "type": kind,
        "name": name,
        "properties": {"displayName": display, "parent": {"id": GROUP_PATH + parent}},
    }


def group(account: SimAccount) -> dict[str, Any]:
    """The resource group of an account: tagged with an owner even where the account has no tags."""
    name = account.plan.group
    stem = name.lower().removeprefix("rg-")
    tags = {"owner": f"{stem}@contoso.example", "costCenter": f"cc-{stem}"}
    return resource_group(account.subscription, name, account.plan.region, tags)


def shared_group(subscription: str) -> dict[str, Any]:
    return resource_group(subscription, "rg-shared", "westeurope", {})


def resource_group(subscription: str, name: str, region: str, tags: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": f"/subscriptions/{subscription}/resourceGroups/{name}",
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": region,
        "properties": {"provisioningState": "Succeeded"},
    }
    return found | ({"tags": dict(tags)} if tags else {})


def account(found: SimAccount) -> dict[str, Any]:
    plan = found.plan
    return {
        "id": found.id,
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


def deployment(account: SimAccount, found: SimDeployment) -> dict[str, Any]:
    plan = found.plan
    maker = MAKERS.get(plan.model, "OpenAI")
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
        "systemData": {"createdAt": found.created.isoformat().replace("+00:00", "Z")},
    }


def project(account: SimAccount, name: str) -> dict[str, Any]:
    """A Foundry project. Its `name` holds the account's too, as names of nested resources may."""
    host = f"https://{account.plan.name.lower()}.services.ai.azure.com"
    return {
        "id": f"{account.id}/projects/{name}",
        "name": f"{account.plan.name}/{name}",
        "type": "Microsoft.CognitiveServices/accounts/projects",
        "kind": "AIServices",
        "location": account.plan.region,
        "tags": {},
        "identity": {"type": "SystemAssigned", "tenantId": TENANT},
        "properties": {
            "displayName": name,
            "description": "",
            "isDefault": not name.endswith("-Dev"),
            "endpoints": {"AI Foundry API": f"{host}/api/projects/{name}"},
            "provisioningState": "Succeeded",
        },
    }
