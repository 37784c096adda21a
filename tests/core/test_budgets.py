"""Budgets, judged and told: the steps of a period, its edges, late and foreign cost."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.budgets import Spend, budget_key, judge_budget, judge_currency, judge_gone, severity_of
from shared.core.forecast import SETTLING
from shared.core.incidents import advance
from shared.core.model import (
    Alert,
    Basis,
    Budget,
    Grain,
    Incident,
    Quantity,
    Reason,
    Severity,
    Threshold,
    Told,
)
from shared.core.periods import period_of
from shared.core.reasons import QUIET, reason_to_tell
from shared.core.routes import Manner
from tests.builders import DAY, HOUR, SUBSCRIPTION, a_budget, a_budget_alert, a_waiting, told_of

FORECAST_100 = Threshold(Decimal(100), Basis.FORECAST)


def at(month: int, day: int, hour: int = 12, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def spend(days: Mapping[datetime, float], now: datetime, **others: float) -> Spend:
    """Cost by day (any hour of it) in USD; others by currency."""
    costs = {day.replace(hour=0): Decimal(str(cost)) for day, cost in days.items()}
    today = now.replace(hour=0)
    return Spend(costs, "USD", now, {unit: {today: Decimal(str(cost))} for unit, cost in others.items()})


def judged(budget: Budget, days: Mapping[datetime, float], now: datetime, **others: float) -> Alert:
    alert = judge_budget(budget, spend(days, now, **others), now)
    assert alert is not None
    return alert


def story(
    budget: Budget, chapters: Iterable[tuple[datetime, Mapping[datetime, float]]]
) -> list[tuple[str, tuple[str, ...]]]:
    """What a channel is told, in order: the reason and the steps, with each chapter's cost by day."""
    incident: Incident | None = None
    told: dict[str, Told] = {}
    heard: list[tuple[str, tuple[str, ...]]] = []
    for number, (now, days) in enumerate(chapters):
        alert = judge_budget(budget, spend(days, now), now)
        step = advance(incident, alert, now, f"MW-{number}") if alert else None
        if step is not None:
            incident = step.incident
            waiting = [a_waiting(incident)] if step.transitions else []
            reason = reason_to_tell(told.get(incident.id), incident, waiting, Manner(), now)
            if reason not in QUIET:
                told[incident.id] = told_of(incident.alert)
                heard.append((reason, incident.alert.steps))
    return heard


def test_a_budget_below_every_step_is_quiet():
    alert = judged(a_budget(80, 100), {at(9, 1): 799.99}, at(9, 8))

    assert not alert.firing
    assert alert.steps == ()
    assert alert.what == "Budget ai: 80 % of 1,000 USD spent"


@pytest.mark.parametrize(
    ("cost", "steps", "severity"),
    [
        pytest.param(799.99, (), Severity.INFO, id="a cent below"),
        pytest.param(800, ("actual 80",), Severity.WARNING, id="exactly at it"),
        pytest.param(999.99, ("actual 80",), Severity.WARNING, id="a cent below all"),
        pytest.param(1000, ("actual 80", "actual 100"), Severity.CRITICAL, id="exactly all"),
        pytest.param(5000, ("actual 80", "actual 100"), Severity.CRITICAL, id="far above"),
        pytest.param(-20, (), Severity.INFO, id="refunded"),
    ],
)
def test_a_step_is_crossed_at_its_amount(cost, steps, severity):
    alert = judged(a_budget(80, 100), {at(9, 1): cost}, at(9, 8))

    assert (alert.steps, alert.severity, alert.firing) == (steps, severity, bool(steps))


def test_each_step_is_told_once_in_a_period_and_once_more_in_the_next():
    days: dict[datetime, float] = {}
    chapters = []
    for day in range(1, 29):
        days = {**days, at(9, day): 40}
        chapters += [(at(9, day, hour), days) for hour in (6, 12, 18)]
    days = {**days, at(10, 1): 900}
    chapters += [(at(10, 1), days), (at(10, 1, 18), days)]

    assert story(a_budget(50, 80, 100), chapters) == [
        (Reason.OPENED, ("actual 50",)),
        (Reason.WORSENED, ("actual 50", "actual 80")),
        (Reason.WORSENED, ("actual 50", "actual 80", "actual 100")),
        (Reason.OPENED, ("actual 50", "actual 80")),
    ]


