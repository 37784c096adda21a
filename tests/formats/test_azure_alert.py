"""What is pushed, as our alerts.

A body and the alert it is lie side by side: tests/fixtures/azure/NAME.json and NAME.expected.json.
"""

import codecs
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.core.model import Alert, Severity
from shared.formats import records
from shared.formats.azure_alert import parse, parse_all
from shared.formats.pushed_body import Unreadable
from tests.pushed_bodies import AZURE, RECEIVED, assert_kept_or_refused

EXPECTED = sorted(AZURE.glob("*.expected.json"))


def body_of(name: str) -> bytes:
    return (AZURE / f"{name}.json").read_bytes()


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_body_is_the_alert_that_lies_beside_it(expected):
    body = body_of(expected.name.removesuffix(".expected.json"))
    assert parse(body, RECEIVED) == msgspec.json.decode(expected.read_bytes(), type=Alert)


def test_a_file_without_an_alert_beside_it_is_no_alert():
    with_alert = {path.name.replace(".expected", "") for path in EXPECTED}
    for path in AZURE.glob("*.json"):
        if ".expected" not in path.name and path.name not in with_alert:
            with pytest.raises(Unreadable, match="expected an Azure alert"):
                parse(path.read_bytes(), RECEIVED)


# Without the schema around it, nothing says which of two older schemas a body was.
WHOLE = [
    name
    for name in (path.name.removesuffix(".expected.json") for path in EXPECTED)
    if name not in ("budget-native-encoded-twice", "metric-legacy-static", "metric-legacy-dynamic-over")
]


def with_texts_for_objects(tree: Any) -> Any:
    """As a relay passes it on that writes what it does not know as text."""
    data = tree.get("data", tree)
    for part in ("essentials", "alertContext", "context"):
        if part in data:
            data[part] = json.dumps(data[part])
    return tree


def in_lower_case(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name.lower(): in_lower_case(value) for name, value in tree.items()}
    return [in_lower_case(one) for one in tree] if isinstance(tree, list) else tree


def in_upper_case(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name.upper(): in_upper_case(value) for name, value in tree.items()}
    return [in_upper_case(one) for one in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(
    "sent",
    [
        lambda body: codecs.BOM_UTF8 + body,
        lambda body: b"\r\n " + body + b"\n",
        lambda body: json.dumps(body.decode()).encode(),
        lambda body: json.dumps(in_lower_case(json.loads(body))).encode(),
        lambda body: json.dumps(in_upper_case(json.loads(body))).encode(),
        lambda body: json.dumps(json.loads(body).get("data", json.loads(body))).encode(),
        lambda body: b"[" + body + b"]",
        lambda body: json.dumps([body.decode()]).encode(),
        lambda body: json.dumps(with_texts_for_objects(json.loads(body))).encode(),
    ],
    ids=[
        "byte order mark",
        "blank lines",
        "encoded twice",
        "lower case",
        "upper case",
        "without envelope",
        "a list of one",
        "a list of texts",
        "objects as texts",
    ],
)
def test_a_body_is_read_however_it_was_wrapped(name, sent):
    assert parse(sent(body_of(name)), RECEIVED) == parse(body_of(name), RECEIVED)


@pytest.mark.parametrize(
    "name",
    [
        "budget-common-actual-test-2022",
        "budget-common-delivery-confirmation-test-2025",
        "budget-common-forecasted-test-2025",
        "activitylog-common-administrative-test",
        "logv2-common-test-2025",
        "metric-common-static-test",
        "metric-legacy-static",
        "servicehealth-common-test-2025",
        "smartdetector-common-test-2025",
    ],
)
def test_a_test_from_the_portal_is_told_as_a_test(name):
    alert = parse(body_of(name), RECEIVED)
    assert alert.test
    assert alert.severity is Severity.INFO
    assert alert.what.startswith("Azure's test alert arrived: ")
    assert "the road from the action group to this channel works" in alert.why
    assert alert.firing
    assert alert.ends is None


@pytest.mark.parametrize(
    "name",
    ["budget-native-ratio", "budget-common-actual", "metric-common-resolved-sample", "activitylog-legacy"],
)
def test_what_really_happened_is_no_test(name):
    assert not parse(body_of(name), RECEIVED).test


def test_a_second_test_is_told_again():
    first = body_of("budget-common-delivery-confirmation-test-2025")
    second = first.replace(b"17:49:34.022Z", b"17:51:00.000Z")
    assert second != first
    assert parse(first, RECEIVED).key != parse(second, RECEIVED).key


def metric(**essentials: Any) -> bytes:
    body = json.loads(body_of("metric-common-resolved-sample"))
    body["data"]["essentials"].update(essentials)
    return json.dumps(body).encode()


def test_a_metric_alert_opens_and_resolves_under_one_key():
    fired = parse(metric(monitorCondition="Fired", resolvedDateTime=None), RECEIVED)
    over = parse(metric(), RECEIVED)
    assert fired.key == over.key
    assert (fired.firing, over.firing) == (True, False)
    assert fired.ends is None  # Azure will say when it is over


def test_an_event_ends_by_itself():
    alert = parse(body_of("activitylog-legacy"), RECEIVED)
    assert alert.firing
    assert alert.ends == RECEIVED + timedelta(hours=24)  # from then on, however late it came


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Sev0", Severity.CRITICAL),
        ("sev1", Severity.CRITICAL),
        ("SEV2", Severity.WARNING),
        ("Sev3", Severity.INFO),
        ("Sev4", Severity.INFO),
        (None, Severity.WARNING),
        ("Sev9", Severity.WARNING),
        (3, Severity.INFO),
        ("0", Severity.CRITICAL),
        (1.0, Severity.CRITICAL),
        (True, Severity.WARNING),
    ],
)
def test_azures_severities_are_ours(word, expected):
    assert parse(metric(severity=word), RECEIVED).severity is expected


