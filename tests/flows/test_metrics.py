"""Asking Azure Monitor: the fewest calls, every metric, and what is learnt from the answers."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.core.faults import NotThere, Throttled, UnknownMetrics
from shared.core.model import REQUESTS_OK, TOKENS_IN, TOKENS_OUT, TOKENS_TOTAL
from shared.flows.keep import load_mark
from shared.flows.metrics import MOST_ONLY, load_memory
from shared.flows.poll import poll_scope
from shared.formats import records
from shared.formats.metric_names import BY_AGENT, BY_DEPLOYMENT, BY_STATUS, HISTORY, RARE, Family
from tests.small_azure import NEWER, OLDER, SmallAccount, SmallAzure
from tests.telling import MINUTE, NOW, SCOPE, Chat, incidents, ports_telling

ONE = SCOPE.resource.split("/")[2]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
QUESTIONS = {
    one.query.names: name
    for name, one in [
        ("core", BY_DEPLOYMENT),
        ("status", BY_STATUS),
        ("rare", RARE),
        ("agents", BY_AGENT),
        ("history", HISTORY),
    ]
}


@pytest.fixture
def without():
    with ports_telling(Chat(), ":memory:") as found:
        yield found


def before(ports, azure, **named):
    return replace(ports, azure=azure, **named)


def poll(ports, now):
    return poll_scope(ports, json.dumps({"source": "usage", "subject": ONE, "round": now.isoformat()}), now)


def trouble(ports):
    return load_mark(ports, "usage", ONE)[0].trouble


def asked(azure: SmallAzure, since: int = 0) -> list[tuple[str, str, int]]:
    """Of each call which question it was, of which region, and of how many resources."""
    return [
        (QUESTIONS.get(what[2].names, "part"), what[0], len(what[1]))
        for what in azure.calls("metrics")[since:]
    ]


def kept(ports) -> list[Any]:
    rows = ports.store.scan(records.readings_partition(ONE), "usage|")
    return [one for row in rows for one in records.unpack(row.body)]


def parts(ports, meter) -> set[str]:
    return {one.scope.part for one in kept(ports) if one.meter == meter}


def test_a_round_asks_two_questions_of_each_region_and_fifty_accounts_and_once_an_hour_one_more(without):
    many = [SmallAccount(f"a{n}", ["chat"], "westeurope") for n in range(120)]
    few = [SmallAccount(f"b{n}", ["chat"], "eastus") for n in range(3)]
    azure = SmallAzure(ONE, *many, *few)
    azure.began = NOW - HOUR
    ports = before(without, azure)
    rounds = []
    for minutes in range(0, 60, 5):
        already = len(azure.calls("metrics"))
        poll(ports, NOW + minutes * MINUTE)
        rounds.append(Counter(question for question, _, _ in asked(azure, already) if question != "history"))

    # It takes three rounds until the weeks before of 123 accounts are read; NOW is five past the hour.
    assert [sum(one.values()) for one in rounds[3:]] == [8] * 9
    assert all(one == {"core": 4, "status": 4} for one in rounds[3:])
    assert {size for question, _, size in asked(azure) if question == "core"} == {3, 50, 47, 20}
    already = len(azure.calls("metrics"))
    poll(ports, NOW + 65 * MINUTE)
    assert Counter(question for question, _, _ in asked(azure, already)) == {
        "core": 4,
        "status": 4,
        "rare": 4,
    }


def test_a_first_round_reads_fifty_accounts_and_the_weeks_before_are_read_once_of_each(without):
    azure = SmallAzure(ONE, *[SmallAccount(f"a{n:03}", ["chat"]) for n in range(120)])
    azure.began = NOW - HOUR
    ports = before(without, azure)
    sizes = []
    for round_ in range(4):
        poll(ports, NOW + round_ * 5 * MINUTE)
        sizes.append(len(load_memory(ports, ONE).looked))

    looks = [what[1] for what in azure.calls("metrics") if what[2].names == HISTORY.query.names]
    assert sizes == [50, 100, 120, 120]
    assert sorted(account for some in looks for account in some) == sorted(map(azure.id_of, azure.held))
    assert all(len(some) <= 10 for some in looks)


def test_a_new_account_is_read_from_its_weeks_before_on_without_a_gap_or_an_overlap(without):
    azure = SmallAzure(ONE, SmallAccount("old", ["chat"]))
    ports = before(without, azure)
    poll(ports, NOW)
    azure.held.append(SmallAccount("new", ["mail"]))
    for minutes in (65, 70, 75):
        poll(ports, NOW + minutes * MINUTE)

    found = sorted(
        (one.start, one.end) for one in kept(ports) if one.scope.part == "mail" and one.meter == TOKENS_IN
    )
    assert found[0][0] == NOW.replace(hour=12, minute=0) - 28 * DAY
    assert all(end == start for (_, end), (start, _) in pairwise(found))
    assert found[-1][1] == NOW + 70 * MINUTE


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        pytest.param([0, 5, 10, 15, 65, 70, 125], [0, 5, 65, 125], id="the first after each whole hour"),
        pytest.param([0, 200], [0, 200], id="rounds that were missed"),
        pytest.param([0, 3, 4], [0], id="not before the hour has settled"),
    ],
)
def test_what_is_asked_once_an_hour_is_asked_in_the_first_round_after_it(without, rounds, expected):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    ports = before(without, azure)
    found = []
    for minutes in rounds:
        already = len(azure.calls("metrics"))
        poll(ports, NOW + minutes * MINUTE)
        if "rare" in {question for question, _, _ in asked(azure, already)}:
            found.append(minutes)

    assert found == expected
    hours = sorted({one.start for one in kept(ports) if one.meter == TOKENS_TOTAL})
    end = (NOW + (rounds[-1] - 10) * MINUTE).replace(minute=0)
    assert hours == [end - n * HOUR for n in range(len(hours), 0, -1)]  # no hour is missing


def test_a_round_that_failed_leaves_the_hour_to_the_next(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    ports = before(without, azure)
    poll(ports, NOW)
    azure.faults["metrics"] = Throttled("metrics answered 529", MINUTE)
    poll(ports, NOW + 65 * MINUTE)
    azure.faults.clear()
    already = len(azure.calls("metrics"))
    poll(ports, NOW + 70 * MINUTE)

    assert [question for question, _, _ in asked(azure, already)] == ["core", "status", "rare"]


def test_projects_are_asked_about_only_where_there_are_some(without):
    foundry = SmallAccount("f", ["chat"], "eastus", kind="AIServices", projects=["p", "q"])
    azure = SmallAzure(ONE, foundry, SmallAccount("a", ["chat"]))
    ports = before(without, azure)
    poll(ports, NOW)

    assert [one for one in asked(azure) if one[0] == "agents"] == [("agents", "eastus", 2)]
    assert azure.calls("projects") == [azure.id_of(foundry)]
    agents = {(one.scope, one.meter.name) for one in kept(ports) if one.scope.part == "asst_1"}
    assert {(scope.resource.rpartition("/")[2], meter) for scope, meter in agents} == {
        (project, meter) for project in ("p", "q") for meter in ("agent tokens in", "agent tokens out")
    }


def test_a_throttled_batch_is_left_alone_for_as_long_as_it_says(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    azure.faults["metrics"] = Throttled("metrics answered 529", 10 * MINUTE)
    ports = before(without, azure)
    poll(ports, NOW)
    poll(ports, NOW + 5 * MINUTE)

    assert len(azure.calls("metrics")) == 1


def test_a_long_time_without_polls_is_read_in_parts_without_a_gap(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    azure.began = NOW
    ports = before(without, azure)
    poll(ports, NOW)
    already = len(azure.calls("metrics"))
    poll(ports, NOW + 8 * DAY)

    assert len([one for one in asked(azure, already) if one[0] == "core"]) == 4
    found = sorted(one.start for one in kept(ports) if one.meter == TOKENS_IN)
    assert found[0] == NOW
    assert {later - earlier for earlier, later in pairwise(found)} == {5 * MINUTE}
    assert found[-1] == NOW + 8 * DAY - 10 * MINUTE


# What a region does not know


def test_a_region_that_does_not_know_a_metric_is_asked_without_it_for_a_day(without):
    azure = SmallAzure(
        ONE, SmallAccount("a", ["chat"], emits=OLDER), SmallAccount("b", ["chat"], "eastus", emits=NEWER)
    )
    azure.unknown["westeurope"] = {"inputtokens", "outputtokens", "modelrequests"}
    ports = before(without, azure)
    poll(ports, NOW)
    counts = []
    for later in (5 * MINUTE, 10 * MINUTE, DAY - 5 * MINUTE, DAY, DAY + 5 * MINUTE):
        already = len(azure.calls("metrics"))
        poll(ports, NOW + later)
        counts.append(len([one for one in asked(azure, already) if one[0] != "rare"]))

    # Of each region two questions; once a day one of both is asked once more, of the region that knows less.
    assert counts == [4, 4, 4, 6, 4]
    assert trouble(ports) == ""
    assert {one.scope.resource.rpartition("/")[2] for one in kept(ports) if one.meter == TOKENS_IN} == {
        "a",
        "b",
    }


def test_a_question_of_which_a_region_knows_nothing_is_not_asked(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    azure.unknown["westeurope"] = {name.lower() for name in RARE.query.names}
    ports = before(without, azure)
    poll(ports, NOW)
    already = len(azure.calls("metrics"))
    poll(ports, NOW + 65 * MINUTE)

    assert [question for question, _, _ in asked(azure, already)] == ["core", "status"]
    assert trouble(ports) == ""


def test_a_refusal_that_names_what_was_not_asked_does_not_go_on_for_ever(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    azure.faults["metrics"] = UnknownMetrics("no such metric", frozenset({"somethingelse"}))
    ports = before(without, azure)
    poll(ports, NOW)

    assert trouble(ports) == "no such metric"
    assert len(azure.calls("metrics")) == 1


# Families


def families(ports) -> dict[str, Family]:
    return {account.rpartition("/")[2]: one for account, one in load_memory(ports, ONE).families.items()}


def test_a_family_is_kept_for_each_account_and_stays_while_it_shows_any_use(without):
    old, new, both = (
        SmallAccount("old", ["chat"], emits=OLDER),
        SmallAccount("new", ["chat"], emits=NEWER),
        SmallAccount("both", ["chat"], emits=OLDER | NEWER),
    )
    ports = before(without, SmallAzure(ONE, old, new, both))
    poll(ports, NOW)
    assert families(ports) == {"old": Family.OLDER, "new": Family.NEWER, "both": Family.NEWER}

    old.emits = OLDER | NEWER
    poll(ports, NOW + 5 * MINUTE)
    assert families(ports)["old"] is Family.OLDER

    old.emits = NEWER
    poll(ports, NOW + 10 * MINUTE)
    assert families(ports)["old"] is Family.NEWER


def test_what_both_families_count_is_kept_once(without):
    account = SmallAccount("a", ["chat"], emits=OLDER | NEWER)
    ports = before(without, SmallAzure(ONE, account))
    poll(ports, NOW)
    one_family = {(one.scope, one.meter, one.start): one.value for one in kept(ports)}

    account.emits = NEWER
    with ports_telling(Chat(), ":memory:") as other:
        alone = before(other, SmallAzure(ONE, account))
        poll(alone, NOW)
        assert {(one.scope, one.meter, one.start): one.value for one in kept(alone)} == one_family


def test_another_makers_model_in_an_account_of_the_older_family_is_read_from_the_newer(without):
    account = SmallAccount("a", ["chat", "llama"], emits=OLDER, by_deployment={"llama": NEWER})
    ports = before(without, SmallAzure(ONE, account))
    load_memory(ports, ONE)
    poll(ports, NOW)

    for meter in (TOKENS_IN, TOKENS_OUT, REQUESTS_OK, TOKENS_TOTAL):
        assert parts(ports, meter) == {"chat", "llama"}, meter


# Answers that are cut


def test_an_answer_that_may_be_cut_is_asked_for_again_in_parts_and_none_is_lost(without):
    names = [f"d{n:03}" for n in range(120)]
    account = SmallAccount("a", names, statuses=[str(code) for code in range(200, 220)])
    azure = SmallAzure(ONE, account, SmallAccount("b", ["chat"]))
    azure.began = NOW - HOUR
    logged: list[Any] = []
    ports = before(without, azure, log=logged.append)
    poll(ports, NOW)

    assert parts(ports, REQUESTS_OK) == {*names, "chat"}
    # 120 deployments by 20 statuses: 49 of them would fit into an answer.
    sizes = [len(what[2].only) for what in azure.calls("metrics") if what[2].only]
    assert max(sizes) == MOST_ONLY
    assert [event["parts"] for event in logged if event["event"] == "answer cut"] == [120]


# Accounts that are gone


def test_an_account_that_was_removed_since_the_last_list_does_not_stop_the_others(without):
    gone, there = SmallAccount("gone", ["chat"]), SmallAccount("there", ["mail"])
    azure = SmallAzure(ONE, gone, there)
    ports = before(without, azure)
    poll(ports, NOW)
    azure.held.remove(gone)
    poll(ports, NOW + 20 * MINUTE)

    assert trouble(ports) == ""
    assert max(one.end for one in kept(ports) if one.scope.part == "mail") == NOW + 15 * MINUTE


def test_metrics_of_a_listed_account_that_cannot_be_found_are_a_fault(without):
    azure = SmallAzure(ONE, SmallAccount("a", ["chat"]))
    azure.faults["metrics"] = NotThere("metrics answered 404")
    ports = before(without, azure)
    poll(ports, NOW)

    assert trouble(ports) == "metrics answered 404"
    assert incidents(ports) == []
