"""Calls to Cost Management: noted before they are made, by all workers together, and left off when told."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import Any

import pytest

from shared.core.call_budget import A_SCOPE_A_MINUTE, ALL_A_MINUTE
from shared.core.faults import Throttled
from shared.core.model import Period
from shared.core.periods import DAY, HOUR, day_of
from shared.edges.sqlite import SqliteStore
from shared.flows import calls
from shared.flows.keep import load_mark
from shared.flows.poll import left_over, plan, poll_scope
from shared.formats.watch_file import parse_watch
from tests.telling import NOW, Chat, Killed, Mortal, ports_telling

MINUTE = timedelta(minutes=1)
TODAY = Period(day_of(NOW), day_of(NOW) + DAY)


class Costs:
    """Cost Management at the port: counts its calls, has so many pages, and refuses as told."""

    def __init__(self, pages=1):
        self.pages, self.lock = pages, Lock()
        self.calls: Counter[str] = Counter()
        self.refusal: Throttled | None = None

    def cost_page(self, scope, question, link=""):
        with self.lock:
            self.calls[scope] += 1
        if self.refusal:
            raise self.refusal
        number = int(link or 1)
        following = str(number + 1) if number < self.pages else None
        return {"properties": {"rows": [[number]], "columns": [], "nextLink": following}}

    def budgets(self, scope):
        with self.lock:
            self.calls[scope] += 1
        return []


@pytest.fixture
def ports():
    with ports_telling(Chat(), ":memory:", watch="{}") as made:
        costs: Any = Costs()
        yield replace(made, azure=costs)


def ask(ports, scope="a", now=NOW):
    return calls.cost_pages(ports, scope, {}, TODAY, now)


def test_every_page_is_followed_and_is_a_call(ports):
    ports.azure.pages = 3

    assert [page["properties"]["rows"] for page in ask(ports)] == [[[1]], [[2]], [[3]]]
    assert ports.azure.calls["a"] == 3


def test_pages_that_do_not_end_are_too_many(ports):
    ports.azure.pages = 10**9

    with pytest.raises(calls.TooLong):
        ask(ports)
    assert ports.azure.calls["a"] < A_SCOPE_A_MINUTE


def test_a_call_too_many_is_not_made_and_says_how_long_to_wait(ports):
    for _ in range(A_SCOPE_A_MINUTE):
        ask(ports)
    with pytest.raises(Throttled) as refused:
        ask(ports)

    assert (ports.azure.calls["a"], refused.value.after) == (A_SCOPE_A_MINUTE, 2 * MINUTE)
    assert ask(ports, now=NOW + 2 * MINUTE)


def test_lists_count_too(ports):
    for _ in range(A_SCOPE_A_MINUTE):
        calls.budgets(ports, "a", NOW)

    with pytest.raises(Throttled):
        ask(ports)


def test_no_more_calls_are_made_in_an_hour_than_the_watch_file_allows(ports):
    few = replace(ports, watch=parse_watch("{spend: {calls_per_hour: 5}}"))
    for minute in range(60):
        with suppress(Throttled):
            ask(few, now=NOW + minute * MINUTE)

    assert few.azure.calls["a"] == 5


def test_a_call_whose_process_died_stays_counted(ports):
    for _ in range(A_SCOPE_A_MINUTE):
        mortal = Mortal(0)
        with suppress(Killed):
            ask(replace(ports, azure=mortal.standing_before(ports.azure)))

    with pytest.raises(Throttled):
        ask(ports)
    assert not ports.azure.calls


def test_a_scope_that_azure_wants_left_alone_is_left_alone_by_every_source(ports):
    ports.azure.refusal = Throttled("429", 10 * MINUTE)
    with pytest.raises(Throttled):
        ask(ports)
    ports.azure.refusal = None

    with pytest.raises(Throttled) as refused:
        calls.budgets(ports, "a", NOW + MINUTE)
    assert refused.value.after == 9 * MINUTE
    assert ask(ports, "b", NOW + MINUTE)


def test_a_bucket_of_all_scopes_that_ran_out_parks_them_all(ports):
    ports.azure.refusal = Throttled("429", MINUTE, everywhere=HOUR)
    with pytest.raises(Throttled):
        ask(ports)
    ports.azure.refusal = None

    with pytest.raises(Throttled) as refused:
        ask(ports, "b", NOW + 20 * MINUTE)
    assert refused.value.after == 40 * MINUTE
    assert ask(ports, "b", NOW + HOUR)


def test_workers_that_ask_at_once_stay_within_the_limits_together(ports, tmp_path):
    costs = Costs()

    def work(number):
        own = replace(ports, store=SqliteStore(tmp_path / "shared.db"), azure=costs)
        made = 0
        for scope in range(12):
            with suppress(Throttled):
                calls.budgets(own, f"scope {scope}", NOW)
                made += 1
        own.store.close()
        return made

    SqliteStore(tmp_path / "shared.db").close()
    with ThreadPoolExecutor(4) as workers:
        made = sum(workers.map(work, range(4)))

    assert made == costs.calls.total() == ALL_A_MINUTE
    assert max(costs.calls.values()) <= A_SCOPE_A_MINUTE


@pytest.mark.parametrize(("watched", "every"), [(3, 50 * MINUTE), (500, 6.25 * HOUR)])
def test_where_there_are_many_subscriptions_each_is_asked_less_often(ports, watched, every):
    guids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(watched)]
    many = replace(ports, watch=replace(ports.watch, subscriptions=tuple(guids)))

    assert calls.pace(many) == every


def test_all_of_many_subscriptions_get_their_turn(ports):
    guids = [f"{number:08x}-0000-0000-0000-000000000000" for number in range(260)]
    listing: Any = Listing()
    many = replace(ports, watch=replace(ports.watch, subscriptions=tuple(guids)), azure=listing)
    now = NOW
    for _ in range(12 * 4):  # four hours of `tend`
        jobs = plan(many, "spend", now) if (now - NOW) % HOUR == timedelta() else left_over(many, now)
        for message in jobs:
            if '"budgets"' in message:
                poll_scope(many, message, now)
        now += 5 * MINUTE

    assert all(load_mark(many, "budgets", guid)[0].answered_at for guid in guids)


class Listing:
    """No budgets and no alerts anywhere."""

    def budgets(self, scope):
        return []

    def cost_alerts(self, scope):
        return []
