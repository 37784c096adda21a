import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.formats.amounts import LARGEST, parse_amount


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$11,111.00", "11111.00"),
        ("$1111.11", "1111.11"),
        ("1111.32", "1111.32"),
        ("8000.0", "8000.0"),
        ("0.8", "0.8"),
        ("10.000,00 €", "10000.00"),
        ("10\u00a0000,00 €", "10000.00"),
        ("¥1,200", "1200"),
        ("1 234,56 zł", "1234.56"),
        ("1'234.50 CHF", "1234.50"),
        ("1\u2019234.50 CHF", "1234.50"),
        ("R$ 1.234,00", "1234.00"),
        ("Rs.500", "500"),
        ("$.50", "0.50"),
        (".5", "0.5"),
        ("-5", "-5"),
        ("-$5.00", "-5.00"),
        ("\u22125,00 kr", "-5.00"),
        ("(5.00)", "-5.00"),
        ("($5.00)", "-5.00"),
        ("(USD) 5.00", "5.00"),
        ("1e3", "1000"),
        ("+7", "7"),
        ("1,5", "1.5"),
        ("1,500", "1500"),
        ("0,500", "0.500"),
        ("1.500", "1.500"),
        ("$1.500", "1500"),
        ("12.345.678", "12345678"),
        ("12,345,678.9", "12345678.9"),
        ("5.", "5"),
        (0.1, "0.1"),
        (0, "0"),
        (50, "50"),
        (1e-08, "1e-08"),
        (Decimal("2.50"), "2.50"),
    ],
    ids=repr,
)
def test_an_amount_is_read_as_it_was_meant(text, expected):
    assert parse_amount(text) == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "abc",
        "$",
        None,
        True,
        False,
        math.nan,
        math.inf,
        -math.inf,
        Decimal("NaN"),
        Decimal("sNaN"),
        "nan",
        "Infinity",
        "from $5.00 to $9.00",
        "1" * 61,
        "1e99",
        10**18,
        10**6000,
        1e300,
        [],
        {},
        b"5",
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) or value < 2 else "huge",
)
def test_what_is_no_amount_is_none(text):
    assert parse_amount(text) is None


def in_german(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,")) + " €"


cents = st.integers(0, 10**15).map(lambda value: Decimal(value) / 100)


@given(cents)
def test_an_american_amount_comes_back(amount):
    assert parse_amount(f"${amount:,.2f}") == amount
    assert parse_amount(f"-${amount:,.2f}") == -amount
    assert parse_amount(f"{amount:.2f}") == amount


@given(cents)
def test_a_german_amount_comes_back(amount):
    assert parse_amount(in_german(amount)) == amount


@given(
    st.text(st.sampled_from("0123456789.,-+()$€ eE'\u00a0/R"), max_size=62)
    | st.text(max_size=70)
    | st.integers()
    | st.floats()
    | st.decimals()
)
@example("٣٫٤")
@example("1" * 60)
def test_anything_is_a_sensible_number_or_none(value):
    amount = parse_amount(value)
    assert amount is None or (amount.is_finite() and abs(amount) < LARGEST)
