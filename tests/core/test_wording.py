import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Quantity, Scope
from shared.core.wording import ago, is_currency, lasted, moment, named, percent, said
from tests.builders import ACCOUNT, CHAT, SUBSCRIPTION

SENSIBLE = st.decimals(Decimal(-(10**18)), Decimal(10**18), allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0 tokens"),
        ("0.004", "0 tokens"),
        ("-0.004", "0 tokens"),
        ("0.25", "0.25 tokens"),
        ("1", "1 tokens"),
        ("12.34", "12.3 tokens"),
        ("999", "999 tokens"),
        ("999.6", "1k tokens"),
        ("1000", "1k tokens"),
        ("-1240", "-1.24k tokens"),
        ("12345", "12.3k tokens"),
        ("999499", "999k tokens"),
        ("999999", "1M tokens"),
        ("1240000", "1.24M tokens"),
        ("100000000", "100M tokens"),
        ("999999999", "1B tokens"),
        ("1e12", "1T tokens"),
        ("1.5e15", "1,500T tokens"),
    ],
)
def test_counts_are_said_in_three_digits(value, text):
    assert said(Quantity(Decimal(value), "tokens")) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00 USD"),
        ("0.004", "under 0.01 USD"),
        ("-0.004", "0.00 USD"),
        ("0.005", "0.01 USD"),
        ("-3.5", "-3.50 USD"),
        ("999.99", "999.99 USD"),
        ("999.996", "1,000 USD"),
        ("1000", "1,000 USD"),
        ("9612.5", "9,613 USD"),
        ("1234.4999", "1,234 USD"),
        ("999999", "999,999 USD"),
        ("1e12", "1,000,000,000,000 USD"),
    ],
)
def test_money_has_cents_below_a_thousand(value, text):
    assert said(Quantity(Decimal(value), "USD")) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0 %"),
        ("-0.001", "0 %"),
        ("0.04", "0.04 %"),
        ("0.4", "0.4 %"),
        ("5", "5 %"),
        ("5.25", "5.3 %"),
        ("9.96", "10 %"),
        ("80.4", "80 %"),
        ("98.7", "99 %"),
        ("99.6", "99.6 %"),
        ("99.999", "99.9 %"),
        ("100", "100 %"),
        ("100.4", "100 %"),
        ("12345.6", "12,346 %"),
        ("-12.5", "-13 %"),
    ],
)
def test_percents_are_whole_unless_that_would_hide_something(value, text):
    assert percent(Decimal(value)) == text
    assert said(Quantity(Decimal(value), "percent")) == text


@given(SENSIBLE, st.sampled_from(["USD", "tokens", "percent", "ms"]))
def test_any_amount_reads_as_a_number_and_its_unit(value, unit):
    assert re.fullmatch(r"(under )?-?[\d,]+(\.\d+)?[kMBT]? [A-Za-z%]+", said(Quantity(value, unit)))
    assert not said(Quantity(value, unit)).startswith("-0 ")


@given(st.decimals(Decimal(0), Decimal("99.9999"), allow_nan=False))
def test_less_than_all_is_never_said_as_all(value):
    assert percent(value) != "100 %"


@pytest.mark.parametrize(
    ("unit", "money"),
    [("USD", True), ("usd", False), ("EURO", False), ("ms", False), ("", False), ("ÄÖÜ", False)],
)
def test_a_currency_is_known_by_its_form(unit, money):
    assert is_currency(unit) is money


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-5), "0 s"),
        (timedelta(0), "0 s"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(hours=3, minutes=20, seconds=59), "3 h 20 min"),
        (timedelta(hours=4), "4 h"),
        (timedelta(hours=52), "2 d 4 h"),
        (timedelta(days=2, minutes=59), "2 d"),
        (timedelta(days=400), "400 d"),
    ],
    ids=str,
)
def test_a_duration_is_said_in_its_two_largest_parts(span, text):
    assert lasted(span) == text


def test_a_moment_names_its_day_and_zone():
    assert moment(datetime(2026, 9, 8, 14, 5, tzinfo=UTC)) == "Tue 8 Sep 14:05 UTC"


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (CHAT, "chat-prod in aoai-search"),
        (Scope(ACCOUNT), "aoai-search"),
        (Scope(ACCOUNT + "/"), "aoai-search"),
        (Scope(f"/subscriptions/{SUBSCRIPTION}"), f"subscription {SUBSCRIPTION}"),
        (Scope(f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-search"), "rg-search"),
        (Scope(""), "everything watched"),
        (Scope("", "gpt-5 output"), "gpt-5 output in everything watched"),
    ],
    ids=["deployment", "account", "slash", "subscription", "group", "everything", "part of everything"],
)
def test_a_scope_is_said_by_its_own_name_and_its_holder(scope, text):
    assert named(scope) == text


def test_what_is_past_by_less_than_a_minute_is_just_now():
    assert ago(timedelta(seconds=59)) == "just now"
    assert ago(timedelta(minutes=65)) == "1 h 5 min ago"