def test_a_new_period_below_its_steps_ends_what_the_last_one_crossed():
    heard = story(
        a_budget(80),
        [
            (at(9, 30), {at(9, 29): 900}),
            (at(10, 1, 6), {at(9, 29): 900, at(9, 30): 20}),
            (at(10, 1, 20), {at(9, 29): 900, at(9, 30): 40, at(10, 1): 5}),
        ],
    )

    assert [reason for reason, _ in heard] == [Reason.OPENED, Reason.RESOLVED]


def test_a_correction_of_the_bill_resolves_and_does_not_tell_the_step_again():
    heard = story(
        a_budget(80, 100),
        [
            (at(9, 8), {at(9, 7): 810}),
            (at(9, 9), {at(9, 7): 790}),
            (at(9, 10), {at(9, 7): 790, at(9, 9): 50}),
            (at(9, 11), {at(9, 7): 790, at(9, 9): 50, at(9, 10): 300}),
        ],
    )

    assert heard == [
        (Reason.OPENED, ("actual 80",)),
        (Reason.RESOLVED, ("actual 80",)),
        (Reason.OPENED, ("actual 80", "actual 100")),
    ]


def test_a_forecast_that_swings_about_its_step_is_told_once():
    budget = a_budget(thresholds=(FORECAST_100,))
    chapters = []
    for swing in range(10):
        days = {at(9, day): 33.4 if swing % 2 == 0 else 33.2 for day in range(1, 12)}
        chapters.append((at(9, 15, swing), days))

    assert [reason for reason, _ in story(budget, chapters)] == [Reason.OPENED, Reason.RESOLVED]


def test_cost_of_the_last_day_that_arrives_after_the_month_is_still_told():
    late = {at(9, 29): 700, at(9, 30): 350}
    alert = judged(a_budget(100), late, at(10, 1, 7))

    assert alert.steps == ("actual 100",)
    assert alert.period == period_of(Grain.MONTH, at(9, 1))


def test_late_cost_of_an_old_period_gives_way_to_the_first_cost_of_the_new_one():
    alert = judged(a_budget(100), {at(9, 30): 1500, at(10, 1): 1}, at(10, 1, 20))

    assert not alert.firing
    assert alert.seen == Quantity(Decimal(1), "USD")
    assert alert.why == "spend is below every threshold of the period that began Thu 1 Oct 00:00 UTC"


def test_cost_that_is_dated_after_now_does_not_begin_its_period():
    alert = judged(a_budget(80), {at(9, 29): 900, at(10, 1): 1}, at(9, 30, 23))

    assert alert.steps == ("actual 80",)


def test_a_period_that_ended_long_ago_is_judged_no_more():
    days = {at(9, 30): 1500.0}
    end = at(10, 1, 0)

    assert judge_budget(a_budget(100), spend(days, end), end + SETTLING - HOUR) is not None
    assert judge_budget(a_budget(100), spend(days, end), end + SETTLING) is None


def test_a_daily_budget_is_judged_though_its_day_is_known_only_on_the_next():
    budget = a_budget(100, grain=Grain.DAY)
    heard = story(
        budget,
        [
            (at(9, 8, 23), {at(9, 7): 900}),
            (at(9, 9, 5), {at(9, 7): 900, at(9, 8): 1200}),
            (at(9, 9, 9), {at(9, 7): 900, at(9, 8): 1300}),
            (at(9, 10, 5), {at(9, 7): 900, at(9, 8): 1300, at(9, 9): 1100}),
            (at(9, 11, 5), {at(9, 8): 1300, at(9, 9): 1100, at(9, 10): 20}),
        ],
    )

    assert [reason for reason, _ in heard] == [Reason.OPENED, Reason.OPENED, Reason.RESOLVED]


@pytest.mark.parametrize(
    ("grain", "now", "inside", "outside"),
    [
        pytest.param(Grain.MONTH, at(9, 30, 23), at(9, 1), at(8, 31), id="last hour of a month"),
        pytest.param(Grain.MONTH, at(2, 29, year=2028), at(2, 1, year=2028), at(1, 31, year=2028), id="leap"),
        pytest.param(Grain.MONTH, at(1, 1, year=2027), at(1, 1, year=2027), at(12, 31), id="new year"),
        pytest.param(Grain.YEAR, at(12, 31), at(1, 1), at(12, 31, year=2025), id="year"),
        pytest.param(Grain.QUARTER, at(12, 31), at(10, 1), at(9, 30), id="quarter"),
        pytest.param(Grain.WEEK, at(9, 13), at(9, 7), at(9, 6), id="week"),
        pytest.param(Grain.DAY, at(9, 13), at(9, 13), at(9, 12), id="day"),
    ],
)
def test_only_cost_of_the_period_counts(grain, now, inside, outside):
    alert = judged(a_budget(grain=grain), {now: 1, inside: 500, outside: 5000}, now)

    assert alert.seen == Quantity(Decimal(500 if inside.date() == now.date() else 501), "USD")
    assert not alert.firing