@pytest.mark.parametrize(
    ("fired", "expected"),
    [
        ("2026-09-21T04:10:00Z", datetime(2026, 9, 21, 4, 10, tzinfo=UTC)),
        ("2026-09-21T04:10:00", datetime(2026, 9, 21, 4, 10, tzinfo=UTC)),
        (None, RECEIVED),
        ("0001-01-01T00:00:00", RECEIVED),
        ("2199-01-01T00:00:00Z", RECEIVED),
        (["2026"], RECEIVED),
        (5, RECEIVED),
    ],
)
def test_a_time_that_cannot_be_is_that_of_the_arrival(fired, expected):
    assert parse(metric(monitorCondition="Fired", firedDateTime=fired), RECEIVED).since == expected


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "not JSON"),
        (b"\x00", "not JSON"),
        (b"hello", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b"1" * 5_000, "not JSON"),
        (b"null", "JSON of type NoneType; expected an object"),
        (b"NaN", "JSON of type float; expected an object"),
        (b"[]", "an empty list; expected an Azure alert"),
        (b"[{}]", "the keys (none)"),
        (b"[[{}]]", "JSON of type list; expected an object"),
        (b"[" + b"{}," * 50 + b"{}]", "a list of 51 alerts; expected at most 50"),
        (b'"text"', "not JSON"),
        (b'"\\"text\\""', "not JSON"),
        (b"{}", "the keys (none); expected an Azure alert with data"),
        (b'{"B":1,"a":2}', "the keys a, b; expected an Azure alert with data"),
        (b'{"data":{}}', "the keys data; expected"),
        (b'{"data":{"essentials":{}}}', "the keys data; expected"),
        (b'{"data":{"essentials":5,"alertContext":[]}}', "the keys data; expected"),
        (b'{"schemaId":"AzureMonitorMetricAlert","data":{"context":{"a":1}}}', "no rule and no resource"),
        (b'{"\\ud800\\n":1}', "the keys (none)"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_rubbish_is_refused_with_a_reason(body, found):
    with pytest.raises(Unreadable) as refused:
        parse(body, RECEIVED)
    why = str(refused.value)
    assert found in why
    assert why.isprintable()
    assert len(why) < 500


FIELDS = """data essentials alertContext AlertData BudgetName Budget SpendingAmount Unit SubscriptionId
    NotificationThresholdAmount BudgetThreshold SpentAmount Scope BudgetId ThresholdType schemaId context
    ForecastedTotalForPeriod alertId alertRule monitoringService monitorCondition firedDateTime severity
    alertTargetIDs condition allOf metricValue threshold activityLog operationName status
    resolvedDateTime properties SearchQuery ResultCount SearchResults tables columns rows event dimensions
    impactedServices labels annotations expression DetectionSummary eventSource level policies claims
    caller currentHealthStatus trackingId stage conditionType windowSize requestBody""".split()
odd_texts = st.text() | st.sampled_from(
    [
        "\ud800",
        "\x00",
        "1e400",
        "0.8",
        "$1,000.00",
        "2026-09-21T04:10:00Z",
        "9999-12-31",
        "Resolved",
        "Test_Alert",
    ]
)
values = st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**301) | st.floats() | odd_texts
any_json = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=8)
    ),
    max_leaves=20,
)


def merged(name: str, fields: dict[str, Any]) -> Any:
    """A real body in which some values are others."""
    body = json.loads(body_of(name))
    parts = list(objects_in(body))
    for part in parts:
        part.update({field: value for field, value in fields.items() if field in part})
    return body


