"""From an alert to what people are told: incidents, what waits, delivery, as stories on a real store."""

import json
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from shared.core.faults import StoreAway, Unreachable
from shared.core.model import Incident, Kind, Scope, Severity
from shared.core.retries import LEASE
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.intake import take
from shared.flows.tend import due, tend
from shared.formats import records
from shared.formats.channel import Answer
from shared.formats.watch_file import parse_watch
from tests.telling import (
    MINUTE,
    NOW,
    changes,
    deliveries,
    incidents,
    keys,
    limit,
    tell,
)


def test_a_breach_is_told_once_then_when_worse_then_on_recovery(ports, chat):
    story = [
        (0, limit(), 1),
        (5, limit(), 0),
        (10, limit(severity=Severity.CRITICAL), 1),
        (15, limit(severity=Severity.WARNING), 0),  # an incident does not become better, only over
        (20, limit(firing=False), 1),
        (25, limit(firing=False), 0),
    ]
    for minute, alert, expected in story:
        before = len(chat.of("teams"))
        tell(ports, [alert], NOW + minute * MINUTE)
        assert len(chat.of("teams")) - before == expected, minute

    assert changes(ports) == ["opened", "worsened", "resolved"]


def test_a_second_episode_is_an_incident_of_its_own(ports):
    for minute, firing in enumerate([True, False, True]):
        tell(ports, [limit(firing=firing)], NOW + 6 * minute * MINUTE)

    assert len(keys(ports, "episode|")) == 1
    assert changes(ports).count("opened") == 2
    (standing,) = incidents(ports)
    assert standing.open
    assert {one.incident for one in deliveries(ports)} >= {standing.id}


def test_the_next_period_of_a_budget_is_an_incident_of_its_own_and_the_one_before_is_kept(ports, chat):
    month = timedelta(days=30)
    budget = limit(kind=Kind.BUDGET, steps=("actual 80",), ends=NOW + month)
    tell(ports, [budget], NOW)
    tell(ports, [replace(budget, ends=NOW + 2 * month)], NOW + month)

    assert len({one.incident for one in deliveries(ports)}) == 2
    (over,) = ports.store.scan(records.ALERTS, "episode|")
    assert not records.decode(over.body, Incident).open
    (standing,) = incidents(ports)
    assert standing.open
    assert sorted(changes(ports)) == ["opened", "opened", "resolved"]


def test_a_recovery_without_an_incident_writes_nothing(ports):
    assert accept(ports, [limit(firing=False)], NOW) == []
    assert keys(ports, "") == []


def test_accepting_the_same_again_queues_nothing(ports):
    first = accept(ports, [limit()], NOW)
    again = accept(ports, [limit()], NOW)

    assert (len(first), again) == (2, [])
    assert len(keys(ports, "waiting|")) == 2


def test_what_cannot_be_committed_leaves_nothing(ports, tmp_path):
    class Full:
        get, scan = ports.store.get, ports.store.scan

        def commit(self, partition, changes):
            raise StoreAway("full")

    with pytest.raises(StoreAway):
        accept(replace(ports, store=Full()), [limit()], NOW)

    assert keys(ports, "") == []


