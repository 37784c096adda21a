"""watch.yaml: what is watched, against what, and who is told. Every key has a default.

An empty file watches every subscription that the identity can read. Secrets are never in the file,
only the names of the settings that hold them.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec.structs import replace

from shared.core.budgets import budget_key
from shared.core.digests import Digest
from shared.core.model import (
    Alert,
    Basis,
    Budget,
    Grain,
    Incident,
    Kind,
    Limit,
    Quantity,
    Sensitivity,
    Severity,
    State,
    Threshold,
)
from shared.core.muting import Inhibition, Silence
from shared.core.routes import Route
from shared.core.scopes import within
from shared.formats.config_errors import Contradiction, Problem, Problems, convert_all, text_keys
from shared.formats.route_refusals import digest_contradictions, muting_contradictions, route_contradictions
from shared.formats.watch_routes import (
    DEFAULT_INHIBITIONS,
    DigestEntry,
    InhibitionEntry,
    PlannedEntry,
    RouteEntry,
    SilenceEntry,
    digests,
    inhibitions,
    silences,
    tree,
)
from shared.formats.watch_types import ArmId, Entry, Name, SeverityWord, Span, folded_scope, span

SecretName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(?!\n)$", description="the name of the setting that holds it"
    ),
]
OptionalSecretName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?(?!\n)$", description="the name of the setting that holds it"
    ),
]
Guid = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$",
        description="a subscription's id, a GUID",
    ),
]
GroupName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[\w.()-]{1,90}(?!\n)$", description="a management group's id, as in its ARM id"),
]
WideScope = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(/providers/[^/\s]+/[^/\s]+/[^\s]+)?(?!\n)$",
        description="the ARM id of a management group or billing scope; empty asks each subscription",
    ),
]
WorkspaceGuid = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?(?!\n)$",
        description="a Log Analytics workspace's id, a GUID",
    ),
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}(?!\n)$", description="an ISO 4217 code")]
LARGEST = 10**15  # amounts of money and limits; above it something else was meant
LONGEST_HOLD = timedelta(days=7)
# What PyYAML raises: its own, and for a tag that does not suit its value ("!!bool maybe") nearly anything.
NOT_YAML = (
    yaml.YAMLError,
    RecursionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
MeterName = Literal[
    "tokens in",
    "tokens out",
    "active tokens",
    "requests ok",
    "requests throttled",
    "requests failed",
    "requests refused",
    "throttled share",
    "failed share",
    "PTU utilisation",
    "cache match rate",
    "latency",
    "time to response",
    "time to first token",
    "time between tokens",
    "tokens per second",
    "tokens total",
    "audio tokens in",
    "audio tokens out",
    "cache reads",
    "cache writes 5m",
    "cache writes 1h",
    "fine-tuning hours",
    "realtime seconds",
    "images",
    "pages",
    "annotated pages",
    "agent tokens in",
    "agent tokens out",
    "consumer tokens in",
    "consumer tokens out",
    "consumer calls",
]


class ChannelEntry(Entry, frozen=True):
    """A destination. `secret` names the setting that holds its token or webhook URL."""

    kind: Literal["slack", "slack webhook", "teams", "webhook", "apprise"]
    secret: SecretName
    key: OptionalSecretName = ""  # for kind webhook: the setting that holds the key that signs
    channel: str = ""  # for kind slack: the channel's id, such as C0123456789
    interactive: bool = False  # for kind slack: buttons, which Slack posts back to the app
    most_per_hour: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 30  # then one summary; twice for critical


class ThresholdEntry(Entry, frozen=True):
    """A percent of the budget's amount, of what was spent or of what is forecast."""

    percent: Decimal
    basis: Basis = Basis.ACTUAL


