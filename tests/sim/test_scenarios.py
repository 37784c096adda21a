"""Each named scenario does what it says and is over when another one is set; and the faults it is made of."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.groups import ROOT
from sim.options import Options
from sim.process import RunningTenant, running_tenant
from sim.scenarios import SCENARIOS
from tests.sim.asking import COST, NOW, Asking, question

ROOT_FOLDER = Path(__file__).resolve().parents[2]
ONE = f"/subscriptions/{AGENTS}"
GROUP = f"/providers/Microsoft.Management/managementGroups/{ROOT}"
SEPTEMBER = question("2026-09-01", "2026-09-03", "Meter")
HEADERS = {"Authorization": "Bearer simulated"}


@pytest.fixture(scope="module")
def process() -> Iterator[RunningTenant]:
    with running_tenant(quiet_days=7, days=1) as running:
        yield running


@pytest.fixture
def tenant(process: RunningTenant) -> RunningTenant:
    process.set_scenario("calm")
    return process


def get(tenant: RunningTenant, path: str = "/subscriptions") -> requests.Response:
    return requests.get(tenant.url + path, headers=HEADERS, timeout=5)


def statuses(azure: Asking) -> dict[str, int]:
    """How a few requests are answered."""
    asked = {
        "costs": (f"{ONE}{COST}/query", SEPTEMBER),
        "platform costs": (f"/subscriptions/{PLATFORM}{COST}/query", SEPTEMBER),
        "accounts": (f"{ONE}/providers/Microsoft.CognitiveServices/accounts", None),
        "sandbox": (f"/subscriptions/{SANDBOX}/providers/Microsoft.CognitiveServices/accounts", None),
    }
    return {name: azure.answer(path, body).status for name, (path, body) in asked.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_can_be_played_and_leaves_nothing_behind(azure, name):
    azure.set("scenario", {"name": name})
    azure.set("scenario", {"name": "calm"})

    assert azure.tenant.azure.options == Options()
    assert azure.tenant.mishaps.rules == []
    assert not azure.tenant.azure.roles.missing
    assert set(statuses(azure).values()) == {200}


def test_a_scenario_ends_what_was_set_before_it(azure):
    azure.options(cost_page=2)
    azure.set("faults", [{"status": 500}])
    azure.set("roles", {"role": "Reader"})
    azure.set("removed", [ONE])
    azure.set("scenario", {"name": "calm"})

    assert set(statuses(azure).values()) == {200}


@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("no-reader", {"accounts": 403}),
        ("no-cost-reader", {"platform costs": 403}),
        ("no-cost-reader-401", {"platform costs": 401}),
        ("no-roles", {"costs": 403, "platform costs": 403, "accounts": 403, "sandbox": 403}),
        ("wrong-tenant", {"costs": 401, "platform costs": 401, "accounts": 401, "sandbox": 401}),
        ("throttled-costs", {}),
        ("clean", {}),
    ],
)
def test_who_is_refused_in_a_scenario(azure, name, refused):
    azure.set("scenario", {"name": name})

    assert {one: status for one, status in statuses(azure).items() if status != 200} == refused


def test_corrected_costs_change_once_the_day_has_come(azure):
    azure.set("scenario", {"name": "corrected-costs"})
    after = azure.rows(ONE, SEPTEMBER)
    azure.tenant.now = NOW.replace(day=7, hour=5, minute=0)
    before = azure.rows(ONE, SEPTEMBER)

    moved = "gpt-4.1-inp-glbl Tokens"
    assert moved in {row["meter"] for row in after}
    assert moved not in {row["meter"] for row in before}
    first = [sum(row["cost"] for row in rows if row["usagedate"] == 20260901) for rows in (before, after)]
    assert first[1] == pytest.approx(first[0] * 1.25, rel=1e-3)


def test_two_currencies_stand_side_by_side(azure):
    azure.set("scenario", {"name": "two-currencies"})

    rows = azure.rows(GROUP, question("2026-09-01", "2026-09-01", "SubscriptionId"))
    assert {row["currency"] for row in rows} == {"USD", "EUR"}


def test_garbage_says_that_it_is_json(azure):
    azure.set("scenario", {"name": "garbage"})
    cost = azure.answer(f"{ONE}{COST}/query", SEPTEMBER)
    metrics = azure.answer(f"/metrics/westeurope/subscriptions/{PLATFORM}/metrics:getBatch", {})

    for answer, start in [(cost, b'{"id":'), (metrics, b"<html>")]:
        assert answer.status == 200
        assert answer.content_type.startswith("application/json")
        assert answer.body.startswith(start)
    assert len(cost.body) == 120


def test_an_unknown_scenario_names_those_there_are(azure):
    with pytest.raises(ValueError, match="no scenario 'storm'; there are calm, clean, throttled-costs"):
        azure.set("scenario", {"name": "storm"})


def test_connections_end_before_inside_and_after_the_answer(tenant):
    tenant.reset_requests()
    tenant.set_scenario("cut-connections")
    failures = []
    for _ in range(6):
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)) as cut:
            get(tenant)
        failures.append(str(cut.value))

    assert get(tenant).status_code == 200
    assert tenant.requests()["counts"] == {"fault": 2, "subscriptions": 5}
    assert ["IncompleteRead" in failure for failure in failures] == [False] * 2 + [True] * 2 + [False] * 2


def test_an_answer_may_be_slow_and_true(tenant):
    tenant.set_faults([{"status": 0, "delay": 0.2, "times": 1}])
    begun = time.monotonic()
    answer = get(tenant)

    assert time.monotonic() - begun >= 0.2
    assert answer.json()["value"]


def test_a_running_tenant_is_steered_by_its_handle(tenant):
    path = f"{ONE}/providers/Microsoft.CognitiveServices/accounts"
    account = tenant.estate.accounts[0].id
    tenant.take_role("Reader", ONE)
    refused = get(tenant, path).status_code
    tenant.assign_role("Reader")
    tenant.remove(account.upper())
    removed = get(tenant, account).status_code
    tenant.restore(account)

    assert (refused, removed) == (403, 404)
    assert get(tenant, account).status_code == get(tenant, path).status_code == 200
    assert requests.get(f"{tenant.prices}/api/retail/prices", timeout=5).json()["Count"] == 100
    assert requests.post(f"{tenant.logs}/v1/workspaces/x/query", json={}, timeout=5).status_code == 401
    assert requests.post(f"{tenant.login}/x/oauth2/v2.0/token", timeout=5).status_code == 400


def test_the_scenarios_are_listed_by_the_command():
    listed = subprocess.run(
        [sys.executable, "-m", "sim", "--list-scenarios"],
        cwd=ROOT_FOLDER,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()

    assert [line.split()[0] for line in listed] == list(SCENARIOS)
    assert all(len(line.split()) > 3 for line in listed)
