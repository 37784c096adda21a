"""Usage seen with prices: what has none is told once with its tokens, and what a rise costs is said."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cli.run import ports_for
from shared.core.model import Kind
from shared.edges.sqlite import SqliteStore
from shared.flows.accounts import load_accounts
from shared.flows.keep import known_names
from shared.flows.poll import plan, poll_scope
from shared.flows.pricing import EVERYWHERE, keep_book, load_book, tell_unpriced
from shared.formats import records
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM
from sim.incidents import LOOP
from tests.telling import Killed, Mortal, incidents, keys

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def noon(tenant):
    """When people work, on the first of the days that are watched."""
    return tenant.estate.live + 12 * HOUR


@pytest.fixture(scope="module")
def begun(tenant, noon, tmp_path_factory):
    """The folder of an app that has read every estate, and no price yet."""
    folder = tmp_path_factory.mktemp("begun")
    ports = ports_for(tenant, folder)
    everything(ports, tenant, "usage", noon)
    return folder


@pytest.fixture
def ports(tenant, begun, tmp_path):
    copy(begun, tmp_path)
    return ports_for(tenant, tmp_path)


def copy(begun, folder):
    for file in begun.glob("meterwatch.db*"):
        shutil.copy(file, folder)


def everything(ports, tenant, timer, now):
    """Runs a round of a timer; answers the nudges."""
    tenant.set_clock(now)
    return [nudge for job in plan(ports, timer, now) for nudge in poll_scope(ports, job, now)]


def read_prices(ports, tenant, now, without=()):
    """Reads the price list, in which the meters of some models are not."""
    lacking: Any = Lacking(ports.azure, without)
    job = json.dumps({"source": "prices", "subject": "retail", "round": now.isoformat()})
    tenant.set_clock(now)
    poll_scope(replace(ports, azure=lacking), job, now)


class Lacking:
    """Stands before the price list: leaves out the meters whose name begins so."""

    def __init__(self, azure: Any, names: tuple[str, ...]) -> None:
        self.azure, self.names = azure, names

    def price_page(self, question, link=""):
        page = self.azure.price_page(question, link)
        return {**page, "Items": [one for one in page["Items"] if not self.lacks(one["meterName"])]}

    def lacks(self, name):
        return name.replace("-", " ").startswith(self.names)


def unpriced(ports):
    return [one for one in incidents(ports) if one.alert.rule == "no price"]


def used(tenant, deployment, end):
    """The tokens in and out of a deployment in the hour before, from the estate itself."""
    estate = tenant.estate
    first, last = (int((at - estate.start).total_seconds()) // 300 for at in (end - HOUR, end))
    (load,) = (
        one.load for account in estate.accounts for one in account.deployments if one.plan.name == deployment
    )
    return int(load.tokens_in[first:last].sum()), int(load.tokens_out[first:last].sum())


def test_the_whole_way_from_prices_to_a_newcomer_told_once_with_its_tokens(ports, tenant, noon):
    read_prices(ports, tenant, noon, without=("gpt 4.1 Outp Data Zone",))
    now = noon + 5 * MINUTE
    nudges = everything(ports, tenant, "usage", now)

    told = {one.alert.scope: one for one in unpriced(ports)}
    (mine,) = [one for scope, one in told.items() if AGENTS in scope.resource]
    _, tokens = used(tenant, "docs-summary", now - 5 * MINUTE)
    assert mine.alert.seen is not None
    assert (mine.alert.seen.value, mine.alert.seen.unit) == (Decimal(tokens), "tokens")
    assert mine.alert.what.startswith(
        "No price: model gpt-4.1 (2025-04-14, DataZoneStandard) on docs-summary in aoai-documents-swc used "
    )
    assert mine.alert.what.endswith("output tokens in the last hour; not in any cost estimate")
    assert mine.alert.owner == "documents@contoso.example"
    assert {scope.part for scope in told} == {"docs-summary", "ask-the-data"}
    assert {one.nudge for one in mine.addresses} <= {*nudges}
    assert len(mine.addresses) == 2
    for rounds in range(1, 4):
        assert everything(ports, tenant, "usage", now + rounds * 5 * MINUTE) == []
    assert [one.alert.scope for one in unpriced(ports)] == [*told]


def test_prices_for_every_region_stand_with_those_of_a_region_and_never_for_it(ports, tenant, noon):
    read_prices(ports, tenant, noon)
    own = load_book(ports, "westeurope")
    assert own is not None
    everywhere = replace(own, meters=(replace(own.meters[0], region=""),), billed=())
    keep_book(ports, EVERYWHERE, everywhere)

    assert load_book(ports, "westeurope") == replace(own, meters=own.meters + everywhere.meters)
    assert load_book(ports, "japaneast") is None


def test_where_everything_has_its_price_nothing_is_told(ports, tenant, noon):
    read_prices(ports, tenant, noon)
    everything(ports, tenant, "usage", noon + 5 * MINUTE)
    assert unpriced(ports) == []


def test_without_a_book_nothing_is_said_to_have_no_price(ports, tenant, noon):
    everything(ports, tenant, "usage", noon + 5 * MINUTE)
    assert load_book(ports, "swedencentral") is None
    assert unpriced(ports) == []


@pytest.mark.parametrize("watch", ["newcomers: false", "prices: {enabled: false}"])
def test_who_does_not_want_to_know_is_not_told(ports, tenant, noon, watch):
    read_prices(ports, tenant, noon, without=("gpt",))
    everything(replace(ports, watch=parse_watch(watch)), tenant, "usage", noon + 5 * MINUTE)
    assert unpriced(ports) == []

    everything(ports, tenant, "usage", noon + 10 * MINUTE)
    assert unpriced(ports) != []


def test_a_price_that_comes_later_ends_nothing_early_and_a_second_model_is_told(ports, tenant, noon):
    read_prices(ports, tenant, noon, without=("gpt 4.1 mini Inp",))
    everything(ports, tenant, "usage", noon + 5 * MINUTE)
    (first,) = unpriced(ports)
    read_prices(ports, tenant, noon + DAY, without=("gpt oss",))
    everything(ports, tenant, "usage", noon + DAY)

    found = {one.alert.scope.part for one in unpriced(ports)}
    assert found == {first.alert.scope.part, "open-weights"}
    assert set(known_names(ports, PLATFORM, "unpriced") or ()) == {
        "no price: gpt-4.1-mini 2025-04-14 GlobalStandard input",
        "no price: gpt-oss-120b 1 GlobalStandard input",
        "no price: gpt-oss-120b 1 GlobalStandard output",
    }


def test_told_by_a_process_that_may_die_anywhere_it_is_told_once(ports, tenant, noon, tmp_path):
    read_prices(ports, tenant, noon, without=("gpt 4.1 mini Inp",))
    readings = [
        one
        for row in ports.store.scan(records.readings_partition(PLATFORM), "usage|")
        for one in records.unpack(row.body)
        if one.end > noon - HOUR
    ]
    given = PLATFORM, load_accounts(ports, PLATFORM), readings, noon

    for died in count():
        (tmp_path / str(died)).mkdir()
        copy(tmp_path, tmp_path / str(died))
        tried = replace(ports, store=SqliteStore(tmp_path / str(died) / "meterwatch.db"))
        before = len(keys(tried, "waiting|"))
        with suppress(Killed):
            tell_unpriced(replace(tried, store=Mortal(died).standing_before(tried.store)), *given)
            break
        tell_unpriced(tried, *given)
        assert tell_unpriced(tried, *given) == []
        assert len(keys(tried, "waiting|")) - before == 2, died
        assert len(unpriced(tried)) == 1

    assert died > 5


def test_a_loop_is_told_with_what_it_costs_an_hour(ports, tenant):
    (loop,) = (one for one in tenant.estate.incidents if one.kind == LOOP)
    now = loop.start + 3 * HOUR
    everything(ports, tenant, "usage", now - 10 * MINUTE)
    read_prices(ports, tenant, now - 5 * MINUTE)
    everything(ports, tenant, "usage", now)

    (alert,) = (one.alert for one in incidents(ports) if one.alert.kind is Kind.ANOMALY)
    assert alert.scope.part == "agents-reason"
    (cost,) = (one.text for one in alert.details if one.label == "Cost")
    tokens_in, tokens_out = used(tenant, "agents-reason", now - 5 * MINUTE)
    dollars = 0.000002 * tokens_in + 0.000008 * tokens_out
    assert cost == f"about {dollars:.2f} USD an hour at list price"
