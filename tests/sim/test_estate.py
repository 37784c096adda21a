from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from sim import incidents
from sim.estate import Estate, SimDeployment, build_estate, projects_of
from sim.load import SLOTS_A_DAY, SLOTS_AN_HOUR, Counts

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def estate() -> Estate:
    return build_estate()


def deployment(estate: Estate, name: str) -> SimDeployment:
    everything = (found for account in estate.accounts for found in account.deployments)
    return next(found for found in everything if found.plan.name == name)


def during(estate: Estate, start: datetime, end: datetime) -> slice:
    first, last = ((moment - estate.start) // timedelta(minutes=5) for moment in (start, end))
    return slice(first, last)


def total(values: Counts, span: slice) -> int:
    return int(values[span].sum())


def incident(estate: Estate, kind: str) -> incidents.Incident:
    return next(found for found in estate.incidents if found.kind == kind)


def test_it_holds_three_subscriptions_eight_accounts_and_twenty_deployments(estate):
    assert len(estate.subscriptions) == 3
    assert len(estate.accounts) == 8
    assert sum(len(account.deployments) for account in estate.accounts) == 20
    assert {account.plan.kind for account in estate.accounts} == {"OpenAI", "AIServices"}
    assert any(account.id != account.id.lower() for account in estate.accounts)


def test_only_foundry_accounts_have_projects_and_some_have_two(estate):
    counts = {account.plan.name: len(projects_of(account)) for account in estate.accounts}
    foundry = {account.plan.name for account in estate.accounts if account.plan.kind == "AIServices"}

    assert {name for name, count in counts.items() if count} == foundry
    assert set(counts.values()) == {0, 1, 2}


def test_the_same_seed_makes_the_same_estate_and_another_seed_another():
    first, again, other = build_estate(seed=3), build_estate(seed=3), build_estate(seed=4)

    chat, chat_again, chat_other = (deployment(one, "support-chat").load for one in (first, again, other))
    assert np.array_equal(chat.tokens_in, chat_again.tokens_in)
    assert not np.array_equal(chat.tokens_in, chat_other.tokens_in)
    assert first.incidents == again.incidents


def test_office_deployments_rest_at_night_and_at_weekends(estate):
    tokens = deployment(estate, "support-chat").load.tokens_in[: 7 * SLOTS_A_DAY]
    by_hour = tokens.reshape(7, 24, SLOTS_AN_HOUR).sum(axis=2)

    assert by_hour[1, 12] > 10 * by_hour[1, 2]
    assert by_hour[1].sum() > 3 * by_hour[6].sum()


def test_nightly_deployments_work_at_night_only(estate):
    tokens = deployment(estate, "docs-nightly").load.tokens_in[:SLOTS_A_DAY].reshape(24, SLOTS_AN_HOUR)

    assert tokens[2].sum() > 0
    assert tokens[6:].sum() == 0


def test_the_quiet_days_hold_no_incident(estate):
    assert estate.live == datetime(2026, 8, 31, tzinfo=UTC)
    assert min(found.start for found in estate.incidents) >= estate.live


def test_the_runaway_loop_uses_eight_times_the_tokens_for_nine_hours(estate):
    loop = incident(estate, incidents.LOOP)
    week = timedelta(days=7)
    tokens = deployment(estate, "agents-reason").load.tokens_in

    usual = total(tokens, during(estate, loop.start - week, loop.end - week))
    assert loop.end - loop.start == 9 * HOUR
    assert 6.5 < total(tokens, during(estate, loop.start, loop.end)) / usual < 9.5


def test_the_leak_grows_by_six_percent_a_day(estate):
    leak = incident(estate, incidents.LEAK)
    tokens = deployment(estate, "agents-main").load.tokens_in

    day = timedelta(days=1)
    first = total(tokens, during(estate, leak.start, leak.start + day))
    last = total(tokens, during(estate, leak.start + 10 * day, leak.start + 11 * day))
    assert last / first == pytest.approx(1.06**10, rel=0.2)


def test_the_new_model_does_nothing_before_its_day(estate):
    new = deployment(estate, "agents-next")

    assert new.created == incident(estate, incidents.NEW_MODEL).start
    assert new.load.tokens_in[: during(estate, estate.start, new.created).stop].sum() == 0
    assert new.load.tokens_in[during(estate, new.created + HOUR, new.created + 2 * HOUR)].sum() > 0


def test_the_outage_answers_mostly_503_and_serves_hardly_a_token(estate):
    outage = incident(estate, incidents.OUTAGE)
    load = deployment(estate, "assist-general").load
    span = during(estate, outage.start, outage.end)

    down = load.requests[503][span].sum()
    assert down > 0.85 * sum(count[span].sum() for count in load.requests.values())
    assert load.requests[503].sum() == down


def test_the_ptu_is_over_95_percent_for_two_hours_and_below_otherwise(estate):
    full = incident(estate, incidents.PTU_FULL)
    load = deployment(estate, "search-ptu").load
    span = during(estate, full.start, full.end)

    busy = np.asarray(load.utilisation)
    assert float(np.min(busy[span])) > 95
    assert float(np.max(np.delete(busy, span))) < 95
    assert load.requests[429][span].sum() > 0.2 * load.requests[200][span].sum()


@pytest.mark.parametrize("seed", [1, 2, 5, 7])
def test_the_budget_is_crossed_in_the_middle_of_september_and_its_pace_days_before(seed):
    estate = build_estate(seed=seed)

    pace, crossed = (incident(estate, kind) for kind in (incidents.BUDGET_PACE, incidents.BUDGET_CROSSED))
    assert datetime(2026, 9, 10, tzinfo=UTC) <= crossed.start < datetime(2026, 9, 13, tzinfo=UTC)
    assert timedelta(days=2) < crossed.start - pace.start < timedelta(days=8)


def test_the_native_message_names_the_budget_and_comes_a_day_after_the_crossing(estate):
    (budget,) = estate.budgets
    ((when, body),) = estate.webhooks

    assert body["schemaId"] == "AIP Budget Notification"
    assert body["data"]["BudgetName"] == budget.name
    assert budget.scope.endswith(body["data"]["SubscriptionId"])
    assert all(isinstance(value, str) for value in body["data"].values())
    assert float(body["data"]["SpendingAmount"]) >= 0.8 * budget.amount
    assert when - incident(estate, incidents.BUDGET_CROSSED).start == 27 * HOUR


def test_august_stays_well_below_the_budget(estate):
    assert not [found for found in estate.incidents if found.start < datetime(2026, 9, 1, tzinfo=UTC)]


def test_a_day_of_cost_comes_late_in_parts_and_then_stands_still(estate):
    item = next(found for found in estate.bill if found.meter.name == "gpt 4.1 Inp glbl Tokens")
    day, final = 20, item.days()[20]
    seen = [item.known(timedelta(days=day, hours=hours))[day] for hours in range(0, 90, 2)]

    assert seen[: 8 // 2] == [0.0] * 4
    assert 0 < item.known(timedelta(days=day + 1, hours=20))[day] < final
    assert all(before <= after for before, after in pairwise(seen))
    assert item.known(timedelta(days=day + 3))[day] == pytest.approx(final)


def test_an_estate_begins_on_a_monday_with_whole_quiet_weeks():
    with pytest.raises(ValueError, match="Monday"):
        build_estate(start=datetime(2026, 8, 4, tzinfo=UTC))
    with pytest.raises(ValueError, match="whole weeks"):
        build_estate(quiet_days=10)


def test_a_short_estate_holds_only_what_starts_in_it():
    short = build_estate(quiet_days=7, days=3)

    assert [found.kind for found in short.incidents] == [incidents.LEAK]
    assert short.webhooks == ()