def test_the_last_second_of_a_month_counts_to_it():
    last = datetime(2026, 9, 30, 23, 59, 59, 999_999, tzinfo=UTC)
    alert = judged(a_budget(80), {at(9, 30): 900, at(8, 31): 5000}, last)

    assert alert.seen == Quantity(Decimal(900), "USD")
    assert alert.period == period_of(Grain.MONTH, last)


def test_without_any_cost_nothing_is_said():
    assert judge_budget(a_budget(), spend({}, at(9, 8)), at(9, 8)) is None
    assert judge_budget(a_budget(), spend({}, at(9, 8), EUR=900), at(9, 8)) is None
    assert judge_budget(a_budget(), spend({at(7, 3): 5000}, at(9, 8)), at(9, 8)) is None


def test_cost_in_another_currency_is_named_and_not_counted():
    alert = judged(a_budget(80), {at(9, 7): 100}, at(9, 8), EUR=9000)

    assert not alert.firing
    assert alert.seen == Quantity(Decimal(100), "USD")
    assert ("Not counted", "9,000 EUR, billed in another currency") in [
        (one.label, one.text) for one in alert.details
    ]


def test_a_forecast_needs_enough_days_and_says_so_by_silence():
    budget = a_budget(thresholds=(FORECAST_100,))
    few = judged(budget, {at(9, day): 300 for day in range(1, 3)}, at(9, 6))
    enough = judged(budget, {at(9, day): 100 for day in range(1, 7)}, at(9, 9))

    assert not few.firing
    assert few.what == "Budget ai: 60 % of 1,000 USD spent"
    assert enough.steps == ("forecast 100",)
    assert enough.severity is Severity.WARNING
    assert enough.what == "Budget ai: 60 % of 1,000 USD spent, 300 % expected by the month's end"


def test_a_breach_is_dated_by_the_day_that_reached_its_lowest_step():
    days = {at(9, day): 100 for day in range(1, 12)}

    assert judged(a_budget(50, 80, 100), days, at(9, 12)).since == at(9, 5, 0)
    assert judged(a_budget(thresholds=(FORECAST_100,)), days, at(9, 12)).since == at(9, 12)


def test_an_alert_says_what_was_crossed_and_up_to_when_the_data_reaches():
    now = at(9, 8)
    alert = judged(a_budget(80, 100), {at(9, 7): 1000}, now)

    assert alert.why == "crossed: 80 % actual, 100 % actual"
    assert alert.as_of == now
    assert alert.against == Quantity(Decimal(1000), "USD")
    assert alert.details[0].text == "Tue 1 Sep 00:00 UTC to Thu 1 Oct 00:00 UTC"


@pytest.mark.parametrize(
    ("percent", "basis", "severity"),
    [
        (50, Basis.ACTUAL, Severity.INFO),
        (79, Basis.ACTUAL, Severity.INFO),
        (80, Basis.ACTUAL, Severity.WARNING),
        (100, Basis.ACTUAL, Severity.CRITICAL),
        (100, Basis.FORECAST, Severity.WARNING),
        (50, Basis.FORECAST, Severity.INFO),
    ],
)
def test_the_severity_of_a_step(percent, basis, severity):
    assert severity_of(Threshold(Decimal(percent), basis)) is severity


@pytest.mark.parametrize(
    ("written", "step"),
    [("80", "actual 80"), ("80.00", "actual 80"), ("1E+2", "actual 100"), ("7.50", "actual 7.5")],
)
def test_a_step_has_one_name_however_its_percent_is_written(written, step):
    assert Threshold(Decimal(written)).step == step


def test_a_budget_is_the_same_whoever_writes_its_name():
    assert budget_key("/Subscriptions/ABC/ ", " AI ") == budget_key("/subscriptions/abc", "ai")
    assert budget_key("/subscriptions/abc", "ai") != budget_key("/subscriptions/abd", "ai")


