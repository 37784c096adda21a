"""What the tenant answers has the keys, types and spelling of what Microsoft has published."""

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.consumers import WORKSPACE
from sim.groups import BILLING_ACCOUNT, ROOT
from tests.sim.asking import COST, NOW, question

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
LATE = datetime(2026, 9, 13, 13, tzinfo=UTC)  # after the budget was crossed and told
ONE = f"/subscriptions/{AGENTS}"
BATCH = (
    "metricnamespace=microsoft.cognitiveservices/accounts&metricnames={metric}&interval=PT5M"
    "&aggregation=average&starttime=2026-09-08T12:00:00Z&endtime=2026-09-08T13:00:00Z&filter={filter}"
)


def published(name: str) -> Any:
    return json.loads((AZURE / name).read_text())


def kind(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "truth", dict: "object", list: "list", str: "text"}.get(type(value), "number")


def differences(examples: list[Any], answer: Any, free: Collection[str] = (), at: str = "") -> Iterator[str]:
    """Where an answer is other than all the examples; at the places `free` an object may have any key."""
    known = {kind(example) for example in examples}
    if known - {"null"} and kind(answer) not in known | {"null"}:
        yield f"{at} is {kind(answer)}, published as {' or '.join(sorted(known))}"
    if isinstance(answer, list):
        inside = [one for example in examples if isinstance(example, list) for one in example]
        for one in answer:
            yield from differences(inside, one, free, f"{at}[]")
    if isinstance(answer, dict):
        yield from of_objects([one for one in examples if isinstance(one, dict)], answer, free, at)


def of_objects(
    examples: list[dict[str, Any]], answer: dict[str, Any], free: Collection[str], at: str
) -> Iterator[str]:
    if at in free:
        every = [value for example in examples for value in example.values()]
        for value in answer.values():
            yield from differences(every, value, free, f"{at}.*")
        return
    needed = set.intersection(*(set(example) for example in examples)) if examples else set()
    for name in sorted(needed - set(answer)):
        yield f"{at}.{name} is not there"
    for name, value in answer.items():
        theirs = [example[name] for example in examples if name in example]
        if not theirs:
            yield f"{at}.{name} is not published"
        yield from differences(theirs, value, free, f"{at}.{name}")


def test_the_budgets_of_a_management_group(azure):
    azure.tenant.now = LATE
    found = azure.found(f"/providers/Microsoft.Management/managementGroups/{ROOT}{COST}/budgets")
    example = published("budgets-list-managementgroup.json")

    # A single condition stands without `and` in the SDK's model; the example has none of that kind.
    example["value"][1]["properties"]["filter"] = example["value"][2]["properties"]["filter"]["and"][0]
    assert list(differences([example], found, [".value[].properties.notifications"])) == []
    assert {one["type"] for one in found["value"]} == {one["type"] for one in example["value"]}
    assert {one["properties"]["timeGrain"] for one in found["value"]} == {"Monthly", "Quarterly", "Annually"}


def test_the_cost_alerts_of_a_subscription(azure):
    azure.tenant.now = LATE
    found = azure.found(f"{ONE}{COST}/alerts?api-version=2025-03-01")
    example = published("costalerts-subscription.json")

    assert len(found["value"]) == 2
    assert list(differences([example], found)) == []
    first, theirs = (one["value"][0]["properties"] for one in (found, example))
    for name in ("definition", "source", "status", "closeTime", "statusModificationTime"):
        assert first[name] == theirs[name]
    assert len(first["creationTime"]) == len(theirs["creationTime"])


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        (ONE, "costquery-subscription-daily.json"),
        (
            f"/providers/Microsoft.Billing/billingAccounts/{BILLING_ACCOUNT}",
            "costquery-billingaccount-daily-nextlink.json",
        ),
    ],
    ids=["subscription", "billing account"],
)
def test_a_cost_query(azure, scope, name):
    azure.options(cost_page=4)
    body = question("2026-08-10", "2026-08-12", "ResourceGroupName")
    body["dataset"]["aggregation"] = {"totalCost": {"name": "PreTaxCost", "function": "Sum"}}
    found = azure.found(f"{scope}{COST}/query?api-version=2021-10-01", body)
    example = published(name)

    assert list(differences([example], found)) == []
    assert found["type"] == example["type"]
    assert found["id"].rpartition("/")[0] == example["id"].rpartition("/")[0].replace(
        "00000000-0000-0000-0000-000000000000", AGENTS
    )
    types = {column["name"]: column["type"] for column in found["properties"]["columns"]}
    theirs = {column["name"]: column["type"] for column in example["properties"]["columns"]}
    assert {name: kind for name, kind in types.items() if name in theirs} == {
        name: kind for name, kind in theirs.items() if name != "ResourceGroup"
    }
    for row in found["properties"]["rows"]:
        assert [kind(value) for value in row] == [
            {"Number": "number", "String": "text"}[column["type"]]
            for column in found["properties"]["columns"]
        ]


