from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.incidents import advance
from shared.core.limits import LEAST_REQUESTS, STALE, judge_limit, judge_limits, shares
from shared.core.model import (
    FAILED_SHARE,
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_THROTTLED,
    THROTTLED_SHARE,
    TOKENS_IN,
    Meter,
    Quantity,
    Reading,
    Scope,
)
from tests.builders import ACCOUNT, CHAT, HOUR, MINUTE, NOW, a_limit, a_reading, a_series

GRAIN = 5 * MINUTE
SECOND = timedelta(seconds=1)


def told(*values: float | None) -> list[Reading]:
    """Throttled shares of five minutes each, the newest ending now."""
    return a_series(NOW - len(values) * GRAIN, values, GRAIN, THROTTLED_SHARE)


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        pytest.param((6, 7, 8), True, id="above for the whole hold"),
        pytest.param((1, 6, 7, 8), True, id="above since just so long"),
        pytest.param((6, 7), None, id="above, not long enough"),
        pytest.param((1, 7, 8), None, id="between: one reading below"),
        pytest.param((7, 7, 1), None, id="between: the newest below"),
        pytest.param((6, 6, 6, 1, 1, 1), False, id="recovered"),
        pytest.param((5, 5, 5), False, id="exactly at the limit is not above"),
        pytest.param((5.001, 5.001, 5.001), True, id="just above"),
        pytest.param((6, None, 7, 8), None, id="a hole in the hold"),
        pytest.param((6, 7, None, 8), None, id="a hole before the newest"),
        pytest.param((6, None, 6, 7, 8), True, id="a hole before the hold"),
        pytest.param((1, None, 1, 1), None, id="a hole in the recovery"),
        pytest.param((), None, id="nothing"),
        pytest.param((None, None, None), None, id="only holes"),
    ],
)
def test_a_limit_is_judged_over_its_whole_hold(series, firing):
    alert = judge_limit(a_limit(), told(*series), NOW)

    assert (alert.firing if alert else None) is firing


@pytest.mark.parametrize(
    ("age", "said"),
    [(STALE, True), (STALE + SECOND, False), (10 * HOUR, False)],
    ids=["old", "too old", "far too old"],
)
@pytest.mark.parametrize("value", [1, 9], ids=["below", "above"])
def test_stale_data_says_nothing(age, said, value):
    alert = judge_limit(a_limit(), told(value, value, value), NOW + age)

    assert (alert is not None) is said


def test_a_hold_that_is_no_multiple_of_the_grain_takes_in_the_reading_it_begins_in():
    limit = a_limit(hold=7 * MINUTE)

    assert judge_limit(limit, told(9), NOW) is None
    assert judge_limit(limit, told(1, 9), NOW) is None
    assert judge_limit(limit, told(1, 9, 9), NOW) is not None


def test_one_coarse_reading_covers_a_shorter_hold():
    alert = judge_limit(a_limit(), [a_reading(NOW - HOUR, 9, meter=THROTTLED_SHARE)], NOW)

    assert alert is not None
    assert alert.firing


def test_a_breach_holds_until_every_reading_is_below_for_as_long():
    values = [1, 1, 1, 9, 9, 9, 4, 9, 4, 4, 4]
    incident, changes = None, []
    for count in range(1, len(values) + 1):
        now = NOW + count * GRAIN
        alert = judge_limit(a_limit(), a_series(NOW, values[:count], GRAIN, THROTTLED_SHARE), now)
        step = advance(incident, alert, now, f"MW-{count}") if alert else None
        if step is not None:
            incident = step.incident
            changes += [(count, change.change) for change in step.transitions]

    assert changes == [(6, "opened"), (11, "resolved")]


def test_an_alert_says_since_when_and_for_how_long():
    alert = judge_limit(a_limit(), told(1, 6, 7, 12, 8), NOW)

    assert alert is not None
    assert alert.since == NOW - 4 * GRAIN
    assert alert.why == "above the limit for 20 min"
    assert alert.what == "throttled share 8 % on chat-prod in aoai-search, limit 5 %"
    assert alert.as_of == alert.at == NOW
    assert (alert.seen, alert.against) == (Quantity(Decimal(8), "percent"), Quantity(Decimal(5), "percent"))
    assert alert.details[0].text == "12 %"


def test_what_went_on_in_a_hole_is_not_claimed():
    alert = judge_limit(a_limit(), told(9, 9, 9, None, 9, 9, 9), NOW)

    assert alert is not None
    assert alert.since == NOW - 3 * GRAIN


def test_each_deployment_and_limit_has_an_alert_of_its_own():
    other = Scope(ACCOUNT, "embeddings")
    series = [a_reading(NOW - HOUR, 9, scope=scope, meter=THROTTLED_SHARE) for scope in (CHAT, other)]
    alerts = [
        judge_limit(a_limit(name=name), [reading], NOW) for reading in series for name in ("warn", "crit")
    ]

    assert len({alert.key for alert in alerts if alert}) == 4


