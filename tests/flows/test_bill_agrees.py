"""What is kept agrees with the simulated tenant's true bill, to the cent, whatever it does to us."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.run import ports_for
from shared.core.periods import day_of, months_after
from shared.flows.costs import totals_since
from shared.flows.keep import load_mark
from shared.flows.poll import poll_scope
from shared.flows.poll_spend import HISTORY
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from tests.true_bill import cents, kept_bill, true_bill

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
METER = "gpt 4.1 Inp glbl Tokens"


@pytest.fixture
def ports(tenant, tmp_path):
    return replace(ports_for(tenant, tmp_path), watch=parse_watch(""))


def read(ports, tenant, subscription, now, source="spend"):
    """A round, and the jobs that take up what it left over; answers when all was read."""
    for number in range(60):
        at = now + number * 5 * MINUTE
        tenant.set_clock(at)
        round_ = at.isoformat() if number == 0 else None
        poll_scope(ports, json.dumps({"source": source, "subject": subscription, "round": round_}), at)
        if load_mark(ports, source, subscription)[0].failing_since is None:
            return at
    raise AssertionError(load_mark(ports, source, subscription)[0].trouble)


def agrees(ports, tenant, subscription, now, read_at, **options):
    """Whether all that was kept since the first look is the bill, row by row and to the cent."""
    since = day_of(now) - HISTORY
    expected = true_bill(tenant, subscription, read_at, since, **options)
    found = kept_bill(ports, subscription, since)
    assert expected
    assert cents(found) == cents(expected)
    assert found == expected


def correct(day, **named):
    return {"at": named.pop("at").isoformat(), "day": f"{day:%Y-%m-%d}", "meter": METER, **named}


@pytest.mark.parametrize("subscription", [AGENTS, PLATFORM, SANDBOX])
def test_days_that_came_late_and_in_parts_agree_in_the_end(ports, tenant, live, subscription):
    now = live
    for hours in (9, 8, 7) * 5:
        now += hours * HOUR
        read(ports, tenant, subscription, now)

    agrees(ports, tenant, subscription, live, now)


def test_a_correction_replaces_what_was_kept(ports, tenant, live):
    now = live + 10 * DAY
    read(ports, tenant, AGENTS, now - HOUR)
    before = cents(kept_bill(ports, AGENTS, now - HISTORY))
    options = {"cost_corrections": [correct(now - 3 * DAY, at=now, factor=0.25)]}
    tenant.set_options(**options)
    at = read(ports, tenant, AGENTS, now)

    agrees(ports, tenant, AGENTS, now, at, **options)
    assert cents(kept_bill(ports, AGENTS, now - HISTORY)) != before


def test_cost_that_moves_to_another_meter_is_not_counted_twice(ports, tenant, live):
    now = live + 10 * DAY
    read(ports, tenant, AGENTS, now - HOUR)
    options = {"cost_corrections": [correct(now - 3 * DAY, at=now, moved_to="gpt 4.1 Inp glbl 1M Tokens")]}
    tenant.set_options(**options)
    at = read(ports, tenant, AGENTS, now)

    agrees(ports, tenant, AGENTS, now, at, **options)
    unmoved = true_bill(tenant, AGENTS, at, now - HISTORY)
    assert cents(kept_bill(ports, AGENTS, day_of(now) - HISTORY)) == cents(unmoved)


def test_a_meter_that_is_renamed_is_two_meters_and_one_bill(ports, tenant, live):
    now = live + 10 * DAY
    rename = {"meter": METER, "to": "4.1 inp Gl", "since": f"{live + 4 * DAY:%Y-%m-%d}"}
    tenant.set_options(meter_renames=[rename])
    at = read(ports, tenant, AGENTS, now)

    agrees(ports, tenant, AGENTS, now, at, meter_renames=[rename])


def test_a_month_that_is_being_closed_is_read_again_to_its_first_day(ports, tenant, live):
    first = months_after(day_of(live).replace(day=1), 1)  # September, in the middle of the live days
    read(ports, tenant, AGENTS, first - 2 * HOUR)
    options = {"cost_corrections": [correct(first - 30 * DAY, at=first + DAY, factor=2.0)]}
    tenant.set_options(**options)
    at = read(ports, tenant, AGENTS, first + DAY + HOUR)

    agrees(ports, tenant, AGENTS, first, at, **options)


def test_currencies_are_kept_apart(ports, tenant, live):
    now = live + 3 * DAY
    options = {"currencies": {AGENTS: "EUR"}}
    tenant.set_options(**options)
    at = read(ports, tenant, AGENTS, now)

    agrees(ports, tenant, AGENTS, now, at, **options)
    assert set(cents(kept_bill(ports, AGENTS, now - HISTORY))) == {"EUR"}


@pytest.mark.parametrize(("kind", "amortised"), [("actual", False), ("amortized", True)])
def test_reserved_capacity_is_counted_as_charged_or_spread_over_its_days(
    ports, tenant, live, kind, amortised
):
    now = live + 3 * DAY
    tenant.set_options(reservation=True)
    chosen = replace(ports, watch=parse_watch(f"spend: {{type: {kind}}}"))
    at = read(chosen, tenant, PLATFORM, now)

    agrees(chosen, tenant, PLATFORM, now, at, amortised=amortised, reservation=True)
    orders = [key for key in kept_bill(chosen, PLATFORM, now - HISTORY) if "reservationorders" in key[0]]
    assert orders


def test_a_bill_that_is_to_be_read_in_another_way_is_read_anew(ports, tenant, live):
    now = live + 3 * DAY
    tenant.set_options(reservation=True)
    read(ports, tenant, PLATFORM, now)
    spread = replace(ports, watch=parse_watch("spend: {type: amortized}"))
    at = read(spread, tenant, PLATFORM, now + HOUR)

    agrees(spread, tenant, PLATFORM, now, at, amortised=True, reservation=True)


@pytest.mark.parametrize(("number", "bucket"), list(enumerate(["entity", "tenant", "qpu", "clienttype"])))
def test_no_bucket_of_azures_ever_refuses_us(ports, tenant, live, number, bucket):
    tenant.set_options(cost_buckets=[bucket])
    patient = replace(ports, watch=parse_watch("budgets: [{name: y, amount: 9, grain: year}]"))
    before = len(tenant.requests()["recent"])
    now = live + (60 + number) * DAY  # when no other test has used anything up
    for subscription in (AGENTS, PLATFORM, SANDBOX):
        now = read(patient, tenant, subscription, now)

    statuses = [one["status"] for one in tenant.requests()["recent"][before:] if one["route"] == "costs"]
    assert len(statuses) > 12
    assert 429 not in statuses


def test_of_several_waits_the_longest_is_waited_for(ports, tenant, live):
    headers = {
        "x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "60",
        "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after": "900",
        "x-ms-ratelimit-microsoft.costmanagement-tenant-retry-after": "30",
    }
    tenant.set_faults([{"path_contains": "query", "status": 429, "headers": headers, "times": 1}])
    tenant.set_clock(live)
    for subscription in (AGENTS, SANDBOX):
        message = json.dumps({"source": "spend", "subject": subscription, "round": live.isoformat()})
        poll_scope(ports, message, live)

    marks = [load_mark(ports, "spend", one)[0] for one in (AGENTS, SANDBOX)]
    # The units are those of all scopes, so the other subscription is not even asked for.
    assert [mark.not_before for mark in marks] == [live + 15 * MINUTE] * 2


def test_answers_of_their_last_day_alone_are_asked_for_again_day_by_day(ports, tenant, live):
    now = live + 5 * DAY
    tenant.set_options(last_day_only=True)
    at = read(ports, tenant, AGENTS, now)

    agrees(ports, tenant, AGENTS, now, at)


def test_answers_that_are_suddenly_cut_lose_nothing_that_was_known(ports, tenant, live):
    now = live + 5 * DAY
    at = read(ports, tenant, AGENTS, now)
    tenant.set_options(last_day_only=True)
    read(ports, tenant, AGENTS, now + HOUR)

    agrees(ports, tenant, AGENTS, now, at)


def test_a_service_whose_clock_is_behind_loses_nothing_by_shifting_dates(ports, tenant, live):
    now = live + 6 * DAY - HOUR
    tenant.set_options(future_as_last_year=True)
    read(ports, tenant, AGENTS, now)
    kept = kept_bill(ports, AGENTS, now - HISTORY)
    tomorrow = now + 2 * HOUR
    poll_scope(
        ports, json.dumps({"source": "spend", "subject": AGENTS, "round": tomorrow.isoformat()}), tomorrow
    )

    assert kept
    assert kept_bill(ports, AGENTS, now - 500 * DAY) == kept


def test_a_subscription_without_any_cost_is_unknown_and_no_trouble(ports, tenant, live):
    read(ports, tenant, AGENTS, tenant.estate.start - 100 * DAY)

    assert kept_bill(ports, AGENTS, live - 999 * DAY) == {}
    assert load_mark(ports, "spend", AGENTS)[0].answered_at


def test_the_totals_are_those_of_what_is_kept(ports, tenant, live):
    now = live + 5 * DAY
    for subscription in (AGENTS, SANDBOX):
        read(ports, tenant, subscription, now)

    for subscription, readings in totals_since(ports, now, now):
        kept = kept_bill(ports, subscription, day_of(now).replace(day=1))
        assert sum(one.value for one in readings) == sum(kept.values())
        assert len(readings) <= now.day
