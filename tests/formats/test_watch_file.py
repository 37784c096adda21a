"""watch.yaml: what it means, and that every mistake in it is named at once."""

import json
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shared.core.model import (
    Basis,
    Budget,
    Grain,
    Kind,
    Limit,
    Quantity,
    Sensitivity,
    Severity,
    State,
    Threshold,
)
from shared.core.routes import Matcher, Route
from shared.formats.config_errors import MOST_PROBLEMS, Problems
from shared.formats.watch_file import ChannelEntry, MeterName, Watch, json_schema, parse_watch, why_ruleless
from tests.builders import an_alert, an_incident

ROOT = Path(__file__).parent.parent.parent
SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"

FILE_KEYS = (
    "subscriptions, management_groups, owner_tag, channels, environment_tag, routes, digests, silences, "
    "planned, inhibitions, budgets, limits, anomalies, newcomers, spend, gateway, prices"
)

KINDS = "apprise, slack, slack webhook, teams, webhook"


def problems(text: str) -> dict[str, tuple[str, str]]:
    """What stands and what should, by place."""
    with pytest.raises(Problems) as refused:
        parse_watch(text)
    return {one.path: (one.value, one.expected) for one in refused.value.problems}


# What a file means


@pytest.mark.parametrize("text", ["", "\n# nothing yet\n", "{}", "---\n...\n", "null"])
def test_an_empty_file_watches_everything_and_tells_nobody(text):
    watch = parse_watch(text)
    assert watch.subscriptions == ()
    assert watch.routes == Route("all alerts")
    assert watch.sensitivity == Sensitivity()
    assert [limit.name for limit in watch.limits] == ["ptu-utilisation", "throttled", "failing"]


def test_each_key_has_its_meaning():
    watch = parse_watch(f"""
        subscriptions: [{SUBSCRIPTION.upper()}, {SUBSCRIPTION}]
        owner_tag: team
        channels:
          finops: {{kind: slack, secret: SLACK_BOT_TOKEN, channel: C0FINOPS}}
        routes:
          - {{channels: [finops], at_least: warning, scope: /subscriptions/S/, kinds: [budget], owner: me}}
        budgets:
          - name: ai
            amount: 10000.5
            currency: EUR
            grain: week
            scope: /subscriptions/S/resourceGroups/RG/
            thresholds: [{{percent: 80}}, {{percent: "99.5", basis: forecast}}]
        limits: [{{name: slow, meter: latency, above: 3000, clear: 2500, hold: 2h, severity: critical}}]
        anomalies: {{enabled: false}}
        newcomers: false
    """)
    assert watch == Watch(
        subscriptions=(SUBSCRIPTION,),
        owner_tag="team",
        channels=(("finops", ChannelEntry(kind="slack", secret="SLACK_BOT_TOKEN", channel="C0FINOPS")),),
        routes=Route(
            "all alerts",
            routes=(
                Route(
                    "route 1",
                    ("finops",),
                    Matcher(Severity.WARNING, "/subscriptions/s", (Kind.BUDGET,), owner="me"),
                ),
            ),
        ),
        inhibitions=parse_watch("").inhibitions,
        budgets=(
            Budget(
                "ai",
                "/subscriptions/s/resourcegroups/rg",
                Quantity(Decimal("10000.5"), "EUR"),
                Grain.WEEK,
                (Threshold(Decimal(80)), Threshold(Decimal("99.5"), Basis.FORECAST)),
            ),
        ),
        limits=(
            Limit(
                "slow",
                "latency",
                Decimal(3000),
                timedelta(hours=2),
                Severity.CRITICAL,
                clear=Decimal(2500),
            ),
        ),
        sensitivity=None,
        newcomers=False,
    )


def test_without_routes_every_channel_hears_everything():
    watch = parse_watch("channels: {a: {kind: teams, secret: A}, b: {kind: slack webhook, secret: B}}")
    assert watch.routes == Route("all alerts", ("a", "b"))