@pytest.mark.parametrize(
    ("series", "firing"),
    [
        pytest.param((6, 7, 8), True, id="above"),
        pytest.param((8, 4, 4, 4), None, id="below the limit and above where it is clear"),
        pytest.param((8, 3, 3, 4), None, id="not clear for long enough"),
        pytest.param((8, 3, 2, 3), False, id="clear"),
    ],
)
def test_a_limit_is_over_only_where_it_is_clear(series, firing):
    alert = judge_limit(a_limit(clear=Decimal(3)), told(*series), NOW)

    assert (alert.firing if alert else None) is firing
    if alert is not None and not alert.firing:
        assert alert.why == "at or below 3 %, where it is clear, for 15 min"
        assert alert.against == Quantity(Decimal(5), "percent")


@given(st.lists(st.none() | st.integers(0, 10), max_size=12))
def test_it_fires_exactly_when_the_newest_three_are_there_and_above(values):
    alert = judge_limit(a_limit(), told(*values), NOW)
    present = [value for value in values if value is not None]
    newest = next((index for index in range(len(values), 0, -1) if values[index - 1] is not None), 0)
    last = values[max(0, newest - 3) : newest]

    if len(last) < 3 or None in last:
        assert alert is None
    else:
        sides = {value > 5 for value in present[-3:]}
        assert (alert.firing if alert else None) == (sides.pop() if len(sides) == 1 else None)


def requests(ok: float | None, throttled: float | None, failed: float | None) -> list[Reading]:
    counts: list[tuple[Meter, float | None]] = [
        (REQUESTS_OK, ok),
        (REQUESTS_THROTTLED, throttled),
        (REQUESTS_FAILED, failed),
    ]
    return [a_reading(NOW, value, GRAIN, meter=meter) for meter, value in counts if value is not None]


@pytest.mark.parametrize(
    ("counts", "throttled", "failed"),
    [
        pytest.param((90, 8, 2), 8, 2, id="of a hundred"),
        pytest.param((100, None, None), 0, 0, id="a status that did not occur is none"),
        pytest.param((None, 40, None), 100, 0, id="all throttled"),
        pytest.param((None, None, 40), 0, 100, id="all failed"),
        pytest.param((LEAST_REQUESTS - 1, 1, None), 5, 0, id="just enough requests"),
    ],
)
def test_shares_of_requests(counts, throttled, failed):
    assert {one.meter: one.value for one in shares(requests(*counts))} == {
        THROTTLED_SHARE: throttled,
        FAILED_SHARE: failed,
    }


@pytest.mark.parametrize(
    "counts",
    [(None, None, None), (0, 0, 0), (LEAST_REQUESTS - 2, 1, None), (None, 3, None)],
    ids=["nothing", "no requests", "one too few", "a handful, all throttled"],
)
def test_few_requests_say_nothing(counts):
    assert shares(requests(*counts)) == []


def test_a_lonely_failure_at_night_is_quiet():
    night = [one for index in range(12) for one in requests(2, 1, None)]

    assert judge_limit(a_limit(), [one for one in shares(night) if one.meter == THROTTLED_SHARE], NOW) is None


def test_shares_are_of_one_deployment_and_period_each_and_oldest_first():
    def counted(at: int, scope: Scope, meter: Meter) -> Reading:
        return a_reading(NOW + at * GRAIN, 50, GRAIN, scope=scope, meter=meter)

    other = Scope(ACCOUNT, "embeddings")
    found = shares(
        counted(at, scope, meter)
        for at in (2, 0, 1)
        for scope in (CHAT, other)
        for meter in (REQUESTS_OK, REQUESTS_THROTTLED, TOKENS_IN)
    )
    throttled = [one for one in found if one.meter == THROTTLED_SHARE]

    assert [(one.scope, one.start) for one in throttled] == [
        (scope, NOW + at * GRAIN) for scope in (CHAT, other) for at in range(3)
    ]
    assert {one.value for one in throttled} == {Decimal(50)}


def test_a_share_is_as_old_as_its_newest_count():
    late = a_reading(NOW, 30, GRAIN, meter=REQUESTS_FAILED, as_of=NOW + HOUR)

    assert {one.as_of for one in shares([*requests(30, None, None), late])} == {NOW + HOUR}


def test_each_limit_is_judged_on_every_series_of_its_meter_and_scope_and_on_no_other():
    near, far = Scope(ACCOUNT, "chat"), Scope(f"{ACCOUNT}-other", "chat")
    readings = [
        replace(one, scope=scope, meter=meter)
        for scope in (near, far)
        for meter in (THROTTLED_SHARE, FAILED_SHARE)
        for one in told(6, 7, 8)
    ]
    limits = [a_limit(), a_limit(name="failing", meter=FAILED_SHARE.name, scope=ACCOUNT)]

    found = judge_limits(limits, readings, NOW)

    assert [(one.rule, one.scope) for one in found] == [
        ("throttled", near),
        ("throttled", far),
        ("failing", near),
    ]
    assert judge_limits(limits, [], NOW) == []
