from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shared.core.incidents import advance
from shared.core.model import Deployment, Kind, Scope, Severity
from shared.core.newcomers import TOLD_FOR
from shared.core.prices import PriceBook, TokenKind
from shared.core.unpriced import Used, judge_unpriced, unpriced, unpriced_names
from tests.builders import ACCOUNT, CHAT, HOUR, NOW, SUBSCRIPTION, a_meter

NEW = Deployment("chat-prod", "gpt-9", "2026-09-01", "GlobalStandard")
INPUT = a_meter(name="9 Inp Gl 1M Tokens", model="gpt-9", version="", region="westeurope")
BOOK = PriceBook((INPUT,), NOW)
OTHERS_ONLY = PriceBook((replace(INPUT, model="gpt-4o"),), NOW)


def used(tokens: int = 1_240_000, kind: TokenKind = TokenKind.INPUT, **named: Any) -> Used:
    return replace(Used(CHAT, NEW, "westeurope", kind, Decimal(tokens)), **named)


def test_what_has_usage_and_no_price_is_unpriced_by_kind_of_token():
    assert unpriced([used(), used(kind=TokenKind.OUTPUT)], BOOK) == [used(kind=TokenKind.OUTPUT)]


@pytest.mark.parametrize("book", [None, PriceBook((), NOW)], ids=["no book", "an empty book"])
def test_without_a_price_list_nothing_is_unpriced(book):
    assert unpriced([used()], book) == []


def test_a_region_that_was_not_read_is_unknown():
    assert unpriced([used(region="japaneast")], OTHERS_ONLY) == []
    assert unpriced([used()], OTHERS_ONLY) == [used()]


@pytest.mark.parametrize(
    "sku", ["ProvisionedManaged", "GlobalProvisionedManaged", "DataZoneProvisionedManaged"]
)
def test_provisioned_deployments_pay_for_hours(sku):
    assert unpriced([used(deployment=replace(NEW, sku=sku))], OTHERS_ONLY) == []


def test_no_tokens_are_not_told():
    assert unpriced([used(0)], OTHERS_ONLY) == []


def test_an_alert_says_what_has_no_price_and_how_much_it_used():
    (alert,) = judge_unpriced({}, [used()], NOW)

    assert alert.what == (
        "No price: model gpt-9 (2026-09-01, GlobalStandard) on chat-prod in aoai-search"
        " used 1.24M input tokens in the last hour; not in any cost estimate"
    )
    assert (alert.kind, alert.severity, alert.scope) == (Kind.NEWCOMER, Severity.WARNING, CHAT)
    assert alert.seen is not None
    assert (alert.seen.value, alert.seen.unit) == (Decimal(1_240_000), "tokens")
    assert alert.ends == NOW + TOLD_FOR


def test_it_is_told_once_for_a_model_version_sku_and_kind_in_the_first_round_too():
    found = [used(), used(kind=TokenKind.OUTPUT)]
    assert len(judge_unpriced(None, found, NOW)) == 2
    known = dict.fromkeys(unpriced_names(found), NOW)
    assert judge_unpriced(known, found, NOW + HOUR) == []

    for other in ({"version": "2026-10-01"}, {"sku": "Standard"}, {"model": "gpt-9-mini"}):
        assert len(judge_unpriced(known, [used(deployment=replace(NEW, **other))], NOW)) == 1


def test_deployments_of_one_model_are_told_together_with_the_sum():
    second = used(760_000, scope=Scope(ACCOUNT, "chat-test"), deployment=replace(NEW, name="chat-test"))
    (alert,) = judge_unpriced({}, [second, used()], NOW)

    assert "on chat-prod in aoai-search and 1 more used 2M input tokens" in alert.what
    assert [detail.text for detail in alert.details] == ["760k tokens", "1.24M tokens"]
    assert unpriced_names([second, used()]) == {used().name: second.scope}


def test_what_lacks_a_price_in_two_subscriptions_is_two_alerts_whichever_deployment_uses_most():
    second = Scope(ACCOUNT, "chat-test")
    other = Scope(ACCOUNT.replace(SUBSCRIPTION, "99999999-2222-3333-4444-555555555555"), "chat-prod")
    (one,), (again,), (elsewhere,) = (
        judge_unpriced({}, [used(scope=scope)], NOW) for scope in (CHAT, second, other)
    )

    assert one.key == again.key
    assert one.key != elsewhere.key


def test_a_round_that_could_not_remember_the_name_changes_nothing():
    (alert,) = judge_unpriced({}, [used()], NOW)
    opened = advance(None, alert, NOW, "MW-1")
    assert opened is not None
    (again,) = judge_unpriced({}, [used(2_000_000)], NOW + HOUR)
    repeated = advance(opened.incident, again, NOW + HOUR, "MW-2")
    assert repeated is not None
    assert repeated.transitions == ()


def test_what_arm_does_not_say_is_left_out():
    (alert,) = judge_unpriced({}, [used(deployment=Deployment("x", "", "", ""))], NOW)
    assert alert.what.startswith("No price: model without a name on chat-prod in aoai-search used")
