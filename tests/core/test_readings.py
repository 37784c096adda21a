from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import TOKENS_OUT, Reading, Scope
from shared.core.readings import merged
from tests.builders import ACCOUNT, HOUR, MINUTE, NOW, a_reading, a_series

GRAIN = 5 * MINUTE
FIRST = NOW - 5 * MINUTE


def test_of_two_readings_for_a_period_the_later_known_counts_whichever_came_first():
    early = a_reading(FIRST, 10, as_of=NOW)
    late = a_reading(FIRST, 12, as_of=NOW + HOUR)

    assert merged([early], [late]) == merged([late], [early]) == [late]


def test_of_two_known_at_the_same_time_the_newer_read_counts():
    before, after = (a_reading(FIRST, value, as_of=NOW) for value in (10, 12))

    assert merged([before], [after]) == [after]


def test_what_is_absent_in_the_newer_stays():
    kept = a_series(FIRST, [1, 2, 3], GRAIN)

    assert merged(kept, kept[2:]) == merged(kept, []) == merged([], kept) == kept


def test_finer_readings_replace_the_coarse_one_they_lie_in_even_when_it_is_known_later():
    hour = a_reading(FIRST, 60, HOUR, as_of=NOW + 5 * HOUR)
    next_hour = a_reading(FIRST + HOUR, 70)
    fine = a_series(FIRST, [5] * 12, GRAIN)

    assert merged([hour, next_hour], fine) == merged(fine, [hour, next_hour]) == [*fine, next_hour]


def test_finer_readings_without_the_first_replace_the_coarse_one_too():
    hour = a_reading(FIRST, 60, HOUR)
    fine = a_series(FIRST, [None, 5, 5], GRAIN)

    assert merged([hour], fine) == fine


def test_other_meters_and_scopes_are_left_alone():
    ones = [
        a_reading(FIRST, 1),
        a_reading(FIRST, 2, meter=TOKENS_OUT),
        a_reading(FIRST, 3, scope=Scope(ACCOUNT, "embeddings")),
    ]

    assert sorted(merged(ones[:1], ones[1:]), key=lambda one: one.value) == ones


@st.composite
def some_readings(draw: st.DrawFn) -> list[Reading]:
    """Readings of five minutes or an hour of one series, aligned as Azure aligns them."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.sampled_from([GRAIN, HOUR]))
        start = FIRST + draw(st.integers(0, 35 if length == GRAIN else 2)) * length
        as_of = NOW + timedelta(minutes=draw(st.integers(0, 300)))
        found.append(a_reading(start, draw(st.integers(0, 9)), length, as_of=as_of))
    return found


@given(some_readings(), some_readings())
def test_merging_orders_never_overlaps_and_is_safe_to_repeat(before, newer):
    once = merged(before, newer)

    assert all(one.end <= other.start for one, other in pairwise(once))
    assert set(once) <= {*before, *newer}
    assert merged(once, newer) == merged(once, once) == once
