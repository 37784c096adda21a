"""What is asked of Azure Monitor, held against the metrics that the simulated service knows."""

import pytest

from shared.formats.metric_names import (
    BY_AGENT,
    BY_DEPLOYMENT,
    BY_STATUS,
    GRAIN,
    QUESTIONS,
    RARE_METERS,
    Family,
    MetricQuery,
    Source,
)
from sim.metric_names import NAMESPACES

MOST_NAMES = 20  # that Azure Monitor takes in one call
NOT_ASKED = {
    "agentresponses": "says nothing about tokens",
    "agentruns": "the same",
    "agentevents": "the same",
    "agentmessages": "the same",
    "agentthreads": "the same",
    "agenttoolcalls": "the same",
}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.sources[0].newer)
def test_a_question_fits_into_one_call_and_its_metrics_share_its_dimensions(question):
    known = NAMESPACES[question.namespace.lower()].metrics

    assert len(question.query.names) <= MOST_NAMES
    for name in question.query.names:
        assert known[name.lower()].name == name
        assert set(question.dimensions) <= set(known[name.lower()].dimensions)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_metric_that_is_worth_knowing_is_asked_for_once(namespace):
    asked = [
        name.lower() for one in QUESTIONS if one.namespace.lower() == namespace for name in one.query.names
    ]

    assert sorted(asked) == sorted(NAMESPACES[namespace].metrics.keys() - NOT_ASKED)


@pytest.mark.parametrize(
    "source",
    [source for question in QUESTIONS for source in question.sources],
    ids=lambda one: str(one.meter),
)
def test_what_is_counted_is_summed_and_what_is_measured_is_averaged(source):
    metrics = [found for one in NAMESPACES.values() for found in one.metrics.values()]
    for metric in (one for one in metrics if one.name in source.names()):
        assert ("total" if source.total else "average") in metric.aggregations


def test_the_metric_of_the_kept_family_comes_first():
    both = Source(None, "ModelRequests", "AzureOpenAIRequests")

    assert list(both.names()) == list(both.names(Family.NEWER)) == ["ModelRequests", "AzureOpenAIRequests"]
    assert list(both.names(Family.OLDER)) == ["AzureOpenAIRequests", "ModelRequests"]
    assert list(Source(None, "ActiveTokens").names(Family.OLDER)) == ["ActiveTokens"]


def test_two_questions_are_asked_in_every_round_and_the_others_once_an_hour():
    assert [one for one in QUESTIONS if one.every == GRAIN] == [BY_DEPLOYMENT, BY_STATUS]
    assert {"images", "cache reads", "agent tokens in"} < RARE_METERS
    assert not {"tokens in", "latency", "PTU utilisation"} & RARE_METERS


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ((), "ModelDeploymentName eq '*' and StatusCode eq '*'"),
        (("chat",), "ModelDeploymentName eq 'chat' and StatusCode eq '*'"),
        (
            ("chat", "it's"),
            "ModelDeploymentName eq 'chat' or ModelDeploymentName eq 'it''s' and StatusCode eq '*'",
        ),
    ],
    ids=["all", "one", "two"],
)
def test_a_filter_splits_by_every_dimension_and_may_name_some_deployments(only, expected):
    assert MetricQuery(("ModelRequests",), BY_STATUS.dimensions, only=only).filter == expected


def test_a_filter_of_one_dimension():
    assert BY_AGENT.query.filter == "AgentId eq '*'"
    assert MetricQuery(("x",), ("AgentId",), only=("a", "b")).filter == "AgentId eq 'a' or AgentId eq 'b'"
    assert MetricQuery(("x",), ()).filter == ""
