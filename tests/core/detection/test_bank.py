"""The judge of many series at once: each kind of incident, what is benign, and odd input."""

import math
import random
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.core.detection.bank import new_bank
from shared.core.detection.history import Judged, grain_of, judge_history
from shared.core.detection.state import Grain, place
from tests.builders import DAY, HOUR, MINUTE, MONDAY

ODD = [float("nan"), -5.0, float("inf"), 0.0, 1e30]


def a_year(seed: int, weekend: float = 0.5, spread: float = 0.08) -> list[float]:
    """Daily cost from a Monday on, less at weekends."""
    chance = random.Random(seed)
    return [500 * (weekend if day % 7 >= 5 else 1) * math.exp(chance.gauss(0, spread)) for day in range(364)]


def six_weeks(seed: int, spread: float = 0.1) -> list[float]:
    """Hourly tokens from a Monday on: busy by day, less at weekends."""
    chance = random.Random(seed)
    shape = [1 + 0.8 * math.sin(2 * math.pi * (hour % 24 - 6) / 24) for hour in range(42 * 24)]
    return [
        1e6 * one * (0.4 if hour // 24 % 7 >= 5 else 1) * math.exp(chance.gauss(0, spread))
        for hour, one in enumerate(shape)
    ]


def judged(values: list[float], minutes: int) -> Judged:
    step = timedelta(minutes=minutes)
    return judge_history(Grain(minutes), [(MONDAY + index * step, one) for index, one in enumerate(values)])


def told(values: list[float], minutes: int, after: int) -> list[int]:
    """Which points from `after` on are told."""
    return [int(index) for index in np.flatnonzero(judged(values, minutes).told) if index >= after]


def changed(values: list[float], start: int, end: int, factor: float) -> list[float]:
    return [one * (factor if start <= index < end else 1) for index, one in enumerate(values)]


DAILY, HOURLY = 1440, 60
LEARNT = {DAILY: 112, HOURLY: 21 * 24}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    ("minutes", "start", "end", "factor", "within"),
    [
        pytest.param(DAILY, 150, 151, 3.0, 1, id="runaway day"),
        pytest.param(DAILY, 150, 151, 0.0, 1, id="day without cost"),
        pytest.param(DAILY, 151, 152, 2.0, 1, id="day counted twice"),
        pytest.param(DAILY, 150, 364, 1.5, 10, id="price step"),
        pytest.param(DAILY, 150, 364, 2.0, 3, id="level shift"),
        pytest.param(HOURLY, 586, 589, 4.0, 2, id="runaway hours"),
        pytest.param(HOURLY, 586, 590, 0.0, 2, id="outage"),
        pytest.param(HOURLY, 586, 1008, 1.8, 12, id="hourly level shift"),
    ],
)
def test_an_incident_is_told_soon(seed, minutes, start, end, factor, within):
    usual = a_year(seed) if minutes == DAILY else six_weeks(seed)
    found = told(changed(usual, start, end, factor), minutes, LEARNT[minutes])

    assert [index for index in found if index < start] == []
    assert found
    assert found[0] < start + within


@pytest.mark.parametrize("seed", [1, 2])
def test_work_in_the_quiet_hours_is_told(seed):
    usual = six_weeks(seed)
    night = 25 * 24
    values = [1.2e6 if night <= index < night + 3 else one for index, one in enumerate(usual)]

    assert night <= told(values, HOURLY, LEARNT[HOURLY])[0] < night + 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leak_of_seven_percent_a_day_is_told_within_a_week(seed):
    """After a month of a series without weekends: those hide a leak for longer."""
    chance, start = random.Random(seed), 30 * 24
    usual = [1e6 * math.exp(chance.gauss(0, 0.1)) for _ in range(42 * 24)]
    values = [one * 1.07 ** max(0, (index - start) / 24) for index, one in enumerate(usual)]

    assert start <= told(values, HOURLY, LEARNT[HOURLY])[0] < start + 7 * 24


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "benign",
    [
        pytest.param(lambda day, one: one, id="nothing but weekends"),
        pytest.param(lambda day, one: one * 1.003**day, id="growth"),
        pytest.param(lambda day, one: one * (2 if day % 30 >= 28 else 1), id="month-end batch"),
        pytest.param(lambda day, one: one * (1 + 0.1 * (day % 30 == 0)), id="month-start reset"),
        pytest.param(
            lambda day, one: one * (0.5 if day in (60, 200) else 1), id="holidays, as one in the past"
        ),
    ],
)
def test_a_benign_year_is_told_of_once_at_most(seed, benign):
    values = [benign(day, one) for day, one in enumerate(a_year(seed))]

    assert len(told(values, DAILY, LEARNT[DAILY])) <= 1