class BudgetEntry(Entry, frozen=True):
    """An amount for a scope and grain."""

    name: Name
    amount: Decimal
    currency: Currency = "USD"
    grain: Grain = Grain.MONTH
    scope: ArmId = ""
    thresholds: tuple[ThresholdEntry, ...] = (
        ThresholdEntry(percent=Decimal(80)),
        ThresholdEntry(percent=Decimal(100)),
        ThresholdEntry(percent=Decimal(100), basis=Basis.FORECAST),
    )


class LimitEntry(Entry, frozen=True):
    """A meter above a value for a time, on each deployment of the scope by itself.

    It is over at or below `clear`, which is `above` when it is left out.
    """

    name: Name
    meter: MeterName
    above: Decimal
    clear: Decimal | None = None
    hold: Span = "15m"
    severity: SeverityWord = "warning"
    scope: ArmId = ""


class AnomalyEntry(Entry, frozen=True):
    """How far from usual is told: 6 is as far as its own past leads to expect. And the least tokens."""

    enabled: bool = True
    score: Annotated[float, msgspec.Meta(ge=2, le=100)] = 6.0
    least_tokens: Annotated[float, msgspec.Meta(ge=0)] = 50_000.0


class SpendEntry(Entry, frozen=True):
    """How billed cost is read."""

    type: Literal["actual", "amortized"] = "actual"
    scope: WideScope = ""
    calls_per_hour: Annotated[int, msgspec.Meta(ge=2, le=240)] = 24
    native_budgets: bool = True


class GatewayEntry(Entry, frozen=True):
    """Where API Management's gateway logs are; no workspace is none."""

    workspace: WorkspaceGuid = ""


class PricesEntry(Entry, frozen=True):
    """Whether the retail price list is read, and in which currency."""

    enabled: bool = True
    currency: Currency = "USD"


DEFAULT_LIMITS = (
    LimitEntry(name="ptu-utilisation", meter="PTU utilisation", above=Decimal(90)),
    LimitEntry(name="throttled", meter="throttled share", above=Decimal(5)),
    LimitEntry(name="failing", meter="failed share", above=Decimal(10), severity="critical"),
)


class WatchFile(Entry, frozen=True):
    """The whole file."""

    subscriptions: tuple[Guid, ...] = ()
    management_groups: tuple[GroupName, ...] = ()
    owner_tag: str = "owner"
    channels: dict[Name, ChannelEntry] = msgspec.field(default_factory=dict)
    environment_tag: str = "environment"
    routes: tuple[RouteEntry, ...] = ()
    digests: tuple[DigestEntry, ...] = ()
    silences: tuple[SilenceEntry, ...] = ()
    planned: tuple[PlannedEntry, ...] = ()
    inhibitions: tuple[InhibitionEntry, ...] = DEFAULT_INHIBITIONS
    budgets: tuple[BudgetEntry, ...] = ()
    limits: tuple[LimitEntry, ...] = DEFAULT_LIMITS
    anomalies: AnomalyEntry = AnomalyEntry()
    newcomers: bool = True
    spend: SpendEntry = SpendEntry()
    gateway: GatewayEntry = GatewayEntry()
    prices: PricesEntry = PricesEntry()


