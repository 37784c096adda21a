"""What Slack signed, and nothing else: over the bytes as they came, five minutes long."""

import hashlib
import hmac
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.edges.slack_signature import is_signed
from tests.builders import NOW

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = b"payload=%7B%22type%22%3A%22block_actions%22%7D"
STAMP = str(int(NOW.timestamp()))


def signature(body=BODY, stamp=STAMP, secret=SECRET):
    return "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()


def headers(**named):
    found = {"X-Slack-Request-Timestamp": STAMP, "X-Slack-Signature": signature()}
    return {name: value for name, value in (found | named).items() if value is not None}


def test_what_slack_signed_is_accepted():
    assert is_signed(SECRET, BODY, headers(), NOW)


@pytest.mark.parametrize("name", ["X-Slack-Request-Timestamp", "X-Slack-Signature"])
@pytest.mark.parametrize("value", [None, "", "v0=", "rubbish", "9" * 400, "²", "v0=\u0130", "-1", "1e9"])
def test_a_header_that_is_none_is_refused_and_no_error(name, value):
    assert not is_signed(SECRET, BODY, headers(**{name: value}), NOW)


@pytest.mark.parametrize(("seconds", "accepted"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_request_is_good_for_five_minutes(seconds, accepted):
    assert is_signed(SECRET, BODY, headers(), NOW + timedelta(seconds=seconds)) is accepted


@given(st.binary(max_size=60))
def test_another_body_is_refused(body):
    assume(body != BODY)

    assert not is_signed(SECRET, body, headers(), NOW)


@given(place=st.integers(0, len(signature()) - 1), letter=st.characters())
def test_no_changed_letter_of_the_signature_is_accepted(place, letter):
    sound = signature()
    assume(sound[place] != letter)
    changed = sound[:place] + letter + sound[place + 1 :]

    assert not is_signed(SECRET, BODY, headers(**{"X-Slack-Signature": changed}), NOW)


def test_another_secret_is_refused():
    assert not is_signed("another", BODY, headers(), NOW)
