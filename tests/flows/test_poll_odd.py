"""Usage that is read whole, with holes, or in answers of the wrong shape: no round is lost, none is faked."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.run import ports_for
from shared.core.model import (
    LATENCY,
    PTU_UTILISATION,
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_THROTTLED,
    TIME_TO_FIRST_TOKEN,
    TOKENS_IN,
    TOKENS_OUT,
    Meter,
    Scope,
)
from shared.flows.keep import load_mark
from shared.flows.poll import poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from tests.telling import NOW, SCOPE, Chat, ports_telling

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
SLOT = 5 * MINUTE
ONE = SCOPE.resource.split("/")[2]
COMPARED = {
    TOKENS_IN,
    TOKENS_OUT,
    LATENCY,
    TIME_TO_FIRST_TOKEN,
    PTU_UTILISATION,
    REQUESTS_OK,
    REQUESTS_THROTTLED,
    REQUESTS_FAILED,
}


@pytest.fixture
def ports(tenant, tmp_path):
    return ports_for(tenant, tmp_path)


def poll(ports, tenant, subscription, now):
    tenant.set_clock(now)
    return ask(ports, subscription, now)


def ask(ports, subscription, now):
    return poll_scope(ports, job("usage", subscription, now), now)


def job(source, subscription, now):
    return json.dumps({"source": source, "subject": subscription, "round": now.isoformat()})


def asking(ports: Ports, azure: Any) -> Ports:
    return replace(ports, azure=azure)


def kept(ports, subscription, start, end):
    """What was kept of a time, of the meters that the estate knows."""
    rows = ports.store.scan(records.readings_partition(subscription), "usage|")
    return {
        (one.scope, one.meter, one.start): one.value
        for row in rows
        for one in records.unpack(row.body)
        if start <= one.start and one.end <= end and one.meter in COMPARED
    }


def used(tenant, subscription, start, end):
    """What each deployment did in each five minutes in which it was called, from the estate itself."""
    found: dict[tuple[Scope, Meter, datetime], Decimal] = {}
    first, last = (int((moment - tenant.estate.start) / SLOT) for moment in (start, end))
    for account in tenant.estate.accounts:
        for one in account.deployments if account.subscription == subscription else ():
            scope, load = Scope(account.id.lower(), one.plan.name), one.load
            by_meter = {
                TOKENS_IN: (load.tokens_in, load.requests[200]),
                TOKENS_OUT: (load.tokens_out, load.requests[200]),
                LATENCY: (load.last_byte_ms.round(4), load.requests[200]),
                TIME_TO_FIRST_TOKEN: (load.first_token_ms.round(4), load.requests[200]),
                REQUESTS_OK: (load.requests[200], load.requests[200]),
                REQUESTS_THROTTLED: (load.requests[429], load.requests[429]),
                REQUESTS_FAILED: (failed := load.requests[500] + load.requests[503], failed),
            }
            if load.utilisation is not None:
                by_meter[PTU_UTILISATION] = (load.utilisation.round(4), load.utilisation + 1)
            found |= {
                (scope, meter, tenant.estate.start + slot * SLOT): Decimal(str(values[slot]))
                for meter, (values, weights) in by_meter.items()
                for slot in range(first, last)
                if weights[slot]
            }
    return found


@pytest.mark.parametrize("subscription", [AGENTS, PLATFORM, SANDBOX], ids=["agents", "platform", "sandbox"])
def test_every_reading_of_a_day_is_what_happened(ports, tenant, live, subscription):
    for hour in range(26):
        poll(ports, tenant, subscription, live + hour * HOUR)

    assert kept(ports, subscription, live, live + 24 * HOUR) == used(
        tenant, subscription, live, live + 24 * HOUR
    )


class Holes:
    """Azure, but for two points of every three that have not arrived yet."""

    def __init__(self, azure):
        self.azure = azure

    def __getattr__(self, name):
        return getattr(self.azure, name)

    def metrics(self, *question):
        answer = self.azure.metrics(*question)
        for result in answer["values"]:
            for metric in result["value"]:
                for series in metric["timeseries"]:
                    series["data"] = [
                        point if number % 3 == 0 else {"timeStamp": point["timeStamp"]}
                        for number, point in enumerate(series["data"])
                    ]
        return answer


def test_a_hole_is_unknown_and_filled_when_the_data_comes(ports, tenant, live):
    start, end = live + 10 * HOUR, live + 11 * HOUR
    poll(asking(ports, Holes(ports.azure)), tenant, SANDBOX, end + 10 * MINUTE)
    truth = used(tenant, SANDBOX, start, end)
    found = kept(ports, SANDBOX, start, end)
    assert 0 < len(found) < len(truth)
    assert found.items() <= truth.items()

    poll(ports, tenant, SANDBOX, end + 20 * MINUTE)
    assert kept(ports, SANDBOX, start, end) == truth


def test_data_that_goes_away_again_does_not_undo_what_was_read(ports, tenant, live):
    poll(ports, tenant, SANDBOX, live + HOUR)
    before = kept(ports, SANDBOX, live, live + HOUR)
    poll(asking(ports, Holes(ports.azure)), tenant, SANDBOX, live + HOUR + SLOT)

    assert kept(ports, SANDBOX, live, live + HOUR).items() >= before.items()


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("getBatch", {"status": 529}),
        ("getBatch", {"cut": "after"}),
        ("getBatch", {"cut": True}),
        ("getBatch", {"status": 200, "body": "<html>"}),
        ("getBatch", {"status": 200, "body": '{"values": [{"value": ['}),
        ("getBatch", {"status": 200, "body": {}}),
        ("accounts", {"status": 200, "body": {}}),
        ("accounts", {"status": 404}),
        ("accounts", {"status": 500}),
    ],
    ids=lambda value: value if isinstance(value, str) else json.dumps(value),
)
def test_a_round_that_fails_is_made_up_for_by_the_next(ports, tenant, live, path, fault):
    tenant.set_faults([{"path_contains": path, **fault}])
    poll(ports, tenant, SANDBOX, live)
    mark = load_mark(ports, "usage", SANDBOX)[0]
    assert (mark.read_until, mark.failing_since) == (None, live)
    assert mark.trouble

    tenant.set_faults([])
    poll(ports, tenant, SANDBOX, live + HOUR)
    mark = load_mark(ports, "usage", SANDBOX)[0]
    assert (mark.read_until, mark.failing_since, mark.trouble) == (live + HOUR, None, "")
    assert kept(ports, SANDBOX, live, live + 50 * MINUTE) == used(tenant, SANDBOX, live, live + 50 * MINUTE)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "value values name id location tags properties model resourceid timeseries data "
                "metadatavalues timeStamp total average columns rows".split()
            ),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


class Odd:
    """Azure as nobody has seen it: the right outermost shape, and anything inside."""

    def __init__(self, things):
        self.things = things

    def accounts(self, subscription):
        sound = {"id": f"/subscriptions/{subscription}/one", "location": "West Europe"}
        return [sound, *(one for one in self.things if isinstance(one, dict))]

    def resource_groups(self, subscription):
        return [one for one in self.things if isinstance(one, dict)]

    def projects(self, account):
        return [one for one in self.things if isinstance(one, dict)]

    def deployments(self, account):
        return [one for one in self.things if isinstance(one, dict)]

    def metrics(self, *question):
        point = {"timeStamp": "2026-09-08T14:00:00Z", "total": 5}
        label = {"name": {"value": "modeldeploymentname"}, "value": "chat"}
        metric = {
            "name": {"value": "InputTokens"},
            "timeseries": [{"metadatavalues": [label, *self.things], "data": [point, *self.things]}],
        }
        return {"values": [{"value": [metric, *self.things]}, *self.things]}


@given(st.lists(odd, max_size=5))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_stands_inside_an_answer_what_is_sound_in_it_is_kept(things):
    with ports_telling(Chat(), ":memory:") as without:
        ports = asking(without, Odd(things))
        poll_scope(ports, job("usage", ONE, NOW), NOW)
        assert load_mark(ports, "usage", ONE)[0].trouble == ""
        rows = list(ports.store.scan(records.readings_partition(ONE)))
        parts = {one.scope.part for row in rows for one in records.unpack(row.body)}

    assert "chat" in parts
