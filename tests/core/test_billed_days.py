from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from shared.core.billed_days import BilledDay, billed_rates, newest_settled
from shared.core.model import Quantity
from shared.core.periods import day_of
from shared.core.prices import PriceBook
from shared.core.reach import REREAD
from tests.builders import DAY, NOW, a_meter

HERE, THERE = "swedencentral", "eastus2"
METER = a_meter()
REGIONAL = replace(METER, id="m-2", name="gpt 4o 1120 Inp regnl Tokens", sku="Standard")
BOOK = PriceBook((METER, REGIONAL), NOW)
SETTLED = day_of(NOW) - REREAD


def a_day(day=SETTLED, cost="2", quantity=1000, unit="USD", **named):
    """A settled day: 1,000 units of 1K tokens for 2 USD, which is four fifths of the list price."""
    plain = BilledDay(METER.name, HERE, day, Quantity(Decimal(cost), unit), Decimal(quantity))
    return replace(plain, **named)


def rates(*days):
    return {(one.meter, one.region): one.amount for one in billed_rates(BOOK, HERE, days)}


def test_the_newest_settled_day_counts_in_any_order():
    days = [a_day(SETTLED - DAY, "3"), a_day(SETTLED), a_day(SETTLED + DAY, "9")]
    for order in permutations(days):
        assert newest_settled(order, NOW) == [a_day(SETTLED)]


def test_a_day_becomes_settled_and_takes_the_place_of_the_one_before():
    kept = newest_settled([a_day(SETTLED), a_day(SETTLED + DAY, "9")], NOW)
    assert newest_settled([*kept, a_day(SETTLED + DAY, "9")], NOW + DAY) == [a_day(SETTLED + DAY, "9")]


def test_a_later_answer_for_the_same_day_counts():
    assert newest_settled([a_day(cost="2"), a_day(cost="2.1")], NOW) == [a_day(cost="2.1")]


@pytest.mark.parametrize(
    "nothing", [a_day(cost="0"), a_day(cost="-2"), a_day(cost="0.009"), a_day(quantity=0), a_day(quantity=-1)]
)
def test_what_shows_no_rate_does_not_take_the_place_of_what_does(nothing):
    earlier = a_day(SETTLED - DAY)
    assert newest_settled([earlier, nothing], NOW) == [earlier]


def test_regions_and_currencies_stand_by_themselves_and_case_does_not():
    days = [a_day(), a_day(region=THERE), a_day(unit="EUR"), a_day(meter=METER.name.upper())]
    found = newest_settled(days, NOW)
    assert sorted((one.region, one.cost.unit) for one in found) == [
        (THERE, "USD"), (HERE, "EUR"), (HERE, "USD"),
    ]  # fmt: skip


def test_a_rate_is_what_one_token_cost():
    assert rates(a_day()) == {(METER.name, HERE): Decimal("0.000002")}


def test_of_two_bills_the_newer_day_counts_then_the_larger_cost():
    large, small = a_day(cost="2000", quantity=1_000_000), a_day(cost="1.5")
    assert rates(small, large) == rates(large, small) == rates(large)
    newer = replace(small, day=SETTLED + timedelta(days=1))
    assert rates(newer, large) == rates(newer)


def test_another_regions_bill_counts_for_a_global_meter_only_and_after_ones_own():
    there = a_day(region=THERE, cost="1.5")
    assert rates(there) == {(METER.name, HERE): Decimal("0.0000015")}
    assert rates(there, a_day(SETTLED - DAY)) == rates(a_day())
    assert rates(replace(there, meter=REGIONAL.name)) == {}


@pytest.mark.parametrize("odd", [{"meter": "No such meter"}, {"unit": "EUR"}, {"cost": "2000"}])
def test_what_cannot_be_compared_with_the_list_gives_no_rate(odd):
    assert rates(a_day(**odd)) == {}
