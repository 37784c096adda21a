"""Azure's APIs through their SDKs: bytes in and out, and their failures in our words.

The SDKs neither follow Cost Management's pages nor read its throttling headers; both are done here. A
throttled call is not waited for inside a function: it raises, and the next round comes after the wait.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Throttled, Unreachable
from shared.core.model import Period
from shared.core.scopes import subscription_of
from shared.formats.loose import one_line
from shared.formats.token_metrics import MetricQuery

CLIENT_TYPE = "Meterwatch"  # our own throttling bucket; without it one is shared with every other tool
LONGEST_WAIT = timedelta(hours=24)  # no wait is believed beyond this
LEAST_WAIT = timedelta(seconds=60)  # after a 429 that does not say how long
MOST_SERIES = 1000  # of a metric and resource; the default of 10 would cut deployments off
MOST_PAGES = 500
METRICS_VERSION = "2024-02-01"
ARM_VERSIONS = {
    "subscriptions": "2022-12-01",
    "resource groups": "2021-04-01",
    "management groups": "2020-05-01",
    "accounts": "2025-06-01",
}
PRICES_VERSION = "2023-01-01-preview"
MOST_ROWS = 5_000  # a page of a cost query; the default is 1,000
DEFAULT_PORTS = {"https": 443, "http": 80}
Found = TypeVar("Found")

_SECRETS = re.compile(r"(https?://[^\s?]+\?|\bbearer\s+|\beyJ)[^\s\"'<>]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Azure's APIs are, without a trailing slash; a sovereign cloud has others."""

    arm: str = "https://management.azure.com"
    metrics: str = "https://{region}.metrics.monitor.azure.com"
    logs: str = "https://api.loganalytics.io"
    prices: str = "https://prices.azure.com"


