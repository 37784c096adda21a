"""What an answer of a channel means for a delivery: a table for each channel."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Delivered, Outcome, Refused, RetryLater
from shared.formats.channel import Answer
from shared.formats.channels import KINDS


def verdict(outcome: Outcome) -> str:
    """An outcome in one word or two."""
    if isinstance(outcome, Delivered):
        return "delivered" if outcome.confirmed else "accepted"
    if isinstance(outcome, Refused):
        return "gone" if outcome.gone else "refused"
    return "retry, unsure" if outcome.unsure else "retry"


def of(kind: str, status: int, body: str = "", **headers: str) -> Outcome:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return KINDS[kind].outcome(Answer(status, named, body))


BY_STATUS = [
    (301, "refused"),
    (400, "refused"),
    (401, "refused"),
    (403, "refused"),
    (404, "refused"),
    (408, "retry, unsure"),
    (410, "refused"),
    (413, "refused"),
    (425, "retry"),
    (429, "retry"),
    (500, "retry, unsure"),
    (502, "retry, unsure"),
    (503, "retry, unsure"),
    (504, "retry, unsure"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "expected"), BY_STATUS)
def test_a_status_says_whether_waiting_helps(kind, status, expected):
    assert verdict(of(kind, status, "why")) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, "", "accepted"),
        (200, "1", "accepted"),
        (201, "", "accepted"),
        (204, "", "accepted"),
        (202, "run 4294429 is queued, no error", "accepted"),
        (200, "Webhook message delivery failed: Microsoft Teams endpoint returned HTTP error 429", "retry"),
        (200, "Microsoft Teams endpoint returned HTTP error 503 with ContextId x", "retry, unsure"),
        (200, "Microsoft Teams endpoint returned HTTP error 413 with ContextId x", "refused"),
        (400, '{"error":{"code":"TriggerInputSchemaMismatch"}}', "refused"),
        (404, '{"error":{"code":"WorkflowNotFound"}}', "refused"),
        (429, '{"error":{"code":"TooManyRequests"}}', "retry"),
    ],
)
def test_teams_accepts_and_never_says_that_it_delivered(status, body, expected):
    assert verdict(of("teams", status, body)) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "ok", "delivered"),
        (400, "invalid_payload", "refused"),
        (403, "invalid_token", "refused"),
        (403, "action_prohibited", "refused"),
        (404, "no_service", "refused"),
        (404, "channel_not_found", "refused"),
        (410, "channel_is_archived", "refused"),
        (429, "rate_limited", "retry"),
        (500, "rollup_error", "retry, unsure"),
    ],
)
def test_a_slack_webhook_answers_with_a_status_and_a_word(status, body, expected):
    outcome = of("slack webhook", status, body)
    assert verdict(outcome) == expected
    assert isinstance(outcome, Delivered) or body in outcome.why


PERMANENT = """channel_not_found is_archived not_in_channel invalid_auth not_authed account_inactive
    token_revoked token_expired missing_scope restricted_action restricted_action_read_only_channel
    ekm_access_denied invalid_blocks invalid_blocks_format msg_blocks_too_long too_many_attachments
    no_text metadata_too_large a_word_of_tomorrow""".split()
FOR_A_WHILE = "ratelimited rate_limited service_unavailable team_added_to_org".split()
PERHAPS_DONE = "internal_error fatal_error request_timeout".split()
NO_LONGER_THERE = "message_not_found cant_update_message edit_window_closed is_inactive".split()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        *[(error, "refused") for error in PERMANENT],
        *[(error, "retry") for error in FOR_A_WHILE],
        *[(error, "retry, unsure") for error in PERHAPS_DONE],
        *[(error, "gone") for error in NO_LONGER_THERE],
    ],
)
def test_slack_says_no_with_status_200_and_a_word(error, expected):
    outcome = of("slack", 200, json.dumps({"ok": False, "error": error}))
    assert verdict(outcome) == expected
    assert not isinstance(outcome, Delivered)
    assert error in outcome.why


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"ok":true,"channel":"C1","ts":"1.2"}', Delivered(receipt="C1/1.2")),
        ('{"ok":true}', Delivered()),
        ('{"ok":true,"channel":"C1","ts":null}', Delivered()),
        ('{"ok":true,"channel":{"id":"C1"},"ts":"1.2"}', Delivered()),
    ],
)
def test_a_receipt_is_whole_or_none(body, expected):
    assert of("slack", 200, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>proxy</html>",
        "null",
        "[]",
        '"ok"',
        "{}",
        '{"ok":false}',
        '{"ok":1}',
        '{"ok":false,"error":null}',
        '{"ok":false,"error":["x"]}',
        "[" * 100_000,
        "1" * 5_000,
        '{"ok":tru',
    ],
    ids=range(13),
)
def test_an_answer_that_is_not_slacks_may_hide_a_delivery(body):
    assert verdict(of("slack", 200, body)) == "retry, unsure"


def test_a_refusal_names_the_place_in_the_message():
    errors = ["must be less than 3001 characters [json-pointer:/blocks/2/text]", {"odd": 1}]
    outcome = of("slack", 200, json.dumps({"ok": False, "error": "invalid_blocks", "errors": errors}))
    assert isinstance(outcome, Refused)
    assert outcome.why.endswith(
        "invalid_blocks: must be less than 3001 characters [json-pointer:/blocks/2/text]"
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("30", timedelta(seconds=30)),
        (" 5 ", timedelta(seconds=5)),
        ("0", timedelta()),
        ("999999999", timedelta(hours=24)),
        ("9" * 40, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("1e3", None),
        ("٣", None),
        ("soon", None),
        ("Tue, 08 Sep 2026 12:00:00 GMT", None),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_wait_that_is_asked_for_is_kept_or_left_to_us(kind, header, expected):
    outcome = of(kind, 429, retry_after=header)
    assert isinstance(outcome, RetryLater)
    assert outcome.after == expected


def test_slack_asks_for_a_wait_with_status_200_too():
    outcome = of("slack", 200, '{"ok":false,"error":"ratelimited"}', retry_after="7")
    assert outcome == RetryLater("Slack answered ratelimited", timedelta(seconds=7))


def test_an_answer_is_quoted_in_a_line_that_fits_a_row():
    outcome = of("teams", 400, "line\n" * 2_000)
    assert isinstance(outcome, Refused)
    assert len(outcome.why) < 250
    assert "\n" not in outcome.why


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["ok", "error", "errors", "ts"]), inner),
    max_leaves=8,
)
bodies = st.text() | json_like.map(json.dumps)
headers = st.dictionaries(st.sampled_from(["retry-after", "date"]), st.text())


@pytest.mark.parametrize("kind", KINDS)
@given(status=st.integers(0, 999), headers=headers, body=bodies)
def test_any_answer_has_an_outcome(kind, status, headers, body):
    outcome = KINDS[kind].outcome(Answer(status, headers, body))
    assert isinstance(outcome, (Delivered, RetryLater, Refused))
    if isinstance(outcome, Delivered):
        assert 200 <= status < 300
    else:
        assert len(outcome.why) < 600
