"""What is hidden in a text, and what is left as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.redaction import one_record, redactor

JWT = "eyJ0eXAiOiJKV1Qi.eyJhdWQiOiJ4In0.c2lnbmF0dXJl"
SHAPES = [
    ("POST https://x/workflows/1?sig=AbCd1234efgh&sv=1", "POST https://x/workflows/1?sig=<hidden>&sv=1"),
    ("/api/azure-alert?code=AbCd1234efgh==", "/api/azure-alert?code=<hidden>"),
    ("AccountName=x;AccountKey=AbCd1234efgh==;E=1", "AccountName=x;AccountKey=<hidden>;E=1"),
    ("token xoxb-123-456-abcdef", "token <hidden>"),
    ("xapp-1-A0-123-abcdef", "<hidden>"),
    ("Authorization: Bearer AbCd1234efgh", "Authorization: Bearer <hidden>"),
    ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic <hidden>"),
    ("at hooks.slack.com/services/T0/B0/x is", "at hooks.slack.com/<hidden> is"),
    (
        "at https://contoso.webhook.office.com/webhookb2/1@2/x",
        "at https://contoso.webhook.office.com/<hidden>",
    ),
    (f"a token: {JWT}", "a token: <hidden>"),
    (f"got {JWT}.", "got <hidden>"),
    ('{"access_token": "AbCd1234efgh", "n": 1}', '{"access_token": "<hidden>", "n": 1}'),
    ("client_secret=AbCd1234efgh&grant", "client_secret=<hidden>&grant"),
    ("x-functions-key: AbCd1234efgh", "x-functions-key: <hidden>"),
    ("more?$skiptoken=AbCd1234efgh", "more?$skiptoken=<hidden>"),
    ("SIG=AbCd1234efgh", "SIG=<hidden>"),
]
PLAIN = [
    "event=webhook inbox=2026-09-14T09:00:00.000000Z|abcdef outcome=202 rule=tokens",
    "Azure answered 403 code: AuthorizationFailed, the client has no role",
    "TEAMS_WEBHOOK_URL is an unresolved Key Vault reference",
    "tokens=12000 of 4711 tokens in an hour",
    "basic tier, 3 tokens",
    "a design=something-else-altogether",
    "",
]


@pytest.mark.parametrize(("text", "shown"), SHAPES)
def test_what_looks_like_a_secret_is_hidden_and_its_name_stays(text, shown):
    assert redactor({})(text) == shown


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_none_stays_as_it_is(text):
    assert redactor({"deeply-secret-value": "X"})(text) == text


def test_a_known_secret_is_hidden_wherever_it_stands_under_its_name():
    hide = redactor({"flow-of-finance": "TEAMS", "flow-of-finance/and-more": "WHOLE"})

    assert hide("a flow-of-finance/and-more, or bflow-of-finance.") == "a <WHOLE>, or b<TEAMS>."


def test_what_is_too_short_to_be_a_secret_hides_nothing():
    assert redactor({"a": "X", "1234567": "Y"})("a 1234567") == "a 1234567"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x\nERROR forged", "x\\nERROR forged"),
        ("x\r\n\x1b[2Jy", "x\\r\\n\\x1b[2Jy"),
        ("x\u2028y\u202ez", "x\\u2028y\\u202ez"),
        ("x\x85y", "x\\x85y"),
        ("half \ud800", "half \\ud800"),
        ("Grüße 🔴", "Grüße 🔴"),
    ],
)
def test_a_record_is_one_line_that_shows_what_would_have_ended_it(text, shown):
    assert one_record(text) == shown


@given(st.text(), st.text(min_size=8), st.text())
def test_no_known_secret_is_left(before, secret, after):
    assert secret not in redactor({secret: "X"})(before + secret + after) or secret in f"{before}<X>{after}"


@given(st.text())
def test_a_record_has_no_line_end_and_loses_nothing_printable(text):
    shown = one_record(text)

    assert shown.isprintable()
    assert [char for char in text if char.isprintable() and char != "\\"] == [
        char for char in text if char in shown and char.isprintable() and char != "\\"
    ]
