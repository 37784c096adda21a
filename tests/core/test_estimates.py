from dataclasses import replace
from decimal import Decimal

import pytest

from shared.core.estimates import KINDS, Estimate, estimated_cost, used_by
from shared.core.model import (
    AUDIO_TOKENS_IN,
    CACHE_READS,
    LATENCY,
    TOKENS_OUT,
    Account,
    Deployment,
    Quantity,
    Scope,
)
from shared.core.prices import BilledRate, PriceBook, RateSource, TokenKind
from tests.builders import ACCOUNT, CHAT, HOUR, MINUTE, NOW, a_meter, a_reading, a_series

GPT4O = Deployment("chat-prod", "gpt-4o", "2024-11-20", "GlobalStandard")
HERE = "swedencentral"
ACCOUNTS = [Account(ACCOUNT, HERE, "OpenAI", deployments=(GPT4O,))]
INPUT = a_meter(price=Decimal("2.50"), unit_size=Decimal(10**6))
OUTPUT = replace(
    INPUT, id="m-2", name="gpt 4o 1120 Outp glbl Tokens", kind=TokenKind.OUTPUT, price=Decimal(10)
)
BOOK = PriceBook((INPUT, OUTPUT), NOW)
FIVE = 5 * MINUTE


def used(*readings, accounts=ACCOUNTS):
    return used_by(readings, accounts)


def test_tokens_are_added_up_by_kind_over_the_newest_hour():
    start = NOW - 90 * MINUTE
    readings = [*a_series(start, [100] * 18, FIVE), *a_series(start, [7] * 18, FIVE, TOKENS_OUT)]

    assert [(one.kind, one.tokens) for one in used(*readings)] == [
        (TokenKind.INPUT, Decimal(1200)),
        (TokenKind.OUTPUT, Decimal(84)),
    ]


def test_use_while_nobody_asked_is_not_missed():
    before = a_series(NOW - 5 * HOUR, [100] * 3, FIVE)
    idle = a_series(NOW - HOUR, [0] * 12, FIVE)
    (one,) = used(*before, *idle)
    assert one.tokens == 300


def test_what_is_no_token_or_not_used_or_not_listed_is_not_among_it():
    other = Scope(ACCOUNT, "gone")
    assert used(a_reading(meter=LATENCY), a_reading(value=0), a_reading(scope=other)) == []


def test_a_deployment_is_known_in_any_case():
    (one,) = used(a_reading(scope=Scope(ACCOUNT, "Chat-Prod")))
    assert one.deployment == GPT4O


@pytest.mark.parametrize("meter", KINDS, ids=lambda meter: meter.name)
def test_every_meter_of_tokens_has_its_kind(meter):
    (one,) = used(a_reading(meter=meter, value=5))
    assert (one.scope, one.region, one.kind, one.tokens) == (CHAT, HERE, KINDS[meter], 5)


def test_an_estimate_is_tokens_times_rates():
    readings = [a_reading(value=1_000_000), a_reading(value=100_000, meter=TOKENS_OUT)]
    assert estimated_cost(used(*readings), BOOK) == Estimate(
        Quantity(Decimal("3.50"), "USD"), RateSource.LIST
    )


def test_an_estimate_is_by_the_bill_where_that_has_shown_every_rate():
    paid = [
        BilledRate(one.name, HERE, one.price / 2 / one.unit_size, "USD", Decimal(1))
        for one in (INPUT, OUTPUT)
    ]
    readings = [a_reading(value=1_000_000), a_reading(value=100_000, meter=TOKENS_OUT)]
    by_bill = estimated_cost(used(*readings), replace(BOOK, billed=tuple(paid)))
    half_known = estimated_cost(used(*readings), replace(BOOK, billed=(paid[0],)))

    assert by_bill == Estimate(Quantity(Decimal("1.75"), "USD"), RateSource.BILL)
    assert half_known == Estimate(Quantity(Decimal("2.25"), "USD"), RateSource.LIST)


def test_audio_is_among_the_tokens_and_not_added_once_more():
    with_audio = [a_reading(value=1_000_000), a_reading(value=400_000, meter=AUDIO_TOKENS_IN)]
    assert estimated_cost(used(*with_audio), BOOK) == estimated_cost(used(with_audio[0]), BOOK)


@pytest.mark.parametrize(
    ("meters", "readings"),
    [
        ((INPUT,), [a_reading(), a_reading(meter=TOKENS_OUT)]),
        ((INPUT, OUTPUT), [a_reading(), a_reading(meter=CACHE_READS)]),
        ((INPUT, replace(OUTPUT, currency="EUR")), [a_reading(), a_reading(meter=TOKENS_OUT)]),
        ((), [a_reading()]),
        ((INPUT,), []),
    ],
    ids=["no price of output", "no price of the cache", "two currencies", "an empty book", "no use"],
)
def test_what_is_not_known_whole_is_no_estimate(meters, readings):
    assert estimated_cost(used(*readings), PriceBook(meters, NOW)) is None


def test_without_a_book_or_with_ptu_there_is_no_estimate():
    ptu = [replace(ACCOUNTS[0], deployments=(replace(GPT4O, sku="ProvisionedManaged"),))]
    assert estimated_cost(used(a_reading()), None) is None
    assert estimated_cost(used(a_reading(), accounts=ptu), BOOK) is None
