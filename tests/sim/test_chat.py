"""The chat receivers: what they take, what they refuse and what they remember."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from sim.estate import build_estate
from sim.process import RunningTenant, running_tenant
from sim.tenant import Tenant
from sim.wire import Answer, Request

NOW = datetime(2026, 9, 3, 20, 0, tzinfo=UTC)
FLOW = "/teams/finops/workflows/1/triggers/manual/paths/invoke"


@pytest.fixture
def tenant() -> Tenant:
    made = Tenant(build_estate(quiet_days=7, days=1))
    made.now = NOW
    return made


@pytest.fixture(scope="module")
def process() -> Iterator[RunningTenant]:
    with running_tenant(quiet_days=7, days=1) as running:
        yield running


def send(tenant: Tenant, path: str, body: Any, query: str = "sig=x", token: str = "xoxb-1") -> Answer:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return tenant.answer(Request("POST", path, query, headers, json.dumps(body).encode()))


def slack(tenant: Tenant, method: str, token: str = "xoxb-1", **body: Any) -> dict[str, Any]:
    answer = send(tenant, f"/slack/api/{method}", body, token=token)
    assert answer.status == 200
    return dict(json.loads(answer.body))


def card(text: str = "Tokens are up", **changes: Any) -> dict[str, Any]:
    body = [{"type": "TextBlock", "text": text}]
    content = {"type": "AdaptiveCard", "version": "1.4", "body": body, **changes}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": content}]}


def section(text: str = "hello", **changes: Any) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **changes}


def test_teams_accepts_a_card_with_an_empty_202(tenant):
    answer = send(tenant, FLOW, card(), token="")

    assert (answer.status, answer.body) == (202, b"")
    (message,) = tenant.mailbox.messages
    assert (message.kind, message.destination, message.at, message.lost) == ("teams", "finops", NOW, False)
    assert message.body == card()


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hello"},
        {"type": "message", "attachments": []},
        {"type": "message", "attachments": [{"contentType": "text/html", "content": {}}]},
        card(type="MessageCard"),
        card(version="1.6"),
        card(body="text"),
    ],
    ids=["no envelope", "no attachment", "another type", "no adaptive card", "too new", "body no list"],
)
def test_teams_refuses_what_is_no_card(tenant, body):
    assert send(tenant, FLOW, body).status == 400
    assert not tenant.mailbox.messages
    assert len(tenant.mailbox.rejected) == 1


def test_teams_asks_for_the_signature(tenant):
    assert send(tenant, FLOW, card(), query="sp=x").status == 401


def test_teams_accepts_a_card_that_is_too_large_and_loses_it(tenant):
    assert send(tenant, FLOW, card("x" * 23_900)).status == 202
    assert send(tenant, FLOW, card("x" * 24_400)).status == 202

    assert [message.lost for message in tenant.mailbox.messages] == [False, True]


def test_teams_throttles_the_fifth_card_of_a_second_and_forgets_in_the_next(tenant):
    answers = [send(tenant, FLOW, card()) for _ in range(5)]
    tenant.now += timedelta(seconds=1)

    assert [answer.status for answer in answers] == [202] * 4 + [429]
    assert answers[4].headers["Retry-After"] == "1"
    assert send(tenant, FLOW, card()).status == 202


def test_a_slack_message_has_a_ts_its_edits_and_its_thread(tenant):
    posted = slack(tenant, "chat.postMessage", channel="C1", text="first", blocks=[section()])
    tenant.now += timedelta(minutes=5)
    edited = slack(tenant, "chat.update", channel="C1", ts=posted["ts"], text="second")
    reply = slack(tenant, "chat.postMessage", channel="C1", text="why", thread_ts=posted["ts"])

    assert posted["ok"]
    assert edited["ok"]
    parent, child = tenant.mailbox.messages
    assert parent.body["text"] == "first"
    assert [(edit.at, edit.body["text"]) for edit in parent.versions] == [(tenant.now, "second")]
    assert (child.ts, child.thread_ts) == (reply["ts"], posted["ts"])
    assert posted["ts"].startswith(str(int(NOW.timestamp())))
    assert reply["ts"] > posted["ts"]


def header(text: str, kind: str = "plain_text") -> dict[str, Any]:
    return {"type": "header", "text": {"type": kind, "text": text}}


def table(cell: str) -> dict[str, Any]:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": cell}]]}


def chart(*labels: str) -> dict[str, Any]:
    """A line with a point for each label, on an axis of Monday and Tuesday."""
    points = [{"label": label, "value": 1} for label in labels]
    axis = {"categories": ["Mon", "Tue"]}
    line = {"type": "line", "series": [{"name": "in", "data": points}], "axis_config": axis}
    return {"type": "data_visualization", "title": "Tokens", "chart": line}


LONG = [section("x" * 2900) for _ in range(5)]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "no_text"),
        ({"channel": "general", "text": "x"}, "channel_not_found"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"blocks": [section()] * 51}, "invalid_blocks"),
        ({"blocks": [header("x" * 151)]}, "invalid_blocks"),
        ({"blocks": [header("x", "mrkdwn")]}, "invalid_blocks"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"blocks": [section("")]}, "invalid_blocks"),
        ({"blocks": [section(fields=[{"type": "mrkdwn", "text": "x"}] * 11)]}, "invalid_blocks"),
        ({"blocks": [section(fields=[{"type": "mrkdwn", "text": "x" * 2001}])]}, "invalid_blocks"),
        ({"blocks": [section(fields=7)]}, "invalid_blocks"),
        ({"blocks": [{"type": "alert", "text": "x"}]}, "invalid_blocks"),
        ({"blocks": [section(block_id="a"), section(block_id="a")]}, "invalid_blocks"),
        ({"blocks": [table("")]}, "invalid_blocks"),
        ({"blocks": LONG}, "msg_blocks_too_long"),
        ({"attachments": [{"blocks": [section()] * 21}]}, "invalid_attachments"),
    ],
    ids=(
        "nothing/unknown channel/text too long/51 blocks/header too long/header in markup/section too long/"
        "empty section/11 fields/field too long/fields no list/alert block/block_id twice/empty cell/"
        "too much in all/21 blocks in an attachment"
    ).split("/"),
)
def test_slack_refuses_a_whole_message_with_its_own_word(tenant, body, error):
    answer = slack(tenant, "chat.postMessage", **{"channel": "C1", **body})

    assert (answer["ok"], answer["error"]) == (False, error)
    assert not tenant.mailbox.messages
    assert tenant.mailbox.rejected[0].why.startswith(error)


def test_slack_names_the_place_of_a_bad_block(tenant):
    answer = slack(tenant, "chat.postMessage", channel="C1", blocks=[section(), section("x" * 3001)])

    assert "[json-pointer:/blocks/1/text/text]" in answer["errors"][0]
    assert answer["response_metadata"]["messages"]


def test_slack_takes_all_that_is_just_within_the_limits(tenant):
    blocks = [
        header("x" * 150),
        section("x" * 3000, fields=[{"type": "mrkdwn", "text": "x" * 700}] * 10),
        *[{"type": "divider"}] * 48,
    ]
    assert slack(tenant, "chat.postMessage", channel="C1", text="x" * 40_000, blocks=blocks)["ok"]


def test_two_charts_fit_and_a_third_or_a_gap_does_not(tenant):
    whole, gap = chart("Mon", "Tue"), chart("Mon")

    messages = [whole] * 2, [whole] * 3, [gap]
    answers = [slack(tenant, "chat.postMessage", channel="C1", blocks=blocks) for blocks in messages]
    assert [answer["ok"] for answer in answers] == [True, False, False]


def test_slack_wants_a_token_and_knows_what_it_posted(tenant):
    assert slack(tenant, "chat.postMessage", token="", channel="C1", text="x")["error"] == "not_authed"
    assert slack(tenant, "chat.update", channel="C1", ts="1.2", text="x")["error"] == "message_not_found"
    assert slack(tenant, "chat.delete", channel="C1", ts="1.2")["error"] == "unknown_method"
    long = slack(tenant, "chat.update", channel="C1", ts="1.2", text="x" * 4001)
    assert long["error"] == "msg_too_long"


def test_an_incoming_webhook_answers_in_plain_words(tenant):
    good = send(tenant, "/slack/services/T000/B000/ops", {"text": "hello"})
    bad = send(tenant, "/slack/services/T000/B000/ops", {"blocks": [section("")]})
    empty = send(tenant, "/slack/services/T000/B000/ops", [])
    other = send(tenant, "/slack/services/T999/B000/ops", {"text": "hello"})

    assert (good.status, good.body, good.content_type[:10]) == (200, b"ok", "text/plain")
    assert (bad.status, bad.body) == (400, b"invalid_blocks")
    assert (empty.status, empty.body) == (400, b"invalid_payload")
    assert (other.status, other.body) == (404, b"no_service")
    assert [message.kind for message in tenant.mailbox.messages] == ["slack webhook"]


def test_over_http_a_limit_made_to_order_and_a_lost_answer(process):
    process.set_clock(NOW)
    url, head = process.slack_api + "/chat.postMessage", {"Authorization": "Bearer xoxb-1"}
    body = {"channel": "C9", "text": "hello"}
    process.set_faults(
        [
            {"path_contains": "postMessage", "status": 429, "headers": {"Retry-After": "30"}, "times": 1},
            {"path_contains": "postMessage", "cut": "after", "times": 1},
        ]
    )

    limited = requests.post(url, json=body, headers=head, timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json=body, headers=head, timeout=5)
    assert requests.post(url, json=body, headers=head, timeout=5).json()["ok"]

    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "30")
    mine = [message for message in process.messages() if message["destination"] == "C9"]
    assert [message["at"] for message in mine] == ["2026-09-03T20:00:00Z"] * 2


def test_over_http_the_addresses_work_as_they_are_given(process):
    process.set_faults([])
    assert requests.post(process.teams_webhook("ops"), json=card(), timeout=5).status_code == 202
    assert requests.post(process.slack_webhook("ops"), json={"text": "hello"}, timeout=5).text == "ok"
    assert requests.post(process.teams_webhook("ops"), json={}, timeout=5).status_code == 400

    assert {message["kind"] for message in process.messages() if message["destination"] == "ops"} == {
        "teams",
        "slack webhook",
    }
    assert process.rejected()[-1]["why"] == "type must be message"
