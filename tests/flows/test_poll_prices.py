"""Prices: the simulated tenant's list read by region, page by page, and the rates that its bill shows."""

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
from shared.core.faults import NotThere, Unreachable
from shared.core.freshness import LEASE, PATIENCE
from shared.core.model import Deployment
from shared.core.prices import PriceBook, RateSource, TokenKind, rate_for
from shared.edges.sqlite import SqliteStore
from shared.flows.keep import load_mark
from shared.flows.poll import left_over, plan, poll_scope
from shared.flows.poll_prices import MOST_PAGES
from shared.flows.ports import Ports
from shared.flows.pricing import billed_days, kept_book, load_book
from shared.flows.tend import tend
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.meters import PRICES
from tests.telling import Killed, Mortal, incidents

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
REGIONS = ("eastus2", "swedencentral", "westeurope")
EVERY = (AGENTS, PLATFORM, SANDBOX)
GPT4O = Deployment("support-chat", "gpt-4o", "2024-11-20", "GlobalStandard")


@pytest.fixture(scope="module")
def begun(tenant, tmp_path_factory):
    """The folder of an app that has just read every estate."""
    folder = tmp_path_factory.mktemp("begun")
    ports, now = ports_for(tenant, folder), tenant.estate.live
    tenant.set_clock(now)
    for job in plan(ports, "usage", now):
        poll_scope(ports, job, now)
    return folder


@pytest.fixture
def ports(tenant, live, begun, tmp_path):
    """Ports of that app, in a folder of its own."""
    copy(begun, tmp_path)
    return ports_for(tenant, tmp_path)


def copy(begun, folder):
    for file in begun.glob("meterwatch.db*"):
        shutil.copy(file, folder)


def poll(ports, tenant, source, subject, now):
    tenant.set_clock(now)
    return poll_scope(ports, job_at(now, source, subject), now)


def job_at(now, source="prices", subject="retail"):
    return json.dumps({"source": source, "subject": subject, "round": now.isoformat()})


def read_prices(ports, tenant, now):
    return poll(ports, tenant, "prices", "retail", now)


def run(ports, now):
    poll_scope(ports, job_at(now), now)


def calls(tenant):
    return tenant.requests()["counts"].get("prices", 0)


def books(ports):
    return {region: kept_book(ports, region) for region in (*REGIONS, "global")}


def mark_of(ports):
    return load_mark(ports, "prices", "retail")[0]


def of_prices(ports):
    """The incident of prices that do not come."""
    return [one for one in incidents(ports) if one.alert.key == "freshness|prices|retail"]


def book_of(ports: Ports, region: str) -> PriceBook:
    book = load_book(ports, region)
    assert book is not None
    return book


class PriceList:
    """Stands before the price list: what it answers may be another thing, or a fault, for some regions."""

    def __init__(self, ports: Ports, change: Any) -> None:
        self.ports, self.change = ports, change

    def price_page(self, question, link=""):
        answer = self.change(question["$filter"], self.ports.azure.price_page(question, link))
        if isinstance(answer, Exception):
            raise answer
        return answer


def changed(ports: Ports, change: Any, **named: Any) -> Ports:
    azure: Any = PriceList(ports, change)
    return replace(ports, azure=azure, **named)


def test_each_region_in_use_has_a_book_that_is_read_once_a_day(ports, tenant, live):
    read_prices(ports, tenant, live)
    found = books(ports)
    asked = calls(tenant)

    assert {region for region, book in found.items() if book and book.meters} == set(REGIONS)
    assert all({meter.region for meter in book.meters} <= {region} for region, book in found.items())
    read_prices(ports, tenant, live + DAY - MINUTE)
    assert calls(tenant) == asked
    read_prices(ports, tenant, live + DAY)
    assert calls(tenant) == 2 * asked


