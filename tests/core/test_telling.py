"""What is said next to one address: single rules as stories, and all of them together as a state machine."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shared.core.hours import Hours
from shared.core.model import (
    Conversation,
    Delivered,
    Incident,
    Notification,
    Reason,
    Severity,
    State,
    Waiting,
)
from shared.core.reasons import QUIET
from shared.core.retries import settle
from shared.core.routes import Manner
from shared.core.telling import JOIN, MOST_TOLD, Hold, Say, Situation, plan
from tests.builders import DAY, HOUR, MINUTE, NOW, ONCALL, a_waiting, an_alert, an_incident

CRITICAL = Severity.CRITICAL
OFFICE = Hours({day: (time(8), time(18)) for day in range(5)}, UTC)
EVENING = NOW.replace(hour=20)
MORNING = NOW.replace(hour=8, minute=0) + DAY


@dataclass
class Talk:
    """A channel that takes everything, its conversation, and the incidents that it is to hear of."""

    manner: Manner = Manner()
    edits: bool = True
    conversation: Conversation = field(default_factory=lambda: Conversation(ONCALL))
    waiting: list[Waiting] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)
    said: list[Notification] = field(default_factory=list)

    def happens(self, name: str, at: datetime, reason: Reason = Reason.OPENED, **named: Any) -> None:
        """An incident changes, or begins, and that waits to be told."""
        before = self.incidents.get(name) or an_incident(id=name, opened_at=at, transitions=0)
        alert = replace(before.alert, **{key: named.pop(key) for key in ("severity", "ends") if key in named})
        after = replace(before, alert=alert, transitions=before.transitions + 1, **named)
        self.incidents[name] = after
        self.waiting.append(a_waiting(after, number=after.transitions, since=at, reason=reason))

    def ends(self, name: str, at: datetime) -> None:
        self.happens(name, at, state=State.RESOLVED, resolved_at=at)

    def situation(self) -> Situation:
        return Situation(
            self.conversation,
            tuple(self.waiting),
            self.incidents,
            self.manner,
            lambda one: "silenced" if one.id in self.muted else "",
            self.edits,
        )

    def plan(self, now: datetime) -> Say | Hold:
        return plan(self.situation(), now)

    def tell(self, now: datetime) -> list[tuple[Reason, list[str]]]:
        """All that can be said now, message by message: its reason and what it is about."""
        heard: list[tuple[Reason, list[str]]] = []
        while isinstance(found := self.plan(now), Say):
            self.waiting = _without(self.waiting, found.done)
            self.conversation = _settled(self.conversation, found, now, self.edits)
            if found.notification.reason is not Reason.NOTHING_NEW:
                self.said.append(found.notification)
                heard.append((found.notification.reason, sorted(found.notification.news)))
        kept = _without(self.waiting, found.done)
        marked = [replace(one, reason=Reason.STILL_FIRING) for one in found.muted]
        self.waiting = _without(kept, found.muted) + marked
        return heard


def _without(waiting: list[Waiting], some: Iterable[Waiting]) -> list[Waiting]:
    gone = set(some)
    return [one for one in waiting if one not in gone]


def _settled(talk: Conversation, said: Say, now: datetime, edits: bool) -> Conversation:
    if said.notification.reason is Reason.NOTHING_NEW:
        return said.settled
    settled, _ = settle(talk, said, Delivered(), "C1/1.0" if edits else "", now)
    return settled


def telling_of(*names: str, at: datetime = NOW, **named: Any) -> Talk:
    """A talk in which these incidents have just been told, in one message."""
    talk = Talk(**named)
    for name in names:
        talk.happens(name, at)
    talk.tell(at)
    return talk


# One incident


def test_an_incident_is_told_when_it_opens_worsens_repeats_and_ends_and_never_in_between():
    talk = Talk()
    talk.happens("a", NOW)
    heard = [(0, talk.tell(NOW)), (1, talk.tell(NOW + HOUR))]
    talk.happens("a", NOW + 2 * HOUR, severity=CRITICAL)
    heard += [(hour, talk.tell(NOW + hour * HOUR)) for hour in (2, 2, 3, 4, 7)]
    talk.ends("a", NOW + 8 * HOUR)
    heard += [(hour, talk.tell(NOW + hour * HOUR)) for hour in (8, 9, 99)]

    assert [(hour, reason) for hour, ones in heard for reason, _ in ones] == [
        (0, Reason.OPENED),
        (2, Reason.WORSENED),
        (7, Reason.REPEAT_DUE),  # told twice before: the second span of four hours, not the first of one
        (8, Reason.RESOLVED),
    ]
    assert [one.sequence for one in talk.said] == [1, 2, 3, 4]
    assert talk.conversation.threads == ()
    assert talk.conversation.keys == {}


def test_what_opened_and_ended_before_it_could_be_told_is_one_late_message():
    talk = Talk()
    talk.happens("a", NOW)
    talk.ends("a", NOW + HOUR)

    assert talk.tell(NOW + 2 * HOUR) == [(Reason.LATE, ["a"])]
    assert talk.waiting == []
    assert talk.tell(NOW + 3 * HOUR) == []


def test_an_acknowledgement_is_edited_in_and_stops_the_repeats():
    talk = telling_of("a")
    talk.happens("a", NOW + MINUTE, state=State.ACKNOWLEDGED, acknowledged_by="ada")

    assert talk.tell(NOW + MINUTE) == [(Reason.CHANGED, ["a"])]
    assert talk.tell(NOW + 30 * DAY) == []


def test_a_channel_that_cannot_edit_is_not_written_to_when_nobody_need_be_interrupted():
    talk = telling_of("a", edits=False)
    talk.happens("a", NOW + MINUTE, state=State.ACKNOWLEDGED, acknowledged_by="ada")

    assert talk.tell(NOW + MINUTE) == []
    assert talk.waiting == []
    talk.ends("a", NOW + 6 * MINUTE)
    assert talk.tell(NOW + 6 * MINUTE) == [(Reason.RESOLVED, ["a"])]
    assert [one.sequence for one in talk.said] == [1, 2]


def test_an_incident_whose_row_is_gone_waits_no_longer():
    talk = Talk()
    talk.happens("a", NOW)
    talk.incidents.clear()

    assert talk.tell(NOW) == []
    assert talk.waiting == []


# Groups


def test_a_group_waits_for_others_and_is_then_told_in_one_message():
    talk = Talk(Manner(wait=5 * MINUTE))
    talk.happens("a", NOW)
    talk.happens("b", NOW + 2 * MINUTE, severity=CRITICAL)

    found = talk.plan(NOW + 4 * MINUTE)
    assert isinstance(found, Hold)
    assert (found.until, found.why) == (NOW + 5 * MINUTE, "others may join it")
    assert talk.tell(NOW + 5 * MINUTE) == [(Reason.OPENED, ["a", "b"])]
    assert [one.id for one in talk.said[0].incidents] == ["b", "a"]  # the worst first


def test_another_of_the_group_joins_the_message_after_the_interval():
    talk = telling_of("a")
    talk.happens("b", NOW + MINUTE)

    assert talk.tell(NOW + MINUTE) == []
    assert talk.tell(NOW + 5 * MINUTE) == [(Reason.JOINED, ["b"])]
    assert {one.id for one in talk.said[1].incidents} == {"a", "b"}
    assert talk.said[0].thread == talk.said[1].thread


def test_critical_news_of_a_group_do_not_wait_for_the_interval():
    talk = telling_of("a")
    talk.happens("b", NOW + MINUTE, severity=CRITICAL)

    assert talk.tell(NOW + MINUTE) == [(Reason.JOINED, ["b"])]


def test_after_an_hour_an_incident_begins_a_message_of_its_own():
    talk = telling_of("a")
    talk.happens("b", NOW + JOIN)

    assert talk.tell(NOW + JOIN) == [(Reason.OPENED, ["b"])]
    assert [one.thread for one in talk.said] == [1, 2]
    talk.ends("a", NOW + 2 * HOUR)
    assert talk.tell(NOW + 2 * HOUR) == [(Reason.RESOLVED, ["a"])]
    assert talk.said[-1].thread == 1


def test_one_of_several_that_is_over_is_edited_in_and_the_last_one_is_told():
    talk = telling_of("a", "b")
    talk.ends("a", NOW + MINUTE)
    assert talk.tell(NOW + MINUTE) == [(Reason.CHANGED, ["a"])]

    talk.ends("b", NOW + HOUR)
    assert talk.tell(NOW + HOUR) == [(Reason.RESOLVED, ["b"])]


def test_a_message_holds_no_more_than_it_may_and_the_worst_are_in_the_first():
    talk = Talk()
    for number in range(MOST_TOLD + 3):
        severity = CRITICAL if number > MOST_TOLD else Severity.WARNING
        talk.happens(f"i{number}", NOW, severity=severity)

    heard = talk.tell(NOW)
    assert [len(news) for _, news in heard] == [MOST_TOLD, 3]
    assert {f"i{MOST_TOLD + 1}", f"i{MOST_TOLD + 2}"} <= set(heard[0][1])
    assert [one.thread for one in talk.said] == [1, 2]


def test_a_full_message_takes_no_more_though_it_is_young():
    talk = telling_of(*(f"i{number}" for number in range(MOST_TOLD - 1)))
    for name in ("a", "b"):
        talk.happens(name, NOW + HOUR / 2)

    assert [(reason, len(news)) for reason, news in talk.tell(NOW + HOUR / 2)] == [
        (Reason.JOINED, 1),
        (Reason.OPENED, 1),
    ]


def test_the_most_urgent_is_told_first_and_one_message_at_a_time():
    talk = telling_of("old")
    later = NOW + JOIN
    talk.happens("mild", later)
    talk.happens("old", later, severity=CRITICAL)

    assert talk.tell(later) == [(Reason.WORSENED, ["old"]), (Reason.OPENED, ["mild"])]


def test_what_has_to_wait_holds_up_nothing_else():
    talk = telling_of("a")
    talk.happens("b", NOW + JOIN)
    talk.tell(NOW + JOIN)
    talk.happens("c", NOW + JOIN + MINUTE)  # joins b, whose message is a minute old
    talk.ends("a", NOW + JOIN + MINUTE)

    assert talk.tell(NOW + JOIN + MINUTE) == [(Reason.RESOLVED, ["a"])]
    assert talk.tell(NOW + JOIN + 5 * MINUTE) == [(Reason.JOINED, ["c"])]


def test_a_test_is_a_message_of_its_own_beside_what_is_really_going_on():
    talk = telling_of("a")
    talk.incidents["t"] = an_incident(an_alert(test=True), id="t", state=State.RESOLVED, resolved_at=NOW)
    talk.waiting.append(a_waiting(talk.incidents["t"]))

    assert talk.tell(NOW + MINUTE) == [(Reason.TEST, ["t"])]
    assert [one.id for one in talk.said[-1].incidents] == ["t"]
    assert [set(thread.told) for thread in talk.conversation.threads] == [{"a"}]


# Hours and mutes


def test_outside_of_its_hours_an_address_waits_until_they_begin():
    talk = Talk(Manner(hours=OFFICE))
    talk.happens("a", EVENING, severity=CRITICAL)

    found = talk.plan(EVENING)
    assert isinstance(found, Hold)
    assert (found.until, found.why) == (MORNING, "outside the hours of its route")
    assert talk.tell(MORNING) == [(Reason.OPENED, ["a"])]


def test_outside_of_its_hours_what_interrupts_nobody_is_shown_all_the_same():
    talk = telling_of("a", "b", at=EVENING - 3 * HOUR, manner=Manner(hours=OFFICE))
    talk.happens("a", EVENING, severity=CRITICAL)
    talk.happens("b", EVENING, state=State.ACKNOWLEDGED, acknowledged_by="ada")

    assert talk.tell(EVENING) == [(Reason.CHANGED, ["b"])]
    assert talk.tell(MORNING) == [(Reason.WORSENED, ["a"])]


def test_what_was_muted_is_told_as_still_firing_when_the_mute_ends():
    talk = Talk(muted={"a"})
    talk.happens("a", NOW)
    assert talk.tell(NOW) == []
    assert len(talk.waiting) == 1

    talk.muted.clear()
    assert talk.tell(NOW + HOUR) == [(Reason.STILL_FIRING, ["a"])]


@pytest.mark.parametrize("edits", [True, False])
def test_what_was_muted_after_it_was_told_is_told_once_more_when_the_mute_ends(edits):
    talk = telling_of("a", edits=edits)
    talk.muted.add("a")
    talk.happens("a", NOW + MINUTE)  # it is noted who silenced it
    shown = [(Reason.CHANGED, ["a"])] if edits else []
    assert talk.tell(NOW + MINUTE) == shown
    assert talk.tell(NOW + 50 * HOUR) == []

    talk.muted.clear()
    assert talk.tell(NOW + 51 * HOUR) == [(Reason.STILL_FIRING, ["a"])]
    assert talk.tell(NOW + 52 * HOUR) == []


def test_what_ended_while_it_was_muted_is_never_told():
    talk = Talk(muted={"a", "b"})
    talk.happens("a", NOW)
    talk.happens("b", NOW)
    talk.tell(NOW)
    talk.ends("a", NOW + HOUR)
    assert talk.tell(NOW + HOUR) == []

    talk.muted.clear()
    talk.ends("b", NOW + 2 * HOUR)
    assert talk.tell(NOW + 2 * HOUR) == []
    assert talk.waiting == []


def test_a_mute_of_one_keeps_no_other_from_being_told():
    talk = Talk(muted={"a"})
    talk.happens("a", NOW)
    talk.happens("b", NOW)

    assert talk.tell(NOW) == [(Reason.OPENED, ["b"])]
    assert [one.id for one in talk.said[0].incidents] == ["b"]


def test_the_end_of_what_was_told_is_told_though_it_is_muted_by_then():
    talk = telling_of("a")
    talk.muted.add("a")
    talk.happens("a", NOW + MINUTE, severity=CRITICAL)
    assert talk.tell(NOW + HOUR) == [(Reason.CHANGED, ["a"])]  # edited in, and nobody is interrupted
    talk.ends("a", NOW + 2 * HOUR)

    assert talk.tell(NOW + 2 * HOUR) == [(Reason.RESOLVED, ["a"])]


# Anything


class AnyTalk(RuleBasedStateMachine):
    """Incidents of one group that begin, worsen, are taken, muted and end, while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk()
        self.now = NOW
        self.count = 0

    @rule(
        wait=st.sampled_from([0, 5]),
        edits=st.booleans(),
        hours=st.sampled_from([None, OFFICE]),
    )
    def somebody_configures(self, wait: int, edits: bool, hours: Hours | None) -> None:
        if not self.count:
            self.talk.manner, self.talk.edits = Manner(wait=wait * MINUTE, hours=hours), edits

    @rule(span=st.sampled_from([MINUTE, 20 * MINUTE, 2 * HOUR, DAY]))
    def time_passes(self, span: timedelta) -> None:
        self.now += span

    @rule(severity=st.sampled_from(Severity))
    def one_begins(self, severity: Severity) -> None:
        self.count += 1
        self.talk.happens(f"i{self.count}", self.now, severity=severity)

    @rule(which=st.integers(0, 99), severity=st.sampled_from(Severity))
    def one_worsens(self, which: int, severity: Severity) -> None:
        for one in self._open(which):
            if severity > one.alert.severity:
                self.talk.happens(one.id, self.now, severity=severity)

    @rule(which=st.integers(0, 99))
    def one_is_taken(self, which: int) -> None:
        for one in self._open(which):
            self.talk.happens(one.id, self.now, state=State.ACKNOWLEDGED, acknowledged_by="ada")

    @rule(which=st.integers(0, 99))
    def one_ends(self, which: int) -> None:
        for one in self._open(which):
            self.talk.ends(one.id, self.now)

    @rule(which=st.integers(0, 99))
    def one_is_muted_or_no_longer(self, which: int) -> None:
        for one in self._open(which):
            self.talk.muted ^= {one.id}

    def _open(self, which: int) -> Iterable[Incident]:
        ones = [one for one in self.talk.incidents.values() if one.open]
        return ones[which % len(ones) :][:1] if ones else ()

    @rule()
    def somebody_delivers(self) -> None:
        self.talk.tell(self.now)
        assert self.talk.tell(self.now) == []  # nothing has changed: nothing is said

    @invariant()
    def numbers_only_grow_and_only_by_one(self) -> None:
        numbers = [one.sequence for one in self.talk.said]
        assert all(later == earlier + 1 for earlier, later in pairwise(numbers))

    @invariant()
    def no_message_opens_with_an_end_nor_goes_on_after_it(self) -> None:
        by_thread: dict[int, list[Reason]] = {}
        for one in self.talk.said:
            by_thread.setdefault(one.thread, []).append(one.reason)
        for reasons in by_thread.values():
            assert reasons[0] not in {Reason.RESOLVED, Reason.WORSENED, Reason.REPEAT_DUE, *QUIET}
            assert not {Reason.RESOLVED} & set(reasons[:-1])

    @invariant()
    def what_is_open_and_was_told_is_remembered(self) -> None:
        remembered = {one for thread in self.talk.conversation.threads for one in thread.told}
        for name in {name for said in self.talk.said for name in said.news}:
            assert name in remembered or not self.talk.incidents[name].open
        assert set(self.talk.conversation.keys) == remembered

    def teardown(self) -> None:
        self.talk.muted.clear()
        for _ in range(20):  # a weekend, and some
            self.talk.tell(self.now)
            self.now += 7 * HOUR
        heard = {name for said in self.talk.said for name in said.news}
        assert {one.id for one in self.talk.incidents.values() if one.open} <= heard
        assert self.talk.waiting == []


AnyTalk.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
TestAnyTalk = AnyTalk.TestCase
