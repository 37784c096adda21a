"""The retail price list and the log workspace of the simulated tenant."""

import json
from datetime import timedelta

import pytest

from sim.billing import RATES
from sim.consumers import CONSUMERS, GATEWAY, WORKSPACE
from sim.meters import PRICES
from tests.sim.asking import NOW

LIST = "/prices/api/retail/prices?api-version=2023-01-01-preview"
HERE = "armRegionName eq 'swedencentral' and type eq 'Consumption'"
QUERY = """
let llm = ApiManagementGatewayLlmLog | where DeploymentName != '';
llm | join kind=leftouter ApiManagementGatewayLogs on CorrelationId
| summarize PromptTokens=sum(PromptTokens), CompletionTokens=sum(CompletionTokens), Calls=count()
    by bin(TimeGenerated, {width}), {by}
"""
LOGS = f"/logs/v1/workspaces/{WORKSPACE}/query"


def listed(azure, condition, currency="USD"):
    path, found = f"{LIST}&currencyCode='{currency}'&$filter={condition}", []
    while path:
        page = azure.found(path)
        found += page["Items"]
        path = page["NextPageLink"]
    return found


def test_every_billed_meter_is_listed_once_where_it_is_billed(azure):
    every = [(one.input, one.output, *one.others.values()) for one in PRICES.values()]
    meters = {meter for meters in every for meter in meters if meter}
    for meter in meters:
        (found,) = listed(azure, f"meterName eq '{meter.name}' and {HERE}")
        assert found["retailPrice"] == meter.price
        sizes = {"1K": 1_000, "1M": 1_000_000, "1 Hour": meter.size}
        assert sizes[found["unitOfMeasure"]] == meter.size


def test_prices_need_no_token_and_come_in_pages(azure):
    whole = listed(azure, HERE)
    azure.options(prices_page=7)
    first = json.loads(azure.answer(f"{LIST}&$filter={HERE}", headers={}).body)

    assert first["Count"] == 7
    assert "$skip=7" in first["NextPageLink"]
    assert listed(azure, HERE) == whole


def test_values_of_a_filter_have_their_case(azure):
    assert listed(azure, "serviceName eq 'Foundry Models' and armRegionName eq 'eastus2'")
    assert listed(azure, "serviceName eq 'foundry models'") == []


def test_there_are_others_that_must_not_be_taken_for_the_price(azure):
    found = listed(azure, "skuName eq '5.4 inp Gl'")

    assert {one["type"] for one in found} == {"Consumption", "DevTestConsumption"}
    reserved = listed(azure, "type eq 'Reservation' and armRegionName eq 'eastus2'")
    assert {one["reservationTerm"] for one in reserved} == {"1 Month", "1 Year"}
    names = {one["meterName"] for one in listed(azure, "contains(meterName, 'mini')")}
    assert {"gpt-4o-mini-0718-Inp-glbl Tokens", "gpt 4o mini 0718 Inp glbl Tokens"} <= names


def test_a_filter_calls_the_type_of_a_price_by_another_name(azure):
    found = listed(azure, f"priceType eq 'Consumption' and {HERE}")

    assert {one["type"] for one in found} == {"Consumption"}


def test_names_that_differ_only_in_their_separators_have_one_price(azure):
    mini = listed(azure, f"contains(meterName, '0718') and type eq 'Consumption' and {HERE}")
    prices = {
        one["retailPrice"] for one in mini if one["meterName"].replace("-", " ").endswith("Inp glbl Tokens")
    }

    assert prices == {0.00015}


def test_a_regional_price_differs_elsewhere_and_a_global_one_does_not(azure):
    regional, everywhere = (
        {one["retailPrice"] for one in listed(azure, f"meterName eq '{name}' and type eq 'Consumption'")}
        for name in ("gpt 4o 1120 Inp regnl Tokens", "gpt 4o 1120 Inp glbl Tokens")
    )

    assert len(regional) == 3
    assert everywhere == {0.0025}


def test_alternatives_and_another_currency(azure):
    either = "(meterName eq '5.4 inp Gl 1M Tokens' or meterName eq '5.4 opt Gl 1M Tokens')"
    found = listed(azure, f"{either} and {HERE}", "EUR")

    assert [(one["retailPrice"], one["currencyCode"]) for one in found] == [
        (pytest.approx(2.5 * RATES["EUR"]), "EUR"),
        (pytest.approx(15 * RATES["EUR"]), "EUR"),
    ]