def test_pages_make_one_book(ports, tenant, live):
    read_prices(ports, tenant, live)
    whole = books(ports)
    tenant.set_options(prices_page=7)
    read_prices(ports, tenant, live + DAY)

    assert {region: book.meters for region, book in books(ports).items()} == {
        region: book.meters for region, book in whole.items()
    }


def test_every_deployment_that_pays_by_the_token_has_its_price(ports, tenant, live):
    read_prices(ports, tenant, live)
    for account in tenant.estate.accounts:
        book = book_of(ports, account.plan.region)
        for one in account.plan.deployments:
            prices = PRICES[one.model, one.sku]
            deployment = Deployment(one.name, one.model, one.version, one.sku)
            for kind, meter in ((TokenKind.INPUT, prices.input), (TokenKind.OUTPUT, prices.output)):
                if meter is None or not meter.size:
                    continue
                rate = rate_for(book, deployment, account.plan.region, kind)
                assert rate is not None, (one, kind)
                assert rate.amount == Decimal(str(meter.price)) / meter.size, (one, kind)


def test_without_prices_nothing_is_asked_or_known(ports, tenant, live):
    read_prices(ports, tenant, live)
    off = replace(ports, watch=parse_watch("prices: {enabled: false}"))

    assert not [one for one in plan(off, "spend", live) if "prices" in one]
    assert load_book(off, "swedencentral") is None
    assert load_book(ports, "swedencentral") is not None


def test_without_an_estate_nothing_is_asked_and_the_next_round_asks(tenant, live, tmp_path):
    ports = ports_for(tenant, tmp_path)
    before = calls(tenant)
    read_prices(ports, tenant, live)
    assert calls(tenant) == before

    for job in plan(ports, "usage", live):
        poll_scope(ports, job, live)
    read_prices(ports, tenant, live + HOUR)
    assert calls(tenant) > before


def test_the_bill_shows_what_is_paid_and_the_list_only_what_is_asked(ports, tenant, live):
    read_prices(ports, tenant, live)
    for_list = rate_for(book_of(ports, "swedencentral"), GPT4O, "swedencentral", TokenKind.INPUT)
    day = (live + DAY).date()
    reduced = {"at": live.isoformat(), "day": (day - 6 * DAY).isoformat(), "factor": 0.8}
    tenant.set_options(cost_corrections=[reduced])
    poll(ports, tenant, "spend", AGENTS, live + HOUR)
    read_prices(ports, tenant, live + HOUR)
    for_bill = rate_for(book_of(ports, "swedencentral"), GPT4O, "swedencentral", TokenKind.INPUT)

    assert for_list is not None
    assert for_bill is not None
    assert (for_list.source, for_bill.source) == (RateSource.LIST, RateSource.BILL)
    assert float(for_bill.amount) == pytest.approx(0.8 * float(for_list.amount))


def test_rates_stay_when_the_list_is_read_again_and_follow_the_bill(ports, tenant, live):
    poll(ports, tenant, "spend", AGENTS, live)
    read_prices(ports, tenant, live)
    before = books(ports)["swedencentral"]
    reduced = {"at": live.isoformat(), "day": (live - 4 * DAY).date().isoformat(), "factor": 0.5}
    tenant.set_options(cost_corrections=[reduced])
    read_prices(ports, tenant, live + DAY)
    assert books(ports)["swedencentral"] == replace(before, as_of=live + DAY)

    poll(ports, tenant, "spend", AGENTS, live + DAY + HOUR)
    read_prices(ports, tenant, live + DAY + HOUR)
    after = books(ports)["swedencentral"]
    assert after.meters == before.meters
    assert {one.meter for one in after.billed} == {one.meter for one in before.billed}
    assert sum(one.amount for one in after.billed) < sum(one.amount for one in before.billed)


def test_a_bill_that_comes_before_the_estate_shows_its_rates_an_hour_later(tenant, live, tmp_path):
    ports = ports_for(tenant, tmp_path)
    poll(ports, tenant, "spend", AGENTS, live)
    assert list(billed_days(ports)) == []

    for job in plan(ports, "usage", live):
        poll_scope(ports, job, live)
    poll(ports, tenant, "spend", AGENTS, live + HOUR)
    assert {one.region for one in billed_days(ports)} == {"swedencentral"}
    assert {one.day for one in billed_days(ports)} == {live - 5 * DAY}