@pytest.mark.parametrize("name", ["sim/watch.yaml", "watch.yaml"])
def test_the_files_that_come_with_the_project_are_right(name):
    assert isinstance(parse_watch((ROOT / name).read_text(encoding="utf-8")), Watch)


# What is wrong with it


def test_all_mistakes_are_told_at_once_each_with_its_place():
    found = problems("""
        subscriptions: [not-a-guid]
        newcomers: maybe
        chanels: {}
        channels:
          finops: {kind: slak, secret: SLACK_BOT_TOKEN}
          on-call: {kind: slack, secret: SLACK_BOT_TOKEN}
          empty: {}
        routes:
          - {channels: [finops, nobody], at_least: huge, owner: me}
          - {at_least: info}
        budgets:
          - {name: a, amount: lots}
          - {name: b, amount: 0}
          - {name: c, amount: 5, currency: dollars, grain: fortnight}
          - {name: d, amount: 5, thresholds: [{percent: 0}, {percent: 80}, {percent: 2000}, {}]}
        limits:
          - {name: x, meter: tokens, above: 5}
          - {name: y, meter: latency, above: -1, hold: soon}
          - {name: z, meter: latency, above: 5, clear: 6}
        anomalies: {score: 1, least_tokens: .inf}
    """)
    channel_names = "a channel's name: empty, finops, on-call"
    assert found == {
        "$.subscriptions[0]": ("'not-a-guid'", "a subscription's id, a GUID"),
        "$.newcomers": ("'maybe'", "true or false"),
        "$.chanels": (
            "a key that is not known",
            f"one of {FILE_KEYS}",
        ),
        "$.channels.finops.kind": ("'slak'", f"one of {KINDS}"),
        "$.channels.on-call.channel": ("nothing", "a Slack channel's id, such as C0123456789"),
        "$.channels.empty.kind": ("nothing", f"one of {KINDS}"),
        "$.channels.empty.secret": ("nothing", "the name of the setting that holds it"),
        "$.routes[0].channels[1]": ("'nobody'", channel_names),
        "$.routes[0].at_least": ("'huge'", "one of critical, info, warning"),
        "$.routes[1].channels": ("nothing", "channels' names, or [] for nobody"),
        "$.budgets[0].amount": ("'lots'", "a number"),
        "$.budgets[1].amount": ("0", "a number from 0.01 to 1,000,000,000,000,000"),
        "$.budgets[2].currency": ("'dollars'", "an ISO 4217 code"),
        "$.budgets[2].grain": ("'fortnight'", "one of day, month, quarter, week, year"),
        "$.budgets[3].thresholds[0].percent": ("0", "a number from 0.01 to 1000"),
        "$.budgets[3].thresholds[2].percent": ("2000", "a number from 0.01 to 1000"),
        "$.budgets[3].thresholds[3].percent": ("nothing", "a value"),
        "$.limits[0].meter": ("'tokens'", f"one of {', '.join(sorted(get_args(MeterName)))}"),
        "$.limits[1].above": ("-1", "a number from 0 to 1,000,000,000,000,000"),
        "$.limits[1].hold": ("'soon'", "such as 15m, 4h, 2d"),
        "$.limits[2].clear": ("6", "a number from 0 to 5, the limit itself"),
        "$.anomalies.score": ("1", "float >= 2.0"),
        "$.anomalies.least_tokens": ("inf", "a number"),
    }


def test_indexes_are_those_of_the_file_after_several_bad_items():
    routes = "[1, {channels: [], owner: me}, 2, {channels: [x]}, 3]"
    found = problems(f"subscriptions: [a, b, 5, c]\nroutes: {routes}")
    assert list(found) == [
        "$.subscriptions[0]",
        "$.subscriptions[1]",
        "$.subscriptions[2]",
        "$.subscriptions[3]",
        "$.routes[0]",
        "$.routes[2]",
        "$.routes[4]",
        "$.routes[3].channels[0]",
    ]


