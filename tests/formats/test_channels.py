"""What is sent to the channels, judged by validators that are not ours.

Golden payloads lie in tests/fixtures/messages, one for each channel and situation. After a change that
is meant, write them anew and read the difference:

    python -m tests.formats.test_channels
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import slackblocks
from hypothesis import given, settings
from jsonschema import Draft6Validator
from jsonschema.exceptions import best_match

from shared.core.model import Notification
from shared.formats.channels import KINDS
from shared.formats.slack import escaped as escaped_for_slack
from shared.formats.teams import escaped as escaped_for_teams
from tests.formats.situations import EVERY, GOLDEN, MARKED_UP, ODD, OPENED, RESOLVED, TEST, notifications

MESSAGES = Path(__file__).parent.parent / "fixtures" / "messages"
PLACES = {"slack": "C0123456789"}
PROPERTY = settings(max_examples=150, deadline=None)

every_notification = pytest.mark.parametrize("notification", EVERY.values(), ids=EVERY)
every_channel = pytest.mark.parametrize("kind", KINDS)


def sent(kind: str, notification: Notification, receipt: str = "") -> list[dict[str, Any]]:
    """The bodies of all calls, as they are after a journey by JSON."""
    calls = KINDS[kind].render(notification, PLACES.get(kind, ""), receipt)
    return [json.loads(json.dumps(call.body)) for call in calls]


def texts(part: Any) -> Iterator[str]:
    """All texts that a person may read."""
    if isinstance(part, dict):
        for name, inner in part.items():
            if name in ("text", "value", "title", "body") and isinstance(inner, str):
                yield inner
            yield from texts(inner)
    if isinstance(part, list):
        for inner in part:
            yield from texts(inner)


def shown(kind: str, notification: Notification) -> str:
    """What a person reads, without the letters that keep mark-up from being read."""
    (body,) = sent(kind, notification)
    return "\n".join(texts(body)).replace("\u034f", "")


def opening(kind: str, notification: Notification) -> str:
    """What a phone shows before the message is opened."""
    (body,) = sent(kind, notification)
    if kind == "teams":
        body = body["attachments"][0]["content"]
    return str(body[{"teams": "fallbackText", "apprise": "title"}.get(kind, "text")])[:120]


# Teams


@cache
def card_schema() -> Draft6Validator:
    schema = files("adaptive_cards") / "schemas" / "schema-1.4.json"
    return Draft6Validator(json.loads(schema.read_text(encoding="utf-8")))


def assert_teams_takes(body: Mapping[str, Any]) -> None:
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = dict(attachment["content"])
    assert compact(card) <= 20_480
    assert card["version"] == "1.4"
    assert card.pop("msteams") == {"width": "Full"}  # Teams' own: the official schema does not know it
    assert card["fallbackText"]
    fault = best_match(card_schema().iter_errors(card))
    assert fault is None, f"{fault.json_path}: {fault.message}"
    assert compact(body) * 1.18 < 28_672


def compact(body: object) -> int:
    return len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def test_the_schema_does_refuse_a_card_that_is_wrong():
    (body,) = sent("teams", OPENED)
    body["attachments"][0]["content"]["body"][0]["style"] = "purple"
    with pytest.raises(AssertionError, match="purple"):
        assert_teams_takes(body)


@every_notification
def test_a_card_is_valid_and_small_enough(notification):
    (body,) = sent("teams", notification)
    assert_teams_takes(body)


@PROPERTY
@given(notifications)
def test_a_card_of_any_text_is_valid_and_small_enough(notification):
    (body,) = sent("teams", notification)
    assert_teams_takes(body)


def test_a_link_that_phones_cannot_open_is_no_button():
    for name in ("no link", "a link that is none", "a very long link"):
        (body,) = sent("teams", ODD[name])
        assert "actions" not in body["attachments"][0]["content"], name


def test_odd_letters_in_a_link_are_encoded():
    (body,) = sent("teams", ODD["a link with odd letters"])
    (action,) = body["attachments"][0]["content"]["actions"]
    assert action["url"] == "https://portal.azure.com/#@/%3C%22%C3%BC%20%0A%3E"


def test_severity_is_never_told_by_colour_alone():
    for name, notification in GOLDEN.items():
        (body,) = sent("teams", notification)
        headline = body["attachments"][0]["content"]["body"][0]
        word = {
            "attention": ("Critical", "critical"),
            "warning": ("Warning",),
            "good": ("Resolved",),
            "accent": ("a test", "digest"),
        }
        if "style" in headline:  # a plain message has no colour
            assert any(one in headline["items"][0]["text"] for one in word[headline["style"]]), name


@pytest.mark.parametrize(
    ("data", "safe"),
    [
        ("chat_prod_2", "chat_prod_2"),
        ("9,612 USD of 10,000 USD", "9,612 USD of 10,000 USD"),
        ("__init__", "\u034f_\u034f_init_\u034f_\u034f"),
        ("*bold*", "\u2217bold\u2217"),
        ("`code`", "\u02cbcode\u02cb"),
        ("[a](b)", "\u034f[\u034fa\u034f]\u034f\u034f(\u034fb\u034f)\u034f"),
        ("<at>Ada</at>", "\u034f<\u034fat>Ada\u034f<\u034f/at>"),
        ("&lt;", "\u034f&\u034flt;"),
        ("- item", "\u034f- item"),
        ("1. item", "\u034f1. item"),
        ("# head", "\u034f#\u034f head"),
    ],
)
def test_data_never_becomes_mark_up_in_teams(data, safe):
    assert escaped_for_teams(data) == safe


# Slack


def built(block: Mapping[str, Any]) -> slackblocks.Block:
    """A block made by slackblocks, which refuses what Slack would."""
    kind = block["type"]
    if kind == "section":
        fields: list[str | slackblocks.Text] = [text_of(one) for one in block.get("fields", [])]
        text = text_of(block["text"]) if "text" in block else None
        return slackblocks.SectionBlock(text=text, fields=fields or None)
    if kind == "context":
        return slackblocks.ContextBlock([text_of(one) for one in block["elements"]])
    assert kind == "actions"
    return slackblocks.ActionsBlock([button(one) for one in block["elements"]])


def text_of(text: Mapping[str, Any]) -> slackblocks.Text:
    assert text["type"] == "mrkdwn"
    return slackblocks.Text(text["text"], verbatim=text["verbatim"])


def button(element: Mapping[str, Any]) -> slackblocks.Button:
    label = slackblocks.PlainText(element["text"]["text"])
    return slackblocks.Button(text=label, action_id=element["action_id"], url=element["url"])


def without_ids(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: without_ids(inner) for name, inner in part.items() if name != "block_id"}
    return [without_ids(inner) for inner in part] if isinstance(part, list) else part


def assert_slack_takes(body: Mapping[str, Any]) -> None:
    if "attachments" not in body:  # the plain form
        assert "blocks" not in body
        assert 0 < len(body["text"]) <= 4_000
        return
    (attachment,) = body["attachments"]
    message = slackblocks.Message(
        body.get("channel", "C0"),
        text=body["text"],
        blocks=[built(block) for block in body["blocks"]],
        attachments=[
            slackblocks.Attachment(
                color=attachment["color"],
                fallback=attachment["fallback"],
                blocks=[built(block) for block in attachment["blocks"]],
            )
        ],
        unfurl_links=False,
        unfurl_media=False,
    )
    made = json.loads(message.json())
    for part in ("text", "blocks", "attachments", "unfurl_links", "unfurl_media"):
        assert without_ids(made[part]) == body[part]
    assert_within_limits(body)


def assert_within_limits(body: Mapping[str, Any]) -> None:
    inner = body["attachments"][0]["blocks"]
    assert 1 <= len(body["text"]) <= 4_000
    assert len(body["blocks"]) + len(inner) <= 15
    assert sum(len(text) for text in texts(body)) <= 10_000
    for block in (*body["blocks"], *inner):
        if "text" in block:
            assert 1 <= len(block["text"]["text"]) <= 3_000
        for field in block.get("fields", []):
            assert 1 <= len(field["text"]) <= 2_000
        assert len(block.get("fields", [])) <= 10
        assert len(block.get("elements", [])) <= 10
        for element in block.get("elements", []):
            assert len(element.get("url", "")) <= 3_000


def test_slackblocks_does_refuse_a_block_that_is_wrong():
    (body,) = sent("slack", OPENED)
    body["blocks"][0]["text"]["text"] = "x" * 3_001
    with pytest.raises(slackblocks.InvalidUsageError):
        assert_slack_takes(body)


@every_notification
@pytest.mark.parametrize("kind", ["slack", "slack webhook"])
def test_blocks_are_valid_and_short_enough(kind, notification):
    (body,) = sent(kind, notification)
    assert_slack_takes(body)


@PROPERTY
@given(notifications)
def test_blocks_of_any_text_are_valid_and_short_enough(notification):
    (body,) = sent("slack", notification)
    assert_slack_takes(body)


def test_what_was_posted_is_edited_and_the_news_goes_under_it():
    calls = KINDS["slack"].render(RESOLVED, "C0123456789", "C0999/1757332800.000100")
    assert [call.path for call in calls] == ["chat.update", "chat.postMessage"]
    edit, reply = (dict(call.body) for call in calls)
    assert (edit["channel"], edit["ts"]) == ("C0999", "1757332800.000100")
    assert (reply["channel"], reply["thread_ts"]) == ("C0999", "1757332800.000100")
    assert "thread_ts" not in edit
    assert "ts" not in reply
    for body in (edit, reply):
        assert_slack_takes(body)


def test_a_message_shows_how_things_stand_and_its_thread_what_was_new():
    edit, reply = sent("slack", GOLDEN["group"], "C0/1.2")
    assert "Critical: throttled share" in edit["text"]
    assert "Warning, joins 2 more, Ada Lovelace has it: latency" in reply["text"]


def test_an_edit_does_not_look_for_names_in_the_text():
    edit, _ = sent("slack", OPENED, "C0/1.2")
    assert edit["parse"] == "none"
    assert edit["link_names"] is False


def test_a_webhook_has_no_channel_and_knows_no_receipt():
    (call,) = KINDS["slack webhook"].render(OPENED, "", "C0/1.2")
    assert call.path == ""
    assert "channel" not in call.body


@pytest.mark.parametrize(
    ("data", "safe"),
    [
        ("chat_prod_2", "chat_prod_2"),
        ("14:05 UTC", "14:05 UTC"),
        ("a & b", "a &amp; b"),
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U1>", "&lt;@U1&gt;"),
        ("> quote", "\u034f&gt; quote"),
        ("*bold*", "\u034f*bold\u034f*"),
        ("_it_", "\u034f_it\u034f_"),
        (":tada:", ":\u034ftada:"),
    ],
)
def test_data_never_becomes_mark_up_in_slack(data, safe):
    assert escaped_for_slack(data) == safe


@PROPERTY
@given(notifications)
def test_nobody_is_called_by_the_text_of_an_alert(notification):
    (body,) = sent("slack", notification)
    assert not any(re.search(r"[<>]", text) for text in (*texts(body), body["text"]))


# All channels


@every_channel
@pytest.mark.parametrize(
    ("notification", "words"),
    [
        (OPENED, ["Warning", "ai-products-monthly", "9,612 USD of 10,000 USD", "Mon 7 Sep 12:00 UTC"]),
        (OPENED, ["data as of Tue 8 Sep 07:00 UTC, 5 h old", "incident MW-1A2B3C4D, message 1"]),
        (EVERY["kind limit"], ["Critical", "throttled", "chat-prod in aoai-search", "12 %", "Limit", "5 %"]),
        (EVERY["kind anomaly"], ["Critical", "Now", "12 %", "Usual", "5 %", "5 min old", "MW-1A2B3C4D"]),
        (RESOLVED, ["Resolved after 3 h, was critical", "0.4 %", "5 %", "Tue 8 Sep 09:00 UTC", "5 min old"]),
        (TEST, ["Info", "a test, nothing is wrong", "age of the data not known", "incident MW-1A2B3C4D"]),
        (EVERY["may repeat"], ["may repeat an earlier message"]),
        (EVERY["confirmed by others"], ["Also found by", "Azure, webhook"]),
        (OPENED, ["team-search", "Next", "see what spends most"]),
        (GOLDEN["group"], ["2 open (1 critical, 1 warning), 1 over", "Critical for 1 d", "Over after 3 h"]),
        (GOLDEN["summary"], ["All of limit slow", "4,990 open (4,990 warning)", "messages of the hour"]),
        (EVERY["two hundred details"], ["Since", "more facts left out"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_message_says_all_that_a_person_needs(kind, notification, words):
    said = shown(kind, notification)
    assert [word for word in words if word not in said] == []


@every_channel
def test_a_message_has_a_link_to_open(kind):
    assert OPENED.incident.alert.link in json.dumps(sent(kind, OPENED))


@every_channel
def test_what_is_certain_is_not_called_a_repeat(kind):
    assert "may repeat" not in shown(kind, OPENED)
    assert "left out" not in shown(kind, OPENED)


@every_channel
@pytest.mark.parametrize(
    ("notification", "words"),
    [
        (OPENED, ["Warning", "Budget ai-products-monthly", "96 % of 10,000 USD"]),
        (GOLDEN["worsened"], ["Critical, worse", "ai-products-monthly", "103 % of 10,000 USD"]),
        (EVERY["kind limit"], ["Critical", "chat-prod in aoai-search", "12 %", "limit 5 %"]),
        (RESOLVED, ["Resolved", "critical", "chat-prod in aoai-search", "0.4 %"]),
        (EVERY["reason repeat due"], ["Warning, still firing after 1 d", "96 % of 10,000 USD"]),
        (GOLDEN["group"], ["Warning, joins 2 more", "Ada Lovelace has it", "latency 4,200 ms on chat-prod"]),
        (GOLDEN["late"], ["Resolved after 3 h, was critical, told late", "chat-prod"]),
        (GOLDEN["escalated"], ["Critical, not acknowledged for 3 h", "chat-prod", "12 %"]),
        (GOLDEN["acknowledged"], ["Critical, Ada Lovelace has it", "chat-prod", "12 %"]),
        (GOLDEN["flapping"], ["Critical, flapping", "chat-prod", "12 %"]),
        (GOLDEN["summary"], ["4,991 open (1 critical, 4,990 warning), 9 over", "the worst: throttled share"]),
        (TEST, ["Info", "a test", "Azure's test alert arrived"]),
    ],
    ids=[
        "opened",
        "worsened",
        "limit",
        "resolved",
        "repeated",
        "group",
        "late",
        "escalated",
        "acknowledged",
        "flapping",
        "summary",
        "test",
    ],
)
def test_a_phone_shows_how_bad_it_is_before_the_message_is_opened(kind, notification, words):
    said = opening(kind, notification)
    assert [word for word in words if word not in said] == []


@every_channel
def test_the_most_important_facts_stay_when_there_is_no_room_for_all(kind):
    said = shown(kind, ODD["details of emoji"])
    assert all(word in said for word in ("9,612 USD of 10,000 USD", "Since", "Where", "team-search"))
    assert re.search(r"\b1\d more facts left out", said)


@every_channel
def test_mark_up_in_a_name_is_told_as_it_stands(kind):
    said = shown(kind, ODD["mark-up"])
    if kind.startswith("slack"):
        said = said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    like = str.maketrans({"\u2217": "*", "\u02cb": "`"})
    assert MARKED_UP in said.translate(like)


def golden(kind: str, situation: str) -> Path:
    return MESSAGES / f"{kind.replace(' ', '-')}-{situation}.json"


def as_text(calls: list[dict[str, Any]]) -> str:
    return json.dumps(calls, indent=2, ensure_ascii=False) + "\n"


def in_situation(kind: str, situation: str) -> list[dict[str, Any]]:
    """A later message finds the first one's receipt, where a channel gives any."""
    first = GOLDEN[situation].sequence == 1
    return sent(kind, GOLDEN[situation], "" if first else "C0123456789/1757332800.000100")


@every_channel
@pytest.mark.parametrize("situation", GOLDEN)
def test_a_message_looks_as_it_was_approved(kind, situation):
    approved = json.loads(golden(kind, situation).read_text(encoding="utf-8"))
    assert in_situation(kind, situation) == approved


def write_golden(say: Callable[[str], None] = print) -> None:
    for kind in KINDS:
        for situation in GOLDEN:
            path = golden(kind, situation)
            path.write_text(as_text(in_situation(kind, situation)), encoding="utf-8")
            say(f"wrote {path.name}")


if __name__ == "__main__":
    write_golden()
