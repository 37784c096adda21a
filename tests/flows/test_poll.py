"""Polling the simulated tenant: what is read is what happened, and no fault stops the rest or loses any."""

import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cli.run import ports_for
from shared.core.faults import Unreachable
from shared.core.model import TOKENS_IN, Incident, Kind, Scope
from shared.flows.costs import bill_of, days_since
from shared.flows.keep import known_names, load_baselines, load_mark
from shared.flows.poll import plan, poll_scope
from shared.flows.tend import tend
from shared.formats import records
from sim.blueprint import AGENTS, PLATFORM, SANDBOX

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def ports(tenant, tmp_path):
    return ports_for(tenant, tmp_path)


def job(source, subscription, now):
    return json.dumps({"source": source, "subject": subscription, "round": now.isoformat()})


def poll(ports, tenant, source, subscription, now):
    tenant.set_clock(now)
    return poll_scope(ports, job(source, subscription, now), now)


def usage(ports, subscription):
    rows = ports.store.scan(records.readings_partition(subscription), "usage|")
    return [reading for row in rows for reading in records.unpack(row.body)]


def incidents(ports, kind):
    found = [records.decode(row.body, Incident) for row in ports.store.scan(records.ALERTS, "incident|")]
    return [one for one in found if one.alert.kind is kind]


