"""Slack's buttons: what a message offers as Block Kit has it, and what Slack posts when one is pressed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from shared.core.acts import ACT_WORDS, EXPECTED_FOR, SPANS
from shared.core.model import Act, Offer
from shared.core.wording import lasted
from shared.formats.loose import mapping, mappings, one_line

LINK = "link "  # begins the action_id of a button that only opens a page
MOST_NAME = 60  # characters of a person's name
TAUGHT = (
    f"Meterwatch will take what it sees now as usual for {lasted(EXPECTED_FOR)}, tell it only when it "
    "becomes half as much again, and learn from it."
)


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody pressed. `once` is the same for what Slack posts twice."""

    act: Act
    subject: str
    by: str
    once: str
    span: timedelta | None = None  # that was chosen


def buttons(offers: Iterable[Offer]) -> list[dict[str, Any]]:
    """The elements of an actions block."""
    return [_select(one) if one.act is Act.SILENCE and not one.link else _button(one) for one in offers]


def _button(offer: Offer) -> dict[str, Any]:
    button: dict[str, Any] = {"type": "button", "text": _plain(ACT_WORDS[offer.act])}
    if offer.link:
        return {**button, "action_id": f"{LINK}{offer.act}", "url": offer.link}
    button |= {"action_id": str(offer.act), "value": offer.subject}
    if offer.act is Act.EXPECTED:
        texts = {"title": ACT_WORDS[offer.act], "text": TAUGHT, "confirm": "It is expected", "deny": "Cancel"}
        button["confirm"] = {name: _plain(text) for name, text in texts.items()}
    return button


def _select(offer: Offer) -> dict[str, Any]:
    options = [
        {"text": _plain(lasted(span)), "value": f"{offer.subject} {int(span.total_seconds()) // 60}"}
        for span in SPANS
    ]
    placeholder = _plain(f"{ACT_WORDS[offer.act]} for …")
    return {
        "type": "static_select",
        "action_id": str(offer.act),
        "placeholder": placeholder,
        "options": options,
    }


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def parse(body: bytes) -> tuple[list[Press], list[str]]:
    """What was pressed, and the names of what is none of our buttons. Nothing here raises.

    `body` is the form that Slack posts; one that is no press at all is no press and one odd name.
    """
    try:
        fields = parse_qs(body.decode(), max_num_fields=20)
        payload = mapping(json.loads(fields["payload"][0]))
    except (ValueError, KeyError, RecursionError):
        return [], ["no payload"]
    if payload.get("type") != "block_actions":
        return [], [one_line(payload.get("type"), 60) or "no type"]
    user = mapping(payload.get("user"))
    who = one_line(user.get("id"), 40)
    name = one_line(user.get("username") or user.get("name"), MOST_NAME)
    by = f"{name} ({who})" if name else who
    presses, odd = [], []
    for action in mappings(payload.get("actions")):
        press = _press(action, by, who)
        pressed = one_line(action.get("action_id"), 60)
        if press is not None and who:
            presses.append(press)
        elif not pressed.startswith(LINK) and pressed != "open":
            odd.append(pressed or "no action_id")
    return presses, odd


def _press(action: Any, by: str, who: str) -> Press | None:
    name = one_line(action.get("action_id"))
    moment = one_line(action.get("action_ts"))
    chosen = one_line(mapping(action.get("selected_option")).get("value"))
    subject, _, minutes = chosen.rpartition(" ") if chosen else (one_line(action.get("value")), "", "")
    if name not in set(Act) or not subject or not moment:
        return None
    span = timedelta(minutes=int(minutes)) if _is_number(minutes) else None
    return Press(Act(name), subject, by, f"slack|{moment}|{who}|{name}", span)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 6
