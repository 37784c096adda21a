"""Whatever happens, in whatever order: what people are told stays true.

A state machine over breaches, recoveries, repeated and late alerts, throttles, errors, lost answers and
deaths at any call, on the real store and the simulated chats. When it ends, the faults end too, time
passes, and then:

a. every incident that was open for longer than it must be to be told was told in every channel;
b. nothing is told as resolved that was not told before, but as late;
c. the numbers of the messages of an address never go back;
d. what arrives twice says that it may repeat, and only after a lost answer or a death;
e. no hour has more messages than its cap;
f. when nothing changes, nothing is said.
"""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from shared.core.acts import Wish
from shared.core.model import Act, Alert, Incident, Kind, Reason, Scope, Severity, State
from shared.edges.sqlite import SqliteStore
from shared.flows.accept import accept
from shared.flows.deliver import deliver
from shared.flows.ports import Ports
from shared.flows.respond import respond
from shared.flows.tend import tend
from shared.formats import records
from shared.formats.channel import Answer, Call
from shared.formats.watch_file import parse_watch
from tests.chat_rooms import ChatRooms, Fault, words
from tests.telling import MINUTE, NOW, Killed, Mortal, deliveries

ACCOUNT = "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg/providers/x/accounts/"
MOST_PER_HOUR = 12
WATCH = f"""
channels:
  slack: {{kind: slack, secret: A, channel: C1, most_per_hour: {MOST_PER_HOUR}}}
  teams: {{kind: teams, secret: B, most_per_hour: {MOST_PER_HOUR}}}
limits:
  - {{name: ptu, meter: PTU utilisation, above: 90}}
  - {{name: failing, meter: failed share, above: 10}}
"""
THINGS = [("ptu", "a", "one"), ("ptu", "a", "two"), ("failing", "b", "one")]  # two of them one group
FAULTS = {
    "throttled": Fault(Answer(429, {"retry-after": "90"})),
    "broken": Fault(Answer(503, {}, "no")),
    "broken, but it arrived": Fault(Answer(502, {}, "bad gateway"), arrives=True),
    "no answer": Fault(None),
    "no answer, but it arrived": Fault(None, arrives=True),
}


def marker(thing: tuple[str, str, str]) -> str:
    """A text that stands in every message about a thing, and in no other."""
    return "-".join(("thing", *thing))


def alert_of(thing: tuple[str, str, str], firing: bool, severity: Severity, now: Any) -> Alert:
    name, account, part = thing
    return Alert(
        key=f"limit|{name}|{account}|{part}",
        kind=Kind.LIMIT,
        rule=name,
        scope=Scope(ACCOUNT + account, part),
        firing=firing,
        severity=severity,
        what=f"{marker(thing)} is above its limit",
        since=now,
        at=now,
        why="above the limit" if firing else "no longer above the limit",
    )


