"""Slack's buttons: within its limits, only while something is open, and read back when they are pressed."""

import json
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slackblocks import Button, ConfirmationDialogue, Option, StaticSelectMenu, Text, TextType

from shared.core.acts import SPANS
from shared.core.model import Act, Offer, Reason
from shared.formats.slack import SLACK, SLACK_WEBHOOK
from shared.formats.slack_buttons import Press, buttons, parse
from tests.builders import HOUR, a_notification

SUBJECT = "MW-1A2B3C4D"
LONGEST = f"{'c' * 60}|{'f' * 16}|999999"  # a channel's name, a group, a thread
OFFERS = tuple(Offer(act, SUBJECT) for act in Act)


def plain(text):
    assert text["type"] == "plain_text"
    return Text(text["text"], type_=TextType.PLAINTEXT)


def actions_of(call):
    blocks = [*call.body["blocks"], *(b for one in call.body["attachments"] for b in one["blocks"])]
    return [block for block in blocks if block["type"] == "actions"]


def elements_of(call):
    return [element for block in actions_of(call) for element in block["elements"]]


def posted(*actions, **named):
    payload = {
        "type": "block_actions",
        "user": {"id": "U012AB", "username": "ann", "name": "ann"},
        "trigger_id": "1.2",
        "actions": list(actions),
    }
    return urlencode({"payload": json.dumps(payload | named)}).encode()


def pressed(element, **named):
    """What Slack posts when an element of ours is pressed; of a select, its second option."""
    action = {"action_id": element["action_id"], "action_ts": "1757340300.1", "type": element["type"]}
    if element["type"] == "static_select":
        action["selected_option"] = element["options"][1]
    else:
        action["value"] = element["value"]
    return action | named


@pytest.mark.parametrize("subject", [SUBJECT, LONGEST])
def test_buttons_hold_slacks_limits(subject):
    for one in buttons(Offer(act, subject) for act in Act):
        assert len(one["action_id"]) <= 255
        if one["type"] == "static_select":
            options = [Option(plain(each["text"]), each["value"]) for each in one["options"]]
            StaticSelectMenu(one["action_id"], options, placeholder=plain(one["placeholder"]))
            assert all(len(each["value"]) <= 150 for each in one["options"])
        else:
            Button(text=one["text"]["text"], action_id=one["action_id"], value=one["value"])
            assert len(one["value"]) <= 2000
        if sure := one.get("confirm"):
            ConfirmationDialogue(*(plain(sure[name]) for name in ("title", "text", "confirm", "deny")))
            assert len(sure["title"]["text"]) <= 100
            assert len(sure["text"]["text"]) <= 300
            assert max(len(sure[name]["text"]) for name in ("confirm", "deny")) <= 30


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.act)
def test_what_is_pressed_is_what_was_offered_and_about_what(offer):
    (element,) = buttons([offer])
    (press,), odd = parse(posted(pressed(element)))

    span = SPANS[1] if offer.act is Act.SILENCE else None
    assert press == Press(offer.act, SUBJECT, "ann (U012AB)", f"slack|1757340300.1|U012AB|{offer.act}", span)
    assert odd == []


def test_the_living_message_has_the_buttons_and_its_thread_has_not():
    notification = a_notification(reason=Reason.WORSENED, sequence=2, offers=OFFERS)
    edit, told = SLACK.render(notification, "C1", "C1/1.0")

    assert [one["action_id"] for one in elements_of(edit)] == [*Act, "open"]
    assert [one["action_id"] for one in elements_of(told)] == ["open"]


def test_an_edit_has_another_block_id():
    first, second = (
        SLACK.render(a_notification(sequence=number, offers=OFFERS), "C1", "")[0] for number in (1, 2)
    )

    assert actions_of(first)[0]["block_id"] != actions_of(second)[0]["block_id"]


def test_without_an_offer_nothing_can_be_done():
    (call,) = SLACK.render(a_notification(), "C1", "")

    assert [one["action_id"] for one in elements_of(call)] == ["open"]


def test_a_webhook_has_links_for_buttons():
    offers = [replace(one, link=f"https://app.example/api/respond?t={one.act}") for one in OFFERS]
    (call,) = SLACK_WEBHOOK.render(a_notification(offers=tuple(offers)), "", "")

    found = elements_of(call)[:-1]
    assert [one["url"].partition("=")[2] for one in found] == [*Act]
    assert not any("value" in one for one in found)


@pytest.mark.parametrize("name", ["open", "link acknowledge"])
def test_a_button_that_only_opens_a_page_is_no_press_and_nothing_odd(name):
    assert parse(posted({"action_id": name, "action_ts": "1.1", "type": "button"})) == ([], [])


@pytest.mark.parametrize(
    ("body", "odd"),
    [
        (b"", "no payload"),
        (b"payload=", "no payload"),
        (b"payload=%7B", "no payload"),
        (b"payload=[]", "no type"),
        (b"\xff\xfe", "no payload"),
        (b"&".join([b"a=b"] * 99), "no payload"),
        (posted(type="view_submission"), "view_submission"),
        (posted({"action_id": "delete", "action_ts": "1.1", "value": SUBJECT}), "delete"),
        (posted({"action_id": "resolve", "action_ts": "1.1", "value": ""}), "resolve"),
        (posted({"action_id": "resolve", "value": SUBJECT}), "resolve"),
        (posted({"action_id": "resolve", "action_ts": "1.1", "value": SUBJECT}, user={}), "resolve"),
        (posted({}), "no action_id"),
    ],
)
def test_what_is_none_of_our_buttons_is_named(body, odd):
    assert parse(body) == ([], [odd])


def test_a_silence_of_a_length_that_is_none_has_the_usual_one():
    action = {"action_id": "silence", "action_ts": "1.1", "selected_option": {"value": f"{SUBJECT} soon"}}
    (press,), _ = parse(posted(action))

    assert press.span is None


def test_a_chosen_length_is_read_in_minutes():
    action = {"action_id": "silence", "action_ts": "1.1", "selected_option": {"value": f"{SUBJECT} 90"}}
    (press,), _ = parse(posted(action))

    assert press.span == HOUR + timedelta(minutes=30)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(JSON, JSON, JSON)
def test_odd_shapes_are_no_press_and_no_error(actions, user, value):
    for body in (
        posted(actions=actions, user=user),
        posted({"action_id": "resolve", "action_ts": value, "value": value, "selected_option": value}),
    ):
        presses, _ = parse(body)
        assert all(press.by and press.subject for press in presses)