@pytest.mark.parametrize(
    "wrong", ["$filter=meterName like 'gpt'", "$filter=meter eq 'x'", "currencyCode='XXX'"]
)
def test_what_the_price_list_does_not_understand_is_a_400(azure, wrong):
    assert azure.refused(f"{LIST}&{wrong}")[0] == 400


def logged(azure, start, end, width="5m", by="ApimSubscriptionId, DeploymentName"):
    body = {
        "query": QUERY.format(width=width, by=by),
        "timespan": f"{start:%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
    }
    (table,) = azure.found(LOGS, body)["tables"]
    names = [column["name"] for column in table["columns"]]
    return [dict(zip(names, row, strict=True)) for row in table["rows"]]


def load_of(azure, name):
    everything = azure.tenant.azure.directory.accounts.values()
    return next(one.load for account in everything for one in account.deployments if one.plan.name == name)


def test_consumers_share_the_tokens_of_a_deployment_and_add_up_to_them(azure):
    start, end = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    rows = [row for row in logged(azure, start, end) if row["DeploymentName"] == "support-chat"]
    load = load_of(azure, "support-chat")
    first = (start - azure.tenant.azure.directory.estate.start) // timedelta(minutes=5)

    during = slice(first, first + 12)
    assert sum(row["PromptTokens"] for row in rows) == load.tokens_in[during].sum()
    assert sum(row["CompletionTokens"] for row in rows) == load.tokens_out[during].sum()
    assert sum(row["Calls"] for row in rows) == load.requests[200][during].sum()
    assert {row["ApimSubscriptionId"] for row in rows} == {one.subscription for one in CONSUMERS}


def test_a_coarser_bin_or_fewer_columns_are_sums_of_the_finer(azure):
    start, end = NOW.replace(minute=0) - timedelta(hours=3), NOW.replace(minute=0)
    fine = logged(azure, start, end)
    (coarse,) = logged(azure, start, end, "1d", "_ResourceId")

    assert coarse["PromptTokens"] == sum(row["PromptTokens"] for row in fine)
    assert coarse["_ResourceId"] == GATEWAY.lower()
    assert coarse["TimeGenerated"] == "2026-09-08T00:00:00.0000000Z"


def test_the_newest_calls_are_not_in_the_log_yet(azure):
    start = NOW - timedelta(minutes=5)
    first = sum(row["Calls"] for row in logged(azure, start, NOW))
    azure.tenant.now = NOW + timedelta(minutes=4)
    later = sum(row["Calls"] for row in logged(azure, start, NOW))

    assert 0 < first < later


@pytest.mark.parametrize("timespan", ["PT1H", "2026-09-08T12:30:00Z/PT1H", None])
def test_a_timespan_may_be_a_duration_or_left_out(azure, timespan):
    body = {"query": QUERY.format(width="1h", by="ModelName"), "timespan": timespan}

    times = {row[0] for row in azure.found(LOGS, body)["tables"][0]["rows"]}
    hours = {"2026-09-08T12:00:00.0000000Z", "2026-09-08T13:00:00.0000000Z"}
    assert times == hours if timespan else times > hours


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("AppRequests | count", "SemanticError", "Failed to resolve table expression named 'AppRequests'"),
        (
            "ApiManagementGatewayLlmLog | summarize sum(PromptTokens) by ProductId",
            "SemanticError",
            "Failed to resolve scalar expression named 'ProductId'",
        ),
        ("", "SyntaxError", "A recognition error occurred"),
    ],
    ids=["another table", "a column of the other table", "nothing"],
)
def test_a_query_that_is_wrong_is_a_400_with_the_reason_inside(azure, query, code, said):
    answer = azure.answer(LOGS, {"query": query})
    error = json.loads(answer.body)["error"]

    assert (answer.status, error["code"]) == (400, "BadArgumentError")
    assert error["innererror"]["code"] == code
    assert said in error["innererror"]["innererror"]["message"]


def test_another_workspace_is_not_there(azure):
    assert azure.refused("/logs/v1/workspaces/other/query", {"query": QUERY})[0] == 404


def test_a_timespan_that_is_none_is_a_400(azure):
    assert azure.refused(LOGS, {"query": QUERY, "timespan": "yesterday"})[0] == 400


def test_an_answer_may_be_partial(azure):
    body = {"query": QUERY.format(width="1h", by="DeploymentName"), "timespan": "P1D"}
    whole = azure.found(LOGS, body)
    azure.options(logs_partial=True)
    partial = azure.found(LOGS, body)

    assert "error" not in whole
    assert partial["error"]["code"] == "PartialError"
    rows = whole["tables"][0]["rows"]
    assert partial["tables"][0]["rows"] == rows[: len(rows) // 2]
