"""The life of an alert's key: single rules as stories, and all of them together as a state machine."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.core.incidents import Advance, advance, expire
from shared.core.model import Alert, Grain, Incident, Kind, Severity, State, Transition
from shared.core.periods import months_after, period_of
from tests.builders import DAY, HOUR, MINUTE, NOW, a_budget_alert, an_alert, an_incident, told_of

AZURE = "Azure"
MONTH = period_of(Grain.MONTH, NOW)
NEXT_MONTH = period_of(Grain.MONTH, MONTH.end)


def ours(*steps: str, **named: Any) -> Alert:
    return a_budget_alert(*steps, **{"period": MONTH, **named})


def azures(*steps: str, **named: Any) -> Alert:
    return a_budget_alert(*steps, **{"source": AZURE, "ends": MONTH.end, **named})


def opened(alert: Alert, now: datetime = NOW) -> Incident:
    step = advance(None, alert, now, "MW-1")
    assert step is not None
    return step.incident


def changes(step: Advance | None) -> list[str]:
    return [one.change for one in step.transitions] if step else []


@pytest.mark.parametrize("firing", [True, False], ids=["firing", "not firing"])
def test_a_first_alert_opens_when_it_fires_and_is_nothing_otherwise(firing):
    step = advance(None, an_alert(firing=firing), NOW, "MW-1")

    assert changes(step) == (["opened"] if firing else [])
    assert (step is None) is not firing


def test_an_opening_says_what_and_why():
    step = advance(None, ours("actual 80"), NOW, "MW-1")

    assert step is not None
    assert step.transitions == (
        Transition(
            "MW-1",
            1,
            NOW,
            "opened",
            "Budget ai: 81 % of 5,000 USD spent; crossed: actual 80",
            ("actual 80",),
        ),
    )
    assert step.incident.open
    assert step.incident.told == {}


def test_an_alert_that_goes_on_brings_newer_evidence_and_no_transition():
    newer = an_alert(what="throttled share 14 %", since=NOW, at=NOW + HOUR)
    step = advance(opened(an_alert()), newer, NOW + HOUR, "MW-2")

    assert step is not None
    assert step.transitions == ()
    assert step.incident.id == "MW-1"
    assert step.incident.alert.what == "throttled share 14 %"


def test_since_is_the_earliest_that_the_episode_has_seen():
    start = NOW - 2 * HOUR
    incident = opened(an_alert(since=start))
    for since, expected in [(NOW - HOUR, start), (start - MINUTE, start - MINUTE), (NOW, start - MINUTE)]:
        step = advance(incident, an_alert(since=since), NOW, "MW-2")
        assert step is not None
        incident = step.incident
        assert incident.alert.since == expected


def test_since_of_the_next_episode_does_not_reach_into_the_one_before():
    over = advance(opened(an_alert(since=NOW - DAY)), an_alert(firing=False), NOW, "MW-2")
    assert over is not None
    again = advance(over.incident, an_alert(since=NOW + HOUR), NOW + HOUR, "MW-3")

    assert again is not None
    assert again.incident.alert.since == NOW + HOUR


def test_once_critical_it_stays_critical_while_it_fires():
    incident = opened(an_alert())
    heard = []
    for severity in (Severity.CRITICAL, Severity.WARNING, Severity.INFO, Severity.CRITICAL):
        step = advance(incident, an_alert(severity=severity), NOW, "MW-2")
        assert step is not None
        incident = step.incident
        heard.append(changes(step))
        assert incident.alert.severity is Severity.CRITICAL

    assert heard == [["worsened"], [], [], []]


def test_a_recovery_resolves_with_its_reason_and_keeps_owner_and_severity():
    incident = opened(an_alert(owner="search", severity=Severity.CRITICAL))
    calm = an_alert(firing=False, why="not above the limit for 15 min", owner="", severity=Severity.INFO)
    step = advance(incident, calm, NOW + HOUR, "MW-2")

    assert step is not None
    assert (step.incident.state, step.incident.resolved_at) == (State.RESOLVED, NOW + HOUR)
    assert (step.incident.alert.owner, step.incident.alert.severity) == ("search", Severity.CRITICAL)
    assert [(one.change, one.why) for one in step.transitions] == [
        ("resolved", "not above the limit for 15 min")
    ]
    assert advance(step.incident, calm, NOW + 2 * HOUR, "MW-3") is None


def test_the_next_episode_has_a_new_id_nobody_told_and_counts_from_one():
    told = replace(opened(an_alert()), told={"oncall": told_of(an_alert())}, confirmed_by=(AZURE,))
    over = advance(told, an_alert(firing=False), NOW + HOUR, "MW-2")
    assert over is not None
    assert over.incident.told == told.told
    again = advance(over.incident, an_alert(), NOW + 2 * HOUR, "MW-3")

    assert again is not None
    assert again.incident == replace(
        opened(an_alert(), NOW + 2 * HOUR), id="MW-3", opened_at=NOW + 2 * HOUR, transitions=1
    )
    assert [one.number for one in again.transitions] == [1]


def test_an_acknowledged_incident_stays_so_while_it_goes_on_or_gets_worse():
    incident = an_incident(state=State.ACKNOWLEDGED)
    for alert in (an_alert(), an_alert(severity=Severity.CRITICAL)):
        step = advance(incident, alert, NOW, "MW-2")
        assert step is not None
        assert step.incident.state is State.ACKNOWLEDGED


def test_only_the_finder_resolves():
    incident = opened(an_alert())

    assert advance(incident, an_alert(firing=False, source=AZURE), NOW, "MW-2") is None
    assert changes(advance(incident, an_alert(firing=False), NOW, "MW-2")) == ["resolved"]


def test_another_source_confirms_once_and_our_evidence_stays():
    incident = opened(ours("actual 80"))
    late = azures("actual 80", what="Budget ai: Azure says so")
    first = advance(incident, late, NOW + 7 * HOUR, "MW-2")
    assert first is not None

    assert [(one.change, one.why) for one in first.transitions] == [
        ("confirmed", "Azure confirms, 7 h later: Budget ai: Azure says so")
    ]
    assert first.incident.alert == incident.alert
    assert first.incident.confirmed_by == (AZURE,)
    assert advance(first.incident, late, NOW + 8 * HOUR, "MW-3") is None


def test_what_azure_found_first_goes_on_with_our_evidence_and_ends_when_we_find_it_over():
    incident = opened(azures("actual 80", since=NOW - HOUR))
    step = advance(incident, ours("actual 80", "actual 100", what="Budget ai: newer"), NOW + HOUR, "MW-2")
    assert step is not None

    assert changes(step) == ["worsened"]
    taken = step.incident
    assert (taken.alert.what, taken.alert.source) == ("Budget ai: newer", "Meterwatch")
    assert (taken.alert.since, taken.alert.ends) == (NOW - HOUR, None)
    assert taken.confirmed_by == (AZURE,)
    assert advance(taken, azures("actual 80"), NOW + 2 * HOUR, "MW-3") is None
    assert changes(advance(taken, ours(), NOW + 3 * HOUR, "MW-3")) == ["resolved"]


def test_a_step_that_another_source_crossed_first_is_worse_news_all_the_same():
    incident = opened(ours("actual 80"))
    step = advance(incident, azures("actual 100", severity=Severity.CRITICAL), NOW, "MW-2")

    assert step is not None
    assert changes(step) == ["worsened"]
    assert step.transitions[0].steps == ("actual 100",)
    assert step.incident.alert.steps == ("actual 80", "actual 100")
    assert step.incident.alert.severity is Severity.CRITICAL


def test_the_same_crossing_delivered_twice_is_one_incident():
    incident = opened(azures("actual 80"))
    again = advance(incident, azures("actual 80"), NOW + MINUTE, "MW-2")

    assert again is not None
    assert again.transitions == ()
    assert again.incident == incident


def test_a_step_is_not_told_again_in_its_period_after_a_recovery():
    over = advance(opened(ours("actual 80")), ours(), NOW + HOUR, "MW-2")
    assert over is not None

    assert advance(over.incident, ours("actual 80"), NOW + 2 * HOUR, "MW-3") is None
    more = advance(over.incident, ours("actual 80", "actual 100"), NOW + 2 * HOUR, "MW-3")
    assert more is not None
    assert more.transitions[0].steps == ("actual 100",)
    assert more.incident.id == "MW-3"


def test_a_step_is_told_again_in_the_next_period_after_a_recovery():
    over = advance(opened(ours("actual 80")), ours(period=NEXT_MONTH), NEXT_MONTH.start + HOUR, "MW-2")
    assert over is not None
    again = advance(over.incident, ours("actual 80", period=NEXT_MONTH), NEXT_MONTH.start + 2 * HOUR, "MW-3")

    assert changes(again) == ["opened"]


@pytest.mark.parametrize("source", ["Meterwatch", AZURE])
def test_a_next_period_that_is_above_its_step_at_once_is_an_episode_of_its_own(source):
    incident = replace(opened(ours("actual 80")), told={"finops": told_of(ours("actual 80"))})
    alert = {
        "Meterwatch": ours("actual 80", period=NEXT_MONTH),
        AZURE: azures("actual 80", ends=NEXT_MONTH.end),
    }[source]
    step = advance(incident, alert, NEXT_MONTH.start + HOUR, "MW-2")

    assert step is not None
    assert [(one.incident, one.number, one.change) for one in step.transitions] == [
        ("MW-1", 2, "resolved"),
        ("MW-2", 1, "opened"),
    ]
    assert step.closed is not None
    assert (step.closed.id, step.closed.open, step.closed.transitions) == ("MW-1", False, 2)
    assert (step.incident.id, step.incident.told, step.incident.open) == ("MW-2", {}, True)


def test_late_cost_of_a_period_that_azure_told_of_and_that_ended_is_not_told_again():
    over = expire(opened(azures("actual 80")), MONTH.end + 5 * MINUTE)
    assert over is not None

    assert advance(over.incident, ours("actual 80"), MONTH.end + HOUR, "MW-2") is None
    assert changes(advance(over.incident, ours("actual 100"), MONTH.end + HOUR, "MW-2")) == ["opened"]


def test_a_crossing_whose_step_azure_did_not_say_is_told_after_a_recovery():
    over = advance(opened(ours("actual 80")), ours(), NOW + HOUR, "MW-2")
    assert over is not None

    assert changes(advance(over.incident, azures(firing=True), NOW + 2 * HOUR, "MW-3")) == ["opened"]


def test_a_test_is_told_as_such_resolved_from_the_start_and_never_twice():
    alert = an_alert(key="test|1", test=True, kind=Kind.BUDGET, source=AZURE)
    step = advance(None, alert, NOW, "MW-1")

    assert step is not None
    assert changes(step) == ["tested"]
    assert not step.incident.open
    assert advance(step.incident, alert, NOW + HOUR, "MW-2") is None


@pytest.mark.parametrize(
    ("incident", "now", "closes"),
    [
        pytest.param(an_incident(an_alert(ends=NOW)), NOW, True, id="at its end"),
        pytest.param(an_incident(an_alert(ends=NOW)), NOW - timedelta(microseconds=1), False, id="before it"),
        pytest.param(an_incident(an_alert()), NOW + 999 * DAY, False, id="without an end"),
        pytest.param(an_incident(an_alert(ends=NOW), state=State.RESOLVED), NOW, False, id="already over"),
        pytest.param(an_incident(an_alert(ends=NOW), state=State.ACKNOWLEDGED), NOW, True, id="acknowledged"),
    ],
)
def test_an_incident_expires_only_at_its_end(incident, now, closes):
    step = expire(incident, now)

    assert changes(step) == (["resolved"] if closes else [])
    if step is not None:
        assert not step.incident.open
        assert not step.incident.alert.firing
        assert step.incident.alert.since == NOW


STEPS = ("actual 50", "actual 80", "actual 100")
CROSSED = [some for count in range(len(STEPS) + 1) for some in combinations(STEPS, count)]
SEVERITIES = st.sampled_from(list(Severity))


class Life(RuleBasedStateMachine):
    """One budget's key under anything that two sources, time and a restart may bring."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.incident: Incident | None = None
        self.log: list[Transition] = []
        self.count = 0
        self.told: dict[datetime, list[str]] = {}  # by the end of the period

    def take(self, step: Advance | None, alert: Alert | None = None) -> None:
        before = self.incident
        if step is None:
            return
        self.log += step.transitions
        after = step.incident
        if step.closed is not None:
            assert before is not None
            assert before.open
            assert step.closed.id == before.id
        elif before is not None and before.id == after.id:
            assert set(after.alert.steps) >= set(before.alert.steps)
            assert after.alert.severity >= before.alert.severity
            assert after.opened_at == before.opened_at
            assert after.transitions == before.transitions + len(step.transitions)
            assert set(after.confirmed_by) >= set(before.confirmed_by)
            if before.open and not after.open and alert is not None:
                assert alert.source == before.alert.source
        elif before is not None:
            assert not before.open
        if alert is not None:
            end = alert.period.end if alert.period else alert.ends
            assert end is not None
            for change in step.transitions:
                self.told.setdefault(end, []).extend(change.steps)
        self.incident = after

    def hears(self, alert: Alert) -> None:
        self.count += 1
        self.take(advance(self.incident, alert, self.now, f"MW-{self.count}"), alert)

    @rule(span=st.sampled_from([MINUTE, HOUR, 10 * DAY]))
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @rule(steps=st.sampled_from(CROSSED), severity=SEVERITIES)
    def the_poll_judges(self, steps: tuple[str, ...], severity: Severity) -> None:
        period = period_of(Grain.MONTH, self.now)
        self.hears(ours(*steps, severity=severity, period=period, since=self.now, at=self.now))

    @rule(step=st.sampled_from(STEPS), severity=SEVERITIES)
    def azure_pushes(self, step: str, severity: Severity) -> None:
        ends = months_after(period_of(Grain.MONTH, self.now).start, 1)
        self.hears(azures(step, severity=severity, ends=ends, since=self.now, at=self.now))

    @precondition(lambda self: self.incident is not None)
    @rule()
    def somebody_tends(self) -> None:
        assert self.incident is not None
        step = expire(self.incident, self.now)
        if step is not None:
            assert self.incident.alert.ends is not None
            assert self.now >= self.incident.alert.ends
        self.take(step)

    @invariant()
    def every_episode_is_numbered_without_a_gap_opens_first_and_ends_at_most_once(self) -> None:
        episodes: dict[str, list[Transition]] = {}
        for one in self.log:
            episodes.setdefault(one.incident, []).append(one)
        for ones in episodes.values():
            assert [one.number for one in ones] == list(range(1, len(ones) + 1))
            assert [one.change for one in ones].index("opened") == 0
            assert "resolved" not in [one.change for one in ones[:-1]]
            assert sum(one.change == "confirmed" for one in ones) <= 1

    @invariant()
    def the_incident_agrees_with_its_log(self) -> None:
        if self.incident is None:
            assert self.log == []
            return
        last = self.log[-1]
        assert (last.incident, last.number) == (self.incident.id, self.incident.transitions)
        assert (last.change == "resolved") is not self.incident.open
        assert (self.incident.resolved_at is None) is self.incident.open

    @invariant()
    def no_step_is_told_twice_in_a_period(self) -> None:
        assert all(len(steps) == len(set(steps)) for steps in self.told.values())


Life.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
