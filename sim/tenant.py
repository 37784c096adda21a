"""The simulated tenant: one address for Azure's APIs, the chat receivers and the simulation's controls."""

import re
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from threading import Lock
from typing import Any

import msgspec

from sim import arm_api, cost_api
from sim.estate import Estate
from sim.messages import Mailbox
from sim.metrics_api import MetricsApi
from sim.mishaps import Mishap, Mishaps, broken
from sim.slack import METHOD_ROUTE, WEBHOOK_ROUTE, Slack
from sim.teams import ROUTE as TEAMS_ROUTE
from sim.teams import Teams
from sim.wire import Answer, Refusal, Request, as_json

Route = tuple[str, str, re.Pattern[str], Callable[[Request, Mapping[str, str]], Answer]]
MOST_REMEMBERED = 5_000


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """What can be switched while it runs, by PUT /sim/options."""

    cost_page: int = 1_000  # rows a page of a cost query
    cost_throttle: bool = False  # more than four cost queries a minute for a scope answer 429
    slack_channels: list[str] = []  # known besides those that begin with C


class Tenant:
    """All routes. Safe to use from several threads.

    `base` is its own address, for the links to next pages.
    """

    def __init__(self, estate: Estate, base: str = "") -> None:
        self.estate, self.base, self.now = estate, base, estate.live
        self.options, self.mishaps, self.mailbox = Options(), Mishaps(), Mailbox()
        self.metrics, self.throttle = MetricsApi(estate), cost_api.Throttle()
        self.teams, self.slack = Teams(self.mailbox), Slack(self.mailbox)
        self.counts: Counter[str] = Counter()
        self.recent: deque[dict[str, Any]] = deque(maxlen=MOST_REMEMBERED)
        self.lock = Lock()
        self.azure, self.chat, self.controls = self.azure_routes(), self.chat_routes(), self.control_routes()

    def azure_routes(self) -> list[Route]:
        """Everything that asks for a bearer token."""
        account = r"/providers/Microsoft\.CognitiveServices/accounts"
        one = r"/subscriptions/(?P<subscription>[^/]+)"
        return [
            route("metrics", "POST", rf"/metrics/(?P<region>[^/]+){one}/metrics:getBatch", self.get_metrics),
            route("deployments", "GET", rf"(?P<id>{one}/.+{account}/[^/]+)/deployments", self.deployments),
            route("accounts", "GET", one + account, self.accounts),
            route("subscriptions", "GET", r"/subscriptions", self.subscriptions),
            route("costs", "POST", r"(?P<scope>.*)/providers/Microsoft\.CostManagement/query", self.costs),
        ]

    def chat_routes(self) -> list[Route]:
        return [
            (
                "teams",
                "POST",
                TEAMS_ROUTE,
                lambda request, at: self.teams.invoke(request, at["name"], self.now),
            ),
            (
                "slack",
                "POST",
                METHOD_ROUTE,
                lambda request, at: self.slack.call(request, at["method"], self.now),
            ),
            ("slack webhook", "POST", WEBHOOK_ROUTE, self.slack_webhook),
        ]

    def control_routes(self) -> list[Route]:
        return [
            route("clock", "PUT", "/sim/clock", self.set_clock),
            route("faults", "PUT", "/sim/faults", self.set_faults),
            route("options", "PUT", "/sim/options", self.set_options),
            route("requests", "GET", "/sim/requests", self.requests),
            route("messages", "GET", "/sim/messages", self.messages),
            route("rejected", "GET", "/sim/rejected", self.rejected),
        ]

    def answer(self, request: Request) -> Answer:
        """The answer to any request; an Azure error where it is refused."""
        if request.path.startswith("/sim/"):
            return dispatch(self.controls, request)[1]
        chat = request.path.startswith(("/teams/", "/slack/"))
        rule = self.mishaps.take(request)
        if rule and rule.cut != "after":
            name, answer = "fault", broken(rule)
        elif not chat and not request.headers.get("authorization", "").startswith("Bearer "):
            name, answer = "unauthorised", unauthorised()
        else:
            name, answer = dispatch(self.chat if chat else self.azure, request)
        self.remember(name, request, answer)
        return replace(answer, lost=True) if rule and rule.cut == "after" else answer

    def remember(self, name: str, request: Request, answer: Answer) -> None:
        seen = {
            "at": self.now,
            "route": name,
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "status": answer.status,
            "client_type": request.headers.get("clienttype", ""),
        }
        with self.lock:
            self.counts[name] += 1
            self.recent.append(seen)

    def get_metrics(self, request: Request, at: Mapping[str, str]) -> Answer:
        return self.metrics.answer(request, at["region"], at["subscription"], self.now)

    def subscriptions(self, request: Request, at: Mapping[str, str]) -> Answer:
        return arm_api.list_subscriptions(self.estate, request, self.base)

    def accounts(self, request: Request, at: Mapping[str, str]) -> Answer:
        return arm_api.list_accounts(self.estate, request, self.base, at["subscription"])

    def deployments(self, request: Request, at: Mapping[str, str]) -> Answer:
        account = self.metrics.accounts.get(at["id"].lower())
        return arm_api.list_deployments(self.estate, request, self.base, account, self.now)

    def costs(self, request: Request, at: Mapping[str, str]) -> Answer:
        scope = "/" + at["scope"].strip("/")
        if self.options.cost_throttle:
            with self.lock:
                self.throttle.check(scope, self.now)
        return cost_api.query_costs(self.estate, request, self.base, scope, self.now, self.options.cost_page)

    def slack_webhook(self, request: Request, at: Mapping[str, str]) -> Answer:
        return self.slack.webhook(request, at["team"], at["bot"], at["secret"], self.now)

    def set_clock(self, request: Request, at: Mapping[str, str]) -> Answer:
        now = datetime.fromisoformat(request.json()["now"])
        if now.tzinfo is None:
            raise Refusal(400, "BadRequest", "now needs a zone")
        self.now = now
        return Answer(204)

    def set_faults(self, request: Request, at: Mapping[str, str]) -> Answer:
        self.mishaps.set(msgspec.convert(request.json(), list[Mishap]))
        return Answer(204)

    def set_options(self, request: Request, at: Mapping[str, str]) -> Answer:
        self.options = msgspec.convert(request.json(), Options)
        self.slack.known = set(self.options.slack_channels)
        return Answer(204)

    def requests(self, request: Request, at: Mapping[str, str]) -> Answer:
        with self.lock:
            return as_json({"counts": dict(self.counts), "recent": list(self.recent)})

    def messages(self, request: Request, at: Mapping[str, str]) -> Answer:
        with self.mailbox.lock:
            return as_json([asdict(message) for message in self.mailbox.messages])

    def rejected(self, request: Request, at: Mapping[str, str]) -> Answer:
        with self.mailbox.lock:
            return as_json([asdict(message) for message in self.mailbox.rejected])


def route(
    name: str, method: str, pattern: str, handler: Callable[[Request, Mapping[str, str]], Answer]
) -> Route:
    return name, method, re.compile(pattern, re.IGNORECASE), handler


def dispatch(routes: list[Route], request: Request) -> tuple[str, Answer]:
    """The name of the route and its answer."""
    for name, method, pattern, handler in routes:
        match = pattern.fullmatch(request.path)
        if match and method == request.method:
            try:
                return name, handler(request, match.groupdict())
            except Refusal as refused:
                return name, refused.answer()
            except (msgspec.ValidationError, ValueError, KeyError) as wrong:
                return name, Refusal(400, "BadRequest", f"{type(wrong).__name__}: {wrong}").answer()
    return "unknown", Refusal(404, "NotFound", f"No route for {request.method} {request.path}").answer()


def unauthorised() -> Answer:
    challenge = {"WWW-Authenticate": 'Bearer authorization_uri="https://login.microsoftonline.com/common"'}
    return Refusal(401, "AuthenticationFailed", "The 'Authorization' header is missing.", challenge).answer()
