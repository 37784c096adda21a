"""Azure's words about one alert come twice, late, and in any order; what is told of it is right."""

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.core.model import Incident
from shared.edges.sqlite import SqliteStore
from shared.flows.intake import take
from shared.flows.ports import Ports
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.watch_file import parse_watch

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
FIRED, RESOLVED = ((AZURE / f"metric-common-{word}.json").read_bytes() for word in ("fired", "resolved"))
NOW = datetime(2026, 9, 21, 4, 15, tzinfo=UTC)


@pytest.fixture
def ports(tmp_path):
    yield from ports_in(tmp_path / "order.db")


def ports_in(path):
    ids = itertools.count()
    store = SqliteStore(path)
    watch = parse_watch("channels: {teams: {kind: teams, secret: B}}")
    nobody: Any = None  # the webhook neither asks Azure nor posts
    yield Ports(store, azure=nobody, post=nobody, watch=watch, new_id=lambda: f"id{next(ids)}")
    store.close()


def incidents(ports):
    return [records.decode(row.body, Incident) for row in ports.store.scan(records.ALERTS, "incident|")]


def told(ports):
    return [row.key for row in ports.store.scan(records.ALERTS, "waiting|")]


def health(status: str, minute: int) -> bytes:
    """A word about one resource's health. Each has an id of its own; they are of one incident."""
    over = status == "Available"
    body = json.loads((AZURE / f"resourcehealth-common{'-over' if over else ''}.json").read_bytes())
    essentials = body["data"]["essentials"]
    essentials["firedDateTime"] = f"2026-09-21T04:{minute:02d}:00Z"
    essentials["alertId"] += str(minute)
    return json.dumps(body).encode()


def test_fired_then_resolved_is_told_twice(ports):
    for body in (FIRED, RESOLVED):
        assert take(ports, body, NOW).status == 202

    (incident,) = incidents(ports)
    assert not incident.open
    assert len(told(ports)) == 2


@pytest.mark.parametrize(
    "order",
    [[FIRED, FIRED], [FIRED, FIRED, RESOLVED, FIRED], [FIRED, RESOLVED, RESOLVED, FIRED, FIRED]],
    ids=["twice", "a retry after the end", "everything twice"],
)
def test_retries_of_one_event_are_one_incident_told_once(ports, order):
    replies = [take(ports, body, NOW) for body in order]

    assert {reply.status for reply in replies} == {202}
    (incident,) = incidents(ports)
    assert incident.open == (RESOLVED not in order)
    assert len(told(ports)) == 1 + (RESOLVED in order)


def test_what_is_over_before_it_was_heard_of_opens_nothing(ports):
    replies = [take(ports, body, NOW) for body in (RESOLVED, FIRED, FIRED)]

    assert {reply.status for reply in replies} == {202}
    assert incidents(ports) == []
    assert told(ports) == []


def test_what_fires_again_opens_anew_and_the_end_of_the_first_time_does_not_close_it(ports):
    first, end, again = health("Unavailable", 1), health("Available", 2), health("Unavailable", 3)

    for body in (first, again, end):
        take(ports, body, NOW)

    (incident,) = incidents(ports)
    assert incident.open


def test_all_of_an_alerts_words_may_come_in_one_body(ports):
    words = [health("Unavailable", 1), health("Available", 2), health("Unavailable", 3)]

    reply = take(ports, b"[" + b",".join(words) + b"]", NOW)

    assert (reply.status, reply.text) == (202, "taken")
    (incident,) = incidents(ports)
    assert incident.open
    assert len(told(ports)) == 3


def test_an_event_whose_time_is_over_is_not_opened_by_a_retry(ports):
    event = (AZURE / "activitylog-common-security.json").read_bytes()
    take(ports, event, NOW)
    later = NOW + timedelta(hours=25)
    tend(ports, later)
    before = told(ports)

    assert take(ports, event, later).status == 202
    (incident,) = incidents(ports)
    assert not incident.open
    assert told(ports) == before


def test_what_comes_too_late_is_said_in_the_log(ports):
    logged: list[Any] = []
    for body in (RESOLVED, FIRED):
        take(replace(ports, log=logged.append), body, NOW)

    (line,) = [event for event in logged if event["event"] == "late"]
    assert line["rule"] == "errors-high"


WORDS = {1: "Unavailable", 2: "Available", 3: "Unavailable", 4: "Available"}


@given(
    st.lists(st.sampled_from(sorted(WORDS)), min_size=1, max_size=8).flatmap(
        lambda sent: st.permutations(sent + sorted(set(sent)))
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_the_newest_word_stands(tmp_path_factory, minutes):
    for ports in ports_in(tmp_path_factory.mktemp("order") / "any.db"):
        for second, minute in enumerate(minutes):
            at = NOW + timedelta(seconds=second)
            assert take(ports, health(WORDS[minute], minute), at).status == 202
        still_open = [incident for incident in incidents(ports) if incident.open]

        assert len(still_open) == (WORDS[max(minutes)] == "Unavailable")


@pytest.mark.parametrize("call", range(1, 13))
@pytest.mark.parametrize(("mine", "theirs"), [(FIRED, RESOLVED), (RESOLVED, FIRED), (FIRED, FIRED)])
def test_two_workers_at_the_same_moment_leave_nothing_open_that_is_over(ports, mine, theirs, call):
    """The other worker does all of its work just before this one's call of that number."""

    class Between:
        calls = 0

        def __getattr__(self, name):
            def method(*given):
                self.calls += 1
                if self.calls == call:
                    assert take(ports, theirs, NOW).status == 202
                return getattr(ports.store, name)(*given)

            return method

    between: Any = Between()
    reply = take(replace(ports, store=between), mine, NOW)

    if reply.status == 503:  # they collided: Azure sends it again
        assert take(ports, mine, NOW).status == 202
    if between.calls < call:
        take(ports, theirs, NOW)
    still_open = [incident for incident in incidents(ports) if incident.open]
    assert len(still_open) == (RESOLVED not in (mine, theirs))
