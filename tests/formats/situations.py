"""Notifications of every sort, as a channel may be asked to tell them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from shared.core.model import (
    Address,
    Alert,
    Conversation,
    Delivery,
    Detail,
    Incident,
    Kind,
    Notification,
    Period,
    Quantity,
    Reason,
    Report,
    Scope,
    Severity,
    State,
    Thread,
    Told,
    Waiting,
)

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
ACCOUNT = f"{SUBSCRIPTION}/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/accounts/aoai-search"

# A budget that is nearly spent, read five hours ago.
BUDGET = Alert(
    key="budget|ai-products-monthly",
    kind=Kind.BUDGET,
    rule="ai-products-monthly",
    scope=Scope(SUBSCRIPTION),
    firing=True,
    severity=Severity.WARNING,
    what="Budget ai-products-monthly: 96 % of 10,000 USD spent",
    since=NOON - timedelta(days=1),
    at=NOON,
    as_of=NOON - timedelta(hours=5),
    seen=Quantity(Decimal("9612.40"), "USD"),
    against=Quantity(Decimal(10_000), "USD"),
    why="crossed: 80 % actual",
    details=(Detail("Period", "Tue 1 Sep to Thu 1 Oct"), Detail("Expected at its end", "12,400 USD")),
    steps=("actual 80",),
    owner="team-search",
    link=f"https://portal.azure.com/#@/resource{SUBSCRIPTION}/overview",
)
# A deployment above its limit.
LIMIT = replace(
    BUDGET,
    key="limit|throttled",
    kind=Kind.LIMIT,
    rule="throttled",
    scope=Scope(ACCOUNT, "chat-prod"),
    severity=Severity.CRITICAL,
    what="throttled share 12 % on chat-prod in aoai-search, limit 5 %",
    as_of=NOON - timedelta(minutes=5),
    seen=Quantity(Decimal(12), "percent"),
    against=Quantity(Decimal(5), "percent"),
    why="above the limit for 25 min",
    details=(Detail("Highest", "14 %"),),
    steps=(),
)
PORTAL_TEST = replace(
    BUDGET,
    severity=Severity.INFO,
    what="Azure's test alert arrived; the road from the action group to this channel works",
    as_of=None,
    seen=None,
    against=None,
    why="",
    details=(),
    steps=(),
    owner="",
    link="",
    source="Azure",
    test=True,
)


FINOPS = Address("finops", "0123456789abcdef")


def incident(alert: Alert = BUDGET, **named: Any) -> Incident:
    """One that opened at nine."""
    over = not alert.firing or alert.test
    plain = Incident(
        id="MW-1A2B3C4D",
        state=State.RESOLVED if over else State.TRIGGERED,
        opened_at=NOON - timedelta(hours=3),
        alert=alert,
        transitions=1,
        resolved_at=NOON if over else None,
    )
    return replace(plain, **named)


def notification(
    about: Alert | Incident = BUDGET, reason: Reason = Reason.OPENED, sequence: int = 1, *others: Incident
) -> Notification:
    """One that was composed at noon."""
    first = about if isinstance(about, Incident) else incident(about)
    ones = (first, *others)
    return Notification(ones, FINOPS, sequence, reason, at=NOON, news=tuple(one.id for one in ones))


OPENED = notification()
WORSENED = notification(
    replace(
        BUDGET,
        severity=Severity.CRITICAL,
        what="Budget ai-products-monthly: 103 % of 10,000 USD spent",
        seen=Quantity(Decimal("10311.02"), "USD"),
        why="crossed: 80 % actual, 100 % actual",
        steps=("actual 80", "actual 100"),
    ),
    Reason.WORSENED,
    2,
)
RESOLVED = notification(
    replace(
        LIMIT,
        firing=False,
        what="throttled share 0.4 % on chat-prod in aoai-search, limit 5 %",
        seen=Quantity(Decimal("0.4"), "percent"),
        why="not above the limit for 15 min",
        since=NOON - timedelta(minutes=15),
    ),
    Reason.RESOLVED,
    3,
)
TEST = notification(PORTAL_TEST, Reason.TEST)
THROTTLED = incident(LIMIT)
SLOW = incident(
    replace(
        LIMIT,
        rule="slow",
        severity=Severity.WARNING,
        what="latency 4,200 ms on chat-prod in aoai-search, limit 3,000 ms",
    ),
    id="MW-2B3C4D5E",
    state=State.ACKNOWLEDGED,
    acknowledged_by="Ada Lovelace",
)
OVER = incident(
    replace(
        LIMIT,
        firing=False,
        scope=Scope(ACCOUNT, "embeddings"),
        what="throttled share 0 % on embeddings in aoai-search, limit 5 %",
        why="not above the limit for 15 min",
    ),
    id="MW-3C4D5E6F",
)
GROUP = replace(notification(THROTTLED, Reason.JOINED, 2, SLOW, OVER), news=(SLOW.id,))
LATE = notification(RESOLVED.incident, Reason.LATE)
ESCALATED = notification(THROTTLED, Reason.ESCALATED)
ACKNOWLEDGED = notification(
    replace(THROTTLED, state=State.ACKNOWLEDGED, acknowledged_by="Ada Lovelace"), Reason.CHANGED, 2
)
FLAPPING = notification(
    replace(THROTTLED, flips=tuple(NOON - timedelta(minutes=15 * ago) for ago in (5, 3, 1)))
)
SUMMARY = notification(
    THROTTLED,
    Reason.SUMMARY,
    1,
    *[
        replace(SLOW, id=f"MW-{number:08X}", alert=replace(SLOW.alert, key=str(number)))
        for number in range(4_990)
    ],
    *[replace(OVER, id=f"MW-F{number:07X}") for number in range(9)],
)
PLAIN = replace(OPENED, plain=True)
DIGEST = Notification(
    (),
    FINOPS,
    7,
    Reason.DIGEST,
    at=NOON,
    report=Report(
        "Daily digest ops: 2 opened, 1 open, 1 over",
        (
            Detail("Opened", "2 (1 critical, 1 warning)"),
            Detail("Over", "1"),
            Detail("Still open", "1 (1 critical); the oldest for 3 h"),
            Detail("Critical, open", LIMIT.what),
            Detail("Messages", "finops 3, on-call 1"),
        ),
        "I am alive. The next digest comes Wed 9 Sep 12:00 UTC; if not, look after me.",
        Period(NOON - timedelta(days=1), NOON),
    ),
)
GOLDEN = {
    "opened": OPENED,
    "worsened": WORSENED,
    "resolved": RESOLVED,
    "test": TEST,
    "group": GROUP,
    "late": LATE,
    "escalated": ESCALATED,
    "acknowledged": ACKNOWLEDGED,
    "flapping": FLAPPING,
    "summary": SUMMARY,
    "plain": PLAIN,
    "digest": DIGEST,
}

MARKED_UP = (
    "<!channel> <@U1> <at>Ada</at> <b>x</b> *bold* _it_ ~~no~~ `code` "
    "[a](https://evil.example) &lt; # 1. \\* :tada:"
)
LONG = "long-name-" * 500


def _worded(text: str) -> Alert:
    return replace(
        BUDGET,
        rule=text,
        scope=Scope(f"{SUBSCRIPTION}/{text}", text),
        what=f"Budget {text}: 96 % of 10,000 USD spent",
        why=text,
        details=(Detail(text, text), Detail(f"{text}2", text)),
        owner=text,
        source=text,
    )


ODD = {
    "no link": notification(replace(BUDGET, link="")),
    "a link that is none": notification(replace(BUDGET, link="https://[")),
    "a link with odd letters": notification(replace(BUDGET, link='https://portal.azure.com/#@/<"ü \n>')),
    "a very long link": notification(replace(BUDGET, link="https://portal.azure.com/" + 5000 * "x")),
    "no facts": notification(replace(BUDGET, seen=None, against=None, details=(), owner="", why="")),
    "mark-up": notification(_worded(MARKED_UP)),
    "five thousand characters": notification(_worded(LONG)),
    "five thousand ampersands": notification(_worded(5000 * "&")),
    "five thousand brackets": notification(_worded(5000 * "[")),
    "emoji": notification(_worded("👩‍👩‍👧‍👦🇩🇪🔥" * 300)),
    "newlines": notification(_worded("a\nb\r\n\n- c\u2028d\x00\x1b[31m" * 40)),
    "two hundred details": notification(
        replace(BUDGET, details=tuple(Detail(f"Detail {n}", "y" * 300) for n in range(200)))
    ),
    "details of emoji": notification(
        replace(BUDGET, details=tuple(Detail(f"{n}" + 300 * "🔥", 600 * "🔥") for n in range(20)))
    ),
    "blank": notification(_worded(" \n ")),
    "an unknown unit": notification(replace(BUDGET, seen=Quantity(Decimal(5), "?"))),
    "a huge amount": notification(replace(BUDGET, seen=Quantity(Decimal("9" * 17), "USD"))),
    "confirmed by others": replace(
        OPENED, incidents=(replace(OPENED.incident, confirmed_by=("Azure", "webhook")),)
    ),
    "may repeat": replace(OPENED, may_repeat=True),
}
EVERY = {
    **GOLDEN,
    **ODD,
    **{f"reason {reason}": notification(BUDGET, reason) for reason in Reason},
    **{f"kind {kind}": notification(replace(LIMIT, kind=kind)) for kind in Kind},
    **{f"severity {one.name}": notification(replace(LIMIT, severity=one)) for one in Severity},
}

text = st.text(st.characters(codec="utf-8"), max_size=400) | st.sampled_from([MARKED_UP, LONG, 5000 * "&"])
moments = st.datetimes(datetime(1971, 1, 1), datetime(2190, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
decimals = st.decimals(-(10**17), 10**17, allow_nan=False, allow_infinity=False, places=3)
quantities = st.builds(Quantity, decimals, text | st.sampled_from(["USD", "tokens", "percent", "ms"]))
alerts = st.builds(
    Alert,
    key=text,
    kind=st.sampled_from(Kind),
    rule=text,
    scope=st.builds(Scope, text, text),
    firing=st.booleans(),
    severity=st.sampled_from(Severity),
    what=text,
    since=moments,
    at=moments,
    as_of=st.none() | moments,
    seen=st.none() | quantities,
    against=st.none() | quantities,
    why=text,
    details=st.lists(st.builds(Detail, text, text), max_size=12).map(tuple),
    steps=st.lists(text, max_size=3).map(tuple),
    owner=text,
    link=text | text.map(lambda some: f"https://{some}"),
    source=text,
    ends=st.none() | moments,
    test=st.booleans(),
)
addresses = st.builds(Address, text, text)
told = st.builds(
    Told,
    moments,
    st.sampled_from(Severity),
    st.just(("actual 80",)),
    st.sampled_from(State),
    st.integers(1, 99),
    st.booleans(),
)
incidents = st.builds(
    Incident,
    id=text,
    state=st.sampled_from(State),
    opened_at=moments,
    alert=alerts,
    transitions=st.integers(0, 999),
    resolved_at=st.none() | moments,
    confirmed_by=st.lists(text, max_size=3).map(tuple),
    addresses=st.lists(addresses, max_size=2).map(tuple),
    acknowledged_by=text,
    acknowledged_at=st.none() | moments,
    note=text,
    flips=st.lists(moments, max_size=4).map(tuple),
    samples=st.integers(0, 9),
    clear_since=st.none() | moments,
)
notifications = st.builds(
    Notification,
    incidents=st.lists(incidents, min_size=1, max_size=4).map(tuple),
    address=addresses,
    sequence=st.integers(1, 999_999),
    reason=st.sampled_from(Reason),
    at=moments,
    thread=st.integers(1, 999),
    news=st.lists(text, max_size=3).map(tuple),
    plain=st.booleans(),
    may_repeat=st.booleans(),
)
threads = st.builds(
    Thread, st.integers(1, 999), moments, moments, st.dictionaries(text, told, max_size=2), receipt=text
)
conversations = st.builds(
    Conversation,
    addresses,
    st.integers(0, 999_999),
    st.lists(threads, max_size=2).map(tuple),
    st.dictionaries(text, text, max_size=2),
    text,
    st.none() | moments,
    st.integers(0, 12),
    st.none() | moments,
    st.booleans(),
    st.booleans(),
    text,
)
waiting = st.builds(Waiting, addresses, text, text, st.integers(1, 999), moments, st.sampled_from(Reason))
deliveries = st.builds(
    Delivery,
    text,
    addresses,
    st.integers(1, 999_999),
    st.sampled_from(Reason),
    moments,
    text,
    st.integers(0, 12),
    st.booleans(),
    text,
    text,
)
