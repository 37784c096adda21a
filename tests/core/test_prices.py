from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Deployment, Quantity
from shared.core.prices import (
    FARTHEST,
    BilledRate,
    PriceBook,
    PricedMeter,
    Rate,
    RateSource,
    Tier,
    TokenKind,
    effective_rate,
    listed_as,
    meter_for,
    rate_for,
    same_version,
    with_billed,
)
from tests.builders import NOW, a_meter

GPT4O = Deployment("chat-prod", "gpt-4o", "2024-11-20", "GlobalStandard")
HERE = "swedencentral"
THERE = "eastus2"


def a_book(*meters: PricedMeter, **named: Any) -> PriceBook:
    return PriceBook(meters, NOW, **named)


def priced(deployment: Deployment, *meters: PricedMeter, kind: TokenKind = TokenKind.INPUT) -> str | None:
    """The id of the meter that bills a deployment in Sweden."""
    found = meter_for(a_book(*meters), deployment, HERE, kind)
    return None if found is None else found.id


def test_a_rate_is_for_one_token_and_says_where_it_comes_from():
    assert rate_for(a_book(a_meter()), GPT4O, "Sweden Central", TokenKind.INPUT) == Rate(
        Decimal("0.0000025"), "USD", RateSource.LIST, "gpt 4o 1120 Inp glbl Tokens"
    )


@pytest.mark.parametrize(("unit_size", "price"), [(1, "0.0000025"), (1000, "0.0025"), (1_000_000, "2.5")])
def test_prices_of_any_unit_give_the_same_rate(unit_size, price):
    book = a_book(a_meter(unit_size=Decimal(unit_size), price=Decimal(price)))
    rate = rate_for(book, GPT4O, HERE, TokenKind.INPUT)
    assert rate is not None
    assert rate.amount == Decimal("0.0000025")


@pytest.mark.parametrize(
    "other",
    [
        {"model": "gpt-4o-mini"},
        {"model": ""},
        {"version": "0806"},
        {"sku": "Standard"},
        {"sku": "GlobalBatch"},
        {"kind": TokenKind.OUTPUT},
        {"kind": TokenKind.CACHED_INPUT},
        {"kind": None},
        {"tier": Tier.PRIORITY},
        {"tier": Tier.FLEX},
        {"fine_tuned": True},
    ],
    ids=str,
)
def test_a_meter_of_something_else_is_no_price(other):
    assert rate_for(a_book(a_meter(**other)), GPT4O, HERE, TokenKind.INPUT) is None


def test_case_and_separators_of_models_and_skus_mean_nothing():
    meter = a_meter(model="GPT 4o", sku="globalstandard")
    assert priced(replace(GPT4O, sku="GLOBALSTANDARD"), meter) == "m-1"


BETTER_THAN = [
    ("exact version before none", {}, {"version": ""}),
    ("own region before every region", {}, {"region": ""}),
    ("own region before another's", {}, {"region": THERE}),
    ("every region before another's", {"region": ""}, {"region": THERE}),
    ("the named SKU before none", {}, {"sku": ""}),
    ("short context before long", {}, {"long_context": True}),
    ("the newest price", {}, {"effective": datetime(2023, 1, 1, tzinfo=UTC)}),
    ("a dated price before one without a date", {}, {"effective": None}),
    ("the primary region's", {}, {"primary": False}),
    ("the dearest of two alike", {"price": Decimal(3)}, {}),
    ("date before price", {}, {"price": Decimal(3), "effective": None}),
    ("version before region", {"region": ""}, {"version": ""}),
    ("context before date", {"effective": None}, {"long_context": True}),
]


@pytest.mark.parametrize(
    ("better", "worse"), [case[1:] for case in BETTER_THAN], ids=[one[0] for one in BETTER_THAN]
)
def test_of_two_that_fit_the_better_counts_in_either_order(better, worse):
    first, second = a_meter(id="better", **better), a_meter(id="a worse", **worse)
    for order in permutations([first, second]):
        assert priced(GPT4O, *order) == "better"
    assert priced(GPT4O, second) == "a worse"


def test_only_a_global_price_is_taken_from_another_region():
    regional = replace(GPT4O, sku="Standard")
    assert priced(GPT4O, a_meter(region=THERE)) == "m-1"
    assert priced(regional, a_meter(region=THERE, sku="Standard")) is None
    assert priced(regional, a_meter(region="", sku="Standard")) == "m-1"


