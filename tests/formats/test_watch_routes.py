"""Who is told, in watch.yaml: what it means, and every refusal in words."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from shared.core.digests import Digest
from shared.core.hours import Hours
from shared.core.model import Grain, Kind, Severity
from shared.core.muting import Inhibition, Silence
from shared.core.routes import REPEAT, Escalation, Manner, Matcher, Route
from shared.formats.config_errors import Problems
from shared.formats.watch_file import Watch, parse_watch

CHANNELS = """
channels:
  a: {kind: teams, secret: A}
  b: {kind: teams, secret: B}
"""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def watch(text: str) -> Watch:
    return parse_watch(CHANNELS + text)


def problems(text: str) -> dict[str, tuple[str, str]]:
    """What stands and what should, by place."""
    with pytest.raises(Problems) as refused:
        watch(text)
    return {one.path: (one.value, one.expected) for one in refused.value.problems}


# What it means


def test_a_route_has_of_the_one_around_it_what_it_does_not_say_itself():
    (outer,) = watch("""
routes:
  - name: ours
    channels: [a]
    wait: 5m
    group_by: [owner, environment, "tag:Team"]
    repeat: {critical: [30m, 2h]}
    hours: {days: [mon, fri], start: "07:30", end: "19:00", zone: Europe/Berlin, holidays: [2026-12-24]}
    escalation: {after: 1h, channels: [b]}
    routes:
      - {at_least: critical, wait: 1m, continue: true}
      - {channels: [b], rules: [Throttled]}
""").routes.routes
    window = (time(7, 30), time(19))
    manner = Manner(
        group_by=("owner", "tag:environment", "tag:team"),
        wait=5 * MINUTE,
        repeat={**REPEAT, Severity.CRITICAL: (30 * MINUTE, 2 * HOUR)},
        hours=Hours({0: window, 4: window}, ZoneInfo("Europe/Berlin"), frozenset({date(2026, 12, 24)})),
        escalation=Escalation(HOUR, ("b",)),
    )
    first, second = outer.routes

    assert (outer.name, outer.channels, outer.manner) == ("ours", ("a",), manner)
    assert (first.name, first.channels, first.go_on) == ("route 1.1", ("a",), True)
    assert (first.manner.wait, first.manner.hours) == (MINUTE, manner.hours)
    assert (second.name, second.channels, second.manner) == ("route 1.2", ("b",), manner)
    assert second.matcher == Matcher(rules=("throttled",))


def test_the_environment_is_a_tag_under_the_name_that_the_file_gives_it():
    found = watch("""
environment_tag: Stage
routes: [{channels: [a], environment: Prod, tags: {Team: Search}}]
""")

    assert found.routes.routes[0].matcher == Matcher(tags={"stage": "prod", "team": "search"})


def test_a_route_may_lead_to_nobody_when_it_says_so():
    assert watch("routes: [{channels: [], kinds: [newcomer]}]").routes.routes[0].channels == ()


def test_silences_and_planned_changes():
    found = watch("""
silences:
  - {scope: /subscriptions/S, end: 2026-10-01T18:00:00+02:00, why: moving}
planned:
  - {part: chat, start: 2026-09-01 08:00:00, end: 2026-09-05 18:00:00, up_to: 3}
""")
    first = datetime.min.replace(tzinfo=UTC)
    end, until = datetime(2026, 10, 1, 16, tzinfo=UTC), datetime(2026, 9, 5, 18, tzinfo=UTC)

    assert found.silences == (
        Silence("silence 1", Matcher(scope="/subscriptions/s"), first, end, "watch.yaml", "moving"),
        Silence(
            "planned 1",
            Matcher(),
            datetime(2026, 9, 1, 8, tzinfo=UTC),
            until,
            "watch.yaml",
            "planned 1",
            part="chat",
            up_to=Decimal(3),
        ),
    )


def test_digests():
    (found,) = watch("""
