"""Billed cost: every day read, again while it may change, and no further than Cost Management lets us."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.run import ports_for
from shared.core.faults import Throttled
from shared.core.freshness import LEASE
from shared.core.model import Kind
from shared.core.periods import day_of
from shared.core.reach import LONGEST_ASK, REREAD
from shared.flows.costs import bill_of, days_since, keep_costs
from shared.flows.keep import known_names, load_mark
from shared.flows.poll import left_over, poll_scope
from shared.flows.poll_spend import HISTORY
from shared.flows.ports import Ports
from shared.formats import cost_query
from shared.formats.moments import parse_moment
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from tests.telling import NOW, SCOPE, Chat, Killed, Mortal, incidents, keys, ports_telling

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ONE = SCOPE.resource.split("/")[2]
YEARLY = "budgets: [{name: year, amount: 1000000, grain: year}]"

SMALL = """
channels: {teams: {kind: teams, secret: B}}
budgets:
- name: small
  scope: /subscriptions/11111111-2222-3333-4444-555555555555
  amount: 5
  thresholds: [{percent: 80}]
"""


@pytest.fixture
def ports(tenant, tmp_path):
    return ports_for(tenant, tmp_path)


def job(subscription, now):
    return json.dumps({"source": "spend", "subject": subscription, "round": now.isoformat()})


def poll(ports, tenant, subscription, now):
    tenant.set_clock(now)
    return poll_scope(ports, job(subscription, now), now)


def until_read(ports, tenant, subscription, now):
    """Runs the job again as `tend` does, until it has read all; answers how often it ran."""
    for times in range(1, 100):
        poll(ports, tenant, subscription, now)
        if load_mark(ports, "spend", subscription)[0].failing_since is None:
            return times
        now += 5 * MINUTE
    raise AssertionError("it never ended")


def asking(ports: Ports, azure: Any, **named: Any) -> Ports:
    return replace(ports, azure=azure, **named)


def kept(ports, subscription):
    return {
        (one.scope.resource, one.scope.part, one.start): one.value
        for one in days_since(ports, bill_of(subscription), NOW - 400 * DAY)
    }


def billed(tenant, subscription, now):
    """What the bill shows by then of the days that a first look reads."""
    start, first = tenant.estate.start, day_of(now) - HISTORY
    return {
        (item.resource.lower(), item.meter.name, start + number * DAY): Decimal(
            str(round(units * item.meter.price, 8))
        )
        for item in tenant.estate.bill
        if item.subscription == subscription and item.resource_type.startswith("microsoft.cognitive")
        for number, units in enumerate(item.known(now - start).tolist())
        if units > 1e-9 and start + number * DAY >= first
    }


def asked(tenant):
    return tenant.requests()["counts"].get("costs", 0)


@pytest.mark.parametrize("subscription", [AGENTS, PLATFORM, SANDBOX], ids=["agents", "platform", "sandbox"])
def test_what_is_kept_is_what_was_billed(ports, tenant, live, subscription):
    poll(ports, tenant, subscription, live + 5 * DAY)

    assert kept(ports, subscription) == billed(tenant, subscription, live + 5 * DAY)


@pytest.mark.parametrize("rows", [300, 100, 20])
def test_what_is_kept_is_what_was_billed_however_small_the_pages(ports, tenant, live, rows):
    tenant.set_options(cost_page=rows)
    now = live + 5 * DAY
    until_read(ports, tenant, AGENTS, now)

    assert kept(ports, AGENTS) == billed(tenant, AGENTS, now)


def test_the_history_is_read_once(ports, tenant, live):
    poll(ports, tenant, AGENTS, live)
    before = asked(tenant)
    for hour in range(1, 5):
        poll(ports, tenant, AGENTS, live + hour * HOUR)

    assert asked(tenant) - before == 4


def test_a_year_is_read_although_only_four_questions_are_allowed_a_minute(ports, tenant, live):
    tenant.set_options(cost_throttle=True)
    yearly = replace(ports, watch=parse_watch(YEARLY))
    answered = []
    for hour in range(4):
        poll(yearly, tenant, AGENTS, live + hour * HOUR)
        answered.append(load_mark(ports, "spend", AGENTS)[0].answered_at is not None)

    assert (answered[0], answered[-1]) == (False, True)
    first = live + 3 * HOUR
    assert kept(ports, AGENTS).keys() >= billed(tenant, AGENTS, first).keys()


def test_a_longer_budget_that_is_added_later_has_its_days_read_too(tmp_path):
    days = Days()
    with ports_telling(Chat(), tmp_path / "later.db", watch="{}") as ports:
        poll_scope(asking(ports, days), job(ONE, NOW), NOW)
        assert min(days.asked) == day_of(NOW) - HISTORY
        for hour in range(1, 5):
            later = NOW + hour * HOUR
            poll_scope(asking(ports, days, watch=parse_watch(YEARLY)), job(ONE, later), later)

    assert min(days.asked) == datetime(2026, 1, 1, tzinfo=NOW.tzinfo)


def test_meters_of_a_history_that_took_several_rounds_are_no_newcomers(tmp_path):
    days = Days()
    with ports_telling(Chat(), tmp_path / "meters.db", watch=YEARLY) as without:
        ports = asking(without, days)
        days.meters = {day_of(NOW) - 20 * DAY: "seldom"}
        for hour in range(4):
            poll_scope(ports, job(ONE, NOW + hour * HOUR), NOW + hour * HOUR)
        assert "billing meter: seldom" in (known_names(ports, ONE, "billing") or {})

        later = NOW + 4 * HOUR
        days.meters |= {day_of(NOW): "seldom", day_of(NOW) - DAY: "new"}
        poll_scope(ports, job(ONE, later), later)
        found = [one.alert.what for one in incidents(ports) if one.alert.kind is Kind.NEWCOMER]

    assert found == ["New billing meter: new on a"]


class Days:
    """Cost Management at the port: when each day was asked for last; has had enough at times."""

    def __init__(self):
        self.asked: dict[datetime, datetime] = {}
        self.meters: dict[datetime, str] = {}
        self.now, self.left = NOW, 10**6
        self.stray: list[list[Any]] = []  # rows that come with every answer

    def cost_page(self, scope, question, link=""):
        if not self.left:
            raise Throttled("too often", MINUTE)
        self.left -= 1
        start, last = (parse_moment(text) for text in question["timePeriod"].values())
        assert start
        assert last
        end = last + timedelta(seconds=1)
        assert timedelta() < end - start <= LONGEST_ASK * DAY
        days = [start + number * DAY for number in range((end - start).days)]
        self.asked |= dict.fromkeys(days, self.now)
        rows = [
            [1, int(f"{day:%Y%m%d}"), self.meters[day], f"{scope}/resourceGroups/r/a", "USD"]
            for day in days
            if day in self.meters
        ]
        return self.answer([*rows, *self.stray])

    def answer(self, rows):
        names = ["Cost", "UsageDate", "Meter", "ResourceId", "Currency"]
        return {"properties": {"columns": [{"name": name} for name in names], "rows": rows}}


rounds = st.lists(
    st.tuples(st.integers(1, 24 * 4) | st.integers(1, 24 * 70), st.integers(0, 4)), min_size=1, max_size=25
)


@given(rounds)
@settings(max_examples=80, deadline=None)
def test_after_any_rounds_missed_and_throttled_every_day_was_read_when_it_was_final(rounds):
    days = Days()
    with ports_telling(Chat(), ":memory:", watch=YEARLY) as without:
        ports = asking(without, days)
        for hours, allowed in [*rounds, *[(1, 4)] * 10]:
            days.now += hours * HOUR
            days.left = allowed
            poll_scope(ports, job(ONE, days.now), days.now)
        mark, _ = load_mark(ports, "spend", ONE)

    assert mark.answered_at == days.now
    day = datetime(days.now.year, 1, 1, tzinfo=NOW.tzinfo)
    while day <= days.now:
        assert days.asked[day] >= min(day_of(mark.answered_at), day + REREAD)
        day += DAY


STRAY = [7, 20250908, "inp", f"/subscriptions/{ONE}/resourceGroups/r/a", "USD"]


def test_rows_of_days_that_were_not_asked_for_are_named_and_are_no_cost(tmp_path):
    days, lines = Days(), list[Any]()
    days.meters, days.stray = {day_of(NOW): "inp"}, [STRAY]
    with ports_telling(Chat(), tmp_path / "stray.db", watch="{}") as without:
        ports = asking(without, days, log=lines.append)
        poll_scope(ports, job(ONE, NOW), NOW)
        found = {start for _, _, start in kept(ports, ONE)}

    assert found == {day_of(NOW)}
    assert "of 2025-09-08, which is not of the days asked for" in lines[0]["row"]


def test_an_answer_of_other_days_alone_is_no_answer(tmp_path):
    days = Days()
    days.stray = [STRAY]
    with ports_telling(Chat(), tmp_path / "shifted.db", watch="{}") as without:
        ports = asking(without, days)
        poll_scope(ports, job(ONE, NOW), NOW)
        mark, _ = load_mark(ports, "spend", ONE)

    assert mark.answered_at is None
    assert "no row makes sense" in mark.trouble


def test_beside_an_odd_row_what_is_absent_stays(tmp_path):
    days = Days()
    days.meters = {day_of(NOW): "old"}
    with ports_telling(Chat(), tmp_path / "odd.db", watch="{}") as without:
        ports = asking(without, days)
        poll_scope(ports, job(ONE, NOW), NOW)
        days.meters, days.stray = {day_of(NOW): "new"}, [STRAY]
        poll_scope(ports, job(ONE, NOW + HOUR), NOW + HOUR)
        partly = {meter for _, meter, _ in kept(ports, ONE)}
        days.stray = []
        poll_scope(ports, job(ONE, NOW + 2 * HOUR), NOW + 2 * HOUR)
        wholly = {meter for _, meter, _ in kept(ports, ONE)}

    assert (partly, wholly) == ({"old", "new"}, {"new"})


def test_days_whose_cost_is_suddenly_absent_are_asked_for_again_and_stay_known(tmp_path):
    days, lines = Days(), list[Any]()
    days.meters = {day_of(NOW) - number * DAY: "inp" for number in range(5)}
    with ports_telling(Chat(), tmp_path / "cut.db", watch="{}") as without:
        ports = asking(without, days, log=lines.append)
        poll_scope(ports, job(ONE, NOW), NOW)
        before, spent = kept(ports, ONE), days.left
        days.meters = {day_of(NOW): "inp"}
        poll_scope(ports, job(ONE, NOW + HOUR), NOW + HOUR)

        assert kept(ports, ONE) == before
    assert spent - days.left == 2  # the month, then the four days by themselves
    assert lines[-1] == {
        "event": "cost absent",
        "scope": f"/subscriptions/{ONE}",
        "days": "2026-09-04, 2026-09-05, 2026-09-06, 2026-09-07",
        "absent": 4,
    }


def test_an_hour_without_changes_writes_no_cost(tmp_path):
    days = Days()
    days.meters = {day_of(NOW) - number * DAY: "inp" for number in range(5)}
    with ports_telling(Chat(), tmp_path / "same.db", watch="{}") as without:
        ports = asking(without, days)
        poll_scope(ports, job(ONE, NOW), NOW)
        rows = [*ports.store.scan(f"readings|{ONE}"), *ports.store.scan("totals")]
        poll_scope(ports, job(ONE, NOW + HOUR), NOW + HOUR)

        assert [*ports.store.scan(f"readings|{ONE}"), *ports.store.scan("totals")] == rows


def test_a_day_of_very_many_resources_is_kept_in_several_rows_and_replaced_as_one(tmp_path):
    days = Days()
    account = f"/subscriptions/{ONE}/resourceGroups/r/{'x' * 900}"
    days.stray = [[1, 20260908, f"meter {number}", account, "USD"] for number in range(1200)]
    with ports_telling(Chat(), tmp_path / "large.db", watch="{}") as without:
        ports = asking(without, days)
        keep_costs(ports, ONE, cost_query.parse([days.answer(days.stray)], NOW).readings)
        assert len(kept(ports, ONE)) == 1200
        assert len([*ports.store.scan(f"readings|{ONE}", "cost|2026-09-08")]) == 3
        keep_costs(ports, ONE, cost_query.parse([days.answer(days.stray[:1])], NOW).readings)
        assert len(kept(ports, ONE)) == 1


def test_killed_between_any_two_calls_and_run_again_ends_the_same():
    days = Days()
    days.meters = {day_of(NOW) - number * DAY: f"meter {number % 3}" for number in range(60)}
    small = SMALL + f"subscriptions: ['{ONE}']"
    after = NOW + LEASE

    def result_of(ports):
        told = [(one.alert.key, one.alert.steps, one.transitions) for one in incidents(ports)]
        return (
            kept(ports, ONE),
            told,
            len(keys(ports, "waiting|")),
            [*(known_names(ports, ONE, "billing") or {})],
        )

    with ports_telling(Chat(), ":memory:", watch=small) as undisturbed:
        poll_scope(asking(undisturbed, days), job(ONE, NOW), NOW)
        expected = result_of(undisturbed)
        assert len(keys(undisturbed, "waiting|")) == 1
    for calls in count():
        mortal = Mortal(calls)
        with ports_telling(Chat(), ":memory:", watch=small) as ports:
            died = asking(ports, mortal.standing_before(days), store=mortal.standing_before(ports.store))
            with suppress(Killed):
                poll_scope(died, job(ONE, NOW), NOW)
                break
            for again in left_over(ports, after) or [job(ONE, after)]:
                poll_scope(asking(ports, days), again, after)
            assert result_of(ports) == expected, calls

    assert calls > 30
