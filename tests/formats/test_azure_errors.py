"""Every refusal of Azure is one kind of fault, and one line that says of which scope and what to do."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.faults import NotPermitted, NotThere, SignInFault, Throttled, UnknownMetrics, Unreachable
from shared.formats.azure_answers import Reply
from shared.formats.azure_errors import Asked, fault_of, is_empty, is_gone
from shared.formats.azure_meanings import Api

NOW = datetime(2026, 9, 14, 9, tzinfo=UTC)
GUID = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
TENANT = "11111111-2222-3333-4444-555555555555"
SCOPE = f"/subscriptions/{GUID}"
COST = Asked(Api.COST, f"Cost Management of {SCOPE}", SCOPE)
ARM = Asked(Api.ARM, f"AI accounts of {SCOPE}", SCOPE)
METRICS = Asked(Api.METRICS, f"metrics of {SCOPE}", SCOPE, ("InputTokens", "OutputTokens", "ModelRequests"))
LOGS = Asked(Api.LOGS, "logs of workspace W", "W")


def refusal(status, code="", message="", headers=None):
    body = {"error": {"code": code, "message": message}} if code or message else {}
    return Reply(status, headers or {}, json.dumps(body).encode() if body else b"")


def fault(asked, *given, **named):
    return fault_of(asked, refusal(*given, **named), NOW)


REGISTER = f"az provider register --namespace Microsoft.Insights --subscription {GUID}"
OFFER = "The offer MS-AZR-0110P is not supported."
ISSUER = (
    "The access token is from the wrong issuer 'https://sts.windows.net/99999999-2222-3333-4444-555555555555/'."
    f" It must match the tenant 'https://sts.windows.net/{TENANT}/' associated with this subscription."
)
UNSUPPORTED = "Cost management data is not supported for subscription(s) with the type of MS-AZR-0062P."


@pytest.mark.parametrize(
    ("asked", "status", "code", "message", "kind", "words"),
    [
        (COST, 403, "RBACAccessDenied", "", NotPermitted, "assign Cost Management Reader on it; a new role"),
        (COST, 403, "AuthorizationFailed", "", NotPermitted, "no permission yet (403 AuthorizationFailed)"),
        (COST, 401, "Unauthorized", "", NotPermitted, "Cost Management Reader"),
        (COST, 400, "BadRequest", "Invalid dataset", NotThere, "refuses the question (400 BadRequest)"),
        (COST, 403, "AccountCostDisabled", "", NotPermitted, "administrator of the Enterprise Agreement"),
        (COST, 403, "DepartmentCostDisabled", "", NotPermitted, "department administrators view charges"),
        (COST, 403, "IndirectCostDisabled", "", NotPermitted, "the partner who sells it can switch on"),
        (COST, 400, "SubscriptionTypeNotSupported", "", NotThere, "this kind of subscription"),
        (COST, 404, "NotFound", UNSUPPORTED, NotThere, "no data for this kind of subscription"),
        (COST, 400, "BadRequest", OFFER, NotThere, "kind of subscription"),
        (COST, 409, "DisallowedOperation", "", NotThere, "cannot be billed (409 DisallowedOperation)"),
        (COST, 424, "FailedDependency", "", Unreachable, "several currencies"),
        (COST, 504, "GatewayTimeout", "", Unreachable, "took too long (504 GatewayTimeout)"),
        (COST, 500, "ServerTimeout", "", Unreachable, "took too long (500 ServerTimeout)"),
        (COST, 404, "SubscriptionNotFound", "", NotThere, "it does not exist, or the login cannot see it"),
        (COST, 404, "ManagementGroupNotFound", "", NotThere, "check the id in watch.yaml"),
        (ARM, 400, "InvalidSubscriptionId", "", NotThere, "check the id in watch.yaml"),
        (ARM, 404, "ResourceNotFound", "", NotThere, "does not exist"),
        (ARM, 403, "AuthorizationFailed", "", NotPermitted, f"assign Reader on {SCOPE}"),
        (ARM, 401, "InvalidAuthenticationTokenTenant", ISSUER, SignInFault, f"az login --tenant {TENANT}"),
        (ARM, 401, "ExpiredAuthenticationToken", "", SignInFault, "does not take the login"),
        (METRICS, 401, "", "", NotPermitted, f"Monitoring Reader on subscription {GUID} itself"),
        (METRICS, 403, "AuthorizationFailed", "", NotPermitted, "a role on a resource is not enough"),
        (METRICS, 403, "", "", NotPermitted, REGISTER),
        (LOGS, 403, "InsufficientAccessError", "", NotPermitted, "Log Analytics Reader on the workspace"),
        (LOGS, 404, "PathNotFoundError", "", NotThere, "does not exist"),
        (COST, 500, "", "", Unreachable, "Azure is in trouble (500)"),
        (COST, 503, "", "", Unreachable, "Azure is in trouble (503)"),
        (COST, 307, "", "", Unreachable, "answers oddly (307)"),
        (COST, 418, "Teapot", "Short and stout", Unreachable, "Azure says: Short and stout"),
    ],
)  # fmt: skip
def test_a_refusal_says_of_which_scope_what_it_means_and_what_to_do(
    asked, status, code, message, kind, words
):
    found = fault(asked, status, code, message)

    assert type(found) is kind
    assert str(found).startswith(f"{asked.what}: ")
    assert words in str(found)
    assert "\n" not in str(found)


def test_the_line_of_a_missing_role_is_as_a_person_would_write_it():
    assert str(fault(COST, 403, "RBACAccessDenied", "The client '1' does not have authorization.")) == (
        f"Cost Management of {SCOPE}: no permission yet (403 RBACAccessDenied): "
        "assign Cost Management Reader on it; a new role takes up to half an hour"
    )


def test_a_page_of_a_proxy_is_named_and_not_repeated():
    page = Reply(502, {}, b"<html><title>Bad Gateway</title><body>" + b"x" * 5000)

    assert str(fault_of(COST, page, NOW)).endswith("Azure says: a page: Bad Gateway")


@pytest.mark.parametrize(
    ("status", "code"), [(204, ""), (404, "SubscriptionHasNoUsages"), (400, "SubscriptionHasNoUsages")]
)
def test_no_data_is_no_fault(status, code):
    assert is_empty(refusal(status, code))


@pytest.mark.parametrize(("status", "code"), [(200, ""), (404, "SubscriptionNotFound"), (500, "")])
def test_a_fault_is_not_no_data(status, code):
    assert not is_empty(refusal(status, code))


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        (404, "ResourceNotFound", True),
        (404, "NotFound", True),
        (404, "ResourceGroupNotFound", True),
        (404, "SubscriptionNotFound", False),  # the login may have lost its role
        (404, "", False),  # something between, which knows nothing of it
        (400, "NotFound", False),
        (403, "AuthorizationFailed", False),
        (200, "", False),
    ],
)
def test_only_azure_itself_says_that_a_resource_is_gone(status, code, gone):
    assert is_gone(refusal(status, code)) is gone


@pytest.mark.parametrize(
    ("status", "code", "headers"),
    [
        (429, "429", {"retry-after": "30"}),
        (529, "", {"retry-after": "30"}),
        (503, "ServiceUnavailable", {"retry-after": "30"}),
        (403, "ResourceRequestsThrottled", {"retry-after": "30"}),
    ],
)
def test_a_throttled_question_says_for_how_long(status, code, headers):
    found = fault(COST, status, code, headers=headers)

    assert isinstance(found, Throttled)
    assert (found.after, found.everywhere) == (timedelta(seconds=30), timedelta(seconds=30))
    assert "left alone for 30 s" in str(found)


@pytest.mark.parametrize(("code", "seconds"), [("429", 60), ("ResourceRequestsThrottled", 300)])
def test_a_throttled_question_without_a_wait_waits_by_its_code(code, seconds):
    found = fault(COST, 429, code)

    assert isinstance(found, Throttled)
    assert (found.after, found.everywhere) == (timedelta(seconds=seconds), None)


def test_a_bucket_of_one_scope_leaves_the_others_alone():
    headers = {"x-ms-ratelimit-microsoft.costmanagement-entity-retry-after": "20"}

    found = fault(COST, 429, headers=headers)

    assert isinstance(found, Throttled)
    assert (found.after, found.everywhere) == (timedelta(seconds=20), None)


DIMENSIONS = "does not support requested dimension combination"
INPUT = {"inputtokens"}
BATCH = (
    "Failed to find metric configuration for provider: Microsoft.CognitiveServices, resource Type: accounts, "
)


@pytest.mark.parametrize(
    ("message", "names"),
    [
        (BATCH + "metric: InputTokens, Valid metrics: ModelRequests,X", {"inputtokens", "outputtokens"}),
        (BATCH + "metric: InputTokens, Valid metrics: outputtokens, modelrequests, TraceId: {1}", INPUT),
        (BATCH + "metric: OutputTokens", {"outputtokens"}),
        (f"Metric: ModelRequests {DIMENSIONS}: statuscode, supported ones are: Region", {"modelrequests"}),
    ],
    ids=["all that are not valid", "all but one are valid", "the one named", "a dimension"],
)  # fmt: skip
def test_metrics_that_a_region_does_not_know_are_named(message, names):
    found = fault(METRICS, 400, "BadRequest", message)

    assert isinstance(found, UnknownMetrics)
    assert found.names == names


@pytest.mark.parametrize(
    "message",
    [
        f"Metric: Egress {DIMENSIONS}: apiname2",
        BATCH + "metric: Egress",
        "Detect invalid value: PT7M for query parameter: 'interval'",
    ],
    ids=["another's dimension", "another's name", "another mistake"],
)
def test_a_mistake_that_names_none_of_our_metrics_is_no_unknown_metric(message):
    assert type(fault(METRICS, 400, "BadRequest", message)) is NotThere


def test_only_metrics_have_unknown_metrics():
    assert type(fault(COST, 400, "BadRequest", BATCH + "metric: InputTokens")) is NotThere


@given(
    st.sampled_from([ARM, COST, METRICS, LOGS]),
    st.integers(300, 599),
    st.text(max_size=30),
    st.text(max_size=200),
)
def test_any_refusal_is_one_line(asked, status, code, message):
    line = str(fault(asked, status, code, message))

    assert line.startswith(asked.what)
    assert len(line.splitlines()) == 1
    assert len(line) < 900