def test_azure_and_the_poll_find_one_crossing():
    now = at(9, 8)
    scope = f"/subscriptions/{SUBSCRIPTION}"
    pushed = a_budget_alert("actual 80", key=budget_key(scope, "AI"), source="Azure", ends=at(10, 1, 0))
    polled = judged(a_budget(80), {at(9, 7): 900}, now)
    first = advance(None, polled, now, "MW-1")
    assert first is not None
    second = advance(first.incident, pushed, now + HOUR, "MW-2")

    assert second is not None
    assert [one.change for one in second.transitions] == ["confirmed"]
    assert second.incident.id == "MW-1"


@given(st.lists(st.integers(0, 400), min_size=1, max_size=60), st.integers(1, 24))
def test_over_any_bill_a_step_is_told_at_most_once_in_each_month(costs, hour):
    days: dict[datetime, float] = {}
    chapters = []
    for index, cost in enumerate(costs):
        days = {**days, at(9, 1, 0) + index * DAY: cost}
        chapters.append((at(9, 1, 0) + index * DAY + timedelta(hours=hour), days))
    told: dict[datetime, list[str]] = {}
    incident: Incident | None = None
    budget = a_budget(50, 80, 100)
    for number, (now, so_far) in enumerate(chapters):
        alert = judge_budget(budget, spend(so_far, now), now)
        step = advance(incident, alert, now, f"MW-{number}") if alert else None
        if step is None:
            continue
        incident = step.incident
        period = incident.alert.period
        assert period is not None
        for change in step.transitions:
            told.setdefault(period.start, []).extend(change.steps)

    assert all(len(steps) == len(set(steps)) for steps in told.values())
    for start, steps in told.items():
        total = sum(cost for day, cost in days.items() if day in period_of(Grain.MONTH, start))
        expected = {f"actual {one}" for one in (50, 80, 100) if total >= 10 * one}
        assert set(steps) == expected


def test_only_what_was_billed_elsewhere_in_the_period_is_not_counted():
    elsewhere = {
        "EUR": {at(8, 31, 0): Decimal(500), at(9, 2, 0): Decimal(7)},
        "GBP": {at(8, 3, 0): Decimal(9)},
    }
    alert = judge_budget(
        a_budget(80), Spend({at(9, 7, 0): Decimal(100)}, "USD", at(9, 8), elsewhere), at(9, 8)
    )

    assert alert
    assert [one.text for one in alert.details if one.label == "Not counted"] == [
        "7.00 EUR, billed in another currency"
    ]


def test_a_budget_in_a_currency_that_nothing_is_billed_in_is_told_as_such():
    alert = judge_currency(a_budget(80), spend({}, at(9, 8), EUR=900, GBP=1), at(9, 8))

    assert alert.firing
    assert alert.what == "Budget ai is in USD, but all that it covers is billed in EUR and GBP"
    assert alert.key != budget_key(a_budget().scope, "ai")


@pytest.mark.parametrize("days", [{at(9, 7): 1}, {at(8, 1): 1}], ids=["now", "before"])
def test_a_budget_of_which_something_counts_is_in_a_currency_that_is_billed(days):
    alert = judge_currency(a_budget(80), spend(days, at(9, 8), EUR=900), at(9, 8))
    assert (alert.firing, alert.what) == (False, "Budget ai counts what is billed in USD")


def test_a_scope_without_any_bill_says_nothing_of_its_currency():
    assert not judge_currency(a_budget(80), spend({}, at(9, 8)), at(9, 8)).firing


def test_a_budget_that_is_gone_holds_no_more():
    incident = advance(None, judged(a_budget(80), {at(9, 1): 900}, at(9, 8)), at(9, 8), "MW-1")
    assert incident
    over = advance(incident.incident, judge_gone("AI", a_budget().scope, at(9, 9)), at(9, 9), "MW-2")

    assert over
    assert not over.incident.open


def test_a_year_may_count_from_any_month():
    fiscal = a_budget(80, grain=Grain.YEAR, begins=7)
    days = {at(6, 30): 5000, at(7, 1): 700, at(9, 7): 200}
    alert = judged(fiscal, days, at(9, 8))

    assert alert.period == period_of(Grain.YEAR, at(9, 8), 7)
    assert alert.seen == Quantity(Decimal(900), "USD")