def true_tokens_in(tenant, subscription, start, end):
    """What each deployment really used, from the estate itself."""
    estate = tenant.estate
    first, last = (int((moment - estate.start).total_seconds()) // 300 for moment in (start, end))
    return {
        Scope(account.id.lower(), one.plan.name): int(one.load.tokens_in[first:last].sum())
        for account in estate.accounts
        if account.subscription == subscription
        for one in account.deployments
    }


@pytest.mark.parametrize("subscription", [AGENTS, PLATFORM, SANDBOX])
def test_what_is_kept_is_what_each_deployment_used(ports, tenant, live, subscription):
    for minutes in range(0, 8 * 60 + 31, 30):
        poll(ports, tenant, "usage", subscription, live + minutes * MINUTE)

    kept: dict[Scope, Decimal] = defaultdict(Decimal)
    for reading in usage(ports, subscription):
        if reading.meter == TOKENS_IN and live <= reading.start < live + 8 * HOUR:
            kept[reading.scope] += reading.value
    truth = true_tokens_in(tenant, subscription, live, live + 8 * HOUR)
    assert {scope: int(value) for scope, value in kept.items()} == {
        scope: value for scope, value in truth.items() if value
    }


def test_the_first_look_reads_four_weeks_and_later_ones_do_not(ports, tenant, live):
    poll(ports, tenant, "usage", AGENTS, live)
    before = tenant.requests()["counts"]["metrics"]
    poll(ports, tenant, "usage", AGENTS, live + 5 * MINUTE)

    baselines = load_baselines(ports, AGENTS)
    assert all(one.ready for one in baselines.values())
    assert len(baselines) == 7
    assert tenant.requests()["counts"]["metrics"] - before == 2


def test_ticks_that_were_missed_change_nothing_in_the_end(ports, tenant, live, tmp_path):
    for minutes in range(0, 3 * 60 + 1, 5):
        poll(ports, tenant, "usage", SANDBOX, live + minutes * MINUTE)
    seldom = ports_for(tenant, tmp_path / "seldom" if (tmp_path / "seldom").mkdir() is None else tmp_path)
    for hours in (0, 2, 3):
        poll(seldom, tenant, "usage", SANDBOX, live + hours * HOUR)

    def settled(some):
        return sorted(
            (one.scope, one.meter, one.start, one.value)
            for one in usage(some, SANDBOX)
            if live <= one.start and one.end <= live + 2 * HOUR
        )

    assert settled(ports) == settled(seldom)


def test_one_subscription_that_fails_does_not_stop_the_others(ports, tenant, live):
    tenant.set_faults([{"path_contains": PLATFORM, "status": 403}])
    for message in plan(ports, "usage", live):
        poll_scope(ports, message, live)

    answered = {one: load_mark(ports, "usage", one)[0].answered_at for one in (AGENTS, PLATFORM, SANDBOX)}
    assert answered == {AGENTS: live, PLATFORM: None, SANDBOX: live}


def test_a_refusal_that_lasts_is_told_once_and_its_end_too(ports, tenant, live):
    tenant.set_faults([{"path_contains": "getBatch", "status": 403}])
    told = [
        len(poll(ports, tenant, "usage", SANDBOX, live + minutes * MINUTE)) for minutes in range(0, 61, 10)
    ]
    tenant.set_faults([])
    told.append(len(poll(ports, tenant, "usage", SANDBOX, live + 70 * MINUTE)))

    # Two channels hear of it after half an hour, and again when it is over.
    assert told == [0, 0, 0, 2, 0, 0, 0, 2]
    (incident,) = incidents(ports, Kind.FRESHNESS)
    assert not incident.open
    assert load_mark(ports, "usage", SANDBOX)[0].read_until == live + 70 * MINUTE


def test_a_throttled_source_is_left_alone_and_the_other_goes_on(ports, tenant, live):
    header = {"x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "600"}
    tenant.set_faults([{"path_contains": "query", "status": 429, "headers": header, "times": 1}])
    poll(ports, tenant, "spend", SANDBOX, live)
    asked = tenant.requests()["counts"].get("costs", 0)

    poll(ports, tenant, "spend", SANDBOX, live + 9 * MINUTE)
    poll(ports, tenant, "usage", SANDBOX, live + 9 * MINUTE)
    assert tenant.requests()["counts"].get("costs", 0) == asked
    assert load_mark(ports, "usage", SANDBOX)[0].answered_at == live + 9 * MINUTE

    poll(ports, tenant, "spend", SANDBOX, live + 10 * MINUTE)
    assert load_mark(ports, "spend", SANDBOX)[0].answered_at == live + 10 * MINUTE


def test_polls_that_do_not_run_are_told_by_tend(ports, tenant, live):
    for source in ("usage", "spend"):
        for message in plan(ports, source, live):
            poll_scope(ports, message, live)

    assert tend(ports, live + 29 * MINUTE) == []
    assert len(tend(ports, live + 31 * MINUTE)) == 6  # three subscriptions, two channels
    assert len(incidents(ports, Kind.FRESHNESS)) == 3


def test_a_new_deployment_is_noticed_by_its_metrics(ports, tenant, live):
    made = next(one for one in tenant.estate.incidents if one.kind == "new model").start
    poll(ports, tenant, "usage", AGENTS, made - 10 * MINUTE)
    poll(ports, tenant, "usage", AGENTS, made + 20 * MINUTE)

    (incident,) = incidents(ports, Kind.NEWCOMER)
    assert "New model: gpt-5.4" in incident.alert.what
    assert "deployment: agents-next in aif-agents-swc" in (known_names(ports, AGENTS, "estate") or {})


def test_costs_are_kept_by_day_and_corrected(ports, tenant, live):
    poll(ports, tenant, "spend", AGENTS, live + 12 * HOUR)
    early = {(one.scope, one.start): one.value for one in days_since(ports, bill_of(AGENTS), live - 2 * DAY)}
    poll(ports, tenant, "spend", AGENTS, live + 3 * DAY)
    late = {(one.scope, one.start): one.value for one in days_since(ports, bill_of(AGENTS), live - 2 * DAY)}

    corrected = [key for key in early if late[key] != early[key]]
    assert corrected
    assert sum(late[key] for key in early) > sum(early.values())


def test_odd_cost_rows_are_logged_and_the_others_kept(ports, tenant, live):
    class Odd:
        def cost_page(self, scope, question, link=""):
            page = ports.azure.cost_page(scope, question, link)
            if page:
                page["properties"]["rows"].append(["what", "is", "this"])
            return page

    logged: list[Any] = []
    odd = replace(ports, azure=Odd(), log=logged.append)
    poll(odd, tenant, "spend", SANDBOX, live)

    assert [event["event"] for event in logged if event["event"] == "odd cost row"]
    assert days_since(ports, bill_of(SANDBOX), live - 10 * DAY)


def test_an_answer_that_never_comes_is_a_fault_of_the_source(ports, live):
    class Cut:
        def accounts(self, subscription):
            raise Unreachable("ARM list: ServiceRequestError")

    cut = replace(ports, azure=Cut())
    assert poll_scope(cut, job("usage", SANDBOX, live), live) == []

    mark = load_mark(ports, "usage", SANDBOX)[0]
    assert (mark.failing_since, mark.trouble) == (live, "ARM list: ServiceRequestError")
