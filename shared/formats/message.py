"""A notification as a message for people, before any channel's own form.

What a phone shows first comes first: the severity in words, what, how much, against what.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, urlsplit

from shared.core.flapping import is_flapping
from shared.core.model import Alert, Detail, Incident, Kind, Notification, Offer, Reason, Report, Severity
from shared.core.wording import SEVERITY_WORDS, ago, lasted, moment, named, said
from shared.formats.loose import one_line
from shared.formats.several import counted, of_several

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


NEWS = frozenset({Reason.OPENED, Reason.JOINED, Reason.WORSENED, Reason.ESCALATED, Reason.STILL_FIRING})
# What a person can do about it, where the alert itself cannot know better.
NEXT = {
    Kind.BUDGET: "see what spends most; slow it, stop it, or raise the budget",
    Kind.LIMIT: "slow its callers or give it more capacity; if calls fail, see their errors",
    Kind.ANOMALY: "ask its owner whether it is meant",
    Kind.NEWCOMER: "ask its owner whether it is meant; give it a budget",
    Kind.FRESHNESS: "see whether the app may still read it; until then nothing new is known there",
    Kind.AZURE: "open it in Azure",
    Kind.DELIVERY: "mend the channel or its secret; what it was not told is kept",
}
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
    if notification.report is not None:
        return _reported(notification, notification.report)
    lead = _lead(notification)
    alone = len(notification.incidents) == 1
    found = _facts(lead, notification.at) if alone else of_several(notification)
    facts = [fact for fact in map(_printable, found) if fact.label and fact.text]
    why = one_line(_why(notification, lead), MOST_WHY)
    return Message(
        tone=_tone(notification, lead),
        headline=one_line(_headline(notification, lead), HEADLINE),
        facts=tuple(facts[:MOST_FACTS]),
        why=why[:1].upper() + why[1:],
        link=_link(lead.alert.link),
        small_print=tuple(one_line(part, MOST_SMALL) for part in _small_print(notification, lead)),
        left_out=max(0, len(facts) - MOST_FACTS),
        offers=notification.offers,
        number=notification.sequence,
    )


def _reported(notification: Notification, report: Report) -> Message:
    facts = [fact for fact in map(_printable, report.lines) if fact.label and fact.text]
    span = f"{moment(report.period.start)} to {moment(report.period.end)}"
    repeats = "may repeat an earlier message" if notification.may_repeat else ""
    return Message(
        tone=Tone.PLAIN,
        headline=one_line(report.headline, HEADLINE),
        facts=tuple(facts),
        why=one_line(report.closing, MOST_WHY),
        link="",
        small_print=tuple(filter(None, (span, f"message {notification.sequence}", repeats))),
        number=notification.sequence,
    )


def as_text(message: Message) -> str:
    """The whole message as one text, for a channel that refused its form."""
    lines = [message.headline, *(f"{fact.label}: {fact.text}" for fact in message.facts)]
    return "\n".join(filter(None, [*lines, message.why, message.link, message.small]))


def _lead(notification: Notification) -> Incident:
    """The one that the message is about first of all: the worst of what is new, where that interrupts."""
    ones = notification.incidents
    if notification.reason in NEWS:
        return next((one for one in ones if one.open and one.id in notification.news), ones[0])
    return ones[0]


def _why(notification: Notification, lead: Incident) -> str:
    if notification.reason is Reason.SUMMARY:
        return "this channel has had its messages of the hour; what is counted here is not told one by one"
    return lead.alert.why


def _printable(fact: Detail) -> Detail:
    return Detail(one_line(fact.label, MOST_LABEL), one_line(fact.text, MOST_FACT))


def shortened(message: Message, fits: Callable[[Message], bool]) -> Message:
    """The message with as many facts as fit; the least important go first."""
    while message.facts and not fits(message):
        message = replace(message, facts=message.facts[:-1], left_out=message.left_out + 1)
    return message


def _tone(notification: Notification, lead: Incident) -> Tone:
    if notification.reason is Reason.TEST:
        return Tone.PLAIN
    if not lead.open:
        return Tone.GOOD
    tones = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.UNEASY, Severity.INFO: Tone.PLAIN}
    return tones[lead.alert.severity]


def _headline(notification: Notification, lead: Incident) -> str:
    more = len(notification.incidents) - 1
    if notification.reason is Reason.SUMMARY:
        return f"{counted(notification.incidents)}, in short; the worst: {lead.alert.what}"
    others = f", and {more:,} more" if more and notification.reason is not Reason.JOINED else ""
    return f"{_opening(notification, lead)}: {lead.alert.what}{others}"


def _opening(notification: Notification, lead: Incident) -> str:
    """How bad it is and why it is told now, in the fewest words."""
    word = SEVERITY_WORDS[lead.alert.severity]
    reason = notification.reason
    if reason is Reason.TEST:
        return f"{word}, a test, nothing is wrong"
    if not lead.open:
        ended = lead.resolved_at or notification.at
        late = ", told late" if reason is Reason.LATE else ""
        return f"Resolved after {lasted(ended - lead.opened_at)}, was {word.lower()}{late}"
    parts = [word]
    if is_flapping(lead, notification.at):
        parts.append("flapping")
    if reason is Reason.ESCALATED:
        parts.append(f"not acknowledged for {lasted(notification.at - lead.opened_at)}")
    elif reason in (Reason.REPEAT_DUE, Reason.STILL_FIRING):
        parts.append(f"still firing after {lasted(notification.at - lead.alert.since)}")
    elif reason is Reason.WORSENED:
        parts.append("worse")
    elif reason is Reason.JOINED:
        parts.append(f"joins {len(notification.incidents) - 1:,} more")
    if lead.acknowledged_by:
        parts.append(f"{lead.acknowledged_by} has it")
    return ", ".join(parts)


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
    facts.append(Detail("Since", _since(incident, now)))
    if not incident.open and not alert.test:
        facts.append(Detail("Until", moment(incident.resolved_at or alert.since)))
    facts.append(Detail("Where", named(alert.scope)))
    if alert.owner:
        facts.append(Detail("Owner", alert.owner))
    if incident.open:
        facts.append(Detail("Next", NEXT[alert.kind]))
    labels = {fact.label for fact in facts}
    facts += [detail for detail in alert.details if detail.label not in labels]
    if incident.confirmed_by:
        facts.append(Detail("Also found by", ", ".join(incident.confirmed_by)))
    return facts


def _since(incident: Incident, now: datetime) -> str:
    if not incident.open:
        return moment(incident.opened_at)
    return f"{moment(incident.alert.since)}, {ago(now - incident.alert.since)}"


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


def _small_print(notification: Notification, incident: Incident) -> list[str]:
    alert = incident.alert
    lines = ["age of the data not known"]
    if alert.as_of is not None:
        age = notification.at - alert.as_of
        old = f", {lasted(age)} old" if age >= timedelta(minutes=1) else ""
        lines = [f"data as of {moment(alert.as_of)}{old}"]
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
