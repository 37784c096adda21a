"""Azure's APIs through their SDKs: bytes in and out, and their failures in our words.

The SDKs neither follow Cost Management's pages nor read its throttling headers; both are done here. A
throttled call is not waited for inside a function: it raises, and the next round comes after the wait.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.rest import HttpRequest

from shared.core.faults import NotPermitted, NotThere, SignInFault, SourceFault, Throttled, Unreachable
from shared.core.scopes import subscription_of
from shared.formats import token_metrics

CLIENT_TYPE = "Meterwatch"  # our own throttling bucket; without it one is shared with every other tool
LEAST_WAIT = timedelta(seconds=60)  # after a 429 that does not say how long
MOST_SERIES = 1000  # of a metric and resource; the default of 10 would cut deployments off
MOST_PAGES = 500
METRICS_VERSION = "2024-02-01"
ARM_VERSIONS = {"subscriptions": "2022-12-01", "accounts": "2025-06-01"}
Found = TypeVar("Found")


class AzureApi:
    """Reads Azure with one credential, by clients made when first used. `metrics_endpoint` holds {region}."""

    def __init__(self, credential: Any, arm_endpoint: str, metrics_endpoint: str) -> None:
        self._credential = credential
        self._arm_endpoint = arm_endpoint
        self._metrics_endpoint = metrics_endpoint
        self._metrics: dict[str, Any] = {}

    def subscriptions(self) -> list[str]:
        """See ports.Azure."""
        items = self._list("/subscriptions", ARM_VERSIONS["subscriptions"])
        return [str(item["subscriptionId"]).lower() for item in items if item.get("subscriptionId")]

    def accounts(self, subscription: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        path = f"/subscriptions/{subscription}/providers/Microsoft.CognitiveServices/accounts"
        return self._list(path, ARM_VERSIONS["accounts"])

    def deployments(self, account: str) -> list[dict[str, Any]]:
        """See ports.Azure."""
        return self._list(f"{account}/deployments", ARM_VERSIONS["accounts"])

    def costs(self, scope: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """See ports.Azure. The period asked for is closed: its last second is that before `end`."""
        question = _cost_question(start, end - timedelta(seconds=1))
        headers = {"ClientType": CLIENT_TYPE}

        def first() -> list[dict[str, Any]]:
            found = self._arm.query.usage(
                scope.lstrip("/"), question, headers=headers, **_options(self._arm_endpoint)
            )
            return [dict(found.as_dict())] if found is not None else []

        pages = _in_our_words(f"Cost Management of {scope}", first)
        while pages and (link := _next_link(pages[-1].get("properties"))):
            if len(pages) >= MOST_PAGES:
                raise Unreachable(f"Cost Management of {scope}: more than {MOST_PAGES} pages")
            self._check_link(link)
            request = HttpRequest("POST", link, json=question, headers=headers)
            pages.append(self._send(f"Cost Management of {scope}", request))
        return pages

    def metrics(
        self,
        region: str,
        resources: Sequence[str],
        names: Sequence[str],
        dimensions: Sequence[str],
        start: datetime,
        end: datetime,
        grain: timedelta,
    ) -> dict[str, Any]:
        """See ports.Azure. Asks for JSON: the SDK's own models take five times as long and lose the ids."""
        endpoint = self._metrics_endpoint.format(region=region)
        request = HttpRequest(
            "POST",
            f"/subscriptions/{subscription_of(resources[0])}/metrics:getBatch",
            params={
                "api-version": METRICS_VERSION,
                "metricnamespace": token_metrics.NAMESPACE,
                "metricnames": ",".join(names),
                "starttime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                "endtime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
                "interval": _iso(grain),
                "aggregation": "Total,Average",
                "filter": " and ".join(f"{dimension} eq '*'" for dimension in dimensions),
                "top": MOST_SERIES,
            },
            json={"resourceids": list(resources)},
        )
        what = f"metrics of {len(resources)} accounts in {region}"
        return self._send(what, request, self._metrics_client(endpoint), endpoint)

    @cached_property
    def _arm(self) -> Any:
        from azure.mgmt.costmanagement import CostManagementClient

        return CostManagementClient(self._credential, base_url=self._arm_endpoint, **_PIPELINE)

    def _metrics_client(self, endpoint: str) -> Any:
        from azure.monitor.querymetrics import MetricsClient

        if endpoint not in self._metrics:
            self._metrics[endpoint] = MetricsClient(endpoint, self._credential, **_PIPELINE)
        return self._metrics[endpoint]

    def _list(self, path: str, version: str) -> list[dict[str, Any]]:
        """All items of an ARM list, page by page."""
        url = f"{self._arm_endpoint}{path}?api-version={version}"
        items: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            page = self._send(f"ARM list {path}", HttpRequest("GET", url))
            found = page.get("value")
            items += [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
            url = _next_link(page)
            if not url:
                return items
            self._check_link(url)
        raise Unreachable(f"ARM list {path}: more than {MOST_PAGES} pages")

    def _check_link(self, link: str) -> None:
        """A page elsewhere would be sent our token: it is refused."""
        if urlsplit(link)[:2] != urlsplit(self._arm_endpoint)[:2]:
            raise Unreachable(f"a page's link leads to another host: {urlsplit(link).hostname}")

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


def _next_link(page: Any) -> str:
    """Where the next page is; "" for the last one, and for an answer of another shape."""
    link = page.get("nextLink") if isinstance(page, dict) else None
    return link if isinstance(link, str) else ""


def _iso(grain: timedelta) -> str:
    """Whole minutes or hours in ISO 8601, the one form of each that the API takes."""
    minutes = int(grain.total_seconds()) // 60
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"


def _options(url: str) -> dict[str, Any]:
    """A token is sent over plain http only to this machine itself."""
    return {"enforce_https": not url.startswith(("http://127.0.0.1:", "http://localhost:"))}


def _cost_question(start: datetime, last: datetime) -> dict[str, Any]:
    return {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": f"{start:%Y-%m-%dT%H:%M:%SZ}", "to": f"{last:%Y-%m-%dT%H:%M:%SZ}"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {
                "totalCost": {"name": "Cost", "function": "Sum"},
                "quantity": {"name": "UsageQuantity", "function": "Sum"},
            },
            "grouping": [
                {"type": "Dimension", "name": "Meter"},
                {"type": "Dimension", "name": "ResourceId"},
            ],
            # By type, not by service: the service was renamed in 2026 and history holds both names.
            "filter": {
                "dimensions": {
                    "name": "ResourceType",
                    "operator": "In",
                    "values": [token_metrics.NAMESPACE.lower()],
                }
            },
        },
    }


