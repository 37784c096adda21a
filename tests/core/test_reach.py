"""Which days of cost are asked for next: all that may have changed, each month by itself."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Period
from shared.core.reach import (
    CLOSING,
    LONGEST_ASK,
    REREAD,
    ROUND,
    STALE,
    Reach,
    absent,
    after_answer,
    in_pass,
    narrower,
    next_question,
)
from tests.builders import DAY, HOUR

NOON = datetime(2026, 9, 18, 12, tzinfo=UTC)
TODAY = datetime(2026, 9, 18, tzinfo=UTC)
FIRST = datetime(2026, 9, 1, tzinfo=UTC)


def days(start: datetime, end: datetime) -> list[datetime]:
    return [start + number * DAY for number in range((end - start).days)]


def read(
    reach: Reach | None, now: datetime, wanted: datetime, cost: list[datetime] | None = None
) -> tuple[Reach, list[Period]]:
    """The reach when nothing is left to ask, and what was asked; every answer is whole."""
    after, asked = in_pass(reach, now), []
    while window := next_question(after, wanted):
        asked.append(window)
        known = days(window.start, window.end) if cost is None else [day for day in cost if day in window]
        after = after_answer(after, window, known)
        assert len(asked) < 500
    return after, asked


def test_the_first_look_reads_this_month_and_then_what_is_wanted_before_it():
    wanted = datetime(2026, 7, 20, tzinfo=UTC)
    reach, asked = read(None, NOON, wanted)

    august, july = datetime(2026, 8, 1, tzinfo=UTC), wanted
    assert asked == [Period(FIRST, TODAY + DAY), Period(august, FIRST), Period(july, august)]
    assert (reach.start, reach.end, reach.passed_at) == (wanted, TODAY + DAY, NOON)


def test_an_hour_later_only_what_may_have_changed_is_asked_for():
    reach, _ = read(None, NOON, FIRST - 40 * DAY)

    assert read(reach, NOON + HOUR, FIRST - 40 * DAY)[1] == [Period(FIRST, TODAY + DAY)]


def test_soon_after_a_pass_nothing_is_asked_for():
    reach, _ = read(None, NOON, FIRST)

    assert read(reach, NOON + ROUND - timedelta(seconds=1), FIRST) == (reach, [])
    assert in_pass(reach, NOON + HOUR, every=4 * HOUR) == reach


def test_what_a_budget_wants_later_is_read_at_once():
    reach, _ = read(None, NOON, FIRST)

    _, asked = read(reach, NOON + timedelta(minutes=5), FIRST - 10 * DAY)
    assert asked == [Period(FIRST - 10 * DAY, FIRST)]


@pytest.mark.parametrize("day", range(1, CLOSING + 1))
def test_a_month_that_is_being_closed_is_read_again_once_a_day(day):
    now = datetime(2026, 10, day, 1, tzinfo=UTC)
    reach, _ = read(None, now - 2 * HOUR, FIRST - 20 * DAY)
    reach, asked = read(reach, now, FIRST - 20 * DAY)
    assert min(one.start for one in asked) == FIRST

    _, again = read(reach, now + HOUR, FIRST - 20 * DAY)
    assert min(one.start for one in again) == min(
        datetime(2026, 10, day, tzinfo=UTC) - REREAD, FIRST + 30 * DAY
    )


def test_after_a_long_time_without_polls_nothing_is_left_out():
    reach, _ = read(None, NOON, FIRST - 20 * DAY)
    later = NOON + 70 * DAY
    _, asked = read(reach, later, FIRST - 20 * DAY)

    assert asked[0].end == TODAY + 71 * DAY
    assert asked[-1].start == TODAY - REREAD
    assert all(one.end == other.start for other, one in pairwise(asked))


def test_a_pass_that_was_interrupted_goes_on_and_a_stale_one_begins_anew():
    now = datetime(2026, 9, 3, 12, tzinfo=UTC)
    reach, _ = read(None, now - DAY, FIRST - 40 * DAY)
    begun = in_pass(reach, now)
    window = next_question(begun, FIRST)
    assert window
    half = after_answer(begun, window, days(window.start, window.end))
    assert half.left

    assert in_pass(half, now + HOUR) == half
    assert in_pass(half, now + STALE).left != half.left
    assert in_pass(half, now + STALE).began_at == now + STALE


def test_an_answer_that_begins_in_its_second_half_is_asked_again_for_what_is_before():
    reach = in_pass(None, NOON)
    month = Period(FIRST, TODAY + DAY)
    after = after_answer(reach, month, [TODAY])

    assert next_question(after, FIRST) == Period(FIRST, TODAY)
    believed = after_answer(after, Period(FIRST, TODAY), [])
    assert next_question(believed, FIRST) is None
    assert believed.start == FIRST


def test_an_answer_of_its_last_day_alone_is_asked_again_until_all_days_came():
    after = in_pass(None, NOON)
    asked = 0
    while window := next_question(after, FIRST):
        after = after_answer(after, window, [window.end - DAY])
        asked += 1

    assert asked == TODAY.day
    assert list(after.came) == days(FIRST, TODAY + DAY)


def test_days_that_were_read_before_are_not_asked_twice_for_beginning_late():
    reach, _ = read(None, NOON, FIRST - 40 * DAY)
    again = in_pass(reach, NOON + HOUR)

    assert next_question(after_answer(again, Period(FIRST, TODAY + DAY), [TODAY]), FIRST) is None


def test_days_that_had_cost_and_have_none_in_an_answer_are_absent():
    reach, _ = read(None, NOON, FIRST)

    assert absent(reach, Period(FIRST, FIRST + 3 * DAY), [FIRST + DAY]) == {FIRST, FIRST + 2 * DAY}
    assert absent(reach, Period(FIRST - 9 * DAY, FIRST), []) == set()


def test_questions_become_narrower_down_to_a_day():
    reach = in_pass(None, NOON)
    widths = []
    while reach.width > 1:
        reach = narrower(reach)
        widths.append(reach.width)
        window = next_question(reach, FIRST)
        assert window
        assert window.end - window.start == min(reach.width, TODAY.day) * DAY
    assert widths == [15, 7, 3, 1]
    assert narrower(reach).width == 1


steps = st.lists(
    st.tuples(st.integers(1, 24 * 4) | st.integers(1, 24 * 60), st.integers(0, 4)), min_size=1, max_size=30
)


@given(steps, st.sets(st.integers(0, 400)))
def test_every_day_is_asked_for_when_it_was_final_whatever_was_missed(steps, costly):
    """Rounds at any distance, each with some calls; of each question those days come that have cost."""
    now, reach = NOON, None
    wanted = FIRST - 40 * DAY
    cost = {wanted + number * DAY for number in costly}
    asked: dict[datetime, datetime] = {}
    for hours, allowed in [*steps, (1, 500), (1, 500)]:
        now += hours * HOUR
        reach = in_pass(reach, now)
        for _ in range(allowed):
            window = next_question(reach, wanted)
            if window is None:
                break
            assert timedelta() < window.end - window.start <= LONGEST_ASK * DAY
            asked |= dict.fromkeys(days(window.start, window.end), now)
            reach = after_answer(reach, window, [day for day in cost if day in window])

    today = now.replace(hour=0)
    assert reach
    assert next_question(reach, wanted) is None
    for day in days(wanted, today + DAY):
        assert asked[day] >= min(today, day + REREAD)
