"""What is watched: found, remembered, and not lost sight of without a word."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.faults import NotPermitted, NotThere, SignInFault, Throttled, Unreachable
from shared.flows.estate import remembered, watched
from shared.flows.keep import load_mark
from shared.flows.poll import plan, poll_scope
from shared.flows.tend import LOST_FOR, tend
from shared.formats.watch_file import parse_watch
from tests.telling import MINUTE, NOW, WATCH, Chat, incidents, ports_telling

ONE = "11111111-2222-3333-4444-555555555555"
TWO = "22222222-2222-3333-4444-555555555555"
DAY = timedelta(days=1)
ONLY = "prices: {enabled: false}\nspend: {native_budgets: false}\n"


class Listing:
    """Azure's lists: subscriptions with two accounts each, that can be refused; no use, no cost."""

    def __init__(self, *subscriptions):
        self.listed: Any = list(subscriptions)
        self.refused: dict[str, Exception] = {}
        self.under: dict[str, Any] = {}
        self.asked = []

    def subscriptions(self):
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed

    def accounts(self, subscription):
        self.asked.append(subscription)
        if subscription in self.refused:
            raise self.refused[subscription]
        names = ["one", "two"]
        return [{"id": f"/subscriptions/{subscription}/{name}", "location": "West Europe"} for name in names]

    def subscriptions_under(self, group):
        self.asked.append(group)
        if isinstance(self.under[group], Exception):
            raise self.under[group]
        return self.under[group]

    def resource_groups(self, subscription):
        return []

    def deployments(self, account):
        if account in self.refused:
            raise self.refused[account]
        return [{"name": "chat", "properties": {"model": {"name": "gpt-5"}}}]

    def metrics(self, region, resources, *question):
        subscription = resources[0].split("/")[2]
        if subscription in self.refused:
            raise self.refused[subscription]
        return {"values": []}

    def budgets(self, scope):
        return []

    def cost_alerts(self, scope):
        if (subscription := scope.split("/")[2]) in self.refused:
            raise self.refused[subscription]
        return []

    def cost_page(self, scope, question, link=""):
        if (subscription := scope.split("/")[2]) in self.refused:
            raise self.refused[subscription]
        return {}


@pytest.fixture
def azure():
    return Listing(ONE, TWO)


@pytest.fixture
def ports(tmp_path, azure):
    with ports_telling(Chat(), tmp_path / "estate.db", WATCH + ONLY) as found:
        yield replace(found, azure=azure)


def poll_all(ports, now):
    for timer in ("usage", "spend"):
        for message in plan(ports, timer, now):
            poll_scope(ports, message, now)


@pytest.mark.parametrize(
    "fault",
    [Unreachable("cut"), NotPermitted("no role"), Throttled("often", DAY), SignInFault("no login")],
    ids=lambda fault: type(fault).__name__,
)
def test_subscriptions_that_cannot_be_listed_are_those_of_the_last_time(ports, azure, fault):
    logged: list[Any] = []
    assert watched(ports) == (ONE, TWO)

    azure.listed = fault
    assert watched(replace(ports, log=logged.append)) == (ONE, TWO)
    assert [event["trouble"] for event in logged] == [str(fault)]


def test_the_first_round_without_a_login_watches_nothing_and_does_not_fail(ports, azure):
    azure.listed = SignInFault("no login")

    assert plan(ports, "usage", NOW) == []


def test_subscriptions_in_the_configuration_need_no_list(ports, azure):
    azure.listed = Unreachable("never asked")
    chosen = replace(ports, watch=parse_watch(f"subscriptions: ['{TWO}']"))

    assert watched(chosen) == remembered(chosen) == (TWO,)


def test_a_subscription_whose_role_was_removed_is_told_and_in_the_end_forgotten(ports, azure):
    poll_all(ports, NOW)
    azure.listed, azure.refused = [TWO], {ONE: NotPermitted("a role is missing")}
    poll_all(ports, NOW + 29 * MINUTE)
    assert incidents(ports) == []

    poll_all(ports, NOW + 31 * MINUTE)
    (blind,) = incidents(ports)
    assert "no usage data" in blind.alert.what
    assert "a role is missing" in blind.alert.why

    much_later = NOW + LOST_FOR + DAY
    poll_all(ports, much_later)
    tend(ports, much_later)
    assert watched(ports) == (TWO,)
    (over,) = [one for one in incidents(ports) if one.alert.key == blind.alert.key]
    assert not over.open
    assert "not listed any more" in over.alert.why


def test_a_subscription_that_is_listed_again_is_watched_as_before(ports, azure):
    poll_all(ports, NOW)
    azure.listed = []
    assert watched(ports) == (ONE, TWO)

    azure.listed = [ONE, TWO]
    tend(ports, NOW + LOST_FOR)
    assert watched(ports) == (ONE, TWO)


def test_a_subscription_that_is_listed_and_fails_for_weeks_is_not_forgotten(ports, azure):
    azure.refused = {ONE: NotPermitted("a role is missing")}
    for day in range(15):
        poll_all(ports, NOW + day * DAY)
        tend(ports, NOW + day * DAY)

    assert watched(ports) == (ONE, TWO)
    assert all(one.open for one in incidents(ports))
    assert {one.alert.key for one in incidents(ports)} >= {
        f"freshness|{source}|{ONE}" for source in ("usage", "spend")
    }


