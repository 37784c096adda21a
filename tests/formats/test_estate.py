import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Account, Deployment
from shared.formats.estate import parse_account, parse_deployment

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
