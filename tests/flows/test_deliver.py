"""Delivery when things go wrong: nothing lost, nothing out of order, nothing told twice without a reason."""

import json
import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.faults import StoreAway, Unreachable
from shared.core.model import Kind, Quantity, Severity
from shared.core.retries import LEASE, MOST_ATTEMPTS
from shared.flows.accept import accept
from shared.flows.deliver import deliver, tell_of_poison
from shared.flows.tend import due, tend
from shared.formats.channel import Answer
from tests.telling import (
    MINUTE,
    NOW,
    Killed,
    Mortal,
    changes,
    deliveries,
    incidents,
    keys,
    limit,
    ports_telling,
    tell,
)

HOUR = timedelta(hours=1)
WHICH = re.compile(r"incident (MW-[0-9A-F]{8}), message (\d+)")


def dead(ports):
    return [one for one in deliveries(ports) if one.status == "dead"]


def nudge_of(nudges, channel):
    return next(one for one in nudges if one.startswith(f"{channel}|"))


def tended(ports, now):
    for nudge in tend(ports, now):
        deliver(ports, nudge, now)


def told(chat, channel):
    """The incident and the number of every message that arrived in a channel, edits left out, in order."""
    arrived = [call for name, call in chat.arrived if name == channel and call.path != "chat.update"]
    posts = [json.dumps(call.body) for call in arrived]
    return [(found[1], int(found[2])) for found in map(WHICH.search, posts) if found]


def test_what_a_channel_took_is_kept_apart_from_what_it_only_accepted(ports):
    tell(ports, [limit()], NOW)

    assert {one.address.channel: one.status for one in deliveries(ports)} == {
        "slack": "delivered",
        "teams": "accepted",
    }


def test_a_failing_channel_is_tried_ever_more_seldom_and_then_given_up(ports, chat):
    chat.script["teams"] = [Answer(500)] * 99
    nudge = nudge_of(accept(ports, [limit()], NOW), "teams")
    tried = []
    for minute in range(12 * 60):
        before = len(chat.of("teams"))
        deliver(ports, nudge, NOW + minute * MINUTE)
        tried += [minute] * (len(chat.of("teams")) - before)

    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert len(tried) == MOST_ATTEMPTS
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 60)
    (given_up,) = dead(ports)
    assert "500" in given_up.error


def test_a_message_that_cannot_be_rendered_is_given_up_and_the_others_go_on(ports, chat):
    broken = limit(key="broken", rule="broken", seen=Quantity(Decimal("NaN"), "USD"))
    tell(ports, [broken, limit()], NOW)
    tended(ports, NOW + MINUTE)

    assert {one.address.channel for one in dead(ports)} == {"slack", "teams"}
    assert all("cannot be rendered" in one.error for one in dead(ports))
    assert keys(ports, "waiting|") == []


def test_a_message_that_kills_its_deliverer_every_time_is_given_up_and_told(ports, chat):
    chat.script["teams"] = [Killed()] * 99
    accept(ports, [limit()], NOW)
    for hour in range(24):
        for nudge in due(ports, NOW + hour * HOUR):
            with suppress(Killed):
                deliver(ports, nudge, NOW + hour * HOUR)

    (given_up,) = dead(ports)
    assert given_up.error == f"{MOST_ATTEMPTS} attempts ended without any outcome"
    assert len(told(chat, "teams")) >= MOST_ATTEMPTS
    assert any("Messages to channel teams fail" in json.dumps(call.body) for call in chat.of("slack"))


@pytest.mark.parametrize("calls", range(8))
def test_a_dead_letter_is_told_wherever_its_deliverer_dies(ports, chat, calls):
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "metadata_too_large"}')] * 99
    nudge = nudge_of(accept(ports, [limit()], NOW), "slack")
    with suppress(Killed):
        deliver(replace(ports, store=Mortal(calls).standing_before(ports.store)), nudge, NOW)
    for hour in range(1, 4):
        tended(ports, NOW + hour * HOUR)

    assert len(dead(ports)) == 2  # the message, and the one about it
    assert changes(ports) == ["opened", "opened"]
    assert sum("Messages to channel slack fail" in json.dumps(call.body) for call in chat.of("teams")) == 1


def test_a_new_message_for_a_deleted_one_is_tried_again_when_it_fails(ports, chat):
    gone = Answer(200, {}, '{"ok": false, "error": "message_not_found"}')
    tell(ports, [limit()], NOW)
    chat.script["slack"] = [gone, Answer(429, {"retry-after": "60"}), gone]
    tell(ports, [limit(severity=Severity.CRITICAL)], NOW + MINUTE)
    tended(ports, NOW + 2 * MINUTE)
    tell(ports, [limit(firing=False)], NOW + 8 * MINUTE)

    paths = [call.path for call in chat.of("slack")]
    edited, posted = "chat.update", "chat.postMessage"
    assert paths == [posted, edited, posted, edited, posted, edited, posted]
    again, update = chat.of("slack")[-3:-1]
    assert update.body["ts"] == f"{[call is again for _, call in chat.posts].index(True) + 1}.0"


def test_an_edit_that_was_done_and_a_reply_that_was_not_are_both_made_again(ports, chat):
    tell(ports, [limit()], NOW)
    done = Answer(200, {}, '{"ok": true, "channel": "C1", "ts": "1.0"}')
    chat.script["slack"] = [done, Unreachable("no answer from channel slack: ReadTimeout")]
    tell(ports, [limit(firing=False)], NOW + 6 * MINUTE)
    tended(ports, NOW + 7 * MINUTE)

    assert [call.path for call in chat.of("slack")][-2:] == ["chat.update", "chat.postMessage"]
    assert "may repeat" in json.dumps(chat.of("slack")[-1].body)
    assert keys(ports, "waiting|") == []


