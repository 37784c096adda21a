"""What is pushed, as our alerts.

A body and the alert it is lie side by side: tests/fixtures/azure/NAME.json and NAME.expected.json.
"""

import codecs
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.core.model import Alert, Basis, Severity, Threshold
from shared.formats import records
from shared.formats.azure_alert import Unreadable, parse

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
RECEIVED = datetime(2026, 9, 21, 4, 12, tzinfo=UTC)
EXPECTED = sorted(AZURE.glob("*.expected.json"))


def body_of(name: str) -> bytes:
    return (AZURE / f"{name}.json").read_bytes()


def changed(name: str, **fields: Any) -> bytes:
    """A budget's body with other values in its data; ... takes a field away."""
    body = json.loads(body_of(name))
    data = body["data"] if "native" in name else body["data"]["alertContext"]["AlertData"]
    data.update(fields)
    for field, value in fields.items():
        if value is ...:
            del data[field]
    return json.dumps(body).encode()


def steps_of(body: bytes) -> tuple[str, ...]:
    return parse(body, RECEIVED).steps


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_body_is_the_alert_that_lies_beside_it(expected):
    body = body_of(expected.name.removesuffix(".expected.json"))
    assert parse(body, RECEIVED) == msgspec.json.decode(expected.read_bytes(), type=Alert)


def test_every_pushed_body_has_its_alert_beside_it():
    pushed = {
        path.name
        for sort in ("budget-", "metric-", "activity", "service", "smart", "logv2")
        for path in AZURE.glob(f"{sort}*.json")
    }
    with_alert = {path.name.replace(".expected", "") for path in EXPECTED}
    assert {name for name in pushed if ".expected" not in name} == with_alert


@pytest.mark.parametrize(
    ("spent", "budget", "threshold", "step"),
    [
        ("8211.40", "10000", "0.8", "actual 80"),
        ("8211.40", "10000", "8000.0", "actual 80"),
        ("100", "50", "0.8", "actual 80"),
        ("100", "50", "40", "actual 80"),
        ("20.4", "20", "20", "actual 100"),
        ("20.4", "20", "1", "actual 100"),
        ("20.4", "20", "1.0", "actual 100"),
        ("10300", "10000", "1", "actual 100"),
        ("12500", "10000", "1.2", "actual 120"),
        ("5000", "10000", "0.8", "forecast 80"),
        ("5000", "10000", "1", "forecast 100"),
        ("5000", "10000", "10000", "forecast 100"),
        ("5000", "10000", "12000", "forecast 120"),
        ("1.05", "100", "1", "actual 1"),
        ("2.6", "5", "2.5", "actual 50"),
        ("333.40", "1000", "333.33", "actual 33.33"),
    ],
)
def test_the_native_threshold_is_a_ratio_or_an_amount(spent, budget, threshold, step):
    body = changed(
        "budget-native-ratio", SpendingAmount=spent, Budget=budget, NotificationThresholdAmount=threshold
    )
    assert steps_of(body) == (step,)


@pytest.mark.parametrize("name", ["budget-native-ratio", "budget-common-actual"])
def test_the_same_crossing_delivered_twice_is_the_same(name):
    first = parse(body_of(name), RECEIVED)
    second = parse(body_of(name), RECEIVED + timedelta(minutes=1))
    assert (first.key, first.steps) == (second.key, second.steps)
    assert len(first.steps) == 1


def test_both_schemas_tell_of_one_crossing_of_one_budget():
    native, common = (
        parse(body_of(f"budget-{name}"), RECEIVED) for name in ("native-ratio", "common-actual")
    )
    assert (native.key, native.steps) == (common.key, common.steps)
    assert (native.seen, native.against, native.what) == (common.seen, common.against, common.what)


def test_a_budget_of_a_resource_group_is_the_same_in_both_schemas():
    names = ("native-resource-group", "common-forecast-eur-resource-group")
    actual, forecast = (parse(body_of(f"budget-{name}"), RECEIVED) for name in names)
    assert actual.key == forecast.key
    assert (actual.steps, forecast.steps) == (("actual 100",), ("forecast 100",))


def test_another_threshold_of_the_budget_is_another_step_of_the_same_incident():
    eighty = parse(body_of("budget-common-actual"), RECEIVED)
    hundred = parse(changed("budget-common-actual", NotificationThresholdAmount="$10,000.00"), RECEIVED)
    assert eighty.key == hundred.key
    assert (eighty.steps, hundred.steps) == (("actual 80",), ("actual 100",))
    assert (eighty.severity, hundred.severity) == (Severity.WARNING, Severity.CRITICAL)


def test_a_step_is_named_as_our_own_budgets_name_it():
    assert steps_of(body_of("budget-native-ratio")) == (Threshold(Decimal(80), Basis.ACTUAL).step,)


def in_lower_case(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name.lower(): in_lower_case(value) for name, value in tree.items()}
    return tree


def in_upper_case(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name.upper(): in_upper_case(value) for name, value in tree.items()}
    return tree


