"""Native budgets and cost alerts: watched without configuration, told sooner than Azure, and told once."""

import json
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.core.faults import NotPermitted, NotThere, Throttled
from shared.core.freshness import LEASE
from shared.core.model import Account
from shared.core.periods import day_of
from shared.core.rows import Put
from shared.flows.accept import accept
from shared.flows.accounts import Estate
from shared.flows.intake import take
from shared.flows.keep import keep_known, load_mark
from shared.flows.native import load_natives
from shared.flows.poll import left_over, poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.moments import parse_moment
from shared.formats.watch_file import parse_watch
from tests.telling import NOW, SCOPE, Chat, Killed, Mortal, changes, incidents, keys, ports_telling

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ONE = SCOPE.resource.split("/")[2]
SUBSCRIPTION = f"/subscriptions/{ONE}"
GROUP = f"{SUBSCRIPTION}/resourcegroups/rg"
PROVIDER = "/providers/Microsoft.CostManagement"
WATCH = f"{{channels: {{teams: {{kind: teams, secret: B}}}}, subscriptions: ['{ONE}']}}"


def native(name="AI", scope=SUBSCRIPTION, amount=100, percent=80, **named: Any):
    return {
        "id": f"{scope}{PROVIDER}/budgets/{name}",
        "name": name,
        "properties": {
            "amount": amount,
            "category": "Cost",
            "timeGrain": "Monthly",
            "filter": {},
            "currentSpend": {"amount": 31.5, "unit": "USD"},
            "notifications": {"a": {"enabled": True, "threshold": percent, "thresholdType": "Actual"}},
            **named,
        },
    }


def told(name="AI", threshold=0.8, **named: Any):
    moment = f"{NOW - HOUR:%Y-%m-%dT%H:%M:%S.0000000Z}"
    details = {
        "timeGrainType": "Monthly",
        "periodStartDate": "2026-09-01T00:00:00Z",
        "threshold": threshold,
        "amount": 100,
        "unit": "USD",
        "currentSpend": 84.2,
    }
    about = {
        "definition": {"type": "Budget", "criteria": "CostThresholdExceeded"},
        "status": "Active",
        "costEntityId": name,
        "creationTime": moment,
        "modificationTime": moment,
        "details": details,
        **named,
    }
    return {"id": f"{SUBSCRIPTION}{PROVIDER}/alerts/{name}{threshold}", "properties": about}


class CostManagement:
    """At the port: so much cost a day whatever is asked, lists by scope; refuses as told."""

    def __init__(self, a_day=12):
        self.a_day, self.unit = a_day, "USD"
        self.listed: dict[str, list[dict[str, Any]]] = {}
        self.alerts: list[dict[str, Any]] = []
        self.refusals: dict[str, Exception] = {}  # by call, or call and scope
        self.calls: Counter[str] = Counter()
        self.filters: list[Any] = []

    def count(self, call, scope):
        self.calls[call] += 1
        for name in (call, f"{call} {scope}"):
            if name in self.refusals:
                raise self.refusals[name]

    def budgets(self, scope):
        self.count("budgets", scope)
        return self.listed.get(scope, [])

    def cost_alerts(self, scope):
        self.count("alerts", scope)
        return self.alerts

    def cost_page(self, scope, question, link=""):
        self.count("costs", scope)
        self.filters.append(question["dataset"].get("filter"))
        assert question["type"] == "ActualCost"
        assert question["dataset"]["grouping"] == []
        start, last = (parse_moment(text) for text in question["timePeriod"].values())
        assert start
        assert last
        days = [start + number * DAY for number in range((last - start).days + 1)]
        names = ["Cost", "UsageQuantity", "UsageDate", "Currency"]
        rows = [[self.a_day, 1, int(f"{day:%Y%m%d}"), self.unit] for day in days if day <= day_of(NOW)]
        return {"properties": {"columns": [{"name": name} for name in names], "rows": rows}}


@pytest.fixture
def azure():
    return CostManagement()


@pytest.fixture
def ports(azure):
    with ports_telling(Chat(), ":memory:", watch=WATCH) as made:
        yield asking(made, azure)


def asking(ports: Ports, azure: Any, **named: Any) -> Ports:
    return replace(ports, azure=azure, **named)


