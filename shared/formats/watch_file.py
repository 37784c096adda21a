"""watch.yaml: what is watched, against what, and who is told. Every key has a default.

An empty file watches every subscription that the identity can read. Secrets are never in the file,
only the names of the settings that hold them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import yaml

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

Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1, max_length=60, pattern=r"^[\w .+()-]+$", description="letters, digits and .+-()"
    ),
]
SecretName = Annotated[
    str,
    msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of the setting that holds it"),
]
Span = Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d*[mhd]$", description="such as 15m, 4h, 2d")]
Guid = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        description="a subscription's id, a GUID",
    ),
]
ArmId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(/subscriptions/[^/]+(/.*)?)?$", description="an ARM id; empty is everything watched"
    ),
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", description="an ISO 4217 code")]
Number = Annotated[Decimal, msgspec.Meta(extra_json_schema={"type": ["number", "string"]})]
SeverityWord = Literal["info", "warning", "critical"]
MeterName = Literal[
    "tokens in",
    "tokens out",
    "requests ok",
    "requests throttled",
    "requests failed",
    "throttled share",
    "failed share",
    "PTU utilisation",
    "latency",
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

    percent: Number
    basis: Basis = Basis.ACTUAL


class BudgetEntry(Entry, frozen=True):
    """An amount for a scope and grain."""

    name: Name
    amount: Number
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
    above: Number
    hold: Span = "15m"
    severity: SeverityWord = "warning"
    scope: ArmId = ""


class AnomalyEntry(Entry, frozen=True):
    """How far from usual is told: in usual deviations, and at least that many tokens an hour."""

    enabled: bool = True
    score: Annotated[float, msgspec.Meta(ge=2, le=100)] = 6.0
    least_tokens: Annotated[float, msgspec.Meta(ge=0)] = 50_000.0


DEFAULT_LIMITS = (
    LimitEntry(name="ptu-utilisation", meter="PTU utilisation", above=Decimal(90)),
    LimitEntry(name="throttled", meter="throttled share", above=Decimal(5)),
    LimitEntry(name="failing", meter="failed share", above=Decimal(10), severity="critical"),
)


class WatchFile(Entry, frozen=True):
    """The whole file."""

    subscriptions: tuple[Guid, ...] = ()
    owner_tag: str = "owner"
    channels: dict[str, ChannelEntry] = {}
    routes: tuple[RouteEntry, ...] = ()
    budgets: tuple[BudgetEntry, ...] = ()
    limits: tuple[LimitEntry, ...] = DEFAULT_LIMITS
    anomalies: AnomalyEntry = AnomalyEntry()
    newcomers: bool = True


@dataclass(frozen=True, slots=True)
class Watch:
    """What a watch file means, in the core's words."""

    subscriptions: tuple[str, ...] = ()
    owner_tag: str = "owner"
    channels: tuple[tuple[str, ChannelEntry], ...] = ()
    routes: tuple[Route, ...] = ()
    budgets: tuple[Budget, ...] = ()
    limits: tuple[Limit, ...] = ()
    sensitivity: Sensitivity | None = Sensitivity()  # None: anomalies are not judged
    newcomers: bool = True

    def channel(self, name: str) -> ChannelEntry | None:
        """The channel of that name, or None when the file no longer has it."""
        return dict(self.channels).get(name)


def parse_watch(text: str) -> Watch:
    """The watch of a file's text; raises Problems with every mistake in it."""
    try:
        raw = text_keys(yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError, ValueError) as broken:
        raise Problems([Problem("$", "this text", f"YAML; {' '.join(str(broken).split())}")]) from None
    return _watch(convert_all({} if raw is None else raw, WatchFile, _contradictions))


def json_schema() -> dict[str, Any]:
    """The file's JSON schema, for editors."""
    (schema,), components = msgspec.json.schema_components([WatchFile], schema_hook=lambda kind: {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Meterwatch watch.yaml",
        **schema,
        "$defs": components,
    }


def _contradictions(file: WatchFile) -> Iterator[Contradiction]:
    yield from _channel_contradictions(file)
    yield from _number_contradictions(file)
    yield from _repeated("budgets", [f"{budget.name} {budget.scope}" for budget in file.budgets])
    yield from _repeated("limits", [limit.name for limit in file.limits])


def _channel_contradictions(file: WatchFile) -> Iterator[Contradiction]:
    for name, channel in file.channels.items():
        if channel.kind == "slack" and not channel.channel:
            yield Contradiction(
                ["channels", name, "channel"], "nothing", "a Slack channel's id, such as C0123456789"
            )
    known = ", ".join(sorted(file.channels)) or "none is defined"
    for index, route in enumerate(file.routes):
        for place, name in enumerate(route.channels):
            if name not in file.channels:
                yield Contradiction(
                    ["routes", index, "channels", place], repr(name), f"a channel's name: {known}"
                )


def _number_contradictions(file: WatchFile) -> Iterator[Contradiction]:
    for index, budget in enumerate(file.budgets):
        if not budget.amount.is_finite() or budget.amount <= 0:
            yield Contradiction(["budgets", index, "amount"], str(budget.amount), "a number above zero")
        for place, step in enumerate(budget.thresholds):
            if not step.percent.is_finite() or not 0 < step.percent <= 1000:
                path = ["budgets", index, "thresholds", place, "percent"]
                yield Contradiction(path, str(step.percent), "a number above 0, at most 1000")
    for index, limit in enumerate(file.limits):
        if not limit.above.is_finite() or limit.above < 0:
            yield Contradiction(["limits", index, "above"], str(limit.above), "a number, not below zero")


def _repeated(part: str, names: Sequence[str]) -> Iterator[Contradiction]:
    folded = [name.strip().lower() for name in names]
    for index, name in enumerate(folded):
        if name in folded[:index]:
            yield Contradiction([part, index, "name"], repr(name), "a name that no other one has")


def _watch(file: WatchFile) -> Watch:
    anomalies = Sensitivity(file.anomalies.score, file.anomalies.least_tokens)
    return Watch(
        subscriptions=tuple(guid.lower() for guid in file.subscriptions),
        owner_tag=file.owner_tag,
        channels=tuple(file.channels.items()),
        routes=tuple(map(_route, file.routes)) or (Route(tuple(file.channels)),),
        budgets=tuple(map(_budget, file.budgets)),
        limits=tuple(map(_limit, file.limits)),
        sensitivity=anomalies if file.anomalies.enabled else None,
        newcomers=file.newcomers,
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
    unit = {"m": "minutes", "h": "hours", "d": "days"}[entry.hold[-1]]
    return Limit(
        name=entry.name,
        meter=entry.meter,
        above=entry.above,
        hold=timedelta(**{unit: int(entry.hold[:-1])}),
        severity=Severity[entry.severity.upper()],
        scope=_folded(entry.scope),
    )


def _folded(scope: str) -> str:
    return scope.rstrip("/").lower()
