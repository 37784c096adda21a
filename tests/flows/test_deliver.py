"""Delivery when things go wrong: nothing lost, nothing out of order, nothing told twice without a reason."""

import json
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from shared.core.faults import StoreAway, Unreachable
from shared.core.model import Quantity, Severity
from shared.core.retries import LEASE, MOST_ATTEMPTS
from shared.flows.accept import accept
from shared.flows.deliver import deliver, due, tell_of_poison
from shared.flows.tend import tend
from shared.formats.channel import Answer
from tests.telling import (
    MINUTE,
    NOW,
    Chat,
    Killed,
    Mortal,
    changes,
    incidents,
    keys,
    limit,
    notifications,
    ports_telling,
    tell,
)

HOUR = timedelta(hours=1)
WHICH = re.compile(r"incident (MW-[0-9A-F]{8}), message (\d+)")


@pytest.fixture
def chat():
    return Chat()


@pytest.fixture
def ports(tmp_path, chat):
    with ports_telling(chat, tmp_path / "deliver.db") as found:
        yield found


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

    (incident,) = incidents(ports)
    assert keys(ports, "delivered|") == [f"delivered|{incident.id}|slack|000001"]
    assert keys(ports, "accepted|") == [f"accepted|{incident.id}|teams|000001"]


def test_a_failing_channel_is_tried_ever_more_seldom_and_then_given_up(ports, chat):
    chat.script["teams"] = [Answer(500)] * 99
    nudge = next(one for one in accept(ports, [limit()], NOW) if one.endswith("teams"))
    tried = []
    for minute in range(12 * 60):
        before = len(chat.of("teams"))
        deliver(ports, nudge, NOW + minute * MINUTE)
        tried += [minute] * (len(chat.of("teams")) - before)

    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert len(tried) == MOST_ATTEMPTS
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (1, 60)
    (dead,) = notifications(ports, "dead|")
    assert "500" in dead.last_error


def test_a_message_that_cannot_be_rendered_is_given_up_and_the_others_go_on(ports, chat):
    broken = limit(key="broken", seen=Quantity(Decimal("NaN"), "USD"))
    tell(ports, [broken, limit()], NOW)
    tended(ports, NOW + MINUTE)

    assert {one.channel for one in notifications(ports, "dead|")} == {"slack", "teams"}
    assert all("cannot be rendered" in one.last_error for one in notifications(ports, "dead|"))
    assert len(keys(ports, "accepted|")) == 1 + 2  # the sound one, and one about each dead letter
    assert keys(ports, "outbox|") == []


def test_a_message_that_kills_its_deliverer_every_time_is_given_up_and_told(ports, chat):
    chat.script["teams"] = [Killed()] * 99
    accept(ports, [limit()], NOW)
    for hour in range(24):
        for nudge in due(ports, NOW + hour * HOUR):
            with suppress(Killed):
                deliver(ports, nudge, NOW + hour * HOUR)

    (dead,) = notifications(ports, "dead|")
    assert dead.last_error == f"{MOST_ATTEMPTS} attempts ended without any outcome"
    assert len(told(chat, "teams")) >= MOST_ATTEMPTS
    assert any("Messages to channel teams fail" in json.dumps(call.body) for call in chat.of("slack"))


@pytest.mark.parametrize("calls", range(8))
def test_a_dead_letter_is_told_wherever_its_deliverer_dies(ports, chat, calls):
    chat.script["slack"] = [Answer(200, {}, '{"ok": false, "error": "channel_not_found"}')] * 9
    nudge = next(one for one in accept(ports, [limit()], NOW) if one.endswith("slack"))
    with suppress(Killed):
        deliver(replace(ports, store=Mortal(calls).standing_before(ports.store)), nudge, NOW)
    for hour in range(1, 4):
        tended(ports, NOW + hour * HOUR)

    assert len(notifications(ports, "dead|")) == 2  # the message, and the one about it
    assert changes(ports) == ["opened", "opened"]
    assert sum("Messages to channel slack fail" in json.dumps(call.body) for call in chat.of("teams")) == 1


def test_a_new_message_for_a_deleted_one_is_tried_again_when_it_fails(ports, chat):
    gone = Answer(200, {}, '{"ok": false, "error": "message_not_found"}')
    tell(ports, [limit()], NOW)
    chat.script["slack"] = [gone, Answer(429, {"retry-after": "60"}), gone]
    tell(ports, [limit(severity=Severity.CRITICAL)], NOW + MINUTE)
    tended(ports, NOW + 2 * MINUTE)
    tell(ports, [limit(firing=False)], NOW + 3 * MINUTE)

    paths = [call.path for call in chat.of("slack")]
    edited, posted = "chat.update", "chat.postMessage"
    assert paths == [posted, edited, posted, edited, posted, edited, posted]
    again, update = chat.of("slack")[-3:-1]
    assert update.body["ts"] == f"{[call is again for _, call in chat.posts].index(True) + 1}.0"


def test_an_edit_that_was_done_and_a_reply_that_was_not_are_both_made_again(ports, chat):
    tell(ports, [limit()], NOW)
    done = Answer(200, {}, '{"ok": true, "channel": "C1", "ts": "1.0"}')
    chat.script["slack"] = [done, Unreachable("no answer from channel slack: ReadTimeout")]
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    tended(ports, NOW + 2 * MINUTE)

    assert [call.path for call in chat.of("slack")][-2:] == ["chat.update", "chat.postMessage"]
    assert "may repeat" in json.dumps(chat.of("slack")[-1].body)
    assert keys(ports, "outbox|") == []


