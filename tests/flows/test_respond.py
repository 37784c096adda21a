"""What people do about an incident: it is recorded, the channels see it, and what follows holds."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest

from shared.core.acts import EXPECTED_FOR, Wish
from shared.core.model import Act, Kind, Quantity, Severity, State, Transition
from shared.core.muting import Expected
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.expectations import expectations
from shared.flows.offers import offers
from shared.flows.respond import MOST_AT_ONCE, find, meant_by, respond
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.watch_file import parse_watch
from tests.builders import HOUR, a_notification, an_incident
from tests.telling import (
    MINUTE,
    NOW,
    SCOPE,
    WATCH,
    changes,
    deliveries,
    incidents,
    keys,
    limit,
    tell,
)

SOON = NOW + 10 * MINUTE


def everything(ports):
    return [(row.key, row.version) for row in ports.store.scan(records.ALERTS)]


def anomaly(seen, **named):
    seen, usual = Quantity(Decimal(seen), "tokens"), Quantity(Decimal(100), "tokens")
    return limit(key="anomaly|chat", kind=Kind.ANOMALY, rule="anomaly", seen=seen, against=usual, **named)


def opened(ports, alert=None):
    tell(ports, [alert or limit()], NOW)
    (incident,) = incidents(ports)
    return incident.id


def acted(ports, incident, act, now=SOON, **named):
    """Somebody acts, and the channels are told."""
    response = respond(ports, incident, Wish(act, "ann", **named), now)
    for nudge in response.nudges:
        deliver(ports, nudge, now)
    return response


def ticked(ports, now):
    for nudge in tend(ports, now):
        deliver(ports, nudge, now)


def said(chat, channel="slack"):
    return [str(call.body).replace("\u034f", "") for call in chat.of(channel)]


def test_who_when_and_why_are_recorded(ports):
    incident = opened(ports)
    acted(ports, incident, Act.ACKNOWLEDGE, why="I look into it")

    (row,) = [
        one for one in ports.store.scan(records.ALERTS, f"transition|{incident}|") if "2" in one.key[-1]
    ]
    change = records.decode(row.body, Transition)
    assert (change.change, change.by, change.why, change.at) == (
        "acknowledged",
        "ann",
        "I look into it",
        SOON,
    )


def test_the_living_message_shows_who_has_it_and_nobody_is_interrupted(ports, chat):
    acted(ports, opened(ports), Act.ACKNOWLEDGE)

    assert [call.path for call in chat.of("slack")] == ["chat.postMessage", "chat.update"]
    assert len(chat.of("teams")) == 1
    assert "ann, Tue 8 Sep 14:15 UTC" in said(chat)[-1]


@pytest.mark.parametrize("act", Act)
def test_an_act_twice_changes_nothing_the_second_time(ports, act):
    incident = opened(ports)
    assert acted(ports, incident, act).done
    before = everything(ports)

    again = acted(ports, incident, act)
    assert not again.done
    assert again.words
    assert everything(ports) == before


@pytest.mark.parametrize("act", Act)
def test_an_act_on_what_is_over_changes_nothing_and_says_so(ports, act):
    incident = opened(ports)
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    before = everything(ports)

    response = acted(ports, incident, act)
    assert not response.done
    assert "it is over since Tue 8 Sep 14:06 UTC" in response.words
    assert everything(ports) == before


def test_an_earlier_episode_is_over_though_the_alert_fires_again(ports):
    incident = opened(ports)
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    tell(ports, [limit()], NOW + 2 * MINUTE)

    assert "it is over" in acted(ports, incident, Act.RESOLVE).words
    assert incidents(ports)[0].open


@pytest.mark.parametrize("incident", ["MW-00000000", "", "a" * 500, "\0", "\ud800", "ä|b", "|slack|x"])
def test_an_incident_that_is_none_is_said_to_be_none(ports, incident):
    opened(ports)
    before = everything(ports)

    assert "there is no incident" in acted(ports, incident, Act.RESOLVE).words
    assert everything(ports) == before


def test_an_incident_is_found_by_its_id_without_reading_the_others(ports):
    class Counted:
        commit, scan = ports.store.commit, None
        read = 0

        def get(self, *asked):
            self.read += 1
            return ports.store.get(*asked)

    tell(ports, [limit(key=f"limit|{number}") for number in range(30)], NOW)
    store = Counted()
    for one in incidents(ports):
        assert find(replace(ports, store=store), one.id)[0] == one
    assert store.read == 2 * 30


def test_a_silenced_incident_is_not_told_until_the_silence_is_over_and_then_once(ports, chat):
    incident = opened(ports)
    acted(ports, incident, Act.SILENCE, span=HOUR)
    tell(ports, [limit(severity=Severity.CRITICAL)], NOW + 30 * MINUTE)
    ticked(ports, NOW + 60 * MINUTE)
    assert len(chat.of("teams")) == 1
    assert {call.path for call in chat.of("slack")[1:]} == {"chat.update"}  # it shows how it stands
    assert "silenced by ann until Tue 8 Sep 15:15 UTC" in said(chat)[-1]

    ticked(ports, SOON + HOUR)
    ticked(ports, SOON + HOUR + MINUTE)
    assert len(chat.of("teams")) == 2
    assert "still firing" in said(chat, "teams")[-1]


def test_a_silence_holds_for_the_next_episode_too(ports, chat):
    acted(ports, opened(ports), Act.SILENCE, span=4 * HOUR)
    tell(ports, [limit(firing=False)], NOW + 20 * MINUTE)
    told = len(chat.of("teams"))
    tell(ports, [limit()], NOW + 30 * MINUTE)

    assert len(chat.of("teams")) == told


def test_what_somebody_has_is_not_told_again_when_its_silence_ends(ports, chat):
    incident = opened(ports)
    acted(ports, incident, Act.SILENCE, span=HOUR)
    acted(ports, incident, Act.ACKNOWLEDGE)
    ticked(ports, SOON + 2 * HOUR)

    assert len(chat.of("teams")) == 1


def test_an_anomaly_that_was_expected_is_told_when_it_becomes_half_as_much_again(ports, chat):
    incident = opened(ports, anomaly(1000))
    acted(ports, incident, Act.EXPECTED, why="a migration")
    told = len(chat.of("teams"))
    tell(ports, [anomaly(1400, at=SOON)], NOW + HOUR)
    ticked(ports, NOW + HOUR)
    assert len(chat.of("teams")) == told

    tell(ports, [anomaly(1600, at=SOON)], NOW + 2 * HOUR)
    ticked(ports, NOW + 2 * HOUR)
    assert len(chat.of("teams")) == told + 1


def test_what_was_expected_is_remembered_to_be_learnt(ports):
    acted(ports, opened(ports, anomaly(1000)), Act.EXPECTED, why="a migration")

    (row,) = ports.store.scan(records.ALERTS, "expected|")
    found = records.decode(row.body, Expected)
    assert (found.scope, found.start, found.end) == (SCOPE, NOW, SOON + EXPECTED_FOR)


def test_the_hours_that_were_expected_are_known_to_whoever_learns(ports):
    acted(ports, opened(ports, anomaly(1000)), Act.EXPECTED)
    is_expected = expectations(ports)

    assert is_expected(SCOPE, NOW)
    assert is_expected(SCOPE, SOON + EXPECTED_FOR - MINUTE)
    assert not is_expected(SCOPE, NOW - MINUTE)
    assert not is_expected(SCOPE, SOON + EXPECTED_FOR)
    assert not is_expected(replace(SCOPE, part="another"), NOW)


def test_what_a_person_resolved_opens_anew_when_it_still_holds(ports, chat):
    incident = opened(ports)
    acted(ports, incident, Act.RESOLVE, why="rolled back")
    assert "ended by ann: rolled back".lower() in said(chat, "teams")[-1].lower()

    tell(ports, [limit()], NOW + 15 * MINUTE)
    (standing,) = incidents(ports)
    assert standing.id != incident
    assert standing.state is State.TRIGGERED
    assert changes(ports).count("opened") == 2


def test_two_at_once_with_one_link_do_it_once(ports):
    incident = opened(ports)
    gate, found = Barrier(6), []

    def one(number):
        gate.wait()
        wish = Wish(Act.SILENCE, f"person {number}", span=HOUR * (number + 1))
        found.append(respond(ports, incident, wish, SOON, "the same link").done)

    threads = [Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found.count(True) == 1
    assert changes(ports) == ["opened", "silenced"]


def test_people_and_polls_at_once_lose_nothing(ports):
    incident = opened(ports)
    gate = Barrier(3)
    acts = [
        lambda: respond(ports, incident, Wish(Act.ACKNOWLEDGE, "ann"), SOON),
        lambda: respond(ports, incident, Wish(Act.SILENCE, "bob"), SOON),
        lambda: accept(ports, [limit(severity=Severity.CRITICAL)], SOON),
    ]

    def run(act):
        gate.wait()
        act()

    threads = [Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(changes(ports)) == ["acknowledged", "opened", "silenced", "worsened"]


def test_an_act_on_a_message_of_several_is_an_act_on_those_that_are_open(ports):
    alerts = [limit(key=f"limit|{number}", rule="ptu") for number in range(3)]
    tell(ports, alerts, NOW)
    tell(ports, [replace(alerts[0], firing=False)], NOW + MINUTE)
    address = incidents(ports)[0].addresses[0]
    threads = {one.sequence for one in deliveries(ports) if one.address == address}

    found = meant_by(ports, f"{address.nudge}|{min(threads)}")
    assert sorted(found) == sorted(one.id for one in incidents(ports) if one.open)
    assert len(found) == 2


def test_no_act_is_on_more_incidents_than_slack_waits_for(ports):
    tell(ports, [limit(key=f"limit|{number}") for number in range(MOST_AT_ONCE + 9)], NOW)
    address = incidents(ports)[0].addresses[0]
    subjects = [f"{address.nudge}|{number}" for number in range(1, 60)]

    assert max(len(meant_by(ports, one)) for one in subjects) <= MOST_AT_ONCE


@pytest.mark.parametrize("subject", ["slack|none|1", "slack||1", "||", "|" * 99, "slack|x|" + "9" * 999])
def test_a_thread_that_is_none_has_no_open_incident(ports, subject):
    opened(ports)

    assert not any(find(ports, one)[0] for one in meant_by(ports, subject))


# What a message offers

INTERACTIVE = WATCH.replace("channel: C1", "channel: C1, interactive: true")


def offered(ports, channel, *about, **named):
    told = a_notification(*about, **named)
    return offers(ports, replace(told, address=replace(told.address, channel=channel)))


def test_an_interactive_channel_has_buttons_and_others_nothing_without_a_key(ports):
    ports = replace(ports, watch=parse_watch(INTERACTIVE))

    assert [(one.act, one.link) for one in offered(ports, "slack")] == [(act, "") for act in Act]
    assert offered(ports, "teams") == ()
    assert offered(ports, "gone") == ()


def test_nothing_is_offered_for_what_is_over(ports):
    over = an_incident(state=State.RESOLVED, resolved_at=NOW)

    assert offered(replace(ports, watch=parse_watch(INTERACTIVE)), "slack", over) == ()


def test_what_somebody_has_can_still_be_silenced_expected_and_resolved(ports):
    held = an_incident(state=State.ACKNOWLEDGED, acknowledged_by="ann")
    found = offered(replace(ports, watch=parse_watch(INTERACTIVE)), "slack", held)

    assert [one.act for one in found] == [Act.SILENCE, Act.EXPECTED, Act.RESOLVE]


def test_a_message_of_several_offers_what_is_about_all_of_them(ports):
    several = (an_incident(), an_incident(id="MW-2"))
    found = offered(replace(ports, watch=parse_watch(INTERACTIVE)), "slack", *several, thread=7)

    assert {one.subject for one in found} == {"slack|0123456789abcdef|7"}


# What is let go


def test_a_silence_that_is_over_is_forgotten_and_what_links_were_used_too(ports):
    incident = opened(ports)
    respond(ports, incident, Wish(Act.SILENCE, "ann", span=HOUR), SOON, "a link")
    assert len(keys(ports, "silence|") + keys(ports, "used|")) == 2
    tend(ports, SOON + timedelta(days=2))
    assert keys(ports, "silence|") == []
    assert len(keys(ports, "used|")) == 1

    tend(ports, SOON + timedelta(days=9))
    assert keys(ports, "used|") == []


def test_what_was_expected_is_kept_for_as_long_as_a_poll_may_come_late(ports):
    acted(ports, opened(ports, anomaly(1000)), Act.EXPECTED)
    tend(ports, SOON + EXPECTED_FOR + timedelta(days=6))
    assert len(keys(ports, "expected|")) == 1

    tend(ports, SOON + EXPECTED_FOR + timedelta(days=8))
    assert keys(ports, "expected|") == []
