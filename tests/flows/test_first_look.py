"""The first look at a subscription finds what has been so for long: all of it is told in one message."""

import json
from datetime import timedelta

from shared.core.model import Scope, Severity
from shared.core.routes import FIRST_LOOK_WAIT
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.tend import due
from tests.telling import MINUTE, NOW, SCOPE, limit, tell

SECOND = Scope(SCOPE.resource.replace("1111", "9999"), "chat")


def told(ports, now):
    for nudge in due(ports, now):
        deliver(ports, nudge, now)


def test_what_the_first_looks_at_all_subscriptions_find_is_one_message_a_channel(ports, chat):
    accept(ports, [limit(key=name, rule=name) for name in "abc"], NOW, first=True)
    accept(ports, [limit(key="d", scope=SECOND, severity=Severity.CRITICAL)], NOW + 5 * MINUTE, first=True)
    told(ports, NOW + FIRST_LOOK_WAIT - MINUTE)
    assert chat.posts == []

    told(ports, NOW + FIRST_LOOK_WAIT)
    assert [channel for channel, _ in chat.posts] == ["slack", "teams"]
    (post,) = chat.of("slack")
    assert "4 open (1 critical, 3 warning)" in json.dumps(post.body)


def test_what_comes_later_is_told_at_once_and_by_itself(ports, chat):
    accept(ports, [limit()], NOW, first=True)
    told(ports, NOW + FIRST_LOOK_WAIT)
    before = len(chat.posts)
    tell(ports, [limit(key="new", rule="new")], NOW + timedelta(hours=3))

    assert [call.path for channel, call in chat.posts[before:] if channel == "slack"] == ["chat.postMessage"]
    assert "thread_ts" not in chat.of("slack")[-1].body


def test_what_the_first_look_found_is_over_where_it_was_told(ports, chat):
    accept(ports, [limit()], NOW, first=True)
    told(ports, NOW + FIRST_LOOK_WAIT)
    accept(ports, [limit(firing=False)], NOW + timedelta(hours=1))
    told(ports, NOW + timedelta(hours=1))

    assert [call.path for call in chat.of("slack")] == [
        "chat.postMessage",
        "chat.update",
        "chat.postMessage",
    ]
