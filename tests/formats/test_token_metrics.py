import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import (
    AGENT_TOKENS_IN,
    LATENCY,
    PTU_UTILISATION,
    REQUESTS_FAILED,
    REQUESTS_OK,
    REQUESTS_REFUSED,
    REQUESTS_THROTTLED,
    TOKENS_IN,
    TOKENS_OUT,
    Meter,
    Reading,
    Scope,
)
from shared.formats.metric_names import (
    BY_AGENT,
    BY_DEPLOYMENT,
    BY_STATUS,
    MOST_SERIES,
    Family,
    Question,
    Source,
)
from shared.formats.records import pack, unpack
from shared.formats.token_metrics import family_of, is_cut, parse, parts_in, results

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
GRAIN = timedelta(minutes=5)
NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
A, B = "/subscriptions/s/accounts/a", "/subscriptions/s/accounts/b"


def series(*values: Any, field: str = "total", **labels: str) -> dict[str, Any]:
    """A series of five minutes from noon; None is a point without a value."""
    data = []
    for number, value in enumerate(values):
        point = {"timeStamp": f"{NOON + number * GRAIN:%Y-%m-%dT%H:%M:%SZ}"}
        data.append(point if value is None else {**point, field: value})
    named = [
        {"name": {"value": name, "localizedValue": name}, "value": text} for name, text in labels.items()
    ]
    return {"metadatavalues": named, "data": data}


def metric(name: str, *some: dict[str, Any]) -> dict[str, Any]:
    named = {"value": name, "localizedValue": name}
    return {"id": "", "type": "Microsoft.Insights/metrics", "name": named, "timeseries": list(some)}


def result(*metrics: dict[str, Any], resource: Any = A) -> dict[str, Any]:
    return {"resourceid": resource, "interval": "PT5M", "value": list(metrics)}


def read(*some: Any, question: Question = BY_DEPLOYMENT, family: Family | None = None) -> list[Reading]:
    return read_all([A, B], {"values": list(some)}, question, family)


def read_all(
    resources: list[str], answer: Any, question: Question = BY_DEPLOYMENT, family: Family | None = None
) -> list[Reading]:
    found = results(resources, answer)
    return [one for resource, metrics in found for one in parse(resource, metrics, question, family, NOON)]


def values(readings: list[Reading], meter: Meter = TOKENS_IN) -> dict[str, list[int]]:
    """The values of a meter by deployment, in the order of time."""
    found: dict[str, list[int]] = {}
    for one in readings:
        if one.meter == meter:
            found.setdefault(one.scope.part, []).append(int(one.value))
    return found


def test_a_point_is_a_reading_of_a_deployment():
    found = read(result(metric("InputTokens", series(1200.0, modeldeploymentname="Chat-Prod"))))
    assert found == [Reading(Scope(A, "Chat-Prod"), TOKENS_IN, NOON, NOON + GRAIN, Decimal(1200), NOON)]


def test_each_metric_is_its_own_meter():
    found = read(
        result(
            metric("InputTokens", series(1, ModelDeploymentName="chat")),
            metric("OutputTokens", series(2, ModelDeploymentName="chat")),
            metric("ProvisionedUtilization", series(93.5, field="average", ModelDeploymentName="chat")),
            metric("TimeToLastByte", series(800, field="average", ModelDeploymentName="chat")),
        )
    )
    assert {one.meter: one.value for one in found} == {
        TOKENS_IN: 1,
        TOKENS_OUT: 2,
        PTU_UTILISATION: Decimal("93.5"),
        LATENCY: 800,
    }


def test_the_two_families_of_metrics_are_never_added():
    found = read(
        result(
            metric("ProcessedPromptTokens", series(100, 90, modeldeploymentname="chat")),
            metric("InputTokens", series(100, 90, modeldeploymentname="chat")),
        )
    )
    assert values(found) == {"chat": [100, 90]}


def test_the_older_family_counts_where_the_newer_is_silent():
    found = read(
        result(
            metric("InputTokens"),
            metric("ProcessedPromptTokens", series(100, modeldeploymentname="chat")),
            metric("GeneratedTokens", series(7, modeldeploymentname="chat")),
        )
    )
    assert values(found) == {"chat": [100]}
    assert values(found, TOKENS_OUT) == {"chat": [7]}


def test_the_older_family_counts_where_the_newer_shows_only_zeros():
    found = read(
        result(
            metric("InputTokens", series(0, 0, modeldeploymentname="chat")),
            metric("ProcessedPromptTokens", series(100, 90, modeldeploymentname="chat")),
        )
    )
    assert values(found) == {"chat": [100, 90]}


def test_the_family_is_chosen_for_each_deployment():
    found = read(
        result(
            metric("InputTokens", series(5, modeldeploymentname="llama")),
            metric(
                "ProcessedPromptTokens",
                series(100, modeldeploymentname="chat"),
                series(4, modeldeploymentname="llama"),
            ),
        )
    )
    assert values(found) == {"llama": [5], "chat": [100]}


