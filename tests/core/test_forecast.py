from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.forecast import LEAST_DAYS, SETTLING, forecast
from shared.core.model import Grain, Period
from shared.core.periods import period_of
from tests.builders import DAY

FIRST = datetime(2026, 9, 1, tzinfo=UTC)  # a Tuesday
SEPTEMBER = period_of(Grain.MONTH, FIRST)


def costs(count: int, cost: float = 10, start: datetime = FIRST) -> dict[datetime, Decimal]:
    return {start + index * DAY: Decimal(str(cost)) for index in range(count)}


def known(days: dict[datetime, Decimal]) -> datetime:
    """When all of these days have settled."""
    return max(days) + DAY + SETTLING


def test_an_even_month_ends_at_thirty_times_its_day():
    days = costs(10)
    found = forecast(days, SEPTEMBER, known(days))

    assert found is not None
    assert found.low == found.total == found.high == 300


@pytest.mark.parametrize("count", range(LEAST_DAYS))
def test_too_few_settled_days_forecast_nothing(count):
    days = costs(count)

    assert forecast(days, SEPTEMBER, FIRST + 40 * DAY) is None


def test_days_that_still_settle_do_not_count_as_days_known():
    days = costs(LEAST_DAYS)

    assert forecast(days, SEPTEMBER, known(days)) is not None
    assert forecast(days, SEPTEMBER, known(days) - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    ("partial", "total"),
    [(2, 300), (10, 300), (25, 315)],
    ids=["less than usual is not all yet", "usual", "more than usual is there already"],
)
def test_a_day_that_still_settles_counts_with_the_larger_of_what_it_has_and_what_is_usual(partial, total):
    days = costs(10)
    newest = FIRST + 10 * DAY
    found = forecast({**days, newest: Decimal(partial)}, SEPTEMBER, newest + timedelta(hours=20))

    assert found is not None
    assert found.total == total


def test_the_month_before_teaches_the_first_day_of_a_month():
    days = costs(21, start=FIRST - 20 * DAY)
    found = forecast(days, SEPTEMBER, FIRST + timedelta(hours=12))

    assert found is not None
    assert found.total == 300


def test_weekends_are_expected_to_be_like_weekends():
    days = {
        FIRST + index * DAY: Decimal(2 if (FIRST + index * DAY).weekday() >= 5 else 10) for index in range(14)
    }
    found = forecast(days, SEPTEMBER, known(days))

    assert found is not None
    assert found.total == 22 * 10 + 8 * 2  # September 2026 has 8 days of weekend


def test_days_before_the_first_bill_are_not_guessed():
    days = costs(8, start=FIRST + 19 * DAY)  # the subscription's first use was on the 20th
    found = forecast(days, SEPTEMBER, FIRST + 29 * DAY)

    assert found is not None
    assert found.total == 110


def test_a_day_that_is_absent_between_others_is_unknown_not_free():
    days = costs(12)
    del days[FIRST + 5 * DAY]
    found = forecast(days, SEPTEMBER, known(days))

    assert found is not None
    assert found.total == 300


def test_uneven_days_make_a_range_that_narrows_to_nothing_at_the_end():
    uneven = {FIRST + index * DAY: Decimal(8 + index % 5) for index in range(30)}
    widths = []
    for count in (7, 14, 21, 30):
        days = dict(list(uneven.items())[:count])
        found = forecast(days, SEPTEMBER, known(days))
        assert found is not None
        widths.append(found.high - found.low)

    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0
    assert widths[-1] == 0


def test_the_low_end_counts_what_is_billed_for_days_that_still_settle():
    days = {FIRST + index * DAY: Decimal(1 + 18 * (index % 2)) for index in range(27)}
    days |= {FIRST + index * DAY: Decimal(200) for index in (27, 28, 29)}
    found = forecast(days, SEPTEMBER, FIRST + 30 * DAY)

    assert found is not None
    assert found.low == found.total == sum(days.values())


@given(
    st.dictionaries(
        st.integers(0, 40), st.decimals(Decimal(0), Decimal(10**6), places=2), min_size=1, max_size=41
    ),
    st.integers(0, 45),
)
def test_what_is_billed_is_never_more_than_the_low_end(by_day, until):
    days = {FIRST - 10 * DAY + index * DAY: cost for index, cost in by_day.items() if index <= until}
    found = forecast(days, SEPTEMBER, FIRST - 9 * DAY + until * DAY)
    if found is None:
        return

    billed = sum(cost for day, cost in days.items() if day in SEPTEMBER)
    assert billed <= found.low <= found.total <= found.high


@given(st.integers(1, 10**6))
def test_ten_times_the_cost_is_ten_times_the_forecast(scale):
    def of(factor: int) -> Decimal:
        days = {FIRST + index * DAY: factor * Decimal(8 + index % 4) for index in range(12)}
        found = forecast(days, SEPTEMBER, known(days))
        assert found is not None
        return found.total

    assert of(scale) == pytest.approx(scale * of(1))


def test_a_leap_february_has_its_last_day():
    first = datetime(2028, 2, 1, tzinfo=UTC)
    days = costs(10, start=first)
    found = forecast(days, Period(first, datetime(2028, 3, 1, tzinfo=UTC)), known(days))

    assert found is not None
    assert found.total == 290
