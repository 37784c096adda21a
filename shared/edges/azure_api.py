"""Azure's APIs by the clients of its SDKs: one method a question, each answered as Azure's own JSON.

The clients bring the sign-in, the retries and the pipeline; we write the request and read the answer. Their
own methods follow no page of a cost query, and any other page to wherever it is said to be.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

from azure.core.rest import HttpRequest

from shared.core.faults import NotThere, Unreachable
from shared.core.model import Period
from shared.core.scopes import subscription_of
from shared.edges.azure_call import ask, listed, read, refuse_elsewhere, send, senseless
from shared.edges.azure_clients import Clients, Endpoints
from shared.formats.azure_errors import Asked, is_gone
from shared.formats.azure_meanings import Api
from shared.formats.loose import mapping, mappings, one_line
from shared.formats.metric_names import MOST_SERIES, MetricQuery

CLIENT_TYPE = "Meterwatch"  # our own throttling bucket; without it one is shared with every other tool
MOST_PAGES = 500
MOST_ROWS = 5_000  # a page of a cost query; the default is 1,000
COST_VERSION = "2025-03-01"
METRICS_VERSION = "2024-02-01"
ARM_VERSIONS = {
    "subscriptions": "2022-12-01",
    "resource groups": "2021-04-01",
    "management groups": "2020-05-01",
    "accounts": "2025-06-01",
}
IN_A_PATH = "/()"  # characters that stand in the path of a URL as they are


class AzureApi:
    """Reads Azure with one credential, as ports.Azure says."""

    def __init__(self, credential: Any, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._clients = Clients(credential, endpoints)

    def subscriptions(self) -> list[str]:
        """See ports.Azure."""
        asked = Asked(Api.ARM, "list of subscriptions", "")
        items = self._list(asked, "/subscriptions", ARM_VERSIONS["subscriptions"])
        ids = (one_line(item.get("subscriptionId")).lower() for item in items)
        return [one for one in ids if one]

    def subscriptions_under(self, management_group: str) -> list[str]:
        """See ports.Azure."""
        scope = f"/providers/Microsoft.Management/managementGroups/{management_group}"
        asked = Asked(Api.ARM, f"subscriptions under {scope}", scope)
        items = self._list(asked, f"{scope}/descendants", ARM_VERSIONS["management groups"])
        found = (re.fullmatch(r"/subscriptions/([\w-]+)", str(item.get("id")).lower()) for item in items)
        return [match[1] for match in found if match]

    def exists(self, resource: str) -> bool:
        """See ports.Azure."""
        asked = Asked(Api.ARM, f"resource {resource}", resource)
        request = HttpRequest("GET", self._arm_url(resource, ARM_VERSIONS["accounts"]))
        reply = send(self._clients.arm, self._endpoints.arm, request, asked)
        if is_gone(reply):
            return False
        found = mapping(read(asked, reply))
        if one_line(found.get("id"), 1000).rstrip("/").lower() != resource.rstrip("/").lower():
            raise senseless(asked, "it is of something else")
        return True

    def resource_groups(self, subscription: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        scope = f"/subscriptions/{subscription}"
        asked = Asked(Api.ARM, f"resource groups of {scope}", scope)
        return self._list(asked, f"{scope}/resourcegroups", ARM_VERSIONS["resource groups"])

    def accounts(self, subscription: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        scope = f"/subscriptions/{subscription}"
        asked = Asked(Api.ARM, f"AI accounts of {scope}", scope)
        path = f"{scope}/providers/Microsoft.CognitiveServices/accounts"
        return self._list(asked, path, ARM_VERSIONS["accounts"])

    def deployments(self, account: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        asked = Asked(Api.ARM, f"deployments of {account}", account)
        return self._list(asked, f"{account}/deployments", ARM_VERSIONS["accounts"])

    def projects(self, account: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        asked = Asked(Api.ARM, f"projects of {account}", account)
        return self._list(asked, f"{account}/projects", ARM_VERSIONS["accounts"])

    def cost_page(self, scope: str, question: Mapping[str, Any], link: str = "") -> dict[str, Any]:
        """See ports.Azure."""
        asked = Asked(Api.COST, f"Cost Management of {scope}", scope)
        if link:
            refuse_elsewhere(asked, link, self._endpoints.arm)
        path = f"{scope}/providers/Microsoft.CostManagement/query"
        first = f"{self._arm_url(path, COST_VERSION)}&$top={MOST_ROWS}"
        request = HttpRequest("POST", link or first, json=dict(question), headers={"ClientType": CLIENT_TYPE})
        page = ask(self._clients.arm, self._endpoints.arm, request, asked)
        if page is None:
            return {}
        properties = mapping(page.get("properties"))
        listed(asked, properties, "columns")
        listed(asked, properties, "rows")
        return page

    def budgets(self, scope: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        asked = Asked(Api.COST, f"budgets of {scope}", scope)
        return self._list(asked, f"{scope}/providers/Microsoft.CostManagement/budgets", COST_VERSION)

    def cost_alerts(self, scope: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        asked = Asked(Api.COST, f"cost alerts of {scope}", scope)
        return self._list(asked, f"{scope}/providers/Microsoft.CostManagement/alerts", COST_VERSION)

    def metrics(
        self, region: str, resources: Sequence[str], query: MetricQuery, asked: Period, grain: timedelta
    ) -> dict[str, Any]:
        """See ports.Azure."""
        scope = f"/subscriptions/{subscription_of(resources[0])}"
        what = f"metrics of {scope}, {len(resources)} resources in {region or 'no region'}"
        if not region.isalnum():  # it becomes part of a host's name, and the token goes there
            raise NotThere(f"{what}: that is no region")
        endpoint = self._endpoints.metrics.format(region=region)
        request = HttpRequest(
            "POST",
            f"{endpoint}{scope}/metrics:getBatch",
            params=_metric_parameters(query, asked, grain),
            json={"resourceids": list(resources)},
        )
        about = Asked(Api.METRICS, what, scope, query.names)
        found = ask(self._clients.metrics(endpoint), endpoint, request, about)
        if found is None:
            return {"values": []}
        listed(about, found, "values")
        return found

    def logs(self, workspace: str, query: str, asked: Period) -> list[dict[str, Any]]:
        """See ports.Azure."""
        about = Asked(Api.LOGS, f"logs of workspace {workspace}", workspace)
        request = HttpRequest(
            "POST",
            f"{self._endpoints.logs}/v1/workspaces/{quote(workspace)}/query",
            json={"query": query, "timespan": f"{asked.start.isoformat()}/{asked.end.isoformat()}"},
        )
        found = ask(self._clients.logs, self._endpoints.logs, request, about)
        if found is None:
            return []
        if found.get("error"):
            code = one_line(mapping(found["error"]).get("code"), 60)
            raise Unreachable(f"{about.what}: only a part of the answer came ({code or 'no code'})")
        tables = mappings(listed(about, found, "tables"))
        return [row for table in tables[:1] for row in _table_rows(about, table)]

    def price_page(self, question: Mapping[str, str], link: str = "") -> dict[str, Any]:
        """See ports.Azure. Asked without a login."""
        asked = Asked(Api.PRICES, "retail prices", "")
        endpoint = self._endpoints.prices
        if link:
            refuse_elsewhere(asked, link, endpoint)
        url = link or f"{endpoint}/api/retail/prices?{urlencode(question, quote_via=quote)}"
        page = ask(self._clients.prices, endpoint, HttpRequest("GET", url), asked)
        listed(asked, page or {}, "Items")
        return page or {}

    def _arm_url(self, path: str, version: str) -> str:
        return f"{self._endpoints.arm}{quote(path, IN_A_PATH)}?api-version={version}"

    def _list(self, asked: Asked, path: str, version: str) -> list[dict[str, Any]]:
        """All items of a list of ARM's, page by page."""
        url = self._arm_url(path, version)
        items: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            request = HttpRequest("GET", url, headers={"ClientType": CLIENT_TYPE})
            page = ask(self._clients.arm, self._endpoints.arm, request, asked)
            if page is None:
                return items
            items += [item for item in listed(asked, page, "value") if isinstance(item, dict)]
            url = str(page.get("nextLink") or "")
            if not url:
                return items
            refuse_elsewhere(asked, url, self._endpoints.arm)
        raise Unreachable(f"{asked.what}: more than {MOST_PAGES} pages")


def _metric_parameters(query: MetricQuery, asked: Period, grain: timedelta) -> dict[str, Any]:
    return {
        "api-version": METRICS_VERSION,
        "metricnamespace": query.namespace,
        "metricnames": ",".join(query.names),
        "starttime": f"{asked.start:%Y-%m-%dT%H:%M:%SZ}",
        "endtime": f"{asked.end:%Y-%m-%dT%H:%M:%SZ}",
        "interval": _iso(grain),
        "aggregation": "Total,Average",
        "filter": query.filter,
        "top": MOST_SERIES,
    }


def _iso(grain: timedelta) -> str:
    """Whole minutes or hours in ISO 8601, the one form of each that the API takes."""
    minutes = int(grain.total_seconds()) // 60
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"


def _table_rows(asked: Asked, table: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [one_line(column.get("name")) for column in mappings(listed(asked, table, "columns"))]
    rows = listed(asked, table, "rows")
    if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
        raise senseless(asked, "a row that has not the table's columns")
    return [dict(zip(names, row, strict=True)) for row in rows]
