"""The functions called by the worker core, from a timer's tick to a message in the chat.

The worker core without host and wire: retries, base64 and poison queues are the host's and not shown here.
"""

import itertools
import json
import sqlite3
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.model import Incident
from shared.edges.sqlite import SqliteStore
from shared.formats import records

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")


CLOCK = itertools.count()


@pytest.fixture(autouse=True)
def _a_minute_later(tenant):
    """Each test has a minute of the tenant's clock to itself, so that the chats do not throttle it."""
    tenant.set_clock(datetime.now(UTC) + timedelta(minutes=next(CLOCK)))


def budget_message(name, spent="8100"):
    return json.dumps(
        {
            "schemaId": "AIP Budget Notification",
            "data": {
                "SubscriptionName": "Contoso AI products",
                "SubscriptionId": "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01",
                "SpendingAmount": spent,
                "BudgetStartDate": "9/1/2026",
                "Budget": "10000",
                "Unit": "USD",
                "BudgetCreator": "finops@contoso.example",
                "BudgetName": name,
                "BudgetType": "Cost",
                "ResourceGroup": "",
                "NotificationThresholdAmount": "0.8",
            },
        }
    )


def texts(tenant):
    return [json.dumps(message["body"], ensure_ascii=False) for message in tenant.messages()]


@pytest.mark.parametrize("past_due", [False, True], ids=["in time", "past due"])
@pytest.mark.parametrize(
    ("timer", "sources"), [("poll_usage", ["usage"]), ("poll_spend", ["spend", "budgets"])]
)
def test_a_timer_puts_one_job_for_each_subscription_on_the_queue(worker, tenant, timer, sources, past_due):
    result = worker.timer(timer, past_due=past_due)

    assert result.ok, result.exception
    jobs = [json.loads(job) for job in result.outputs["jobs"]]
    for source in sources:
        subjects = [job["subject"] for job in jobs if job["source"] == source]
        assert subjects == sorted(plan.id for plan in tenant.estate.subscriptions)


def test_a_tick_of_the_usage_timer_ends_as_rows_in_the_store(worker, store):
    for job in worker.timer("poll_usage").outputs["jobs"]:
        result = worker.queue("poll_scope", job)
        assert result.ok, result.exception
        subscription = json.loads(job)["subject"]

        state = [row.key.partition("|")[0] for row in store.scan(records.state_partition(subscription))]
        assert {"watermark", "estate", "known", "baseline"} <= set(state)
        assert list(store.scan(records.readings_partition(subscription), "usage|"))


def test_a_budget_alert_over_http_ends_as_messages_in_both_chats(worker, tenant, store):
    answer = worker.http("azure_alert", "POST", body=budget_message("from-azure"))

    assert answer.ok, answer.exception
    assert answer.returned.status == 202
    before = len(tenant.messages())
    for nudge in answer.outputs["nudges"]:
        assert worker.queue("deliver", nudge).ok
    told = texts(tenant)[before:]
    assert len(told) == 2
    assert all("from-azure" in text and "81 %" in text for text in told)
    assert not [row.key for row in store.scan(records.ALERTS, "waiting|") if b"from-azure" in row.body]


def test_the_same_crossing_twice_is_one_incident_told_once(worker, store):
    first = worker.http("azure_alert", "POST", body=budget_message("twice"))
    second = worker.http("azure_alert", "POST", body=budget_message("twice", spent="8150"))

    assert (first.returned.status, second.returned.status) == (202, 202)
    assert len(first.outputs["nudges"]) == 2
    assert not second.outputs["nudges"]
    incidents = [records.decode(row.body, Incident) for row in store.scan(records.ALERTS, "incident|")]
    assert [one.alert.rule for one in incidents].count("twice") == 1


def test_rubbish_is_answered_with_a_reason_and_kept(worker, store):
    body = b'\xff{"neither": JSON'

    answer = worker.http("azure_alert", "POST", headers={"content-type": "text/plain"}, body=body)

    assert answer.returned.status == 400
    assert "not JSON" in answer.returned.body
    assert body in [row.body for row in store.scan(records.INBOX)]


def test_the_webhook_asks_to_be_called_again_while_the_store_is_away(worker, store_path):
    holder = sqlite3.connect(store_path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        answer = worker.http("azure_alert", "POST", body=budget_message("while-away"))
    finally:
        holder.execute("ROLLBACK")
        holder.close()

    assert answer.returned.status == 503
    assert worker.http("azure_alert", "POST", body=budget_message("while-away")).returned.status == 202


def test_a_lost_nudge_is_found_by_tend(worker, tenant):
    lost = worker.http("azure_alert", "POST", body=budget_message("lost-nudge")).outputs["nudges"]

    woken = worker.timer("tend").outputs["nudges"]

    assert set(lost) <= set(woken)
    for nudge in woken:
        assert worker.queue("deliver", nudge).ok
    assert any("lost-nudge" in text for text in texts(tenant))


def test_a_nudge_handed_over_twice_sends_once(worker, tenant):
    nudges = worker.http("azure_alert", "POST", body=budget_message("nudged-twice")).outputs["nudges"]
    for nudge in [*nudges, *nudges]:
        assert worker.queue("deliver", nudge, dequeue_count=2).ok

    assert sum("nudged-twice" in text for text in texts(tenant)) == 2  # one in each chat


def test_a_poisoned_nudge_is_told(worker, tenant):
    result = worker.queue("deliver_poison", "finops|0123456789abcdef")

    assert result.ok, result.exception
    for nudge in result.outputs["nudges"]:
        assert worker.queue("deliver", nudge).ok
    assert any("Messages to channel finops fail" in text for text in texts(tenant))


def test_tick_does_the_work_of_all_timers(worker, tenant):
    result = worker.http("tick", "POST")

    assert result.returned.status == 202
    sources = Counter(json.loads(job)["source"] for job in result.outputs["jobs"])
    assert sources == {"usage": 3, "spend": 3, "budgets": 3, "prices": 1}


def test_health_says_alive_and_nothing_else(worker):
    answer = worker.http("health", "GET").returned

    assert (answer.status, answer.body) == (200, "alive")


def test_spend_is_polled_to_rows_by_day(worker, store):
    for job in worker.timer("poll_spend").outputs["jobs"]:
        assert worker.queue("poll_scope", job).ok
    days = [
        row.key
        for row in store.scan(records.readings_partition("7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"), "cost|")
    ]

    assert len(days) > 20
    assert max(days) <= f"cost|{datetime.now(UTC):%Y-%m-%d}"


def test_a_store_opened_by_another_process_sees_the_same_rows(worker, store, store_path):
    assert worker.http("health", "GET").returned.status == 200
    other = SqliteStore(store_path)

    assert [row.key for row in other.scan(records.ALERTS)] == [row.key for row in store.scan(records.ALERTS)]
    other.close()
