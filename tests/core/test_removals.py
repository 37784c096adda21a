from dataclasses import replace

import pytest

from shared.core.model import Account, Deployment, Scope
from shared.core.removals import Removal, missing, put_back
from tests.builders import ACCOUNT, NOW

OTHER = ACCOUNT.replace("aoai-search", "aoai-chat")
PROJECT = f"{ACCOUNT}/projects/web"


def an_account(*deployments: str, account: str = ACCOUNT, projects: tuple[str, ...] = ()) -> Account:
    made = tuple(Deployment(name, "gpt-5", "1", "Standard") for name in deployments)
    return Account(account, "westeurope", "AIServices", deployments=made, projects=projects)


def test_what_a_newer_list_lacks_is_missing():
    before = [an_account("chat", "mail", projects=(PROJECT,)), an_account("chat", account=OTHER)]
    found = missing(before, [an_account("chat")], NOW)

    assert [(one.scope, one.sort) for one in found] == [
        (Scope(ACCOUNT, "mail"), "deployment"),
        (Scope(PROJECT), "project"),
        (Scope(OTHER), "account"),
    ]


@pytest.mark.parametrize(
    "after",
    [[an_account("chat")], [an_account("CHAT", "new"), an_account(account=OTHER)]],
    ids=["same", "more"],
)
def test_nothing_is_missing_where_all_is_there_however_it_is_spelled(after):
    assert missing([an_account("chat")], after, NOW) == []


@pytest.mark.parametrize(
    ("removal", "id_", "why"),
    [
        (Removal(Scope(ACCOUNT), "account", NOW), ACCOUNT, "the account was removed"),
        (
            Removal(Scope(ACCOUNT, "mail"), "deployment", NOW),
            f"{ACCOUNT}/deployments/mail",
            "the deployment was removed",
        ),
        (Removal(Scope(PROJECT), "project", NOW), PROJECT, "the project was removed"),
    ],
    ids=["account", "deployment", "project"],
)
def test_a_removal_is_asked_for_by_its_id_and_says_what_it_was(removal, id_, why):
    assert (removal.id, removal.why) == (id_, why)


@pytest.mark.parametrize(
    ("removed", "covered", "left"),
    [
        (
            Scope(ACCOUNT),
            [Scope(ACCOUNT), Scope(ACCOUNT, "mail"), Scope(PROJECT, "asst_1")],
            [Scope(OTHER), Scope(ACCOUNT + "-2", "mail"), Scope("")],
        ),
        (
            Scope(ACCOUNT, "mail"),
            [Scope(ACCOUNT, "mail"), Scope(ACCOUNT, "Mail")],
            [Scope(ACCOUNT), Scope(ACCOUNT, "chat"), Scope(OTHER, "mail")],
        ),
        (Scope(PROJECT), [Scope(PROJECT, "asst_1")], [Scope(ACCOUNT, "mail"), Scope(PROJECT + "-dev")]),
    ],
    ids=["account", "deployment", "project"],
)
def test_a_removal_covers_what_was_in_it_and_nothing_beside_it(removed, covered, left):
    removal = Removal(removed, "thing", NOW)

    assert all(removal.covers(scope) for scope in covered)
    assert not any(removal.covers(scope) for scope in left)


def test_what_is_only_missing_from_the_list_is_put_back_where_it_was():
    before = [an_account("chat", "mail", projects=(PROJECT,)), an_account("chat", account=OTHER)]
    after = [replace(an_account("chat", "new"), owner="search")]
    lacking = missing(before, after, NOW)

    search, chat = put_back(before, after, lacking)
    assert {one.name for one in search.deployments} == {"chat", "mail", "new"}
    assert (search.projects, search.owner) == ((PROJECT,), "search")
    assert chat == before[1]
    assert put_back(before, after, []) == after


@pytest.mark.parametrize(
    ("removed", "back", "sort"),
    [
        (Scope(ACCOUNT), [an_account()], "account"),
        (Scope(ACCOUNT, "mail"), [an_account("chat", "Mail")], "deployment"),
        (Scope(PROJECT), [an_account(projects=(PROJECT,))], "project"),
    ],
    ids=["account", "deployment", "project"],
)
def test_what_is_made_again_under_the_same_name_is_back(removed, back, sort):
    removal = Removal(removed, sort, NOW)

    assert removal.is_back(back)
    assert not removal.is_back([an_account("chat", account=OTHER)])
    assert removal.is_back([an_account("chat")]) is (sort == "account")
