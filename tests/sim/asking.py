"""A simulated tenant without a socket, asked as over HTTP."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sim.controls import Controls
from sim.estate import Estate, build_estate
from sim.tenant import Tenant
from sim.wire import Answer, Request

NOW = datetime(2026, 9, 8, 13, 30, tzinfo=UTC)
COST = "/providers/Microsoft.CostManagement"
AI_ONLY = {
    "dimensions": {
        "name": "ResourceType",
        "operator": "In",
        "values": ["microsoft.cognitiveservices/accounts"],
    }
}


@cache
def story() -> Estate:
    """The estate that all these tests look at; nothing changes it."""
    return build_estate()


class Asking:
    """The tenant at `NOW`, calm. What is asked goes with a token and a ClientType unless told."""

    def __init__(self) -> None:
        self.tenant = Tenant(story(), "http://azure.test")
        self.controls = Controls(self.tenant)
        self.tenant.now = NOW
        self.headers = {"authorization": "Bearer simulated", "clienttype": "Tests"}

    def set(self, name: str, value: Any) -> None:
        """PUT /sim/{name}; a refusal is raised as ValueError."""
        answer = self.controls.answer(Request("PUT", f"/sim/{name}", "", {}, json.dumps(value).encode()))
        if answer.status != 204:
            raise ValueError(answer.body.decode())

    def options(self, **options: Any) -> None:
        self.set("options", options)

    def answer(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """GET, or POST when there is a body: JSON, or bytes as they are. Takes whole links too."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        where, _, query = path.removeprefix(self.tenant.base).partition("?")
        given = self.headers if headers is None else headers
        return self.tenant.answer(Request("GET" if body is None else "POST", where, query, given, raw))

    def found(self, path: str, body: Any = None) -> Any:
        """What is answered with 200, as JSON."""
        answer = self.answer(path, body)
        assert answer.status == 200, answer.body.decode()
        return json.loads(answer.body)

    def refused(self, path: str, body: Any = None) -> tuple[int, str, str]:
        """Status, code and message of an error."""
        answer = self.answer(path, body)
        error = json.loads(answer.body)["error"]
        return answer.status, error["code"], error["message"]

    def all_of(self, path: str) -> list[Any]:
        """The values of every page of an ARM list."""
        found: list[Any] = []
        while path:
            page = self.found(path)
            found += page["value"]
            path = page.get("nextLink", "")
        return found

    def rows(self, scope: str, body: Any) -> list[dict[str, Any]]:
        """The rows of a cost query by column name in lower case; none for 204."""
        answer = self.answer(f"{scope}{COST}/query?api-version=2025-03-01", body)
        if answer.status == 204:
            return []
        assert answer.status == 200, answer.body.decode()
        found = json.loads(answer.body)["properties"]
        names = [column["name"].lower() for column in found["columns"]]
        return [dict(zip(names, row, strict=True)) for row in found["rows"]]


def question(first: str, last: str, *groups: str, **dataset: Any) -> Any:
    """A daily cost query for cost and quantity of AI accounts; `dataset` overrides its parts."""
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{first}T00:00:00Z", "to": f"{last}T23:59:59Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {
                "totalCost": {"name": "Cost", "function": "Sum"},
                "qty": {"name": "UsageQuantity", "function": "Sum"},
            },
            "grouping": [{"type": "Dimension", "name": name} for name in groups],
            "filter": AI_ONLY,
            **dataset,
        },
    }
