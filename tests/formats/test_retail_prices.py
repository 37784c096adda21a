import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.prices import PriceBook, PricedMeter, TokenKind, per_one
from shared.formats.records import decode, encode
from shared.formats.retail_prices import next_link, parse, questions

PRICES = Path(__file__).parent.parent / "fixtures" / "prices"
NOW = datetime(2026, 9, 8, 12, tzinfo=UTC)
ITEM = {
    "currencyCode": "USD",
    "tierMinimumUnits": 0.0,
    "retailPrice": 0.0025,
    "unitPrice": 0.0025,
    "armRegionName": "swedencentral",
    "effectiveStartDate": "2024-11-01T00:00:00Z",
    "meterId": "a-1",
    "meterName": "gpt 4o 1120 Inp glbl Tokens",
    "productName": "Azure OpenAI",
    "skuName": "gpt 4o 1120 Inp glbl",
    "serviceName": "Foundry Models",
    "unitOfMeasure": "1K",
    "type": "Consumption",
    "isPrimaryMeterRegion": True,
    "armSkuName": "gpt 4o 1120 Inp glbl",
}


def page(*items: Any, **envelope: Any) -> dict[str, Any]:
    return {"BillingCurrency": "USD", "Items": list(items), "NextPageLink": None, **envelope}


def only(**changed: Any) -> PricedMeter:
    found = parse([page({**ITEM, **changed})], NOW)
    assert found.odd == ()
    (meter,) = found.meters
    return meter


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PRICES / f"{name}.json").read_bytes())
    return found


def test_an_item_is_a_meter_with_its_price_and_unit():
    assert only() == PricedMeter(
        id="a-1",
        name="gpt 4o 1120 Inp glbl Tokens",
        product="Azure OpenAI",
        model="gpt-4o",
        version="1120",
        sku="GlobalStandard",
        kind=TokenKind.INPUT,
        region="swedencentral",
        price=Decimal("0.0025"),
        currency="USD",
        unit_size=Decimal(1000),
        effective=datetime(2024, 11, 1, tzinfo=UTC),
    )


def test_items_with_few_fields_mix_units_within_one_answer():
    found = parse([sample("partial-items")], NOW)

    assert found.odd == ()
    assert {(one.model, one.kind): per_one(one) for one in found.meters} == {
        ("gpt-5.4", TokenKind.INPUT): Decimal("0.0000025"),
        ("gpt-5.4", TokenKind.OUTPUT): Decimal("0.000015"),
        ("grok-4.3", TokenKind.INPUT): Decimal("0.00000125"),
    }


def test_a_machine_is_passed_over_and_its_page_is_not_the_last():
    machine = sample("envelope-vm")

    assert parse([machine], NOW) == parse([], NOW)
    assert next_link(machine) == "https://prices.azure.com/api/retail/prices?$skip=100&..."


@pytest.mark.parametrize("link", [None, "", 7, "/relative", "javascript:x"])
def test_what_is_no_link_ends_the_pages(link):
    assert next_link(page(NextPageLink=link)) == ""


