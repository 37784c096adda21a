"""Azure's side of the tenant: every API, who may call it, and what is there to be seen."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from zlib import crc32

from sim import arm_api, cost_api, forecast_api, login_api, prices_api
from sim.arm_shapes import TENANT
from sim.budgets_api import BudgetsApi
from sim.estate import Estate
from sim.groups import GROUP_PATH
from sim.logs_api import LogsApi
from sim.metrics_api import MetricsApi
from sim.options import Options
from sim.roles import COST_READER, LOG_READER, MONITORING_READER, READER, Roles
from sim.routing import At, Route, route
from sim.throttle import Throttle
from sim.view import Directory, View
from sim.wire import Answer, Refusal, Request

OPEN_TO_ALL = ("/login/", "/prices/")
ELSEWHERE = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"  # the tenant of a token that is not for ours


class Azure:
    """The routes and what they share. Safe to use from several threads."""

    def __init__(self, estate: Estate) -> None:
        self.directory, self.base, self.clock = Directory(estate), "", estate.live
        self.options, self.roles = Options(), Roles()
        self.removed: Mapping[str, datetime] = {}
        self.metrics, self.logs, self.throttle = MetricsApi(estate), LogsApi(estate), Throttle()
        self.native, self.batches = BudgetsApi(), 0
        self.lock = Lock()
        self.routes = [*self.arm_routes(), *self.cost_routes(), *self.other_routes()]

    @property
    def now(self) -> datetime:
        """By Azure's own clock."""
        return self.clock + timedelta(seconds=self.options.clock_ahead)

    def view(self) -> View:
        return View(self.directory, self.base, self.now, self.options, self.removed)

    def arm_routes(self) -> list[Route]:
        one = r"/subscriptions/(?P<subscription>[^/]+)"
        account = r"/providers/Microsoft\.CognitiveServices/accounts"
        this = rf"(?P<id>{one}/resourceGroups/[^/]+{account}/[^/]+)"
        below = rf"(?P<id>{GROUP_PATH}(?P<group>[^/]+))/descendants"
        return [
            route("deployments", "arm", "GET", rf"{this}/deployments", self.deployments),
            route("accounts", "arm", "GET", one + account, self.accounts),
            route("subscriptions", "arm", "GET", "/subscriptions", self.subscriptions),
            route("subscription", "arm", "GET", one, self.subscription),
            route("groups", "arm", "GET", rf"{one}/resourceGroups", self.groups),
            route("account", "arm", "GET", this, self.account),
            route("projects", "arm", "GET", rf"{this}/projects", self.projects),
            route("descendants", "arm", "GET", below, self.descendants),
        ]

    def cost_routes(self) -> list[Route]:
        scope = r"(?P<scope>.*)/providers/Microsoft\.CostManagement"
        return [
            route("costs", "costs", "POST", f"{scope}/query", self.costs),
            route("forecasts", "costs", "POST", f"{scope}/forecast", self.forecasts),
            route("budgets", "costs", "GET", f"{scope}/budgets", self.budgets),
            route("alerts", "costs", "GET", f"{scope}/alerts", self.alerts),
        ]

    def other_routes(self) -> list[Route]:
        batch = r"/metrics/(?P<region>[^/]+)/subscriptions/(?P<subscription>[^/]+)/metrics:getBatch"
        workspace = r"/logs/v1/workspaces/(?P<workspace>[^/]+)/query"
        token = r"/login/(?P<tenant>[^/]+)/oauth2/v2\.0/token"
        return [
            route("metrics", "metrics", "POST", batch, self.get_metrics),
            route("logs", "logs", "POST", workspace, self.query_logs),
            route("prices", "prices", "GET", "/prices/api/retail/prices", self.prices),
            route("login", "login", "POST", token, self.login),
        ]

    def refused(self, request: Request) -> Answer | None:
        """What is answered to a caller without a token, or with another tenant's."""
        if request.path.startswith(OPEN_TO_ALL):
            return None
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return unauthorised()
        arm = not request.path.startswith(("/metrics/", "/logs/"))
        return wrong_issuer() if arm and self.options.wrong_issuer else None

    def subscriptions(self, request: Request, at: At) -> Answer:
        """Also those where Reader is missing: any other role there makes them visible."""
        return arm_api.list_subscriptions(self.view(), request)

    def subscription(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.Resources/subscriptions/read")
        return arm_api.get_subscription(self.view(), at["subscription"])

    def groups(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.Resources/subscriptions/resourceGroups/read")
        return arm_api.list_groups(self.view(), request, at["subscription"])

    def accounts(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.CognitiveServices/accounts/read")
        return arm_api.list_accounts(self.view(), request, at["subscription"])

    def account(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.CognitiveServices/accounts/read")
        return arm_api.get_account(self.view(), at["id"])

    def deployments(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.CognitiveServices/accounts/deployments/read")
        return arm_api.list_deployments(self.view(), request, at["id"])

    def projects(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.CognitiveServices/accounts/projects/read")
        return arm_api.list_projects(self.view(), request, at["id"])

    def descendants(self, request: Request, at: At) -> Answer:
        self.may_read(at, "Microsoft.Management/managementGroups/descendants/read")
        return arm_api.list_descendants(self.view(), request, at["group"])

    def may_read(self, at: At, action: str) -> None:
        scope = at.get("id") or f"/subscriptions/{at['subscription']}"
        self.roles.check(READER, scope, action)

    def costs(self, request: Request, at: At) -> Answer:
        scope, headers = self.cost_scope(at), self.let_through(request, at)
        answer = cost_api.query_costs(self.view(), request, scope)
        return answer.having(headers)

    def forecasts(self, request: Request, at: At) -> Answer:
        scope, headers = self.cost_scope(at), self.let_through(request, at)
        return forecast_api.forecast_costs(self.view(), request, scope).having(headers)

    def budgets(self, request: Request, at: At) -> Answer:
        return self.native.budgets(self.view(), self.cost_scope(at))

    def alerts(self, request: Request, at: At) -> Answer:
        return self.native.alerts(self.view(), self.cost_scope(at))

    def cost_scope(self, at: At) -> str:
        """The scope that is asked for. Raises Refusal when its costs are not ours to see."""
        scope = "/" + at["scope"].strip("/")
        action = "Microsoft.CostManagement/query/read"
        self.roles.check(COST_READER, scope, action, self.options.cost_denied)
        return scope

    def let_through(self, request: Request, at: At) -> Mapping[str, str]:
        """The headers that say what is left of the limits. Raises Refusal when one is used up."""
        buckets = set(self.options.cost_buckets)
        if self.options.cost_throttle:
            buckets.add("entity")
        if not buckets:
            return {}
        with self.lock:
            return self.throttle.check("/" + at["scope"].strip("/"), request, self.now, buckets)

    def get_metrics(self, request: Request, at: At) -> Answer:
        scope = f"/subscriptions/{at['subscription']}"
        self.roles.check(MONITORING_READER, scope, "Microsoft.Insights/metrics/read", 401)
        with self.lock:
            self.batches += 1
        if crc32(str(self.batches).encode()) % 1000 < self.options.metrics_refused * 1000:
            raise Refusal(529, "TooManyRequests", "The service is busy. Please retry later.")
        view = self.view()
        return self.metrics.answer(request, at["region"], at["subscription"], view.now, view.gone)

    def query_logs(self, request: Request, at: At) -> Answer:
        scope = f"/workspaces/{at['workspace']}"
        self.roles.check(LOG_READER, scope, "Microsoft.OperationalInsights/workspaces/query/read")
        return self.logs.answer(self.view(), request, at["workspace"])

    def prices(self, request: Request, at: At) -> Answer:
        return prices_api.list_prices(self.base, request, self.options.prices_page)

    def login(self, request: Request, at: At) -> Answer:
        return login_api.give_token(self.view(), request, at["tenant"])


def unauthorised() -> Answer:
    challenge = {"WWW-Authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/common"'}
    return Refusal(401, "AuthenticationFailed", "The 'Authorization' header is missing.", challenge).answer()


def wrong_issuer() -> Answer:
    ours, theirs = (f"https://sts.windows.net/{one}/" for one in (TENANT, ELSEWHERE))
    words = (
        f"The access token is from the wrong issuer '{theirs}'. It must match the tenant '{ours}' associated "
        f"with this subscription. Please use the authority (URL) 'https://login.windows.net/{TENANT}' to get "
        "the token. Note, if the subscription is transferred to another tenant there is no impact to the "
        "services, but information about new tenant could take time to propagate (up to an hour). If you "
        "just transferred your subscription and see this error message, please try back later."
    )
    return Refusal(401, "InvalidAuthenticationTokenTenant", words).answer()
