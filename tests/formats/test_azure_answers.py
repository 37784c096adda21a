"""Errors of Azure are read however they are wrapped, and the waits it asks for however it asks."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.azure_answers import LEAST_WAIT, LONGEST_WAIT, Reply, Said, quoted, said, wait_of

NOW = datetime(2026, 9, 14, 9, tzinfo=UTC)
PREFIX = "x-ms-ratelimit-microsoft.costmanagement"
DENIED = {"code": "RBACAccessDenied", "message": "No."}


def told(body):
    return said(Reply(403, {}, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize(
    "body",
    [
        DENIED,
        {"error": DENIED},
        {"error": {"error": DENIED}},
        {"Error": {"Code": "RBACAccessDenied", "Message": "No."}},
        {"error": {"code": "Failed", "message": "", "details": [DENIED]}},
        {"error": {"code": "Failed", "message": "Look below.", "innererror": DENIED}},
        {"error": {"code": "Failed", "message": json.dumps({"error": DENIED})}},
        b"\xef\xbb\xbf" + json.dumps({"error": DENIED}).encode(),
    ],
    ids=["bare", "wrapped", "twice", "other case", "in details", "inner", "text in text", "byte order mark"],
)
def test_an_error_is_found_however_it_is_wrapped(body):
    assert Said("RBACAccessDenied", "No.") in told(body)


def test_the_outer_error_comes_first():
    assert [one.code for one in told({"error": {"code": "Outer", "innererror": {"code": "Inner"}}})] == [
        "Outer",
        "Inner",
    ]


def test_an_error_of_entra_has_its_description_for_words():
    body = {
        "error": "invalid_client",
        "error_description": "AADSTS7000222: expired",
        "error_codes": [7000222],
    }

    assert told(body)[0] == Said("invalid_client", "AADSTS7000222: expired")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "a page: 502 Bad Gateway"),
        (b"<!DOCTYPE html><html>", "a page"),
        (b"upstream unavailable", "upstream unavailable"),
        (b"", ""),
        (b"[1, 2]", "[1, 2]"),
        (b"{", "{"),
    ],
    ids=["a page with a title", "a page without", "text", "nothing", "a list", "cut off"],
)
def test_what_is_no_error_object_is_still_told(body, words):
    assert told(body) == [Said("", words)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "message", "details", "innererror"]), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_any_body_tells_something_and_nothing_raises(found):
    assert all(isinstance(one.code, str) and isinstance(one.message, str) for one in told(found))
    assert told(found)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer(body):
    assert told(body)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("see https://h.example/p?sig=hidden&x=1 now", "see https://h.example/p?... now"),
        ("see /more?$skiptoken=hidden", "see /more?..."),
        ("Authorization: Bearer hidden", "Authorization: Bearer ..."),
        ("the token eyJhidden.hidden.hidden", "the token eyJ..."),
        ("client_secret=hidden&x=y", "client_secret=..."),
        ('{"access_token": "hidden"}', '{"access_token": "..."}'),
        ("why? because 2 = 2", "why? because 2 = 2"),
        ("one\r\ntwo\tthree", "one two three"),
        ("Gone. Trace ID: 1 Correlation ID: 2", "Gone."),
        ("No. (Request ID: 16022d38)", "No."),
    ],
)
def test_words_are_shown_on_one_line_without_secrets_and_without_trace_ids(message, shown):
    assert quoted(message) == shown


@given(st.text(max_size=400))
def test_any_words_fit_on_a_line(message):
    assert "\n" not in quoted(message, 50)
    assert len(quoted(message, 50)) <= 50


@pytest.mark.parametrize(
    ("headers", "seconds", "everywhere"),
    [
        ({}, 60, None),
        ({"retry-after": "7"}, 7, 7),
        ({f"{PREFIX}-entity-retry-after": "20"}, 20, None),
        ({f"{PREFIX}-entity-retry-after": "20", f"{PREFIX}-qpu-retry-after": "5"}, 20, 5),
        ({f"{PREFIX}-tenant-retry-after": "30", f"{PREFIX}-qpu-retry-after": "40"}, 40, 40),
        ({f"{PREFIX}-clienttype-retry-after": "9"}, 9, 9),
        ({f"{PREFIX}-client-retry-after": "8"}, 8, 8),
        ({"x-ms-ratelimit-microsoft.consumption-retry-after": "90", "retry-after": "5"}, 90, 90),
        ({f"{PREFIX}-Entity-Retry-After".title(): "20"}, 20, None),
        ({"x-ms-ratelimit-remaining-microsoft.costmanagement-entity-requests": "500"}, 60, None),
        ({"retry-after": "-5"}, 60, None),
        ({"retry-after": "soon"}, 60, None),
        ({"retry-after": "9" * 40}, LONGEST_WAIT.total_seconds(), LONGEST_WAIT.total_seconds()),
    ],
)
def test_the_longest_wait_holds_and_that_of_shared_buckets_everywhere(headers, seconds, everywhere):
    wait = wait_of(headers, NOW)

    assert wait.scope == timedelta(seconds=seconds)
    assert wait.everywhere == (None if everywhere is None else timedelta(seconds=everywhere))


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Mon, 14 Sep 2026 09:02:00 GMT", 120),
        ("Mon, 14 Sep 2026 08:00:00 GMT", 0),
        ("Fri, 14 Sep 2029 08:00:00 GMT", LONGEST_WAIT.total_seconds()),
    ],
    ids=["ahead", "over", "beyond belief"],
)
def test_a_wait_may_be_until_a_date(date, seconds):
    assert wait_of({"retry-after": date}, NOW).scope == timedelta(seconds=seconds)


def test_a_date_is_read_by_the_clock_of_the_answer_where_it_has_one():
    headers = {"retry-after": "Mon, 14 Sep 2026 09:02:00 GMT", "date": "Mon, 14 Sep 2026 09:01:30 GMT"}

    assert wait_of(headers, NOW + timedelta(hours=5)).scope == timedelta(seconds=30)


@given(st.dictionaries(st.sampled_from(["retry-after", "a-retry-after", "date"]), st.text(max_size=40)))
def test_no_header_raises_or_asks_for_longer_than_a_day(headers):
    assert timedelta() <= wait_of(headers, NOW).scope <= max(LONGEST_WAIT, LEAST_WAIT)