@pytest.mark.parametrize("unit", ["1K", "1M", "100"])
def test_the_unit_is_read_from_the_unit_of_measure_and_never_from_the_name(unit):
    size = {"1K": 1000, "1M": 1_000_000, "100": 100}[unit]
    meter = only(meterName="5.4 inp Gl 1M Tokens", productName="Azure OpenAI GPT5", unitOfMeasure=unit)
    assert (meter.model, meter.unit_size) == ("gpt-5.4", Decimal(size))


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "Reservation", "reservationTerm": "1 Year"},
        {"type": "DevTestConsumption"},
        {"tierMinimumUnits": 1000.0},
        {"effectiveStartDate": "2026-10-01T00:00:00Z"},
        {"meterName": "D4s v5", "skuName": "D4s v5", "unitOfMeasure": "1 Hour"},
    ],
)
def test_other_prices_are_passed_over(changed):
    assert parse([page({**ITEM, **changed})], NOW) == parse([], NOW)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"meterName": "gpt 9 weirdly glbl Tokens"}, "gpt 9 weirdly glbl Tokens: unknown spelling"),
        ({"retailPrice": None, "unitPrice": "dear"}, "no price above zero"),
        ({"retailPrice": 0.0, "unitPrice": 0}, "no price above zero"),
        ({"retailPrice": -1, "unitPrice": -1}, "no price above zero"),
        ({"unitOfMeasure": "per token"}, "unitOfMeasure 'per token'"),
        ({"meterName": "", "skuName": None, "armSkuName": 3.5j}, "no name"),
    ],
)
def test_odd_items_are_named_and_the_others_kept(changed, told):
    found = parse([page({**ITEM, **changed}, ITEM)], NOW)

    assert found.meters == (only(),)
    (line,) = found.odd
    assert told in line


def test_hours_and_sessions_have_prices_that_are_not_of_tokens():
    unit = only(meterName="Provisioned Managed Global Unit", unitOfMeasure="1/Hour", retailPrice=1)
    session = only(meterName="Code-Interpreter-global Session", unitOfMeasure="1", retailPrice=0.03)

    assert (unit.sku, unit.kind, unit.counts, unit.price) == (
        "GlobalProvisionedManaged", None, "PTU hours", Decimal(1),
    )  # fmt: skip
    assert (session.kind, session.counts, session.price) == (None, "sessions", Decimal("0.03"))


def test_names_of_fields_may_be_in_any_case_and_the_first_name_there_is_counts():
    item = {name.upper(): value for name, value in ITEM.items() if name != "meterName"}
    (meter,) = parse([{"items": [item]}], NOW).meters

    assert meter == only(meterName="gpt 4o 1120 Inp glbl")


def test_the_currency_is_that_of_the_item_then_of_the_page():
    assert only(currencyCode="eur").currency == "EUR"
    (meter,) = parse([page({**ITEM, "currencyCode": None}, BillingCurrency="GBP")], NOW).meters
    assert meter.currency == "GBP"


@pytest.mark.parametrize(
    ("said", "region"), [("Sweden Central", "swedencentral"), ("Global", ""), (None, "")]
)
def test_a_region_is_folded_and_global_is_every_region(said, region):
    assert only(armRegionName=said).region == region


def test_pages_that_overlap_give_a_meter_once():
    assert parse([page(ITEM), page(ITEM)], NOW).meters == (only(),)


def test_both_services_are_asked_for_a_region_in_the_currency_of_the_bill():
    assert questions("swedencentral", "EUR") == tuple(
        {
            "api-version": "2023-01-01-preview",
            "currencyCode": "'EUR'",
            "$filter": f"serviceName eq '{service}' and armRegionName eq 'swedencentral'"
            " and priceType eq 'Consumption'",
        }
        for service in ("Foundry Models", "Cognitive Services")
    )


def test_a_quote_in_a_region_does_not_leave_the_filter():
    assert "armRegionName eq 'x'' or ''1' and" in questions("x' or '1", "USD")[0]["$filter"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
odd_items = st.builds(
    lambda some, gone: {name: value for name, value in {**ITEM, **some}.items() if name not in gone},
    st.dictionaries(st.sampled_from([*ITEM]), anything, max_size=4),
    st.sets(st.sampled_from([*ITEM]), max_size=3),
)


@given(st.lists(anything | st.builds(page, odd_items, odd_items | anything), max_size=3))
def test_any_answer_is_read_and_kept(pages):
    found = parse(pages, NOW)
    book = PriceBook(found.meters, NOW)

    assert decode(encode(book), PriceBook) == book
    assert all(one.price > 0 and one.unit_size > 0 for one in found.meters)
    assert all(line == "".join(line.splitlines()) for line in found.odd)
    for one in pages:
        assert isinstance(next_link(one), str)
