"""The management groups above the subscriptions, and the billing account that pays for all of them."""

from sim.blueprint import SANDBOX, SubscriptionPlan
from sim.view import View
from sim.wire import Refusal

ROOT, PRODUCTION, TRIAL = "mg-contoso", "mg-contoso-ai", "mg-contoso-sandbox"
DISPLAY = {ROOT: "Contoso", PRODUCTION: "Contoso AI", TRIAL: "Contoso sandbox"}
BILLING_ACCOUNT = "70664866"
GROUP_PATH = "/providers/Microsoft.Management/managementGroups/"
BILLING_PATH = "/providers/Microsoft.Billing/billingAccounts/"


def parent_of(plan: SubscriptionPlan) -> str:
    return TRIAL if plan.id == SANDBOX else PRODUCTION


def children_of(group: str) -> tuple[str, ...]:
    """The groups directly below one; `group` in lower case. Raises Refusal for a group that is not there."""
    if group not in DISPLAY:
        raise Refusal(404, "NotFound", f"'{GROUP_PATH}{group}' not found")
    return (PRODUCTION, TRIAL) if group == ROOT else ()


def subscriptions_below(view: View, group: str) -> list[SubscriptionPlan]:
    """Those in a group or in a group below it; the name in any case."""
    folded = group.lower()
    within = {folded, *children_of(folded)}
    return [plan for plan in view.subscriptions() if parent_of(plan) in within]


def subscriptions_in(view: View, scope: str) -> list[SubscriptionPlan]:
    """The subscriptions of a scope above them. Raises Refusal for another billing account than ours."""
    if scope.lower().startswith(GROUP_PATH.lower()):
        return subscriptions_below(view, scope.rstrip("/").rsplit("/", 1)[-1])
    if scope.lower().rstrip("/") == f"{BILLING_PATH}{BILLING_ACCOUNT}".lower():
        return view.subscriptions()
    raise Refusal(404, "BillingAccountNotFound", f"Billing account '{scope}' was not found")


def holds(view: View, outer: str, inner: str) -> bool:
    """Whether a scope is another or stands below it."""
    wide, narrow = outer.lower().rstrip("/"), inner.lower().rstrip("/")
    if f"{narrow}/".startswith(f"{wide}/"):
        return True
    if not above_subscriptions(wide):
        return False
    if above_subscriptions(narrow):
        grouped = wide.startswith(GROUP_PATH.lower())
        return grouped and narrow.rsplit("/", 1)[-1] in children_of(wide.rsplit("/", 1)[-1])
    return narrow.split("/")[2] in {plan.id for plan in subscriptions_in(view, wide)}


def above_subscriptions(scope: str) -> bool:
    return scope.lower().startswith((GROUP_PATH.lower(), BILLING_PATH.lower()))
