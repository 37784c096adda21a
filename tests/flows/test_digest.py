"""Digests on a real store: once a period to each channel, whoever looks and whatever happens in between."""

import json
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from shared.core.retries import LEASE
from shared.flows.digest import tell_digests
from shared.formats.channel import Answer
from tests.telling import MINUTE, NOW, WATCH, Killed, keys, limit, ports_telling, tell

DAY = timedelta(days=1)
DIGESTS = WATCH + 'digests: [{name: ops, at: "14:00", channels: [slack, teams]}]'


@pytest.fixture
def ports(tmp_path, chat):
    with ports_telling(chat, tmp_path / "digest.db", DIGESTS) as found:
        yield found


def told(chat, channel):
    bodies = [json.dumps(call.body) for call in chat.of(channel)]
    return [body for body in bodies if "Daily digest ops" in body]


def test_a_digest_is_told_once_a_period_to_each_of_its_channels(ports, chat):
    tell(ports, [limit()], NOW - MINUTE)
    for hour in (0, 1, 23, 24, 25):
        tell_digests(ports, NOW + timedelta(hours=hour))

    assert [len(told(chat, channel)) for channel in ("slack", "teams")] == [2, 2]
    assert "1 opened, 1 open, 0 over" in told(chat, "teams")[1]
    assert "teams 1" in told(chat, "teams")[1]
    assert "I am alive" in told(chat, "slack")[0]
    assert len(keys(ports, "digest|")) == 4


def test_each_digest_is_a_message_of_its_own(ports, chat):
    tell_digests(ports, NOW)
    tell_digests(ports, NOW + DAY)

    assert [call.path for call in chat.of("slack")] == ["chat.postMessage", "chat.postMessage"]
    assert all("thread_ts" not in call.body for call in chat.of("slack"))


def test_of_the_periods_that_were_missed_only_the_newest_is_told(ports, chat):
    tell_digests(ports, NOW)
    tell_digests(ports, NOW + 5 * DAY)

    assert len(told(chat, "teams")) == 2


def test_many_workers_tell_one(ports, chat):
    gate = Barrier(4)

    def one():
        gate.wait()
        tell_digests(ports, NOW)

    threads = [Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(told(chat, channel)) for channel in ("slack", "teams")] == [1, 1]


def test_a_digest_that_was_throttled_is_told_when_it_may_be(ports, chat):
    chat.script["teams"] = [Answer(429, {"retry-after": "600"})]
    tell_digests(ports, NOW)
    tell_digests(ports, NOW + 5 * MINUTE)
    assert len(told(chat, "teams")) == 1

    tell_digests(ports, NOW + 11 * MINUTE)
    assert len(told(chat, "teams")) == 2
    assert len(keys(ports, "digest|ops|teams")) == 1


def test_who_dies_while_telling_one_leaves_it_to_the_next_who_says_that_it_may_repeat(ports, chat):
    chat.script["slack"] = [Killed()]
    with suppress(Killed):
        tell_digests(ports, NOW)
    tell_digests(ports, NOW + LEASE)

    first, second = told(chat, "slack")
    assert ("may repeat" in first, "may repeat" in second) == (False, True)
    assert len(told(chat, "teams")) == 1
