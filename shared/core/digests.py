"""Digests: what happened in a day, week or month, told on a calendar and not because anything is wrong."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal

from shared.core.flapping import is_flapping
from shared.core.model import Delivery, Detail, Grain, Incident, Period, Report
from shared.core.routes import Matcher
from shared.core.wording import SEVERITY_WORDS, counted, is_currency, lasted, moment

MOST_TOP = 3
WORDS = {Grain.DAY: "Daily", Grain.WEEK: "Weekly", Grain.MONTH: "Monthly"}
UNDELIVERED = "dead"


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told when, and where."""

    name: str
    every: Grain  # day; week, on Mondays; month, on its first day
    at: time  # in `zone`
    zone: tzinfo
    channels: tuple[str, ...]
    matcher: Matcher = Matcher()


def newest_period(digest: Digest, now: datetime) -> Period:
    """The newest period that is over, from one telling to the next, in UTC."""
    day = _first_of(digest.every, now.astimezone(digest.zone).date())
    if _at(digest, day) > now:
        day = _before(digest.every, day)
    return Period(_at(digest, _before(digest.every, day)), _at(digest, day))


def next_at(digest: Digest, period: Period) -> datetime:
    """When the digest after that of `period` is told."""
    ahead = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}[digest.every]
    day = period.end.astimezone(digest.zone).date() + timedelta(days=ahead)
    return _at(digest, _first_of(digest.every, day))


def report(
    digest: Digest,
    period: Period,
    incidents: Iterable[Incident],
    deliveries: Iterable[Delivery],
    muted: Callable[[Incident], str],
    now: datetime,
) -> Report:
    """The digest of a period. `incidents` are all episodes that are known, `deliveries` all messages."""
    ours = [one for one in incidents if not one.alert.test and not digest.matcher.mismatch(one.alert)]
    opened = [one for one in ours if one.opened_at in period]
    over = [one for one in ours if one.resolved_at is not None and one.resolved_at in period]
    still = [one for one in ours if one.open]
    named = {one.id for one in ours}
    sent = [one for one in deliveries if one.at in period and one.incident in named]
    found = [
        ("Opened", counted(one.alert.severity for one in opened)),
        ("Over", f"{len(over):,}"),
        ("Still open", _still(still, now)),
        *(_top(one) for one in _worst([*still, *opened])[:MOST_TOP]),
        ("Not told, muted", _named([one for one in still if muted(one)])),
        ("Flapping", _named([one for one in still if is_flapping(one, now)])),
        ("Messages", _by_channel(one for one in sent if one.status != UNDELIVERED)),
        ("Could not be delivered", _by_channel(one for one in sent if one.status == UNDELIVERED)),
    ]
    return Report(
        f"{WORDS[digest.every]} digest {digest.name}: {len(opened):,} opened, {len(still):,} open, "
        f"{len(over):,} over",
        tuple(Detail(label, text) for label, text in found if text),
        f"I am alive. The next digest comes {moment(next_at(digest, period))}; if not, look after me.",
        period,
    )


def _first_of(every: Grain, day: date) -> date:
    if every is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every is Grain.MONTH else day


def _before(every: Grain, day: date) -> date:
    return _first_of(every, day - timedelta(days=1))


def _at(digest: Digest, day: date) -> datetime:
    return datetime.combine(day, digest.at, digest.zone).astimezone(UTC)


def _still(still: Sequence[Incident], now: datetime) -> str:
    if not still:
        return "none"
    oldest = min(one.opened_at for one in still)
    return f"{counted(one.alert.severity for one in still)}; the oldest for {lasted(now - oldest)}"


def _worst(incidents: Iterable[Incident]) -> list[Incident]:
    """Each once: what is open first, then the most severe, then the most money."""
    once = {one.id: one for one in incidents}
    return sorted(once.values(), key=lambda one: (one.open, one.alert.severity, _money(one)), reverse=True)


def _money(incident: Incident) -> Decimal:
    seen = incident.alert.seen
    return seen.value if seen is not None and is_currency(seen.unit) else Decimal()


def _top(incident: Incident) -> tuple[str, str]:
    word = SEVERITY_WORDS[incident.alert.severity]
    return (f"{word}, {'open' if incident.open else 'over'}", incident.alert.what)


def _named(incidents: Sequence[Incident]) -> str:
    if not incidents:
        return ""
    names = [one.id for one in incidents[:MOST_TOP]]
    more = [f"{len(incidents) - MOST_TOP:,} more"] if len(incidents) > MOST_TOP else []
    return f"{len(incidents):,}: " + ", ".join([*names, *more])


def _by_channel(deliveries: Iterable[Delivery]) -> str:
    """Each message once, whatever number of incidents it was about."""
    messages = {(one.address, one.sequence): one.address.channel for one in deliveries}
    counts = sorted(Counter(messages.values()).items())
    return ", ".join(f"{channel} {count:,}" for channel, count in counts)
