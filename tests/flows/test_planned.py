"""What watch.yaml plans and silences keeps messages back, within its bound and until its end."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.core.model import Kind, Quantity
from shared.flows.deliver import deliver
from shared.flows.tend import tend
from tests.telling import MINUTE, NOW, WATCH, incidents, limit, ports_telling, tell

HOUR = timedelta(hours=1)
PLANNED = f"""{WATCH}
planned:
  - part: chat
    end: {(NOW + 4 * HOUR).isoformat()}
    up_to: 3
    why: the launch
"""


@pytest.fixture
def ports(tmp_path, chat):
    with ports_telling(chat, tmp_path / "told.db", PLANNED) as found:
        yield found


def anomaly(seen, **named):
    seen, usual = Quantity(Decimal(seen), "tokens"), Quantity(Decimal(100), "tokens")
    return limit(key="anomaly|chat", kind=Kind.ANOMALY, rule="anomaly", seen=seen, against=usual, **named)


def ticked(ports, now):
    for nudge in tend(ports, now):
        deliver(ports, nudge, now)


def test_a_planned_change_is_recorded_and_not_told_within_its_bound(ports, chat):
    tell(ports, [anomaly(290)], NOW)
    ticked(ports, NOW + HOUR)

    assert chat.posts == []
    assert incidents(ports)[0].open


def test_more_than_was_planned_is_told_at_once(ports, chat):
    tell(ports, [anomaly(290)], NOW)
    tell(ports, [anomaly(310)], NOW + 5 * MINUTE)
    ticked(ports, NOW + 6 * MINUTE)

    assert len(chat.of("teams")) == 1


def test_what_still_fires_when_the_plan_ends_is_told_then(ports, chat):
    tell(ports, [anomaly(290)], NOW)
    ticked(ports, NOW + 4 * HOUR)

    assert "still firing" in json.dumps(chat.of("teams")[0].body)


def test_another_rule_on_the_same_deployment_is_told_all_the_same(ports, chat):
    tell(ports, [limit()], NOW)

    assert len(chat.of("teams")) == 1
