"""The list of cost alerts: the same alerts as the webhooks would have brought, and those of now alone."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Alert, Kind, Quantity, Severity
from shared.formats import azure_alert
from shared.formats.cost_alerts import parse_alerts

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
NOW = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(threshold: Any = 0.8, name: str = "AI", **named: Any) -> dict[str, Any]:
    """An entry of a monthly budget of 1,000 USD; `details`, `definition` and the rest are laid over it."""
    details = {
        "timeGrainType": "Monthly",
        "periodStartDate": "2026-09-01T00:00:00Z",
        "threshold": threshold,
        "amount": 1000,
        "unit": "USD",
        "currentSpend": 812.5,
        **named.pop("details", {}),
    }
    definition = {"type": "Budget", "category": "Cost", "criteria": "CostThresholdExceeded"}
    about = {
        "definition": {**definition, **named.pop("definition", {})},
        "status": "Active",
        "costEntityId": name,
        "creationTime": "2026-09-08T06:00:00.0000000Z",
        "modificationTime": "2026-09-08T06:00:00.0000000Z",
        "closeTime": "0001-01-01T00:00:00",
        "details": details,
        **named,
    }
    identity = f"{SUBSCRIPTION}/providers/Microsoft.CostManagement/alerts/{threshold}"
    return {"id": identity, "name": str(threshold), "properties": about}


def the(*entries: dict[str, Any], now: datetime = NOW) -> Alert:
    (found,) = parse_alerts(entries, now)
    return found


def webhook(threshold: str = "800") -> Alert:
    data = {
        "SubscriptionId": SUBSCRIPTION.rpartition("/")[2],
        "SpendingAmount": "812.5",
        "Budget": "1000",
        "Unit": "USD",
        "BudgetName": "AI",
        "NotificationThresholdAmount": threshold,
    }
    body = json.dumps({"schemaId": "AIP Budget Notification", "data": data}).encode()
    return azure_alert.parse(body, datetime(2026, 9, 8, 6, tzinfo=UTC))


def test_an_entry_is_the_alert_that_its_webhook_brings():
    assert the(entry()) == webhook()


def test_the_published_example_is_read_as_it_is_meant():
    body = json.loads((AZURE / "costalerts-subscription.json").read_bytes())
    found = the(*body["value"], now=datetime(2020, 4, 28, 12, tzinfo=UTC))

    assert (found.key, found.steps) == (f"budget|{SUBSCRIPTION}|budget1", ("actual 80",))
    assert (found.seen, found.against) == (
        Quantity(Decimal("161000.12"), "USD"),
        Quantity(Decimal(200000), "USD"),
    )
    # Its quarter began in March.
    assert found.ends == datetime(2020, 6, 1, tzinfo=UTC)


def test_the_thresholds_of_a_budget_are_one_alert_with_all_its_steps():
    forecast = {"criteria": "ForecastCostThresholdExceeded"}
    found = the(entry(), entry(1.0), entry(1.1, definition=forecast))

    assert found.steps == ("actual 80", "actual 100", "forecast 110")
    assert found.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("threshold", "step"),
    [(0.8, "actual 80"), (1, "actual 100"), ("0.805", "actual 80.5"), (80, "actual 80"), (10, "actual 1000")],
)
def test_a_threshold_is_a_ratio_unless_no_ratio_is_that_large(threshold, step):
    assert the(entry(threshold)).steps == (step,)


@pytest.mark.parametrize("threshold", [None, 0, -1, "much", 5000])
def test_without_a_sensible_threshold_it_is_told_all_the_same(threshold):
    found = the(entry(threshold))
    assert (found.firing, found.steps, found.severity) == (True, (), Severity.WARNING)


@pytest.mark.parametrize("status", ["Resolved", "Dismissed", "Overridden", "None"])
def test_what_azure_or_a_person_has_ended_holds_no_more(status):
    found = the(entry(status=status))
    assert (found.firing, found.why) == (False, f"Azure says: {status.lower()}")


def test_a_budget_holds_while_one_of_its_thresholds_is_active():
    found = the(entry(status="Dismissed"), entry(1.0))
    assert (found.firing, found.steps) == (True, ("actual 100",))


def test_entries_of_a_period_that_is_over_are_not_told():
    old = {"creationTime": "2026-08-08T06:00:00Z", "modificationTime": "2026-08-31T06:00:00Z"}
    details = {"periodStartDate": "2026-08-01T00:00:00Z"}
    assert parse_alerts([entry(**old, details=details)], NOW) == []
    assert the(entry(**old, details=details), entry(1.0)).steps == ("actual 100",)


def test_what_the_last_day_of_a_period_brought_is_told_after_it():
    told = "2026-09-01T06:00:00Z"
    late = entry(
        creationTime=told, modificationTime=told, details={"periodStartDate": "2026-08-01T00:00:00Z"}
    )
    now = datetime(2026, 9, 1, 7, tzinfo=UTC)

    assert the(late, now=now).ends == datetime(2026, 9, 1, tzinfo=UTC)


def test_a_start_of_years_ago_does_not_hide_what_was_changed_today():
    assert the(entry(details={"periodStartDate": "2019-03-01T00:00:00Z"})).ends == webhook().ends


def test_an_alert_that_was_first_raised_in_another_period_began_in_this_one():
    found = the(entry(creationTime="2026-05-04T06:00:00Z"))
    assert found.since == found.at == datetime(2026, 9, 8, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "entity", [f"{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Consumption/budgets/B"]
)
def test_a_budget_that_is_named_by_its_id_is_where_the_id_says(entity):
    assert the(entry(name=entity)).key == f"budget|{SUBSCRIPTION}/resourcegroups/rg|b"


@pytest.mark.parametrize(
    ("kind", "criteria", "rule"),
    [
        ("Credit", "CreditThresholdApproaching", "Credit threshold approaching"),
        ("Invoice", "InvoiceDueDateReached", "Invoice due date reached"),
        ("Quota", "QuotaThresholdReached", "Quota threshold reached"),
        ("xCloud", "CrossCloudCollectionError", "Cross cloud collection error"),
        ("General", None, "General"),
    ],
)
def test_other_alerts_are_told_in_general_words_for_a_day(kind, criteria, rule):
    one = entry(definition={"type": kind, "criteria": criteria}, name="EA 123", description="look at it")
    found = the(one)

    assert (found.kind, found.rule, found.what, found.why) == (
        Kind.AZURE,
        rule,
        f"{rule}: EA 123",
        "look at it",
    )
    assert found.ends == found.since + DAY
    assert parse_alerts([one], found.since + DAY) == []


def test_the_same_list_makes_the_same_alerts_an_hour_later():
    entries = [entry(), entry(1.0), entry(definition={"type": "Credit"})]
    assert parse_alerts(entries, NOW) == parse_alerts(entries, NOW + DAY / 24)


def test_an_entry_that_is_ahead_of_the_clock_is_of_now():
    found = the(entry(creationTime="2026-10-08T06:00:00Z", modificationTime="2026-10-08T06:00:00Z"))
    assert (found.at, found.since) == (NOW, NOW)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = tuple(entry()["properties"])


@given(st.sampled_from(PLACES), anything, st.sampled_from(tuple(entry()["properties"]["details"])))
def test_whatever_stands_in_a_place_nothing_is_raised(place, value, detail):
    odd = entry()
    odd["properties"][place] = value
    inner = entry(details={detail: value})
    for alert in parse_alerts([odd, inner, {"id": value, "properties": value}, {}], NOW):
        assert replace(alert, firing=True).what