def job(now):
    return json.dumps({"source": "budgets", "subject": ONE, "round": now.isoformat()})


def poll(ports, now=NOW):
    poll_scope(ports, job(now), now)
    return load_mark(ports, "budgets", ONE)[0]


def the_incident(ports):
    (found,) = incidents(ports)
    return found


def test_a_native_budget_is_told_without_configuration(ports, azure):
    azure.listed = {SUBSCRIPTION: [native()]}
    poll(ports)

    alert = the_incident(ports).alert
    assert alert.what.startswith("Budget AI: 96 % of 100.00 USD spent")
    assert (alert.source, alert.steps) == ("Meterwatch", ("actual 80",))
    assert azure.filters == [None] * len(azure.filters)  # the whole bill, as Azure counts it


def test_a_native_budget_that_is_far_from_its_thresholds_is_quiet(ports, azure):
    azure.listed = {SUBSCRIPTION: [native(amount=1000)]}
    poll(ports)

    assert incidents(ports) == []
    assert azure.calls["costs"] > 0


def test_its_own_filter_is_asked_with(ports, azure):
    only = {"tags": {"name": "team", "operator": "In", "values": ["search"]}}
    azure.listed = {SUBSCRIPTION: [native(filter={"and": [only]})]}
    poll(ports)

    assert azure.filters == [only] * len(azure.filters)


def test_what_azure_says_of_it_is_told_beside_with_its_age(ports, azure):
    azure.listed = {SUBSCRIPTION: [native()]}
    poll(ports)
    poll(ports, NOW + HOUR)

    details = {one.label: one.text for one in the_incident(ports).alert.details}
    assert details["Azure's own figure"] == "31.50 USD, the same since Tue 8 Sep 14:05 UTC"


def test_the_bill_is_asked_at_most_once_in_four_hours(ports, azure):
    azure.listed = {SUBSCRIPTION: [native()]}
    poll(ports)
    first = azure.calls["costs"]
    for hour in range(1, 4):
        poll(ports, NOW + hour * HOUR)
    assert azure.calls["costs"] == first

    poll(ports, NOW + 4 * HOUR)
    assert azure.calls["costs"] == first + 1


def test_a_budget_of_the_watch_file_goes_before_a_native_one_of_its_name(ports, azure):
    azure.listed = {SUBSCRIPTION: [native("ai")]}
    ours = f"{WATCH[:-1]}, budgets: [{{name: AI, amount: 1, scope: {SUBSCRIPTION}}}]}}"
    poll(replace(ports, watch=parse_watch(ours)))

    assert (azure.calls["costs"], incidents(ports)) == (0, [])


def test_native_budgets_can_be_left_to_azure(ports, azure):
    azure.listed, azure.alerts = {SUBSCRIPTION: [native()]}, [told()]
    poll(replace(ports, watch=parse_watch(WATCH[:-1] + ", spend: {native_budgets: false}}")))

    assert azure.calls == {"alerts": 1}
    assert the_incident(ports).alert.source == "Azure"


def test_a_budget_of_other_things_is_not_asked_for(ports, azure):
    keep_known(ports, ONE, "billing", ["billing meter: gpt-4o Inp"], NOW)
    meters = [
        {"dimensions": {"name": "Meter", "operator": "In", "values": [name]}} for name in ("VM", "GPT-4o Inp")
    ]
    azure.listed = {SUBSCRIPTION: [native("vm", filter=meters[0]), native("ai", filter=meters[1])]}
    poll(ports)

    assert the_incident(ports).alert.rule == "ai"
    assert azure.filters == [meters[1]] * len(azure.filters)


@pytest.mark.parametrize(
    "period",
    [{"startDate": "2026-10-01T00:00:00Z"}, {"endDate": "2026-09-01T00:00:00Z"}],
    ids=["not begun", "over"],
)
def test_a_budget_that_is_not_in_force_is_not_asked_for(ports, azure, period):
    azure.listed = {SUBSCRIPTION: [native(timePeriod=period)]}
    poll(ports)
    assert azure.calls["costs"] == 0


