"""Freshness: a source that has not answered for longer than it may."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.model import Alert, Kind, Scope, Severity
from shared.core.scopes import portal_link
from shared.core.wording import lasted, moment, named

PATIENCE = {"usage": timedelta(minutes=30), "spend": timedelta(hours=6)}


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one source of one subscription has been read, and how it has been doing."""

    source: str  # "usage" or "spend"
    subscription: str
    read_until: datetime | None = None  # the end of what was asked for last; None: never read
    answered_at: datetime | None = None  # when it last answered
    failing_since: datetime | None = None  # the first failure since then
    trouble: str = ""  # the newest failure, in words
    not_before: datetime | None = None  # Azure asked to be left alone until then


def judge_freshness(mark: Watermark, now: datetime) -> Alert:
    """The source's alert: firing when it has not answered for longer than its patience, asked or not.

    A failure after a time in which nobody asked is no answer: what counts is when it last gave data.
    """
    since = mark.answered_at or mark.failing_since or now
    late = now - since >= PATIENCE[mark.source]
    scope = Scope(f"/subscriptions/{mark.subscription}")
    return Alert(
        key=f"freshness|{mark.source}|{mark.subscription}",
        kind=Kind.FRESHNESS,
        rule="freshness",
        scope=scope,
        firing=late,
        severity=Severity.WARNING,
        what=_blind(mark, scope, now - since) if late else _seeing(mark, scope),
        since=since,
        at=now,
        as_of=mark.answered_at,
        why=_why(mark) if late else "the source answers again",
        link=portal_link(scope.resource),
    )


def _blind(mark: Watermark, scope: Scope, span: timedelta) -> str:
    return f"Blind: no {mark.source} data of {named(scope)} for {lasted(span)}"


def _seeing(mark: Watermark, scope: Scope) -> str:
    return f"{mark.source.capitalize()} data of {named(scope)} is coming again"


def _why(mark: Watermark) -> str:
    last = f"last answered {moment(mark.answered_at)}" if mark.answered_at else "it has never answered"
    return f"{last}; {mark.trouble or 'it has not been asked since: the polls do not run or do not end'}"
