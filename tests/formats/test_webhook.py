"""The webhook's body has a shape that others build on; its signature is one that they can check."""

import hashlib
import hmac
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from shared.formats.channel import Call, encoded
from shared.formats.channels import KINDS
from shared.formats.webhook import MOST_INCIDENTS, SIGNATURE, TIMESTAMP, signed
from tests.formats.situations import EVERY, GOLDEN, NOON, OPENED, notifications

KEY = b"0123456789abcdef0123456789abcdef"
TEXT = {"type": "string"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}
AMOUNT = {
    "type": "object",
    "properties": {"value": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}, "unit": TEXT},
    "required": ["value", "unit"],
    "additionalProperties": False,
}


def one_of(*words: str) -> dict[str, Any]:
    return {"enum": list(words)}


def or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def exactly(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


# Version 1, as docs/configure.md has it: what stands here may be added to and never be changed.
SHAPE = exactly(
    version={"const": 1},
    id=TEXT,
    channel=TEXT,
    sequence={"type": "integer"},
    thread={"type": "integer"},
    reason=TEXT,
    at=MOMENT,
    may_repeat={"type": "boolean"},
    headline=TEXT,
    text=TEXT,
    incidents={
        "type": "array",
        "maxItems": MOST_INCIDENTS,
        "items": exactly(
            id=TEXT,
            news={"type": "boolean"},
            state=one_of("pending", "triggered", "acknowledged", "resolved"),
            opened_at=MOMENT,
            resolved_at=or_null(MOMENT),
            acknowledged_by=TEXT,
            confirmed_by={"type": "array", "items": TEXT},
            severity=one_of("info", "warning", "critical"),
            kind=TEXT,
            rule=TEXT,
            resource=TEXT,
            part=TEXT,
            owner=TEXT,
            what=TEXT,
            why=TEXT,
            link=TEXT,
            source=TEXT,
            since=MOMENT,
            as_of=or_null(MOMENT),
            seen=or_null(AMOUNT),
            against=or_null(AMOUNT),
            test={"type": "boolean"},
        ),
    },
    left_out={"type": "integer"},
)


def sent(notification: Any) -> Any:
    (call,) = KINDS["webhook"].render(notification, "", "")
    return json.loads(encoded(call))


@pytest.mark.parametrize("notification", EVERY.values(), ids=EVERY)
def test_a_body_has_the_shape_that_is_documented(notification):
    jsonschema.validate(sent(notification), SHAPE)


@settings(max_examples=100, deadline=None)
@given(notifications)
def test_a_body_of_any_text_has_the_shape_that_is_documented(notification):
    jsonschema.validate(sent(notification), SHAPE)


def test_a_body_stays_small_and_counts_what_it_leaves_out():
    body = sent(GOLDEN["summary"])

    assert (len(body["incidents"]), body["left_out"]) == (MOST_INCIDENTS, 4_950)
    assert len(json.dumps(body)) < 200_000


def test_what_was_refused_is_sent_without_its_incidents():
    assert (sent(GOLDEN["plain"])["incidents"], sent(GOLDEN["plain"])["left_out"]) == ([], 1)


def test_money_keeps_its_decimals():
    assert sent(OPENED)["incidents"][0]["seen"] == {"value": "9612.40", "unit": "USD"}


def test_a_receiver_can_check_who_sent_it_and_when():
    (call,) = KINDS["webhook"].render(OPENED, "", "")
    headers = signed(call, KEY).headers
    expected = hmac.new(KEY, headers[TIMESTAMP].encode() + b"." + encoded(call), hashlib.sha256).hexdigest()

    assert headers[TIMESTAMP] == str(int(NOON.timestamp()))
    assert headers[SIGNATURE] == f"sha256={expected}"


def test_another_body_key_or_time_is_another_signature():
    calls = [Call({"a": 1}, headers={TIMESTAMP: "1"}), Call({"a": 2}, headers={TIMESTAMP: "1"})]
    calls.append(Call({"a": 1}, headers={TIMESTAMP: "2"}))
    found = {signed(call, key).headers[SIGNATURE] for call in calls for key in (KEY, b"another")}

    assert len(found) == 6