def objects_in(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object in a body, however deep."""
    if isinstance(tree, dict):
        yield tree
    for one in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from objects_in(one)


nearly_real = st.builds(
    merged,
    st.sampled_from(WHOLE),
    st.dictionaries(st.sampled_from(FIELDS), any_json, max_size=6),
)


@given(st.binary())
@example(b"{" * 3_000)
def test_any_bytes_are_an_alert_or_unreadable(body):
    assert_kept_or_refused(body)


@given(any_json | nearly_real, st.booleans())
def test_any_json_is_an_alert_or_unreadable(tree, twice):
    text = json.dumps(tree)
    assert_kept_or_refused((json.dumps(text) if twice else text).encode())


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", "Infinity", "1" * 4_000, "0", "-0.0", "1e-400"])
def test_a_number_of_any_size_may_stand_for_money(number):
    template = body_of("budget-native-ratio").decode()
    assert_kept_or_refused(template.replace('"10000"', number).encode())
    assert_kept_or_refused(template.replace('"8211.40"', number).encode())


def test_a_value_may_be_nested_deeply():
    deep = "[" * 900 + "]" * 900
    for name in ("budget-native-ratio", "budget-common-actual", "metric-common-static-test"):
        text = body_of(name).decode()
        for field in (
            '"10000"',
            '"ai-products-monthly"',
            '"$10,000.00"',
            '"Sev4"',
            '"2025-04-15T18:17:12.851Z"',
        ):
            assert_kept_or_refused(text.replace(field, deep).encode())


def leaves_of(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value of a body that is no object and no list."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if inner is None:
        yield path
        return
    for name, one in inner:
        yield from leaves_of(one, (*path, name))


def with_value(body: bytes, path: tuple[Any, ...], value: Any) -> bytes:
    tree = json.loads(body)
    part = tree
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "budget-native-runbook"])
def test_a_body_in_which_any_one_value_is_odd_is_still_that_alert(name):
    body = body_of(name)
    for path in leaves_of(json.loads(body)):
        odds: tuple[Any, ...] = (None, "", 7, True, [], {"a": [1]}, "\x00<b>\ud800" * 50)
        for odd in odds:
            alert = parse(with_value(body, path, odd), RECEIVED)
            assert alert.what.strip()
            assert alert.key
            assert records.decode(records.encode(alert), Alert) == alert


@pytest.mark.parametrize("name", WHOLE)
def test_numbers_may_be_written_as_text_and_text_as_numbers(name):
    body = body_of(name)
    expected = parse(body, RECEIVED)
    for path in leaves_of(tree := json.loads(body)):
        value: Any = tree
        for step in path:
            value = value[step]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            assert parse(with_value(body, path, str(value)), RECEIVED) == expected


@given(st.sampled_from(WHOLE), st.data())
def test_a_body_that_was_cut_is_unreadable(name, data):
    body = body_of(name).rstrip()
    with pytest.raises(Unreadable, match="not JSON"):
        parse(body[: data.draw(st.integers(0, len(body) - 1))], RECEIVED)


@given(st.lists(any_json | nearly_real, max_size=4))
def test_each_alert_of_a_list_stands_for_itself(trees):
    found = parse_all(json.dumps(trees).encode(), RECEIVED)

    assert len(found) == max(1, len(trees))
    assert all(isinstance(one, (Alert, Unreadable)) for one in found)


@pytest.mark.parametrize(
    ("essentials", "context", "what"),
    [
        ({"alertRule": "r", "monitoringService": "Log Alerts V2"}, {}, "r on app-x"),
        ({"alertRule": "r", "monitoringService": "Platform"}, {"condition": None}, "r on app-x"),
        ({"alertRule": "r", "monitoringService": "SmartDetector"}, {}, "r on app-x"),
        ({"alertRule": "r", "monitoringService": "Prometheus"}, {"labels": {"cluster": "c"}}, "r on c"),
        ({"alertRule": "r", "monitoringService": "ServiceHealth"}, {}, "Service health: r"),
        ({"alertRule": "r", "monitoringService": "Something New"}, {"a": 1}, "r on app-x"),
        (
            {"alertRule": "r", "monitoringService": "Something New"},
            {"operationName": "a/b/write", "status": "Started"},
            "a/b/write Started on app-x",
        ),
        (
            {"alertRule": "r"},
            {"eventSource": "Autoscale", "properties": {"oldInstancesCount": 1, "newInstancesCount": "2"}},
            "app-x scales from 1 to 2 instances",
        ),
        (
            {"alertRule": "r", "signalType": "Log"},
            {"condition": {"allOf": [{"metricValue": 1, "operator": "GreaterThan", "threshold": 0}]}},
            "r: 1 result > 0 on app-x",
        ),
        (
            {"alertRule": "r"},
            {"condition": {"allOf": [{"metricName": "CPU", "threshold": "5", "operator": "LessThan"}]}},
            "CPU < 5 on app-x",
        ),
    ],
)
def test_an_alert_of_which_little_is_known_says_that(essentials, context, what):
    target = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/App-X"
    data = {"essentials": {**essentials, "alertTargetIDs": target}, "alertContext": context}

    assert parse(json.dumps({"data": data}).encode(), RECEIVED).what == what


def test_a_native_budget_that_names_none_is_still_one():
    alert = parse(b'{"schemaId": "AIP Budget Notification", "data": {"Budget": "50"}}', RECEIVED)

    assert alert.what.startswith("Budget without a name: ")


def test_a_list_is_taken_one_by_one_with_why_one_is_none():
    bodies = [json.loads(body_of("metric-common-fired")), {"hello": 1}, json.loads(body_of("log-v2-common"))]

    first, odd, last = parse_all(json.dumps(bodies).encode(), RECEIVED)

    assert isinstance(first, Alert)
    assert isinstance(last, Alert)
    assert (first.rule, last.rule) == ("errors-high", "throttled-calls")
    assert "the keys hello" in str(odd)
