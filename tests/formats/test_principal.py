"""Who is let in by what the platform says of the caller: each thing that is amiss refuses alone."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.principal import Expected, refusal
from tests.formats.principals import ACTION_GROUPS, CLIENT, ROLE, TENANT, V1, V2, encoded, header, of

EXPECTED = Expected(True, CLIENT, TENANT, ROLE, ACTION_GROUPS)


@pytest.mark.parametrize("claims", [V2, V1], ids=["version 2", "version 1"])
def test_azures_action_groups_are_let_in(claims):
    assert refusal(of(claims), EXPECTED) == ""


def test_ids_may_be_written_in_either_case():
    assert refusal(header(*((name, value.upper()) for name, value in V2.items())), EXPECTED) == ""


def test_a_caller_with_further_roles_is_let_in():
    assert refusal(header(*V2.items(), ("roles", "Reader")), EXPECTED) == ""


@pytest.mark.parametrize("claims", [V2, V1], ids=["version 2", "version 1"])
@pytest.mark.parametrize("lacking", ["aud", "azp", "appid", "roles", "tenant"])
def test_a_claim_that_is_missing_refuses(claims, lacking):
    names = {
        "tenant": {"tid", "iss", "http://schemas.microsoft.com/identity/claims/tenantid"},
        "roles": {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"},
        "azp": {"azp", "appid"},
        "appid": {"azp", "appid"},
    }.get(lacking, {lacking})
    left = {name: value for name, value in claims.items() if name not in names}

    assert refusal(of(left), EXPECTED).startswith(("audience", "caller", "roles", "tenant"))


OTHER = "12345678-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("aud", OTHER, "audience"),
        ("aud", f"api://{OTHER}", "audience"),
        ("aud", f"https://{CLIENT}", "audience"),
        ("tid", OTHER, "tenant"),
        ("iss", f"https://login.microsoftonline.com/{OTHER}/v2.0", "tenant"),
        ("iss", f"http://sts.windows.net/{TENANT}/", "tenant"),
        ("iss", f"https://sts.windows.net/{TENANT}/more/", "tenant"),
        ("azp", OTHER, "caller"),
        ("roles", "Reader", "roles"),
        ("roles", f"{ROLE}s", "roles"),
    ],
)
def test_a_claim_with_another_value_refuses(name, value, why):
    assert refusal(of(V2, **{name: value}), EXPECTED).startswith(why)


@pytest.mark.parametrize(
    ("name", "value"), [("aud", OTHER), ("tid", OTHER), ("appid", OTHER), ("azp", OTHER)]
)
def test_a_second_value_beside_the_right_one_refuses(name, value):
    assert refusal(header(*V2.items(), (name, value)), EXPECTED) != ""


@pytest.mark.parametrize("provider", ["google", "", "AAD ", None, ["aad"]])
def test_another_provider_refuses(provider):
    assert "provider" in refusal(header(*V2.items(), provider=provider), EXPECTED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        encoded({})[:-1],
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[" * 3_000).decode(),
        encoded([]),
        encoded("aad"),
        encoded({}),
        of(V2) + "é",
        header(*V2.items(), more="x" * 40_000),
    ],
    ids=[
        "none",
        "letters",
        "cut",
        "bytes",
        "nested",
        "a list",
        "a text",
        "empty",
        "an accent",
        "far too long",
    ],
)
def test_a_header_that_is_none_refuses(text):
    assert refusal(text, EXPECTED) == "no principal in X-MS-CLIENT-PRINCIPAL"


@pytest.mark.parametrize(
    "claims", [None, {}, [None, 1, "aud"], [{"typ": "aud"}], [{"typ": ["aud"], "val": 1}]]
)
def test_claims_of_another_shape_refuse(claims):
    assert refusal(encoded({"auth_typ": "aad", "claims": claims}), EXPECTED) == (
        f"audience (none), expected {CLIENT} and api://{CLIENT}"
    )


def test_without_the_platforms_protection_the_best_header_refuses():
    unprotected = Expected(False, CLIENT, TENANT, ROLE, ACTION_GROUPS)

    assert "WEBSITE_AUTH_ENABLED" in refusal(of(V2), unprotected)


@pytest.mark.parametrize("lacking", range(4))
def test_what_is_not_configured_lets_nobody_in(lacking):
    ids = ["" if place == lacking else one for place, one in enumerate((CLIENT, TENANT, ROLE, ACTION_GROUPS))]
    empty = dict.fromkeys(V2, "")

    for claims in (V2, empty, {}):
        assert "METERWATCH_WEBHOOK_AUDIENCE" in refusal(of(claims), Expected(True, *ids))


def test_nobody_is_expected_by_default():
    assert refusal(of(V2), Expected()) != ""


def test_what_a_forger_writes_is_shown_short_and_on_one_line():
    why = refusal(of(V2, aud="x\nINFO all is well" + "y" * 500), EXPECTED)

    assert why.isprintable()
    assert len(why) < 300


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["auth_typ", "claims", "typ", "val"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_whatever_json_it_is_nobody_gets_in_by_it(found):
    assert refusal(encoded(found), EXPECTED) != ""


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()))
def test_whatever_text_it_is_nobody_gets_in_by_it(text):
    assert refusal(text, EXPECTED) != ""