def test_the_link_to_the_next_page_of_cost(azure):
    azure.options(cost_page=4)
    body = question("2026-08-10", "2026-08-12", "ResourceGroupName")
    scope = f"/providers/Microsoft.Billing/billingAccounts/{BILLING_ACCOUNT}"
    link = azure.found(f"{scope}{COST}/query?api-version=2021-10-01", body)["properties"]["nextLink"]
    example = published("costquery-billingaccount-daily-nextlink.json")["properties"]["nextLink"]

    ours, theirs = (one.split("/providers", 1)[1].rsplit("=", 1)[0] for one in (link, example))
    assert ours == theirs
    assert link.endswith("%3D%3D")
    assert azure.found(link, body)["properties"]["rows"]


def test_a_forecast(azure):
    azure.options(cost_page=5)
    body = {
        "type": "ActualCost",
        "timeframe": "Custom",
        "timePeriod": {"from": "2026-09-01T00:00:00Z", "to": "2026-09-30T00:00:00Z"},
        "dataset": {
            "granularity": "Daily",
            "aggregation": {"totalCost": {"name": "PreTaxCost", "function": "Sum"}},
        },
        "includeActualCost": True,
    }
    found = azure.found(f"{ONE}{COST}/forecast?api-version=2021-10-01", body)
    example = published("forecast-enrollmentaccount-daily-nextlink.json")

    assert list(differences([example], found)) == []
    assert found["type"] == example["type"]
    assert found["properties"]["columns"] == example["properties"]["columns"]
    assert "/Forecast?api-version=2021-10-01&$skiptoken=" in found["properties"]["nextLink"]


def test_the_retail_price_list(azure):
    azure.options(prices_page=1)
    found = azure.found("/prices/api/retail/prices?api-version=2023-01-01-preview")
    example = published("retailprices-envelope-vm-doc.json")

    assert list(differences([example], found)) == []
    assert found["Count"] == len(found["Items"]) == 1
    assert found["CustomerEntityType"] == example["CustomerEntityType"]


def test_a_batch_of_metrics(azure):
    search = next(one for one in azure.tenant.azure.directory.accounts.values() if "Search" in one.id)
    query = BATCH.format(metric="AzureOpenAIProvisionedManagedUtilizationV2", filter="")
    found = azure.found(
        f"/metrics/eastus2/subscriptions/{PLATFORM}/metrics:getBatch?{query}", {"resourceids": [search.id]}
    )

    assert list(differences([published("metricsbatch-three-resources-2023-10-01.json")], found)) == []


def test_the_error_of_a_batch_of_metrics(azure):
    hub = next(one for one in azure.tenant.azure.directory.accounts.values() if "Hub" in one.id)
    query = BATCH.format(metric="ProcessedPromptTokens", filter="apiname2%20eq%20'*'")
    answer = azure.answer(
        f"/metrics/westeurope/subscriptions/{PLATFORM}/metrics:getBatch?{query}", {"resourceids": [hub.id]}
    )
    found, example = json.loads(answer.body), published("metricsbatch-error-dimension.json")

    assert answer.status == 400
    assert list(differences([example], found)) == []
    assert found["error"]["code"] == example["error"]["code"]
    ours, theirs = (one["error"]["message"].partition(": ")[2].split(" ", 1)[1] for one in (found, example))
    assert ours[: ours.index("apiname2")] == theirs[: theirs.index("apiname2")]


def test_an_answer_of_log_analytics(azure):
    query = "ApiManagementGatewayLlmLog | summarize PromptTokens=sum(PromptTokens) by ModelName"
    end = NOW - timedelta(hours=1)
    body = {
        "query": query,
        "timespan": f"{end - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}/{end:%Y-%m-%dT%H:%M:%SZ}",
    }
    found = azure.found(f"/logs/v1/workspaces/{WORKSPACE}/query", body)
    example = published("logquery-activity-by-category.json")

    assert list(differences([example], found)) == []
    assert [column["type"] for column in found["tables"][0]["columns"]] == ["string", "long"]
    assert found["tables"][0]["name"] == example["tables"][0]["name"]


def test_a_difference_is_seen():
    example = {"a": [{"b": 1, "c": "x"}, {"b": 2.5}], "d": None}

    assert list(differences([example], {"a": [{"b": 3}], "d": "now"})) == []
    assert list(differences([example], {"a": [{"b": "3", "C": 1}]})) == [
        ".d is not there",
        ".a[].b is text, published as number",
        ".a[].C is not published",
    ]


def test_there_is_a_subscription_with_no_alert(azure):
    assert azure.found(f"/subscriptions/{SANDBOX}{COST}/alerts") == {"value": [], "nextLink": None}
