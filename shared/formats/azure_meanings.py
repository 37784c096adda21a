"""What Azure's refusals mean, by their codes: the kind of fault, and what the person on call can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Unreachable


class Api(StrEnum):
    """Which of Azure's APIs was asked; each has its own role, and its own meaning for some statuses."""

    ARM = "ARM"
    COST = "Cost Management"
    METRICS = "metrics"
    LOGS = "logs"
    PRICES = "prices"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a refusal means. `do` may name {scope}, {subscription} and the {role} that the API asks for."""

    fault: type[SourceFault] | type[SignInFault]
    means: str
    do: str


SOON = "a new role takes up to half an hour"
ROLES: Mapping[Api, str] = {
    Api.ARM: f"assign Reader on {{scope}}; {SOON}",
    Api.COST: f"assign Cost Management Reader on it; {SOON}",
    Api.METRICS: "assign Monitoring Reader on {subscription} itself: a role on a resource is not enough; "
    + SOON,
    Api.LOGS: f"assign Log Analytics Reader on the workspace; {SOON}",
    Api.PRICES: "the price list needs no role: see what stands between",
}

NO_ROLE = Meaning(NotPermitted, "no permission yet", "{role}")
NO_SCOPE = Meaning(
    NotThere, "it does not exist, or the login cannot see it", "check the id in watch.yaml, and the login"
)
NO_OFFER = Meaning(
    NotThere,
    "Cost Management has no data for this kind of subscription",
    "leave it out of watch.yaml; of a management group, ask each subscription by itself",
)
TOO_SLOW = Meaning(
    Unreachable,
    "Azure took too long",
    "the next poll tries again; a group of more than 50 subscriptions may be too much for one question",
)
IN_TROUBLE = Meaning(Unreachable, "Azure is in trouble", "the next poll tries again")
NO_LOGIN = Meaning(SignInFault, "Azure does not take the login", "run `az login` and try again")
WRONG_TENANT = Meaning(SignInFault, "signed in to another tenant", "run `az login --tenant {tenant}`")
REFUSED = Meaning(NotThere, "Azure refuses the question", "check the scope")
ODD = Meaning(Unreachable, "Azure answers oddly", "the next poll tries again")
NOT_REGISTERED = Meaning(
    NotPermitted,
    "no permission",
    "where Microsoft.Insights is not registered run `az provider register --namespace Microsoft.Insights"
    " --subscription {subscription}`, else {role}",
)
AN_ADMINISTRATOR = "an administrator of the Enterprise Agreement can switch on that {who} view charges"

BY_CODE: Mapping[str, Meaning] = {
    **dict.fromkeys(
        (
            "rbacaccessdenied",
            "authorizationfailed",
            "linkedauthorizationfailed",
            "billingaccessdenied",
            "insufficientaccesserror",
            "unauthorized",
        ),
        NO_ROLE,
    ),
    **dict.fromkeys(
        (
            "subscriptionnotfound",
            "invalidsubscriptionid",
            "missingsubscription",
            "resourcegroupnotfound",
            "resourcenotfound",
            "managementgroupnotfound",
            "billingaccountnotfound",
            "workspacenotfounderror",
            "notfound",
        ),
        NO_SCOPE,
    ),
    **dict.fromkeys(("gatewaytimeout", "servertimeout"), TOO_SLOW),
    **dict.fromkeys(("internalservererror", "serviceunavailable", "invalidgatewayhost"), IN_TROUBLE),
    **dict.fromkeys(
        ("expiredauthenticationtoken", "invalidauthenticationtoken", "authenticationfailed"), NO_LOGIN
    ),
    "invalidauthenticationtokentenant": WRONG_TENANT,
    "subscriptiontypenotsupported": NO_OFFER,
    "disallowedoperation": Meaning(
        NotThere, "this kind of subscription cannot be billed", "leave it out of watch.yaml"
    ),
    "accountcostdisabled": Meaning(
        NotPermitted, "cost is switched off", AN_ADMINISTRATOR.format(who="account owners")
    ),
    "departmentcostdisabled": Meaning(
        NotPermitted, "cost is switched off", AN_ADMINISTRATOR.format(who="department administrators")
    ),
    "indirectcostdisabled": Meaning(
        NotPermitted,
        "cost is switched off",
        "the partner who sells it can switch on that its prices are shown",
    ),
    "faileddependency": Meaning(
        Unreachable,
        "too little data yet, or cost in several currencies",
        "wait a week from the first charge; where currencies differ ask for each subscription by itself",
    ),
}
