"""What every alert that Azure pushes says of itself, whatever its schema; and the alert made of that.

A reader of one kind of alert takes a Pushed and answers a Finding: what a person is to read of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from shared.core.model import Alert, Detail, Kind, Quantity, Scope, Severity
from shared.core.scopes import portal_link
from shared.core.wording import named
from shared.formats.estate import LONGEST_ID
from shared.formats.loose import one_line
from shared.formats.message import MOST_LINK
from shared.formats.moments import parse_moment
from shared.formats.pushed_words import known, label

AZURE = "Azure"
NAMELESS = "Azure Monitor"  # the rule of an alert that names neither a rule nor a service
MOST_NAME = 63  # characters; Azure's own limit for a budget's name
MOST_RULE = 2 * MOST_NAME
MOST_ITEMS = 5
MOST_CUSTOM = 4
SKEW = timedelta(hours=1)  # of the sender's clock; nothing is said later than that after it arrived
OVER = {"resolved", "deactivated"}
TEST_RULES = {  # what the portal's test button calls its alert rules
    "test-activitylogalertrule",
    "test-availabilitytest-test-applicationinsights",
    "test-dynamicmetricalertrule",
    "test-logalertrule-v1-metricmeasurement",
    "test-logalertrule-v1-numresults",
    "test-logalertrule-v2",
    "test-metricalertrule",
    "test-resourcehealthalertrule",
    "test-servicehealthalertrule",
    "test-smartalertrule",
}


@dataclass(frozen=True, slots=True)
class Pushed:
    """One alert as it was pushed; "" is what it does not say."""

    service: str  # which part of Azure found it
    signal: str  # "metric", "log", "activity log"; lower case
    identity: str  # of this alert, or of its rule and what it is of; lower case
    rule: str
    target: str  # ARM id, lower case
    severity: Severity
    over: bool  # Azure says that it no longer holds
    fired: datetime
    ended: datetime  # when it stopped to hold; the arrival where that is not said
    description: str
    context: Mapping[str, Any]  # what is particular to its kind, keys in lower case
    link: str = ""  # the alert's own
    targets: int = 1
    items: tuple[str, ...] = ()  # what is affected, by name
    custom: Mapping[str, Any] = field(default_factory=dict)  # what the rule's owner added, keys in lower case


@dataclass(frozen=True, slots=True)
class Finding:
    """What a reader makes of the particulars of an alert."""

    what: str
    why: str = ""
    details: tuple[Detail, ...] = ()
    seen: Quantity | None = None
    against: Quantity | None = None
    link: str = ""
    identity: str = ""  # of the event, where the alert's own id is of less or more than that
    over: bool = False  # the event itself says that it no longer holds
    test: bool = False


def alert_of(pushed: Pushed, finding: Finding, words: str, lasts: timedelta | None) -> Alert:
    """The alert of what was pushed. `words` name its kind; `lasts` is how long it matters, None is no end.

    Its key is the same for fired and resolved, and for every delivery of one event.
    """
    over = pushed.over or finding.over
    at = max(pushed.ended, pushed.fired) if pushed.over else pushed.fired
    identity = finding.identity or pushed.identity or f"{pushed.rule}|{pushed.target}".lower()
    alert = Alert(
        key=f"azure|{identity}",
        kind=Kind.AZURE,
        rule=pushed.rule,
        scope=Scope(pushed.target),
        firing=not over,
        severity=pushed.severity,
        what=finding.what,
        since=at,
        at=at,
        seen=finding.seen,
        against=finding.against,
        why=_why(over, finding.why, pushed.description),
        details=(*finding.details, *_details(pushed, words)),
        link=link_of(pushed.link, finding.link) or portal_link(pushed.target),
        source=AZURE,
        ends=None if over or lasts is None else max(at, pushed.ended) + lasts,
    )
    test = finding.test or identity.endswith("/test_alert") or pushed.rule.lower() in TEST_RULES
    return as_test(alert, pushed.identity) if test else alert


def as_test(alert: Alert, identity: str) -> Alert:
    """The alert as one with which somebody tries the road: it shows what a real one would."""
    return replace(
        alert,
        key=f"test|{identity}|{alert.rule}|{alert.at:%Y-%m-%dT%H:%M:%S}",
        firing=True,
        severity=Severity.INFO,
        what=f"Azure's test alert arrived: {alert.what}",
        why="the road from the action group to this channel works",
        steps=(),
        ends=None,
        test=True,
    )


def where(pushed: Pushed) -> str:
    """ " on app-x", or "" for nothing that has a name."""
    if not pushed.target:
        return ""
    others = f" and {pushed.targets - 1} more" if pushed.targets > 1 else ""
    return f" on {named(Scope(pushed.target))}{others}"


def link_of(*found: object) -> str:
    """The first that a person can open, by https; "" for none."""
    for one in found:
        link = one_line(one, MOST_LINK + 1)
        try:
            host = urlsplit(link).hostname
        except ValueError:
            continue
        if link.startswith("https://") and host and " " not in link and len(link) <= MOST_LINK:
            return link
    return ""


def fired_at(essentials: Mapping[str, Any], received_at: datetime) -> datetime:
    """When the alert fired; the arrival where that is not said, or cannot be."""
    return sensible(essentials.get("fireddatetime"), received_at)


def sensible(found: object, received_at: datetime) -> datetime:
    """A time that is said, or the arrival for none and for one that lies after it."""
    moment = parse_moment(found)
    return moment if moment and moment <= received_at + SKEW else received_at


def id_of(data: Mapping[str, Any], name: str) -> str:
    """A field that is compared, never shown: in lower case, "" when absent."""
    return one_line(data.get(name), LONGEST_ID).lower()


def names(found: object) -> tuple[str, ...]:
    """The texts of a list; a text alone is a list of one."""
    texts = (one_line(one, LONGEST_ID) for one in (found if isinstance(found, list) else [found]))
    return tuple(text for text in texts if text)


def _why(over: bool, why: str, description: str) -> str:
    if not over:
        return why or description
    return f"Azure says that it is over: {why}" if why else "Azure says that it is over"


def _details(pushed: Pushed, words: str) -> tuple[Detail, ...]:
    affected = [item for item in pushed.items if item.lower() not in pushed.target][:MOST_ITEMS]
    custom = [
        Detail(label(name), one_line(value, 200)) for name, value in list(pushed.custom.items())[:MOST_CUSTOM]
    ]
    source = f"{words} ({pushed.service})" if pushed.service else words
    return known(
        Detail("Affected", ", ".join(affected)), *custom, Detail("Rule", pushed.rule), Detail("From", source)
    )


def first_text(*found: object) -> str:
    """The first of these that says something, as one line."""
    return next((text for one in found if (text := one_line(one, LONGEST_ID))), "")


def items_of(found: object) -> tuple[str, ...]:
    """The names in a list of affected things, short enough to be shown."""
    return tuple(one_line(name, MOST_NAME) for name in names(found)[:MOST_ITEMS])