@pytest.mark.parametrize("name", ["budget-native-ratio", "budget-common-actual", "metric-common-static-test"])
@pytest.mark.parametrize(
    "sent",
    [
        lambda body: codecs.BOM_UTF8 + body,
        lambda body: b"\r\n " + body + b"\n",
        lambda body: json.dumps(body.decode()).encode(),
        lambda body: json.dumps(in_lower_case(json.loads(body))).encode(),
        lambda body: json.dumps(in_upper_case(json.loads(body))).encode(),
        lambda body: json.dumps(json.loads(body)["data"]).encode(),
    ],
    ids=["byte order mark", "blank lines", "encoded twice", "lower case", "upper case", "without envelope"],
)
def test_a_body_is_read_however_it_was_wrapped(name, sent):
    assert parse(sent(body_of(name)), RECEIVED) == parse(body_of(name), RECEIVED)


@pytest.mark.parametrize("nothing", [None, "", ..., "n/a", [], {"a": 1}, True], ids=repr)
@pytest.mark.parametrize("name", ["budget-native-ratio", "budget-common-actual"])
def test_a_budget_with_holes_is_still_told(name, nothing):
    native = "native" in name
    fields = [
        "SpendingAmount",
        "Budget",
        "Unit",
        "SubscriptionId",
        "ResourceGroup",
        "NotificationThresholdAmount",
    ]
    fields = fields if native else [
        "SpentAmount", "BudgetThreshold", "Unit", "Scope", "NotificationThresholdAmount", "ThresholdType"
    ]  # fmt: skip
    alert = parse(changed(name, **dict.fromkeys(fields, nothing)), RECEIVED)
    assert alert.firing
    assert alert.severity is Severity.WARNING
    assert alert.what == "Budget ai-products-monthly: Azure says that a threshold was crossed"
    assert alert.steps == ()
    assert records.decode(records.encode(alert), Alert) == alert


def test_a_budget_without_its_subscription_is_nobody_elses():
    lost = parse(changed("budget-native-ratio", SubscriptionId=""), RECEIVED)
    assert lost.scope.resource == "/subscriptions/unknown"
    assert lost.link == ""
    assert lost.key != parse(body_of("budget-native-ratio"), RECEIVED).key


@pytest.mark.parametrize("amount", ["0", "-50", "0.00", "1e99", "9" * 50, "1e-99", "$-1"])
@pytest.mark.parametrize("field", ["SpendingAmount", "Budget", "NotificationThresholdAmount"])
def test_money_that_cannot_be_meant_makes_no_step_and_no_crash(field, amount):
    alert = parse(changed("budget-native-ratio", **{field: amount}), RECEIVED)
    assert alert.what.startswith("Budget ai-products-monthly: ")
    assert records.decode(records.encode(alert), Alert) == alert
    if field != "SpendingAmount":
        assert alert.steps == ()


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
    assert "the road from the action group to this channel works" in alert.what


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
    assert alert.ends == alert.at + timedelta(hours=24)


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
        (3, Severity.WARNING),
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
        (b"[{}]", "JSON of type list; expected an object"),
        (b'"text"', "not JSON"),
        (b'"\\"text\\""', "JSON of type str; expected an object"),
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


def test_nothing_of_a_hostile_name_gets_into_a_key_of_the_store():
    hostile = "a|b\x00" + "c" * 5_000
    alert = parse(changed("budget-native-ratio", SubscriptionId=hostile, BudgetName=hostile), RECEIVED)
    key = records.incident_key(alert)
    assert "\x00" not in key
    assert len(key) <= 200
    assert key.count("|") == 2
    assert len(alert.what) < 200


FIELDS = """data essentials alertContext AlertData BudgetName Budget SpendingAmount Unit SubscriptionId
    NotificationThresholdAmount BudgetThreshold SpentAmount Scope BudgetId ThresholdType schemaId context
    ForecastedTotalForPeriod alertId alertRule monitoringService monitorCondition firedDateTime severity
    alertTargetIDs condition allOf metricValue threshold activityLog operationName status
    resolvedDateTime""".split()
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
    data = body["data"]
    context = data.get("alertContext", {})
    for part in (data, data.get("essentials", {}), context, context.get("AlertData", {})):
        part.update({field: value for field, value in fields.items() if field in part})
    return body


nearly_real = st.builds(
    merged,
    st.sampled_from(
        ["budget-native-ratio", "budget-common-actual", "metric-common-static-test", "metric-legacy-static"]
    ),
    st.dictionaries(st.sampled_from(FIELDS), any_json, max_size=6),
)


def assert_kept_or_refused(body: bytes) -> None:
    try:
        alert = parse(body, RECEIVED)
    except Unreadable as refused:
        records.encode(str(refused))
        return
    kept = records.decode(records.encode(alert), Alert)
    assert kept == alert
    key = records.incident_key(alert)
    assert "\x00" not in key
    assert len(key) <= 200
    assert len(records.encode(alert)) < 20_000


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
