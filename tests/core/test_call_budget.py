"""The calls that are allowed are never exceeded, in whatever order jobs ask for them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.call_budget import (
    A_SCOPE_A_MINUTE,
    ALL_A_MINUTE,
    ALL_UNITS,
    EVERYWHERE,
    Ledger,
    noted,
    parked,
    units_of,
    wait_for,
)
from shared.core.model import Period
from tests.builders import DAY, HOUR, MINUTE, NOW

A_SECOND = timedelta(seconds=1)
AN_HOUR = 24  # calls


def day(month: int, number: int, year: int = 2026) -> datetime:
    return datetime(year, month, number, tzinfo=UTC)


def asked(ledger: Ledger, scope: str, units: int, now: datetime) -> tuple[Ledger, timedelta]:
    wait = wait_for(ledger, scope, units, AN_HOUR, now)
    return (ledger if wait else noted(ledger, scope, units, now)), wait


@pytest.mark.parametrize(
    ("start", "end", "units"),
    [
        pytest.param(day(9, 1), day(9, 2), 1, id="a day"),
        pytest.param(day(9, 1), day(10, 1), 1, id="a whole month"),
        pytest.param(day(8, 31), day(9, 2), 2, id="a day on each side of a month's end"),
        pytest.param(day(12, 20), day(1, 10, 2027), 2, id="over the new year"),
    ],
)
def test_a_query_costs_a_unit_for_each_month_that_it_touches(start, end, units):
    assert units_of(Period(start, end)) == units


def test_the_first_call_waits_for_nothing():
    assert wait_for(Ledger(), "/subscriptions/a", 1, AN_HOUR, NOW) == timedelta()


def test_the_fifth_call_of_a_scope_waits_and_another_scope_does_not():
    ledger = Ledger()
    for _ in range(A_SCOPE_A_MINUTE):
        ledger, wait = asked(ledger, "/subscriptions/A/", 1, NOW)
        assert not wait

    # A minute, and one more since the calls may have been made that much later than they were noted.
    assert wait_for(ledger, "/subscriptions/a", 1, AN_HOUR, NOW + 30 * A_SECOND) == 90 * A_SECOND
    assert not wait_for(ledger, "/subscriptions/b", 1, AN_HOUR, NOW)
    assert not wait_for(ledger, "/subscriptions/a", 1, AN_HOUR, NOW + 2 * MINUTE)


def test_the_wait_is_the_longest_of_all_that_are_due():
    ledger = Ledger()
    for _ in range(AN_HOUR):
        ledger = noted(ledger, "a", 0, NOW)

    assert wait_for(ledger, "a", 0, AN_HOUR, NOW) == HOUR + MINUTE
    assert wait_for(parked(ledger, "a", NOW + 2 * HOUR), "a", 0, AN_HOUR, NOW) == 2 * HOUR


def test_a_list_costs_no_units():
    ledger = noted(noted(Ledger(), "a", 6, NOW), "b", 6, NOW)

    assert wait_for(ledger, "c", 1, AN_HOUR, NOW)
    assert not wait_for(ledger, "c", 0, AN_HOUR, NOW)


def test_a_question_larger_than_a_limit_waits_until_nothing_else_counts():
    ledger = noted(Ledger(), "a", 1, NOW)

    assert wait_for(ledger, "b", 13, AN_HOUR, NOW) == 70 * A_SECOND
    assert not wait_for(Ledger(), "b", 13, AN_HOUR, NOW)


def test_a_parked_scope_waits_and_all_scopes_do_when_everything_is_parked():
    one = parked(Ledger(), "/subscriptions/A", NOW + HOUR)
    assert (wait_for(one, "/subscriptions/a", 0, 9, NOW), wait_for(one, "b", 0, 9, NOW)) == (HOUR, 0 * HOUR)

    every = parked(one, EVERYWHERE, NOW + 2 * HOUR)
    assert {wait_for(every, scope, 0, 9, NOW) for scope in ("/subscriptions/a", "b")} == {2 * HOUR}


def test_a_shorter_wait_does_not_end_a_longer_one():
    ledger = parked(parked(Ledger(), "a", NOW + HOUR), "a", NOW + MINUTE)

    assert wait_for(ledger, "a", 0, AN_HOUR, NOW) == HOUR


def test_a_clock_that_was_far_ahead_stops_nobody():
    ledger = noted(Ledger(), "a", 600, NOW + 400 * DAY)

    assert not wait_for(ledger, "a", 1, AN_HOUR, NOW)
    assert list(noted(ledger, "b", 1, NOW).calls) == ["b"]


def test_what_no_longer_counts_is_forgotten():
    ledger = noted(parked(noted(Ledger(), "a", 1, NOW), "a", NOW + MINUTE), "b", 1, NOW + 2 * HOUR)

    assert (list(ledger.calls), dict(ledger.parked)) == (["b"], {})


def most_in(calls: list[tuple[datetime, int]], span: timedelta) -> int:
    return max(
        (sum(amount for at, amount in calls if start <= at < start + span) for start, _ in calls), default=0
    )


jobs = st.lists(
    st.tuples(st.integers(0, 300), st.integers(-120, 0), st.sampled_from("abcdefgh"), st.integers(0, 2)),
    max_size=250,
)


@given(jobs, st.integers(2, 40), st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_no_limit_is_ever_exceeded_whatever_the_order_of_jobs_and_their_delays(jobs, an_hour, delays):
    """Jobs begin up to two minutes before they are noted, and call up to a minute after they began."""
    ledger, clock = Ledger(), NOW
    made: list[tuple[str, datetime, int]] = []
    for number, (later, begun, scope, units) in enumerate(jobs):
        clock += later * A_SECOND
        now = clock + begun * A_SECOND
        if not wait_for(ledger, scope, units, an_hour, now):
            ledger = noted(ledger, scope, units, now)
            made.append((scope, now + delays[number % len(delays)] * A_SECOND, units))

    for name in "abcdefgh":
        mine = [(at, 1) for scope, at, _ in made if scope == name]
        assert most_in(mine, MINUTE) <= A_SCOPE_A_MINUTE
        assert most_in(mine, HOUR) <= an_hour
    assert most_in([(at, 1) for _, at, _ in made], MINUTE) <= ALL_A_MINUTE
    for span, most in ALL_UNITS:
        assert most_in([(at, units) for _, at, units in made], span) <= most


@given(jobs)
def test_after_the_wait_that_was_said_the_call_may_be_made(jobs):
    ledger, now = Ledger(), NOW
    for later, _, scope, units in jobs:
        now += later * A_SECOND / 10
        ledger, wait = asked(ledger, scope, units, now)
        assert not wait_for(ledger, scope, units, AN_HOUR, now + wait) or not wait
