"""The one door's cost: a call for one alert is the same work however many incidents there are."""

from collections import Counter
from dataclasses import replace

import pytest

from shared.flows.accept import FEW, accept
from tests.telling import MINUTE, NOW, Chat, incidents, limit, ports_telling


class Counted:
    """A store that counts what is asked of it, and the rows that it reads."""

    def __init__(self, store):
        self.store = store
        self.counts: Counter[str] = Counter()

    def get(self, *given):
        self.counts["get"] += 1
        return self.store.get(*given)

    def scan(self, *given):
        self.counts["scan"] += 1
        for row in self.store.scan(*given):
            self.counts["row"] += 1
            yield row

    def commit(self, *given):
        self.counts["commit"] += 1
        return self.store.commit(*given)


@pytest.fixture
def ports(tmp_path):
    with ports_telling(Chat(), tmp_path / "accept.db") as opened:
        yield opened


def alerts(count, **named):
    return [limit(key=f"limit|{number}", **named) for number in range(count)]


def asked(ports, taken, now=NOW):
    counted = Counted(ports.store)
    accept(replace(ports, store=counted), taken, now)
    return counted.counts


@pytest.mark.parametrize("standing", [0, 300])
def test_one_alert_is_one_read_and_one_write_beside_any_number_of_incidents(ports, standing):
    accept(ports, alerts(standing), NOW)

    assert asked(ports, [limit(key="limit|new")]) == {"get": 1, "commit": 1}
    assert asked(ports, [limit(key="limit|new", firing=False)], NOW + MINUTE) == {"get": 1, "commit": 1}


def test_many_alerts_of_an_area_read_its_incidents_once(ports):
    accept(ports, alerts(FEW + 20), NOW)

    counts = asked(ports, alerts(FEW + 1, firing=False), NOW + MINUTE)

    assert counts == {"scan": 1, "row": FEW + 20, "commit": FEW + 1}


@pytest.mark.parametrize("count", [FEW, FEW + 1])
def test_both_ways_of_reading_find_the_same_incidents(ports, count):
    accept(ports, alerts(count), NOW)
    accept(ports, alerts(count, firing=False), NOW + MINUTE)

    assert [one.open for one in incidents(ports)] == [False] * count


@pytest.mark.parametrize("repeated", [2, FEW + 1])
def test_an_alert_that_comes_twice_in_one_call_is_one_incident(ports, repeated):
    accept(ports, [limit(), *[limit(firing=False)] * (repeated - 1)], NOW)  # it fires and is over

    (incident,) = incidents(ports)
    assert not incident.open