def test_an_outcome_that_cannot_be_stored_leaves_the_message_to_be_sent_again(ports, chat):
    class Away:
        get, scan = ports.store.get, ports.store.scan
        left = 2  # its place at the gate, and its lease

        def commit(self, partition, changes):
            if not self.left:
                raise StoreAway("gone")
            self.left -= 1
            return ports.store.commit(partition, changes)

    nudge = nudge_of(accept(ports, [limit()], NOW), "teams")
    with pytest.raises(StoreAway):
        deliver(replace(ports, store=Away()), nudge, NOW)
    tended(ports, NOW + HOUR)

    first, second = (json.dumps(call.body) for call in chat.of("teams"))
    assert ("may repeat" in first, "may repeat" in second) == (False, True)


def test_who_is_too_slow_leaves_the_message_to_the_one_who_took_over(ports, chat):
    nudge = nudge_of(accept(ports, [limit()], NOW), "teams")

    def slow(channel, call):
        deliver(ports, nudge, NOW + LEASE)
        return Answer(500)

    logged: list[Any] = []
    deliver(replace(ports, post=slow, log=logged.append), nudge, NOW)

    assert [event["outcome"] for event in logged] == ["queued"]
    assert [one.status for one in deliveries(ports)] == ["accepted"]
    assert [key.split("|")[1] for key in keys(ports, "waiting|")] == ["slack"]


def test_a_failing_channel_holds_up_no_other_incident_and_no_other_channel(ports, chat):
    chat.script["teams"] = [Answer(503)]
    tell(ports, [limit(), limit(key="another", rule="another")], NOW)

    assert len(told(chat, "slack")) == 2
    assert [one.address.channel for one in deliveries(ports)].count("teams") == 1
    assert len(keys(ports, "waiting|")) == 1


def test_one_line_is_logged_for_all_that_is_decided_or_sent(ports, chat):
    logged: list[Any] = []
    chat.script["teams"] = [Answer(503)]
    tell(replace(ports, log=logged.append), [limit()], NOW)

    (incident,) = incidents(ports)
    assert {event["incident"] for event in logged} == {incident.id}
    assert [(event["event"], event.get("channel")) for event in logged] == [
        ("incident", None),
        ("waiting", "slack"),
        ("waiting", "teams"),
        ("delivery", "slack"),
        ("delivery", "teams"),
    ]
    sent = {key: logged[-1][key] for key in ("message", "attempt", "outcome")}
    assert sent == {"message": 1, "attempt": 1, "outcome": "queued"}
    assert "503" in logged[-1]["error"]


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_poisoned_nudge_is_told_once_whatever_it_says(ports, nudge):
    tell_of_poison(ports, nudge, NOW)

    assert tell_of_poison(ports, nudge, NOW + MINUTE) == []


def test_what_is_refused_when_it_is_over_is_given_up_once(ports, chat):
    tell(ports, [limit()], NOW)
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "metadata_too_large"}')] * 99
    tell(ports, [limit(firing=False)], NOW + 6 * MINUTE)
    for hour in range(1, 6):
        tended(ports, NOW + hour * HOUR)

    assert sum(one.reason == "resolved" for one in dead(ports)) == 1


def test_a_message_whose_form_is_refused_is_told_as_plain_text(ports, chat):
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "invalid_blocks"}')]
    tell(ports, [limit()], NOW)

    refused, taken = chat.of("slack")
    assert ("blocks" in refused.body, "blocks" in taken.body) == (True, False)
    assert {one.address.channel: one.status for one in deliveries(ports)}["slack"] == "delivered"


def test_what_ends_while_an_address_looks_at_it_is_told_once(ports, chat):
    class Between:
        """The incident ends between the look at what waits and the look at how it stands."""

        get, commit = ports.store.get, ports.store.commit
        over = False

        def scan(self, partition, prefix=""):
            rows = list(ports.store.scan(partition, prefix))
            if prefix.startswith("waiting|") and not self.over:
                self.over = True
                accept(ports, [limit(firing=False)], NOW + HOUR)
            return iter(rows)

    nudge = nudge_of(accept(ports, [limit()], NOW), "teams")
    deliver(replace(ports, store=Between()), nudge, NOW + HOUR)
    tended(ports, NOW + HOUR)

    assert len(told(chat, "teams")) == 1
    assert "told late" in json.dumps(chat.of("teams")[0].body)


def test_a_summary_leaves_what_is_silenced_waiting(tmp_path, chat):
    watch = """
channels: {teams: {kind: teams, secret: B, most_per_hour: 1}}
limits: []
silences: [{rules: [quiet], end: 2026-09-09T00:00:00Z}]
"""
    with ports_telling(chat, tmp_path / "summary.db", watch) as ports:
        alerts = [
            limit(key=name, rule=name, kind=Kind.AZURE, source="Azure") for name in ("a", "b", "c", "quiet")
        ]
        tell(ports, alerts, NOW)

        first, summary = (json.dumps(call.body) for call in chat.of("teams"))
        assert "2 open (2 warning), in short" in summary
        assert "quiet" not in first + summary
        assert len(keys(ports, "waiting|")) == 1
