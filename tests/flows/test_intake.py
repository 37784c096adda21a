"""The webhook's way in: what is kept, what is answered, what is told."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.faults import StoreAway
from shared.core.model import Incident, State
from shared.core.rows import MOST_BYTES
from shared.edges.sqlite import SqliteStore
from shared.flows.intake import take
from shared.flows.poll import poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.watch_file import parse_watch

NOW = datetime(2026, 9, 8, 14, 5, tzinfo=UTC)
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
NATIVE: dict[str, Any] = {
    "schemaId": "AIP Budget Notification",
    "data": {
        "SubscriptionId": SUBSCRIPTION,
        "BudgetName": "ai",
        "SpendingAmount": "810",
        "Budget": "1000",
        "Unit": "USD",
        "NotificationThresholdAmount": "0.8",
    },
}
COMMON = {
    "schemaId": "azureMonitorCommonAlertSchema",
    "data": {
        "essentials": {"monitoringService": "CostAlerts", "firedDateTime": "2026-09-08T13:00:00Z"},
        "alertContext": {
            "AlertCategory": "budgets",
            "AlertData": {
                "Scope": f"/subscriptions/{SUBSCRIPTION}/",
                "ThresholdType": "Actual",
                "BudgetThreshold": "$1,000.00",
                "NotificationThresholdAmount": "$800.00",
                "BudgetName": "AI",
                "Unit": "USD",
                "SpentAmount": "$812.50",
            },
        },
    },
}


@pytest.fixture
def ports(tmp_path):
    ids = iter(range(10**6))
    store = SqliteStore(tmp_path / "intake.db")
    watch = parse_watch("channels: {teams: {kind: teams, secret: B}}")
    nobody: Any = None  # the webhook neither asks Azure nor posts
    yield Ports(store, azure=nobody, post=nobody, watch=watch, new_id=lambda: f"id{next(ids)}")
    store.close()


def kept(ports):
    return [row.body for row in ports.store.scan(records.INBOX)]


def incidents(ports):
    return [records.decode(row.body, Incident) for row in ports.store.scan(records.ALERTS, "incident|")]


def test_a_budget_alert_is_taken_when_it_is_durable(ports):
    body = json.dumps(NATIVE).encode()

    reply = take(ports, body, NOW)

    assert reply.status == 202
    assert kept(ports) == [body]
    (incident,) = incidents(ports)
    assert incident.alert.steps == ("actual 80",)
    assert len(reply.nudges) == 1


@pytest.mark.parametrize(
    "order", [[NATIVE, COMMON, NATIVE], [COMMON, NATIVE]], ids=["native first", "common first"]
)
def test_one_crossing_told_in_several_ways_is_one_incident_told_once(ports, order):
    replies = [take(ports, json.dumps(body).encode(), NOW) for body in order]

    assert [reply.status for reply in replies] == [202] * len(order)
    assert len(incidents(ports)) == 1
    assert [len(reply.nudges) for reply in replies] == [1] + [0] * (len(order) - 1)
    assert len(kept(ports)) == len(order)


def test_a_further_step_of_the_same_budget_is_told(ports):
    take(ports, json.dumps(NATIVE).encode(), NOW)
    further = {
        **NATIVE,
        "data": {**NATIVE["data"], "SpendingAmount": "1001", "NotificationThresholdAmount": "1.0"},
    }

    reply = take(ports, json.dumps(further).encode(), NOW)

    assert len(reply.nudges) == 1
    assert incidents(ports)[0].alert.steps == ("actual 80", "actual 100")


def test_the_portals_test_is_told_as_a_test_and_opens_nothing(ports):
    body = json.loads(json.dumps(COMMON))
    body["data"]["essentials"]["alertId"] = f"/subscriptions/{SUBSCRIPTION}/providers/x/alerts/Test_Alert"
    twice = [take(ports, json.dumps(body).encode(), NOW) for _ in range(2)]

    assert [len(reply.nudges) for reply in twice] == [1, 0]
    (incident,) = incidents(ports)
    assert incident.state is State.RESOLVED
    assert incident.alert.test


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"", 400, "not JSON"),
        (b"\x00\xff\xfe", 400, "not JSON"),
        (b"[1]", 400, "int"),
        (b"[" + b"{}," * 50 + b"{}]", 413, "51 alerts"),
        (b'{"hello": "world"}', 400, "hello"),
        (b" " * (MOST_BYTES + 1), 413, "900,001 bytes"),
    ],
    ids=["empty", "bytes", "a list", "too many", "no alert", "too long"],
)
def test_rubbish_is_answered_with_its_reason_kept_and_told_once(ports, body, status, why):
    first, second = take(ports, body, NOW), take(ports, body, NOW)

    assert (first.status, second.status) == (status, status)
    assert why in first.text
    assert kept(ports) == [body[:MOST_BYTES]] * 2
    assert (len(first.nudges), len(second.nudges)) == (1, 0)


@pytest.mark.parametrize("calls", [0, 1])
def test_a_store_that_is_away_is_answered_with_503(ports, calls):
    class Away:
        get, scan = ports.store.get, ports.store.scan
        left = calls

        def commit(self, partition, changes):
            if not self.left:
                raise StoreAway("gone")
            self.left -= 1
            return ports.store.commit(partition, changes)

    reply = take(replace(ports, store=Away()), json.dumps(NATIVE).encode(), NOW)

    assert reply.status == 503
    assert incidents(ports) == []
    assert take(ports, json.dumps(NATIVE).encode(), NOW).status == 202


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text(), st.lists).map(lambda tree: json.dumps(tree).encode())
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_and_kept(ports, body):
    reply = take(ports, body, NOW)

    assert reply.status in (202, 400)
    assert body in kept(ports)


words = (
    st.text(max_size=20)
    | st.sampled_from(["\x00", "\ud800", "|", "/" * 300, "\u202e", "9" * 400, "NaN", "-1e9"])
    | st.none()
    | st.integers()
    | st.floats()
    | st.lists(st.text(max_size=5), max_size=3)
)


@given(st.dictionaries(st.sampled_from(sorted(NATIVE["data"])), words, max_size=6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_native_budget_with_anything_in_its_fields_is_answered(ports, data):
    body = json.dumps({**NATIVE, "data": {**NATIVE["data"], **data}}).encode()

    assert take(ports, body, NOW).status == 202
    assert body in kept(ports)


ALERT_DATA: dict[str, Any] = COMMON["data"]["alertContext"]["AlertData"]  # type: ignore[index]


@given(
    st.dictionaries(st.sampled_from(["alertId", "alertRule", "alertTargetIDs", "severity"]), words),
    st.dictionaries(st.sampled_from(sorted(ALERT_DATA)), words, max_size=6),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_common_alert_with_anything_in_its_fields_is_answered(ports, essentials, data):
    body = json.loads(json.dumps(COMMON))
    body["data"]["essentials"] |= essentials
    body["data"]["alertContext"]["AlertData"] |= data

    assert take(ports, json.dumps(body).encode(), NOW).status in (202, 400)


def test_a_store_that_cannot_be_read_is_answered_with_503_too(ports):
    class Away:
        commit = ports.store.commit

        def scan(self, *given):
            raise StoreAway("gone")

        get = scan

    reply = take(replace(ports, store=Away()), json.dumps(NATIVE).encode(), NOW)

    assert reply.status == 503
    assert len(kept(ports)) == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [(json.dumps(NATIVE).encode(), 202), (b"rubbish", 400), (b" " * (MOST_BYTES + 1), 413)],
    ids=["an alert", "rubbish", "too long"],
)
def test_every_answer_is_logged_with_where_the_body_is_kept(ports, body, expected):
    logged: list[Any] = []
    take(replace(ports, log=logged.append), body, NOW)

    (row,) = ports.store.scan(records.INBOX)
    (line,) = [event for event in logged if event["event"] == "webhook"]
    assert (line["outcome"], line["inbox"]) == (expected, row.key)


@pytest.mark.parametrize(
    "message", ["", "rubbish", "[]", "{}", '{"source": "moon", "subscription": "x"}', "null"]
)
def test_a_job_that_makes_no_sense_is_logged_and_let_go(ports, message):
    logged: list[Any] = []

    assert poll_scope(replace(ports, log=logged.append), message, NOW) == []
    assert [event["event"] for event in logged] == ["odd job"]