def test_eight_at_once_make_one_incident_and_one_message_a_channel(ports):
    gate = Barrier(8)

    def one():
        gate.wait()
        accept(ports, [limit()], NOW)

    threads = [Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(incidents(ports)) == 1
    assert len(keys(ports, "waiting|")) == 2


def test_two_deliverers_at_once_send_once(ports, chat):
    nudges = accept(ports, [limit()], NOW)
    gate = Barrier(4)

    def one():
        gate.wait()
        for nudge in nudges:
            deliver(ports, nudge, NOW)

    threads = [Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(chat.posts) == 2


def test_slack_has_one_message_edited_in_place_with_its_history_in_the_thread(ports, chat):
    tell(ports, [limit()], NOW)
    tell(ports, [limit(severity=Severity.CRITICAL)], NOW + MINUTE)
    tell(ports, [limit(firing=False)], NOW + 6 * MINUTE)

    paths = [call.path for call in chat.of("slack")]
    assert paths == ["chat.postMessage", *["chat.update", "chat.postMessage"] * 2]
    first, *later = chat.of("slack")
    ts = {call.body.get("ts") or call.body.get("thread_ts") for call in later}
    assert len(ts) == 1
    assert "thread_ts" not in first.body


def test_a_deleted_slack_message_gets_a_new_one_that_is_edited_from_then_on(ports, chat):
    tell(ports, [limit()], NOW)
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "message_not_found"}')]
    tell(ports, [limit(severity=Severity.CRITICAL)], NOW + MINUTE)
    posted = chat.of("slack")[-1]
    tell(ports, [limit(firing=False)], NOW + 6 * MINUTE)

    assert posted.path == "chat.postMessage"
    assert "thread_ts" not in posted.body
    new = f"{chat.posts.index(('slack', posted)) + 1}.0"
    assert [call.body["ts"] for call in chat.of("slack")[-2:-1]] == [new]


def test_a_throttled_channel_is_left_alone_as_it_asked_and_then_told_how_things_stand(ports, chat):
    chat.script["teams"] = [Answer(429, {"retry-after": "120"})]
    tell(ports, [limit()], NOW)
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    assert len(chat.of("teams")) == 1

    for nudge in due(ports, NOW + 2 * MINUTE):
        deliver(ports, nudge, NOW + 2 * MINUTE)

    cards = [json.dumps(call.body, ensure_ascii=False) for call in chat.of("teams")]
    # What opened and ended meanwhile is one late message, not two stale ones.
    assert [("Warning" in card, "told late" in card) for card in cards] == [(True, False), (False, True)]
    assert keys(ports, "waiting|teams") == []


def test_a_lost_answer_is_tried_again_and_says_that_it_may_repeat(ports, chat):
    chat.script["teams"] = [Unreachable("no answer from channel teams: ReadTimeout")]
    tell(ports, [limit()], NOW)
    for nudge in tend(ports, NOW + MINUTE):
        deliver(ports, nudge, NOW + MINUTE)

    first, second = (json.dumps(call.body) for call in chat.of("teams"))
    assert "may repeat" not in first
    assert "may repeat" in second


def test_a_deliverer_that_dies_after_sending_is_followed_by_another_when_its_lease_is_over(ports, chat):
    class Killed(BaseException):
        pass

    nudge = next(one for one in accept(ports, [limit()], NOW) if one.startswith("teams"))
    chat.script["teams"] = [Killed()]
    with pytest.raises(Killed):
        deliver(ports, nudge, NOW)

    deliver(ports, nudge, NOW + LEASE - timedelta(seconds=1))
    assert len(chat.of("teams")) == 1
    deliver(ports, nudge, NOW + LEASE)

    assert "may repeat" in json.dumps(chat.of("teams")[1].body)
    assert nudge not in due(ports, NOW + LEASE)


def test_a_refused_message_is_kept_and_told_through_the_other_channel(ports, chat):
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "channel_not_found"}')] * 9
    tell(ports, [limit()], NOW)
    for minute in range(1, 30):
        for nudge in tend(ports, NOW + minute * MINUTE):
            deliver(ports, nudge, NOW + minute * MINUTE)

    assert any("Messages to channel slack fail" in json.dumps(call.body) for call in chat.of("teams"))
    # One message tries every quarter of an hour whether it is mended; there is no chain of messages about it.
    assert len(chat.of("slack")) == 2
    assert len(chat.of("teams")) == 2


def test_teams_is_stored_as_accepted_and_slack_as_delivered(ports, chat):
    logged: list[Any] = []
    tell(replace(ports, log=logged.append), [limit()], NOW)

    outcomes = {event["channel"]: event["outcome"] for event in logged if event["event"] == "delivery"}
    assert outcomes == {"slack": "delivered", "teams": "accepted"}


def test_a_channel_that_left_the_configuration_is_no_reason_to_stop(ports):
    nudges = accept(ports, [limit()], NOW)
    fewer = replace(ports, watch=parse_watch("channels: {teams: {kind: teams, secret: B}}"))
    for nudge in nudges:
        deliver(fewer, nudge, NOW)

    (dead,) = [one for one in deliveries(ports) if one.status == "dead"]
    assert "no channel 'slack'" in dead.error


def test_a_nudge_that_names_nothing_does_nothing(ports, chat):
    for nudge in ("", "|", "MW-00000000|slack", "rubbish"):
        deliver(ports, nudge, NOW)

    assert chat.posts == []


def test_azure_confirms_a_budget_that_was_told_before_and_is_not_told_again(ports, chat):
    scope = "/subscriptions/11111111-2222-3333-4444-555555555555"
    ours = limit(
        key=f"budget|{scope}|ai", kind=Kind.BUDGET, rule="ai", scope=Scope(scope), steps=("actual 80",)
    )
    tell(ports, [ours], NOW)
    told = len(chat.posts)
    body = {
        "schemaId": "AIP Budget Notification",
        "data": {
            "SubscriptionId": scope.rpartition("/")[2].upper(),
            "BudgetName": "AI",
            "SpendingAmount": "810",
            "Budget": "1000",
            "Unit": "USD",
            "NotificationThresholdAmount": "0.8",
        },
    }
    reply = take(ports, json.dumps(body).encode(), NOW + timedelta(hours=27))

    assert reply.status == 202
    for nudge in reply.nudges:
        deliver(ports, nudge, NOW + timedelta(hours=27))
    assert [call.path for _, call in chat.posts[told:]] == ["chat.update"]  # nobody is interrupted
    assert changes(ports) == ["opened", "confirmed"]
    (incident,) = incidents(ports)
    assert incident.confirmed_by == ("Azure",)


def test_what_ends_by_itself_is_closed_in_silence(ports, chat):
    tell(ports, [limit(ends=NOW + timedelta(hours=1))], NOW)
    told = len(chat.posts)

    for nudge in tend(ports, NOW + timedelta(hours=1)):
        deliver(ports, nudge, NOW + timedelta(hours=1))
    assert [call.path for _, call in chat.posts[told:]] == ["chat.update"]
    assert keys(ports, "waiting|") == []
    assert changes(ports) == ["opened", "resolved"]
