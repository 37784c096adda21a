import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from shared.core.anomalies import TOKENS, anomaly_key, judge_tokens, learn_hours, tokens, whole_hours
from shared.core.baseline import Baseline, learn
from shared.core.incidents import advance
from shared.core.model import (
    REQUESTS_OK,
    TOKENS_IN,
    TOKENS_OUT,
    Alert,
    Quantity,
    Reading,
    Scope,
    Sensitivity,
    Severity,
)
from tests.builders import ACCOUNT, CHAT, DAY, HOUR, MINUTE, MONDAY, a_reading, a_series, hours_of

GRAIN = 5 * MINUTE
AFTER = MONDAY + 21 * DAY
USUAL = 1_200_000  # tokens an hour, always: then what is off by less than 15 % is nobody's concern
SENSITIVITY = Sensitivity()


def steady(usual: float = USUAL, weeks: int = 3) -> Baseline:
    found = learn(None, hours_of(MONDAY, weeks * 168, lambda at: usual))
    assert found is not None
    return found


def an_hour(value: float, end: datetime = AFTER + HOUR) -> list[Reading]:
    """One hour in parts of five minutes."""
    return a_series(end - HOUR, [value / 12] * 12, GRAIN, TOKENS)


def judged(recent: Sequence[Reading], sensitivity: Sensitivity = SENSITIVITY) -> Alert | None:
    return judge_tokens(steady(), recent, sensitivity)


@pytest.mark.parametrize(
    ("factor", "firing", "severity"),
    [
        pytest.param(1.0, False, Severity.INFO, id="usual"),
        pytest.param(1.06, False, Severity.INFO, id="a little more"),
        pytest.param(0.94, False, Severity.INFO, id="a little less"),
        pytest.param(1.12, None, None, id="between calm and firing"),
        pytest.param(0.88, None, None, id="between, below"),
        pytest.param(1.31, True, Severity.WARNING, id="too much"),
        pytest.param(1.98, True, Severity.WARNING, id="far too much"),
        pytest.param(2.01, True, Severity.CRITICAL, id="grave"),
        pytest.param(0.69, True, Severity.WARNING, id="too little"),
        pytest.param(0.0, True, Severity.WARNING, id="nothing at all"),
    ],
)
def test_an_hour_against_its_usual(factor, firing, severity):
    alert = judged(an_hour(USUAL * factor))

    assert (alert.firing if alert else None) is firing
    assert (alert.severity if alert else None) is severity


@pytest.mark.parametrize(
    ("extra", "firing"),
    [(20_000, False), (30_000, None), (49_000, None), (51_000, True)],
    ids=["a trifle", "half of what is told", "nearly", "told"],
)
def test_a_small_deployment_is_told_of_only_when_enough_is_at_stake(extra, firing):
    alert = judge_tokens(steady(1000), an_hour(1000 + extra), SENSITIVITY)

    assert (alert.firing if alert else None) is firing


def test_an_anomaly_about_the_least_amount_does_not_flap():
    baseline, incident, changes = steady(0), None, []
    for index, value in enumerate([60_000, 49_000, 51_000, 48_000, 52_000, 20_000]):
        alert = judge_tokens(baseline, an_hour(value), SENSITIVITY)
        step = advance(incident, alert, AFTER + index * GRAIN, f"MW-{index}", {}) if alert else None
        if step is not None:
            incident = step.incident
            changes += [(index, one.change) for one in step.transitions]

    assert changes == [(0, "opened"), (5, "resolved")]


def test_without_history_nothing_is_said():
    young = learn(None, hours_of(MONDAY, 71, lambda at: USUAL))
    assert young is not None

    assert judge_tokens(young, an_hour(9e9), SENSITIVITY) is None
    assert judge_tokens(young, an_hour(USUAL), SENSITIVITY) is None


def test_without_recent_readings_nothing_is_said():
    assert judged([]) is None


def part(*values: float | None) -> list[Reading]:
    """An hour in parts of five minutes, in usual amounts of it; None is absent."""
    parts = [None if value is None else value * USUAL / 12 for value in values]
    return a_series(AFTER, parts, GRAIN, TOKENS)


