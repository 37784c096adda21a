"""Baselines over the series that deployments really have: what is told, and above all what is not."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.baseline import LEARNING, LEAST_HOURS, WEEK, Anomaly, Baseline, judge_series, learn
from shared.core.model import Reading, Sensitivity
from tests.builders import DAY, HOUR, MINUTE, MONDAY, a_reading, a_series, hours_of

Load = Callable[[datetime], float]
FOUR_WEEKS = 28 * DAY
AFTER = MONDAY + FOUR_WEEKS
SENSITIVITY = Sensitivity()


def constant(at: datetime) -> float:
    return 1_000_000


def nothing(at: datetime) -> float:
    return 0


def tiny(at: datetime) -> float:
    return 3


def office_hours(at: datetime) -> float:
    return 2_000_000 if at.weekday() < 5 and 8 <= at.hour < 18 else 100_000


def nightly_batch(at: datetime) -> float:
    return 5_000_000 if at.hour in (2, 3) else 0


def day_and_night(at: datetime) -> float:
    return 1_000_000 * (1 + 0.8 * math.sin(2 * math.pi * at.hour / 24))


SHAPES = [constant, nothing, tiny, office_hours, nightly_batch, day_and_night]
BUSY = [constant, office_hours, day_and_night]


def noisy(load: Load, seed: int, spread: float = 0.15) -> Load:
    """The load with every hour off by chance, in proportion."""
    chance = random.Random(seed)
    return lambda at: float(round(load(at) * math.exp(chance.gauss(0, spread))))


def learnt(load: Load, start: datetime = MONDAY, span: timedelta = FOUR_WEEKS) -> Baseline:
    found = learn(None, hours_of(start, span // HOUR, load))
    assert found is not None
    return found


def far_off(baseline: Baseline, rolling: Sequence[Reading]) -> Anomaly | None:
    found = judge_series(baseline, rolling, SENSITIVITY)
    return found if found is not None and abs(found.score) >= SENSITIVITY.score else None


def findings(load: Load, weeks: int = 4, start: datetime = AFTER) -> list[tuple[datetime, Anomaly]]:
    """What is found in the weeks after four of learning; each hour is judged, then learnt."""
    hours = hours_of(MONDAY, FOUR_WEEKS // HOUR + weeks * WEEK, load)
    baseline, found = None, []
    for hour in hours:
        if baseline is not None and hour.start >= start:
            one = far_off(baseline, [hour])
            found += [(hour.start, one)] if one else []
        baseline = learn(baseline, [hour])
    return found


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.2])
def test_four_weeks_of_the_usual_are_quiet(shape, spread):
    assert findings(noisy(shape, seed=3, spread=spread)) == []


@pytest.mark.parametrize("shape", BUSY, ids=lambda shape: shape.__name__)
def test_a_spike_of_four_times_is_found_in_its_hour_and_only_then(shape):
    spike = AFTER + 34 * HOUR  # a Tuesday, 10:00
    load = noisy(shape, seed=1)
    found = findings(lambda at: load(at) * (4 if at == spike else 1))

    assert [at for at, _ in found] == [spike]
    assert found[0][1].length == "hour"
    assert found[0][1].score > 0
    assert found[0][1].seen > found[0][1].high > found[0][1].expected > found[0][1].low


@pytest.mark.parametrize("shape", [office_hours, day_and_night], ids=lambda shape: shape.__name__)
def test_a_drop_to_nothing_at_a_busy_hour_is_found_in_it(shape):
    start = AFTER + 33 * HOUR
    load = noisy(shape, seed=1, spread=0.1)
    found = findings(lambda at: load(at) * (0 if at == start else 1))

    assert [at for at, _ in found] == [start]
    assert found[0][1].score < 0


@pytest.mark.parametrize("shape", BUSY, ids=lambda shape: shape.__name__)
def test_a_drop_to_nothing_of_an_irregular_series_is_found_within_a_day(shape):
    start = AFTER + 32 * HOUR
    load = noisy(shape, seed=2, spread=0.18)
    found = findings(lambda at: load(at) * (0 if at >= start else 1), weeks=2)

    assert found
    assert start <= found[0][0] < start + DAY


@pytest.mark.parametrize("shape", BUSY, ids=lambda shape: shape.__name__)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_of_six_percent_a_day_is_found_within_eight_days(shape, seed):
    load = noisy(shape, seed, spread=0.1)
    found = findings(lambda at: load(at) * 1.06 ** max(0, (at - AFTER) / DAY), weeks=2)

    assert found
    assert found[0][0] - AFTER < 8 * DAY
    assert found[0][1].score > 0


@pytest.mark.parametrize("shape", [*BUSY, nightly_batch], ids=lambda shape: shape.__name__)
def test_a_lasting_doubling_is_found_at_once_and_taken_for_usual_within_three_weeks(shape):
    load = noisy(shape, seed=1)
    found = [at for at, _ in findings(lambda at: load(at) * (2 if at >= AFTER else 1), weeks=12)]

    assert AFTER <= found[0] < AFTER + 9 * HOUR
    assert found[-1] < AFTER + 21 * DAY


def test_a_first_use_of_an_idle_deployment_is_found():
    found = far_off(learnt(nothing), [a_reading(AFTER, 300_000)])

    assert found is not None
    assert (found.seen, found.expected) == (300_000, 0)


@pytest.mark.parametrize(
    ("extra", "found"), [(49_999, False), (50_000, True)], ids=["a token too few", "just enough"]
)
def test_differences_that_are_nobodys_concern_are_not_answered(extra, found):
    assert (judge_series(learnt(nothing), [a_reading(AFTER, extra)], SENSITIVITY) is not None) is found


def test_a_quiet_hour_may_be_off_by_more_in_proportion_than_a_busy_one():
    baseline = learnt(office_hours)
    night, noon = AFTER + 3 * HOUR, AFTER + 12 * HOUR

    assert far_off(baseline, [a_reading(night, 170_000)]) is None
    assert far_off(baseline, [a_reading(night, 400_000)]) is not None
    assert far_off(baseline, [a_reading(noon, 3_400_000)]) is not None


def test_a_long_incident_does_not_drag_the_baseline_along():
    before = learnt(constant)
    after = learn(before, hours_of(AFTER, 24, lambda at: 50_000_000))
    assert after is not None

    assert max(level or 0 for level in after.levels) < 1_100_000
    assert far_off(after, [a_reading(AFTER + DAY, 50_000_000)]) is not None
    assert far_off(after, [a_reading(AFTER + DAY, 1_000_000)]) is None


def test_hours_that_a_person_expected_are_learnt_as_they_are():
    before, day = learnt(constant), hours_of(AFTER, 24, lambda at: 4_000_000)
    after = learn(before, day, lambda start: start < AFTER + 12 * HOUR)
    assert after is not None

    expected, others = after.levels[:12], after.levels[12:24]
    assert all(level is not None and level > 2_000_000 for level in expected)
    assert all(level is not None and level < 1_100_000 for level in others)
    assert far_off(after, [a_reading(AFTER + 7 * DAY, 2_000_000)]) is None
    assert after.hours == before.hours + 24


def test_what_was_expected_makes_no_other_hour_less_exact():
    before = learnt(noisy(constant, 3))
    after = learn(before, hours_of(AFTER, 24, lambda at: 50_000_000), lambda start: True)
    assert after is not None

    assert (after.hour_spread, after.day_spread) == (before.hour_spread, before.day_spread)
    assert far_off(after, [a_reading(AFTER + DAY, 50_000_000)]) is not None
    assert far_off(after, [a_reading(AFTER + DAY, 1_000_000)]) is None


@pytest.mark.parametrize("missing", [LEARNING / 2, HOUR], ids=["a week", "an hour"])
def test_a_baseline_that_is_too_young_says_nothing(missing):
    young = learnt(constant, span=LEARNING - missing)

    assert not young.ready
    assert judge_series(young, [a_reading(MONDAY + LEARNING - missing, 9e9)], SENSITIVITY) is None
    assert learnt(constant, span=LEARNING).ready


def test_a_few_hours_over_a_long_time_are_not_enough():
    some = [a_reading(MONDAY + index * DAY, 1_000_000) for index in range(LEAST_HOURS)]
    few, enough = learn(None, some[:-1]), learn(None, some)

    assert few is not None
    assert enough is not None
    assert (few.ready, enough.ready) == (False, True)


def test_nothing_to_judge_is_no_finding():
    assert judge_series(learnt(constant), [], SENSITIVITY) is None
    assert learn(None, []) is None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_learning_an_hour_twice_or_late_changes_nothing(shape):
    hours = hours_of(MONDAY, 3 * WEEK, noisy(shape, seed=5))
    once = learn(None, hours)

    assert once is not None
    assert learn(once, hours) == once
    assert learn(once, [replace(hours[-1], value=hours[-1].value * 9)]) == once
    assert learn(once, [a_reading(MONDAY - DAY, 9e9), hours[40]]) == once


def test_learning_in_parts_is_learning_at_once():
    hours = hours_of(MONDAY, 3 * WEEK, noisy(office_hours, seed=5))
    parts = None
    for first in range(0, len(hours), 37):
        parts = learn(parts, hours[max(0, first - 11) : first + 37])  # each round reads back a little

    assert parts == learn(None, hours)


def test_a_day_without_readings_teaches_nothing():
    hours = hours_of(MONDAY, FOUR_WEEKS // HOUR, constant)
    with_hole = learn(None, [hour for hour in hours if not 500 <= hours.index(hour) < 524])
    whole = learn(None, hours)
    assert with_hole is not None
    assert whole is not None

    assert with_hole.levels == whole.levels
    assert (with_hole.hour_spread, with_hole.day_spread) == (whole.hour_spread, whole.day_spread)
    assert with_hole.hours == whole.hours - 24
    assert far_off(with_hole, [a_reading(AFTER, 1_000_000)]) is None


def with_holes(load: Load, seed: int) -> list[Reading]:
    """Twelve weeks; every tenth hour is missing, and two whole days of the second week."""
    chance = random.Random(seed)
    gap = range(5 * 24, 7 * 24)
    hours = hours_of(MONDAY, 12 * WEEK, load)
    return [hour for index, hour in enumerate(hours) if chance.random() > 0.1 and index not in gap]


@pytest.mark.parametrize("shape", BUSY, ids=lambda shape: shape.__name__)
def test_holes_are_no_drops(shape):
    baseline, found = None, []
    for hour in with_holes(noisy(shape, seed=4, spread=0.1), seed=9):
        if baseline is not None:
            found.append(far_off(baseline, [hour]))
        baseline = learn(baseline, [hour])

    assert set(found) == {None}


@pytest.mark.parametrize("spread", [0.1, 0.3])
def test_a_batch_that_reports_only_while_it_runs_is_learnt_and_judged(spread):
    load = noisy(nightly_batch, seed=6, spread=spread)
    running = [hour for hour in hours_of(MONDAY, 12 * WEEK, load) if hour.value]
    baseline = learn(None, running)
    assert baseline is not None

    assert baseline.ready
    assert spread / 2 < baseline.hour_spread < 2 * spread
    night = a_reading(MONDAY + 12 * 7 * DAY + 2 * HOUR, 5_000_000)
    assert far_off(baseline, [night]) is None
    assert far_off(baseline, [replace(night, value=night.value * 4)]) is not None


def test_a_day_that_is_absent_does_not_leave_an_older_one_as_the_newest():
    odd = learn(learnt(constant), hours_of(AFTER, 24, lambda at: 1_280_000))
    later = learn(odd, hours_of(AFTER + 3 * DAY, 1, constant))
    assert odd is not None
    assert later is not None
    before = judge_series(odd, [a_reading(AFTER + DAY, 1_000_000)], SENSITIVITY)
    after = judge_series(later, [a_reading(AFTER + 3 * DAY + HOUR, 1_000_000)], SENSITIVITY)

    assert before is not None
    assert (before.length, before.score > 4) == ("day", True)
    assert after is None or abs(after.score) < 2


def test_an_hour_of_the_week_not_seen_yet_is_expected_to_be_like_its_sort_of_day():
    hours = [hour for hour in hours_of(MONDAY, 4 * WEEK, office_hours) if hour.start.weekday() != 6]
    baseline = learn(None, hours)
    assert baseline is not None
    sunday = a_reading(AFTER - DAY + 10 * HOUR, 100_000)

    assert far_off(baseline, [sunday]) is None
    assert far_off(baseline, [replace(sunday, value=sunday.value * 20)]) is not None


def test_an_hour_that_is_read_in_parts_is_judged_as_it_is_whole():
    baseline = learnt(noisy(office_hours, seed=7))
    parts = a_series(AFTER + 10 * HOUR, [250_000] * 12, 5 * MINUTE)
    whole = a_reading(AFTER + 10 * HOUR, 3_000_000)
    by_parts, at_once = (judge_series(baseline, ones, SENSITIVITY) for ones in (parts, [whole]))

    assert by_parts is not None
    assert at_once is not None
    assert by_parts.score == pytest.approx(at_once.score)
    assert by_parts.expected == pytest.approx(at_once.expected)


def test_an_hour_across_two_expects_of_each_its_share():
    baseline = learnt(office_hours)
    rolling = a_series(AFTER + 7.5 * HOUR, [3_000_000 / 12] * 12, 5 * MINUTE)
    found = judge_series(baseline, rolling, SENSITIVITY)

    assert found is not None
    assert found.expected == pytest.approx((100_000 + 2_000_000) / 2)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([constant, office_hours, nightly_batch, day_and_night]),
    st.integers(0, 1000),
    st.floats(1, 1000),
)
def test_a_series_k_times_as_large_has_a_baseline_k_times_as_large(shape, seed, scale):
    small = learnt(noisy(shape, seed), span=21 * DAY)
    load = noisy(shape, seed)
    large = learnt(lambda at: load(at) * scale, span=21 * DAY)

    assert large.levels == pytest.approx(
        [level * scale for level in small.levels if level is not None], rel=1e-6
    )
    assert large.hour_spread == pytest.approx(small.hour_spread, rel=1e-6)
    assert large.day_spread == pytest.approx(small.day_spread, rel=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(0, 1000), st.integers(1, 200))
def test_weeks_earlier_or_later_make_no_difference(shape, seed, weeks):
    here = learnt(noisy(shape, seed), span=21 * DAY)
    there = learnt(noisy(shape, seed), start=MONDAY + weeks * 7 * DAY, span=21 * DAY)
    shift = weeks * 7 * DAY

    assert replace(there, since=there.since - shift, upto=there.upto - shift) == here


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.one_of(st.just(0.0), st.floats(0, 1e15)), min_size=1, max_size=3 * WEEK),
    st.integers(0, WEEK),
)
def test_no_series_makes_a_baseline_that_is_not_a_number(values, first):
    hours = a_series(MONDAY + first * HOUR, values * (1 + 3 * WEEK // len(values)))
    baseline = learn(None, hours)
    if baseline is None:
        return
    found = judge_series(baseline, hours[-1:], Sensitivity(least_tokens=0))

    numbers = [
        *(level for level in baseline.levels if level is not None),
        baseline.hour_spread,
        baseline.day_spread,
    ]
    numbers += [one for pair in baseline.newest for one in pair]
    numbers += [found.seen, found.expected, found.low, found.high, found.score] if found else []
    assert all(math.isfinite(one) for one in numbers)
    assert min(level for level in baseline.levels if level is not None) >= 0
    assert min(baseline.hour_spread, baseline.day_spread) > 0


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_stored_baseline_is_small_and_comes_back_the_same(shape):
    baseline = learnt(noisy(shape, seed=8, spread=0.4))
    body = msgspec.json.encode(baseline)

    assert len(body) < 8192
    assert msgspec.json.decode(body, type=Baseline) == baseline


def test_an_hour_of_the_week_never_seen_can_be_too_much_and_not_too_little():
    without_weekend_days = [
        hour
        for hour in hours_of(MONDAY, 4 * WEEK, office_hours)
        if hour.start.weekday() < 5 or not 8 <= hour.start.hour < 18
    ]
    baseline = learn(None, without_weekend_days)
    assert baseline is not None
    sunday = a_reading(AFTER - DAY + 10 * HOUR, 100_000)

    assert far_off(baseline, [sunday]) is None
    assert far_off(baseline, [replace(sunday, value=sunday.value * 100)]) is not None
