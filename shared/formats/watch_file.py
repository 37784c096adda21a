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
from shared.core.model import (
    Basis,
    Budget,
    Grain,
    Kind,
    Limit,
    Quantity,
    Sensitivity,
    Severity,
    Threshold,
)
from shared.core.routes import Route
from shared.formats.config_errors import Contradiction, Problem, Problems, convert_all, text_keys

# (?!\n) because Python's $ alone would let a line end pass.
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=60, pattern=r"^[\w .+()-]+(?!\n)$", description="letters, digits and .+-()"
    ),
]
SecretName = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*(?!\n)$", description="the name of the setting that holds it"
    ),
]
Span = Annotated[
    str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,4}[mhd](?!\n)$", description="such as 15m, 4h, 2d")
]
Guid = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?!\n)$",
        description="a subscription's id, a GUID",
    ),
]
ArmId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(/subscriptions/[^/\s]+(/[^\n]*)?)?(?!\n)$",
        description="an ARM id; empty is everything watched",
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
SeverityWord = Literal["info", "warning", "critical"]
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


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the file; a key that it does not know is an error."""


class ChannelEntry(Entry, frozen=True):
    """A destination. `secret` names the setting that holds its token or webhook URL."""

    kind: Literal["slack", "slack webhook", "teams"]
    secret: SecretName
    channel: str = ""  # for kind slack: the channel's id, such as C0123456789


class RouteEntry(Entry, frozen=True):
    """Alerts that match all that is given go to the channels."""

    channels: tuple[str, ...]
    at_least: SeverityWord = "info"
    scope: ArmId = ""
    kinds: tuple[Kind, ...] = ()
    owner: str = ""


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
    """A meter above a value for a time, on each deployment of the scope by itself."""

    name: Name
    meter: MeterName
    above: Decimal
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
    channels: dict[Name, ChannelEntry] = {}
    routes: tuple[RouteEntry, ...] = ()
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
    routes: tuple[Route, ...] = ()
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
    yield from _number_contradictions(file)
    yield from _repeated("budgets", [budget_key(budget.scope, budget.name) for budget in file.budgets])
    yield from _repeated("limits", [limit.name.strip().lower() for limit in file.limits])


def _channel_contradictions(channels: Sequence[str], file: WatchFile) -> Iterator[Contradiction]:
    for name, channel in file.channels.items():
        if channel.kind == "slack" and not channel.channel:
            yield Contradiction(
                ["channels", name, "channel"], "nothing", "a Slack channel's id, such as C0123456789"
            )
    known = ", ".join(sorted(channels))[:400] or "none is defined"
    for index, route in enumerate(file.routes):
        for place, name in enumerate(route.channels):
            if name not in channels:
                yield Contradiction(
                    ["routes", index, "channels", place], repr(name)[:80], f"a channel's name: {known}"
                )


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
        if _span(limit.hold) > LONGEST_HOLD:
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
        routes=tuple(map(_route, file.routes)) or (Route(tuple(file.channels)),),
        budgets=tuple(map(_budget, file.budgets)),
        limits=tuple(map(_limit, file.limits)),
        sensitivity=anomalies if file.anomalies.enabled else None,
        newcomers=file.newcomers,
        spend=replace(file.spend, scope=_folded(file.spend.scope)),
        gateway=replace(file.gateway, workspace=file.gateway.workspace.lower()),
        prices=file.prices,
    )


def _route(entry: RouteEntry) -> Route:
    return Route(
        channels=tuple(entry.channels),
        at_least=Severity[entry.at_least.upper()],
        scope=_folded(entry.scope),
        kinds=tuple(entry.kinds),
        owner=entry.owner,
    )


def _budget(entry: BudgetEntry) -> Budget:
    return Budget(
        name=entry.name,
        scope=_folded(entry.scope),
        amount=Quantity(entry.amount, entry.currency),
        grain=entry.grain,
        thresholds=tuple(Threshold(step.percent, step.basis) for step in entry.thresholds),
    )


def _limit(entry: LimitEntry) -> Limit:
    return Limit(
        name=entry.name,
        meter=entry.meter,
        above=entry.above,
        hold=_span(entry.hold),
        severity=Severity[entry.severity.upper()],
        scope=_folded(entry.scope),
    )


def _span(text: str) -> timedelta:
    unit = {"m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def _folded(scope: str) -> str:
    return scope.rstrip("/").lower()
