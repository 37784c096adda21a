"""Digests: when each is told, of what period, and what it counts."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.digests import Digest, newest_period, next_at, report
from shared.core.model import (
    Address,
    Delivery,
    Grain,
    Incident,
    Kind,
    Period,
    Quantity,
    Reason,
    Severity,
    State,
)
from shared.core.routes import Matcher
from tests.builders import DAY, HOUR, MINUTE, NOW, ONCALL, a_budget_alert, an_alert, an_incident

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = Digest("ops", Grain.DAY, time(8), BERLIN, ("finops",))
YESTERDAY = Period(NOW - DAY, NOW)
CRITICAL = Severity.CRITICAL


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "now", "start", "end"),
    [
        pytest.param("day", "2026-09-08T06:00", "2026-09-07T06:00", "2026-09-08T06:00", id="as it is due"),
        pytest.param("day", "2026-09-08T05:59", "2026-09-06T06:00", "2026-09-07T06:00", id="just before"),
        pytest.param("day", "2026-10-25T07:00", "2026-10-24T06:00", "2026-10-25T07:00", id="25 hours"),
        pytest.param("day", "2026-03-29T06:00", "2026-03-28T07:00", "2026-03-29T06:00", id="23 hours"),
        pytest.param("week", "2026-09-09T12:00", "2026-08-31T06:00", "2026-09-07T06:00", id="on a Wednesday"),
        pytest.param(
            "week", "2026-09-07T05:00", "2026-08-24T06:00", "2026-08-31T06:00", id="early on Monday"
        ),
        pytest.param("month", "2026-09-08T12:00", "2026-08-01T06:00", "2026-09-01T06:00", id="a month"),
        pytest.param("month", "2027-01-01T06:00", "2026-11-01T07:00", "2026-12-01T07:00", id="a new year"),
    ],
)
def test_the_newest_period_that_is_over(every, now, start, end):
    digest = replace(DAILY, every=Grain(every))

    assert newest_period(digest, utc(now)) == Period(utc(start), utc(end))


@pytest.mark.parametrize(
    ("every", "then"),
    [("day", "2026-09-08T06:00"), ("week", "2026-09-14T06:00"), ("month", "2026-10-01T06:00")],
)
def test_when_the_next_one_comes(every, then):
    digest = replace(DAILY, every=Grain(every))
    period = newest_period(digest, utc("2026-09-07T12:00"))

    assert next_at(digest, period) == utc(then)


@given(
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
    st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.times(),
)
def test_periods_tile_and_the_next_one_follows(every, now, at):
    digest = replace(DAILY, every=every, at=at)
    period = newest_period(digest, now)
    then = next_at(digest, period)

    assert period.start < period.end <= now < then
    assert newest_period(digest, then) == Period(period.end, then)


def counted(*incidents: Incident, **named: Any) -> dict[str, str]:
    """The lines of a digest of the last day."""
    told = report(
        named.get("digest", DAILY),
        YESTERDAY,
        incidents,
        named.get("deliveries", ()),
        named.get("muted", lambda _: ""),
        NOW,
    )
    return {line.label: line.text for line in told.lines}


def over(id_: str, ended: datetime, **named: Any) -> Incident:
    return an_incident(id=id_, state=State.RESOLVED, resolved_at=ended, opened_at=ended - HOUR, **named)


def test_what_opened_what_is_over_and_what_is_open_still():
    lines = counted(
        an_incident(id="new", opened_at=NOW - HOUR),
        an_incident(an_alert(severity=CRITICAL), id="old", opened_at=NOW - 4 * DAY),
        an_incident(id="held", state=State.ACKNOWLEDGED, opened_at=NOW - 2 * DAY),
        over("short", NOW - HOUR),
        over("before", NOW - 2 * DAY),
    )

    assert lines["Opened"] == "2 (2 warning)"
    assert lines["Over"] == "1"
    assert lines["Still open"] == "3 (1 critical, 2 warning); the oldest for 4 d"


def test_a_digest_comes_when_nothing_happened_and_says_that_meterwatch_is_alive():
    told = report(DAILY, YESTERDAY, (), (), lambda _: "", NOW)

    assert told.headline == "Daily digest ops: 0 opened, 0 open, 0 over"
    assert [line.text for line in told.lines] == ["none", "0", "none"]
    assert told.closing.startswith("I am alive. The next digest comes ")


def test_the_worst_and_the_dearest_are_named():
    dear, cheap = (
        a_budget_alert("actual 80", what=what, severity=Severity.WARNING, seen=Quantity(Decimal(seen), "USD"))
        for what, seen in (("dear", 9000), ("cheap", 10))
    )
    found = report(
        DAILY,
        YESTERDAY,
        [
            over("over", NOW - HOUR, alert=an_alert(severity=CRITICAL, what="over")),
            an_incident(cheap, id="cheap"),
            an_incident(dear, id="dear"),
            an_incident(an_alert(severity=CRITICAL, what="bad"), id="bad"),
        ],
        (),
        lambda _: "",
        NOW,
    )
    named = [(line.label, line.text) for line in found.lines if line.label.endswith(", open")]

    assert named == [("Critical, open", "bad"), ("Warning, open", "dear"), ("Warning, open", "cheap")]


def test_what_is_muted_or_flapping_is_named():
    flips = tuple(NOW - minutes * MINUTE for minutes in (60, 40, 20))
    lines = counted(
        an_incident(id="A"),
        an_incident(id="B", flips=flips),
        over("C", NOW - HOUR, flips=flips),
        muted=lambda one: "silenced" if one.id in "AC" else "",
    )

    assert lines["Not told, muted"] == "1: A"
    assert lines["Flapping"] == "1: B"


def a_delivery(incident: str, sequence: int = 1, **named: Any) -> Delivery:
    plain = Delivery(incident, ONCALL, sequence, Reason.OPENED, NOW - HOUR, "delivered", 1, False, "Warning")
    return replace(plain, **named)


def test_messages_are_counted_by_channel_each_once_and_so_are_those_that_did_not_arrive():
    lines = counted(
        an_incident(id="A"),
        an_incident(id="B"),
        deliveries=[
            a_delivery("A"),
            a_delivery("B"),  # of the same message
            a_delivery("A", 2),
            a_delivery("A", address=Address("finops", "g"), status="accepted"),
            a_delivery("A", 3, status="dead"),
            a_delivery("A", 4, at=NOW),  # of the next period
            a_delivery("of another digest"),
        ],
    )

    assert lines["Messages"] == "finops 1, oncall 2"
    assert lines["Could not be delivered"] == "oncall 1"


def test_a_digest_is_about_what_its_matcher_takes_and_never_about_tests():
    lines = counted(
        an_incident(id="A"),
        an_incident(an_alert(kind=Kind.BUDGET), id="B"),
        an_incident(an_alert(kind=Kind.BUDGET, test=True), id="T"),
        digest=replace(DAILY, matcher=Matcher(kinds=(Kind.BUDGET,))),
    )

    assert lines["Still open"].startswith("1 (1 warning)")


def test_a_digest_has_no_more_lines_than_a_message_shows():
    many = [
        an_incident(id=f"I{number}", opened_at=NOW - timedelta(minutes=number + 1), flips=(NOW,) * 3)
        for number in range(30)
    ]
    found = counted(
        *many, deliveries=[a_delivery("I1"), a_delivery("I1", 2, status="dead")], muted=lambda _: "x"
    )

    assert len(found) <= 10
    assert found["Flapping"] == "30: I0, I1, I2, 27 more"
