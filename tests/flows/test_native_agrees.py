"""Native budgets of the simulated tenant: our figure is Azure's own, whatever they filter."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from cli.run import ports_for
from shared.core.budgets import budget_key
from shared.core.model import Kind
from shared.flows.keep import load_mark
from shared.flows.poll import poll_scope
from shared.formats.watch_file import parse_watch
from sim.blueprint import AGENTS, PLATFORM, SANDBOX
from sim.groups import GROUP_PATH, PRODUCTION
from sim.native_budgets import native_budgets, spent_at
from sim.options import Options
from sim.view import Directory, View
from tests.telling import incidents

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SMALL = 0.001  # of their amounts: every step is crossed


@pytest.fixture
def ports(tenant, tmp_path):
    tenant.set_options(budget_scale=SMALL)
    yield replace(ports_for(tenant, tmp_path), watch=parse_watch(""))
    tenant.set_options()


def read(ports, tenant, source, subject, now):
    for number in range(60):
        at = now + number * 5 * MINUTE
        tenant.set_clock(at)
        round_ = at.isoformat() if number == 0 else None
        poll_scope(ports, json.dumps({"source": source, "subject": subject, "round": round_}), at)
        if load_mark(ports, source, subject)[0].failing_since is None:
            return
    raise AssertionError(load_mark(ports, source, subject)[0].trouble)


def azures_own(tenant, scope, now):
    """What the bill shows by now of each budget of a scope."""
    options = msgspec.convert({"budget_scale": SMALL}, Options)
    view = View(Directory(tenant.estate), "", now, options, {})
    return {
        budget_key(one.scope, one.name): Decimal(str(spent_at(view, one, now))).quantize(Decimal("0.01"))
        for one in native_budgets(view, scope)
    }


def ours(ports):
    found = [one.alert for one in incidents(ports) if one.alert.kind is Kind.BUDGET]
    return {one.key: one.seen.value.quantize(Decimal("0.01")) for one in found if one.seen}


@pytest.mark.parametrize("subscription", [AGENTS, PLATFORM, SANDBOX])
def test_the_spend_of_each_native_budget_is_azures_own(ports, tenant, subscription):
    now = tenant.estate.live + 8 * DAY
    read(ports, tenant, "budgets", subscription, now)

    expected = azures_own(tenant, f"/subscriptions/{subscription}", now)
    found = ours(ports)
    assert found.keys() >= {key for key in expected if "ai-products" not in key}
    assert {key: expected[key] for key in found} == found


def test_a_native_budget_of_a_management_group_is_watched_with_the_wide_question(ports, tenant):
    now = tenant.estate.live + 8 * DAY
    scope = GROUP_PATH + PRODUCTION
    wide = replace(ports, watch=parse_watch(f"spend: {{scope: '{scope}'}}"))
    read(wide, tenant, "bill", "everything", now)

    key = budget_key(scope, "contoso-ai-monthly")
    assert ours(wide) == {key: azures_own(tenant, scope, now)[key]}