@dataclass(frozen=True, slots=True)
class Watch:
    """What a watch file means, in the core's words."""

    subscriptions: tuple[str, ...] = ()
    management_groups: tuple[str, ...] = ()
    owner_tag: str = "owner"
    channels: tuple[tuple[str, ChannelEntry], ...] = ()
    environment_tag: str = "environment"
    routes: Route = Route("all alerts")
    digests: tuple[Digest, ...] = ()
    silences: tuple[Silence, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    budgets: tuple[Budget, ...] = ()
    limits: tuple[Limit, ...] = ()
    sensitivity: Sensitivity | None = Sensitivity()  # None: anomalies are not judged
    newcomers: bool = True
    spend: SpendEntry = SpendEntry()
    gateway: GatewayEntry = GatewayEntry()
    prices: PricesEntry = PricesEntry()

    def channel(self, name: str) -> ChannelEntry | None:
        """The channel of that name, or None when the file no longer has it."""
        return dict(self.channels).get(name)


def parse_watch(text: str) -> Watch:
    """The watch of a file's text; raises Problems with every mistake in it."""
    try:
        loader = _Loader(text)
        raw = text_keys(loader.get_single_data())
    except NOT_YAML as broken:
        raise Problems([Problem("$", "this text", f"YAML; {' '.join(str(broken).split())}")]) from None
    try:
        file = convert_all({} if raw is None else raw, WatchFile, partial(_contradictions, _channels_in(raw)))
    except Problems as found:
        raise Problems([*loader.repeated, *found.problems]) from None
    if loader.repeated:
        raise Problems(loader.repeated)
    return _watch(file)


class _Loader(yaml.SafeLoader):
    """Notes keys that stand twice in one mapping: YAML keeps the last and says nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.repeated: list[Problem] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        seen: set[str] = set()
        for key in keys:
            if key.value in seen:
                place = f"line {key.start_mark.line + 1}"
                self.repeated.append(Problem(place, repr(key.value), "each key of a mapping once"))
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _channels_in(raw: Any) -> tuple[str, ...]:
    """The names of all channels that the file defines, well or not: a route may name them."""
    channels = raw.get("channels") if isinstance(raw, dict) else None
    return tuple(channels) if isinstance(channels, dict) else ()


def json_schema() -> dict[str, Any]:
    """The file's JSON schema, for editors."""
    (schema,), components = msgspec.json.schema_components([WatchFile])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meterwatch watch.yaml",
        **schema,
        "$defs": _with_numbers(components),
    }


