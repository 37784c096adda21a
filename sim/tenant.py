"""The simulated tenant: one address for Azure's APIs, the chat receivers and the simulation's controls."""

from collections import Counter, deque
from datetime import datetime
from email.utils import format_datetime
from threading import Lock
from typing import Any

from sim.azure import Azure
from sim.estate import Estate
from sim.messages import Mailbox
from sim.mishaps import Mishaps, broken, marred
from sim.routing import At, Route, dispatch
from sim.slack import METHOD_ROUTE, WEBHOOK_ROUTE, Slack
from sim.teams import ROUTE as TEAMS_ROUTE
from sim.teams import Teams
from sim.wire import Answer, Request

MOST_REMEMBERED = 5_000


class Tenant:
    """All routes but the controls. Safe to use from several threads."""

    def __init__(self, estate: Estate, base: str = "") -> None:
        self.azure, self.mishaps, self.mailbox = Azure(estate), Mishaps(), Mailbox()
        self.base = base
        self.teams, self.slack = Teams(self.mailbox), Slack(self.mailbox)
        self.counts: Counter[str] = Counter()
        self.apis: Counter[str] = Counter()
        self.recent: deque[dict[str, Any]] = deque(maxlen=MOST_REMEMBERED)
        self.lock = Lock()
        self.chat = [
            Route("teams", "chat", "POST", TEAMS_ROUTE, self.teams_hook),
            Route("slack", "chat", "POST", METHOD_ROUTE, self.slack_method),
            Route("slack webhook", "chat", "POST", WEBHOOK_ROUTE, self.slack_hook),
        ]

    @property
    def base(self) -> str:
        """Its own address, for the links to next pages."""
        return self.azure.base

    @base.setter
    def base(self, address: str) -> None:
        self.azure.base = address

    @property
    def now(self) -> datetime:
        """By our clock. Azure's may be off."""
        return self.azure.clock

    @now.setter
    def now(self, moment: datetime) -> None:
        self.azure.clock = moment

    def answer(self, request: Request) -> Answer:
        """The answer to any request to Azure or to chat; an Azure error where it is refused."""
        rule = self.mishaps.take(request)
        if rule and not rule.works:
            name, api, answer = "fault", "fault", broken(rule)
        else:
            name, api, answer = self.true_answer(request)
        self.remember(name, api, request, answer)
        return marred(rule, answer) if rule and rule.works else answer

    def true_answer(self, request: Request) -> tuple[str, str, Answer]:
        if request.path.startswith(("/teams/", "/slack/")):
            return dispatch(self.chat, request)
        refused = self.azure.refused(request)
        if refused:
            return "unauthorised", "unauthorised", refused
        name, api, answer = dispatch(self.azure.routes, request)
        return name, api, answer.having({"Date": format_datetime(self.azure.now, usegmt=True)})

    def remember(self, name: str, api: str, request: Request, answer: Answer) -> None:
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
            self.apis[api] += 1
            self.recent.append(seen)

    def forget_requests(self) -> None:
        with self.lock:
            self.counts.clear()
            self.apis.clear()
            self.recent.clear()

    def teams_hook(self, request: Request, at: At) -> Answer:
        return self.teams.invoke(request, at["name"], self.now)

    def slack_method(self, request: Request, at: At) -> Answer:
        return self.slack.call(request, at["method"], self.now)

    def slack_hook(self, request: Request, at: At) -> Answer:
        return self.slack.webhook(request, at["team"], at["bot"], at["secret"], self.now)
