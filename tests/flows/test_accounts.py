"""What is in a subscription: listed rarely, noticed when new, gone only when Azure says so by its name."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.faults import NotPermitted, NotThere, Throttled, Unreachable
from shared.core.model import Kind
from shared.flows.accept import accept
from shared.flows.accounts import INSIDE_FOR, LISTED_FOR, MOST_INSIDE, REMOVED_FOR, load_accounts, read_estate
from shared.flows.keep import load_baselines, load_mark
from shared.flows.poll import poll_scope
from tests.builders import an_alert
from tests.small_azure import SmallAccount, SmallAzure
from tests.telling import MINUTE, NOW, SCOPE, WATCH, Chat, incidents, ports_telling

ONE = SCOPE.resource.split("/")[2]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LIMIT = WATCH + "  - {name: used, meter: tokens in, above: 10}\nanomalies: {enabled: false}\n"
CUT = Unreachable("cut")


@pytest.fixture
def held():
    return SmallAccount("aoai-search", ["chat", "mail"], tags={"Owner": "search"})


@pytest.fixture
def azure(held):
    return SmallAzure(ONE, held, SmallAccount("aoai-other", ["chat"], tags={"owner": "other"}))


@pytest.fixture
def logged() -> list[Any]:
    return []


@pytest.fixture
def ports(azure, logged):
    with ports_telling(Chat(), ":memory:", LIMIT) as found:
        yield replace(found, azure=azure, log=logged.append)


def poll(ports, now):
    return poll_scope(ports, json.dumps({"source": "usage", "subject": ONE, "round": now.isoformat()}), now)


def read(ports, now, **named):
    estate, _ = read_estate(ports, ONE, now, **named)
    return {
        one.id.rpartition("/")[2]: sorted(inner.name for inner in one.deployments) for one in estate.accounts
    }


def standing(ports, kind=Kind.LIMIT):
    """Of each incident about a deployment whether it is open, and why."""
    return {
        (one.alert.scope.resource.rpartition("/")[2], one.alert.scope.part): (one.open, one.alert.why)
        for one in incidents(ports)
        if one.alert.kind is kind
    }


def above_limits(ports, held, azure, *parts):
    """Opens an incident for each part, "" being the account itself."""
    scopes = [replace(SCOPE, resource=azure.id_of(held), part=part) for part in parts]
    accept(ports, [an_alert(key=f"limit|{scope.part}", scope=scope) for scope in scopes], NOW)


# Listing


def test_accounts_are_listed_every_hour_and_looked_into_every_six(ports, azure):
    for minutes in range(0, 12 * 60 + 1, 5):
        read(ports, NOW + minutes * MINUTE)

    assert len(azure.calls("accounts")) == 13
    assert len(azure.calls("deployments")) == 3 * 2
    assert azure.calls("exists") == []


def test_a_new_account_is_noticed_within_the_hour_and_told(ports, azure):
    poll(ports, NOW)
    azure.held.append(SmallAccount("aif-new", ["agent"]))
    poll(ports, NOW + LISTED_FOR - 5 * MINUTE)
    assert "aif-new" not in read(ports, NOW + LISTED_FOR - MINUTE)

    poll(ports, NOW + LISTED_FOR)
    told = [one.alert.what for one in incidents(ports) if one.alert.kind is Kind.NEWCOMER]
    assert told == ["New account: aif-new"]


def test_a_deployment_that_metrics_show_makes_its_account_be_looked_into_alone(ports, azure, held):
    poll(ports, NOW)
    held.deployments.append("trial")
    already = len(azure.calls("deployments"))
    poll(ports, NOW + 15 * MINUTE)

    assert azure.calls("deployments")[already:] == [azure.id_of(held)]
    told = [one.alert.what for one in incidents(ports) if one.alert.kind is Kind.NEWCOMER]
    assert told == ["New deployment: trial in aoai-search"]


def test_a_deployment_that_metrics_spell_otherwise_is_the_one_that_is_listed(ports, azure, held):
    held.deployments[:] = ["Chat"]
    read(ports, NOW)
    used = [replace(SCOPE, resource=azure.id_of(held), part="chat")]
    read(ports, NOW + 30 * MINUTE, used=used)

    assert len(azure.calls("deployments")) == 2


def test_a_deployment_that_no_list_shows_is_looked_for_only_now_and_then(ports, azure, held):
    azure.hidden.add("mail")
    for minutes in range(0, 31, 5):
        poll(ports, NOW + minutes * MINUTE)

    looks = [one for one in azure.calls("deployments") if one == azure.id_of(held)]
    assert len(looks) == 4  # the first, and every ten minutes


def test_many_accounts_are_looked_into_over_several_rounds_and_none_of_them_is_told_as_new(ports, azure):
    azure.held = [SmallAccount(f"a{number:03}", ["chat"]) for number in range(MOST_INSIDE + 20)]
    azure.began = NOW - HOUR
    for minutes in (0, 5, 10):
        poll(ports, NOW + minutes * MINUTE)

    assert len(azure.calls("deployments")) == MOST_INSIDE + 20
    assert [one for one in incidents(ports) if one.alert.kind is Kind.NEWCOMER] == []


def test_the_owner_is_the_accounts_tag_else_its_groups(ports, azure, held):
    held.tags = {}
    azure.groups = {"RG": {"OWNER": "platform"}, "rg-other": {"owner": "nobody"}}
    estate, _ = read_estate(ports, ONE, NOW)

    assert {one.id.rpartition("/")[2]: one.owner for one in estate.accounts} == {
        "aoai-search": "platform",
        "aoai-other": "other",
    }


def test_groups_are_not_asked_for_where_every_account_says_whose_it_is(ports, azure):
    read(ports, NOW)

    assert azure.calls("resource_groups") == []


def test_groups_that_cannot_be_listed_leave_the_owner_that_was_known(ports, azure, held):
    held.tags = {}
    azure.groups = {"rg": {"owner": "platform"}}
    read(ports, NOW)
    azure.faults["resource_groups"] = NotPermitted("no role")
    estate, _ = read_estate(ports, ONE, NOW + LISTED_FOR)

    for resource in (azure.id_of(held), f"{azure.id_of(held)}/projects/p"):
        account = estate.account_of(resource)
        assert account is not None
        assert account.owner == "platform"
    assert estate.account_of("/subscriptions/x") is None


# Lists that fail


@pytest.mark.parametrize("fault", [NotThere("404"), NotPermitted("403"), CUT, Throttled("429", MINUTE)])
def test_a_subscription_that_was_never_listed_and_fails_is_a_fault_in_one_line(ports, azure, fault):
    azure.faults["accounts"] = fault
    poll(ports, NOW)

    assert load_mark(ports, "usage", ONE)[0].trouble == str(fault)
    assert load_accounts(ports, ONE) == ()


@pytest.mark.parametrize("fault", [CUT, Throttled("429", MINUTE)], ids=["cut", "throttled"])
def test_accounts_that_cannot_be_listed_for_a_while_are_those_of_the_last_time(ports, azure, fault, logged):
    poll(ports, NOW)
    azure.faults["accounts"] = fault
    poll(ports, NOW + LISTED_FOR)
    assert load_mark(ports, "usage", ONE)[0].answered_at == NOW + LISTED_FOR
    assert {"event": "source", "source": "accounts", "trouble": str(fault)} in logged

    poll(ports, NOW + 7 * HOUR)
    assert load_mark(ports, "usage", ONE)[0].trouble == str(fault)


@pytest.mark.parametrize("fault", [NotThere("404"), NotPermitted("403"), CUT, Throttled("429", MINUTE)])
def test_deployments_that_cannot_be_listed_are_those_of_the_last_time(ports, azure, held, fault):
    read(ports, NOW)
    azure.faults[azure.id_of(held)] = fault
    found = read(ports, NOW + INSIDE_FOR)

    assert found == {"aoai-search": ["chat", "mail"], "aoai-other": ["chat"]}
    assert azure.calls("exists") == []


def test_an_account_that_is_not_looked_into_does_not_hide_the_others_and_is_tried_again(ports, azure, held):
    azure.faults[azure.id_of(held)] = CUT
    assert read(ports, NOW) == {"aoai-search": [], "aoai-other": ["chat"]}

    azure.faults.clear()
    assert read(ports, NOW + 5 * MINUTE) == {"aoai-search": ["chat", "mail"], "aoai-other": ["chat"]}


# What is gone


def test_a_removed_deployment_closes_its_alerts_with_that_reason_and_is_forgotten(ports, azure, held):
    poll(ports, NOW)
    assert standing(ports)["aoai-search", "mail"][0]
    held.deployments.remove("mail")
    nudges = poll(ports, NOW + INSIDE_FOR)

    assert standing(ports)["aoai-search", "mail"] == (False, "the deployment was removed")
    assert standing(ports)["aoai-search", "chat"][0]
    assert standing(ports)["aoai-other", "chat"][0]
    assert {scope.part for scope in load_baselines(ports, ONE)} == {"chat"}
    assert len(nudges) == 2  # both channels hear of it


def test_a_removed_account_closes_all_of_its_alerts_and_no_other(ports, azure, held):
    poll(ports, NOW)
    above_limits(ports, held, azure, "")
    azure.held.remove(held)
    poll(ports, NOW + LISTED_FOR)

    closed = {scope: why for scope, (is_open, why) in standing(ports).items() if not is_open}
    assert closed == {("aoai-search", part): "the account was removed" for part in ("", "chat", "mail")}
    assert standing(ports)["aoai-other", "chat"][0]
    assert {scope.resource.rpartition("/")[2] for scope in load_baselines(ports, ONE)} == {"aoai-other"}


def test_a_removed_project_closes_its_alerts(ports, azure, held):
    held.kind, held.projects = "AIServices", ["web", "lab"]
    read(ports, NOW)
    scopes = [
        replace(SCOPE, resource=f"{azure.id_of(held)}/projects/{name}", part="asst_1")
        for name in ("web", "lab")
    ]
    accept(ports, [an_alert(key=f"limit|{scope.resource}", scope=scope) for scope in scopes], NOW)
    held.projects.remove("lab")
    read(ports, NOW + INSIDE_FOR)

    assert standing(ports)["lab", "asst_1"] == (False, "the project was removed")
    assert standing(ports)["web", "asst_1"][0]


@pytest.mark.parametrize("name", ["aoai-search", "mail"])
@pytest.mark.parametrize(
    "fault", [None, NotPermitted("403"), CUT, Throttled("429", MINUTE)], ids=["there", "403", "cut", "429"]
)
def test_what_is_missing_from_a_list_but_may_be_there_keeps_its_alerts(ports, azure, name, fault):
    poll(ports, NOW)
    azure.hidden.add(name)
    if fault:
        azure.faults["exists"] = fault
    poll(ports, NOW + INSIDE_FOR)

    assert all(is_open for is_open, _ in standing(ports).values())
    assert len(azure.calls("exists")) == 1
    assert read(ports, NOW + INSIDE_FOR) == {"aoai-search": ["chat", "mail"], "aoai-other": ["chat"]}


def test_an_empty_list_of_accounts_removes_nothing_by_itself(ports, azure):
    poll(ports, NOW)
    azure.hidden |= {"aoai-search", "aoai-other"}
    poll(ports, NOW + LISTED_FOR)

    assert all(is_open for is_open, _ in standing(ports).values())


class Lingering(SmallAzure):
    """Metrics of what was removed still come for a while."""

    def metrics(self, *question):
        (held,) = [one for one in self.held if one.name == "aoai-search"]
        held.deployments.append("mail")
        try:
            return super().metrics(*question)
        finally:
            held.deployments.remove("mail")


def test_metrics_that_still_come_of_what_was_removed_open_nothing_and_teach_nothing(ports, azure, held):
    poll(ports, NOW)
    held.deployments.remove("mail")
    lingering = Lingering(ONE, *azure.held)
    after = replace(ports, azure=lingering)
    for minutes in range(0, 60, 5):
        poll(after, NOW + INSIDE_FOR + minutes * MINUTE)

    assert standing(ports)["aoai-search", "mail"] == (False, "the deployment was removed")
    assert {scope.part for scope in load_baselines(ports, ONE)} == {"chat"}
    assert len(lingering.calls("deployments")) == 2


def test_what_is_made_again_under_the_same_name_is_judged_again(ports, azure, held):
    poll(ports, NOW)
    held.deployments.remove("mail")
    poll(ports, NOW + INSIDE_FOR)
    held.deployments.append("mail")
    poll(ports, NOW + INSIDE_FOR + REMOVED_FOR)

    assert standing(ports)["aoai-search", "mail"][0]


def test_many_missing_things_are_asked_for_over_several_rounds(ports, azure, held):
    held.deployments[:] = [f"d{number:03}" for number in range(100)]
    read(ports, NOW)
    held.deployments.clear()
    remaining = [len(read(ports, NOW + turn * INSIDE_FOR)["aoai-search"]) for turn in (1, 2)]

    assert remaining == [40, 0]
