"""What the flows ask of the outside world. Edges fulfil these; `wiring` picks which."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from shared.core.model import Period
from shared.core.rows import Change, Row
from shared.formats.channel import Answer, Call
from shared.formats.links import Links
from shared.formats.metric_names import MetricQuery
from shared.formats.principal import Admission
from shared.formats.watch_file import Watch


class Store(Protocol):
    """Rows in partitions. Every method raises StoreAway when the store cannot be used.

    Partition and key are any text without a NUL, at most 200 characters.
    """

    def get(self, partition: str, key: str) -> Row | None:
        """The row, or None when there is none."""
        ...

    def scan(self, partition: str, prefix: str = "") -> Iterator[Row]:
        """The partition's rows whose key starts with `prefix`, in the order of their keys' code points."""
        ...

    def commit(self, partition: str, changes: Sequence[Change]) -> list[str]:
        """Apply all changes in one transaction and answer the new version of each ("" for a delete).

        Raises Conflict, with nothing written, when one row is not as its change expects. At most
        MOST_CHANGES changes, each key at most once, each body at most MOST_BYTES: else ValueError.
        """
        ...


class Azure(Protocol):
    """What is read from Azure. Every method raises a SourceFault or a SignInFault."""

    def subscriptions(self) -> list[str]:
        """The ids (GUIDs, lower case) of the subscriptions that the identity can read."""
        ...

    def subscriptions_under(self, management_group: str) -> list[str]:
        """The ids (GUIDs, lower case) of the subscriptions anywhere under a management group."""
        ...

    def exists(self, resource: str) -> bool:
        """Whether an ARM id names something; NotPermitted where that may not be known."""
        ...

    def resource_groups(self, subscription: str) -> list[dict[str, Any]]:
        """The resource groups of a subscription, as ARM lists them."""
        ...

    def accounts(self, subscription: str) -> list[dict[str, Any]]:
        """The AI accounts of a subscription, as ARM lists them."""
        ...

    def deployments(self, account: str) -> list[dict[str, Any]]:
        """The deployments of an AI account (an ARM id), as ARM lists them."""
        ...

    def projects(self, account: str) -> list[dict[str, Any]]:
        """The Foundry projects of an AI account (an ARM id), as ARM lists them."""
        ...

    def cost_page(self, scope: str, question: Mapping[str, Any], link: str = "") -> dict[str, Any]:
        """One page of a Cost Management query, {} for no content; one call.

        `question` is the body of the query; `link` is the nextLink of the page before, "" for the first.
        """
        ...

    def budgets(self, scope: str) -> list[dict[str, Any]]:
        """The native budgets of a subscription or resource group, as Cost Management lists them."""
        ...

    def cost_alerts(self, scope: str) -> list[dict[str, Any]]:
        """The alerts that Cost Management has raised at a scope, as it lists them."""
        ...

    def metrics(
        self, region: str, resources: Sequence[str], query: MetricQuery, asked: Period, grain: timedelta
    ) -> dict[str, Any]:
        """Metrics of up to 50 resources of one region and subscription, as the batch API answers.

        Raises UnknownMetrics when the region does not know some of the names.
        """
        ...

    def logs(self, workspace: str, query: str, asked: Period) -> list[dict[str, Any]]:
        """The rows that a Log Analytics query answers, by column; a partial answer is a fault."""
        ...

    def price_page(self, question: Mapping[str, str], link: str = "") -> dict[str, Any]:
        """One page of the retail price list; one call, without a login.

        `question` is the query's parameters; `link` is the NextPageLink of the page before, "" for the first.
        """
        ...


class Post(Protocol):
    """Sends one call of a channel and answers what came back; raises Unreachable when nothing did."""

    def __call__(self, channel: str, call: Call) -> Answer: ...


class SlackSigned(Protocol):
    """Whether a request comes from Slack, by its body as it was sent and its headers, and is no old one."""

    def __call__(self, body: bytes, headers: Mapping[str, str], now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a flow may touch."""

    store: Store
    azure: Azure
    post: Post
    watch: Watch
    new_id: Callable[[], str]  # a text nobody else has
    log: Callable[[Mapping[str, object]], None] = lambda event: None
    wait: Callable[[timedelta], None] = lambda span: None  # lets time pass; on a simulated clock, nothing
    links: Links | None = None  # None: messages carry no links to act by
    slack_signed: SlackSigned | None = None  # None: no button of Slack is ours
    signs_in: bool = False  # the platform says who a visitor is, and its word can be trusted
    webhook: Admission = Admission()  # as it stands, nobody is let in
    depths: Callable[[], Mapping[str, int | None]] = dict  # messages in each queue; None: not known