HOLD = "limits: [{{name: a, meter: latency, above: 1, hold: {}}}]"
TEAMS = "channels: {{{}: {{kind: teams, secret: A}}}}"


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("[]", "$", "[]", "a mapping"),
        ("text", "$", "'text'", "a mapping"),
        ("5", "$", "5", "a mapping"),
        ("2026-09-08", "$", "datetime.date(2026, 9, 8)", "a mapping"),
        ("channels: []", "$.channels", "[]", "a mapping"),
        ("channels: {a: null}", "$.channels.a", "None", "a mapping"),
        ("budgets: {}", "$.budgets", "{}", "a list"),
        ("subscriptions: [null]", "$.subscriptions[0]", "None", "a subscription's id, a GUID"),
        ("owner_tag: 5", "$.owner_tag", "5", "text"),
        ("newcomers: 1", "$.newcomers", "1", "true or false"),
        ("newcomers: 'yes'", "$.newcomers", "'yes'", "true or false"),
        ("owner_tag: yes", "$.owner_tag", "True", "text"),
        ("5: x", "$.5", "a key that is not known", None),
        ("on: x", "$.true", "a key that is not known", None),
        ("null: x", "$.null", "a key that is not known", None),
        ("? 2026-09-08\n: x", "$.2026-09-08", "a key that is not known", None),
        ("a`b` - at `$.c: x", "$.a'b' - at '$.c", "a key that is not known", None),
        ("budgets: [{name: a, amount: .nan}]", "$.budgets[0].amount", "NaN", None),
        ("budgets: [{name: a, amount: .inf}]", "$.budgets[0].amount", "Infinity", None),
        ("budgets: [{name: a, amount: 1e400}]", "$.budgets[0].amount", "1E+400", None),
        ("budgets: [{name: a, amount: true}]", "$.budgets[0].amount", "True", "a number"),
        ("budgets: [{name: a, amount: 1e-400}]", "$.budgets[0].amount", "1E-400", None),
        (HOLD.format("99999d"), "$.limits[0].hold", "'99999d'", "at most 7d"),
        (HOLD.format("999999d"), "$.limits[0].hold", "'999999d'", None),
        (HOLD.format('"5m\\n"'), "$.limits[0].hold", "'5m\\n'", None),
        (HOLD.format("٥m"), "$.limits[0].hold", "'٥m'", None),
        ("anomalies: {score: .nan}", "$.anomalies.score", "nan", None),
        ("routes: [{channels: [], scope: rg}]", "$.routes[0].scope", "'rg'", None),
        (TEAMS.format("'a|b'"), "$.channels.a|b", "this key", "letters, digits and .+-(), at most 60"),
        (TEAMS.format(61 * "a"), f"$.channels.{61 * 'a'}", "this key", None),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_mistake_has_a_place_a_value_and_what_was_expected(text, path, value, expected):
    found = problems(text)
    assert list(found) == [path]
    assert found[path][0] == value
    assert found[path][1] if expected is None else found[path][1] == expected


def test_a_bad_key_does_not_hide_its_neighbours():
    found = problems(
        "channels: {good: {kind: teams, secret: A}, 'a|b': {kind: teams, secret: A}, c: {kind: x}}"
    )
    assert list(found) == ["$.channels.a|b", "$.channels.c.kind", "$.channels.c.secret"]


def test_a_channel_with_a_mistake_is_still_a_channel_for_the_routes():
    found = problems("channels: {a: {kind: x}}\nroutes: [{channels: [a, b]}]")
    assert list(found) == ["$.channels.a.kind", "$.channels.a.secret", "$.routes[0].channels[1]"]


def test_a_secret_that_stands_where_its_name_belongs_is_not_repeated():
    found = problems("channels: {a: {kind: slack, channel: C0, secret: xoxb-1234-secret}}")
    assert found == {
        "$.channels.a.secret": ("a text of 16 characters", "the name of the setting that holds it"),
    }


