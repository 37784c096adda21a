"""Where an alert goes: the tree of routes, what an address groups, and what each route says of itself."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Address, Kind, Scope, Severity
from shared.core.routes import (
    FIRST_LOOK,
    FIRST_LOOK_WAIT,
    GROUP_BY,
    Escalation,
    Manner,
    Matcher,
    Route,
    addresses,
    escalated,
    explained,
    group_of,
    label_of,
    manner_for,
    taken_by,
)
from tests.builders import ACCOUNT, HOUR, MINUTE, SUBSCRIPTION, an_alert

WARNING, CRITICAL = Severity.WARNING, Severity.CRITICAL
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-search"
ALERT = an_alert(owner="Search", tags={"environment": "Prod", "team": "search"})


@pytest.mark.parametrize(
    ("matcher", "mismatch"),
    [
        pytest.param(Matcher(), "", id="everything"),
        pytest.param(Matcher(at_least=WARNING), "", id="severe enough"),
        pytest.param(Matcher(at_least=CRITICAL), "warning is below critical", id="not severe enough"),
        pytest.param(Matcher(scope=GROUP), "", id="within"),
        pytest.param(Matcher(scope=GROUP + "-2"), f"not in {GROUP}-2", id="a group that begins alike"),
        pytest.param(Matcher(kinds=(Kind.BUDGET, Kind.LIMIT)), "", id="of the kind"),
        pytest.param(Matcher(kinds=(Kind.BUDGET,)), "kind limit is none of budget", id="of another kind"),
        pytest.param(Matcher(rules=("throttled",)), "", id="of the rule"),
        pytest.param(Matcher(rules=("slow", "x")), "rule throttled is none of slow, x", id="another rule"),
        pytest.param(Matcher(owner="search"), "", id="theirs"),
        pytest.param(Matcher(owner="chat"), "owner is Search, not chat", id="of others"),
        pytest.param(Matcher(tags={"environment": "prod"}), "", id="of the environment"),
        pytest.param(
            Matcher(tags={"environment": "test"}),
            "tag environment is Prod, not test",
            id="another one",
        ),
        pytest.param(Matcher(tags={"cost": "x"}), "tag cost is not set, not x", id="a tag that is not set"),
        pytest.param(
            Matcher(WARNING, GROUP, (Kind.LIMIT,), ("throttled",), "search", {"team": "search"}),
            "",
            id="all match",
        ),
        pytest.param(
            Matcher(WARNING, GROUP, (Kind.LIMIT,), ("throttled",), "search", {"team": "chat"}),
            "tag team is search, not chat",
            id="all but one",
        ),
    ],
)
def test_what_an_alert_must_be_and_what_of_it_it_is_not(matcher, mismatch):
    assert matcher.mismatch(ALERT) == mismatch


def test_an_alert_without_an_owner_belongs_to_nobody():
    assert Matcher(owner="search").mismatch(an_alert()) == "owner is not known, not search"


def a_tree(*routes: Route, **named: Any) -> Route:
    return Route("all alerts", routes=routes, **named)


LIMITS = Matcher(kinds=(Kind.LIMIT,))
BUDGETS = Matcher(kinds=(Kind.BUDGET,))


def taken(root: Route) -> list[str]:
    return [route.name for route in taken_by(ALERT, root)]


@pytest.mark.parametrize(
    ("root", "names"),
    [
        pytest.param(a_tree(), ["all alerts"], id="no routes"),
        pytest.param(a_tree(Route("a"), Route("b")), ["a"], id="the first that matches"),
        pytest.param(a_tree(Route("a", matcher=BUDGETS), Route("b")), ["b"], id="the first does not match"),
        pytest.param(a_tree(Route("a", matcher=BUDGETS)), ["all alerts"], id="none matches"),
        pytest.param(a_tree(Route("a", go_on=True), Route("b"), Route("c")), ["a", "b"], id="it goes on"),
        pytest.param(
            a_tree(Route("a", go_on=True), Route("b", matcher=BUDGETS)), ["a"], id="it goes on to nothing"
        ),
        pytest.param(
            a_tree(Route("a", routes=(Route("a1", matcher=BUDGETS), Route("a2", matcher=LIMITS)))),
            ["a2"],
            id="the inner one in place of the outer",
        ),
        pytest.param(
            a_tree(Route("a", routes=(Route("a1", matcher=BUDGETS),)), Route("b")),
            ["a"],
            id="the outer one where no inner one matches",
        ),
        pytest.param(
            a_tree(Route("a", routes=(Route("a1", go_on=True), Route("a2"))), Route("b")),
            ["a1", "a2"],
            id="going on inside does not go on outside",
        ),
        pytest.param(
            a_tree(Route("a", matcher=BUDGETS, routes=(Route("a1"),)), Route("b")),
            ["b"],
            id="an inner one is not asked when the outer does not match",
        ),
        pytest.param(Route("all alerts", matcher=BUDGETS), [], id="not even the root"),
    ],
)
def test_an_alert_goes_to_the_first_route_that_takes_it(root, names):
    assert taken(root) == names


def test_a_test_goes_to_every_channel_that_a_route_names():
    root = a_tree(Route("a", ("oncall",), BUDGETS), Route("b", ("finops",), Matcher(at_least=CRITICAL)))
    tested = an_alert(test=True, severity=Severity.INFO)

    assert [one.channel for one in addresses(tested, "MW-1", root)] == ["oncall", "finops"]


def test_a_channel_of_two_routes_is_told_once_in_the_manner_of_the_first():
    first = Route("a", ("oncall", "finops"), go_on=True, manner=Manner(group_by=("owner",)))
    root = a_tree(first, Route("b", ("finops", "chat")))
    found = addresses(ALERT, "MW-1", root)

    assert [one.channel for one in found] == ["oncall", "finops", "chat"]
    assert found[1].group == group_of(ALERT, "MW-1", ("owner",))
    assert found[2].group == group_of(ALERT, "MW-1", GROUP_BY)


def test_a_route_without_channels_keeps_what_it_takes_from_everybody():
    root = a_tree(Route("noise", matcher=LIMITS), channels=("oncall",))

    assert addresses(ALERT, "MW-1", root) == []


# Groups


@pytest.mark.parametrize(
    ("other", "together"),
    [
        pytest.param({}, True, id="the same"),
        pytest.param({"scope": Scope(ACCOUNT, "embeddings")}, True, id="another deployment of the account"),
        pytest.param({"scope": Scope(ACCOUNT + "-2", "chat-prod")}, False, id="another account"),
        pytest.param({"rule": "THROTTLED"}, True, id="the rule otherwise written"),
        pytest.param({"rule": "slow"}, False, id="another rule"),
        pytest.param({"severity": CRITICAL, "owner": "chat"}, True, id="severity and owner do not count"),
    ],
)
def test_what_is_told_together(other, together):
    groups = {group_of(one, "MW-1", GROUP_BY) for one in (ALERT, replace(ALERT, **other))}

    assert (len(groups) == 1) is together


def test_what_is_grouped_by_incident_shares_with_nothing():
    assert group_of(ALERT, "MW-1", ("incident",)) != group_of(ALERT, "MW-2", ("incident",))
    assert group_of(ALERT, "MW-1", ()) == group_of(an_alert(rule="slow"), "MW-2", ())


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("resource", ACCOUNT),
        ("part", "chat-prod"),
        ("subscription", SUBSCRIPTION),
        ("rule", "throttled"),
        ("kind", "limit"),
        ("owner", "search"),
        ("incident", "MW-1"),
        ("team", "search"),
        ("tag:environment", "Prod"),
        ("tag:cost", ""),
    ],
)
def test_the_value_of_a_label(label, value):
    assert label_of(ALERT, "MW-1", label) == value


@given(st.text(), st.lists(st.sampled_from(["resource", "owner", "tag:x"]), max_size=3))
def test_a_group_is_short_and_holds_no_bar_whatever_the_names(name, labels):
    group = group_of(an_alert(scope=Scope(name), owner=name), name, labels)

    assert len(group) == 16
    assert group.isalnum()


# Escalation and manner


LATER = Manner(escalation=Escalation(HOUR, ("boss",)), wait=MINUTE)


@pytest.mark.parametrize(("minutes", "channels"), [(0, []), (59, []), (60, ["boss"]), (999, ["boss"])])
def test_further_channels_are_told_when_nobody_has_it_in_time(minutes, channels):
    root = a_tree(Route("a", ("oncall",), manner=LATER))

    assert [one.channel for one in escalated(ALERT, "MW-1", root, minutes * MINUTE)] == channels


def test_a_channel_is_told_in_the_manner_of_the_route_that_leads_there():
    root = a_tree(Route("a", ("oncall",), manner=LATER), manner=Manner(wait=HOUR))

    manners = [manner_for(ALERT, Address(one, "g"), root) for one in ("oncall", "boss", "nobody")]
    assert manners == [LATER, LATER, Manner(wait=HOUR)]


def test_what_a_first_look_finds_is_one_group_that_waits_for_the_others():
    root = a_tree(Route("a", ("oncall", "finops"), manner=LATER))
    found = {one for alert in (ALERT, an_alert(rule="slow")) for one in addresses(alert, "MW-1", root, True)}

    assert found == {Address("oncall", FIRST_LOOK), Address("finops", FIRST_LOOK)}
    manner = manner_for(ALERT, Address("oncall", FIRST_LOOK), root)
    assert manner == replace(LATER, wait=FIRST_LOOK_WAIT, interval=FIRST_LOOK_WAIT)


# Explained


def test_each_route_that_was_looked_at_is_explained():
    root = a_tree(
        Route("money", ("finops",), BUDGETS),
        Route("ours", ("search",), Matcher(owner="search"), routes=(Route("bad", (), Matcher(CRITICAL)),)),
        Route("never asked", ("oncall",)),
    )

    assert list(explained(ALERT, root)) == [
        "all alerts: matches (no channel)",
        "  money: no, kind limit is none of budget",
        "  ours: matches (search)",
        "    bad: no, warning is below critical",
    ]


def random_routes() -> st.SearchStrategy[Route]:
    matchers = st.sampled_from([Matcher(), LIMITS, BUDGETS, Matcher(owner="search"), Matcher(CRITICAL)])
    names = st.sampled_from([(), ("oncall",), ("finops", "chat")])
    return st.recursive(
        st.builds(Route, st.uuids().map(str), names, matchers, go_on=st.booleans()),
        lambda inner: st.builds(
            Route,
            st.uuids().map(str),
            names,
            matchers,
            routes=st.lists(inner, max_size=3).map(tuple),
            go_on=st.booleans(),
        ),
        max_leaves=8,
    )


@given(random_routes())
def test_what_is_explained_is_what_is_done(route):
    root = replace(route, matcher=Matcher())
    lines = [line.strip() for line in explained(ALERT, root)]
    matched = {line.partition(":")[0] for line in lines if ": matches" in line}

    assert {one.name for one in taken_by(ALERT, root)} <= matched
    assert all(isinstance(one, Address) for one in addresses(ALERT, "MW-1", root))
