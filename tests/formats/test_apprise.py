"""What Apprise is given, and what its yes or no means."""

import json

import pytest
from hypothesis import given, settings

from shared.core.model import Delivered, Refused, RetryLater
from shared.formats.apprise import APPRISE, MOST_BODY, NO_SERVICE
from shared.formats.channel import Answer
from tests.formats.situations import GOLDEN, OPENED, notifications


def test_a_title_a_text_and_how_bad_it_is():
    (call,) = APPRISE.render(OPENED, "", "")

    assert call.body["title"] == "🟠 Warning: Budget ai-products-monthly: 96 % of 10,000 USD spent"
    assert call.body["type"] == "warning"
    assert call.body["body"].startswith("Now: 9,612 USD of 10,000 USD\n")
    assert OPENED.incident.alert.link in call.body["body"]


@pytest.mark.parametrize(
    ("situation", "word"),
    [("escalated", "failure"), ("opened", "warning"), ("resolved", "success"), ("test", "info")],
)
def test_how_bad_it_is_in_apprises_words(situation, word):
    (call,) = APPRISE.render(GOLDEN[situation], "", "")

    assert call.body["type"] == word


@settings(max_examples=50, deadline=None)
@given(notifications)
def test_a_text_of_anything_is_short_and_can_be_sent(notification):
    (call,) = APPRISE.render(notification, "", "")

    assert len(call.body["body"]) <= MOST_BODY
    json.dumps(call.body, ensure_ascii=False).encode()


def test_yes_is_taken_and_no_is_unsure():
    assert APPRISE.outcome(Answer(200, {}, "true")) == Delivered(confirmed=False)
    said_no = APPRISE.outcome(Answer(200, {}, "false"))
    assert isinstance(said_no, RetryLater)
    assert said_no.unsure


def test_a_url_of_no_service_closes_the_channel():
    refused = APPRISE.outcome(Answer(NO_SERVICE))

    assert isinstance(refused, Refused)
    assert refused.closed