class AzureApi:
    """Reads Azure with one credential, by clients made when first used."""

    def __init__(self, credential: Any, endpoints: Endpoints) -> None:
        self._credential = credential
        self._endpoints = endpoints
        self._metrics: dict[str, Any] = {}

    def subscriptions(self) -> list[str]:
        """See ports.Azure."""
        items = self._list("/subscriptions", ARM_VERSIONS["subscriptions"])
        return [str(item["subscriptionId"]).lower() for item in items if item.get("subscriptionId")]

    def subscriptions_under(self, management_group: str) -> list[str]:
        """See ports.Azure."""
        path = f"/providers/Microsoft.Management/managementGroups/{management_group}/descendants"
        items = self._list(path, ARM_VERSIONS["management groups"])
        found = (re.fullmatch(r"/subscriptions/([\w-]+)", str(item.get("id")).lower()) for item in items)
        return [match[1] for match in found if match]

    def exists(self, resource: str) -> bool:
        """See ports.Azure."""
        url = f"{self._endpoints.arm}{resource}?api-version={ARM_VERSIONS['accounts']}"
        try:
            self._send(f"ARM resource {resource}", HttpRequest("GET", url))
        except NotThere:
            return False
        return True

    def resource_groups(self, subscription: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        return self._list(f"/subscriptions/{subscription}/resourcegroups", ARM_VERSIONS["resource groups"])

    def accounts(self, subscription: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/accounts"
        return self._list(path, ARM_VERSIONS["accounts"])

    def deployments(self, account: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        return self._list(f"{account}/deployments", ARM_VERSIONS["accounts"])

    def projects(self, account: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        return self._list(f"{account}/projects", ARM_VERSIONS["accounts"])

    def cost_page(self, scope: str, question: Mapping[str, Any], link: str = "") -> dict[str, Any]:
        """See ports.Azure."""
        what = f"Cost Management of {scope}"
        headers = {"ClientType": CLIENT_TYPE}

        def first() -> dict[str, Any]:
            found = self._arm.query.usage(
                scope.lstrip("/"),
                question,
                headers=headers,
                params={"$top": MOST_ROWS},
                **_options(self._endpoints.arm),
            )
            return dict(found.as_dict()) if found is not None else {}

        if link:
            self._refuse_elsewhere(what, link, self._endpoints.arm)
            page = self._send(what, HttpRequest("POST", link, json=dict(question), headers=headers))
        else:
            page = _in_our_words(what, first)
        if page:
            _expect_rows(what, page)
        return page

    def budgets(self, scope: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        what = f"budgets of {scope}"
        client = self._arm
        return _in_our_words(
            what,
            lambda: [
                dict(one.as_dict())
                for one in client.budgets.list(scope.lstrip("/"), **_options(self._endpoints.arm))
            ],
        )

    def cost_alerts(self, scope: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        what = f"cost alerts of {scope}"
        found = _in_our_words(
            what, lambda: self._arm.alerts.list(scope.lstrip("/"), **_options(self._endpoints.arm)).as_dict()
        )
        return [one for one in _expect_list(what, found, "value") if isinstance(one, dict)]

    def metrics(
        self, region: str, resources: Sequence[str], query: MetricQuery, asked: Period, grain: timedelta
    ) -> dict[str, Any]:
        """See ports.Azure. Asks for JSON: the SDK's own models take five times as long and lose the ids."""
        what = f"metrics of {len(resources)} accounts in {region or 'no region'}"
        if not region.isalnum():  # it becomes part of a host's name, and the token goes there
            raise NotThere(f"{what}: that is no region")
        endpoint = self._endpoints.metrics.format(region=region)
        request = HttpRequest(
            "POST",
            f"/subscriptions/{subscription_of(resources[0])}/metrics:getBatch",
            params={
                "api-version": METRICS_VERSION,
                "metricnamespace": query.namespace,
                "metricnames": ",".join(query.names),
                "starttime": f"{asked.start:%Y-%m-%dT%H:%M:%SZ}",
                "endtime": f"{asked.end:%Y-%m-%dT%H:%M:%SZ}",
                "interval": _iso(grain),
                "aggregation": "Total,Average",
                "filter": " and ".join(f"{dimension} eq '*'" for dimension in query.dimensions),
                "top": MOST_SERIES,
            },
            json={"resourceids": list(resources)},
        )
        found = self._send(what, request, self._metrics_client(endpoint), endpoint)
        _expect_list(what, found, "values")
        return found

    def logs(self, workspace: str, query: str, asked: Period) -> list[dict[str, Any]]:
        """See ports.Azure."""
        what = f"logs of workspace {workspace}"
        client = self._logs_client
        found = _in_our_words(
            what,
            lambda: client.query_workspace(
                workspace, query, timespan=(asked.start, asked.end), **_options(self._endpoints.logs)
            ),
        )
        if found.status != "Success":
            raise Unreachable(f"{what}: only a part of the answer came")
        return [
            dict(zip(table.columns, row, strict=True)) for table in found.tables[:1] for row in table.rows
        ]

    def price_page(self, currency: str, filter_: str, link: str = "") -> dict[str, Any]:
        """See ports.Azure. Asked without a login."""
        what = "retail prices"
        endpoint = self._endpoints.prices
        if link:
            self._refuse_elsewhere(what, link, endpoint)
        parameters = {
            "api-version": PRICES_VERSION,
            "currencyCode": f"'{currency}'",
            "$filter": filter_,
        }
        url = link or f"{endpoint}/api/retail/prices?{urlencode(parameters, quote_via=quote)}"
        return self._send(what, HttpRequest("GET", url), self._open_client, endpoint)

    @cached_property
    def _arm(self) -> Any:
        from azure.mgmt.costmanagement import CostManagementClient

        return CostManagementClient(
            self._credential,
            base_url=self._endpoints.arm,
            credential_scopes=[f"{self._endpoints.arm}/.default"],
            **_PIPELINE,
        )

    @cached_property
    def _logs_client(self) -> Any:
        from azure.monitor.query import LogsQueryClient

        return LogsQueryClient(self._credential, endpoint=self._endpoints.logs, **_PIPELINE)

    @cached_property
    def _open_client(self) -> Any:
        from azure.core import PipelineClient

        return PipelineClient(self._endpoints.prices, **_PIPELINE)

    def _metrics_client(self, endpoint: str) -> Any:
        from azure.monitor.querymetrics import MetricsClient

        if endpoint not in self._metrics:
            audience = self._endpoints.metrics.replace("{region}.", "")
            self._metrics[endpoint] = MetricsClient(
                endpoint, self._credential, audience=audience, **_PIPELINE
            )
        return self._metrics[endpoint]

    def _list(self, path: str, version: str) -> list[dict[str, Any]]:
        """All items of an ARM list, page by page."""
        url = f"{self._endpoints.arm}{path}?api-version={version}"
        items: list[dict[str, Any]] = []
        what = f"ARM list {path}"
        for _ in range(MOST_PAGES):
            page = self._send(what, HttpRequest("GET", url))
            items += [item for item in _expect_list(what, page, "value") if isinstance(item, dict)]
            url = self._next(what, page)
            if not url:
                return items
        raise Unreachable(f"{what}: more than {MOST_PAGES} pages")

    def _next(self, what: str, page: Mapping[str, Any]) -> str:
        """Where the next page is, "" for the last one."""
        link = str(page.get("nextLink") or "")
        if link:
            self._refuse_elsewhere(what, link, self._endpoints.arm)
        return link

    def _refuse_elsewhere(self, what: str, link: str, endpoint: str) -> None:
        """Unreachable for a next page on another host, which would get our token."""
        there = _host(link)
        if there != _host(endpoint):
            raise Unreachable(
                f"{what}: the next page is on another host: {there[1] if there else link[:100]}"
            )

    def _send(
        self, what: str, request: HttpRequest, client: Any = None, endpoint: str = ""
    ) -> dict[str, Any]:
        """The JSON object that a request answers, {} for no content; by the ARM client unless told."""

        def send() -> dict[str, Any]:
            answer = (client or self._arm).send_request(request, **_options(endpoint or request.url))
            answer.raise_for_status()
            found = msgspec.json.decode(answer.content) if answer.status_code != 204 else {}
            if not isinstance(found, dict):
                raise ValueError(f"JSON of type {type(found).__name__}, expected an object")
            return found

        return _in_our_words(what, send)


# A refusal by status is ours to judge; a lost connection is tried once more at once.
_PIPELINE: dict[str, Any] = {
    "retry_total": 2,
    "retry_connect": 1,
    "retry_read": 1,
    "retry_status": 0,
    "connection_timeout": 10,
    "read_timeout": 60,
    "logging_enable": False,
}


def _host(url: object) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of a URL; None for what is none."""
    try:
        parts = urlsplit(str(url))
        return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None


def _expect_rows(what: str, page: Mapping[str, Any]) -> None:
    found = page.get("properties")
    if not isinstance(found, dict):
        raise Unreachable(f"{what}: an answer that makes no sense (no properties)")
    _expect_list(what, found, "columns")
    _expect_list(what, found, "rows")


def _expect_list(what: str, answer: Mapping[str, Any], name: str) -> list[Any]:
    """The list of that name; without one the answer says nothing, which is not the same as none."""
    found = answer.get(name)
    if not isinstance(found, list):
        raise Unreachable(f"{what}: an answer that makes no sense (no {name})")
    return found


def _iso(grain: timedelta) -> str:
    """Whole minutes or hours in ISO 8601, the one form of each that the API takes."""
    minutes = int(grain.total_seconds()) // 60
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"


def _options(url: str) -> dict[str, Any]:
    """A token is sent over plain http only to this machine itself."""
    host = _host(url)
    return {"enforce_https": host is None or host[1] not in ("127.0.0.1", "localhost")}


def _in_our_words(what: str, ask: Callable[[], Found]) -> Found:
    """The answer, or a fault that says what was asked and what came back."""
    try:
        return ask()
    except AzureError as fault:
        raise _refusal(what, fault) from None
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError) as garbage:
        raise Unreachable(f"{what}: an answer that makes no sense ({type(garbage).__name__})") from None


def _refusal(what: str, refused: AzureError) -> SourceFault | SignInFault:
    status = refused.status_code if isinstance(refused, HttpResponseError) else None
    if not isinstance(refused, HttpResponseError) or status is None:
        if isinstance(refused, ClientAuthenticationError):
            return SignInFault(_first_line(refused))
        return Unreachable(f"{what}: {type(refused).__name__}")
    text = f"{what} answered {status}: {_first_line(refused)}"
    if status in (429, 529):
        return Throttled(text, longest_wait(getattr(refused.response, "headers", {})))
    if status in (401, 403):
        return NotPermitted(text)
    return NotThere(text) if status in (400, 404) else Unreachable(text)


def longest_wait(headers: Any) -> timedelta:
    """The longest of all waits that the answer asks for; several buckets may have run out at once."""
    waits = [str(value) for name, value in headers.items() if str(name).lower().endswith("retry-after")]
    seconds = [int(wait[:9]) for wait in waits if wait.isascii() and wait.isdigit()]
    return min(timedelta(seconds=max(seconds)), LONGEST_WAIT) if seconds else LEAST_WAIT


def _first_line(error: BaseException) -> str:
    """What an error says first, without what may be a secret: the query of a URL, a token."""
    line = one_line(str(error).strip().split("\n", 1)[0], 1000)
    return one_line(_SECRETS.sub(lambda found: found[1] + "...", line), 200)