def test_polls_that_never_ran_at_all_are_told(ports):
    watched(ports)
    told = [len(tend(ports, NOW + minutes * MINUTE)) for minutes in (0, 25, 30, 35)]

    assert told == [0, 0, 4, 4]  # two subscriptions, two channels; nobody has sent them yet
    assert all("it has never answered" in one.alert.why for one in incidents(ports))


def test_tending_before_a_first_poll_does_not_keep_it_from_being_the_first(ports):
    watched(ports)
    tend(ports, NOW)
    assert load_mark(ports, "usage", ONE)[0].read_until is None

    poll_all(ports, NOW + MINUTE)
    tend(ports, NOW + 30 * MINUTE)
    assert load_mark(ports, "usage", ONE)[0].failing_since is None
    assert [one for one in incidents(ports) if "usage" in one.alert.key and one.open] == []


@pytest.mark.parametrize("subscription", ["", "a\x00b", "x" * 300, "../..", "a|b", 7.5])
def test_a_job_for_no_subscription_is_let_go(ports, azure, subscription):
    logged: list[Any] = []
    message = json.dumps({"source": "usage", "subject": subscription, "round": NOW.isoformat()})

    assert poll_scope(replace(ports, log=logged.append), message, NOW) == []
    assert azure.asked == []
    assert [event["event"] for event in logged] == ["odd job"]


# Management groups

GROUPS = WATCH + ONLY + f"management_groups: [ai, lab]\nsubscriptions: ['{TWO}']\n"
THREE = "33333333-2222-3333-4444-555555555555"


@pytest.fixture
def grouped(tmp_path, azure):
    azure.under = {"ai": [ONE, THREE], "lab": []}
    with ports_telling(Chat(), tmp_path / "groups.db", GROUPS) as found:
        yield replace(found, azure=azure)


def test_subscriptions_under_management_groups_are_watched_with_those_that_are_named(grouped):
    assert watched(grouped) == (TWO,)

    poll_all(grouped, NOW)
    assert watched(grouped) == remembered(grouped) == (TWO, ONE, THREE)


def test_a_group_that_cannot_be_read_is_told_and_the_others_go_on(grouped, azure):
    poll_all(grouped, NOW)
    azure.under["lab"] = NotPermitted("403: no role at the management group")
    for minutes in (5, 35, 65):
        poll_all(grouped, NOW + minutes * MINUTE)

    (blind,) = incidents(grouped)
    assert blind.alert.what == "Blind: no discovery data of management group lab for 1 h 5 min"
    assert "403: no role at the management group" in blind.alert.why
    assert watched(grouped) == (TWO, ONE, THREE)
    assert load_mark(grouped, "usage", THREE)[0].answered_at == NOW + 65 * MINUTE


def test_a_group_that_cannot_be_read_now_keeps_the_subscriptions_of_the_last_time(grouped, azure):
    poll_all(grouped, NOW)
    azure.under["ai"] = Unreachable("cut")
    poll_all(grouped, NOW + 5 * MINUTE)

    assert watched(grouped) == (TWO, ONE, THREE)
    assert load_mark(grouped, "usage", ONE)[0].answered_at == NOW + 5 * MINUTE


def test_a_subscription_that_left_its_group_is_not_polled_and_its_alerts_are_over(grouped, azure):
    azure.refused = {ONE: NotPermitted("no role"), THREE: NotPermitted("no role")}
    for minutes in (0, 5, 40):
        poll_all(grouped, NOW + minutes * MINUTE)
    azure.under = {"ai": [], "lab": [ONE]}
    for minutes in (45, 50):
        poll_all(grouped, NOW + minutes * MINUTE)

    assert watched(grouped) == (TWO, ONE)
    stands = {(one.alert.key.split("|")[2], one.open) for one in incidents(grouped)}
    assert stands == {(ONE, True), (THREE, False)}
    whys = {one.alert.why for one in incidents(grouped) if not one.open}
    assert whys == {"the subscription is no longer under management group ai"}


@pytest.mark.parametrize("group", ["..", "a/b", ".", "", "x" * 91, "a b"])
def test_a_job_for_what_is_no_group_is_let_go(grouped, azure, group):
    message = json.dumps({"source": "discovery", "subject": group, "round": NOW.isoformat()})

    assert poll_scope(grouped, message, NOW) == []
    assert azure.asked == []


def test_a_subscription_that_does_not_exist_fails_in_one_line_and_the_others_go_on(grouped, azure):
    azure.refused = {TWO: NotThere("ARM list of it answered 404: SubscriptionNotFound")}
    for minutes in (0, 5):
        poll_all(grouped, NOW + minutes * MINUTE)

    assert load_mark(grouped, "usage", TWO)[0].trouble == "ARM list of it answered 404: SubscriptionNotFound"
    assert load_mark(grouped, "usage", ONE)[0].trouble == ""
