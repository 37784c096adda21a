"""Each line of tests/fixtures/prices/*meter-names.json is a case: a name, and what is known of it."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.prices import Tier, TokenKind, folded, same_version
from shared.formats.meter_names import NOT_A_MODEL, MeterName, read_meter, read_unit
from shared.formats.meter_words import ALIASES, DATED_ALIASES, WORDS

PRICES = Path(__file__).parent.parent / "fixtures" / "prices"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((PRICES / f"{name}.json").read_bytes())
    return found


NAMES = [*cases("meter-names"), *cases("more-meter-names")]
named = pytest.mark.parametrize("case", NAMES, ids=[case["name"] for case in NAMES])


def read(case: dict[str, Any]) -> MeterName:
    return read_meter(case["name"], case.get("product", ""), case["unit"])


@named
def test_a_name_tells_its_kind_of_token_or_why_it_has_none(case):
    found = read(case)
    assert found.kind == case["token"]
    assert bool(found.why) == (found.kind is None)
    assert case.get("why", found.why) == found.why


@named
def test_a_name_tells_its_model_and_version(case):
    found = read(case)
    if "model" in case:
        assert folded(found.model) == folded(case["model"])
    if case.get("version"):
        assert same_version(found.version, case["version"])
    elif "version" in case:
        assert found.version == ""


@named
def test_a_name_tells_its_sku(case):
    assert read(case).sku == case.get("sku", read(case).sku)


@named
def test_a_name_tells_its_tier_its_context_and_its_tuning(case):
    also = case.get("also", "")
    found = read(case)
    tier = next((one for one in Tier if one in also), Tier.STANDARD)
    assert (found.tier, found.long_context) == (tier, "long" in also)
    if found.kind:
        assert found.fine_tuned == ("fine-tuned" in also)


@given(st.sampled_from(NAMES), st.data())
def test_case_and_separators_mean_nothing(case, data):
    name = "".join(
        data.draw(st.sampled_from(["-", " ", "_", "  ", " - "]))
        if one in " -"
        else data.draw(st.sampled_from([one.lower(), one.upper()]))
        for one in case["name"]
    )
    assert read_meter(name, case.get("product", "").upper(), case["unit"].lower()) == read(case)


WORD = st.sampled_from([word for *_, spellings in WORDS for word in spellings.split()])
NUMBER = st.sampled_from(["5.4", "4o", "1120", "13999999", "128K", "0", "01012026", "v3", "gpt4omini"])


@given(st.text() | st.lists(WORD | NUMBER | st.text(max_size=4)).map(" ".join), st.text(), st.text())
def test_any_text_is_read_or_refused_with_a_reason(name, product, unit):
    found = read_meter(name, product, unit)
    assert bool(found.why) == (found.kind is None)
    assert found.kind is None or found.model


@given(st.lists(WORD | NUMBER, max_size=6))
def test_what_is_billed_by_the_hour_counts_no_tokens(words):
    assert read_meter(" ".join(words), unit="1 Hour").kind is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gpt 4.1 glbl Tokens", "unknown spelling: neither input nor output"),
        ("gpt 4.1 Inp Outp glbl Tokens", "unknown spelling: input and output"),
        ("gpt 4.1 cached Outp glbl Tokens", "unknown spelling: cached output"),
        ("gpt 4.1 Inp glbl Data Zone Tokens", "unknown spelling: DataZone and Global at once"),
        ("gpt 4.1 video Inpu glbl", "unknown spelling: neither input nor output"),
        ("Model Router Inp Gl 1M Tokens", "not a deployment's own tokens: router's fee"),
        ("Inp glbl Tokens", NOT_A_MODEL),
        ("", NOT_A_MODEL),
    ],
)
def test_what_cannot_be_read_says_why(name, why):
    found = read_meter(name, "Azure OpenAI", "1K")
    assert (found.kind, found.why) == (None, why)


@pytest.mark.parametrize(
    ("product", "model"),
    [
        ("Azure OpenAI GPT5", "gpt-4.3"),
        ("Azure Grok Models", "grok-4.3"),
        ("Azure OpenAI OSS Models", "gpt-oss-4.3"),
        ("Azure Llama Models", "llama-4.3"),
        ("Some New Models", "4.3"),
        ("", "4.3"),
    ],
)
def test_a_bare_number_is_a_model_of_its_product(product, model):
    assert read_meter("4.3 Inp Glbl Tokens", product, "1K").model == model


def test_a_family_in_the_name_is_not_said_twice():
    assert read_meter("Grok 4.1 Inp Glbl", "Azure Grok Models", "1K").model == "grok-4.1"
    assert read_meter("gpt 5 pro out glbl", "Azure OpenAI GPT5", "1K").model == "gpt-5-pro"
    assert read_meter("o4 mini inp Gl", "Azure OpenAI Reasoning", "1K").model == "o4-mini"


@pytest.mark.parametrize("digits", ["1320", "0230x", "0000", "1232"])
def test_digits_that_are_no_date_stay_in_the_model(digits):
    found = read_meter(f"mistral small {digits} Inp glbl", "Azure Mistral Models", "1K")
    assert (found.model, found.version) == (f"mistral-small-{digits}", "")


def test_a_unit_without_a_noun_decides_what_is_counted():
    counted = {
        unit: read_meter("gpt 9 Inp glbl", "", unit).counts for unit in ("1K", "1M", "1", "1 Hour", "")
    }
    assert counted == {"1K": "tokens", "1M": "tokens", "1": "units", "1 Hour": "hours", "": "tokens"}


def test_the_unit_in_a_name_means_nothing():
    for unit in ("1K", "1M"):
        assert read_meter("5.4 inp Gl 1M Tokens", "Azure OpenAI GPT5", unit).kind is TokenKind.INPUT


@pytest.mark.parametrize(
    ("unit", "size", "per"),
    [
        ("1K", 1000, ""),
        ("1M", 10**6, ""),
        (" 1k ", 1000, ""),
        ("10K", 10_000, ""),
        ("1M Tokens", 10**6, "tokens"),
        ("1", 1, ""),
        ("100", 100, ""),
        ("1 Hour", 1, "hour"),
        ("1/Hour", 1, "hour"),
        ("1Hour", 1, "hour"),
        ("1 Month", 1, "month"),
        ("1 GB/Month", 1, "gb"),
        ("0.5 Hour", "0.5", "hour"),
    ],
)
def test_a_unit_is_a_number_of_something(unit, size, per):
    assert read_unit(unit) == (Decimal(size), per)


@pytest.mark.parametrize("unit", ["", "K", "per token", "0", "0K", "-1K", "١K", "1,000", "1" * 30])
def test_what_is_no_unit_is_none(unit):
    assert read_unit(unit) is None


@given(st.text())
def test_any_unit_is_a_size_above_zero_or_none(unit):
    found = read_unit(unit)
    assert found is None or found[0] > 0


def test_the_table_says_one_thing_of_each_word():
    words = [word for *_, spellings in WORDS for word in spellings.split()]
    assert len(words) == len(set(words))


def test_an_alias_names_what_a_name_can_give():
    for name in (*ALIASES, *DATED_ALIASES):
        assert not {word for *_, spellings in WORDS for word in spellings.split()} & set(name.split("-")) - {
            "audio"
        }
