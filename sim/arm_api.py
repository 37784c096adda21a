"""Azure Resource Manager: groups, subscriptions, AI accounts and what is in them, in small pages."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sim import arm_shapes as shapes
from sim.estate import projects_of
from sim.groups import children_of, subscriptions_below
from sim.view import View
from sim.wire import Answer, Request, as_json

PAGE = 2  # small enough that every list but the shortest has a second page
LARGE_PAGE, LARGE = 100, 100  # and a usual one, from so many accounts on


def list_subscriptions(view: View, request: Request) -> Answer:
    return page([shapes.subscription(plan) for plan in view.subscriptions()], view, request)


def get_subscription(view: View, subscription: str) -> Answer:
    return as_json(shapes.subscription(view.subscription(subscription)))


def list_descendants(view: View, request: Request, group: str) -> Answer:
    """The groups below a management group and the subscriptions in all of them, in one list."""
    groups = [shapes.child_group(name, group) for name in children_of(group.lower())]
    below = [shapes.child_subscription(plan) for plan in subscriptions_below(view, group)]
    return page([*groups, *below], view, request)


def list_groups(view: View, request: Request, subscription: str) -> Answer:
    """The resource groups of a subscription: those of its AI accounts, and one that holds none."""
    found: dict[str, dict[str, Any]] = {}
    for account in view.accounts_in(subscription):
        found.setdefault(account.plan.group.lower(), shapes.group(account))
    shared = shapes.shared_group(view.subscription(subscription).id)
    return page([*found.values(), shared], view, request)


def list_accounts(view: View, request: Request, subscription: str) -> Answer:
    return page([shapes.account(found) for found in view.accounts_in(subscription)], view, request)


def get_account(view: View, identity: str) -> Answer:
    return as_json(shapes.account(view.account(identity)))


def list_deployments(view: View, request: Request, identity: str) -> Answer:
    account = view.account(identity)
    there = [shapes.deployment(account, found) for found in view.deployments(account)]
    return page(there, view, request)


def list_projects(view: View, request: Request, identity: str) -> Answer:
    """The Foundry projects of an account; an account of another kind has none."""
    account = view.account(identity)
    return page([shapes.project(account, name) for name in projects_of(account)], view, request)


def page(values: Sequence[Mapping[str, Any]], view: View, request: Request) -> Answer:
    given = request.parameters()
    start = int(given.get("$skiptoken", "0"))
    end = start + (LARGE_PAGE if len(view.estate.accounts) >= LARGE else PAGE)
    body: dict[str, Any] = {"value": values[start:end]}
    if end < len(values):
        version = given.get("api-version", "")
        path = quote(request.path)
        body["nextLink"] = f"{view.base}{path}?api-version={version}&$skiptoken={end}"
    return as_json(body)
