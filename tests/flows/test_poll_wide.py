"""All that is metered, read from the simulated tenant by the app's own clients, kept and told of."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from cli.run import ports_for
from shared.core.model import Kind
from shared.flows.accounts import load_accounts
from shared.flows.keep import load_mark
from shared.flows.metrics import load_memory
from shared.flows.poll import poll_scope
from shared.formats import records
from shared.formats.watch_file import MeterName, parse_watch
from sim.process import running_tenant
from sim.wide import MEDIA
from tests.telling import incidents

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OF_CONSUMERS = {"consumer tokens in", "consumer tokens out", "consumer calls"}
SELDOM = {"requests refused", "failed share"}  # in this estate
LIMITS = "\n".join(
    f"- {{name: '{name}', meter: '{name}', above: 0, hold: 5m}}" for name in get_args(MeterName)
)


@pytest.fixture(scope="module")
def tenant():
    with running_tenant(estate="wide") as running:
        yield running


@pytest.fixture
def ports(tenant, tmp_path):
    tenant.set_scenario("calm")
    found = ports_for(tenant, tmp_path)
    return replace(found, watch=parse_watch(f"anomalies: {{enabled: false}}\nlimits:\n{LIMITS}"))


def poll(ports, tenant, now):
    tenant.set_clock(now)
    job = json.dumps({"source": "usage", "subject": MEDIA, "round": now.isoformat()})
    nudges = poll_scope(ports, job, now)
    assert load_mark(ports, "usage", MEDIA)[0].trouble == ""
    return nudges


def kept(ports):
    rows = ports.store.scan(records.readings_partition(MEDIA), "usage|")
    return [one for row in rows for one in records.unpack(row.body)]


@pytest.fixture
def training(tenant):
    """The morning of the day on which a model is trained from ten to one."""
    return tenant.estate.live + 5 * DAY


def test_every_metric_that_azure_has_is_kept_and_can_be_alerted_on(ports, tenant, training):
    for hour in (2, 3.25, 10.25, 11.25, 14.25):
        poll(ports, tenant, training + hour * HOUR)

    expected = set(get_args(MeterName)) - OF_CONSUMERS - SELDOM
    assert {one.meter.name for one in kept(ports)} >= expected - {"throttled share"}
    told = {one.alert.rule for one in incidents(ports) if one.alert.kind is Kind.LIMIT}
    assert told >= expected
    assert all(one.alert.owner == "media@contoso.example" for one in incidents(ports))


def test_agents_of_every_project_are_read(ports, tenant, training):
    poll(ports, tenant, training + 12 * HOUR)

    projects = {project for account in load_accounts(ports, MEDIA) for project in account.projects}
    of_agents = {one.scope.resource for one in kept(ports) if one.meter.name == "agent tokens in"}
    assert of_agents == projects
    assert len(projects) >= 2


def test_answers_that_name_no_resource_are_read_by_the_order_asked(ports, tenant, training, tmp_path):
    poll(ports, tenant, training + 12 * HOUR)
    (tmp_path / "anonymous").mkdir()
    other = replace(ports_for(tenant, tmp_path / "anonymous"), watch=ports.watch)
    tenant.set_options(metrics_anonymous=True)
    poll(other, tenant, training + 12 * HOUR)

    assert kept(other) == kept(ports) != []


def test_a_region_of_older_metrics_is_read_as_far_as_it_goes(ports, tenant, training):
    tenant.set_options(metrics_unknown=["swedencentral"])
    poll(ports, tenant, training + 12 * HOUR)

    (older, newer) = sorted(load_accounts(ports, MEDIA), key=lambda one: one.region, reverse=True)
    assert (older.region, newer.region) == ("swedencentral", "eastus2")
    assert load_memory(ports, MEDIA).families == {older.id: "older", newer.id: "newer"}
    seen = {one.meter.name for one in kept(ports) if one.scope.resource == older.id}
    assert {"tokens in", "latency", "requests ok"} <= seen
    assert "images" not in seen


def test_an_account_that_is_removed_closes_its_alerts_and_the_other_is_read_on(ports, tenant, training):
    poll(ports, tenant, training + 10 * HOUR)
    gone, there = sorted(load_accounts(ports, MEDIA), key=lambda one: one.region)
    tenant.remove(gone.id)
    poll(ports, tenant, training + 10 * HOUR + 15 * MINUTE)

    limits = [one for one in incidents(ports) if one.alert.kind is Kind.LIMIT]
    of_gone = [one for one in limits if one.alert.scope.resource.startswith(gone.id)]
    assert of_gone
    assert {(one.open, one.alert.why) for one in of_gone} == {(False, "the account was removed")}
    assert any(one.open for one in limits if one.alert.scope.resource == there.id)
    assert [one.id for one in load_accounts(ports, MEDIA)] == [there.id]
