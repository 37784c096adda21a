"""A notification as a message for people, before any channel's own form.

What a phone shows first comes first: the severity in words, what, how much, against what.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, urlsplit

from shared.core.flapping import is_flapping
from shared.core.model import Alert, Detail, Incident, Kind, Notification, Offer, Reason, Severity
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
    offers: tuple[Offer, ...] = ()
    number: int = 0  # of the message, at its address

    @property
    def small(self) -> str:
        """The small print as one line."""
        left_out = f"{self.left_out} more facts left out" if self.left_out else ""
        return " · ".join(filter(None, (*self.small_print, left_out)))


def compose(notification: Notification) -> Message:
    """The message of a notification; the same for every channel."""
    incident = notification.incident
    alert = incident.alert
    alone = len(notification.incidents) == 1
    found = _facts(incident, notification.at) if alone else _members(notification)
    facts = [fact for fact in map(_printable, found) if fact.label and fact.text]
    why = one_line(alert.why if alone else _counted(notification.incidents), MOST_WHY)
    what = alert.what if alone else f"{alert.what}, and {len(notification.incidents) - 1} more"
    return Message(
        tone=_tone(notification),
        headline=one_line(f"{_opening(notification)}: {what}", HEADLINE),
        facts=tuple(facts[:MOST_FACTS]),
        why=why[:1].upper() + why[1:],
        link=_link(alert.link),
        small_print=tuple(one_line(part, MOST_SMALL) for part in _small_print(notification)),
        left_out=max(0, len(facts) - MOST_FACTS),
        offers=notification.offers,
        number=notification.sequence,
    )


def as_text(message: Message) -> str:
    """The whole message as one text, for a channel that refused its form."""
    lines = [message.headline, *(f"{fact.label}: {fact.text}" for fact in message.facts)]
    return "\n".join(filter(None, [*lines, message.why, message.link, message.small]))


def _members(notification: Notification) -> list[Detail]:
    """Of several incidents a line each, those that are open and worst first."""
    return [
        Detail(named(one.alert.scope), f"{_state(one)}: {one.alert.what}") for one in notification.incidents
    ]


def _state(incident: Incident) -> str:
    if not incident.open:
        ended = incident.resolved_at or incident.opened_at
        return f"resolved after {lasted(ended - incident.opened_at)}"
    held = f", {incident.acknowledged_by} has it" if incident.acknowledged_by else ""
    return f"{SEVERITY_WORDS[incident.alert.severity].lower()} since {moment(incident.alert.since)}{held}"


def _counted(incidents: tuple[Incident, ...]) -> str:
    """ "3 open (1 critical, 2 warning), 2 over"."""
    still = Counter(one.alert.severity for one in incidents if one.open)
    sorts = ", ".join(f"{still[one]:,} {SEVERITY_WORDS[one].lower()}" for one in sorted(still, reverse=True))
    over = sum(1 for one in incidents if not one.open)
    parts = [f"{still.total():,} open ({sorts})" if still else "", f"{over:,} over" if over else ""]
    return ", ".join(filter(None, parts))


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
    if notification.reason is Reason.SUMMARY:
        return f"{len(notification.incidents):,} more alerts in short, up to {word.lower()}"
    if not incident.open:
        ended = incident.resolved_at or notification.at
        late = ", told late" if notification.reason is Reason.LATE else ""
        return f"Resolved after {lasted(ended - incident.opened_at)}, was {word.lower()}{late}"
    if notification.reason is Reason.ESCALATED:
        return f"{word}, not acknowledged for {lasted(notification.at - incident.opened_at)}"
    if notification.reason is Reason.WORSENED:
        return f"{word}, worse"
    again = notification.reason in (Reason.REPEAT_DUE, Reason.STILL_FIRING)
    return f"{word}, still firing" if again else word


def _facts(incident: Incident, now: datetime) -> list[Detail]:
    alert = incident.alert
    facts = _measures(alert)
    if incident.acknowledged_by:
        at = f", {moment(incident.acknowledged_at)}" if incident.acknowledged_at else ""
        facts.append(Detail("Acknowledged by", f"{incident.acknowledged_by}{at}"))
    if incident.note and incident.open:
        facts.append(Detail("Noted", incident.note))
    if is_flapping(incident, now):
        facts.append(
            Detail("Flapping", f"fired {len(incident.flips) + 1} times of late; kept until it is calm")
        )
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
        lines = [f"data as of {moment(alert.as_of)}, {lasted(notification.at - alert.as_of)} old"]
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
