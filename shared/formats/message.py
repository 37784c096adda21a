"""A notification as a message for people, before any channel's own form.

What a phone shows first comes first: the severity in words, what, how much, against what.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, urlsplit

from shared.core.model import Alert, Detail, Incident, Kind, Notification, Reason, Severity
from shared.core.wording import SEVERITY_WORDS, lasted, moment, named, said
from shared.formats.loose import one_line

# Characters; what is longer is cut. A person reads this on a phone, in ten seconds.
HEADLINE = 250
MOST_WHY = 1000
MOST_LABEL = 60
MOST_FACT = 500
MOST_SMALL = 120  # of one part of the small print
MOST_LINK = 2000

MOST_FACTS = 10


class Tone(StrEnum):
    """How a message looks; the words say the same, so that colour alone carries nothing."""

    BAD = "bad"
    UNEASY = "uneasy"
    GOOD = "good"
    PLAIN = "plain"


SYMBOLS = {Tone.BAD: "🔴", Tone.UNEASY: "🟠", Tone.GOOD: "✅", Tone.PLAIN: "🔵"}


@dataclass(frozen=True, slots=True)
class Message:
    """What a person is told, each text a printable line. `facts` are in order of importance."""

    tone: Tone
    headline: str
    facts: tuple[Detail, ...]
    why: str
    link: str  # https, or ""
    small_print: tuple[str, ...]  # how old the data is, which incident
    left_out: int = 0  # facts that there is no room for

    @property
    def small(self) -> str:
        """The small print as one line."""
        left_out = f"{self.left_out} more facts left out" if self.left_out else ""
        return " · ".join(filter(None, (*self.small_print, left_out)))


def compose(notification: Notification) -> Message:
    """The message of a notification; the same for every channel."""
    incident = notification.incident
    alert = incident.alert
    facts = [fact for fact in map(_printable, _facts(incident)) if fact.label and fact.text]
    why = one_line(alert.why, MOST_WHY)
    return Message(
        tone=_tone(notification),
        headline=one_line(f"{_opening(notification)}: {alert.what}", HEADLINE),
        facts=tuple(facts[:MOST_FACTS]),
        why=why[:1].upper() + why[1:],
        link=_link(alert.link),
        small_print=tuple(one_line(part, MOST_SMALL) for part in _small_print(notification)),
        left_out=max(0, len(facts) - MOST_FACTS),
    )


def _printable(fact: Detail) -> Detail:
    return Detail(one_line(fact.label, MOST_LABEL), one_line(fact.text, MOST_FACT))


def shortened(message: Message, fits: Callable[[Message], bool]) -> Message:
    """The message with as many facts as fit; the least important go first."""
    while message.facts and not fits(message):
        message = replace(message, facts=message.facts[:-1], left_out=message.left_out + 1)
    return message


def _tone(notification: Notification) -> Tone:
    if notification.reason is Reason.TEST:
        return Tone.PLAIN
    if not notification.incident.open:
        return Tone.GOOD
    tones = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.UNEASY, Severity.INFO: Tone.PLAIN}
    return tones[notification.incident.alert.severity]


def _opening(notification: Notification) -> str:
    incident = notification.incident
    word = SEVERITY_WORDS[incident.alert.severity]
    if notification.reason is Reason.TEST:
        return f"{word}, a test, nothing is wrong"
    if not incident.open:
        ended = incident.resolved_at or notification.queued_at
        return f"Resolved after {lasted(ended - incident.opened_at)}, was {word.lower()}"
    if notification.reason is Reason.WORSENED:
        return f"{word}, worse"
    return f"{word}, still firing" if notification.reason is Reason.REPEAT_DUE else word


def _facts(incident: Incident) -> list[Detail]:
    alert = incident.alert
    facts = _measures(alert)
    facts.append(Detail("Since", moment(alert.since if incident.open else incident.opened_at)))
    if not incident.open and not alert.test:
        facts.append(Detail("Until", moment(incident.resolved_at or alert.since)))
    facts.append(Detail("Where", named(alert.scope)))
    if alert.owner:
        facts.append(Detail("Owner", alert.owner))
    labels = {fact.label for fact in facts}
    facts += [detail for detail in alert.details if detail.label not in labels]
    if incident.confirmed_by:
        facts.append(Detail("Also found by", ", ".join(incident.confirmed_by)))
    return facts


def _measures(alert: Alert) -> list[Detail]:
    """How much, against what."""
    facts = []
    if alert.seen is not None:
        against = f" of {said(alert.against)}" if alert.against and alert.kind is Kind.BUDGET else ""
        facts.append(Detail("Now", said(alert.seen) + against))
    elif alert.against is not None and alert.kind is Kind.BUDGET:
        facts.append(Detail("Budget", said(alert.against)))
    if alert.against is not None and alert.kind is not Kind.BUDGET:
        facts.append(Detail("Usual" if alert.kind is Kind.ANOMALY else "Limit", said(alert.against)))
    return facts


def _small_print(notification: Notification) -> list[str]:
    incident = notification.incident
    alert = incident.alert
    lines = ["age of the data not known"]
    if alert.as_of is not None:
        lines = [f"data as of {moment(alert.as_of)}, {lasted(notification.queued_at - alert.as_of)} old"]
    lines.append(f"found by {alert.source}")
    lines.append(f"incident {incident.id}, message {notification.sequence}")
    if notification.may_repeat:
        lines.append("may repeat an earlier message")
    return lines


def _link(link: str) -> str:
    """A link as both channels take it, or "" for what is none: one bad link must not cost a message."""
    try:
        there = urlsplit(link).netloc
        safe = quote(link, safe=":/?#[]@!$&()*+,;=%~-._'")
    except ValueError:
        return ""
    return safe if there and safe.startswith("https://") and len(safe) <= MOST_LINK else ""
