"""Azure's budget messages in both schemas: one crossing of one budget, whoever tells of it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.core.model import Alert, Basis, Severity, Threshold
from shared.formats import records
from shared.formats.azure_alert import parse

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
RECEIVED = datetime(2026, 9, 21, 4, 12, tzinfo=UTC)


def body_of(name: str) -> bytes:
    return (AZURE / f"{name}.json").read_bytes()


def changed(name: str, **fields: Any) -> bytes:
    """A budget's body with other values in its data; ... takes a field away."""
    body = json.loads(body_of(name))
    data = body["data"] if "native" in name else body["data"]["alertContext"]["AlertData"]
    data.update(fields)
    for field, value in fields.items():
        if value is ...:
            del data[field]
    return json.dumps(body).encode()


def steps_of(body: bytes) -> tuple[str, ...]:
    return parse(body, RECEIVED).steps


@pytest.mark.parametrize(
    ("spent", "budget", "threshold", "step"),
    [
        ("8211.40", "10000", "0.8", "actual 80"),
        ("8211.40", "10000", "8000.0", "actual 80"),
        ("100", "50", "0.8", "actual 80"),
        ("100", "50", "40", "actual 80"),
        ("20.4", "20", "20", "actual 100"),
        ("20.4", "20", "1", "actual 100"),
        ("20.4", "20", "1.0", "actual 100"),
        ("10300", "10000", "1", "actual 100"),
        ("12500", "10000", "1.2", "actual 120"),
        ("5000", "10000", "0.8", "forecast 80"),
        ("5000", "10000", "1", "forecast 100"),
        ("5000", "10000", "10000", "forecast 100"),
        ("5000", "10000", "12000", "forecast 120"),
        ("1.05", "100", "1", "actual 1"),
        ("2.6", "5", "2.5", "actual 50"),
        ("333.40", "1000", "333.33", "actual 33.33"),
    ],
)
def test_the_native_threshold_is_a_ratio_or_an_amount(spent, budget, threshold, step):
    body = changed(
        "budget-native-ratio", SpendingAmount=spent, Budget=budget, NotificationThresholdAmount=threshold
    )
    assert steps_of(body) == (step,)


@pytest.mark.parametrize("name", ["budget-native-ratio", "budget-common-actual"])
def test_the_same_crossing_delivered_twice_is_the_same(name):
    first = parse(body_of(name), RECEIVED)
    second = parse(body_of(name), RECEIVED + timedelta(minutes=1))
    assert (first.key, first.steps) == (second.key, second.steps)
    assert len(first.steps) == 1


def test_both_schemas_tell_of_one_crossing_of_one_budget():
    native, common = (
        parse(body_of(f"budget-{name}"), RECEIVED) for name in ("native-ratio", "common-actual")
    )
    assert (native.key, native.steps) == (common.key, common.steps)
    assert (native.seen, native.against, native.what) == (common.seen, common.against, common.what)


def test_a_budget_of_a_resource_group_is_the_same_in_both_schemas():
    names = ("native-resource-group", "common-forecast-eur-resource-group")
    actual, forecast = (parse(body_of(f"budget-{name}"), RECEIVED) for name in names)
    assert actual.key == forecast.key
    assert (actual.steps, forecast.steps) == (("actual 100",), ("forecast 100",))


def test_another_threshold_of_the_budget_is_another_step_of_the_same_incident():
    eighty = parse(body_of("budget-common-actual"), RECEIVED)
    hundred = parse(changed("budget-common-actual", NotificationThresholdAmount="$10,000.00"), RECEIVED)
    assert eighty.key == hundred.key
    assert (eighty.steps, hundred.steps) == (("actual 80",), ("actual 100",))
    assert (eighty.severity, hundred.severity) == (Severity.WARNING, Severity.CRITICAL)


def test_a_step_is_named_as_our_own_budgets_name_it():
    assert steps_of(body_of("budget-native-ratio")) == (Threshold(Decimal(80), Basis.ACTUAL).step,)