def test_a_bill_in_another_currency_than_the_list_shows_no_rate(ports, tenant, live):
    tenant.set_options(currencies={AGENTS: "EUR"})
    poll(ports, tenant, "spend", AGENTS, live)
    in_euro = replace(ports, watch=replace(ports.watch, prices=parse_watch("prices: {currency: EUR}").prices))
    read_prices(ports, tenant, live)
    read_prices(in_euro, tenant, live + HOUR)

    assert book_of(ports, "swedencentral").billed == ()
    book = book_of(in_euro, "swedencentral")
    assert {one.currency for one in book.billed} == {meter.currency for meter in book.meters} == {"EUR"}


def test_a_region_that_fails_keeps_its_older_book_and_is_asked_again_the_next_hour(ports, tenant, live):
    read_prices(ports, tenant, live)
    fault = NotThere("retail prices: Azure refuses the question")
    broken = changed(ports, lambda asked, page: fault if "swedencentral" in asked else page)
    read_prices(broken, tenant, live + DAY)

    ages = {region: book.as_of for region, book in books(ports).items()}
    assert ages == {"swedencentral": live} | dict.fromkeys(("eastus2", "westeurope", "global"), live + DAY)
    assert mark_of(ports).trouble == str(fault)
    before = calls(tenant)
    read_prices(ports, tenant, live + DAY + HOUR)
    assert books(ports)["swedencentral"].as_of == live + DAY + HOUR
    assert 0 < calls(tenant) - before <= 3
    assert mark_of(ports).trouble == ""


def test_a_list_that_has_nothing_for_a_region_in_use_is_not_believed(ports, tenant, live):
    read_prices(ports, tenant, live)
    empty = changed(ports, lambda asked, page: {**page, "Items": [], "NextPageLink": None})
    read_prices(empty, tenant, live + DAY)

    assert all(books(ports)[region].as_of == live for region in REGIONS)
    assert "none of any model" in mark_of(ports).trouble


def test_a_list_that_does_not_answer_is_not_asked_for_every_region(ports, tenant, live):
    tenant.set_faults([{"path_contains": "/prices/", "status": 500}])
    tenant.reset_requests()
    read_prices(ports, tenant, live)

    asked = [one["status"] for one in tenant.requests()["recent"] if one["path"].startswith("/prices/")]
    assert asked == [500, 500]


def test_the_regions_that_fail_do_not_keep_the_others_waiting(ports, tenant, live):
    def two_fail(asked, page):
        fails = "eastus2" in asked or "swedencentral" in asked
        return Unreachable("retail prices: ReadTimeout") if fails else page

    for hour in range(4):
        read_prices(changed(ports, two_fail), tenant, live + hour * HOUR)

    assert {region for region, book in books(ports).items() if book} == {"westeurope", "global"}


def test_a_throttled_list_is_left_alone_for_as_long_as_it_asks(ports, tenant, live):
    tenant.set_faults([{"path_contains": "/prices/", "status": 429, "headers": {"Retry-After": "600"}}])
    before = calls(tenant)
    read_prices(ports, tenant, live)
    tenant.set_faults([])
    read_prices(ports, tenant, live + 9 * MINUTE)

    assert mark_of(ports).not_before == live + 10 * MINUTE
    assert books(ports) == dict.fromkeys((*REGIONS, "global"))
    (again,) = [one for one in left_over(ports, live + 10 * MINUTE) if "prices" in one]
    poll_scope(ports, again, live + 10 * MINUTE)
    assert calls(tenant) > before
    assert all(books(ports).values())


