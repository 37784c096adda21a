"""Each switch on cost and budgets, and each thing that Cost Management refuses."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from sim.billing import RATES
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.budgets import PLANNED
from sim.groups import BILLING_ACCOUNT, PRODUCTION, ROOT
from sim.reservation import PTU_A_TERM
from tests.sim.asking import COST, NOW, question

GROUP = f"/providers/Microsoft.Management/managementGroups/{ROOT}"
BILLING = f"/providers/Microsoft.Billing/billingAccounts/{BILLING_ACCOUNT}"
ONE = f"/subscriptions/{AGENTS}"
METER = "gpt 4.1 Inp glbl Tokens"


def by_meter(azure, scope, first, last):
    """(day, meter) to cost and quantity."""
    rows = azure.rows(scope, question(first, last, "Meter"))
    return {(row["usagedate"], row["meter"]): (row["cost"], row["usagequantity"]) for row in rows}


def total(azure, scope, body):
    return sum(row["cost"] for row in azure.rows(scope, body))


def test_cost_may_be_there_at_once(azure):
    today = question("2026-09-08", "2026-09-08")
    late = total(azure, ONE, today)
    azure.options(cost_late=False)

    assert total(azure, ONE, today) > 10 * late


def test_a_day_may_be_rated_again_later(azure):
    change = {"at": "2026-09-08T13:00:00Z", "day": "2026-09-01", "factor": 1.25}
    before = by_meter(azure, ONE, "2026-09-01", "2026-09-02")
    azure.options(cost_corrections=[change])
    azure.tenant.now = NOW - timedelta(hours=1)
    not_yet = by_meter(azure, ONE, "2026-09-01", "2026-09-02")
    azure.tenant.now = NOW
    after = by_meter(azure, ONE, "2026-09-01", "2026-09-02")

    assert not_yet == before
    for (day, meter), (cost, quantity) in before.items():
        factor = 1.25 if day == 20260901 else 1.0
        assert after[day, meter] == (pytest.approx(cost * factor), quantity)


def test_rows_may_move_to_another_meter_and_leave_none_behind(azure):
    change = {"at": "2026-09-08T13:00:00Z", "day": "2026-09-01", "meter": METER, "moved_to": "4.1 Inp Gl"}
    before = by_meter(azure, ONE, "2026-09-01", "2026-09-02")
    azure.options(cost_corrections=[change])
    after = by_meter(azure, ONE, "2026-09-01", "2026-09-02")

    assert after[20260901, "4.1 Inp Gl"] == before[20260901, METER]
    assert (20260901, METER) not in after
    assert after[20260902, METER] == before[20260902, METER]


def test_a_meter_may_be_renamed_from_a_day_on(azure):
    before = by_meter(azure, ONE, "2026-09-01", "2026-09-02")
    azure.options(meter_renames=[{"meter": METER, "to": "4.1 Inp Gl", "since": "2026-09-02"}])
    after = by_meter(azure, ONE, "2026-09-01", "2026-09-02")

    assert after[20260901, METER] == before[20260901, METER]
    assert after[20260902, "4.1 Inp Gl"] == before[20260902, METER]
    assert (20260902, METER) not in after


def test_the_service_may_have_one_name_throughout(azure):
    azure.options(service_renamed=False)
    rows = azure.rows(ONE, question("2026-08-10", "2026-08-24", "ServiceName"))

    assert {row["servicename"] for row in rows} == {"Foundry Models"}


def test_ids_and_columns_may_be_spelled_as_they_are(azure):
    azure.options(odd_case=False)
    found = azure.found(f"{ONE}{COST}/query", question("2026-08-10", "2026-08-20", "Meter", "ResourceId"))

    columns = [column["name"] for column in found["properties"]["columns"]]
    assert columns == ["Cost", "UsageQuantity", "UsageDate", "Meter", "ResourceId", "Currency"]
    spelled = {account.id for account in azure.tenant.azure.directory.accounts.values()}
    assert {row[4] for row in found["properties"]["rows"]} <= spelled


@pytest.mark.parametrize("scope", [GROUP, BILLING], ids=["management group", "billing account"])
def test_above_subscriptions_the_parts_add_up(azure, scope):
    body = question("2026-08-10", "2026-08-11", "SubscriptionId", "Meter")
    rows = azure.rows(scope, body)

    sums: dict[str, float] = defaultdict(float)
    for row in rows:
        sums[row["subscriptionid"]] += row["cost"]
    parts = {one: total(azure, f"/subscriptions/{one}", body) for one in (AGENTS, PLATFORM, SANDBOX)}
    assert sums == pytest.approx(parts)


def test_a_child_group_holds_its_own_subscriptions_alone(azure):
    scope = f"/providers/Microsoft.Management/managementGroups/{PRODUCTION}"
    rows = azure.rows(scope, question("2026-08-10", "2026-08-10", "SubscriptionId"))

    assert {row["subscriptionid"] for row in rows} == {AGENTS, PLATFORM}


@pytest.mark.parametrize(
    ("scope", "change", "said"),
    [
        (GROUP, {"grouping": [{"type": "Dimension", "name": "ResourceId"}]}, "grouping by ResourceId"),
        (BILLING, {"grouping": [{"type": "Dimension", "name": "resourceid"}]}, "grouping by ResourceId"),
        (ONE, {"grouping": [{"type": "Dimension", "name": "Meter"}] * 3}, "at most 2 groupings"),
        (ONE, {"grouping": [{"type": "Dimension", "name": "MeterName"}]}, "Invalid dimension 'MeterName'"),
        (ONE, {"granularity": "Hourly"}, "granularity 'Hourly'"),
    ],
)
def test_what_a_cost_query_must_not_ask(azure, scope, change, said):
    body = question("2026-08-10", "2026-08-11", **change)
    status, code, message = azure.refused(f"{scope}{COST}/query", body)

    assert (status, code) == (400, "BadRequest")
    assert said in message


def test_another_billing_account_or_group_is_a_404(azure):
    body = question("2026-08-10", "2026-08-11")

    assert azure.refused(f"{BILLING}1{COST}/query", body)[0] == 404
    assert azure.refused(f"{GROUP}1{COST}/query", body)[0] == 404


def test_a_subscription_may_be_billed_in_another_currency(azure):
    body = question("2026-08-10", "2026-08-11", "SubscriptionId")
    dollars = total(azure, f"/subscriptions/{SANDBOX}", body)
    azure.options(currencies={SANDBOX: "EUR"})

    rows = azure.rows(GROUP, body)
    assert {(row["subscriptionid"], row["currency"]) for row in rows} == {
        (AGENTS, "USD"),
        (PLATFORM, "USD"),
        (SANDBOX, "EUR"),
    }
    assert total(azure, f"/subscriptions/{SANDBOX}", body) == pytest.approx(dollars * RATES["EUR"])
    body["dataset"]["aggregation"] = {"cost": {"name": "CostUSD", "function": "Sum"}}
    (first, _) = azure.rows(f"/subscriptions/{SANDBOX}", body)
    assert first["currency"] == "USD"


def test_a_reservation_is_charged_on_one_day_and_amortised_over_its_term(azure):
    azure.options(reservation=True)
    body = question("2026-08-13", "2026-08-20", "ChargeType", "ResourceId")
    del body["dataset"]["filter"]
    body["dataset"]["filter"] = {
        "dimensions": {"name": "PricingModel", "operator": "In", "values": ["Reservation"]}
    }
    charged = azure.rows(f"/subscriptions/{PLATFORM}", body)
    amortised = azure.rows(f"/subscriptions/{PLATFORM}", body | {"type": "AmortizedCost"})

    bought = [row for row in charged if row["chargetype"] == "Purchase"]
    assert [(row["usagedate"], row["cost"]) for row in bought] == [(20260815, 60 * PTU_A_TERM)]
    assert "microsoft.capacity/reservationorders" in bought[0]["resourceid"].lower()
    assert sum(row["cost"] for row in charged if row["chargetype"] == "Usage") == 0
    by_day: dict[int, float] = defaultdict(float)
    for row in amortised:
        by_day[row["usagedate"]] += row["cost"]
    assert by_day == pytest.approx(dict.fromkeys(range(20260815, 20260821), 60 * PTU_A_TERM / 30))
    assert {row["chargetype"] for row in amortised} == {"Usage", "UnusedReservation"}


def test_a_daily_query_with_groups_may_answer_its_last_day_alone(azure):
    azure.options(last_day_only=True)
    grouped = azure.rows(ONE, question("2026-08-10", "2026-08-12", "Meter"))

    assert {row["usagedate"] for row in grouped} == {20260812}
    assert len(azure.rows(ONE, question("2026-08-10", "2026-08-12"))) == 3


def test_a_future_date_may_be_taken_for_last_years(azure):
    body = question("2026-09-01", "2026-09-30")
    assert azure.rows(ONE, body)

    azure.options(future_as_last_year=True)
    assert azure.rows(ONE, body) == []
    assert azure.rows(ONE, question("2026-09-01", "2026-09-08"))


def outlook(first="2026-09-01", last="2026-09-30", **more):
    body = question(first, last)
    dataset = {"granularity": "Daily", "aggregation": {"cost": {"name": "Cost", "function": "Sum"}}}
    return body | {"dataset": dataset, **more}


def test_a_forecast_goes_on_from_what_was_billed(azure):
    found = azure.found(f"{ONE}{COST}/forecast", outlook(includeActualCost=True))["properties"]

    status = {row[1]: row[2] for row in found["rows"]}
    assert status[20260907] == "Actual"
    assert status[20260908] == status[20260930] == "Forecast"
    assert all(row[0] > 0 for row in found["rows"] if row[2] == "Forecast")
    without = azure.found(f"{ONE}{COST}/forecast", outlook())["properties"]["rows"]
    assert without == [row for row in found["rows"] if row[2] == "Forecast"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (outlook(last="2026-09-07"), 400, "CantForecastOnThePast"),
        (outlook(includeFreshPartialCost=True), 400, "BadRequest"),
        (outlook(timeframe="MonthToDate"), 400, "BadRequest"),
        (question("2026-09-01", "2026-09-30", "Meter"), 400, "BadRequest"),
    ],
    ids=["in the past", "fresh without actual", "another timeframe", "groups"],
)
def test_what_a_forecast_must_not_ask(azure, body, status, code):
    assert azure.refused(f"{ONE}{COST}/forecast", body)[:2] == (status, code)


def test_there_is_no_forecast_from_little_history_or_two_currencies(azure):
    azure.options(currencies={SANDBOX: "EUR"})
    assert azure.refused(f"{GROUP}{COST}/forecast", outlook())[:2] == (424, "FailedDependency")
    azure.tenant.now = datetime(2026, 8, 6, tzinfo=UTC)
    assert azure.refused(f"{ONE}{COST}/forecast", outlook("2026-08-01", "2026-08-30"))[:2] == (
        424,
        "FailedDependency",
    )


def spent(azure, scope, name):
    found = azure.found(f"{scope}{COST}/budgets")["value"]
    return next(one["properties"]["currentSpend"]["amount"] for one in found if one["name"] == name)


def test_the_spend_of_a_budget_is_that_of_its_last_evaluation(azure):
    body = question("2026-09-01", "2026-09-12", "Meter")
    meters = ("o3 0416 Inp glbl Tokens", "o3 0416 Outp glbl Tokens")
    azure.tenant.now = datetime(2026, 9, 12, 6, tzinfo=UTC)
    month = sum(row["cost"] for row in azure.rows(ONE, body))
    quarter = azure.rows(ONE, question("2026-07-01", "2026-09-12", "Meter"))
    evaluated = spent(azure, ONE, PLANNED[0].name)
    azure.tenant.now = datetime(2026, 9, 13, 5, 59, tzinfo=UTC)

    assert evaluated == spent(azure, ONE, PLANNED[0].name) == pytest.approx(month, abs=0.01)
    expected = sum(row["cost"] for row in quarter if row["meter"] in meters)
    assert spent(azure, ONE, "reasoning-quarterly") == pytest.approx(expected, abs=0.01)


def test_the_budgets_of_a_scope_are_those_in_it(azure):
    found = {
        scope: [one["name"] for one in azure.found(f"{scope}{COST}/budgets")["value"]]
        for scope in (ONE, f"/subscriptions/{PLATFORM}/resourcegroups/rg-ai-platform", GROUP)
    }

    names = list(found.values())
    assert names[0] == ["ai-products-monthly", "reasoning-quarterly", "support-annual"]
    assert names[1] == ["platform-group-monthly"]
    assert names[2] == [*names[0], *names[1], "sandbox-monthly", "contoso-ai-monthly"]


def test_the_planned_budget_tells_when_its_webhook_does(azure):
    ((when, pushed),) = azure.tenant.azure.directory.estate.webhooks
    azure.tenant.now = when - timedelta(minutes=1)
    before = azure.found(f"{ONE}{COST}/alerts")["value"]
    azure.tenant.now = when
    after = azure.found(f"{ONE}{COST}/alerts")["value"]

    def actual(alerts):
        return [
            one["properties"]
            for one in alerts
            if one["properties"]["definition"]["criteria"] == "CostThresholdExceeded"
        ]

    assert actual(before) == []
    (told,) = actual(after)
    assert datetime.fromisoformat(told["creationTime"][:19] + "Z") == when
    assert told["costEntityId"] == pushed["data"]["BudgetName"]
    assert told["details"]["threshold"] == 0.8
    assert told["details"]["amount"] == float(pushed["data"]["Budget"])


def test_an_alert_stays_one_while_its_spend_goes_on(azure):
    azure.tenant.now = datetime(2026, 9, 12, 12, tzinfo=UTC)
    first = azure.found(f"{ONE}{COST}/alerts")["value"]
    azure.tenant.now = datetime(2026, 9, 13, 12, tzinfo=UTC)
    later = azure.found(f"{ONE}{COST}/alerts")["value"]

    assert [one["id"] for one in first] == [one["id"] for one in later]
    for one, other in zip(first, later, strict=True):
        assert one["properties"]["creationTime"] == other["properties"]["creationTime"]
        assert one["properties"]["modificationTime"] < other["properties"]["modificationTime"]
        assert one["properties"]["details"]["currentSpend"] < other["properties"]["details"]["currentSpend"]


def test_the_other_budgets_are_quiet_unless_they_are_made_tight(azure):
    azure.tenant.now = datetime(2026, 9, 13, 12, tzinfo=UTC)
    quiet = azure.found(f"{GROUP}{COST}/alerts")["value"]
    azure.options(budget_scale=0.05)
    tight = azure.found(f"{GROUP}{COST}/alerts")["value"]

    assert {one["properties"]["costEntityId"] for one in quiet} == {PLANNED[0].name}
    assert len({one["properties"]["costEntityId"] for one in tight}) > 4
    assert {one["properties"]["details"]["timeGrainType"] for one in tight} >= {"Monthly", "Quarterly"}