def test_a_key_that_stands_twice_is_told_with_its_line_and_all_else():
    found = problems(
        "newcomers: true\nbudgets: []\nlimits:\n  - {name: a, name: b, meter: x, above: 1}\nbudgets: []\n"
    )
    assert found["line 5"] == ("'budgets'", "each key of a mapping once")
    assert found["line 4"] == ("'name'", "each key of a mapping once")
    assert "$.limits[0].meter" in found
    assert list(problems("owner_tag: a\nowner_tag: a")) == ["line 2"]


def test_yaml_that_is_merged_is_not_twice():
    watch = parse_watch("""
        limits:
          - &slow {name: slow, meter: latency, above: 3000}
          - {<<: *slow, name: slower}
    """)
    assert [limit.name for limit in watch.limits] == ["slow", "slower"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("budgets: [{name: a, amount: 5}, {name: b, amount: 5}, {name: A, amount: 6}]", "$.budgets[2].name"),
        (
            (
                "budgets: [{name: a, amount: 5, scope: /subscriptions/S},"
                " {name: a, amount: 5, scope: /subscriptions/s/}]"
            ),
            "$.budgets[1].name",
        ),
        ("budgets: [{amount: 5}, {name: a, amount: 5}, {name: 'a ', amount: 6}]", "$.budgets[2].name"),
        (
            "limits: [{name: x, meter: latency, above: 1}, {name: X, meter: latency, above: 2}]",
            "$.limits[1].name",
        ),
    ],
)
def test_two_of_one_name_are_told(text, path):
    assert problems(text)[path][1] == "a name that no other one has"


def test_one_budget_name_in_two_scopes_is_no_mistake():
    watch = parse_watch("budgets: [{name: a, amount: 5}, {name: a, amount: 5, scope: /subscriptions/s}]")
    assert len(watch.budgets) == 2


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "\ta: b",
        "a: b: c",
        "*nobody",
        "a: &a [*a]",
        "!!python/object:os.system x",
        "!!bool maybe",
        "!!timestamp soon",
        "!!int ''",
        "!!float x",
        "a: 2026-99-99",
        "? [a]\n: b",
        "---\na: 1\n---\nb: 2",
        "\x00",
        "a: \x07",
        "[" * 500,
        "1" * 5_000,
        "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}' if n else 'x'] * 9)}]\n" for n in range(12)),
    ],
    ids=range(18),
)
def test_what_is_no_yaml_or_too_much_of_it_is_one_problem(text):
    found = problems(text)
    (path,) = found
    assert path == "$"
    assert found[path][0] == "this text"
    assert found[path][1].startswith("YAML; ")


def test_no_more_problems_than_a_person_reads():
    found = problems("subscriptions: [" + "x, " * 300 + "]")
    assert len(found) == MOST_PROBLEMS


# Rules that are no more


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("limits: [{name: x, meter: latency, above: 1}]", "removed", id="removed"),
        pytest.param(
            "limits: [{name: throttled, meter: latency, above: 1, scope: /subscriptions/other}]",
            "no longer for",
            id="moved",
        ),
        pytest.param("limits: [{name: throttled, meter: latency, above: 9}]", "", id="changed in its value"),
        pytest.param("", "", id="as it was"),
    ],
)
def test_a_limit_that_is_no_more_closes_its_incidents_with_that_reason(text, why):
    found = why_ruleless(an_incident(), parse_watch(text))

    assert why in found
    assert bool(found) is bool(why)


def test_what_is_over_or_was_found_by_others_has_no_rule_to_miss():
    watch = parse_watch("limits: []")

    assert why_ruleless(an_incident(state=State.RESOLVED), watch) == ""
    assert why_ruleless(an_incident(an_alert(source="Azure")), watch) == ""
    assert why_ruleless(an_incident(), watch) != ""


