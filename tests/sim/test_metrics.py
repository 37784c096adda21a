"""The metrics batch, asked without a socket: what is emitted by whom, how it adds up, what is refused."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.blueprint import AGENTS
from sim.estate import Estate, SimAccount, build_estate, projects_of
from sim.metric_names import ACCOUNTS, PROJECTS
from sim.metric_points import by_weight
from sim.metrics_api import Conduct, Gone, MetricsApi, never
from sim.wide import MEDIA, WIDE
from sim.wire import Refusal, Request
from tests.sim.asking import story

NOW = datetime(2026, 9, 1, 12, 30, tzinfo=UTC)  # a Tuesday at noon, in the live days
SPLIT = "ModelDeploymentName eq '*'"
PTU = {"voice-ptu", "chat-ptu"}


@pytest.fixture(scope="module")
def estate() -> Estate:
    return build_estate(days=7, subscriptions=WIDE)


@pytest.fixture
def api(estate: Estate) -> MetricsApi:
    return MetricsApi(estate)


def account(api: MetricsApi, name: str) -> SimAccount:
    return next(found for found in api.accounts.values() if found.plan.name == name)


def project(api: MetricsApi, name: str, number: int = 0) -> str:
    found = account(api, name)
    return f"{found.id}/projects/{projects_of(found)[number]}"


def ask(
    api: MetricsApi,
    identities: Sequence[str],
    names: str,
    region: str = "",
    subscription: str = "",
    now: datetime = NOW,
    gone: Gone = never,
    **change: str | None,
) -> list[dict[str, Any]]:
    """The results of a batch on the last hour up to ten minutes ago, split by deployment, unless told.

    The region and subscription are those of the first resource, a parameter that is None is not sent.
    """
    given = {
        "metricnamespace": ACCOUNTS.name,
        "metricnames": names,
        "starttime": (NOW - timedelta(minutes=70)).isoformat(),
        "endtime": (NOW - timedelta(minutes=10)).isoformat(),
        "interval": "PT5M",
        "aggregation": "total",
        "filter": SPLIT,
        "top": "1000",
    } | change
    query = urlencode({name: value for name, value in given.items() if value is not None})
    request = Request("POST", "/metrics", query, {}, json.dumps({"resourceids": list(identities)}).encode())
    found = api.known.get(identities[0].lower())
    place = region or (found.account.plan.region if found else "swedencentral")
    answer = api.answer(request, place, subscription or identities[0].split("/")[2], now, gone)
    return list(json.loads(answer.body)["values"])


def one(api: MetricsApi, name: str, metric: str, **change: Any) -> dict[str, Any]:
    """The metric of a single account."""
    ((found,),) = (result["value"] for result in ask(api, [account(api, name).id], metric, **change))
    return dict(found)


def labels(series: dict[str, Any]) -> dict[str, str]:
    return {label["name"]["value"]: label["value"] for label in series["metadatavalues"]}


def deployments(metric: dict[str, Any]) -> set[str]:
    return {labels(series)["modeldeploymentname"] for series in metric["timeseries"]}


def total(metric: dict[str, Any], **wanted: str) -> float:
    """The sum over the series with these labels."""
    chosen = [series for series in metric["timeseries"] if wanted.items() <= labels(series).items()]
    return float(sum(point.get("total", 0) for series in chosen for point in series["data"]))


def values(metric: dict[str, Any], aggregation: str) -> list[float]:
    return [
        point[aggregation] for series in metric["timeseries"] for point in series["data"] if len(point) > 1
    ]


@pytest.mark.parametrize(
    ("metric", "emitted"),
    [
        ("AudioPromptTokens", {"voice", "voice-ptu"}),
        ("AudioCompletionTokens", {"voice", "voice-ptu"}),
        ("AudioInputTokens", {"voice-ptu"}),
        ("AudioOutputTokens", {"voice-ptu"}),
        ("RealtimeUsageTime", {"voice", "voice-ptu"}),
        ("GeneratedImages", {"pictures"}),
        ("TotalPages", set()),  # read at night
        ("cacheReadInputTokens", {"writer"}),
        ("ephemeral5mInputTokens", {"writer"}),
        ("ephemeral1hInputTokens", {"writer"}),
        ("ActiveTokens", PTU),
    ],
)
def test_a_thing_that_is_counted_is_counted_where_it_is_used(api, metric, emitted):
    found = [one(api, name, metric) for name in ("aif-Media-SWC", "aif-Capacity-EUS2")]

    assert deployments(found[0]) | deployments(found[1]) == emitted
    assert not emitted or total(found[0]) + total(found[1]) > 0


def test_pages_are_read_at_night_and_some_are_annotated(api):
    night = {"starttime": "2026-09-01T02:00:00Z", "endtime": "2026-09-01T04:00:00Z"}
    pages, annotated = (one(api, "aif-Media-SWC", name, **night) for name in ("TotalPages", "AnnotatedPages"))

    assert deployments(pages) == deployments(annotated) == {"reader"}
    assert total(pages) == 4 * total(annotated) > 0


@pytest.mark.parametrize(
    "metric",
    [
        "AzureOpenAIProvisionedManagedUtilizationV2",
        "ProvisionedUtilization",
        "AzureOpenAIContextTokensCacheMatchRate",
        "AzureOpenAITimeToResponse",
        "TimeToResponse",
        "AzureOpenAINormalizedTBTInMS",
        "NormalizedTimeBetweenTokens",
        "AzureOpenAITokenPerSecond",
        "TokensPerSecond",
    ],
)
def test_what_standard_deployments_do_not_have_comes_from_ptu_only(api, metric):
    found = one(api, "aif-Capacity-EUS2", metric, aggregation="average,minimum,maximum")

    assert deployments(found) == PTU
    spreads = zip(*(values(found, name) for name in ("minimum", "average", "maximum")), strict=True)
    assert all(0 < low <= mean <= high for low, mean, high in spreads)
    assert one(api, "aif-Media-SWC", metric)["timeseries"] == []


@pytest.mark.parametrize(
    "metric",
    ["AzureOpenAITTLTInMS", "TimeToLastByte", "AzureOpenAINormalizedTTFTInMS", "NormalizedTimeToFirstToken"],
)
def test_the_other_times_come_from_every_deployment(api, metric):
    found = one(api, "aif-Capacity-EUS2", metric, aggregation="average")

    assert deployments(found) >= {*PTU, "chat-first"}
    assert all(100 < value < 60_000 for value in values(found, "average"))


def test_the_last_byte_comes_after_the_first_token(api):
    first, last = (
        values(one(api, "aif-Capacity-EUS2", name, filter=None, aggregation="average"), "average")
        for name in ("NormalizedTimeToFirstToken", "TimeToLastByte")
    )

    assert all(early < late for early, late in zip(first, last, strict=True))


@pytest.mark.parametrize(
    "family",
    ["InputTokens,OutputTokens,TotalTokens", "ProcessedPromptTokens,GeneratedTokens,TokenTransaction"],
)
def test_tokens_in_and_out_make_the_tokens_of_either_family(api, family):
    (answer,) = ask(api, [account(api, "aif-Capacity-EUS2").id], family)

    into, out, both = (total(metric) for metric in answer["value"])
    assert into + out == both > 0


def test_the_older_family_knows_openai_models_only_and_openai_accounts_nothing_newer(api):
    older, newer = (one(api, "aif-Media-SWC", name) for name in ("ProcessedPromptTokens", "InputTokens"))

    assert "writer" in deployments(newer) - deployments(older)
    assert {"voice", "pictures", "house-style"} <= deployments(older)
    assert deployments(one(api, "aoai-Support-SWC", "ProcessedPromptTokens"))
    newer_names = [metric.name for metric in ACCOUNTS.metrics.values() if metric.newer]
    (openai,) = ask(api, [account(api, "aoai-Support-SWC").id], ",".join(newer_names), filter=None)
    assert [metric["timeseries"] for metric in openai["value"]] == [[]] * len(newer_names)


def test_active_tokens_are_all_tokens_less_those_of_the_cache(api):
    name = "aif-Capacity-EUS2"
    active, every, read = (
        total(one(api, name, metric), modeldeploymentname="chat-ptu")
        for metric in ("ActiveTokens", "TotalTokens", "InputTokens")
    )
    rate = values(
        one(
            api,
            name,
            "AzureOpenAIContextTokensCacheMatchRate",
            aggregation="average",
            filter="ModelDeploymentName eq 'chat-ptu'",
        ),
        "average",
    )

    assert (every - active) / read == pytest.approx(sum(rate) / len(rate) / 100, rel=0.05)


def test_requests_that_a_ptu_turns_away_and_another_serves_are_labelled_as_spillover(api):
    split = {"filter": "ModelDeploymentName eq '*' and StatusCode eq '*' and IsSpillover eq 'True'"}
    found = one(api, "aif-Capacity-EUS2", "ModelRequests", starttime="2026-08-31T00:00:00Z", **split)

    seen = {(each["modeldeploymentname"], each["statuscode"]) for each in map(labels, found["timeseries"])}
    assert ("chat-ptu", "429") in seen
    assert ("chat-overflow", "200") in seen
    assert ("chat-ptu", "200") not in seen
    assert "chat-first" not in deployments(found)


def test_requests_name_the_service_tier_asked_for_and_answered(api):
    split = {"filter": "ServiceTierRequest eq '*' and ServiceTierResponse eq '*'"}
    found = one(api, "aif-Capacity-EUS2", "ModelRequests", **split)

    assert {tuple(labels(series).values()) for series in found["timeseries"]} == {
        ("default", "default"),
        ("priority", "priority"),
    }


def test_fine_tuning_ran_five_hours_in_the_quiet_weeks_and_three_since(api):
    whole = {"starttime": "2026-08-03T00:00:00Z", "endtime": "2026-09-07T00:00:00Z", "interval": "P1D"}
    now = datetime(2026, 9, 7, 1, tzinfo=UTC)
    (series,) = one(api, "aif-Media-SWC", "FineTunedTrainingHours", now=now, **whole)["timeseries"]

    assert labels(series) == {"modeldeploymentname": "house-style"}
    days = {number: point["total"] for number, point in enumerate(series["data"]) if "total" in point}
    assert days == {8: pytest.approx(5), 33: pytest.approx(3)}


def test_every_metric_answers_with_its_own_name_and_unit_however_it_was_spelled(api):
    every = list(ACCOUNTS.metrics.values())
    for some in (every[:20], every[20:]):
        (answer,) = ask(
            api,
            [account(api, "aif-Media-SWC").id],
            ",".join(metric.name.upper() for metric in some),
            filter=None,
        )
        assert [(metric["name"]["value"], metric["unit"]) for metric in answer["value"]] == [
            (metric.name, metric.unit) for metric in some
        ]


def test_three_names_begin_with_a_small_letter(api):
    names = {metric.name for metric in ACCOUNTS.metrics.values() if metric.name[0].islower()}

    assert names == {"cacheReadInputTokens", "ephemeral5mInputTokens", "ephemeral1hInputTokens"}


def test_an_aggregation_that_a_metric_does_not_have_is_left_out(api):
    asked = "ProcessedPromptTokens,AzureOpenAIProvisionedManagedUtilizationV2"
    (answer,) = ask(api, [account(api, "aoai-Search-EUS2").id], asked, aggregation="Total,Average")

    keys = [set(metric["timeseries"][0]["data"][0]) - {"timeStamp"} for metric in answer["value"]]
    assert keys == [{"total"}, {"average"}]


def test_without_an_aggregation_each_metric_has_its_own(api):
    asked = "ProcessedPromptTokens,AzureOpenAIProvisionedManagedUtilizationV2"
    (answer,) = ask(api, [account(api, "aoai-Search-EUS2").id], asked, aggregation=None)

    keys = [set(metric["timeseries"][0]["data"][0]) - {"timeStamp"} for metric in answer["value"]]
    assert keys == [{"total"}, {"average"}]


@pytest.mark.parametrize("metric", ["InputTokens", "ModelRequests", "ActiveTokens"])
def test_five_points_of_a_minute_make_one_of_five(api, metric):
    minutes = one(api, "aif-Capacity-EUS2", metric, filter=None, interval="PT1M")["timeseries"][0]["data"]
    fives = one(api, "aif-Capacity-EUS2", metric, filter=None)["timeseries"][0]["data"]

    assert len(minutes) == 60
    assert minutes[0]["timeStamp"] == fives[0]["timeStamp"]
    sums = [sum(point.get("total", 0) for point in minutes[n : n + 5]) for n in range(0, 60, 5)]
    assert sums == [point["total"] for point in fives]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**5)), min_size=1, max_size=5))
def test_minutes_add_up_to_their_slots_and_hold_nothing_without_a_sample(slots):
    weights = np.array([weight for _, weight in slots])
    totals = np.array([total if weight else 0 for total, weight in slots])

    samples, sums = by_weight(weights, weights), by_weight(totals, weights)
    assert samples.reshape(-1, 5).sum(axis=1).tolist() == weights.tolist()
    assert sums.reshape(-1, 5).sum(axis=1).tolist() == totals.tolist()
    assert not sums[samples == 0].any()


def test_a_window_of_minutes_may_begin_and_end_anywhere(api):
    odd = {"starttime": "2026-09-01T12:02:00Z", "endtime": "2026-09-01T12:12:30Z", "interval": "PT1M"}
    data = one(api, "aif-Hub-WEU", "ModelRequests", filter=None, **odd)["timeseries"][0]["data"]

    assert [point["timeStamp"][14:16] for point in data] == [f"{minute:02}" for minute in range(2, 13)]
    assert all("total" in point for point in data)


def test_minutes_that_have_not_arrived_are_bare_times(api):
    span = {"starttime": "2026-09-01T12:20:00Z", "endtime": "2026-09-01T12:30:00Z", "interval": "PT1M"}
    data = one(api, "aif-Hub-WEU", "ModelRequests", filter=None, **span)["timeseries"][0]["data"]

    assert len(data) == 10
    assert [set(point) for point in data[-3:]] == [{"timeStamp"}] * 3
    assert all("total" in point for point in data[:6])


def test_the_interval_full_is_one_point_and_is_answered_as_its_length(api):
    (answer,) = ask(api, [account(api, "aif-Hub-WEU").id], "InputTokens", interval="FULL", filter=None)

    assert answer["interval"] == "PT1H"
    assert len(answer["value"][0]["timeseries"][0]["data"]) == 1


def test_series_are_cut_at_ten_when_a_filter_splits_them_and_the_largest_stay(api):
    split = {
        "filter": "ModelDeploymentName eq '*' and StatusCode eq '*'",
        "starttime": "2026-08-20T00:00:00Z",
    }
    every = one(api, "aif-Hub-WEU", "ModelRequests", interval="PT1H", **split)["timeseries"]
    cut = one(api, "aif-Hub-WEU", "ModelRequests", interval="PT1H", top=None, **split)["timeseries"]
    least = one(api, "aif-Hub-WEU", "ModelRequests", interval="PT1H", top="2", orderby="total asc", **split)[
        "timeseries"
    ]

    assert len(cut) == 10 < len(every)
    assert [labels(series) for series in cut] == [labels(series) for series in every[:10]]
    assert labels(least[0]) == labels(every[-1])


def test_a_filter_takes_some_values_of_a_dimension_and_rolls_another_up(api):
    some = "ModelDeploymentName eq 'assist-mini' or ModelDeploymentName eq 'CODE-helper'"
    chosen = one(api, "aif-Hub-WEU", "InputTokens", filter=some)
    rolled = one(api, "aif-Hub-WEU", "InputTokens", filter=some, rollupby="ModelDeploymentName")

    assert deployments(chosen) == {"assist-mini", "code-helper"}
    (together,) = rolled["timeseries"]
    assert together["metadatavalues"] == []
    assert total(rolled) == total(chosen)


def test_agents_of_a_project_are_told_apart_and_use_a_part_of_their_account(api):
    split: dict[str, Any] = {
        "metricnamespace": "Microsoft.CognitiveServices/accounts/projects",
        "filter": "AgentId eq '*'",
    }
    both = [project(api, "aif-Agents-SWC", number) for number in (0, 1)]
    results = ask(api, both, "AgentInputTokens,AgentOutputTokens", **split)
    whole = one(api, "aif-Agents-SWC", "InputTokens")

    agents = [
        {labels(series)["agentid"] for series in result["value"][0]["timeseries"]} for result in results
    ]
    assert [result["resourceid"] for result in results] == both
    assert len(agents[0]) == len(agents[1]) == 2
    assert not agents[0] & agents[1]
    used = sum(total(result["value"][0]) for result in results)
    assert used == pytest.approx(total(whole) / 2, rel=0.01)


def test_every_metric_of_a_project_can_be_asked_for(api):
    names = ",".join(metric.name for metric in PROJECTS.metrics.values())
    (answer,) = ask(
        api,
        [project(api, "aif-Lab-SWC")],
        names,
        metricnamespace=PROJECTS.name,
        aggregation="count",
        filter=None,
    )

    assert [metric["name"]["value"] for metric in answer["value"]] == names.split(",")
    assert "AgentRuns" in names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": "Tokenz"}, "metric: Tokenz, Valid metrics: ProcessedPromptTokens,"),
        ({"names": "AgentInputTokens"}, "resource Type: accounts, metric: AgentInputTokens"),
        ({"names": ",".join(["InputTokens"] * 21)}, "number of metric names 21 exceeds the limit of 20"),
        ({"metricnamespace": "Microsoft.Storage/storageAccounts"}, "Metric namespace"),
        ({"metricnamespace": PROJECTS.name, "names": "AgentRuns", "filter": None}, "is not of the type"),
        ({"$filter": SPLIT}, "'\\$filter' is not supported"),
        ({"filter": "ModelName eq '*'"}, "ProcessedPromptTokens does not support requested dimension"),
        ({"filter": "AgentId eq '*'"}, "combination: agentid, supported ones are: ApiName,"),
        ({"filter": "ModelDeploymentName"}, "Invalid filter"),
        ({"filter": "Region eq 'a' or ApiName eq 'b'"}, "Invalid filter"),
        ({"interval": "PT7M"}, "Invalid time grain 'PT7M'"),
        ({"aggregation": "median"}, "Invalid aggregation types: median"),
        ({"top": "many"}, "Invalid top 'many'"),
        ({"starttime": NOW.isoformat()}, "is not before the end time"),
        ({"region": "eastus2"}, "is not in region eastus2 but swedencentral"),
        ({"subscription": AGENTS}, f"is not in subscription {AGENTS}"),
    ],
)  # fmt: skip
def test_what_the_service_refuses_is_a_400_that_says_why(api, change, said):
    asked = {"names": "ProcessedPromptTokens", **change}
    with pytest.raises(Refusal, match=said) as refused:
        ask(api, [account(api, "aif-Media-SWC").id], **asked)
    assert refused.value.status == 400


def test_a_batch_holds_fifty_resources_of_one_type_and_region(api):
    media, capacity = account(api, "aif-Media-SWC").id, account(api, "aif-Capacity-EUS2").id

    assert len(ask(api, [media] * 50, "InputTokens")) == 50
    for mixed, said in [
        ([media] * 51, "exceeds the limit of 50"),
        ([media, capacity], "is not in region"),
        ([media, project(api, "aif-Media-SWC")], "is not of the type"),
        ([media, account(api, "aif-Agents-SWC").id], f"is not in subscription {MEDIA}"),
    ]:
        with pytest.raises(Refusal, match=said):
            ask(api, mixed, "InputTokens")


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"resourceids": []}', b'{"resourceids": "all"}'])
def test_a_body_without_resources_is_refused(api, body):
    query = urlencode({"metricnamespace": ACCOUNTS.name, "metricnames": "InputTokens"})
    with pytest.raises(Refusal, match="needs a list of resourceids"):
        api.answer(Request("POST", "/metrics", query, {}, body), "swedencentral", MEDIA, NOW)


@pytest.mark.parametrize("removed", [False, True], ids=["never there", "removed"])
def test_a_resource_that_is_not_there_refuses_the_batch_or_has_no_series(api, removed):
    media = account(api, "aif-Media-SWC").id
    lost = account(api, "aif-Media-SWC").id if removed else f"{media}-2"
    other = f"{media}/projects/none"

    def gone(identity: str) -> datetime | None:
        return NOW if removed and identity == lost else None

    with pytest.raises(Refusal, match=f"{lost} was not found"):
        ask(api, [lost], "InputTokens", gone=gone)

    api.conduct = Conduct(missing_is_empty=True)
    results = ask(api, [lost, other], "InputTokens,ModelRequests", gone=gone)
    assert [result["resourceid"] for result in results] == [lost, other]
    assert [metric["timeseries"] for result in results for metric in result["value"]] == [[]] * 4


def test_a_removed_deployment_is_used_until_then_and_the_others_go_on(api):
    hub, removed = account(api, "aif-Hub-WEU").id, NOW - timedelta(minutes=40)

    def gone(identity: str) -> datetime | None:
        return removed if identity == f"{hub}/deployments/assist-mini" else None

    before = one(api, "aif-Hub-WEU", "InputTokens")
    after = one(api, "aif-Hub-WEU", "InputTokens", gone=gone)
    again = one(api, "aif-Hub-WEU", "InputTokens")

    first, last = (
        total(before, modeldeploymentname="assist-mini"),
        total(after, modeldeploymentname="assist-mini"),
    )
    assert 0.4 * first < last < 0.6 * first
    assert total(before) - total(after) == first - last
    assert again == before


def test_results_without_ids_come_in_the_order_asked(api):
    asked = [account(api, name).id for name in ("aif-Agents-SWC", "AOAI-Documents-swc", "aoai-Support-SWC")]
    named = ask(api, asked, "TokenTransaction")
    api.conduct = Conduct(anonymous=True)
    anonymous = ask(api, asked, "TokenTransaction")

    assert [result.pop("resourceid") for result in named] == asked
    assert [result["value"] for result in anonymous] == [result["value"] for result in named]
    assert not any("resourceid" in result for result in anonymous)


def test_an_older_region_has_never_heard_of_the_newer_family(api):
    api.conduct = Conduct(unknown=frozenset({"swedencentral"}))
    media, hub = account(api, "aif-Media-SWC").id, account(api, "aif-Hub-WEU").id

    assert total(ask(api, [media], "ProcessedPromptTokens")[0]["value"][0]) > 0
    assert total(ask(api, [hub], "InputTokens")[0]["value"][0]) > 0
    with pytest.raises(Refusal, match="metric: InputTokens, Valid metrics: ProcessedPromptTokens") as refused:
        ask(api, [media], "ProcessedPromptTokens,InputTokens")
    assert "ModelRequests" not in refused.value.message


def test_a_single_metric_may_be_unknown_everywhere(api):
    api.conduct = Conduct(unknown=frozenset({"cachereadinputtokens"}))
    media = account(api, "aif-Media-SWC").id

    assert ask(api, [media], "InputTokens")
    with pytest.raises(Refusal, match="metric: cacheReadInputTokens"):
        ask(api, [media], "InputTokens,cacheReadInputTokens")


def test_the_tenant_switches_how_its_metrics_are_answered(azure):
    agents = story().accounts[2].id
    path = (
        f"/metrics/swedencentral/subscriptions/{AGENTS}/metrics:getBatch"
        f"?metricnamespace={ACCOUNTS.name}&metricnames=InputTokens"
    )
    azure.options(metrics_unknown=["SwedenCentral"])
    assert "metric: InputTokens" in azure.refused(path, {"resourceids": [agents]})[2]

    azure.options(metrics_anonymous=True, metrics_missing_empty=True)
    first, second = azure.found(path, {"resourceids": [agents, f"{agents}-2"]})["values"]
    assert "resourceid" not in first
    assert second["value"][0]["timeseries"] == []
    azure.options()
    assert "was not found" in azure.refused(path, {"resourceids": [agents, f"{agents}-2"]})[2]
