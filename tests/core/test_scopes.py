import pytest

from shared.core.scopes import portal_link, subscription_of, within
from tests.builders import ACCOUNT, SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg-search"


@pytest.mark.parametrize(
    ("resource", "scope", "expected"),
    [
        pytest.param(ACCOUNT, "", True, id="everything"),
        pytest.param("", "", True, id="everything in everything"),
        pytest.param(ACCOUNT, ACCOUNT, True, id="itself"),
        pytest.param(ACCOUNT, GROUP, True, id="below"),
        pytest.param(GROUP, ACCOUNT, False, id="above"),
        pytest.param(f"{GROUP}-2", GROUP, False, id="a name that begins alike"),
        pytest.param("", GROUP, False, id="everything in a group"),
    ],
)
def test_what_lies_within_what(resource, scope, expected):
    assert within(resource, scope) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (ACCOUNT, SUBSCRIPTION),
        (f"/SUBSCRIPTIONS/{SUBSCRIPTION.upper()}", SUBSCRIPTION),
        ("/subscriptions", ""),
        ("/providers/microsoft.billing/billingaccounts/1", ""),
        ("", ""),
    ],
    ids=["account", "upper case", "no name", "billing account", "nothing"],
)
def test_the_subscription_in_an_id(resource, expected):
    assert subscription_of(resource) == expected


def test_the_portal_shows_resources_and_nothing_else():
    assert portal_link(GROUP) == f"https://portal.azure.com/#@/resource{GROUP}/overview"
    assert portal_link("") == ""
    assert portal_link("javascript:alert(1)") == ""