@pytest.mark.parametrize(
    ("recent", "firing"),
    [
        pytest.param(part(1, *[None] * 5, 1, 1, 1, 1, 1, 1), None, id="half absent: idle, or late"),
        pytest.param(part(1, 1, 1, None, 1, 1, 1, 1, 1, 1, 1, 1), False, id="one absent, else usual"),
        pytest.param(part(1, 1, 1, None, 2, 2, 2, 2, 2, 2, 2, 2), True, id="one absent, else far too much"),
        pytest.param(part(0, 0, 0, None, 0, 0, 0, 0, 0, 0, 0, 0), True, id="one absent, else nothing"),
        pytest.param(part(*[None, 2] * 6), None, id="twice the usual, half of the time"),
        pytest.param(part(*[None, 8] * 6), True, id="far too much, half of the time"),
        pytest.param(part(None, *[9] * 5), None, id="less than half an hour"),
    ],
)
def test_absent_parts_of_an_hour_may_be_idle_or_late(recent, firing):
    alert = judged(recent)

    assert (alert.firing if alert else None) is firing


def test_what_is_too_much_if_the_rest_is_late_and_too_little_if_it_was_idle_is_not_told():
    assert judged(part(*[None, 1.45] * 6), Sensitivity(score=3)) is None
    assert judged(part(*[None, 2.6] * 6), Sensitivity(score=3)) is not None


def test_only_the_newest_hour_counts():
    recent = [*an_hour(50 * USUAL, AFTER + HOUR), *an_hour(USUAL, AFTER + 2 * HOUR)]
    alert = judged(recent)

    assert alert is not None
    assert not alert.firing


def test_an_alert_says_how_much_against_what_and_how_far_off():
    alert = judged(an_hour(3 * USUAL))

    assert alert is not None
    assert alert.what == "chat-prod in aoai-search used 3.6M tokens in the last hour, 3.0 times its usual"
    assert (alert.seen, alert.against) == (
        Quantity(Decimal(3 * USUAL), "tokens"),
        Quantity(Decimal(USUAL), "tokens"),
    )
    assert alert.why == "far above its usual for this time of the week"
    assert [(one.label, one.text) for one in alert.details] == [
        ("Usual", "1M tokens to 1.4M tokens"),
        ("Distance", "12.1 times as far off as its past leads to expect"),
    ]
    assert (alert.since, alert.as_of) == (AFTER, AFTER + HOUR)


@pytest.mark.parametrize(
    ("usual", "seen", "text"),
    [
        (0, 200_000, "200k tokens in the last hour, usually none"),
        (USUAL, 1.5 * USUAL, "1.8M tokens in the last hour, +50 % against its usual"),
        (USUAL, 0.5 * USUAL, "600k tokens in the last hour, -50 % against its usual"),
        (USUAL, 0, "0 tokens in the last hour, -100 % against its usual"),
    ],
)
def test_the_comparison_in_words(usual, seen, text):
    alert = judge_tokens(steady(usual), an_hour(seen), SENSITIVITY)

    assert alert is not None
    assert alert.what == f"chat-prod in aoai-search used {text}"


def test_days_that_crept_up_are_told_as_such():
    """Its hours vary too much for any of them to say it; three days together do not."""
    chance = random.Random(5)
    baseline = learn(None, hours_of(MONDAY, 3 * 168, lambda at: USUAL * chance.uniform(0.5, 1.5)))
    told = []
    for hour in hours_of(AFTER, 5 * 24, lambda at: USUAL * 1.4 * chance.uniform(0.8, 1.2)):
        baseline = learn(baseline, [hour])
        assert baseline is not None
        told.append(judge_tokens(baseline, an_hour(1.4 * USUAL, hour.end + HOUR), SENSITIVITY))
    firing = [alert for alert in told if alert is not None and alert.firing]

    assert firing
    assert "in the last day" in firing[0].what or "in the last 3 days" in firing[0].what
    assert firing[0].since <= firing[0].at - DAY