class Telling(RuleBasedStateMachine):
    """The story. `now` only moves forward."""

    @initialize()
    def begin(self) -> None:
        self.store = SqliteStore(":memory:")
        self.now = NOW
        self.chats = ChatRooms(NOW)
        self.made = 0
        self.unsure = 0  # messages that may have arrived, and nobody knows
        nobody: Any = None
        self.ports = Ports(
            self.store, nobody, self.chats, parse_watch(WATCH), self.new_id, wait=self.let_pass
        )

    def new_id(self) -> str:
        self.made += 1
        return f"id{self.made}"

    def let_pass(self, span: timedelta) -> None:
        self.now += span
        self.chats.now = self.now

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.drain()
            self.check()
            self.store.close()

    @rule(
        thing=st.sampled_from(THINGS),
        firing=st.booleans(),
        severity=st.sampled_from([Severity.WARNING, Severity.CRITICAL]),
        deaths=st.none() | st.integers(0, 6),
    )
    def an_alert(self, thing: Any, firing: bool, severity: Severity, deaths: int | None) -> None:
        alert = alert_of(thing, firing, severity, self.now)
        self.perhaps_dying(lambda ports: accept(ports, [alert], self.now), deaths)

    @rule(deaths=st.none() | st.integers(0, 20))
    def a_tick(self, deaths: int | None) -> None:
        self.perhaps_dying(self.tick, deaths)

    @rule(channel=st.sampled_from(["slack", "teams"]), fault=st.sampled_from(sorted(FAULTS)))
    def a_fault(self, channel: str, fault: str) -> None:
        self.chats.faults.setdefault(channel, []).append(FAULTS[fault])
        self.unsure += 1

    @rule(minutes=st.sampled_from([1, 3, 7, 30, 200]))
    def time_passes(self, minutes: int) -> None:
        self.let_pass(minutes * MINUTE)

    @rule(
        thing=st.sampled_from(THINGS),
        act=st.sampled_from([Act.ACKNOWLEDGE, Act.RESOLVE]),
        deaths=st.none() | st.integers(0, 6),
    )
    def somebody_acts(self, thing: Any, act: Act, deaths: int | None) -> None:
        key = records.incident_key(alert_of(thing, True, Severity.INFO, self.now))
        row = self.store.get(records.ALERTS, key)
        incident = records.decode(row.body, Incident) if row else None
        if incident is not None and incident.open:
            wish, named = Wish(act, "ann@contoso.example"), incident.id
            self.perhaps_dying(lambda ports: respond(ports, named, wish, self.now), deaths)

    def tick(self, ports: Ports) -> None:
        for nudge in tend(ports, self.now):
            deliver(ports, nudge, self.now)

    def perhaps_dying(self, act: Any, deaths: int | None) -> None:
        """Does it, or dies at that call of the store or a chat."""
        if deaths is None:
            act(self.ports)
            return
        mortal = Mortal(deaths)

        def post(channel: str, call: Call) -> Answer:
            mortal.count()
            return self.chats(channel, call)

        guarded = replace(self.ports, store=mortal.standing_before(self.store), post=post)
        try:
            act(guarded)
        except Killed:
            self.unsure += 1

    def drain(self) -> None:
        """No more faults, and time enough for everything to be told."""
        self.chats.faults.clear()
        for _ in range(60):
            self.let_pass(10 * MINUTE)
            before = len(self.chats.mailbox.messages)
            self.tick(self.ports)
            said = len(self.chats.mailbox.messages) - before
            if not said and not any(self.store.scan(records.ALERTS, "waiting|")):
                return
        raise AssertionError("it never becomes quiet")

    def episodes(self) -> list[Incident]:
        rows = [*self.store.scan(records.ALERTS, "incident|"), *self.store.scan(records.ALERTS, "episode|")]
        found = {one.id: one for row in rows if (one := records.decode(row.body, Incident))}
        return [*found.values()]

    def check(self) -> None:
        self.every_incident_was_told()
        self.nothing_is_over_that_was_not_told()
        self.numbers_grow()
        self.repeats_say_so()
        self.no_hour_is_too_full()
        self.nothing_changes_and_nothing_is_said()

    def every_incident_was_told(self) -> None:
        told = {(one.incident, one.address.channel) for one in deliveries(self.ports) if one.status != "dead"}
        for one in self.episodes():
            lasted = (one.resolved_at or self.now) - one.opened_at
            for channel in ("slack", "teams"):
                assert lasted == timedelta() or (one.id, channel) in told, (one, channel)

    def nothing_is_over_that_was_not_told(self) -> None:
        begun: set[tuple[str, Any]] = set()
        for one in sorted(deliveries(self.ports), key=lambda one: (one.at, one.sequence)):
            if one.reason is Reason.RESOLVED:
                assert (one.incident, one.address) in begun, one
            if one.reason is not Reason.CHANGED and one.status != "dead":
                begun.add((one.incident, one.address))

    def numbers_grow(self) -> None:
        last: dict[Any, tuple[int, Any]] = defaultdict(lambda: (0, NOW))
        for one in sorted(deliveries(self.ports), key=lambda one: (one.at, one.sequence)):
            assert one.sequence >= last[one.address][0], one
            last[one.address] = one.sequence, one.at

    def repeats_say_so(self) -> None:
        repeated = 0
        for channel in ("slack", "teams"):
            seen: Counter[str] = Counter()
            for message in self.chats.posted(channel):
                text = words(message).replace(" · may repeat an earlier message", "")
                if seen[text] and not message.thread_ts:
                    assert "may repeat" in words(message), words(message)
                    repeated += 1
                seen[text] += 1
        assert repeated <= self.unsure

    def no_hour_is_too_full(self) -> None:
        for channel in ("slack", "teams"):
            times = [one.at for one in self.chats.posted(channel) if not one.thread_ts]
            for first in times:
                within = [at for at in times if first <= at < first + timedelta(hours=1)]
                assert len(within) <= 2 * MOST_PER_HOUR + 2, (channel, first, len(within))

    def nothing_changes_and_nothing_is_said(self) -> None:
        before = len(self.chats.mailbox.messages)
        self.let_pass(MINUTE)
        self.tick(self.ports)
        assert len(self.chats.mailbox.messages) == before
        assert not self.chats.mailbox.rejected
        assert all(
            one.state in (State.TRIGGERED, State.ACKNOWLEDGED, State.RESOLVED) for one in self.episodes()
        )


TestTelling = Telling.TestCase
TestTelling.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
