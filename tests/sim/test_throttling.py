"""Each limit of Cost Management by itself: when it refuses, what it says, when it lets through again."""

from datetime import timedelta

import pytest

from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.groups import ROOT
from sim.throttle import PREFIX, REMAINING
from tests.sim.asking import COST, NOW, question

SCOPES = [f"/subscriptions/{one}" for one in (AGENTS, PLATFORM, SANDBOX)]
GROUP = f"/providers/Microsoft.Management/managementGroups/{ROOT}"
DAY = question("2026-09-01", "2026-09-01")


def ask(azure, scope, body=DAY, headers=None):
    return azure.answer(f"{scope}{COST}/query", body, headers)


def waits(answer):
    return {
        name.removeprefix(PREFIX).removesuffix("-retry-after"): int(value)
        for name, value in answer.headers.items()
        if name.endswith("-retry-after")
    }


def test_nothing_is_limited_unless_it_is_switched_on(azure):
    assert {ask(azure, SCOPES[0]).status for _ in range(30)} == {200}


def test_a_scope_may_be_asked_four_times_a_minute(azure):
    azure.options(cost_buckets=["entity"])
    first = [ask(azure, SCOPES[0]).status for _ in range(4)]
    azure.tenant.now = NOW + timedelta(seconds=20)
    refused = ask(azure, SCOPES[0])

    assert first == [200] * 4
    assert (refused.status, waits(refused)) == (429, {"entity": 40})
    assert ask(azure, SCOPES[1]).status == 200
    azure.tenant.now = NOW + timedelta(seconds=60)
    assert ask(azure, SCOPES[0]).status == 200


def test_a_tenant_may_ask_twenty_times_a_minute(azure):
    azure.options(cost_buckets=["tenant"])
    answers = [ask(azure, SCOPES[number % 3]) for number in range(21)]

    assert [answer.status for answer in answers] == [200] * 20 + [429]
    assert waits(answers[-1]) == {"tenant": 60}
    assert answers[0].headers[f"{REMAINING}tenant-requests"] == "DefaultQuota:19"


def test_a_month_of_data_is_a_unit_and_there_are_twelve_in_ten_seconds(azure):
    azure.options(cost_buckets=["qpu"])
    half_a_year = question("2026-03-01", "2026-08-31")
    answers = [ask(azure, GROUP, half_a_year) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers[f"{PREFIX}qpu-consumed"] == "6"
    assert answers[1].headers[f"{PREFIX}qpu-remaining"] == "QueriesPerHour:588,QueriesPerMin:48"
    assert waits(answers[-1]) == {"qpu": 10}
    azure.tenant.now = NOW + timedelta(seconds=10)
    assert ask(azure, GROUP, half_a_year).status == 200


@pytest.mark.parametrize(
    ("every", "calls", "wait"), [(timedelta(seconds=10), 6, 10), (timedelta(minutes=1), 50, 600)]
)
def test_units_are_also_counted_by_the_minute_and_the_hour(azure, every, calls, wait):
    azure.options(cost_buckets=["qpu"])
    for number in range(calls if wait == 600 else 5):
        azure.tenant.now = NOW + number * every
        assert ask(azure, SCOPES[0], question("2025-10-01", "2026-09-01")).status == 200
    azure.tenant.now = NOW + (calls - 1 if wait == 10 else calls) * every
    refused = ask(azure, SCOPES[0], question("2025-10-01", "2026-09-01"))

    assert refused.status == 429
    assert waits(refused) == {"qpu": wait}


def test_who_names_no_client_shares_an_empty_bucket(azure):
    azure.options(cost_buckets=["clienttype"])
    anonymous = {"authorization": "Bearer simulated"}
    refused = ask(azure, SCOPES[0], headers=anonymous)

    assert (refused.status, waits(refused)) == (429, {"clienttype": 35})
    assert refused.headers[f"{REMAINING}clienttype-requests"] == "DefaultQuota:0"
    assert ask(azure, SCOPES[0], headers=anonymous | {"clienttype": "Tests"}).status == 200


def test_the_waits_of_all_limits_come_together(azure):
    azure.options(cost_buckets=["entity", "qpu"])
    for _ in range(4):
        ask(azure, SCOPES[0], question("2026-07-01", "2026-09-01"))
    refused = ask(azure, SCOPES[0], question("2026-07-01", "2026-09-01"))

    assert waits(refused) == {"entity": 60, "qpu": 10}


def test_forecasts_count_and_what_is_refused_does_not(azure):
    azure.options(cost_buckets=["entity"])
    body = question("2026-09-01", "2026-09-30")
    body["dataset"].pop("grouping")
    forecasts = [azure.answer(f"{SCOPES[0]}{COST}/forecast", body).status for _ in range(4)]
    refused = [ask(azure, SCOPES[0]).status for _ in range(3)]

    assert (forecasts, refused) == ([200] * 4, [429] * 3)
    azure.tenant.now = NOW + timedelta(minutes=1)
    assert ask(azure, SCOPES[0]).status == 200


def test_a_share_of_the_metrics_batches_is_answered_529(azure):
    hub = next(one for one in azure.tenant.azure.directory.accounts.values() if "Hub" in one.id)
    path = (
        f"/metrics/westeurope/subscriptions/{PLATFORM}/metrics:getBatch"
        "?metricnamespace=microsoft.cognitiveservices/accounts&metricnames=ModelRequests&aggregation=total"
    )

    def statuses():
        return [azure.answer(path, {"resourceids": [hub.id]}).status for _ in range(100)]

    assert set(statuses()) == {200}
    azure.options(metrics_refused=0.3)
    refused = statuses()
    assert set(refused) == {200, 529}
    assert 15 < refused.count(529) < 45
