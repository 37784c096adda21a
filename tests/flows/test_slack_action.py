"""A press in Slack: what Slack signed acts once, and whatever else comes changes nothing."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from urllib.parse import urlencode

import pytest

from shared.core.faults import StoreAway
from shared.core.model import Act, State, Transition
from shared.edges.slack_signature import is_signed
from shared.flows.deliver import deliver
from shared.flows.slack_action import take_press
from shared.formats import records
from shared.formats.watch_file import parse_watch
from tests.telling import MINUTE, NOW, WATCH, changes, incidents, limit, ports_telling, tell

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SOON = NOW + MINUTE


@pytest.fixture
def logged():
    return []


@pytest.fixture
def ports(tmp_path, chat, logged):
    watch = WATCH.replace("channel: C1", "channel: C1, interactive: true")
    with ports_telling(chat, tmp_path / "told.db", watch) as found:
        signed = partial(is_signed, SECRET)
        ready = replace(found, watch=parse_watch(watch), slack_signed=signed, log=logged.append)
        tell(ready, [limit()], NOW)
        yield ready


def everything(ports):
    return [(row.key, row.version) for row in ports.store.scan(records.ALERTS)]


def elements(chat):
    """What can be pressed in the newest version of the living message."""
    blocks = [block for one in chat.of("slack")[-1].body["attachments"] for block in one["blocks"]]
    found = [element for block in blocks if block["type"] == "actions" for element in block["elements"]]
    return {element["action_id"]: element for element in found}


def pressed(element, who="U1", at="1757340300.1", **named):
    action = {"action_id": element["action_id"], "type": element["type"], "action_ts": at}
    if "options" in element:
        action["selected_option"] = element["options"][1]
    else:
        action["value"] = element.get("value", "")
    user = {"id": who, "username": "ann"}
    payload = {"type": "block_actions", "user": user, "actions": [action | named]}
    return urlencode({"payload": json.dumps(payload)}).encode()


def headers(body, now=SOON, secret=SECRET):
    stamp = str(int(now.timestamp()))
    said = f"v0:{stamp}:".encode() + body
    signature = "v0=" + hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}


def press(ports, body, now=SOON):
    reply = take_press(ports, body, headers(body, now), now)
    for nudge in reply.nudges:
        deliver(ports, nudge, now)
    return reply


@pytest.mark.parametrize(
    ("act", "change", "state"),
    [
        (Act.ACKNOWLEDGE, "acknowledged", State.ACKNOWLEDGED),
        (Act.SILENCE, "silenced", State.TRIGGERED),
        (Act.EXPECTED, "expected", State.TRIGGERED),
        (Act.RESOLVE, "resolved", State.RESOLVED),
    ],
)
def test_each_button_does_what_it_says_and_records_who(ports, chat, act, change, state):
    reply = press(ports, pressed(elements(chat)[act]))

    assert (reply.status, reply.text) == (200, "")
    assert incidents(ports)[0].state is state
    rows = ports.store.scan(records.ALERTS, "transition|")
    found = [records.decode(row.body, Transition) for row in rows][-1]
    assert (found.change, found.by, found.at) == (change, "ann (U1)", SOON)
    assert "by a button in Slack" in found.why


def test_the_buttons_go_when_it_is_over_and_acknowledge_goes_when_somebody_has_it(ports, chat):
    assert set(elements(chat)) == {*Act}
    press(ports, pressed(elements(chat)[Act.ACKNOWLEDGE]))
    assert set(elements(chat)) == {*Act} - {Act.ACKNOWLEDGE}

    tell(ports, [limit(firing=False)], NOW + 10 * MINUTE)
    edit = chat.of("slack")[-2]
    assert edit.path == "chat.update"
    assert "acknowledge" not in json.dumps(edit.body)
    assert "silence" not in json.dumps(edit.body)


@pytest.mark.parametrize("act", Act)
def test_what_slack_posts_twice_is_done_once(ports, chat, act):
    body = pressed(elements(chat)[act])
    press(ports, body)
    before = everything(ports)

    assert press(ports, body).status == 200
    assert press(ports, body, SOON + timedelta(hours=3)).status == 200
    assert everything(ports) == before


def test_a_second_persons_press_of_acknowledge_changes_nothing_and_is_in_the_log(ports, chat, logged):
    element = elements(chat)[Act.ACKNOWLEDGE]
    press(ports, pressed(element))
    before = everything(ports)

    assert press(ports, pressed(element, who="U2", at="1757340301.1")).status == 200
    assert everything(ports) == before
    assert logged[-1]["why"] == "ann (U1) has it already"


@pytest.mark.parametrize("name", ["open", "delete everything", ""])
def test_a_button_that_is_none_of_these_is_answered_and_changes_nothing(ports, name):
    before = everything(ports)

    assert press(ports, pressed({"action_id": name, "type": "button", "value": "MW-1"})).status == 200
    assert everything(ports) == before


def test_an_incident_that_is_none_is_answered_changes_nothing_and_is_in_the_log(ports, logged):
    before = everything(ports)
    body = pressed({"action_id": "resolve", "type": "button", "value": "MW-00000000"})

    assert press(ports, body).status == 200
    assert everything(ports) == before
    assert logged[-1]["why"] == "there is no incident MW-00000000"


def test_what_is_not_signed_by_slack_is_refused_and_changes_nothing(ports, chat, logged):
    body = pressed(elements(chat)[Act.RESOLVE])
    before = everything(ports)
    wrong = [
        {},
        headers(body, secret="another"),
        headers(body + b"&"),
        headers(body, now=SOON - timedelta(seconds=301)),
        headers(body) | {"x-slack-request-timestamp": "soon"},
        headers(body) | {"x-slack-signature": ""},
    ]
    for one in wrong:
        reply = take_press(ports, body, one, SOON)
        assert (reply.status, reply.nudges) == (401, ())

    assert everything(ports) == before
    assert [event["outcome"] for event in logged[-len(wrong) :]] == [401] * len(wrong)


def test_a_signed_press_that_is_sent_again_after_five_minutes_is_refused(ports, chat):
    body = pressed(elements(chat)[Act.RESOLVE])
    recorded = headers(body)

    assert take_press(ports, body, recorded, SOON + timedelta(seconds=301)).status == 401
    assert changes(ports) == ["opened"]


def test_without_an_interactive_channel_nobody_can_press(ports, chat):
    body = pressed(elements(chat)[Act.RESOLVE])

    assert take_press(replace(ports, slack_signed=None), body, headers(body), SOON).status == 404
    assert changes(ports) == ["opened"]


def test_a_person_is_told_that_it_failed_while_the_store_is_away(ports, chat):
    class Away:
        def get(self, *asked):
            raise StoreAway("away")

    body = pressed(elements(chat)[Act.RESOLVE])

    assert take_press(replace(ports, store=Away()), body, headers(body), SOON).status == 503


def test_a_name_from_slack_can_mention_nobody(ports, chat):
    element = elements(chat)[Act.ACKNOWLEDGE]
    payload = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "<!channel> *now*\n<@U2>"},
        "actions": [{"action_id": element["action_id"], "value": element["value"], "action_ts": "1.1"}],
    }
    press(ports, urlencode({"payload": json.dumps(payload)}).encode())

    text = json.dumps(chat.of("slack")[-1].body)
    assert "&lt;!channel&gt;" in text
    assert "<!" not in text
    assert "<@" not in text