def test_an_outcome_that_cannot_be_stored_leaves_the_message_to_be_sent_again(ports, chat):
    class Away:
        get, scan = ports.store.get, ports.store.scan
        left = 1

        def commit(self, partition, changes):
            if not self.left:
                raise StoreAway("gone")
            self.left -= 1
            return ports.store.commit(partition, changes)

    nudge = next(one for one in accept(ports, [limit()], NOW) if one.endswith("teams"))
    with pytest.raises(StoreAway):
        deliver(replace(ports, store=Away()), nudge, NOW)
    tended(ports, NOW + HOUR)

    first, second = (json.dumps(call.body) for call in chat.of("teams"))
    assert ("may repeat" in first, "may repeat" in second) == (False, True)


def test_who_is_too_slow_leaves_the_message_to_the_one_who_took_over(ports, chat):
    nudge = next(one for one in accept(ports, [limit()], NOW) if one.endswith("teams"))

    def slow(channel, call):
        deliver(ports, nudge, NOW + LEASE)
        return Answer(500)

    logged: list[Any] = []
    deliver(replace(ports, post=slow, log=logged.append), nudge, NOW)

    assert [event["outcome"] for event in logged] == ["queued"]
    assert len(keys(ports, "accepted|")) == 1
    assert keys(ports, "outbox|")[0].split("|")[2] == "slack"


def test_a_failing_channel_holds_up_no_other_incident_and_no_other_channel(ports, chat):
    chat.script["teams"] = [Answer(503)]
    tell(ports, [limit(), limit(key="another")], NOW)

    assert len(told(chat, "slack")) == 2
    assert len(keys(ports, "accepted|")) == 1
    assert len(keys(ports, "outbox|")) == 1


def test_one_line_is_logged_for_all_that_is_decided_or_sent(ports, chat):
    logged: list[Any] = []
    chat.script["teams"] = [Answer(503)]
    tell(replace(ports, log=logged.append), [limit()], NOW)

    (incident,) = incidents(ports)
    assert {event["incident"] for event in logged} == {incident.id}
    assert [(event["event"], event.get("channel")) for event in logged] == [
        ("incident", None),
        ("queued", "slack"),
        ("queued", "teams"),
        ("delivery", "slack"),
        ("delivery", "teams"),
    ]
    assert (logged[1]["message"], logged[1]["reason"]) == (1, "opened")
    sent = {key: logged[-1][key] for key in ("message", "attempt", "outcome")}
    assert sent == {"message": 1, "attempt": 1, "outcome": "queued"}
    assert "503" in logged[-1]["error"]


@given(st.text(max_size=300))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_poisoned_nudge_is_told_once_whatever_it_says(ports, nudge):
    tell_of_poison(ports, nudge, NOW)

    assert tell_of_poison(ports, nudge, NOW + MINUTE) == []


FAULTS: dict[str, Answer | BaseException] = {
    "throttled": Answer(429, {"retry-after": "90"}),
    "failing": Answer(503),
    "lost": Unreachable("no answer"),
    "killed": Killed(),
}


class Telling(RuleBasedStateMachine):
    """Breaches and recoveries in any order, while answers are lost, channels throttle and processes die."""

    def __init__(self):
        super().__init__()
        self.chat, self.now, self.unsure = Chat(), NOW, False
        self.open = ports_telling(self.chat, ":memory:")
        self.ports = self.open.__enter__()

    @rule(key=st.sampled_from("ab"), severity=st.sampled_from(Severity))
    def breach(self, key, severity):
        self.take(limit(key=key, severity=severity))

    @rule(key=st.sampled_from("ab"))
    def recover(self, key):
        self.take(limit(key=key, firing=False))

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes):
        self.now += minutes * MINUTE
        self.send(tend(self.ports, self.now))

    @precondition(lambda self: len(self.chat.script) < 2)
    @rule(
        channel=st.sampled_from(["slack", "teams"]),
        names=st.lists(st.sampled_from(sorted(FAULTS)), max_size=3),
    )
    def fault(self, channel, names):
        self.unsure |= bool({"lost", "killed"} & set(names))
        self.chat.script[channel] = [FAULTS[name] for name in names]

    def take(self, alert):
        self.now += timedelta(seconds=1)
        self.send(accept(self.ports, [alert], self.now))

    def send(self, nudges):
        for nudge in nudges:
            with suppress(Killed):
                deliver(self.ports, nudge, self.now)

    def teardown(self):
        self.chat.script.clear()
        for _ in range(6):
            self.now += HOUR
            self.send(tend(self.ports, self.now))
        settled = len(self.chat.posts)
        self.send(tend(self.ports, self.now))

        assert len(self.chat.posts) == settled
        assert keys(self.ports, "outbox|") == []
        self.check_what_was_told()
        self.open.__exit__(None, None, None)

    def check_what_was_told(self):
        begun = {transition.split("|")[1]: None for transition in keys(self.ports, "transition|")}
        for channel in ("slack", "teams"):
            numbers: dict[str, list[int]] = defaultdict(list)
            for incident, number in told(self.chat, channel):
                numbers[incident].append(number)
            assert set(numbers) == set(begun)
            for found in numbers.values():
                assert found == sorted(found)
                assert set(found) == set(range(1, max(found) + 1))
                assert self.unsure or len(found) == max(found)


Telling.TestCase.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_whatever_happens_all_is_told_in_order_and_repeated_only_when_unsure = Telling.TestCase