def test_a_job_begins_no_more_regions_after_many_calls_and_the_next_goes_on(ports, tenant, live):
    tenant.set_options(prices_page=1)
    read = []
    for hour in range(4):
        read_prices(ports, tenant, live + hour * HOUR)
        read.append(sum(book is not None for book in books(ports).values()))

    assert 0 < read[0] < len(books(ports)) == read[-1]


def test_pages_that_do_not_end_are_a_fault(ports, tenant, live):
    class Endless:
        def price_page(self, question, link=""):
            return {"Items": [], "NextPageLink": "https://prices.azure.com/again"}

    azure: Any = Endless()
    read_prices(replace(ports, azure=azure), tenant, live)

    assert books(ports) == dict.fromkeys((*REGIONS, "global"))
    assert f"more than {MOST_PAGES} pages" in mark_of(ports).trouble


def test_odd_items_are_logged_in_one_line_and_the_others_kept(ports, tenant, live):
    logged: list[Any] = []

    def odd(asked, page):
        strange = {**page["Items"][0], "meterName": "gpt 9 weirdly glbl Tokens"} if page["Items"] else None
        return {**page, "Items": [*page["Items"], strange, 5]}

    read_prices(changed(ports, odd, log=logged.append), tenant, live)

    lines = [event for event in logged if event["event"] == "odd prices"]
    assert [event["region"] for event in lines if "weirdly" in event["items"]] == list(REGIONS)
    assert all("\n" not in event["items"] for event in lines)
    assert len(book_of(ports, "westeurope").meters) > 50


def test_prices_that_do_not_come_are_told_after_their_patience_and_stop_nothing_else(ports, tenant, live):
    tenant.set_faults([{"path_contains": "/prices/", "status": 500}])
    told = {}
    for hours in range(0, 97, 12):
        now = live + hours * HOUR
        tenant.set_clock(now)
        for job in plan(ports, "spend", now):
            poll_scope(ports, job, now)
        tend(ports, now)
        told[hours * HOUR] = [one.alert.what for one in of_prices(ports) if one.open]
        for subscription in EVERY:
            assert load_mark(ports, "spend", subscription)[0].answered_at == now

    for late, found in told.items():
        expected = ["Blind: no prices data for"] if late >= PATIENCE["prices"] else []
        assert [words[:25] for words in found] == expected, late
    tenant.set_faults([])
    read_prices(ports, tenant, live + 5 * DAY)
    (incident,) = of_prices(ports)
    assert not incident.open


class Remembered:
    """The price list, that asks the tenant for each page once."""

    def __init__(self, azure: Any) -> None:
        self.azure, self.pages = azure, dict[tuple[str, str], Any]()

    def price_page(self, question, link=""):
        key = question["$filter"], link
        if key not in self.pages:
            self.pages[key] = self.azure.price_page(question, link)
        return self.pages[key]


def test_killed_between_any_two_calls_and_run_again_ends_the_same(ports, tenant, live, tmp_path):
    poll(ports, tenant, "spend", AGENTS, live)
    azure = Remembered(ports.azure)

    def fresh(name):
        (tmp_path / name).mkdir()
        copy(tmp_path, tmp_path / name)
        return replace(ports, azure=azure, store=SqliteStore(tmp_path / name / "meterwatch.db"))

    undisturbed = fresh("undisturbed")
    run(undisturbed, live)
    expected = contents(undisturbed)
    assert all(billed for _, billed in (expected["swedencentral"], expected["westeurope"]))

    for died in count():
        tried = fresh(str(died))
        mortal = Mortal(died)
        parts = {"azure": mortal.standing_before(azure), "store": mortal.standing_before(tried.store)}
        with suppress(Killed):
            run(replace(tried, **parts), live)
            break
        for job in left_over(tried, live + LEASE) or [job_at(live + LEASE)]:
            poll_scope(tried, job, live + LEASE)
        assert contents(tried) == expected, died

    assert died > 25


def contents(ports):
    """The books, but for when they were read."""
    return {region: (book.meters, book.billed) for region, book in books(ports).items()}