def test_a_budget_that_is_gone_holds_no_more(ports, azure):
    azure.listed = {SUBSCRIPTION: [native(), native("b")]}
    poll(ports)
    azure.listed = {SUBSCRIPTION: [native("b")]}
    poll(ports, NOW + HOUR)

    assert {one.alert.rule: one.open for one in incidents(ports)} == {"AI": False, "b": True}


def test_a_currency_in_which_nothing_is_billed_is_told_once(ports, azure):
    azure.listed, azure.unit = {SUBSCRIPTION: [native()]}, "EUR"
    for hour in range(0, 10, 5):
        poll(ports, NOW + hour * HOUR)

    assert the_incident(ports).alert.what == "Budget AI is in USD, but all that it covers is billed in EUR"
    assert len(keys(ports, "waiting|")) == 1


def test_a_budget_whose_currency_is_not_said_is_in_that_of_its_bill(ports, azure):
    azure.listed, azure.unit = {SUBSCRIPTION: [native(currentSpend=None)]}, "EUR"
    poll(ports)
    assert the_incident(ports).alert.what.startswith("Budget AI: 96 % of 100.00 EUR spent")


def holding_accounts(ports):
    accounts = tuple(
        Account(
            f"{SUBSCRIPTION}/resourcegroups/{group}/providers/microsoft.cognitiveservices/accounts/a", "x", ""
        )
        for group in ("rg", "rg", "other")
    )
    body = records.squeeze(records.encode(Estate(NOW, accounts)))
    ports.store.commit(records.state_partition(ONE), [Put("estate", body)])


def test_groups_that_hold_accounts_are_asked_where_the_subscriptions_list_has_none_of_them(ports, azure):
    holding_accounts(ports)
    azure.listed = {SUBSCRIPTION: [native("a")], GROUP: [native("b", GROUP)]}
    for hour in range(4):
        poll(ports, NOW + hour * HOUR)

    assert sorted(one.alert.rule for one in incidents(ports)) == ["a", "b"]
    assert azure.calls["budgets"] == 4 + 2  # the groups once in four hours


def test_groups_are_not_asked_where_the_subscriptions_list_has_theirs(ports, azure):
    holding_accounts(ports)
    azure.listed = {SUBSCRIPTION: [native("a"), native("b", GROUP)]}
    for hour in range(3):
        poll(ports, NOW + hour * HOUR)

    assert azure.calls["budgets"] == 3
    assert {one.scope for one in load_natives(ports, ONE).budgets} == {SUBSCRIPTION, GROUP}


def test_a_group_that_refuses_stops_no_other(ports, azure):
    holding_accounts(ports)
    azure.listed = {GROUP: [native("b", GROUP)]}
    azure.refusals = {f"budgets {SUBSCRIPTION}/resourcegroups/other": NotPermitted("403")}

    assert poll(ports).answered_at == NOW
    assert the_incident(ports).alert.rule == "b"


def test_a_budget_that_cannot_be_asked_for_stops_no_other(ports, azure):
    azure.listed = {SUBSCRIPTION: [native("a", GROUP), native("b")]}
    azure.refusals = {f"costs {GROUP}": NotThere("400: the filter is wrong")}

    assert poll(ports).answered_at == NOW
    assert the_incident(ports).alert.rule == "b"


def test_a_lost_webhook_is_made_good(ports, azure):
    azure.alerts = [told()]
    poll(ports)

    incident = the_incident(ports)
    assert (incident.alert.source, incident.alert.steps) == ("Azure", ("actual 80",))
    assert len(keys(ports, "waiting|")) == 1


def test_a_webhook_that_came_is_not_told_again(ports, azure):
    data = {
        "SubscriptionId": ONE,
        "BudgetName": "AI",
        "Budget": "100",
        "SpendingAmount": "84.2",
        "Unit": "USD",
        "NotificationThresholdAmount": "80",
    }
    take(ports, json.dumps({"schemaId": "AIP Budget Notification", "data": data}).encode(), NOW - HOUR)
    azure.alerts = [told()]
    poll(ports)
    poll(ports, NOW + HOUR)

    assert the_incident(ports).alert.steps == ("actual 80",)
    assert len(keys(ports, "waiting|")) == 1


