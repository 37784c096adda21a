from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.core.model import Alert, Incident, Kind, Scope, Severity, State
from shared.core.ordering import is_late

TEN = datetime(2026, 9, 8, 10, 0, tzinfo=UTC)
SOON, LATER = TEN + timedelta(minutes=5), TEN + timedelta(minutes=30)


def alert(at: datetime, *, firing: bool = True) -> Alert:
    return Alert(
        key="azure|a",
        kind=Kind.AZURE,
        rule="errors",
        scope=Scope(""),
        firing=firing,
        severity=Severity.WARNING,
        what="errors",
        since=at,
        at=at,
        source="Azure",
    )


def incident(at: datetime, *, is_open: bool) -> Incident:
    state = State.TRIGGERED if is_open else State.RESOLVED
    return Incident("MW-1", state, opened_at=at, alert=alert(at, firing=is_open))


@pytest.mark.parametrize(
    ("word", "before", "over_at", "late"),
    [
        (alert(TEN), None, None, False),
        (alert(TEN), None, SOON, True),
        (alert(TEN), None, TEN, True),
        (alert(SOON), None, TEN, False),
        (alert(TEN), incident(TEN, is_open=True), None, False),
        (alert(TEN), incident(TEN, is_open=False), None, True),
        (alert(SOON), incident(TEN, is_open=False), None, False),
        (alert(TEN, firing=False), None, None, False),
        (alert(SOON, firing=False), incident(TEN, is_open=True), None, False),
        (alert(TEN, firing=False), incident(TEN, is_open=True), None, False),
        (alert(TEN, firing=False), incident(SOON, is_open=True), None, True),
        (alert(SOON, firing=False), incident(SOON, is_open=False), SOON, False),
        (alert(TEN), incident(SOON, is_open=True), None, True),
    ],
    ids=[
        "the first word",
        "fired before it was over",
        "fired in the moment in which it was over",
        "fired again since",
        "the same once more",
        "a retry of what has ended",
        "newer than what has ended",
        "over before anybody heard that it fired",
        "over after it fired",
        "over in the moment in which it fired",
        "over before it fired again",
        "over once more",
        "an older word of what still holds",
    ],
)
def test_the_newer_word_by_the_senders_clock_stands(word, before, over_at, late):
    assert is_late(word, before, over_at) is late


def test_a_test_and_a_budgets_step_are_never_late():
    assert not is_late(replace(alert(TEN), test=True), None, LATER)
    assert not is_late(replace(alert(TEN), steps=("actual 80",)), incident(LATER, is_open=False), LATER)