def _with_numbers(schema: Any) -> Any:
    """The schema with numbers where msgspec, which writes decimals as text, takes both."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {**schema, "type": ["number", "string"]}
        return {name: _with_numbers(inner) for name, inner in schema.items()}
    return [_with_numbers(inner) for inner in schema] if isinstance(schema, list) else schema


def _contradictions(channels: Sequence[str], file: WatchFile) -> Iterator[Contradiction]:
    yield from _channel_contradictions(channels, file)
    yield from digest_contradictions(channels, file.digests)
    yield from muting_contradictions(file.silences, file.planned, file.inhibitions)
    yield from _number_contradictions(file)
    yield from _repeated("budgets", [budget_key(budget.scope, budget.name) for budget in file.budgets])
    yield from _repeated("limits", [limit.name.strip().lower() for limit in file.limits])


def _channel_contradictions(channels: Sequence[str], file: WatchFile) -> Iterator[Contradiction]:
    for name, channel in file.channels.items():
        if channel.kind == "slack" and not channel.channel:
            yield Contradiction(
                ["channels", name, "channel"], "nothing", "a Slack channel's id, such as C0123456789"
            )
        if (channel.kind == "webhook") is not bool(channel.key):
            said = "a key" if channel.key else "nothing"
            expected = "none" if channel.key else "the name of the setting that holds it"
            yield Contradiction(["channels", name, "key"], said, f"{expected}, for kind {channel.kind}")
        if channel.interactive and channel.kind != "slack":
            yield Contradiction(
                ["channels", name, "interactive"], f"true for kind {channel.kind}", "kind slack, or false"
            )
    yield from route_contradictions(channels, file.routes)


def _number_contradictions(file: WatchFile) -> Iterator[Contradiction]:
    for index, budget in enumerate(file.budgets):
        if not _between(budget.amount, Decimal("0.01"), LARGEST):
            yield Contradiction(
                ["budgets", index, "amount"], _number(budget.amount), f"a number from 0.01 to {LARGEST:,}"
            )
        for place, step in enumerate(budget.thresholds):
            if not _between(step.percent, Decimal("0.01"), 1000):
                path = ["budgets", index, "thresholds", place, "percent"]
                yield Contradiction(path, _number(step.percent), "a number from 0.01 to 1000")
    for index, limit in enumerate(file.limits):
        if not _between(limit.above, 0, LARGEST):
            yield Contradiction(
                ["limits", index, "above"], _number(limit.above), f"a number from 0 to {LARGEST:,}"
            )
        most = limit.above if limit.above.is_finite() else LARGEST
        if limit.clear is not None and not _between(limit.clear, 0, most):
            expected = f"a number from 0 to {most:,}, the limit itself"
            yield Contradiction(["limits", index, "clear"], _number(limit.clear), expected)
        if span(limit.hold) > LONGEST_HOLD:
            yield Contradiction(["limits", index, "hold"], repr(limit.hold), "at most 7d")
    if not math.isfinite(file.anomalies.least_tokens):
        path = ["anomalies", "least_tokens"]
        yield Contradiction(path, str(file.anomalies.least_tokens), "a number")


def _between(number: Decimal, least: Decimal | int, most: Decimal | int) -> bool:
    return number.is_finite() and least <= number <= most


def _number(number: Decimal) -> str:
    return str(number)[:80]


def _repeated(part: str, names: Sequence[str]) -> Iterator[Contradiction]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Contradiction([part, index, "name"], repr(name), "a name that no other one has")


def _watch(file: WatchFile) -> Watch:
    anomalies = Sensitivity(file.anomalies.score, file.anomalies.least_tokens)
    return Watch(
        subscriptions=tuple(dict.fromkeys(guid.lower() for guid in file.subscriptions)),
        management_groups=tuple(dict.fromkeys(file.management_groups)),
        owner_tag=file.owner_tag,
        channels=tuple(file.channels.items()),
        environment_tag=file.environment_tag,
        routes=tree(file.routes, tuple(file.channels), file.environment_tag),
        digests=digests(file.digests, file.environment_tag),
        silences=silences(file.silences, file.planned, file.environment_tag),
        inhibitions=inhibitions(file.inhibitions, file.environment_tag),
        budgets=tuple(map(_budget, file.budgets)),
        limits=tuple(map(_limit, file.limits)),
        sensitivity=anomalies if file.anomalies.enabled else None,
        newcomers=file.newcomers,
        spend=replace(file.spend, scope=folded_scope(file.spend.scope)),
        gateway=replace(file.gateway, workspace=file.gateway.workspace.lower()),
        prices=file.prices,
    )


def _budget(entry: BudgetEntry) -> Budget:
    return Budget(
        name=entry.name,
        scope=folded_scope(entry.scope),
        amount=Quantity(entry.amount, entry.currency),
        grain=entry.grain,
        thresholds=tuple(Threshold(step.percent, step.basis) for step in entry.thresholds),
    )


def _limit(entry: LimitEntry) -> Limit:
    return Limit(
        name=entry.name,
        meter=entry.meter,
        above=entry.above,
        hold=span(entry.hold),
        severity=Severity[entry.severity.upper()],
        scope=folded_scope(entry.scope),
        clear=entry.clear,
    )


def why_ruleless(incident: Incident, watch: Watch) -> str:
    """Why an incident's rule is no more, by this file; "" while there is one, or it is not from here."""
    alert = incident.alert
    if incident.state is State.RESOLVED or alert.source != "Meterwatch":
        return ""
    if alert.kind is Kind.LIMIT:
        return _why_limitless(alert, watch)
    if alert.kind is Kind.ANOMALY and watch.sensitivity is None:
        return "anomalies are switched off in watch.yaml"
    return ""


def _why_limitless(alert: Alert, watch: Watch) -> str:
    limit = next((one for one in watch.limits if one.name == alert.rule), None)
    if limit is None:
        return f"the limit {alert.rule} was removed from watch.yaml"
    if not within(alert.scope.resource, limit.scope):
        return f"the limit {alert.rule} was changed in watch.yaml: it is no longer for {alert.scope.resource}"
    return ""
