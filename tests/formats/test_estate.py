from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Account, Deployment
from shared.formats.estate import (
    has_projects,
    parse_account,
    parse_deployment,
    parse_owners,
    parse_projects,
)

ACCOUNT = {
    "id": "/subscriptions/S/resourceGroups/RG/providers/Microsoft.CognitiveServices/accounts/AOAI-Search/",
    "name": "AOAI-Search",
    "location": "Sweden Central",
    "kind": "OpenAI",
    "tags": {"Owner": "team-search", "env": "prod"},
}
DEPLOYMENT = {
    "name": "chat-prod",
    "sku": {"name": "GlobalStandard", "capacity": 50},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
}


def test_an_account_is_folded_to_lower_case_and_its_owner_found():
    assert parse_account(ACCOUNT, "OWNER") == Account(
        "/subscriptions/s/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-search",
        "swedencentral",
        "OpenAI",
        "team-search",
        tags={"owner": "team-search", "env": "prod"},
    )


@pytest.mark.parametrize(
    "tags", [None, {}, [], "owner", {"owner": None}, {"owner": {"a": 1}}, {"env": "prod"}]
)
def test_an_account_without_the_tag_has_no_owner(tags):
    assert parse_account({**ACCOUNT, "tags": tags}, "owner").owner == ""


def test_a_deployment_has_its_model_and_sku():
    assert parse_deployment(DEPLOYMENT) == Deployment("chat-prod", "gpt-4o", "2024-11-20", "GlobalStandard")


@pytest.mark.parametrize("nothing", [None, [], "text", 5, {}])
def test_what_arm_does_not_say_is_blank(nothing):
    assert parse_deployment({"sku": nothing, "properties": nothing}) == Deployment("", "", "", "")
    assert parse_deployment({"properties": {"model": nothing}}) == Deployment("", "", "", "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FIELDS = ["id", "location", "kind", "tags", "name", "sku", "properties"]


@given(st.dictionaries(st.sampled_from(FIELDS), anything) | anything)
def test_any_item_is_read_without_a_crash(item):
    account, deployment = parse_account(item, "owner"), parse_deployment(item)
    for text in (account.id, account.owner, deployment.name, deployment.sku):
        assert text == "".join(text.splitlines())
        text.encode()


def test_projects_are_their_ids_in_lower_case():
    items: list[Any] = [{"id": "/subscriptions/S/accounts/A/projects/Web/"}, {"id": None}, {}]

    assert parse_projects(items) == ("/subscriptions/s/accounts/a/projects/web",)


def test_owners_of_groups_are_those_that_say_so():
    groups: list[Any] = [
        {"id": "/subscriptions/S/resourceGroups/RG", "tags": {"Owner": "search"}},
        {"id": "/subscriptions/S/resourceGroups/None", "tags": {"env": "prod"}},
        {"id": "/subscriptions/S/resourceGroups/Null", "tags": None},
        {"tags": {"owner": "nobody"}},
    ]
    assert parse_owners(groups, "owner") == {"/subscriptions/s/resourcegroups/rg": "search"}


@pytest.mark.parametrize(
    ("kind", "expected"), [("AIServices", True), ("aiservices", True), ("OpenAI", False)]
)
def test_foundry_accounts_have_projects(kind, expected):
    assert has_projects(parse_account({**ACCOUNT, "kind": kind}, "owner")) is expected


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), anything)))
def test_any_list_of_projects_and_groups_is_read_without_a_crash(items):
    assert all(parse_projects(items))
    assert all(parse_owners(items, "owner").values())