@pytest.mark.parametrize(
    ("kept", "newer", "older", "expected"),
    [
        pytest.param(None, 0, 0, None, id="no use, nothing kept"),
        pytest.param(None, 5, 0, Family.NEWER, id="only the newer"),
        pytest.param(None, 0, 5, Family.OLDER, id="only the older"),
        pytest.param(None, 5, 5, Family.NEWER, id="both, nothing kept"),
        pytest.param(Family.OLDER, 5, 5, Family.OLDER, id="both, older kept"),
        pytest.param(Family.OLDER, 5, 0, Family.NEWER, id="older kept, which shows nothing"),
        pytest.param(Family.NEWER, 0, 5, Family.OLDER, id="newer kept, which shows nothing"),
        pytest.param(Family.OLDER, 0, 0, Family.OLDER, id="older kept, no use at all"),
    ],
)
def test_a_family_is_kept_until_it_shows_nothing_where_the_other_does(kept, newer, older, expected):
    answer = result(
        metric("OutputTokens", series(newer, modeldeploymentname="chat")),
        metric("ProcessedPromptTokens", series(older, modeldeploymentname="chat")),
    )
    ((_, metrics),) = results([A], {"values": [answer]})

    assert family_of(metrics, BY_DEPLOYMENT, kept) is expected


def test_the_kept_family_is_read_where_both_show_use():
    answer = result(
        metric("InputTokens", series(100, 90, modeldeploymentname="chat")),
        metric("ProcessedPromptTokens", series(101, 91, modeldeploymentname="chat")),
    )
    assert values(read(answer)) == {"chat": [100, 90]}
    assert values(read(answer, family=Family.OLDER)) == {"chat": [101, 91]}


amounts = st.lists(st.none() | st.integers(0, 3), min_size=3, max_size=3)
by_part = st.dictionaries(st.sampled_from(["chat", "mail"]), amounts)


@given(by_part, by_part, st.sampled_from([None, *Family]))
def test_of_a_deployment_and_meter_one_family_is_read_and_none_with_use_is_left_out(newer, older, family):
    answer = result(
        *(
            metric(name, *(series(*some, modeldeploymentname=part) for part, some in parts.items()))
            for name, parts in (("InputTokens", newer), ("ProcessedPromptTokens", older))
        )
    )
    found = values(read(answer, family=family))
    known = {
        part: [[one for one in parts[part] if one is not None] for parts in (newer, older) if part in parts]
        for part in {*newer, *older}
    }
    for part, ways in known.items():
        assert found.get(part, []) in ways
        assert any(found.get(part, [])) == any(any(way) for way in ways)


def test_an_answer_is_cut_when_a_metric_has_as_many_series_as_were_asked_for():
    some = [series(1, modeldeploymentname=f"d{number}") for number in range(MOST_SERIES)]
    for count, expected in ((MOST_SERIES - 1, False), (MOST_SERIES, True)):
        ((_, metrics),) = results([A], {"values": [result(metric("InputTokens", *some[:count]))]})
        assert is_cut(metrics) is expected
        assert len(parts_in(metrics, BY_DEPLOYMENT)) == count


def test_agents_are_parts_of_their_project():
    (found,) = read(result(metric("AgentInputTokens", series(7, agentid="asst_1"))), question=BY_AGENT)

    assert (found.scope, found.meter) == (Scope(A, "asst_1"), AGENT_TOKENS_IN)
    assert found.end - found.start == timedelta(hours=1)


def test_a_zero_that_was_measured_stays_a_zero():
    found = read(result(metric("InputTokens", series(0, 3, 0, modeldeploymentname="chat"))))
    assert values(found) == {"chat": [0, 3, 0]}


def test_a_point_without_a_value_is_unknown_and_not_zero():
    found = read(result(metric("InputTokens", series(1, None, 3, modeldeploymentname="chat"))))
    assert [one.start - NOON for one in found] == [timedelta(), 2 * GRAIN]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("200", {REQUESTS_OK}),
        ("201", {REQUESTS_OK}),
        ("400", {REQUESTS_OK, REQUESTS_REFUSED}),
        ("404", {REQUESTS_OK, REQUESTS_REFUSED}),
        ("429", {REQUESTS_THROTTLED}),
        ("408", {REQUESTS_FAILED}),
        ("500", {REQUESTS_FAILED}),
        ("503", {REQUESTS_FAILED}),
        ("", {REQUESTS_OK}),
    ],
)
def test_a_status_code_is_an_outcome(code, expected):
    one = series(4, modeldeploymentname="chat", statuscode=code)
    found = read(result(metric("ModelRequests", one)), question=BY_STATUS)
    assert {one.meter for one in found} == expected
    assert {one.value for one in found} == {4}