def test_what_meterwatch_told_first_azure_confirms(ports, azure):
    azure.listed = {SUBSCRIPTION: [native()]}
    poll(ports)
    azure.alerts = [told()]
    for hour in range(1, 4):
        poll(ports, NOW + hour * HOUR)

    incident = the_incident(ports)
    assert (incident.alert.source, incident.confirmed_by) == ("Meterwatch", ("Azure",))
    assert changes(ports) == ["opened", "confirmed"]
    assert len(keys(ports, "waiting|")) == 2  # of one incident: a message, and what is only edited in


def test_an_alert_that_a_person_dismissed_is_over(ports, azure):
    azure.alerts = [told()]
    poll(ports)
    azure.alerts = [told(status="Dismissed")]
    poll(ports, NOW + HOUR)

    assert not the_incident(ports).open


def test_alerts_are_taken_in_though_budgets_cannot_be_listed_and_the_other_way_round(ports, azure):
    azure.alerts, azure.listed = [told("told")], {SUBSCRIPTION: [native("listed")]}
    azure.refusals = {"budgets": NotPermitted("403: budgets")}
    assert poll(ports).trouble == "403: budgets"
    assert [one.alert.rule for one in incidents(ports)] == ["told"]

    azure.refusals = {"alerts": NotPermitted("403: alerts")}
    assert poll(ports, NOW + HOUR).trouble == "403: alerts"
    assert {one.alert.rule for one in incidents(ports)} == {"told", "listed"}


def test_what_throttling_left_over_is_taken_up_without_asking_for_the_rest_again(ports, azure):
    azure.listed = {SUBSCRIPTION: [native(), native("b"), native("c")]}
    mark = poll(ports)
    assert mark.not_before
    now = NOW
    while mark.failing_since:
        now += 5 * MINUTE
        (message,) = [one for one in left_over(ports, now) if "budgets" in one]
        poll_scope(ports, message, now)
        mark, _ = load_mark(ports, "budgets", ONE)

    assert now < NOW + HOUR
    assert (azure.calls["budgets"], azure.calls["alerts"]) == (1, 1)
    assert sorted(one.alert.rule for one in incidents(ports)) == ["AI", "b", "c"]


def test_one_throttled_budget_does_not_keep_what_is_known_from_being_judged(ports, azure):
    azure.listed = {SUBSCRIPTION: [native("a", amount=1000), native("b", GROUP)]}
    azure.refusals = {f"costs {SUBSCRIPTION}": Throttled("429", MINUTE)}

    assert poll(ports).trouble == "429"
    assert the_incident(ports).alert.rule == "b"


def test_killed_between_any_two_calls_and_run_again_ends_the_same(azure):
    azure.listed, azure.alerts = {SUBSCRIPTION: [native()]}, [told(threshold=0.5), told("other")]
    after = NOW + LEASE

    def result_of(ports):
        found = sorted((one.alert.key, sorted(one.alert.steps), one.open) for one in incidents(ports))
        rows = ports.store.scan(records.readings_partition(ONE), "native|")
        days = {reading.start: reading.value for row in rows for reading in records.unpack(row.body)}
        return found, days, len(keys(ports, "waiting|")) > 0

    with ports_telling(Chat(), ":memory:", watch=WATCH) as undisturbed:
        poll_scope(asking(undisturbed, azure), job(NOW), NOW)
        expected = result_of(undisturbed)
        assert len(expected[0]) == 2
    for number in count():
        mortal = Mortal(number)
        with ports_telling(Chat(), ":memory:", watch=WATCH) as ports:
            died = asking(ports, mortal.standing_before(azure), store=mortal.standing_before(ports.store))
            with suppress(Killed):
                poll_scope(died, job(NOW), NOW)
                break
            living = asking(ports, azure)
            for again in left_over(living, after) or [job(after)]:
                poll_scope(living, again, after)
            assert result_of(ports) == expected, number

    assert number > 30


def test_accepting_the_same_list_hour_after_hour_writes_nothing_new(ports, azure):
    azure.alerts = [told()]
    poll(ports)
    before = [row.version for row in ports.store.scan(records.ALERTS, "incident|")]
    for hour in range(1, 5):
        poll(ports, NOW + hour * HOUR)

    assert [row.version for row in ports.store.scan(records.ALERTS, "incident|")] == before
    assert accept(ports, [], NOW) == []
