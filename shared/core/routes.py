"""Who is told: a tree of routes from an alert to channels, and the manner in which each is told."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType

from shared.core.hours import Hours
from shared.core.model import Address, Alert, Kind, Severity
from shared.core.scopes import subscription_of, within

REPEAT: Mapping[Severity, tuple[timedelta, ...]] = MappingProxyType(
    {
        Severity.CRITICAL: (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24)),
        Severity.WARNING: (timedelta(hours=24), timedelta(hours=72)),
        Severity.INFO: (),
    }
)
GROUP_BY = ("resource", "rule")
FIRST_LOOK = "first look"  # the group of all that the first look at a subscription finds
FIRST_LOOK_WAIT = timedelta(minutes=10)  # for the first looks at all subscriptions
ALONE = "incident"  # a label that nothing shares: no grouping


@dataclass(frozen=True, slots=True)
class Matcher:
    """What an alert must be. An empty part matches everything, and a test alert matches every one."""

    at_least: Severity = Severity.INFO
    scope: str = ""  # ARM id prefix, lower case
    kinds: tuple[Kind, ...] = ()
    rules: tuple[str, ...] = ()
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    def mismatch(self, alert: Alert) -> str:
        """What of it the alert is not; "" when it matches."""
        if alert.test:
            return ""
        if alert.severity < self.at_least:
            return f"{alert.severity.name.lower()} is below {self.at_least.name.lower()}"
        if not within(alert.scope.resource, self.scope):
            return f"not in {self.scope}"
        if self.kinds and alert.kind not in self.kinds:
            return f"kind {alert.kind} is none of {', '.join(self.kinds)}"
        if self.rules and alert.rule.lower() not in self.rules:
            return f"rule {alert.rule} is none of {', '.join(self.rules)}"
        if self.owner and alert.owner.lower() != self.owner:
            return f"owner is {alert.owner or 'not known'}, not {self.owner}"
        for name, value in self.tags.items():
            if alert.tags.get(name, "").lower() != value:
                return f"tag {name} is {alert.tags.get(name) or 'not set'}, not {value}"
        return ""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Further channels, when nobody has acknowledged an incident that long after it opened."""

    after: timedelta
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a route tells. Routes inside a route have its manner where they do not say otherwise."""

    group_by: tuple[str, ...] = GROUP_BY
    wait: timedelta = timedelta()  # before the first message of a group, for others to join it
    interval: timedelta = timedelta(minutes=5)  # between two messages of a group; critical news do not wait
    repeat: Mapping[Severity, tuple[timedelta, ...]] = REPEAT  # one after the other, the last again and again
    hours: Hours | None = None
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match go to the first route inside it that takes them, or else to its own channels.

    `go_on` has the routes beside it looked at too. The root of the tree matches everything.
    """

    name: str
    channels: tuple[str, ...] = ()
    matcher: Matcher = Matcher()
    manner: Manner = Manner()
    routes: tuple["Route", ...] = ()
    go_on: bool = False


def taken_by(alert: Alert, route: Route) -> list[Route]:
    """The routes whose channels an alert goes to, in the order of the tree; [] when it does not match."""
    if route.matcher.mismatch(alert):
        return []
    found: list[Route] = []
    for inner in route.routes:
        taken = taken_by(alert, inner)
        found += taken
        if taken and not inner.go_on and not alert.test:
            break
    return found or [route]


def addresses(alert: Alert, incident: str, root: Route, first: bool = False) -> list[Address]:
    """Where an alert is told: each channel once, in the group of the first route that leads there.

    What a `first` look at a subscription finds is no news; all of it is one group.
    """
    found: dict[str, Address] = {}
    for route in taken_by(alert, root):
        for channel in route.channels:
            group = FIRST_LOOK if first else group_of(alert, incident, route.manner.group_by)
            found.setdefault(channel, Address(channel, group))
    return [*found.values()]


def escalated(alert: Alert, incident: str, root: Route, age: timedelta) -> list[Address]:
    """Where an incident that nobody has acknowledged for `age` is told besides."""
    found: dict[str, Address] = {}
    for route in taken_by(alert, root):
        later = route.manner.escalation
        for channel in later.channels if later and age >= later.after else ():
            found.setdefault(channel, Address(channel, group_of(alert, incident, route.manner.group_by)))
    return [*found.values()]


def manner_for(alert: Alert, address: Address, root: Route) -> Manner:
    """How an address is told of an alert; in the root's manner where no route leads there any more."""
    manner = root.manner
    for route in taken_by(alert, root):
        later = route.manner.escalation
        if address.channel in route.channels or (later is not None and address.channel in later.channels):
            manner = route.manner
            break
    if address.group != FIRST_LOOK:
        return manner
    return replace(manner, wait=FIRST_LOOK_WAIT, interval=FIRST_LOOK_WAIT)


def group_of(alert: Alert, incident: str, labels: Sequence[str]) -> str:
    """A short name for what is told together: the same for alerts whose labels have the same values."""
    values = "|".join(f"{label}={label_of(alert, incident, label)}" for label in labels)
    return hashlib.sha256(values.encode(errors="surrogatepass")).hexdigest()[:16]


def label_of(alert: Alert, incident: str, label: str) -> str:
    """The value of a label: one of the names below, or the name of a tag."""
    values = {
        ALONE: incident,
        "resource": alert.scope.resource,
        "part": alert.scope.part,
        "subscription": subscription_of(alert.scope.resource),
        "rule": alert.rule.lower(),
        "kind": str(alert.kind),
        "owner": alert.owner.lower(),
    }
    return values.get(label, alert.tags.get(label.removeprefix("tag:"), ""))


def explained(alert: Alert, route: Route, depth: int = 0) -> Iterator[str]:
    """A line for each route that was looked at: taken, or why not."""
    why = route.matcher.mismatch(alert)
    where = ", ".join(route.channels) or "no channel"
    yield f"{'  ' * depth}{route.name}: {f'no, {why}' if why else f'matches ({where})'}"
    if why:
        return
    for inner in route.routes:
        yield from explained(alert, inner, depth + 1)
        if not inner.go_on and not inner.matcher.mismatch(alert):
            return
