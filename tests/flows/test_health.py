"""What probes are told: liveness a word, readiness the ages and depths, both by the store as it is."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.core.faults import StoreAway
from shared.core.freshness import Watermark
from shared.flows.accept import accept
from shared.flows.health import MOST_MARKS, MOST_ROWS, liveness, readiness
from shared.flows.keep import save_mark
from shared.formats.channel import Answer
from tests.telling import MINUTE, NOW, limit, ports_telling, tell

ONE, OTHER = "11111111-2222-3333-4444-555555555555", "22222222-2222-3333-4444-555555555555"


class Away:
    def get(self, *given):
        raise StoreAway("at https://account.table.core.windows.net")

    scan = commit = get


@pytest.fixture
def ports(tmp_path, chat):
    watch = f"""
subscriptions: [{ONE}, {OTHER}]
prices: {{enabled: false}}
channels: {{teams: {{kind: teams, secret: B}}}}
"""
    with ports_telling(chat, tmp_path / "health.db", watch) as opened:
        yield opened


def told(ports, now=NOW):
    reply = readiness(ports, now)
    return reply.status, json.loads(reply.text)


def answered_at(ports, *moments, source="usage"):
    for subject, moment in zip((ONE, OTHER), moments, strict=False):
        save_mark(ports, Watermark(source, subject, answered_at=moment), "")


def test_a_store_that_is_away_is_told_without_where_it_is(ports):
    away = replace(ports, store=Away())

    for reply in (liveness(away), readiness(away, NOW)):
        assert (reply.status, reply.text) == (503, "the store is away")


def test_ages_are_those_of_the_newest_and_the_oldest_answer(ports):
    answered_at(ports, NOW - MINUTE, NOW - 7 * MINUTE)

    status, found = told(ports)

    assert found["sources"]["usage"] == {"subjects": 2, "failing": 0, "newest": 60, "oldest": 420}
    assert found["sources"]["spend"]["newest"] is None
    assert (status, found["problems"]) == (200, [])


def test_a_source_that_is_late_is_a_problem(ports):
    answered_at(ports, NOW, NOW - timedelta(hours=2))

    assert told(ports)[0] == 503
    assert told(ports)[1]["problems"] == ["no usage data for too long"]


def test_what_waits_is_counted_and_is_not_late_before_it_was_tried(ports):
    accept(ports, [limit()], NOW)
    accept(ports, [limit(key="limit|other")], NOW + MINUTE)

    status, found = told(ports, NOW + timedelta(hours=2))

    assert (status, found["waiting"]) == (200, {"rows": 2, "oldest": None})


def test_a_message_that_is_not_taken_for_too_long_is_a_problem(ports, chat):
    chat.script["teams"] = [Answer(503)]
    tell(ports, [limit()], NOW)
    assert told(ports, NOW + 2 * MINUTE)[1]["waiting"] == {"rows": 1, "oldest": 120}

    status, found = told(ports, NOW + timedelta(hours=2))

    assert status == 503
    assert found["problems"] == ["something has waited to be told for more than an hour"]


def test_a_channel_that_takes_nothing_is_a_problem(ports, chat):
    chat.script["teams"] = [Answer(404)]
    tell(ports, [limit()], NOW)

    status, found = told(ports)

    assert status == 503
    assert found["problems"][0].startswith("channel teams is closed: Teams answered 404")


def test_what_was_sent_waits_no_more(ports):
    tell(ports, [limit()], NOW)

    assert told(ports)[1]["waiting"] == {"rows": 0, "oldest": None}


def test_depths_are_those_of_the_queues_and_null_where_not_known(ports):
    found = told(replace(ports, depths=lambda: {"jobs": 3, "nudges": None}))[1]

    assert found["queues"] == {"jobs": 3, "nudges": None}


def test_a_large_app_is_looked_at_in_part_and_each_source_in_turn(tmp_path, chat):
    many = [f"{number:08x}-2222-3333-4444-555555555555" for number in range(2 * MOST_MARKS)]
    with ports_telling(chat, tmp_path / "many.db", f"subscriptions: {json.dumps(many)}") as ports:
        found = told(ports)[1]

    assert sum(one["subjects"] for one in found["sources"].values()) == MOST_MARKS
    assert {"usage", "spend", "budgets", "prices"} <= set(found["sources"])


def test_what_waits_is_counted_to_a_bound(ports):
    class Endless:
        get = ports.store.get

        def scan(self, partition, prefix=""):
            row = next(iter(ports.store.scan(partition, "waiting|")))
            while prefix == "waiting|":
                yield row

    accept(ports, [limit()], NOW)
    found = told(replace(ports, store=Endless()))[1]

    assert found["waiting"]["rows"] == MOST_ROWS


def test_readiness_is_json(ports):
    assert readiness(ports, NOW).media == "application/json"