@pytest.mark.parametrize(
    ("amount", "spent", "threshold", "unit", "what"),
    [
        ("$10,000.00", "$11,111.00", "$10,000.00", "USD", "111 % of 10,000 USD spent"),
        ("10.000,00 €", "8.200,50 €", "8.000,00 €", "EUR", "82 % of 10,000 EUR spent"),
        ("¥10,000", "¥8,100", "¥8,000", "JPY", "81 % of 10,000 JPY spent"),
        ("10 000,00 kr", "8 100,00 kr", "8 000,00 kr", "SEK", "81 % of 10,000 SEK spent"),
        ("₹10,00,000.00", "₹8,10,000.00", "₹8,00,000.00", "INR", "81 % of 1,000,000 INR spent"),
        ("CHF 10'000.00", "CHF 8'100.00", "CHF 8'000.00", "CHF", "81 % of 10,000 CHF spent"),
        (10000, 8100.5, 8000, "usd", "81 % of 10,000 USD spent"),
    ],
)
def test_money_is_read_in_whatever_form_its_currency_has(amount, spent, threshold, unit, what):
    sums = {"BudgetThreshold": amount, "SpentAmount": spent, "NotificationThresholdAmount": threshold}
    alert = parse(changed("budget-common-actual", **sums, Unit=unit), RECEIVED)

    assert alert.what == f"Budget ai-products-monthly: {what}"
    assert len(alert.steps) == 1


@pytest.mark.parametrize("nothing", [None, "", ..., "n/a", [], {"a": 1}, True], ids=repr)
@pytest.mark.parametrize("name", ["budget-native-ratio", "budget-common-actual"])
def test_a_budget_with_holes_is_still_told(name, nothing):
    native = "native" in name
    fields = [
        "SpendingAmount",
        "Budget",
        "Unit",
        "SubscriptionId",
        "ResourceGroup",
        "NotificationThresholdAmount",
    ]
    fields = fields if native else [
        "SpentAmount", "BudgetThreshold", "Unit", "Scope", "NotificationThresholdAmount", "ThresholdType"
    ]  # fmt: skip
    alert = parse(changed(name, **dict.fromkeys(fields, nothing)), RECEIVED)
    assert alert.firing
    assert alert.severity is Severity.WARNING
    assert alert.what == "Budget ai-products-monthly: Azure says that a threshold was crossed"
    assert alert.steps == ()
    assert records.decode(records.encode(alert), Alert) == alert


def test_a_budget_without_its_subscription_is_nobody_elses():
    lost = parse(changed("budget-native-ratio", SubscriptionId=""), RECEIVED)
    assert lost.scope.resource == "/subscriptions/unknown"
    assert lost.link == ""
    assert lost.key != parse(body_of("budget-native-ratio"), RECEIVED).key


@pytest.mark.parametrize("amount", ["0", "-50", "0.00", "1e99", "9" * 50, "1e-99", "$-1"])
@pytest.mark.parametrize("field", ["SpendingAmount", "Budget", "NotificationThresholdAmount"])
def test_money_that_cannot_be_meant_makes_no_step_and_no_crash(field, amount):
    alert = parse(changed("budget-native-ratio", **{field: amount}), RECEIVED)
    assert alert.what.startswith("Budget ai-products-monthly: ")
    assert records.decode(records.encode(alert), Alert) == alert
    if field != "SpendingAmount":
        assert alert.steps == ()


def test_nothing_of_a_hostile_name_gets_into_a_key_of_the_store():
    hostile = "a|b\x00" + "c" * 5_000
    alert = parse(changed("budget-native-ratio", SubscriptionId=hostile, BudgetName=hostile), RECEIVED)
    key = records.incident_key(alert)
    assert "\x00" not in key
    assert len(key) <= 200
    assert key.count("|") == 2
    assert len(alert.what) < 200


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 4_000, "0", "-0.0", "1e-400"])
def test_a_number_of_any_size_may_stand_for_money(number):
    template = body_of("budget-native-ratio").decode()
    for said in ('"10000"', '"8211.40"'):
        alert = parse(template.replace(said, number).encode(), RECEIVED)
        assert records.decode(records.encode(alert), Alert) == alert
