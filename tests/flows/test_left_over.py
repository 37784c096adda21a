"""Jobs that were put off: who has waited longest comes first, and not more of them than could go on."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.core.freshness import Watermark
from shared.edges.sqlite import SqliteStore
from shared.flows.keep import save_mark
from shared.flows.poll import MOST_LEFT_OVER, left_over
from shared.flows.ports import Ports
from shared.formats.watch_file import parse_watch
from tests.builders import HOUR, MINUTE, NOW

SUBSCRIPTIONS = [f"{number:08d}-0000-0000-0000-000000000000" for number in range(MOST_LEFT_OVER + 10)]


@pytest.fixture
def ports(tmp_path):
    store = SqliteStore(tmp_path / "left.db")
    watch = parse_watch(json.dumps({"subscriptions": SUBSCRIPTIONS}))
    nobody: Any = None
    yield Ports(store, azure=nobody, post=nobody, watch=watch, new_id=lambda: "id")
    store.close()


def put_off(ports: Ports, subject: str, until: timedelta, **named: object) -> None:
    save_mark(ports, Watermark("spend", subject, not_before=NOW + until, **named), "")  # type: ignore[arg-type]


def subjects(jobs: list[str]) -> list[str]:
    return [json.loads(job)["subject"] for job in jobs]


def test_what_has_never_answered_comes_before_what_has_waited_longest(ports):
    put_off(ports, SUBSCRIPTIONS[0], -MINUTE, answered_at=NOW - HOUR)
    put_off(ports, SUBSCRIPTIONS[1], -MINUTE, answered_at=NOW - 3 * HOUR)
    put_off(ports, SUBSCRIPTIONS[2], -MINUTE)
    put_off(ports, SUBSCRIPTIONS[3], MINUTE)

    assert subjects(left_over(ports, NOW)) == [SUBSCRIPTIONS[2], SUBSCRIPTIONS[1], SUBSCRIPTIONS[0]]


def test_no_more_are_taken_up_at_once_than_could_go_on(ports):
    for one in SUBSCRIPTIONS:
        put_off(ports, one, -MINUTE)

    assert subjects(left_over(ports, NOW)) == SUBSCRIPTIONS[:MOST_LEFT_OVER]
