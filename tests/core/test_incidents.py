"""The life of an alert's key: single rules as stories, and all of them together as a state machine."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.core.flapping import CALM, FLIPS, is_flapping
from shared.core.forecast import SETTLING
from shared.core.incidents import Advance, Patience, acknowledge, advance, close, expire, noted
from shared.core.model import Alert, Grain, Incident, Kind, Period, Quantity, Severity, State, Transition
from shared.core.periods import months_after, period_of
from tests.builders import DAY, HOUR, MINUTE, NOW, ONCALL, a_budget_alert, an_alert, an_incident

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
            seen=Quantity(Decimal(4050), "USD"),
            against=Quantity(Decimal(5000), "USD"),
        ),
    )
    assert step.incident.open
    assert step.incident.addresses == ()


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
    told = replace(opened(an_alert()), addresses=(ONCALL,), confirmed_by=(AZURE,), acknowledged_by="ada")
    over = advance(told, an_alert(firing=False), NOW + HOUR, "MW-2")
    assert over is not None
    assert over.incident.addresses == told.addresses
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
    incident = replace(opened(ours("actual 80")), addresses=(ONCALL,))
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
    assert step.closed.addresses == (ONCALL,)
    assert (step.incident.id, step.incident.addresses, step.incident.open) == ("MW-2", (), True)


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
        pytest.param(an_incident(an_alert(ends=NOW), state=State.PENDING), NOW, True, id="pending"),
        pytest.param(
            an_incident(ours("actual 80", period=Period(NOW - DAY, NOW - SETTLING))), NOW, True, id="settled"
        ),
        pytest.param(
            an_incident(ours("actual 80", period=Period(NOW - DAY, NOW - HOUR))), NOW, False, id="settling"
        ),
    ],
)
def test_an_incident_expires_only_at_its_end(incident, now, closes):
    step = expire(incident, now)

    assert changes(step) == (["resolved"] if closes else [])
    if step is not None:
        assert not step.incident.open
        assert not step.incident.alert.firing
        assert step.incident.alert.since == NOW


# Pending, and kept for a while

SLOW = {Kind.LIMIT: Patience(pending=10 * MINUTE, samples=3)}
KEPT = {Kind.LIMIT: Patience(keep=15 * MINUTE)}


def story(
    patience: Mapping[Kind, Patience], *heard: tuple[int, Alert], before: Incident | None = None
) -> tuple[Incident | None, list[tuple[int, str]]]:
    """The incident after alerts that came so many minutes after `NOW`, and its changes by minute."""
    incident, seen = before, []
    for minute, alert in heard:
        step = advance(incident, alert, NOW + minute * MINUTE, f"MW-{minute}", patience)
        seen += [(minute, change) for change in changes(step)]
        incident = step.incident if step else incident
    return incident, seen


def sample(minute: int, firing: bool = True, **named: Any) -> Alert:
    """Evidence of that minute."""
    return an_alert(firing=firing, at=NOW + minute * MINUTE, **named)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param([(0, 0), (5, 5), (10, 10)], [(0, "pending"), (10, "opened")], id="long and often"),
        pytest.param([(0, 0), (5, 5)], [(0, "pending")], id="not long enough"),
        pytest.param([(0, 0), (1, 1), (2, 2), (9, 9)], [(0, "pending")], id="often, not long enough"),
        pytest.param([(0, 0), (10, 10)], [(0, "pending")], id="long, not often enough"),
        pytest.param([(0, 0), (5, 0), (10, 0), (60, 0)], [(0, "pending")], id="no fresh sample"),
    ],
)
def test_what_must_hold_for_a_time_and_in_fresh_samples_is_pending_until_then(heard, expected):
    incident, seen = story(SLOW, *[(minute, sample(evidence)) for minute, evidence in heard])

    assert seen == expected
    assert incident is not None
    assert incident.open is ("opened" in dict(map(reversed, expected)))


def test_what_clears_while_it_is_pending_was_never_open():
    incident, seen = story(SLOW, (0, sample(0)), (5, sample(5, firing=False)), (10, sample(10)))

    assert seen == [(0, "pending"), (5, "cleared"), (10, "pending")]
    assert incident is not None
    assert (incident.state, incident.samples) == (State.PENDING, 1)


def test_another_source_does_not_clear_what_is_pending():
    _, seen = story(SLOW, (0, sample(0)), (5, sample(5, firing=False, source=AZURE)))

    assert seen == [(0, "pending")]


def test_what_is_kept_is_over_only_when_it_has_not_held_for_so_long():
    incident, seen = story(
        KEPT,
        (0, sample(0)),
        (5, sample(5, firing=False)),
        (10, sample(10)),
        (15, sample(15, firing=False)),
        (25, sample(25, firing=False)),
        (30, sample(30, firing=False)),
    )

    assert seen == [(0, "opened"), (30, "resolved")]
    assert incident is not None
    assert incident.clear_since is None


def test_absence_resolves_nothing_however_long_it_lasts():
    incident, _ = story(KEPT, (0, sample(0)), (5, sample(5, firing=False)))
    assert incident is not None

    assert expire(incident, NOW + 999 * DAY) is None
    assert incident.open


# Flapping


def flapping(times: int) -> tuple[Incident | None, list[tuple[int, str]]]:
    """Fires and is over, so many times, ten minutes apart."""
    heard = [(10 * index, sample(10 * index, firing=index % 2 == 0)) for index in range(2 * times)]
    return story({}, *heard)


def test_what_fires_again_soon_and_often_is_flapping_and_told_no_more_until_it_is_calm():
    incident, seen = flapping(8)
    episodes = [minute for minute, change in seen if change == "opened"]

    assert len(episodes) == FLIPS + 1
    assert incident is not None
    assert is_flapping(incident, NOW + 150 * MINUTE)
    assert incident.open
    calm = 160 + int(CALM / MINUTE)
    _, later = story(
        {}, (160, sample(160, firing=False)), (calm, sample(calm, firing=False)), before=incident
    )
    assert later == [(calm, "resolved")]


def test_an_opening_says_that_it_is_flapping():
    incident, _ = flapping(FLIPS)
    assert incident is not None
    step = advance(incident, sample(60), NOW + HOUR, "MW-9", {})

    assert step is not None
    assert step.transitions[0].why.endswith("; flapping: 4 times of late")


def test_what_goes_on_flapping_stays_so():
    incident, _ = flapping(40)

    assert incident is not None
    assert is_flapping(incident, NOW + 800 * MINUTE)
    assert len(incident.flips) < 40


def test_what_fires_again_after_hours_is_not_flapping():
    heard = [(90 * index, sample(90 * index, firing=index % 2 == 0)) for index in range(16)]
    incident, seen = story({}, *heard)

    assert len(seen) == 16
    assert incident is not None
    assert incident.flips == ()


# Why it is over


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        pytest.param(
            an_alert(),
            an_alert(firing=False, against=Quantity(Decimal(20), "percent"), why="not above the limit"),
            "the rule was changed from 5 % to 20 %",
            id="a limit was raised",
        ),
        pytest.param(
            an_alert(),
            an_alert(
                firing=False,
                seen=Quantity(Decimal(1), "percent"),
                against=Quantity(Decimal(20), "percent"),
                why="not above the limit",
            ),
            "not above the limit",
            id="a limit was raised, and it had recovered by the old one too",
        ),
        pytest.param(
            ours("actual 80"),
            ours(against=Quantity(Decimal(9000), "USD"), why="spend is below every threshold"),
            "the rule was changed from 5,000 USD to 9,000 USD",
            id="a budget was raised",
        ),
        pytest.param(
            ours("actual 80"),
            ours(seen=Quantity(Decimal(3000), "USD"), why="spend is below every threshold"),
            "data corrected: 4,050 USD became 3,000 USD",
            id="a bill was corrected",
        ),
        pytest.param(
            ours("forecast 100"),
            ours(seen=Quantity(Decimal(4100), "USD"), why="spend is below every threshold"),
            "spend is below every threshold",
            id="a forecast fell",
        ),
        pytest.param(
            ours("actual 80"),
            ours(period=NEXT_MONTH, seen=Quantity(Decimal(3), "USD"), why="spend is below every threshold"),
            "spend is below every threshold",
            id="the next period began",
        ),
        pytest.param(
            an_alert(),
            an_alert(
                firing=False, seen=Quantity(Decimal(1), "percent"), why="not above the limit for 15 min"
            ),
            "not above the limit for 15 min",
            id="it recovered",
        ),
    ],
)
def test_why_it_is_over(before, after, why):
    step = advance(opened(before), after, NOW + HOUR, "MW-2")

    assert step is not None
    assert [(one.change, one.why) for one in step.transitions] == [("resolved", why)]
    assert step.incident.alert.why == why


# What people do


def test_who_acknowledges_has_it_once():
    step = acknowledge(opened(an_alert()), "ada", "", NOW + MINUTE)

    assert step is not None
    assert (step.incident.state, step.incident.acknowledged_by) == (State.ACKNOWLEDGED, "ada")
    assert [(one.change, one.by, one.why) for one in step.transitions] == [
        ("acknowledged", "ada", "somebody has it")
    ]
    assert acknowledge(step.incident, "bob", "me too", NOW + HOUR) is None


@pytest.mark.parametrize("state", [State.PENDING, State.RESOLVED], ids=str)
def test_nobody_acknowledges_what_is_not_open(state):
    assert acknowledge(an_incident(state=state), "ada", "", NOW) is None


def test_what_a_person_closes_says_who_and_why_and_keeps_its_evidence():
    step = close(opened(an_alert()), "a known test", NOW + HOUR, by="ada")

    assert step.incident.state is State.RESOLVED
    assert step.incident.alert.seen == an_alert().seen
    (change,) = step.transitions
    assert (change.change, change.by, change.why, change.number) == ("resolved", "ada", "a known test", 2)


def test_what_is_noted_leaves_the_incident_as_it_stands():
    incident = opened(an_alert())
    step = noted(incident, "silenced", "deploying", "ada", NOW + HOUR)

    assert step.incident == replace(incident, transitions=2)
    assert [(one.number, one.change, one.by) for one in step.transitions] == [(2, "silenced", "ada")]


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
            period = self.incident.alert.period
            ends = self.incident.alert.ends or (period.end + SETTLING if period else None)
            assert ends is not None
            assert self.now >= ends
        self.take(step)

    @invariant()
    def every_episode_is_numbered_without_a_gap_opens_first_and_ends_at_most_once(self) -> None:
        episodes: dict[str, list[Transition]] = {}
        for one in self.log:
            episodes.setdefault(one.incident, []).append(one)
        for ones in episodes.values():
            assert [one.number for one in ones] == list(range(1, len(ones) + 1))
            assert ones[0].change == "opened"
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
