"""One question for many subscriptions, and budgets that span them: the same money, read in one way only."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from cli.run import ports_for
from shared.core.faults import NotPermitted
from shared.core.freshness import LEASE
from shared.core.model import Kind
from shared.core.periods import day_of
from shared.flows.costs import totals_since
from shared.flows.keep import load_mark
from shared.flows.poll import SOURCES, left_over, plan, poll_scope
from shared.flows.poll_spend import HISTORY
from shared.flows.wide import is_read_wide
from shared.formats.moments import parse_moment
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.groups import BILLING_ACCOUNT, BILLING_PATH, GROUP_PATH, PRODUCTION, ROOT, TRIAL
from tests.telling import NOW, Chat, Killed, Mortal, incidents, ports_telling
from tests.true_bill import cents, kept_bill, true_bill

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ALL = (AGENTS, PLATFORM, SANDBOX)
WIDE = "spend: {scope: '%s', native_budgets: false}"
OVER_ALL = "budgets: [{name: all, amount: 100, thresholds: [{percent: 80}]}]"


@pytest.fixture
def plain(tenant, tmp_path):
    return replace(ports_for(tenant, tmp_path), watch=parse_watch(""))


def watching(plain, *parts):
    return replace(plain, watch=parse_watch("\n".join(parts)))


def round_of(ports, tenant, now, sources=("bill", "spend")):
    """One round of the sources, in that order."""
    tenant.set_clock(now)
    jobs = plan(ports, "spend", now)
    for source in sources:
        for message in jobs:
            if json.loads(message)["source"] == source:
                poll_scope(ports, message, now)


def scopes_asked(tenant, before):
    asked = tenant.requests()["recent"][before:]
    return {one["path"].partition("/providers/Microsoft.Cost")[0] for one in asked if one["route"] == "costs"}


@pytest.mark.parametrize(
    "scope",
    [GROUP_PATH + ROOT, BILLING_PATH + BILLING_ACCOUNT],
    ids=["management group", "billing account"],
)
def test_one_question_reads_the_bill_of_all(plain, tenant, live, scope):
    ports, now = watching(plain, WIDE % scope), live + 5 * DAY
    before = len(tenant.requests()["recent"])
    round_of(ports, tenant, now)
    round_of(ports, tenant, now + HOUR)

    assert scopes_asked(tenant, before) == {scope.lower()}
    for subscription in ALL:
        expected = true_bill(tenant, subscription, now, day_of(now) - HISTORY)
        kept = kept_bill(ports, subscription, day_of(now) - HISTORY)
        assert cents(kept) == cents(expected)
        assert {key[0] for key in kept} == {f"/subscriptions/{subscription}"}


def test_a_subscription_outside_the_wide_scope_is_asked_by_itself(plain, tenant, live):
    ports, now = watching(plain, WIDE % (GROUP_PATH + TRIAL)), live + 5 * DAY
    before = len(tenant.requests()["recent"])
    round_of(ports, tenant, now)

    assert scopes_asked(tenant, before) == {
        (GROUP_PATH + TRIAL).lower(),
        f"/subscriptions/{AGENTS}",
        f"/subscriptions/{PLATFORM}",
    }
    for subscription in ALL:
        since = day_of(now) - HISTORY
        expected = true_bill(tenant, subscription, now, since)
        assert cents(kept_bill(ports, subscription, since)) == cents(expected)


def test_a_subscription_with_a_budget_on_a_group_is_asked_by_itself_and_counted_once(plain, tenant, live):
    group = f"/subscriptions/{AGENTS}/resourceGroups/RG-Support-Prod"
    budget = f"budgets: [{{name: g, amount: 1, scope: {group}, thresholds: [{{percent: 80}}]}}]"
    ports, now = watching(plain, WIDE % (GROUP_PATH + ROOT), budget), live + 5 * DAY
    for hour in range(3):
        round_of(ports, tenant, now + hour * HOUR, ("bill", "spend") if hour % 2 else ("spend", "bill"))

    kept = kept_bill(ports, AGENTS, day_of(now) - HISTORY)
    assert kept == true_bill(tenant, AGENTS, now, day_of(now) - HISTORY)
    assert [one.alert.rule for one in incidents(ports) if one.alert.kind is Kind.BUDGET] == ["g"]


def test_where_the_wide_question_is_refused_each_subscription_is_asked_and_the_refusal_is_told(
    plain, tenant, live
):
    ports = watching(plain, WIDE % (GROUP_PATH + ROOT))
    tenant.set_faults([{"path_contains": "managementGroups", "status": 403}, *_lower_case_too()])
    round_of(ports, tenant, live)
    round_of(ports, tenant, live + HOUR)

    assert all(kept_bill(ports, one, live - HISTORY) for one in ALL)
    mark, _ = load_mark(ports, "bill", "everything")
    assert (mark.failing_since, mark.answered_at) == (live, None)
    round_of(ports, tenant, live + 6 * HOUR)
    (blind,) = [one for one in incidents(ports) if one.alert.kind is Kind.FRESHNESS]
    assert "no bill data" in blind.alert.what


def _lower_case_too():
    return [{"path_contains": "managementgroups", "status": 403}]


def test_once_it_is_allowed_the_wide_question_takes_over_and_no_day_is_counted_twice(plain, tenant, live):
    ports = watching(plain, WIDE % (GROUP_PATH + ROOT))
    tenant.set_faults([{"path_contains": "managementGroups", "status": 403}, *_lower_case_too()])
    round_of(ports, tenant, live)
    round_of(ports, tenant, live + HOUR)
    tenant.set_faults([])
    now = live + 2 * HOUR
    for hour in range(2):
        round_of(ports, tenant, now + hour * HOUR)

    assert all(is_read_wide(ports, one, now) for one in ALL)
    for subscription in ALL:
        since = day_of(now) - HISTORY
        expected = true_bill(tenant, subscription, now, since)
        assert cents(kept_bill(ports, subscription, since)) == cents(expected)


def test_before_its_first_answer_the_wide_question_is_waited_for(plain, tenant, live):
    ports = watching(plain, WIDE % (GROUP_PATH + ROOT))
    before = len(tenant.requests()["recent"])
    round_of(ports, tenant, live, sources=("spend",))

    assert scopes_asked(tenant, before) == set()
    assert not any(kept_bill(ports, one, live - HISTORY) for one in ALL)


def test_meters_that_the_wide_question_brings_first_are_no_newcomers(plain, tenant, live):
    ports = watching(plain, WIDE % (GROUP_PATH + ROOT))
    for hour, sources in enumerate([("spend",), ("bill", "spend"), ("spend", "bill"), ("bill", "spend")]):
        round_of(ports, tenant, live + hour * HOUR, sources)

    assert [one.alert.what for one in incidents(ports)] == []


def test_cost_of_what_is_not_watched_is_neither_kept_nor_silent(plain, tenant, live):
    lines: list[Any] = []
    ports = watching(plain, WIDE % (GROUP_PATH + ROOT), f"subscriptions: ['{AGENTS}']")
    round_of(replace(ports, log=lines.append), tenant, live)

    assert kept_bill(ports, AGENTS, live - HISTORY)
    assert not kept_bill(ports, PLATFORM, live - HISTORY)
    assert {line["unwatched"] for line in lines if line["event"] == "cost not counted"} == {2}


def test_a_budget_over_everything_counts_each_subscription_once(plain, tenant, live):
    ports, now = watching(plain, OVER_ALL), live + 5 * DAY
    round_of(ports, tenant, now, ("spend", "bill"))

    month = day_of(now).replace(day=1)
    costs = [cents(true_bill(tenant, subscription, now, month))["USD"] for subscription in ALL]
    assert abs(the_budgets_cost(ports) - sum(costs)) < Decimal("0.02")


def the_budgets_cost(ports):
    (found,) = [one.alert.seen for one in incidents(ports) if one.alert.kind is Kind.BUDGET]
    assert found
    return found.value


def test_it_is_judged_from_a_row_a_month_of_each_subscription(plain, tenant, live):
    ports, now = watching(plain, OVER_ALL), live + 5 * DAY
    round_of(ports, tenant, now, ("spend", "bill"))
    counted = Counted(ports.store)
    message = json.dumps({"source": "bill", "subject": "everything", "round": (now + HOUR).isoformat()})
    poll_scope(replace(ports, store=counted), message, now + HOUR)

    months = 2  # with cost, of the three that its 45 days touch
    assert counted.rows["totals"] == months * len(ALL)
    assert not [partition for partition in counted.rows if partition.startswith("readings")]


class Counted:
    """A store that counts the rows it hands out, by partition."""

    def __init__(self, store):
        self.store, self.rows = store, {}

    def scan(self, partition, prefix=""):
        for row in self.store.scan(partition, prefix):
            self.rows[partition] = self.rows.get(partition, 0) + 1
            yield row

    def __getattr__(self, name):
        return getattr(self.store, name)


def test_a_subscription_that_is_watched_no_more_counts_no_more(plain, tenant, live):
    ports, now = watching(plain, OVER_ALL), live + 5 * DAY
    round_of(ports, tenant, now, ("spend",))
    fewer = watching(plain, OVER_ALL.replace("100", "1"), f"subscriptions: ['{SANDBOX}']")
    round_of(fewer, tenant, now, ("bill",))

    assert {subscription for subscription, _ in totals_since(ports, now, now)} == set(ALL)
    own = cents(kept_bill(ports, SANDBOX, day_of(now).replace(day=1)))["USD"]
    assert abs(the_budgets_cost(ports) - own) < Decimal("0.02")


def test_without_anything_to_read_or_judge_there_is_no_job(plain, tenant, live):
    tenant.set_clock(live)
    assert "bill" not in {json.loads(message)["source"] for message in plan(plain, "spend", live)}
    assert list(SOURCES["bill"].known(watching(plain, OVER_ALL))) == ["everything"]


def test_a_refusal_of_the_wide_scopes_own_budgets_is_no_trouble(plain, tenant, live):
    class Refusing:
        def __getattr__(self, name):
            return getattr(plain.azure, name)

        def budgets(self, scope):
            raise NotPermitted("403")

    ports = watching(plain, f"spend: {{scope: '{GROUP_PATH + PRODUCTION}'}}")
    tenant.set_clock(live)
    message = json.dumps({"source": "bill", "subject": "everything", "round": live.isoformat()})
    poll_scope(replace(ports, azure=Refusing()), message, live)

    assert load_mark(ports, "bill", "everything")[0].answered_at == live


class Wide:
    """Cost Management at the port, above two subscriptions; each costs 50 a day."""

    def cost_page(self, scope, question, link=""):
        start, last = (parse_moment(text) for text in question["timePeriod"].values())
        assert start
        assert last
        days = [start + number * DAY for number in range((last - start).days + 1)]
        names = ["Cost", "UsageDate", "SubscriptionId", "Meter", "Currency"]
        rows = [
            [50, int(f"{day:%Y%m%d}"), guid.upper(), "inp", "USD"]
            for day in days
            for guid in (AGENTS, SANDBOX)
        ]
        return {"properties": {"columns": [{"name": name} for name in names], "rows": rows}}


def test_killed_between_any_two_calls_and_run_again_ends_the_same():
    azure: Any = Wide()
    guids = f"subscriptions: ['{AGENTS}', '{SANDBOX}']"
    watch = "\n".join(
        ["channels: {t: {kind: teams, secret: B}}", WIDE % (GROUP_PATH + ROOT), OVER_ALL, guids]
    )
    message = json.dumps({"source": "bill", "subject": "everything", "round": NOW.isoformat()})
    after = NOW + LEASE

    def result_of(ports):
        kept = [kept_bill(ports, one, NOW - HISTORY) for one in (AGENTS, SANDBOX)]
        totals = [
            (subscription, one.start, one.value)
            for subscription, readings in totals_since(ports, NOW - HISTORY, NOW)
            for one in readings
        ]
        return kept, totals, [(one.alert.key, one.alert.steps) for one in incidents(ports)]

    with ports_telling(Chat(), ":memory:", watch=watch) as undisturbed:
        poll_scope(replace(undisturbed, azure=azure), message, NOW)
        expected = result_of(undisturbed)
        assert expected[2]
    for calls in count():
        mortal = Mortal(calls)
        with ports_telling(Chat(), ":memory:", watch=watch) as ports:
            died = replace(
                ports, azure=mortal.standing_before(azure), store=mortal.standing_before(ports.store)
            )
            with suppress(Killed):
                poll_scope(died, message, NOW)
                break
            living = replace(ports, azure=azure)
            again = [one for one in left_over(living, after) if '"bill"' in one]
            poll_scope(
                living, again[0] if again else message.replace(NOW.isoformat(), after.isoformat()), after
            )
            assert result_of(ports) == expected, calls

    assert calls > 40
