"""Freshness: a source that has not answered for longer than it may.

A source is what is read in one round: "usage" of a subscription, "gateway" of a workspace, "discovery" of
a management group's subscriptions. What it is read of is its subject.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.core.model import Alert, Kind, Scope, Severity
from shared.core.scopes import portal_link
from shared.core.wording import lasted, moment, named

PATIENCE = {
    "discovery": timedelta(hours=1),
    "usage": timedelta(minutes=30),
    "gateway": timedelta(minutes=45),
    "spend": timedelta(hours=6),
    "bill": timedelta(hours=6),
    "budgets": timedelta(hours=12),
    "prices": timedelta(days=3),
}
OF_A_SUBSCRIPTION = frozenset({"usage", "spend", "budgets"})  # their subject is its GUID
NEVER = datetime.min.replace(tzinfo=UTC)
LEASE = timedelta(minutes=2)  # longer than any job takes


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far one source of one subject has been read, and how it has been doing."""

    source: str  # a key of PATIENCE
    subject: str  # a subscription's or workspace's GUID, a group's name; or a word where there is only one
    read_until: datetime | None = None  # the end of what was asked for last; None: never read
    answered_at: datetime | None = None  # when it last answered
    failing_since: datetime | None = None  # the first failure since then
    trouble: str = ""  # the newest failure, in words
    not_before: datetime | None = None  # Azure asked to be left alone until then
    round: datetime | None = None  # the newest round that was done, well or not
    claimed_until: datetime | None = None  # somebody is reading it now


def claim(mark: Watermark, round_: datetime | None, now: datetime) -> Watermark | None:
    """The mark with a lease for one job; None when the job is not to be done now.

    `round_` is the round that a timer made the job for: a round that was done, or is being done, is not
    done again. None is a job that takes up what `is_left_over`.
    """
    waits = mark.not_before is not None and now < mark.not_before
    claimed = mark.claimed_until is not None and now < mark.claimed_until
    done = mark.round is not None and round_ <= mark.round if round_ else not is_left_over(mark, now)
    if waits or claimed or done:
        return None
    return replace(mark, claimed_until=now + LEASE)


def is_left_over(mark: Watermark, now: datetime) -> bool:
    """Whether a job was put off until now, or its worker died."""
    ends = [end for end in (mark.not_before, mark.claimed_until) if end is not None]
    return bool(ends) and max(ends) <= now


def left_since(mark: Watermark) -> tuple[datetime, str]:
    """What those that are left over are taken up by: who has waited longest for data comes first."""
    return mark.answered_at or NEVER, mark.subject


def judge_freshness(mark: Watermark, now: datetime) -> Alert:
    """The source's alert: firing when it has not answered for longer than its patience, asked or not.

    A failure after a time in which nobody asked is no answer: what counts is when it last gave data.
    """
    since = mark.answered_at or mark.failing_since or now
    late = now - since >= PATIENCE[mark.source]
    scope = Scope(f"/subscriptions/{mark.subject}" if mark.source in OF_A_SUBSCRIPTION else "")
    return Alert(
        key=f"freshness|{mark.source}|{mark.subject}",
        kind=Kind.FRESHNESS,
        rule="freshness",
        scope=scope,
        firing=late,
        severity=Severity.WARNING,
        what=_blind(mark, now - since) if late else _seeing(mark),
        since=since,
        at=now,
        as_of=mark.answered_at,
        why=_why(mark) if late else "the source answers again",
        link=portal_link(scope.resource),
    )


def _blind(mark: Watermark, span: timedelta) -> str:
    return f"Blind: no {mark.source} data{_whose(mark)} for {lasted(span)}"


def _seeing(mark: Watermark) -> str:
    return f"{mark.source.capitalize()} data{_whose(mark)} is coming again"


def _whose(mark: Watermark) -> str:
    if mark.source in OF_A_SUBSCRIPTION:
        return f" of {named(Scope(f'/subscriptions/{mark.subject}'))}"
    sort = {"gateway": "workspace", "discovery": "management group"}.get(mark.source)
    return f" of {sort} {mark.subject}" if sort else ""


def _why(mark: Watermark) -> str:
    last = f"last answered {moment(mark.answered_at)}" if mark.answered_at else "it has never answered"
    return f"{last}; {mark.trouble or 'it has not been asked since: the polls do not run or do not end'}"