digests: [{name: ops, every: week, at: "07:30", zone: Asia/Kolkata, channels: [b], kinds: [budget]}]
""").digests
    matcher = Matcher(kinds=(Kind.BUDGET,))

    assert found == Digest("ops", Grain.WEEK, time(7, 30), ZoneInfo("Asia/Kolkata"), ("b",), matcher)


def test_what_follows_from_what():
    assert watch("inhibitions: []").inhibitions == ()
    (rule,) = watch(
        "inhibitions: [{source: {kinds: [freshness]}, target: {}, equal: [subscription]}]"
    ).inhibitions
    assert rule == Inhibition(Matcher(kinds=(Kind.FRESHNESS,)), Matcher(), ("subscription",))


def test_without_a_word_what_follows_from_a_failure_or_a_full_ptu_is_quiet():
    failing, full = watch("").inhibitions

    assert failing.source == Matcher(at_least=Severity.CRITICAL, kinds=(Kind.LIMIT,))
    assert failing.target == Matcher(kinds=(Kind.ANOMALY,))
    assert (full.source, full.target) == (Matcher(rules=("ptu-utilisation",)), Matcher(rules=("throttled",)))
    assert failing.equal == full.equal == ("resource", "part")


def test_a_watch_without_routes_tells_all_to_all():
    assert watch("").routes == Route("all alerts", ("a", "b"))


# What is refused

GO_ON = "`continue: true` on {}, which takes all of its alerts"


@pytest.mark.parametrize(
    ("routes", "place", "expected"),
    [
        pytest.param(
            "[{channels: [a]}, {channels: [b]}]", "[1]", GO_ON.format("the route before it"), id="all taken"
        ),
        pytest.param(
            "[{name: x, channels: [a], kinds: [limit, budget]}, {channels: [b], kinds: [limit], owner: me}]",
            "[1]",
            GO_ON.format("x"),
            id="taken by kind",
        ),
        pytest.param(
            "[{channels: [a], scope: /subscriptions/s}, {channels: [b], scope: /subscriptions/S/x/y}]",
            "[1]",
            GO_ON.format("the route before it"),
            id="taken by scope",
        ),
        pytest.param(
            "[{channels: [a], rules: [X]}, {channels: [b], rules: [x], tags: {t: v}}]",
            "[1]",
            GO_ON.format("the route before it"),
            id="taken by rule",
        ),
        pytest.param(
            "[{channels: [a], kinds: [limit], routes: [{kinds: [budget]}]}]",
            "[0].routes[0]",
            "one of the kinds of the route around it: limit",
            id="another kind than around it",
        ),
        pytest.param(
            "[{channels: [a], rules: [x], routes: [{rules: [y]}]}]",
            "[0].routes[0]",
            "one of the rules of the route around it: x",
            id="another rule than around it",
        ),
        pytest.param(
            "[{channels: [a], scope: /subscriptions/s, routes: [{scope: /subscriptions/t}]}]",
            "[0].routes[0]",
            "a scope in that of the route around it, /subscriptions/s",
            id="another scope than around it",
        ),
        pytest.param(
            "[{channels: [a], owner: me, routes: [{owner: you}]}]",
            "[0].routes[0]",
            "the owner of the route around it, me",
            id="another owner than around it",
        ),
        pytest.param(
            "[{channels: [a], environment: prod, routes: [{environment: test}]}]",
            "[0].routes[0]",
            "the environment of the route around it, prod",
            id="another environment than around it",
        ),
    ],
)
def test_a_route_that_no_alert_can_reach(routes, place, expected):
    assert problems(f"routes: {routes}") == {
        f"$.routes{place}": ("a route that no alert can reach", expected),
    }


@pytest.mark.parametrize(
    "routes",
    [
        "[{channels: [a], continue: true}, {channels: [b]}]",
        "[{channels: [a], at_least: critical}, {channels: [b]}]",
        "[{channels: [a], owner: me}, {channels: [b], owner: you}]",
        "[{channels: [a], tags: {t: v}}, {channels: [b], tags: {t: w}}]",
        "[{channels: [a], kinds: [limit]}, {channels: [b], kinds: [limit, budget]}]",
        "[{channels: [a], kinds: [limit], routes: [{kinds: [limit, budget], owner: me}]}]",
        "[{channels: [a], owner: me, routes: [{owner: ME}]}]",
    ],
)
def test_routes_that_some_alert_reaches_are_right(routes):
    assert watch(f"routes: {routes}").routes.routes


NAMES = "a channel's name: a, b"
WHEN = "a time such as 2026-10-01T18:00:00Z, in UTC without a zone"
LABELS = "one of resource, part, subscription, rule, kind, owner, environment, incident, tag:NAME"


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("routes: [{kinds: [limit]}]", "routes[0].channels", "nothing", "channels' names, or [] for nobody"),
        ("routes: [{channels: [c]}]", "routes[0].channels[0]", "'c'", NAMES),
        (
            "routes: [{channels: [a], escalation: {after: 1h, channels: [c]}}]",
            "routes[0].escalation.channels[0]",
            "'c'",
            NAMES,
        ),
        (
            "routes: [{channels: [a], escalation: {after: 1h, channels: []}}]",
            "routes[0].escalation.channels",
            "nobody",
            "at least one channel's name",
        ),
        (
            "routes: [{channels: [a], escalation: {channels: [b]}}]",
            "routes[0].escalation.after",
            "nothing",
            "such as 15m, 4h, 2d",
        ),
        (
            "routes: [{name: x, channels: [a], owner: me}, {name: X, channels: [b]}]",
            "routes[1].name",
            "'X'",
            "a name that no other route has",
        ),
        (
            "routes: [{name: x, channels: [a], routes: [{name: x, owner: me}]}]",
            "routes[0].routes[0].name",
            "'x'",
            "a name that no other route has",
        ),
        ("routes: [{channels: [a], group_by: [resorce]}]", "routes[0].group_by[0]", "'resorce'", LABELS),
        ("routes: [{channels: [a], group_by: ['tag:']}]", "routes[0].group_by[0]", "'tag:'", LABELS),
        (
            "routes: [{channels: [a], repeat: {critical: [1h, 10m]}}]",
            "routes[0].repeat.critical[1]",
            "'10m'",
            "at least 30m",
        ),
        (
            "routes: [{channels: [a], hours: {zone: Europe/Berlim}}]",
            "routes[0].hours.zone",
            "'Europe/Berlim'",
            "a time zone such as Europe/Berlin",
        ),
        (
            "routes: [{channels: [a], hours: {start: '18:00', end: '08:00'}}]",
            "routes[0].hours.end",
            "'08:00'",
            "a time after 18:00",
        ),
        (
            "routes: [{channels: [a], hours: {days: []}}]",
            "routes[0].hours.days",
            "no day",
            "at least one of mon, tue, wed, thu, fri, sat, sun",
        ),
        (
            "routes: [{channels: [a], hours: {start: '24:00'}}]",
            "routes[0].hours.start",
            "'24:00'",
            "a time of day such as 08:30",
        ),
        (
            "routes: [{channels: [a], hours: {holidays: [christmas]}}]",
            "routes[0].hours.holidays[0]",
            "'christmas'",
            "a day such as 2026-12-24",
        ),
        ("silences: [{owner: me}]", "silences[0].end", "nothing", WHEN),
        ("planned: [{part: x}]", "planned[0].end", "nothing", WHEN),
        (
            "silences: [{end: 2026-10-01}]",
            "silences[0].end",
            "datetime.date(2026, 10, 1)",
            WHEN,
        ),
        ("silences: [{end: never}]", "silences[0].end", "'never'", WHEN),
        (
            "silences: [{start: 2026-10-02T00:00:00Z, end: 2026-10-01T18:00:00Z}]",
            "silences[0].end",
            "2026-10-01 18:00:00+00:00",
            "a time after 2026-10-02 00:00:00+00:00",
        ),
        (
            "planned: [{end: 2026-10-01T18:00:00Z, up_to: 0.5}]",
            "planned[0].up_to",
            "0.5",
            "a number from 1 to 1,000",
        ),
        (
            "planned: [{end: 2026-10-01T18:00:00Z, up_to: .nan}]",
            "planned[0].up_to",
            "NaN",
            "a number from 1 to 1,000",
        ),
        (
            "digests: [{name: x, channels: []}]",
            "digests[0].channels",
            "nobody",
            "at least one channel's name",
        ),
        ("digests: [{name: x, channels: [c]}]", "digests[0].channels[0]", "'c'", NAMES),
        (
            "digests: [{name: x, channels: [a], zone: Berlin}]",
            "digests[0].zone",
            "'Berlin'",
            "a time zone such as Europe/Berlin",
        ),
        (
            "digests: [{name: x, channels: [a]}, {name: X, channels: [b]}]",
            "digests[1].name",
            "'X'",
            "a name that no other digest has",
        ),
        (
            "digests: [{name: x, channels: [a], every: fortnight}]",
            "digests[0].every",
            "'fortnight'",
            "one of day, month, week",
        ),
        (
            "inhibitions: [{source: {}, target: {}, equal: [place]}]",
            "inhibitions[0].equal[0]",
            "'place'",
            LABELS,
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_cannot_be_meant_is_refused_in_words(text, path, value, expected):
    assert problems(text) == {f"$.{path}": (value, expected)}