def test_sensitivity_is_the_callers():
    hour = an_hour(1.31 * USUAL)
    keen, dull = judged(hour, Sensitivity(score=2)), judged(hour, Sensitivity(score=50))

    assert keen is not None
    assert dull is not None
    assert (keen.firing, dull.firing) == (True, False)


def test_a_spike_is_told_once_and_resolved_when_it_is_calm():
    baseline, incident, changes = steady(), None, []
    values = [USUAL] * 20 + [5 * USUAL] * 6 + [USUAL] * 20
    series = a_series(AFTER, [value / 12 for value in values], GRAIN, TOKENS)
    for count in range(12, len(series) + 1):
        alert = judge_tokens(baseline, series[:count], SENSITIVITY)
        step = advance(incident, alert, series[count - 1].end, f"MW-{count}") if alert else None
        if step is not None:
            incident = step.incident
            changes += [one.change for one in step.transitions]

    assert changes == ["opened", "worsened", "resolved"]


def test_the_firing_and_the_calm_alert_are_of_one_key():
    firing, calm = judged(an_hour(3 * USUAL)), judged(an_hour(USUAL))

    assert firing is not None
    assert calm is not None
    assert firing.key == calm.key == anomaly_key(CHAT)
    assert anomaly_key(CHAT) != anomaly_key(Scope(ACCOUNT, "embeddings"))


def test_tokens_in_and_out_count_together_by_deployment_and_time():
    other = Scope(ACCOUNT, "embeddings")
    readings = [
        a_reading(AFTER + GRAIN, 5, GRAIN),
        a_reading(AFTER, 10, GRAIN, meter=TOKENS_IN),
        a_reading(AFTER, 4, GRAIN, meter=TOKENS_OUT),
        a_reading(AFTER, 99, GRAIN, meter=REQUESTS_OK),
        a_reading(AFTER, 7, GRAIN, scope=other, meter=TOKENS_IN),
    ]
    found = tokens(readings)

    assert {scope: [(one.start, int(one.value)) for one in ones] for scope, ones in found.items()} == {
        CHAT: [(AFTER, 14), (AFTER + GRAIN, 5)],
        other: [(AFTER, 7)],
    }
    assert {one.meter for ones in found.values() for one in ones} == {TOKENS}


def test_only_hours_that_are_whole_are_taken():
    start = AFTER + 50 * MINUTE
    series = a_series(start, [1] * 2 + [2] * 12 + [3] * 5 + [None] + [3] * 6 + [4] * 11, GRAIN)

    assert [(one.start, one.end, int(one.value)) for one in whole_hours(series)] == [
        (AFTER + HOUR, AFTER + 2 * HOUR, 24)
    ]


def test_an_hour_read_as_one_is_whole():
    series = a_series(AFTER, [5, None, 7])

    assert [one.value for one in whole_hours(series)] == [5, 7]
    assert whole_hours([]) == []


def test_a_whole_hour_is_known_when_its_last_part_is():
    series = [replace(one, as_of=one.end) for one in a_series(AFTER, [1] * 12, GRAIN)]

    assert [one.as_of for one in whole_hours(series)] == [AFTER + HOUR]


def test_an_hour_is_learnt_when_it_is_whole_and_settled():
    series = {CHAT: a_series(MONDAY, [1.0] * 30, 5 * MINUTE)}  # two hours and a half

    unsettled = learn_hours({}, series, MONDAY + 2 * HOUR - MINUTE)
    settled = learn_hours({}, series, MONDAY + 4 * HOUR)

    assert unsettled[CHAT].upto == MONDAY + HOUR
    assert settled[CHAT].upto == MONDAY + 2 * HOUR


def test_only_baselines_that_an_hour_changed_are_answered():
    series = {CHAT: a_series(MONDAY, [1.0] * 12, 5 * MINUTE)}
    learnt = learn_hours({}, series, MONDAY + DAY)

    assert learn_hours(learnt, series, MONDAY + DAY) == {}
    assert learn_hours({}, {CHAT: series[CHAT][:6]}, MONDAY + DAY) == {}