def test_status_codes_of_one_outcome_are_added():
    some = [
        series(4, modeldeploymentname="chat", statuscode=code) for code in ("500", "503", "429", "200", "400")
    ]
    found = read(result(metric("AzureOpenAIRequests", *some)), question=BY_STATUS)
    assert values(found, REQUESTS_FAILED) == {"chat": [8]}
    assert values(found, REQUESTS_THROTTLED) == {"chat": [4]}
    assert values(found, REQUESTS_OK) == {"chat": [8]}


def test_results_without_a_resource_follow_the_order_asked():
    some = metric("InputTokens", series(1, modeldeploymentname="chat"))
    found = read(None, result(some, resource=None))
    assert {one.scope.resource for one in found} == {B}


def test_a_result_beyond_what_was_asked_is_of_no_resource():
    some = metric("InputTokens", series(1, modeldeploymentname="chat"))
    found = read(*[result(some, resource="")] * 3)
    assert [one.scope.resource for one in found] == [A, B, ""]


def test_a_resource_is_spelled_in_lower_case():
    some = metric("inputTOKENS", series(1, MODELDEPLOYMENTNAME="chat"))
    (found,) = read(result(some, resource=f"{A.upper()}/"))
    assert found.scope == Scope(A, "chat")


def test_a_series_of_no_deployment_is_left_out():
    assert read(result(metric("InputTokens", series(1), series(1, modeldeploymentname="")))) == []


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"values": None},
        {"values": []},
        {"values": {}},
        {"values": [None, 5, "x", []]},
        {"values": [{"value": None}]},
        {"values": [{"value": [None, 5, {}, {"name": None}, {"name": "InputTokens"}]}]},
        {"values": [result({"name": {"value": "InputTokens"}, "timeseries": None})]},
        {"values": [result(metric("InputTokens"))]},
        {"values": [result({"name": {"value": "InputTokens"}, "timeseries": [None, 5, {}]})]},
        {"values": [result(metric("InputTokens", {"metadatavalues": [None, {}], "data": [None, {}, 5]}))]},
        {"values": [result(metric("InputTokens", {**series(1, modeldeploymentname="c"), "data": None}))]},
    ],
    ids=range(12),
)
def test_an_odd_answer_holds_no_readings(answer):
    assert read_all([A], answer) == []


@pytest.mark.parametrize(
    "point",
    [
        {"timeStamp": None, "total": 1},
        {"timeStamp": ["2026"], "total": 1},
        {"timeStamp": "soon", "total": 1},
        {"timeStamp": "9999-12-31T23:59:00Z", "total": 1},
        {"timeStamp": "2026-09-08T12:00:00Z", "total": float("nan")},
        {"timeStamp": "2026-09-08T12:00:00Z", "total": {}},
        {"timeStamp": "2026-09-08T12:00:00Z", "average": 1},
    ],
    ids=repr,
)
def test_an_odd_point_is_left_out_and_the_others_count(point):
    some = series(7, modeldeploymentname="chat")
    some["data"].insert(0, point)
    assert values(read(result(metric("InputTokens", some)))) == {"chat": [7]}


def test_the_documented_answer_of_three_resources():
    answer = json.loads((AZURE / "metricsbatch-three-resources-2023-10-01.json").read_bytes())
    for one in answer["values"]:  # the sample is of a cache, which has no deployments
        one["value"][0]["timeseries"][0]["metadatavalues"] = series(modeldeploymentname="cache")[
            "metadatavalues"
        ]
    question = Question((Source(LATENCY, "cacheWrite", "nothing", total=False),), every=timedelta(hours=4))
    found = read_all([], answer, question)
    names = [one.scope.resource.rpartition("/")[2] for one in found]
    assert names == ["redis5", "redis3", "redis2"]
    assert found[-1].value == Decimal("6723.489583333333")
    assert found[-1].start == datetime(2023, 11, 7, 14, tzinfo=UTC)


def test_the_documented_error_holds_no_readings():
    answer = json.loads((AZURE / "metricsbatch-error-dimension.json").read_bytes())
    assert read_all([A], answer) == []


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
    ["InputTokens", "ModelDeploymentName", "2026-09-08T12:00:00Z", "429"]
)  # fmt: skip
KEYS = "values value name timeseries metadatavalues data timeStamp total average resourceid".split()
any_answer = st.dictionaries(
    st.sampled_from(KEYS),
    st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
        max_leaves=25,
    ),
)
odd_parts = st.builds(
    lambda label, stamp, total, name: {
        "values": [
            {"value": [{"name": {"value": "InputTokens"}, "timeseries": [
                {"metadatavalues": [{"name": {"value": name}, "value": label}],
                 "data": [{"timeStamp": stamp, "total": total}]}]}]}
        ]
    },
    leaves, leaves, leaves, leaves,
)  # fmt: skip


@given(any_answer | odd_parts)
def test_any_answer_is_read_without_a_crash(answer):
    found = read_all([A], answer)
    assert list(unpack(pack(found))) == found