@pytest.mark.parametrize(
    ("sku", "fits"),
    [("GlobalStandard", True), ("Standard", True), ("GlobalBatch", False), ("ProvisionedManaged", False)],
)
def test_a_meter_without_a_sku_is_for_what_pays_by_the_token(sku, fits):
    assert (priced(replace(GPT4O, sku=sku), a_meter(sku="")) is not None) == fits


@pytest.mark.parametrize(
    ("listed", "version", "same"),
    [
        ("1120", "2024-11-20", True),
        ("1120", "2024-08-06", False),
        ("0409", "turbo-2024-04-09", True),
        ("turbo-2024-04-09", "turbo-2024-04-09", True),
        ("0613", "0613", True),
        ("0125", "0125-Preview", True),
        ("2026-08-06", "2026-08-06", True),
        ("2026-08-06", "2025-08-06", False),
        ("1120", "1", False),
        ("1120", "", False),
    ],
)
def test_a_version_of_month_and_day_is_that_of_a_date(listed, version, same):
    assert same_version(listed, version) == same


def test_a_deployment_of_unknown_version_takes_only_a_price_for_every_version():
    unknown = replace(GPT4O, version="")
    assert priced(unknown, a_meter()) is None
    assert priced(unknown, a_meter(version="")) == "m-1"


def test_a_model_may_carry_in_its_name_what_the_list_calls_a_version():
    dated = Deployment("r", "DeepSeek-V3-0324", "1", "GlobalStandard")
    meter = a_meter(model="deepseek-v3", version="0324")
    assert priced(dated, meter) == "m-1"
    assert priced(replace(dated, model="DeepSeek-V3"), meter) is None


def test_a_fine_tuned_deployment_has_the_prices_of_its_base_when_fine_tuned():
    tuned = Deployment("own", "gpt-4o-2024-11-20.ft-0a1b2c-mine", "1", "GlobalStandard")
    plain, fine = a_meter(id="plain"), a_meter(id="fine", fine_tuned=True)
    assert priced(tuned, plain, fine) == "fine"
    assert priced(GPT4O, plain, fine) == "plain"
    assert priced(tuned, plain) is None


def test_plain_input_of_a_model_priced_by_modality_costs_the_dearest_of_them():
    text = a_meter(id="text", kind=TokenKind.TEXT_INPUT)
    audio = a_meter(id="audio", kind=TokenKind.AUDIO_INPUT, price=Decimal(40), unit_size=Decimal(10**6))
    assert priced(GPT4O, text, audio) == "audio"
    assert priced(GPT4O, text, audio, kind=TokenKind.TEXT_INPUT) == "text"
    assert priced(GPT4O, text, audio, a_meter(id="plain")) == "plain"
    assert priced(GPT4O, text, audio, kind=TokenKind.OUTPUT) is None


def test_text_is_plain_where_a_model_has_no_modalities_and_audio_is_not():
    assert priced(GPT4O, a_meter(), kind=TokenKind.TEXT_INPUT) == "m-1"
    assert priced(GPT4O, a_meter(), kind=TokenKind.AUDIO_INPUT) is None
    assert priced(GPT4O, a_meter(), kind=TokenKind.CACHED_INPUT) is None


def billed(
    cost: str, quantity: str, listed: PricedMeter | None = None, unit: str = "USD"
) -> BilledRate | None:
    return effective_rate(Quantity(Decimal(cost), unit), Decimal(quantity), listed or a_meter())


@pytest.mark.parametrize(
    ("quantity", "scale"), [("4000", 1000), ("4000000", 1)], ids=["units of 1K", "tokens"]
)
def test_a_bill_gives_the_rate_whichever_way_it_counts(quantity, scale):
    # 4 million tokens at 20 % below the list price of 2.50 a million
    assert billed("8", quantity) == BilledRate(
        "gpt 4o 1120 Inp glbl Tokens", HERE, Decimal("0.000002"), "USD", Decimal(scale)
    )


@given(
    tokens=st.integers(1, 10**12),
    unit_size=st.sampled_from([1000, 10**6]),
    share=st.decimals("0.11", "9", places=2),
    in_units=st.booleans(),
)
def test_any_agreed_price_is_found_in_either_scale(tokens, unit_size, share, in_units):
    listed = a_meter(unit_size=Decimal(unit_size))
    paid = listed.price / unit_size * share
    quantity = Decimal(tokens) / (unit_size if in_units else 1)
    found = effective_rate(Quantity(paid * tokens, "USD"), quantity, listed)
    assert found is not None
    assert abs(found.amount / paid - 1) < Decimal("1e-9")
    assert found.scale == (unit_size if in_units else 1)


