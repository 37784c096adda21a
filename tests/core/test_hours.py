"""When people may be interrupted: their own days and clock, whatever UTC says."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.hours import FURTHEST, Hours, opens_at

BERLIN, KOLKATA, ST_JOHNS = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns")
WEEKDAYS = {day: (time(8), time(18)) for day in range(5)}
OFFICE = Hours(WEEKDAYS, BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        pytest.param("2026-09-08T09:00", "2026-09-08T09:00", id="within them"),
        pytest.param("2026-09-08T05:59", "2026-09-08T06:00", id="before they begin"),
        pytest.param("2026-09-08T06:00", "2026-09-08T06:00", id="as they begin"),
        pytest.param("2026-09-08T15:59", "2026-09-08T15:59", id="just before their end"),
        pytest.param("2026-09-08T16:00", "2026-09-09T06:00", id="at their end"),
        pytest.param("2026-09-11T17:00", "2026-09-14T06:00", id="on a Friday evening"),
        pytest.param("2026-09-12T12:00", "2026-09-14T06:00", id="on a Saturday"),
        pytest.param("2026-09-13T23:30", "2026-09-14T06:00", id="a Monday there, a Sunday in UTC"),
    ],
)
def test_an_interruption_waits_for_the_next_opening(now, opens):
    assert opens_at(OFFICE, utc(now)) == utc(opens)


def test_without_hours_it_is_always_now():
    assert opens_at(None, utc("2026-09-13T03:00")) == utc("2026-09-13T03:00")


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        pytest.param("2026-10-23T17:00", "2026-10-26T07:00", id="the clocks went back on Sunday"),
        pytest.param("2026-03-27T18:00", "2026-03-30T06:00", id="the clocks went forward on Sunday"),
    ],
)
def test_eight_in_the_morning_is_eight_after_the_clocks_have_changed(now, opens):
    assert opens_at(OFFICE, utc(now)) == utc(opens)


def test_an_opening_in_the_hour_that_the_clocks_leave_out_is_right_after_it():
    night = Hours({6: (time(2, 30), time(9))}, BERLIN)

    assert opens_at(night, utc("2026-03-29T00:00")) == utc("2026-03-29T01:30")


def test_an_opening_in_the_hour_that_comes_twice_is_the_first_of_them():
    night = Hours({6: (time(2, 30), time(9))}, BERLIN)

    assert opens_at(night, utc("2026-10-25T00:00")) == utc("2026-10-25T00:30")


def test_holidays_are_left_out_in_the_days_of_the_zone():
    hours = Hours(WEEKDAYS, BERLIN, frozenset({date(2026, 12, 24), date(2026, 12, 25)}))

    assert opens_at(hours, utc("2026-12-23T17:00")) == utc("2026-12-28T07:00")
    assert opens_at(hours, utc("2026-12-24T10:00")) == utc("2026-12-28T07:00")


@pytest.mark.parametrize(
    ("zone", "opens"),
    [(KOLKATA, "2026-09-08T02:30"), (ST_JOHNS, "2026-09-08T10:30"), (UTC, "2026-09-08T08:00")],
    ids=["Kolkata", "St John's", "UTC"],
)
def test_zones_with_half_hours(zone, opens):
    assert opens_at(Hours(WEEKDAYS, zone), utc("2026-09-08T01:00")) == utc(opens)


def test_a_calendar_that_never_opens_keeps_nothing_back():
    closed = Hours(WEEKDAYS, UTC, frozenset(date(2026, 9, 1) + timedelta(days=day) for day in range(99)))

    assert opens_at(closed, utc("2026-09-08T03:00")) == utc("2026-09-08T03:00")


@given(st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_an_opening_is_never_in_the_past_and_is_open_itself(now):
    opens = opens_at(OFFICE, now)

    assert now <= opens < now + timedelta(days=FURTHEST)
    assert opens_at(OFFICE, opens) == opens
    assert 8 <= opens.astimezone(BERLIN).hour < 18
    assert opens.astimezone(BERLIN).weekday() < 5
