"""What a newer answer makes of a day, its totals, and what of it counts to a budget."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.costs import corrected, spend_of, totals_of
from shared.core.model import COST, Meter, Quantity, Reading, Scope
from tests.builders import ACCOUNT, DAY, HOUR, MONDAY, SUBSCRIPTION, a_budget

HOLDER = f"/subscriptions/{SUBSCRIPTION}"
ORDER = "/providers/microsoft.capacity/reservationorders/1"


def cost(value, meter="inp", resource=ACCOUNT, unit="USD", day=MONDAY, as_of=MONDAY + DAY) -> Reading:
    return Reading(Scope(resource, meter), Meter(COST, unit), day, day + DAY, Decimal(str(value)), as_of)


NEW = MONDAY + DAY + HOUR


def test_the_same_amounts_are_what_was_known_whenever_they_were_said():
    before = [cost(1), cost(2, "outp")]
    assert corrected(before, [cost(2, "outp", as_of=NEW), cost(1, as_of=NEW)], True, HOLDER) == before


def test_a_whole_day_replaces_what_was_known():
    before, newer = [cost(1), cost(2, "old name")], [cost(1, as_of=NEW), cost(2, "new name", as_of=NEW)]
    assert corrected(before, newer, True, HOLDER) == newer


def test_of_a_day_that_is_not_whole_what_is_absent_stays():
    after = corrected([cost(1), cost(2, "outp")], [cost(5, as_of=NEW)], False, HOLDER)
    assert {one.scope.part: one.value for one in after} == {"inp": 5, "outp": 2}


@pytest.mark.parametrize(
    ("before", "newer"),
    [
        ([cost(3, resource=HOLDER)], [cost(3, as_of=NEW)]),
        ([cost(3)], [cost(3, resource=HOLDER, as_of=NEW)]),
    ],
    ids=["by resource after by meter", "by meter after by resource"],
)
def test_the_two_ways_to_read_a_day_never_stand_together(before, newer):
    assert corrected(before, newer, False, HOLDER) == before
    assert corrected(before, newer, True, HOLDER) == newer


def test_a_first_answer_is_taken_as_it_is():
    assert corrected([], [cost(1)], False, HOLDER) == [cost(1)]


def test_totals_are_by_day_and_currency_and_as_new_as_the_newest():
    found = totals_of(
        [cost(1), cost(2, "outp", as_of=NEW), cost(4, unit="EUR"), cost(8, day=MONDAY + DAY)], HOLDER
    )

    assert [(one.start, one.meter.unit, int(one.value)) for one in found] == [
        (MONDAY, "EUR", 4),
        (MONDAY, "USD", 3),
        (MONDAY + DAY, "USD", 8),
    ]
    assert (found[1].as_of, found[1].scope) == (NEW, Scope(HOLDER))


def test_what_is_within_the_scope_counts_in_the_budgets_currency_and_the_rest_is_named():
    spend = spend_of(
        [cost(1), cost(2, day=MONDAY + DAY), cost(4, unit="EUR"), cost(8, resource="/subscriptions/other/a")],
        a_budget(),
    )

    assert spend
    assert spend.days == {MONDAY: Decimal(1), MONDAY + DAY: Decimal(2)}
    assert spend.elsewhere == {"EUR": {MONDAY: Decimal(4)}}


def test_data_reaches_no_further_than_the_day_it_is_of_and_than_when_it_was_said():
    early = cost(1, as_of=MONDAY + HOUR)
    late = cost(1, as_of=MONDAY + 9 * DAY)
    assert [found.as_of for one in (early, late) if (found := spend_of([one], a_budget()))] == [
        MONDAY + HOUR,
        MONDAY + DAY,
    ]


def test_a_reservation_counts_to_the_subscription_that_pays_it_and_to_no_group():
    purchase = cost(500, "no meter", ORDER)

    of_all = spend_of([purchase], a_budget(scope=""))
    of_subscription = spend_of([purchase], a_budget())
    assert of_all
    assert of_subscription
    assert of_all.days == of_subscription.days == {MONDAY: Decimal(500)}
    assert spend_of([purchase], a_budget(scope=f"{HOLDER}/resourcegroups/rg-search")) is None


def test_a_budget_of_which_nothing_is_known_has_no_spend():
    assert spend_of([], a_budget()) is None
    assert spend_of([cost(1, resource="/subscriptions/other/a")], a_budget()) is None


readings = st.lists(
    st.builds(
        cost,
        st.integers(-5, 50),
        st.sampled_from(["inp", "outp"]),
        st.sampled_from([ACCOUNT, HOLDER, ORDER]),
        st.sampled_from(["USD", "EUR"]),
        st.sampled_from([MONDAY, MONDAY + DAY]),
    ),
    max_size=12,
)


@given(readings)
def test_nothing_is_lost_or_counted_twice_in_totals_and_spend(readings):
    total = sum((one.value for one in readings), Decimal())
    spend = spend_of(readings, a_budget(amount=Quantity(Decimal(1), "USD")))

    assert sum((one.value for one in totals_of(readings, HOLDER)), Decimal()) == total
    if spend:
        others = sum((sum(days.values(), Decimal()) for days in spend.elsewhere.values()), Decimal())
        assert sum(spend.days.values(), Decimal()) + others == total
