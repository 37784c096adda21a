"""The clients of Azure's SDKs, each made when it is first asked for, and what their tokens are for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shared.edges.azure_login import SignIn
from shared.formats.addresses import is_this_machine

# A refusal by status is ours to judge; a lost connection is tried once more at once. No API of Azure's
# redirects, and who does so is not Azure.
PIPELINE: Mapping[str, Any] = {
    "retry_total": 2,
    "retry_connect": 1,
    "retry_read": 1,
    "retry_status": 0,
    "connection_timeout": 10,
    "read_timeout": 60,
    "logging_enable": False,
    "permit_redirects": False,
}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where Azure's APIs are, without a trailing slash; the public cloud's unless told."""

    arm: str = "https://management.azure.com"
    metrics: str = "https://{region}.metrics.monitor.azure.com"  # {region} stands for the region's name
    logs: str = "https://api.loganalytics.io"
    prices: str = "https://prices.azure.com"


PUBLIC = Endpoints()


class Clients:
    """One client an API, all with one credential. The price list is read without it."""

    def __init__(self, credential: Any, endpoints: Endpoints) -> None:
        self._credential = SignIn(credential)
        self._endpoints = endpoints
        self._metrics: dict[str, Any] = {}

    @cached_property
    def arm(self) -> Any:
        """For Azure Resource Manager, and for Cost Management, which is a part of it."""
        from azure.mgmt.costmanagement import CostManagementClient

        scope = audience(self._endpoints.arm, PUBLIC.arm) + "/.default"
        return CostManagementClient(
            self._credential, base_url=self._endpoints.arm, credential_scopes=[scope], **PIPELINE
        )

    @cached_property
    def logs(self) -> Any:
        """For Log Analytics."""
        from azure.monitor.query import LogsQueryClient

        return LogsQueryClient(
            self._credential,
            endpoint=self._endpoints.logs,
            audience=audience(self._endpoints.logs, PUBLIC.logs),
            **PIPELINE,
        )

    @cached_property
    def prices(self) -> Any:
        """For the retail price list; sends no token."""
        from azure.core import PipelineClient

        return PipelineClient(self._endpoints.prices, **PIPELINE)

    def metrics(self, endpoint: str) -> Any:
        """For the metrics of one region; `endpoint` is the region's own."""
        from azure.monitor.querymetrics import MetricsClient

        if endpoint not in self._metrics:
            self._metrics[endpoint] = MetricsClient(
                endpoint,
                self._credential,
                audience=audience(self._endpoints.metrics, PUBLIC.metrics).replace("{region}.", ""),
                **PIPELINE,
            )
        return self._metrics[endpoint]


def audience(endpoint: str, public: str) -> str:
    """What a token is for: the endpoint's cloud. A server on this machine stands for the public cloud."""
    return public if is_this_machine(endpoint.replace("{region}", "region")) else endpoint
