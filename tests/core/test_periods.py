from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Grain, Period
from shared.core.periods import day_of, floor_to, hour_of, months_after, period_of

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def day(year: int, month: int, number: int) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("grain", "at", "start", "end"),
    [
        pytest.param(Grain.DAY, day(2028, 2, 29), day(2028, 2, 29), day(2028, 3, 1), id="leap day"),
        pytest.param(Grain.MONTH, day(2028, 2, 29), day(2028, 2, 1), day(2028, 3, 1), id="leap month"),
        pytest.param(Grain.MONTH, day(2027, 2, 28), day(2027, 2, 1), day(2027, 3, 1), id="plain February"),
        pytest.param(Grain.MONTH, day(2026, 12, 31), day(2026, 12, 1), day(2027, 1, 1), id="December"),
        pytest.param(Grain.QUARTER, day(2026, 12, 31), day(2026, 10, 1), day(2027, 1, 1), id="last quarter"),
        pytest.param(Grain.QUARTER, day(2026, 3, 31), day(2026, 1, 1), day(2026, 4, 1), id="first quarter"),
        pytest.param(Grain.YEAR, day(2028, 2, 29), day(2028, 1, 1), day(2029, 1, 1), id="leap year"),
        pytest.param(
            Grain.WEEK, day(2027, 1, 1), day(2026, 12, 28), day(2027, 1, 4), id="week over new year"
        ),
        pytest.param(Grain.WEEK, day(2026, 9, 7), day(2026, 9, 7), day(2026, 9, 14), id="a Monday"),
    ],
)
def test_the_period_of_a_day(grain, at, start, end):
    assert period_of(grain, at) == Period(start, end)


def test_the_last_second_of_a_month_belongs_to_it_and_the_next_does_not():
    last = datetime(2026, 8, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    assert period_of(Grain.MONTH, last) == Period(day(2026, 8, 1), day(2026, 9, 1))
    assert period_of(Grain.MONTH, last + timedelta(microseconds=1)).start == day(2026, 9, 1)


@given(MOMENTS, st.sampled_from(Grain))
def test_periods_hold_their_moment_and_tile(at, grain):
    period = period_of(grain, at)

    assert at in period
    assert period.end not in period
    assert period_of(grain, period.start) == period
    assert period_of(grain, period.end).start == period.end
    assert period_of(grain, period.start - timedelta(microseconds=1)).end == period.start


@given(MOMENTS, st.sampled_from([1, 5, 15, 60, 1440]))
def test_a_moment_is_floored_to_whole_grains_since_midnight(at, minutes):
    grain = timedelta(minutes=minutes)
    floored = floor_to(at, grain)

    assert floored <= at < floored + grain
    assert (floored - day_of(at)) % grain == timedelta()
    assert floor_to(floored, grain) == floored


def test_an_hour_and_a_day_begin_at_their_start():
    at = datetime(2026, 9, 8, 14, 5, 6, 7, tzinfo=UTC)

    assert hour_of(at) == datetime(2026, 9, 8, 14, tzinfo=UTC)
    assert day_of(at) == day(2026, 9, 8)


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, day(2027, 1, 1)), (12, day(2027, 12, 1)), (13, day(2028, 1, 1))],
    ids=["over new year", "a year", "a year and a month"],
)
def test_months_after_december(months, expected):
    assert months_after(day(2026, 12, 1), months) == expected


@pytest.mark.parametrize(
    ("grain", "begins", "at", "start", "end"),
    [
        (Grain.QUARTER, 3, day(2026, 9, 8), day(2026, 9, 1), day(2026, 12, 1)),
        (Grain.QUARTER, 3, day(2026, 2, 28), day(2025, 12, 1), day(2026, 3, 1)),
        (Grain.YEAR, 7, day(2026, 6, 30), day(2025, 7, 1), day(2026, 7, 1)),
        (Grain.YEAR, 7, day(2026, 7, 1), day(2026, 7, 1), day(2027, 7, 1)),
        (Grain.MONTH, 7, day(2026, 2, 3), day(2026, 2, 1), day(2026, 3, 1)),
    ],
)
def test_years_and_quarters_may_count_from_another_month(grain, begins, at, start, end):
    assert period_of(grain, at, begins) == Period(start, end)
