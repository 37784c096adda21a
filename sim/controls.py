"""PUT and GET /sim/...: what steers the tenant and what tells how it was used."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import msgspec

from sim.metrics_api import Conduct
from sim.mishaps import Mishap
from sim.options import Options
from sim.roles import Assignment
from sim.routing import At, dispatch, route
from sim.scenarios import Scenario, named
from sim.tenant import Tenant
from sim.wire import Answer, Refusal, Request, as_json


class RoleChange(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    scope: str = "/"
    assigned: bool = False


class Controls:
    """Safe to use from several threads."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.routes = [
            route("clock", "sim", "PUT", "/sim/clock", self.set_clock),
            route("faults", "sim", "PUT", "/sim/faults", self.set_faults),
            route("options", "sim", "PUT", "/sim/options", self.set_options),
            route("roles", "sim", "PUT", "/sim/roles", self.set_role),
            route("removed", "sim", "PUT", "/sim/removed", self.set_removed),
            route("scenario", "sim", "PUT", "/sim/scenario", self.set_scenario),
            route("reset", "sim", "PUT", "/sim/requests/reset", self.reset_requests),
            route("requests", "sim", "GET", "/sim/requests", self.requests),
            route("messages", "sim", "GET", "/sim/messages", self.messages),
            route("rejected", "sim", "GET", "/sim/rejected", self.rejected),
        ]

    def answer(self, request: Request) -> Answer:
        return dispatch(self.routes, request)[2]

    def set_clock(self, request: Request, at: At) -> Answer:
        now = datetime.fromisoformat(request.json()["now"])
        if now.tzinfo is None:
            raise Refusal(400, "BadRequest", "now needs a zone")
        self.tenant.azure.clock = now
        return Answer(204)

    def set_faults(self, request: Request, at: At) -> Answer:
        self.tenant.mishaps.set(msgspec.convert(request.json(), list[Mishap]))
        return Answer(204)

    def set_options(self, request: Request, at: At) -> Answer:
        self.take_options(msgspec.convert(request.json(), Options))
        return Answer(204)

    def take_options(self, options: Options) -> None:
        self.tenant.azure.options = options
        self.tenant.azure.metrics.conduct = Conduct(
            frozenset(name.lower() for name in options.metrics_unknown),
            options.metrics_anonymous,
            options.metrics_missing_empty,
        )
        self.tenant.slack.known = set(options.slack_channels)

    def set_role(self, request: Request, at: At) -> Answer:
        change = msgspec.convert(request.json(), RoleChange)
        assignment = msgspec.convert({"role": change.role, "scope": change.scope}, Assignment)
        roles = self.tenant.azure.roles
        (roles.assign if change.assigned else roles.take)(assignment)
        return Answer(204)

    def set_removed(self, request: Request, at: At) -> Answer:
        """What was gone before stays gone since then; what is not named is there again."""
        names = msgspec.convert(request.json(), list[str])
        azure = self.tenant.azure
        before: Mapping[str, datetime] = azure.removed
        folded = [name.lower().rstrip("/") for name in names]
        azure.removed = {name: before.get(name, azure.now) for name in folded}
        return Answer(204)

    def set_scenario(self, request: Request, at: At) -> Answer:
        self.play(named(str(request.json()["name"])))
        return Answer(204)

    def play(self, scenario: Scenario) -> None:
        """Everything as the scenario has it; all that it does not name as at the start, but for the clock."""
        self.take_options(scenario.new_options())
        self.tenant.mishaps.set(scenario.new_mishaps())
        self.tenant.azure.roles.set(list(scenario.missing))
        self.tenant.azure.removed = {}

    def reset_requests(self, request: Request, at: At) -> Answer:
        self.tenant.forget_requests()
        return Answer(204)

    def requests(self, request: Request, at: At) -> Answer:
        tenant = self.tenant
        with tenant.lock:
            counts, apis, recent = dict(tenant.counts), dict(tenant.apis), list(tenant.recent)
        return as_json({"counts": counts, "apis": apis, "recent": recent})

    def messages(self, request: Request, at: At) -> Answer:
        return as_json(self.kept(self.tenant.mailbox.messages))

    def rejected(self, request: Request, at: At) -> Answer:
        return as_json(self.kept(self.tenant.mailbox.rejected))

    def kept(self, found: Sequence[Any]) -> list[dict[str, Any]]:
        with self.tenant.mailbox.lock:
            return [asdict(one) for one in found]