def _in_our_words(what: str, ask: Callable[[], Found]) -> Found:
    """The answer, or a fault that says what was asked and what came back."""
    try:
        return ask()
    except HttpResponseError as refused:
        raise _refusal(what, refused) from None
    except ClientAuthenticationError as unknown:
        raise SignInFault(_first_line(unknown)) from None
    except AzureError as lost:
        raise Unreachable(f"{what}: {type(lost).__name__}") from None
    except (msgspec.DecodeError, ValueError, KeyError, TypeError, AttributeError) as garbage:
        raise Unreachable(f"{what}: an answer that makes no sense ({type(garbage).__name__})") from None


def _refusal(what: str, refused: HttpResponseError) -> SourceFault | SignInFault:
    status = refused.status_code
    if status is None:
        return SignInFault(_first_line(refused))
    text = f"{what} answered {status}: {_first_line(refused)}"
    if status in (429, 529):
        return Throttled(text, longest_wait(getattr(refused.response, "headers", {})))
    if status in (401, 403):
        return NotPermitted(text)
    return NotThere(text) if status in (400, 404) else Unreachable(text)


def longest_wait(headers: Any) -> timedelta:
    """The longest of all waits that the answer asks for; several buckets may have run out at once."""
    waits = [str(value) for name, value in headers.items() if str(name).lower().endswith("retry-after")]
    seconds = [int(wait) for wait in waits if wait.isascii() and wait.isdigit()]
    return max([LEAST_WAIT] if not seconds else [timedelta(seconds=one) for one in seconds])


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0][:200]
