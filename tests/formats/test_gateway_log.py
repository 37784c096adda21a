import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import (
    CONSUMER_CALLS,
    CONSUMER_TOKENS_IN,
    CONSUMER_TOKENS_OUT,
    Period,
    Reading,
    Scope,
)
from shared.formats.gateway_log import APART, is_switched_off, parse, question, searched

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
GRAIN = timedelta(minutes=5)
ASKED = Period(NOON, NOON + timedelta(hours=1))
GATEWAY = "/subscriptions/s/resourcegroups/rg/providers/microsoft.apimanagement/service/apim"


def row(**named: Any) -> dict[str, Any]:
    plain = {
        "TimeGenerated": NOON,
        "_ResourceId": GATEWAY,
        "ApimSubscriptionId": "web",
        "ProductId": "gold",
        "DeploymentName": "chat",
        "PromptTokens": 1200,
        "CompletionTokens": 34,
        "Calls": 3,
    }
    return plain | named


def read(*rows: dict[str, Any]) -> dict[Any, Decimal]:
    return {(one.scope.part, one.meter): one.value for one in parse(rows, ASKED, GRAIN, NOON).readings}


def test_a_row_is_three_readings_of_a_consumer():
    scope = Scope(GATEWAY, "chat for web + product gold")
    assert parse([row()], ASKED, GRAIN, NOON).readings == (
        Reading(scope, CONSUMER_TOKENS_IN, NOON, NOON + GRAIN, Decimal(1200), NOON),
        Reading(scope, CONSUMER_TOKENS_OUT, NOON, NOON + GRAIN, Decimal(34), NOON),
        Reading(scope, CONSUMER_CALLS, NOON, NOON + GRAIN, Decimal(3), NOON),
    )


@pytest.mark.parametrize("nobody", [None, "", "  "], ids=["null", "empty", "blank"])
def test_tokens_of_nobody_known_count_to_the_unknown_consumer(nobody):
    found = read(row(ApimSubscriptionId=nobody, ProductId=nobody))

    assert found["chat for <unknown consumer>", CONSUMER_TOKENS_IN] == 1200


def test_names_that_differ_in_case_alone_are_one_consumer():
    found = read(
        row(),
        row(DeploymentName="Chat", ApimSubscriptionId="WEB", ProductId="Gold", _ResourceId=GATEWAY.upper()),
    )

    assert found["chat for web + product gold", CONSUMER_TOKENS_IN] == 2400
    assert len(found) == 3


@pytest.mark.parametrize(
    ("given", "value"),
    [(1200, 1200), (1200.0, 1200), ("1200", 1200), ("1200.0", 1200), (0, 0), (None, None), ("", None)],
    ids=repr,
)
def test_a_number_may_come_as_text_and_an_absent_one_is_no_reading(given, value):
    assert read(row(PromptTokens=given)).get(("chat for web + product gold", CONSUMER_TOKENS_IN)) == value


@pytest.mark.parametrize(
    "time",
    [
        "2026-09-08T12:00:00.0000000Z",
        "2026-09-08T14:00:00+02:00",
        datetime(2026, 9, 8, 12),  # noqa: DTZ001 - as a client that drops the zone would give it
        datetime(2026, 9, 8, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=["text", "text of another zone", "no zone", "another zone"],
)
def test_a_time_comes_as_text_or_as_a_time(time):
    (one, *_) = parse([row(TimeGenerated=time)], ASKED, GRAIN, NOON).readings

    assert (one.start, one.start.tzinfo) == (NOON, UTC)


def test_readings_come_oldest_first():
    rows = [row(TimeGenerated=NOON + slot * GRAIN) for slot in (3, 0, 2)]
    starts = [one.start for one in parse(rows, ASKED, GRAIN, NOON).readings]

    assert starts == sorted(starts)


def test_columns_are_found_in_any_case():
    assert read({name.lower(): value for name, value in row().items()}) == read(row())


def test_what_lies_around_the_period_was_not_read_whole_and_is_left_out():
    around = [NOON - GRAIN, ASKED.end - GRAIN, ASKED.end]
    found = parse([row(TimeGenerated=at) for at in around], ASKED, GRAIN, NOON)

    assert {one.start for one in found.readings} == {ASKED.end - GRAIN}
    assert not found.odd


def test_a_row_without_a_time_is_named_and_the_others_are_kept():
    found = parse([row(TimeGenerated="soon"), row()], ASKED, GRAIN, NOON)

    (line,) = found.odd
    assert "soon" in line
    assert len(found.readings) == 3


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes()


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(row(), ANYTHING)) | st.dictionaries(st.text(), ANYTHING)))
def test_whatever_comes_nothing_is_raised_and_every_reading_is_of_the_period(rows):
    found = parse(rows, ASKED, GRAIN, NOON)

    assert all(one.start in ASKED and one.scope.part for one in found.readings)


@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["a", "b", None]), st.integers(0, 10**9))))
def test_no_token_is_lost_or_counted_twice(some):
    rows = [
        row(TimeGenerated=NOON + slot * GRAIN, ApimSubscriptionId=who, PromptTokens=tokens)
        for slot, who, tokens in some
    ]
    found = parse(rows, ASKED, GRAIN, NOON).readings

    assert sum(one.value for one in found if one.meter == CONSUMER_TOKENS_IN) == sum(one[2] for one in some)


def test_each_side_of_the_join_has_one_record_a_call():
    calls, callers, joined = re.split(r";\n|\ncalls\n", question(ASKED, GRAIN))[:3]

    assert "ApiManagementGatewayLlmLog" in calls
    assert "DeploymentName != ''" in calls
    assert "ApiManagementGatewayLogs" in callers
    assert calls.split()[-2:] == callers.split()[-2:] == ["by", "CorrelationId"]
    assert "join kind=leftouter callers on CorrelationId" in joined


def test_the_period_bounds_the_calls_and_who_called_may_be_recorded_around_it():
    times = re.findall(r"datetime\((.*?)\)", question(ASKED, GRAIN))

    assert times == [
        "2026-09-08T12:00:00Z",
        "2026-09-08T13:00:00Z",
        "2026-09-08T11:45:00Z",
        "2026-09-08T13:15:00Z",
    ]
    assert searched(ASKED) == Period(NOON - APART, ASKED.end + APART)


@pytest.mark.parametrize(("grain", "minutes"), [(GRAIN, 5), (timedelta(hours=1), 60)], ids=["5 min", "hour"])
def test_calls_are_summed_in_bins_of_the_grain(grain, minutes):
    assert f"by bin(TimeGenerated, {minutes}m)" in question(ASKED, grain)


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ("400 (BadArgumentError) The request had some invalid properties", True),
        ("(400 SEM0100): Failed to resolve table expression named 'ApiManagementGatewayLlmLog'", True),
        ("logs of workspace w: it does not exist (404 WorkspaceNotFoundError)", False),
    ],
    ids=["outer code", "inner words", "no workspace"],
)
def test_a_missing_table_is_told_from_a_missing_workspace(refusal, expected):
    assert is_switched_off(refusal) is expected
