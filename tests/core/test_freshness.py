from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.core.freshness import LEASE, PATIENCE, Watermark, claim, is_left_over, judge_freshness
from shared.core.incidents import advance
from shared.core.model import Alert
from tests.builders import HOUR, MINUTE, NOW, SUBSCRIPTION

SECOND = timedelta(seconds=1)


def judged(source: str = "usage", **named: Any) -> Alert:
    return judge_freshness(Watermark(source, SUBSCRIPTION, **named), NOW)


@pytest.mark.parametrize("source", PATIENCE)
@pytest.mark.parametrize("sort", ["answered_at", "failing_since"])
def test_a_source_is_late_when_its_patience_is_over(source, sort):
    assert not judged(source, **{sort: NOW - PATIENCE[source] + SECOND}).firing
    assert judged(source, **{sort: NOW - PATIENCE[source]}).firing


def test_a_source_that_was_never_asked_is_not_late():
    assert not judged().firing


def test_a_source_that_answered_just_now_is_not_late():
    assert not judged(answered_at=NOW).firing


def test_a_first_failure_after_a_time_in_which_nobody_asked_is_no_answer():
    alert = judged(answered_at=NOW - 3 * HOUR, failing_since=NOW - MINUTE, trouble="403: a role is missing")

    assert alert.firing
    assert alert.since == NOW - 3 * HOUR
    assert "403: a role is missing" in alert.why


def test_an_alert_says_which_data_is_missing_since_when_and_why():
    alert = judged(
        answered_at=NOW - 40 * MINUTE, failing_since=NOW - 35 * MINUTE, trouble="403: a role is missing"
    )

    assert alert.what == f"Blind: no usage data of subscription {SUBSCRIPTION} for 40 min"
    assert alert.why == "last answered Tue 8 Sep 13:25 UTC; 403: a role is missing"
    assert alert.as_of == NOW - 40 * MINUTE


def test_a_source_that_never_answered_says_so():
    alert = judged(failing_since=NOW - HOUR, trouble="403")

    assert alert.why == "it has never answered; 403"
    assert alert.as_of is None


def test_polls_that_do_not_run_are_named_as_the_reason():
    assert "the polls do not run" in judged(answered_at=NOW - HOUR).why


def test_the_sources_of_a_subscription_have_incidents_of_their_own():
    assert judged("usage").key != judged("spend").key


def test_a_source_is_blind_until_it_answers_and_not_when_it_fails_anew():
    incident, changes = None, []
    marks = [
        (0, {"answered_at": NOW}),
        (29, {"answered_at": NOW}),
        (30, {"answered_at": NOW}),  # nobody asks
        (35, {"answered_at": NOW, "failing_since": NOW + 35 * MINUTE, "trouble": "503"}),
        (40, {"answered_at": NOW, "failing_since": NOW + 35 * MINUTE, "trouble": "503"}),
        (45, {"answered_at": NOW + 45 * MINUTE}),
    ]
    for minute, named in marks:
        now = NOW + minute * MINUTE
        mark = Watermark("usage", SUBSCRIPTION, **named)  # type: ignore[arg-type]  # a story as a table
        step = advance(incident, judge_freshness(mark, now), now, f"MW-{minute}")
        if step is not None:
            incident = step.incident
            changes += [(minute, change.change) for change in step.transitions]

    assert changes == [(30, "opened"), (45, "resolved")]


def test_a_management_group_is_named_when_it_cannot_be_read():
    alert = judge_freshness(Watermark("discovery", "mg-ai", failing_since=NOW - 2 * HOUR), NOW)

    assert alert.what == "Blind: no discovery data of management group mg-ai for 2 h"
    assert alert.scope.resource == ""


# Whose a job is

FRESH_MARK = Watermark("usage", SUBSCRIPTION)


@pytest.mark.parametrize(
    ("mark", "round_", "taken"),
    [
        pytest.param(FRESH_MARK, NOW, True, id="the first of all"),
        pytest.param(replace(FRESH_MARK, round=NOW - MINUTE), NOW, True, id="a new round"),
        pytest.param(replace(FRESH_MARK, round=NOW), NOW, False, id="a round that was done"),
        pytest.param(
            replace(FRESH_MARK, round=NOW), NOW - MINUTE, False, id="a round before one that was done"
        ),
        pytest.param(replace(FRESH_MARK, claimed_until=NOW + SECOND), NOW, False, id="somebody is at it"),
        pytest.param(replace(FRESH_MARK, claimed_until=NOW), NOW, True, id="somebody died at it"),
        pytest.param(
            replace(FRESH_MARK, not_before=NOW + SECOND), NOW, False, id="Azure wants to be left alone"
        ),
        pytest.param(replace(FRESH_MARK, not_before=NOW), NOW, True, id="the wait is over"),
        pytest.param(FRESH_MARK, None, False, id="nothing was left over"),
        pytest.param(replace(FRESH_MARK, round=NOW), None, False, id="nothing was left over of a round"),
        pytest.param(replace(FRESH_MARK, claimed_until=NOW), None, True, id="left over by who died"),
        pytest.param(replace(FRESH_MARK, not_before=NOW), None, True, id="left over by a wait"),
        pytest.param(
            replace(FRESH_MARK, claimed_until=NOW - HOUR, not_before=NOW + SECOND),
            None,
            False,
            id="left over, but still to wait",
        ),
    ],
)
def test_a_job_is_done_by_one_worker_once_a_round(mark, round_, taken):
    claimed = claim(mark, round_, NOW)

    assert (claimed is not None) is taken
    if claimed:
        assert claimed == replace(mark, claimed_until=NOW + LEASE)
        assert claim(claimed, NOW + MINUTE, NOW + MINUTE) is None
        assert is_left_over(claimed, NOW + LEASE)
        assert not is_left_over(claimed, NOW + LEASE - SECOND)