def test_a_bill_that_cannot_be_told_gives_none():
    assert effective_rate(Quantity(Decimal(8), "USD"), Decimal(4000), None) is None
    assert billed("8", "4000", unit="EUR") is None
    assert billed("8", "0") is None
    assert billed("0", "4000") is None
    assert billed("-8", "4000") is None
    assert billed("8", "-4000") is None
    assert billed("8", "4000", a_meter(price=Decimal(0))) is None
    # 8 USD is 1/31 of the list price of 100,000 units, and 31 times that of 100,000 tokens.
    assert billed("8", "101192") is None


def test_a_rate_from_the_bill_may_differ_from_the_list_by_a_limit():
    at_limit = Decimal("0.0025") * FARTHEST
    assert billed(str(at_limit), "1") is not None
    assert billed(str(at_limit * 2), "1") is None


def test_what_counts_no_tokens_is_billed_by_its_own_unit():
    ptu = a_meter(name="PTU", kind=None, counts="PTU hours", price=Decimal(1), unit_size=Decimal(1))
    assert billed("60", "100", ptu) == BilledRate("PTU", HERE, Decimal("0.6"), "USD", Decimal(1))


def test_the_bill_beats_the_list_for_its_meter_and_region_only():
    rate = billed("8", "4000")
    assert rate is not None
    output = a_meter(id="m-2", name="gpt 4o 1120 Outp glbl Tokens", kind=TokenKind.OUTPUT)
    book = with_billed(a_book(a_meter(), output, a_meter(region=THERE)), [rate])

    here = rate_for(book, GPT4O, HERE, TokenKind.INPUT)
    assert here == Rate(Decimal("0.000002"), "USD", RateSource.BILL, "gpt 4o 1120 Inp glbl Tokens")
    for region, kind in ((THERE, TokenKind.INPUT), (HERE, TokenKind.OUTPUT)):
        elsewhere = rate_for(book, GPT4O, region, kind)
        assert elsewhere is not None
        assert elsewhere.source is RateSource.LIST


def test_of_two_meters_that_read_the_same_the_one_on_the_bill_counts():
    other = a_meter(id="m-2", name="gpt-4o-1120-Inp-glbl-Tokens", price=Decimal("0.0075"))
    rate = billed("8", "4000")
    assert rate is not None
    book = a_book(a_meter(), other)
    listed, shown = (rate_for(one, GPT4O, HERE, TokenKind.INPUT) for one in (book, with_billed(book, [rate])))

    assert listed == Rate(Decimal("0.0000075"), "USD", RateSource.LIST, other.name)
    assert shown == Rate(Decimal("0.000002"), "USD", RateSource.BILL, a_meter().name)
    assert [listed_as(book, one.name, HERE) for one in book.meters] == [a_meter(), other]


def test_a_newer_bill_replaces_the_older_of_the_same_meter():
    old, new = billed("8", "4000"), billed("9", "4000")
    assert old is not None
    assert new is not None
    other = replace(old, region=THERE)
    book = with_billed(with_billed(a_book(a_meter()), [old, other]), [replace(new, meter=new.meter.upper())])

    assert sorted(one.amount for one in book.billed) == sorted([other.amount, new.amount])
    rate = rate_for(book, GPT4O, HERE, TokenKind.INPUT)
    assert rate is not None
    assert rate.amount == new.amount


def test_a_meter_on_the_bill_is_found_by_its_name_in_its_region_first():
    regional = a_meter(id="r", sku="Standard", name="gpt 4o 1120 Inp regnl Tokens")
    there = replace(regional, id="there", region=THERE)
    book = a_book(there, regional, a_meter(region=THERE))

    def found(name: str, region: str) -> str | None:
        meter = listed_as(book, name, region)
        return None if meter is None else meter.id

    assert found("GPT 4o 1120 inp regnl tokens", HERE) == "r"
    assert found("gpt-4o-1120-Inp-regnl-Tokens", THERE) == "there"
    assert found("gpt 4o 1120 Inp regnl Tokens", "westeurope") is None
    assert found("gpt 4o 1120 Inp glbl Tokens", HERE) == "m-1"
    assert found("gpt 9 Inp glbl Tokens", HERE) is None


def test_an_empty_book_has_no_price():
    assert rate_for(a_book(), GPT4O, HERE, TokenKind.INPUT) is None
    assert rate_for(a_book(a_meter()), Deployment("x", "", "", ""), HERE, TokenKind.INPUT) is None