@pytest.mark.parametrize("seed", [1, 2])
def test_a_clock_change_is_told_on_two_days_at_most_then_it_is_learnt(seed):
    usual, moved = six_weeks(seed), 27 * 24
    values = usual[:moved] + usual[moved - 1 : -1]
    found = told(values, HOURLY, LEARNT[HOURLY])

    assert len({index // 24 for index in found}) <= 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(100, 900), st.floats(0, 100))
def test_what_comes_after_a_point_never_changes_what_is_said_of_it(seed, point, factor):
    usual = six_weeks(seed)
    other = changed(usual, point, len(usual), factor)

    assert np.array_equal(judged(usual, HOURLY).ratios[:point], judged(other, HOURLY).ratios[:point])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100), st.integers(1, 50))
def test_a_shift_by_weeks_changes_nothing(seed, weeks):
    values = six_weeks(seed)
    points = [(MONDAY + index * HOUR, one) for index, one in enumerate(values)]
    later = [(at + weeks * 7 * DAY, one) for at, one in points]

    assert np.array_equal(judge_history(Grain(60), points).told, judge_history(Grain(60), later).told)


@pytest.mark.parametrize("minutes", [5, 10, 60, 1440])
def test_stepping_says_what_judging_a_round_at_once_says(minutes):
    grain, chance = Grain(minutes), np.random.default_rng(3)
    size = grain.slots * grain.points
    values = chance.lognormal(3, 0.3, (6 * size, 4))
    stepped, together = new_bank(grain, 4), new_bank(grain, 4)
    ratios = [
        stepped.step(MONDAY + index * grain.step, one).ratio[:, :, 0] for index, one in enumerate(values)
    ]
    first, _ = place(grain, MONDAY)
    blocks = [
        together.block(first + number, np.arange(size), values[number * size : (number + 1) * size]).ratio
        for number in range(6)
    ]

    assert np.allclose(np.stack(ratios, axis=2), np.concatenate(blocks, axis=2), rtol=1e-2, atol=1e-2)


def test_one_odd_series_does_not_touch_its_neighbours():
    chance = np.random.default_rng(4)
    usual = chance.lognormal(8, 0.2, (20 * 24, 1))
    odd = np.array([[ODD[hour % len(ODD)]] for hour in range(len(usual))])
    alone, beside = new_bank(Grain(60), 1), new_bank(Grain(60), 2)
    for hour in range(len(usual)):
        one = alone.step(MONDAY + hour * HOUR, usual[hour])
        two = beside.step(MONDAY + hour * HOUR, np.concatenate((odd[hour], usual[hour])))
        assert np.allclose(one.ratio[..., 0], two.ratio[..., 1], rtol=1e-3, atol=1e-3)
        assert np.isfinite(two.ratio).all()


@pytest.mark.parametrize(
    "values",
    [[], [7.0], [0.0] * 500, [3.0] * 500, ODD * 100],
    ids=["nothing", "a single point", "all zero", "constant", "no numbers, negative, endless"],
)
@pytest.mark.parametrize("minutes", [5, 60, 1440])
def test_odd_series_are_judged_and_nothing_is_said(values, minutes):
    found = judged(values, minutes)

    assert len(found.told) == len(values)
    assert np.isfinite(found.ratios).all()
    if len(set(values)) <= 1:
        assert not found.told.any()


def test_order_and_repetition_of_points_make_no_difference_and_the_future_is_left_out():
    points = [(MONDAY + index * HOUR, one) for index, one in enumerate(six_weeks(5))]
    mixed = [*points[::-1], *points[100:200]]
    now = points[-1][0]

    found = judge_history(Grain(60), [*mixed, (now + 9 * DAY, 1e12)], newest=now)

    assert found.times == tuple(at for at, _ in points)
    assert np.array_equal(found.ratios, judge_history(Grain(60), points).ratios)


def test_a_round_that_is_over_is_refused():
    bank = new_bank(Grain(60), 1)
    bank.step(MONDAY + DAY, np.array([1.0]))

    with pytest.raises(ValueError, match="is over"):
        bank.step(MONDAY, np.array([1.0]))


@pytest.mark.parametrize(
    ("apart", "minutes"), [(5 * MINUTE, 5), (HOUR, 60), (DAY, 1440)], ids=["5 min", "hour", "day"]
)
def test_the_grain_of_a_series_is_its_most_frequent_distance(apart, minutes):
    times = [MONDAY + index * apart for index in (0, 1, 2, 3, 7, 8, 9)]

    assert grain_of(times).minutes == minutes
    assert grain_of(times[:1]).minutes == 60


@pytest.mark.parametrize("minutes", [5, 10, 60, 1440])
def test_a_state_is_small(minutes):
    assert 4 * Grain(minutes).size <= 2048
