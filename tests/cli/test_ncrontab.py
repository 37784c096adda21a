from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from cli.ncrontab import FIELDS, Field, parse

START = datetime(2026, 11, 23, 10, 7, 30, tzinfo=UTC)  # a Monday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("0 */5 * * * *", "2026-11-23 10:10:00", id="every five minutes"),
        pytest.param("*/5 * * * *", "2026-11-23 10:10:00", id="five fields are without seconds"),
        pytest.param("30 7 10 * * *", "2026-11-24 10:07:30", id="the start itself is never an answer"),
        pytest.param("31 7 10 * * *", "2026-11-23 10:07:31", id="the next second is"),
        pytest.param("0 0 9 13 * FRI", "2027-08-13 09:00:00", id="day and weekday must both match"),
        pytest.param("0 0 9 * * 0", "2026-11-29 09:00:00", id="sunday is 0"),
        pytest.param("0 0 9 * * 6", "2026-11-28 09:00:00", id="saturday is 6"),
        pytest.param("0 0 9 * * mon-FRIDAY", "2026-11-24 09:00:00", id="names in any case and length"),
        pytest.param("0 0 9 1 Febr *", "2027-02-01 09:00:00", id="a name may be cut short"),
        pytest.param("0 0 22-2 * * *", "2026-11-23 11:00:00", id="a reversed range is swapped"),
        pytest.param(
            "0 0 22-2/5 * * *", "2026-11-23 12:00:00", id="a swapped range counts from its lower end"
        ),
        pytest.param("0 15/20 * * * *", "2026-11-23 10:15:00", id="a value with a step runs to the end"),
        pytest.param("0 0/50 * * * *", "2026-11-23 10:50:00", id="and takes in the values below the end"),
        pytest.param("0 0,30 10,12 * * *", "2026-11-23 10:30:00", id="lists"),
        pytest.param("0 0 0 29 2 *", "2028-02-29 00:00:00", id="leap day"),
        pytest.param("0 0 0 29 2 2", "2028-02-29 00:00:00", id="leap day on a Tuesday"),
        pytest.param("0 0 0 29 2 1", "2044-02-29 00:00:00", id="leap day on a Monday"),
        pytest.param("0 0 0 31 4,5 *", "2027-05-31 00:00:00", id="one of the months is long enough"),
    ],
)
def test_the_next_occurrence_is_found(text, expected):
    assert parse(text).after(START) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("* * * *", r"schedule: '\* \* \* \*' has 4 fields, expected 6", id="four fields"),
        pytest.param("0 0 0 1 1 * 2026", "has 7 fields", id="a year"),
        pytest.param("", "has 0 fields", id="nothing"),
        pytest.param("@daily", "has 1 fields", id="daily"),
        pytest.param("60 * * * * *", "second: '60', expected 0 to 59", id="second 60"),
        pytest.param("0 60 * * * *", "minute: '60', expected 0 to 59", id="minute 60"),
        pytest.param("0 0 24 * * *", "hour: '24', expected 0 to 23", id="hour 24"),
        pytest.param("0 0 0 0 * *", "day: '0', expected 1 to 31", id="day 0"),
        pytest.param("0 0 0 * 13 *", "month: '13', expected 1 to 12 or a name such as Jan", id="month 13"),
        pytest.param("0 0 0 * * 7", "weekday: '7', expected 0 to 6 or a name such as Sun", id="weekday 7"),
        pytest.param("0 0 0 ? * *", r"day: '\?'", id="question mark"),
        pytest.param("0 0 0 L * *", "day: 'L'", id="last day"),
        pytest.param("0 0 0 1W * *", "day: '1W'", id="nearest workday"),
        pytest.param("0 0 0 * * 5#3", "weekday: '5#3'", id="third friday"),
        pytest.param("0 0 0 * Ma *", "month: 'Ma'", id="a name of two letters"),
        pytest.param("0 0 0 * Mondays *", "month: 'Mondays'", id="a name of another field"),
        pytest.param("0 */0 * * * *", "minute: step '0', expected a whole number of 1 or more", id="step 0"),
        pytest.param("0 */x * * * *", "minute: step 'x'", id="step x"),
        pytest.param("0 5- * * * *", "minute: ''", id="half a range"),
        pytest.param("0 1,,2 * * * *", "minute: ''", id="a hole in a list"),
        pytest.param("0 -1 * * * *", "minute: ''", id="a negative value"),
        pytest.param("0 ٣ * * * *", "minute: '٣'", id="a digit of another script"),
        pytest.param("0 0 0 30 2 *", "day: '30' never comes in month '2'", id="the 30th of February"),
        pytest.param("0 0 0 31 4,6,9,11 *", "day: '31' never comes", id="the 31st of short months"),
        pytest.param("every day", "has 2 fields", id="words"),
    ],
)
def test_what_the_host_would_not_run_is_refused_with_field_value_and_expectation(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse(text)


def test_a_moment_of_another_zone_is_answered_in_utc():
    moment = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=2)))

    assert parse("0 0 9 * * *").after(moment) == datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        parse("* * * * *").after(START.replace(tzinfo=None))


def test_parts_of_a_second_do_not_skip_an_occurrence():
    assert parse("* * * * * *").after(START + timedelta(milliseconds=1)) == START + timedelta(seconds=1)


@st.composite
def items(draw: st.DrawFn, field: Field) -> str:
    first = draw(st.integers(field.lowest, field.highest))
    step = draw(st.integers(1, field.highest - field.lowest))
    last = draw(st.integers(first, field.highest))
    if first == last:  # croniter takes a weekday of 0-0 for the whole week
        return draw(st.sampled_from(["*", f"*/{step}", f"{first}"]))
    return draw(st.sampled_from([f"{first}-{last}", f"{first}-{last}/{step}"]))


# To the 28th, so that every schedule occurs each year but for the rarer weekdays.
COMMON = [*FIELDS[:3], replace(FIELDS[3], highest=28), *FIELDS[4:]]


@st.composite
def schedules(draw: st.DrawFn) -> str:
    """What croniter and the host read alike."""
    return " ".join(",".join(draw(st.lists(items(field), min_size=1, max_size=3))) for field in COMMON)


@given(text=schedules(), later=st.timedeltas(timedelta(0), timedelta(days=20 * 365)))
def test_croniter_finds_the_same_three_occurrences(text, later):
    ours = theirs = START + later
    schedule, second_opinion = parse(text), croniter(text, theirs, second_at_beginning=True, day_or=False)

    for _ in range(3):
        ours, theirs = schedule.after(ours), second_opinion.get_next(datetime)
        assert ours == theirs
