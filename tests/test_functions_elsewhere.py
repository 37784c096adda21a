"""The app in processes of its own: with wrong settings, without its store, with Azure Tables as its store."""

import json
import sys

import pytest

from cli.run import environment_for
from shared.core.routes import FIRST_LOOK
from shared.edges.tables import TableStore
from shared.formats import records
from tests.app_apart import app
from tests.azurite import running_azurite, why_no_azurite

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")

SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
BUDGET = {
    "SubscriptionName": "Contoso AI products",
    "SubscriptionId": SUBSCRIPTION,
    "SpendingAmount": "8100",
    "BudgetStartDate": "9/1/2026",
    "Budget": "10000",
    "Unit": "USD",
    "BudgetCreator": "finops@contoso.example",
    "BudgetName": "kept-in-tables",
    "BudgetType": "Cost",
    "ResourceGroup": "",
    "NotificationThresholdAmount": "0.8",
}
ALERT = json.dumps({"schemaId": "AIP Budget Notification", "data": BUDGET})


def test_an_app_without_settings_names_all_of_them_at_each_call():
    settings = {
        "METERWATCH_WATCH_FILE": "sim/watch.yaml",
        "METERWATCH_CREDENTIAL": "managed",
        "TEAMS_WEBHOOK_URL": "the hidden one",
    }
    with app(settings) as call:
        said = [call("timer", "poll_usage").exception, call("queue", "deliver", "MW-1|finops").exception]
        alert = call("http", "azure_alert", "POST", body=ALERT)
        health = call("http", "health", "GET")

    assert said[0] == said[1]
    for name in ("METERWATCH_CREDENTIAL", "AzureWebJobsStorage", "SLACK_BOT_TOKEN"):
        assert name in said[0]
    assert "hidden" not in said[0]
    assert (alert.returned.status, alert.outputs.get("nudges")) == (503, [])
    assert health.returned.status == 503
    assert "METERWATCH" not in health.returned.body + alert.returned.body


def test_an_app_with_a_wrong_watch_file_names_every_mistake_in_it(tmp_path):
    file = tmp_path / "watch.yaml"
    file.write_text("subscriptions: [one]\nbudgets: [{name: b, amount: much}]\n")
    with app({"METERWATCH_WATCH_FILE": str(file)}) as call:
        said = call("timer", "tend").exception

    for mistake in ("AzureWebJobsStorage", "$.subscriptions[0]", "$.budgets[0].amount"):
        assert mistake in said


def test_an_app_whose_store_cannot_be_opened_asks_to_be_called_again(tmp_path):
    # A folder, where a file should be.
    with app({"METERWATCH_STORE": str(tmp_path), "METERWATCH_WEBHOOK_AUTH": "key"}) as call:
        health = call("http", "health", "GET").returned
        alert = call("http", "azure_alert", "POST", body=ALERT).returned
        timer = call("timer", "tend")

    assert (health.status, alert.status) == (503, 503)
    assert str(tmp_path) not in health.body + alert.body
    assert timer.exception.startswith("StoreAway")


@pytest.mark.parametrize("job", ["", "not JSON", "[]", '{"source": "nothing", "subscription": "x"}'])
def test_a_job_that_makes_no_sense_leads_to_nothing(worker, store, job):
    before = list(store.scan(records.ALERTS))

    result = worker.queue("poll_scope", job)

    assert not result.outputs.get("nudges")
    assert list(store.scan(records.ALERTS)) == before
    assert worker.http("health", "GET").returned.status == 200


@pytest.fixture(scope="module")
def azurite():
    if why := why_no_azurite():
        pytest.skip(why)
    with running_azurite() as running:
        yield running


def test_with_tables_as_its_store_it_polls_judges_and_tells(azurite, tenant, tmp_path):
    settings = {**environment_for(tenant, tmp_path), "METERWATCH_STORE": "tables"}
    settings["AzureWebJobsStorage"] = azurite.connection_string
    before = len(tenant.messages())
    with app(settings) as call:
        jobs = call("timer", "poll_spend").outputs["jobs"]
        polled = [
            call("queue", "poll_scope", job) for job in jobs if '"spend"' in job and SUBSCRIPTION in job
        ]
        pushed = call("http", "azure_alert", "POST", body=ALERT)
        nudges = [nudge for one in (*polled, pushed) for nudge in one.outputs["nudges"]]
        delivered = [call("queue", "deliver", nudge) for nudge in nudges]
        health = call("http", "health", "GET").returned.status

    assert [one.exception for one in (*polled, pushed, *delivered) if not one.ok] == []
    assert len(polled) == 1
    assert (pushed.returned.status, health) == (202, 200)
    told = [json.dumps(one["body"]) for one in tenant.messages()[before:]]
    assert sum("kept-in-tables" in text for text in told) == 2
    store = TableStore.from_connection_string(azurite.connection_string)
    assert list(store.scan(records.readings_partition(SUBSCRIPTION), "cost|"))
    waiting = [row.key for row in store.scan(records.ALERTS, "waiting|")]
    assert not [key for key in waiting if FIRST_LOOK not in key]  # a first look is told together, later
    store.close()
