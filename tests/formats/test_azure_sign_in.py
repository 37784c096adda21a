"""Why nobody is signed in, in one line that says what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.azure_sign_in import sign_in_line

CHAIN = (
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\n"
    "Attempted credentials:\n\tEnvironmentCredential: unavailable.\n\tAzureCliCredential: {}\n"
)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("AADSTS700082: The refresh token has expired.", "expired (AADSTS700082): run `az login`"),
        ("AADSTS70043: The refresh token has expired.", "run `az login`"),
        ("AADSTS50173: The provided grant has expired.", "run `az login`"),
        ("AADSTS50076: you must use multi-factor authentication", "asks for a person (AADSTS50076)"),
        ("AADSTS7000222: The client secret keys are expired.", "set AZURE_CLIENT_SECRET"),
        ("AADSTS7000215: Invalid client secret provided.", "its value, not its id"),
        ("AADSTS90002: Tenant 'contoso.example' not found.", "no tenant contoso.example (AADSTS90002)"),
        ("AADSTS900023: Specified tenant identifier 'x' is neither", "check AZURE_TENANT_ID"),
        (CHAIN.format("ERROR: AADSTS700082: expired\nTrace ID: 1"), "expired (AADSTS700082)"),
        (CHAIN.format("Please run 'az login' to set up an account"), "in to Azure: run `az login`"),
        ("AADSTS65001: no consent\nmore", "(AADSTS65001: no consent)"),
        ("", "not signed in to Azure"),
    ],
)  # fmt: skip
def test_a_failed_login_says_what_to_do(message, words):
    line = sign_in_line(message)

    assert words in line
    assert "\n" not in line


@given(st.text(max_size=300))
def test_any_failure_is_one_line(message):
    assert len(sign_in_line(message).splitlines()) == 1
