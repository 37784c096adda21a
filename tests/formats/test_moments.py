from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.formats.moments import parse_moment, parse_span


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-04-15T17:49:34.022Z", datetime(2025, 4, 15, 17, 49, 34, 22_000, UTC)),
        ("2025-04-15T17:55:39.04Z", datetime(2025, 4, 15, 17, 55, 39, 40_000, UTC)),
        ("2019-03-22T13:58:24.3713213Z", datetime(2019, 3, 22, 13, 58, 24, 371_321, UTC)),
        ("2025-04-15T17:49:34", datetime(2025, 4, 15, 17, 49, 34, tzinfo=UTC)),
        ("2025-04-15T17:49:34-08:00", datetime(2025, 4, 16, 1, 49, 34, tzinfo=UTC)),
        (" 2025-08-01T00:00:00 ", datetime(2025, 8, 1, tzinfo=UTC)),
        ("2025-08-01", datetime(2025, 8, 1, tzinfo=UTC)),
        ("3/22/2019 1:36:31 PM", datetime(2019, 3, 22, 13, 36, 31, tzinfo=UTC)),
        ("3/22/2019 12:00:00 AM", datetime(2019, 3, 22, tzinfo=UTC)),
        ("11/17/2021 5:40:29 PM -08:00", datetime(2021, 11, 18, 1, 40, 29, tzinfo=UTC)),
        ("11/17/2021 5:40:29 pm +00:00", datetime(2021, 11, 17, 17, 40, 29, tzinfo=UTC)),
        ("06/25/2017 19:59:39", datetime(2017, 6, 25, 19, 59, 39, tzinfo=UTC)),
        ("6/1/2018", datetime(2018, 6, 1, tzinfo=UTC)),
        ("Wed, 21 Aug 2019 16:17:47 GMT", datetime(2019, 8, 21, 16, 17, 47, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_utc(text, expected):
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "22/3/2019 1:36:31 PM",
        "1/1/0001 12:00:00 AM",
        "13/13/2019",
        "/",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59Z",
        "2025-02-30",
        "2025-04-15T17:49:34Z" + " " * 40,
        5,
        1.5,
        [],
        {},
        ["2025-08-01"],
    ],
    ids=repr,
)
def test_what_is_no_time_is_none(text):
    assert parse_moment(text) is None


@given(st.text(max_size=50) | st.text(st.sampled_from("0123456789-:.TZ+W /APM,"), max_size=42))
def test_any_text_is_a_time_in_utc_or_none(text):
    moment = parse_moment(text)
    assert moment is None or (moment.tzinfo is UTC and 1970 <= moment.year <= 2199)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT5M", timedelta(minutes=5)),
        ("pt1h30m", timedelta(minutes=90)),
        ("P1D", timedelta(days=1)),
        ("P2DT3H4M5.5S", timedelta(days=2, hours=3, minutes=4, seconds=5)),
        ("PT0S", None),
        ("P", None),
        ("P99999D", None),
        ("5 min", None),
        (None, None),
        (5, None),
    ],
)
def test_a_duration_is_read_or_none(text, expected):
    assert parse_span(text) == expected
