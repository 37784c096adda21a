"""People act on what they were told, through the worker core: Slack's buttons, and links on Teams cards."""

import hashlib
import hmac
import itertools
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from shared.core.model import Incident, State
from shared.formats import records
from tests.telling import links_on

pytestmark = pytest.mark.skipif(sys.version_info < (3, 13), reason="the worker core needs Python 3.13")

SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
SECRET = "simulated-signing-secret"
FORM = {"content-type": "application/x-www-form-urlencoded"}
CLOCK = itertools.count()


@pytest.fixture(autouse=True)
def _a_minute_later(tenant):
    tenant.set_clock(datetime.now(UTC) + timedelta(minutes=next(CLOCK)))


@pytest.fixture
def told(worker, tenant):
    """Has a budget of that name told in both chats, and answers what came: Slack's message, Teams' card."""

    def tell(budget):
        data = {
            "SubscriptionId": SUBSCRIPTION,
            "BudgetName": budget,
            "SpendingAmount": "8100",
            "Budget": "10000",
            "Unit": "USD",
            "NotificationThresholdAmount": "0.8",
        }
        before = len(tenant.messages())
        body = json.dumps({"schemaId": "AIP Budget Notification", "data": data})
        nudges = worker.http("azure_alert", "POST", body=body).outputs["nudges"]
        sent(worker, nudges)
        posted = tenant.messages()[before:]
        return tuple(next(one for one in posted if one["kind"] == kind) for kind in ("slack", "teams"))

    return tell


def sent(worker, nudges):
    for nudge in nudges:
        assert worker.queue("deliver", nudge).ok


def standing(store, budget):
    rows = store.scan(records.ALERTS, "incident|")
    return next(one for row in rows if (one := records.decode(row.body, Incident)).alert.rule == budget)


def everything(store):
    return [(row.key, row.version) for row in store.scan(records.ALERTS)]


def button(message, name):
    blocks = [block for one in message["body"]["attachments"] for block in one["blocks"]]
    elements = (element for block in blocks for element in block.get("elements", ()))
    return next(element for element in elements if element.get("action_id") == name)


def press(worker, element, at="1757340300.1", secret=SECRET):
    action = {"action_id": element["action_id"], "value": element["value"], "action_ts": at}
    payload = {"type": "block_actions", "user": {"id": "U1", "username": "ann"}, "actions": [action]}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = {**FORM, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signature}"}
    return worker.http("slack_action", "POST", headers=headers, body=body)


def link(message, title):
    (attachment,) = message["body"]["attachments"]
    return next(one["url"] for one in links_on(attachment["content"]) if one["title"] == title)


def test_a_press_in_slack_is_answered_in_time_and_shown_in_the_message(worker, tenant, store, told):
    message, _ = told("pressed")
    began = time.monotonic()
    answer = press(worker, button(message, "acknowledge"))

    assert time.monotonic() - began < 3
    assert (answer.returned.status, answer.returned.body) == (200, "")
    incident = standing(store, "pressed")
    assert (incident.state, incident.acknowledged_by) == (State.ACKNOWLEDGED, "ann (U1)")
    sent(worker, answer.outputs["nudges"])
    (edited,) = [one for one in tenant.messages() if one["ts"] == message["ts"] and one["versions"]]
    assert "ann (U1)" in json.dumps(edited["versions"][-1]["body"])
    assert not tenant.rejected()


def test_a_press_that_slack_posts_again_changes_nothing(worker, store, told):
    message, _ = told("pressed-twice")
    element = button(message, "acknowledge")
    press(worker, element)
    before = everything(store)

    assert press(worker, element).returned.status == 200
    assert everything(store) == before


def test_a_press_that_slack_did_not_sign_changes_nothing(worker, store, told):
    message, _ = told("not-signed")
    before = everything(store)

    assert press(worker, button(message, "resolve"), secret="another").returned.status == 401
    assert everything(store) == before


def test_a_link_shows_a_page_and_its_form_acts_once(worker, tenant, store, told):
    slack, card = told("linked")
    url = link(card, "Acknowledge")
    before = everything(store)
    page = worker.http("respond", "GET", url=url).returned
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "linked" in page.body
    assert everything(store) == before

    form = urlencode({"t": url.partition("?t=")[2], "who": "bob@contoso.example"})
    answer = worker.http("respond", "POST", url=url.partition("?")[0], headers=FORM, body=form)
    assert answer.returned.status == 200
    assert standing(store, "linked").acknowledged_by == "bob@contoso.example"
    sent(worker, answer.outputs["nudges"])
    (edited,) = [one for one in tenant.messages() if one["ts"] == slack["ts"]]
    assert "bob@contoso.example" in json.dumps(edited["versions"][-1]["body"])

    before = everything(store)
    again = worker.http("respond", "POST", url=url.partition("?")[0], headers=FORM, body=form)
    assert again.returned.status == 409
    assert everything(store) == before


def test_a_link_that_was_changed_is_refused(worker, store, told):
    _, card = told("forged")
    before = everything(store)
    forged = link(card, "Resolve")[:-1]

    for method, body in (("GET", ""), ("POST", urlencode({"t": forged.partition("?t=")[2], "who": "eve"}))):
        assert worker.http("respond", method, url=forged, headers=FORM, body=body).returned.status == 401
    assert everything(store) == before


def test_a_header_that_anybody_can_send_is_nobody(worker, store, told):
    _, card = told("header")
    url = link(card, "Acknowledge")
    form = urlencode({"t": url.partition("?t=")[2], "who": "bob"})
    headers = {**FORM, "X-MS-CLIENT-PRINCIPAL-NAME": "ceo@contoso.example"}
    worker.http("respond", "POST", url=url, headers=headers, body=form)

    assert standing(store, "header").acknowledged_by == "bob"
