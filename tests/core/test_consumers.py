from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.anomalies import TOKENS
from shared.core.consumers import UNKNOWN, consumer_of, consumer_tokens, names_of, part_of, with_idle
from shared.core.model import CONSUMER_CALLS, CONSUMER_TOKENS_IN, CONSUMER_TOKENS_OUT, Reading, Scope
from tests.builders import MINUTE, MONDAY

GATEWAY = "/subscriptions/s/resourcegroups/rg/providers/microsoft.apimanagement/service/apim"
OTHER = GATEWAY + "-two"
GRAIN = 5 * MINUTE
NAMES = st.text(st.characters(exclude_characters="*#&+:<>?", categories=("L", "N", "P", "Zs")), min_size=1)
DEPLOYMENTS = st.text("abcXYZ019-_.", min_size=1)


def use(
    slot, value, consumer="web", deployment="chat", meter=CONSUMER_TOKENS_IN, product="", gateway=GATEWAY
):
    scope, start = Scope(gateway, part_of(consumer, product, deployment)), MONDAY + slot * GRAIN
    return Reading(scope, meter, start, start + GRAIN, Decimal(value), MONDAY)


def values(readings):
    return [int(one.value) for one in readings]


def test_a_consumer_of_a_deployment_is_called_as_a_person_would():
    assert part_of("web", "", "chat-prod") == "chat-prod for web"
    assert part_of("web", "gold", "chat-prod") == "chat-prod for web + product gold"
    assert part_of("", "", "chat-prod") == "chat-prod for <unknown consumer>"


@given(DEPLOYMENTS, NAMES | st.just(""), st.just("") | NAMES)
def test_the_consumer_can_be_read_from_its_name_again(deployment, consumer, product):
    scope = Scope(GATEWAY, part_of(consumer, product, deployment))

    assert consumer_of(scope) == Scope(GATEWAY, consumer or UNKNOWN)


@given(st.lists(st.tuples(DEPLOYMENTS, NAMES | st.just(""), NAMES | st.just("")), unique=True))
def test_no_two_have_the_same_name(some):
    assert len({part_of(consumer, product, deployment) for deployment, consumer, product in some}) == len(
        some
    )


def test_tokens_of_a_consumer_are_those_of_all_its_deployments_in_and_out():
    found = consumer_tokens(
        [
            use(0, 10),
            use(0, 1, meter=CONSUMER_TOKENS_OUT),
            use(0, 5, deployment="embed", product="gold"),
            use(0, 900, meter=CONSUMER_CALLS),
            use(0, 7, consumer="batch"),
        ]
    )

    assert {scope.part: values(series) for scope, series in found.items()} == {"web": [16], "batch": [7]}
    assert {one.meter for series in found.values() for one in series} == {TOKENS}


def test_a_consumer_is_idle_while_the_gateway_logs_calls_of_others():
    found = with_idle([use(0, 1, "web"), use(1, 2, "batch"), use(3, 4, "web")])

    by_part: dict[str, list[int]] = {}
    for one in found:
        by_part.setdefault(one.scope.part, []).append(int(one.value))
    assert by_part == {"chat for web": [1, 0, 0, 4], "chat for batch": [0, 2, 0, 0]}


def test_nothing_is_known_before_the_first_and_after_the_newest_call_of_a_gateway():
    found = list(with_idle([use(2, 1), use(4, 1), use(9, 1, gateway=OTHER)]))

    assert [(one.scope.resource, one.start) for one in found] == [
        *((GATEWAY, MONDAY + slot * GRAIN) for slot in (2, 3, 4)),
        (OTHER, MONDAY + 9 * GRAIN),
    ]


def test_a_consumer_that_has_become_silent_has_nothing_but_zeros():
    found = consumer_tokens([use(0, 1), use(1, 1)], silent=[Scope(GATEWAY, "gone"), Scope(OTHER, "else")])

    assert values(found[Scope(GATEWAY, "gone")]) == [0, 0]
    assert Scope(OTHER, "else") not in found  # of that gateway nothing was logged at all


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9), st.sampled_from("ab")), max_size=30))
def test_filling_adds_no_use_and_leaves_no_hole(calls):
    readings = {(slot, who): use(slot, value, who) for slot, value, who in calls}
    found = list(with_idle(readings.values()))

    assert sum(values(found)) == sum(values(readings.values()))
    for before, after in pairwise(found):
        assert before.scope != after.scope or before.end == after.start


@pytest.mark.parametrize("consumer", ["web", ""], ids=["known", "unknown"])
def test_only_a_consumer_with_a_name_can_be_new(consumer):
    found = names_of([use(0, 1, consumer), use(0, 1, consumer, "embed")])

    assert found == ({"consumer: web in apim": Scope(GATEWAY, "web")} if consumer else {})
