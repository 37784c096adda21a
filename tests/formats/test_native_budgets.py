"""Native budgets as they are listed: what Azure publishes, what it may send besides, and any other bytes."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Basis, Budget, Grain, Quantity, Threshold
from shared.core.periods import period_of
from shared.formats import records
from shared.formats.native_budgets import NativeBudget, concerns_ai, parse_budgets

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
METER = {"dimensions": {"name": "Meter", "operator": "In", "values": ["gpt-4o Inp"]}}
TEAM = {"tags": {"name": "team", "operator": "In", "values": ["search"]}}
STORAGE = {"dimensions": {"name": "ServiceName", "operator": "In", "values": ["Storage"]}}
MODELS = {"dimensions": {"name": "ServiceName", "operator": "In", "values": ["Storage", "Foundry Models"]}}


def item(**properties: Any) -> dict[str, Any]:
    """A monthly budget of 1,000 USD with one notification; ... leaves a property out."""
    about = {
        "amount": 1000,
        "category": "Cost",
        "timeGrain": "Monthly",
        "filter": {},
        "currentSpend": {"amount": 12.5, "unit": "USD"},
        "notifications": {"a": {"enabled": True, "threshold": 80, "thresholdType": "Actual"}},
        **properties,
    }
    kept = {name: value for name, value in about.items() if value is not ...}
    return {
        "name": "AI",
        "id": f"{SUBSCRIPTION}/providers/Microsoft.Consumption/budgets/AI",
        "properties": kept,
    }


def parsed(**properties: Any) -> NativeBudget:
    found, odd = parse_budgets([item(**properties)])
    assert (len(found), odd) == (1, [])
    return found[0]


def test_the_published_list_is_read_as_it_is_meant():
    body = json.loads((AZURE / "budgets-list-managementgroup.json").read_bytes())
    found, odd = parse_budgets(body["value"])

    assert odd == []
    assert [(one.scope, one.name, one.amount, one.why_not) for one in found] == [
        ("/providers/microsoft.management/managementgroups/mydevtestmg", "TestBudget", Decimal(10000), ""),
        (SUBSCRIPTION, "TestBudget", Decimal("600.65"), ""),
        (f"{SUBSCRIPTION}/resourcegroups/mydevtestrg", "TestBudget", Decimal("100.65"), ""),
        (f"{SUBSCRIPTION}/resourcegroups/mydevtestrg", "TestBudget1", Decimal("200.65"), ""),
    ]
    assert [[step.step for step in one.thresholds] for one in found] == [
        ["actual 80"],
        ["actual 60"],
        ["actual 90", "actual 80"],
        ["actual 60", "actual 40"],
    ]
    assert [sort for part in found[2].only["and"] for sort in part] == ["dimensions", "tags", "tags"]
    assert (found[0].spent, found[0].unit) == (Decimal("8000.89"), "USD")


def test_it_is_the_budget_that_a_webhook_would_speak_of():
    assert parsed().key == f"budget|{SUBSCRIPTION}|ai"


def test_a_native_budget_is_judged_as_one_of_ours():
    steps = (Threshold(Decimal(80)),)
    expected = Budget("AI", SUBSCRIPTION, Quantity(Decimal(1000), "USD"), Grain.MONTH, steps)
    assert parsed().as_budget("USD") == expected


@pytest.mark.parametrize(
    ("notification", "steps"),
    [
        pytest.param({"threshold": 80.5}, ["actual 80.5"], id="no type is actual"),
        pytest.param({"threshold": "80.0"}, ["actual 80"], id="a text"),
        pytest.param({"threshold": 110, "thresholdType": "Forecasted"}, ["forecast 110"], id="forecasted"),
        pytest.param({"THRESHOLD": 110, "ThresholdTYPE": "forecast"}, ["forecast 110"], id="any case"),
        pytest.param({"threshold": 80, "enabled": False}, [], id="switched off"),
        pytest.param({"threshold": 0}, [], id="nought"),
        pytest.param({"threshold": 1001}, [], id="more than Azure takes"),
        pytest.param({"threshold": None}, [], id="none"),
        pytest.param("on", [], id="no object"),
    ],
)
def test_a_notification_is_a_threshold(notification, steps):
    found = parsed(notifications={"a": notification})

    assert [step.step for step in found.thresholds] == steps
    assert found.why_not == ("" if steps else "it notifies nobody")


def test_two_notifications_of_one_threshold_are_one_step():
    two = {name: {"threshold": 80, "operator": name} for name in ("GreaterThan", "GreaterThanOrEqualTo")}
    assert parsed(notifications=two).thresholds == (Threshold(Decimal(80), Basis.ACTUAL),)


@pytest.mark.parametrize(
    ("grain", "expected"),
    [
        ("Monthly", Grain.MONTH),
        ("quarterly", Grain.QUARTER),
        ("Annually", Grain.YEAR),
        ("BillingMonth", None),
        ("Last7Days", None),
        (None, None),
    ],
)
def test_a_grain_whose_days_are_not_known_is_not_watched(grain, expected):
    found = parsed(timeGrain=grain)

    assert found.grain is expected
    assert bool(found.why_not) == (expected is None)
    assert (found.as_budget("USD") is None) == (expected is None)


def test_quarters_count_from_the_month_in_which_the_budget_starts():
    period = {"startDate": "2026-02-01T00:00:00Z", "endDate": "2027-01-31T00:00:00Z"}
    budget = parsed(timeGrain="Quarterly", timePeriod=period).as_budget("USD")

    assert budget
    quarter = period_of(budget.grain, datetime(2026, 9, 8, tzinfo=UTC), budget.begins)
    assert (quarter.start.month, quarter.end.month) == (8, 11)


@pytest.mark.parametrize(
    ("given", "only"),
    [
        pytest.param(None, {}, id="null"),
        pytest.param({}, {}, id="empty"),
        pytest.param({"and": []}, {}, id="nothing in it"),
        pytest.param(METER, METER, id="one condition"),
        pytest.param({"and": [METER]}, METER, id="one condition is not wrapped"),
        pytest.param({"And": [METER, TEAM]}, {"and": [METER, TEAM]}, id="two"),
        pytest.param({"or": [METER, TEAM]}, {"or": [METER, TEAM]}, id="either"),
        pytest.param({"not": TEAM}, {"not": TEAM}, id="all but"),
        pytest.param({**METER, **TEAM}, {"and": [METER, TEAM]}, id="side by side"),
        pytest.param({"and": [METER, {"or": [TEAM, STORAGE]}]}, ..., id="nested"),
        pytest.param({"dimensions": {"Name": "Meter", "values": ["gpt-4o Inp"]}}, METER, id="no operator"),
    ],
)
def test_a_filter_is_asked_with_as_a_query_takes_it(given, only):
    found = parsed(filter=given)

    assert (dict(found.only), found.why_not) == (given if only is ... else only, "")


@pytest.mark.parametrize(
    "given",
    [
        "text",
        {"resources": ["/subscriptions/a"]},
        {"dimensions": {"name": "Meter", "operator": "NotIn", "values": ["a"]}},
        {"dimensions": {"name": "Meter", "operator": "In", "values": []}},
        {"or": [METER, {}]},
        {"and": [METER, {"new": {"a": 1}}]},
    ],
)
def test_a_filter_that_is_not_understood_is_never_left_off(given):
    found = parsed(filter=given)

    assert (dict(found.only), found.why_not) == ({}, "its filter is of a form that is not known")


def test_a_budget_of_something_else_than_cost_is_not_watched():
    assert parsed(category="ReservationUtilization").why_not == "it is of ReservationUtilization, not of Cost"
    assert parsed(category=...).why_not == ""


@pytest.mark.parametrize("broken", [{"amount": None}, {"amount": -5}, {"amount": "much"}])
def test_what_has_no_amount_is_named_as_odd(broken):
    found, (line,) = parse_budgets([item(**broken)])
    assert found == []
    assert "expected a name" in line


@pytest.mark.parametrize(
    ("only", "concerned"),
    [
        pytest.param({}, True, id="the whole scope"),
        pytest.param(METER, True, id="a meter that is billed for AI"),
        pytest.param(STORAGE, False, id="another service"),
        pytest.param(MODELS, True, id="another service and ours"),
        pytest.param(TEAM, True, id="a tag may hold AI"),
        pytest.param({"and": [TEAM, STORAGE]}, False, id="a team's storage"),
        pytest.param({"or": [METER, STORAGE]}, True, id="ours or another"),
        pytest.param({"not": STORAGE}, True, id="all but storage"),
    ],
)
def test_a_budget_is_watched_unless_it_is_of_other_things_alone(only, concerned):
    assert concerns_ai(only, lambda meter: meter == "gpt-4o Inp") is concerned


def test_a_meter_that_was_never_billed_for_ai_is_another_thing():
    assert not concerns_ai(METER, lambda meter: False)


def test_an_account_is_known_by_its_id():
    account = f"{SUBSCRIPTION}/resourceGroups/a/providers/Microsoft.CognitiveServices/accounts/b"
    only = {"dimensions": {"name": "ResourceId", "operator": "In", "values": [account]}}
    assert concerns_ai(only, lambda meter: False)


def test_it_is_kept_and_read_again_as_it_was():
    one = parsed(filter={"and": [METER, TEAM]}, timePeriod={"startDate": "2026-02-01T00:00:00Z"})
    assert records.decode(records.encode(one), NativeBudget) == one


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = ("amount", "category", "timeGrain", "filter", "currentSpend", "notifications", "timePeriod")


@given(st.sampled_from(PLACES), anything)
def test_whatever_stands_in_a_place_nothing_is_raised(place, value):
    found, odd = parse_budgets([item(**{place: value}), {"properties": value}, {"name": value, "id": value}])
    assert len(found) + len(odd) == 3
    for one in found:
        concerns_ai(one.only, lambda meter: True)


@given(st.dictionaries(st.sampled_from(["and", "or", "not", "dimensions", "tags", "new"]), anything))
def test_any_filter_is_read_or_said_to_be_unknown(given):
    found = parsed(filter=given)
    assert not found.why_not or found.only == {}