def test_anomalies_that_are_switched_off_close_theirs():
    anomaly = an_incident(an_alert(kind=Kind.ANOMALY))

    assert why_ruleless(anomaly, parse_watch("anomalies: {enabled: false}")) != ""
    assert why_ruleless(anomaly, parse_watch("")) == ""


# Any file


KEYS = """subscriptions owner_tag channels routes budgets limits anomalies newcomers kind secret channel
    at_least scope kinds owner percent basis name amount currency grain thresholds meter above hold severity
    enabled score least_tokens a finops""".split()
WORDS = """teams slack A finops a warning critical budget actual forecast month latency 15m 2d USD
    /subscriptions/s 80 -1 1e400""".split()
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.binary(max_size=3)
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
keys = leaves.filter(lambda leaf: not isinstance(leaf, float))  # NaN is no key that could be found
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
        | st.dictionaries(keys, inner, max_size=2)
    ),
    max_leaves=30,
)
mappings = st.dictionaries(st.sampled_from(KEYS), leaves, max_size=6)
files = st.fixed_dictionaries(
    {},
    optional={
        "subscriptions": st.lists(leaves, max_size=3),
        "channels": st.dictionaries(keys, mappings | leaves, max_size=3),
        "routes": st.lists(mappings | leaves, max_size=3),
        "budgets": st.lists(mappings | leaves, max_size=3),
        "limits": st.lists(mappings | leaves, max_size=3),
        "anomalies": mappings | leaves,
        "newcomers": leaves,
    },
)


def read(text: str) -> Watch | Problems:
    try:
        return parse_watch(text)
    except Problems as found:
        return found


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(trees | files)
@example({"channels": {"a": {"kind": "x"}, "b": {"kind": "x"}}})
def test_any_file_is_a_watch_or_has_problems(tree):
    found = read(yaml.safe_dump(tree, allow_unicode=True))
    if isinstance(found, Watch):
        return
    assert 1 <= len(found.problems) <= 2 * MOST_PROBLEMS
    for one in found.problems:
        assert one.expected
        assert len(str(one)) < 2_000


@given(st.text() | st.text(st.sampled_from("ab: -[]{}&*!?|>'\"\n#,")))
def test_any_text_is_a_watch_or_has_problems(text):
    found = read(text)
    assert isinstance(found, Watch) or found.problems


# The schema for editors


def accepts(tree: Any) -> bool:
    schema = json.loads(json.dumps(json_schema()))
    return jsonschema.Draft202012Validator(schema).is_valid(tree)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(json_schema())))


@pytest.mark.parametrize("name", ["sim/watch.yaml", "watch.yaml"])
def test_the_schema_accepts_the_files_that_come_with_the_project(name):
    assert accepts(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")) or {})


@pytest.mark.parametrize("amount", [10_000, 99.5, "99.5"])
def test_the_schema_accepts_what_the_decoder_accepts(amount):
    tree = {"budgets": [{"name": "a", "amount": amount, "thresholds": [{"percent": amount}]}]}
    assert accepts(tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"chanels": {}},
        {"channels": {"a": {"kind": "teams", "secret": "A", "colour": "red"}}},
        {"channels": {"a": {"kind": "pager", "secret": "A"}}},
        {"channels": {"a|b": {"kind": "teams", "secret": "A"}}},
        {"budgets": [{"name": "a"}]},
        {"budgets": [{"name": "a", "amount": True}]},
        {"limits": [{"name": "a", "meter": "latency", "above": 1, "hold": "soon"}]},
        {"newcomers": "yes"},
        [],
    ],
    ids=repr,
)
def test_the_schema_refuses_what_the_decoder_refuses(tree):
    assert not accepts(tree)
    with pytest.raises(Problems):
        parse_watch(yaml.safe_dump(tree))


def test_the_schema_accepts_nothing_at_all():
    assert accepts({})
