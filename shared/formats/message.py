"""A notification as a message for people, before any channel's own form.

What a phone shows first comes first: the severity in words, what, how much, against what.
"""

from dataclasses import dataclass
from enum import StrEnum

from shared.core.model import Detail, Incident, Kind, Notification, Reason, Severity
from shared.core.wording import SEVERITY_WORDS, lasted, moment, named, said

HEADLINE = 250  # characters; what is longer is cut, the facts below have it all


class Tone(StrEnum):
    """How a message looks; the words say the same, so that colour alone carries nothing."""

    BAD = "bad"
    UNEASY = "uneasy"
    GOOD = "good"
    PLAIN = "plain"


SYMBOLS = {Tone.BAD: "🔴", Tone.UNEASY: "🟠", Tone.GOOD: "✅", Tone.PLAIN: "🔵"}


@dataclass(frozen=True, slots=True)
class Message:
    """What a person is told. `facts` are in order of importance: a channel drops the last ones first."""

    tone: Tone
    headline: str
    facts: tuple[Detail, ...]
    why: str
    link: str  # https, or ""
    small: str  # the small print: how old the data is, which incident


def compose(notification: Notification) -> Message:
    """The message of a notification; the same for every channel."""
    incident = notification.incident
    alert = incident.alert
    return Message(
        tone=_tone(notification),
        headline=_cut(f"{_opening(notification)}: {alert.what}"),
        facts=tuple(_facts(incident)),
        why=alert.why[:1].upper() + alert.why[1:],
        link=alert.link if alert.link.startswith("https://") else "",
        small=" · ".join(_small_print(notification)),
    )


def _tone(notification: Notification) -> Tone:
    if notification.reason is Reason.TEST:
        return Tone.PLAIN
    if not notification.incident.open:
        return Tone.GOOD
    tones = {Severity.CRITICAL: Tone.BAD, Severity.WARNING: Tone.UNEASY, Severity.INFO: Tone.PLAIN}
    return tones[notification.incident.alert.severity]


def _opening(notification: Notification) -> str:
    incident = notification.incident
    if notification.reason is Reason.TEST:
        return "Test, nothing is wrong"
    if not incident.open:
        ended = incident.resolved_at or notification.queued_at
        return f"Resolved after {lasted(ended - incident.opened_at)}"
    word = SEVERITY_WORDS[incident.alert.severity]
    if notification.reason is Reason.WORSENED:
        return f"{word}, worse"
    return f"{word}, still firing" if notification.reason is Reason.REPEAT_DUE else word


def _facts(incident: Incident) -> list[Detail]:
    alert = incident.alert
    facts = []
    if alert.seen is not None:
        against = f" of {said(alert.against)}" if alert.against and alert.kind is Kind.BUDGET else ""
        facts.append(Detail("Now", said(alert.seen) + against))
    if alert.against is not None and alert.kind is not Kind.BUDGET:
        facts.append(Detail("Usual" if alert.kind is Kind.ANOMALY else "Limit", said(alert.against)))
    facts.append(Detail("Since", moment(alert.since)))
    facts.append(Detail("Where", named(alert.scope)))
    if alert.owner:
        facts.append(Detail("Owner", alert.owner))
    labels = {fact.label for fact in facts}
    facts += [detail for detail in alert.details if detail.label not in labels]
    if incident.confirmed_by:
        facts.append(Detail("Also found by", ", ".join(incident.confirmed_by)))
    return facts


def _small_print(notification: Notification) -> list[str]:
    incident = notification.incident
    alert = incident.alert
    lines = []
    if alert.as_of is not None:
        lines.append(f"data as of {moment(alert.as_of)}, {lasted(notification.queued_at - alert.as_of)} old")
    lines.append(f"found by {alert.source}")
    lines.append(f"incident {incident.id}, message {notification.sequence}")
    if notification.may_repeat:
        lines.append("may repeat an earlier message")
    return lines


def _cut(text: str, most: int = HEADLINE) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
