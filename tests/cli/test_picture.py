import json
import zlib

import pytest

from cli.picture import CannotDrawError, check_tools, choose, main


def slack(text, colour="#D13438", **more):
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{text}*"}},
        {
            "type": "section",
            "fields": [{"type": "mrkdwn", "text": "*Now*\n€ 12"}, {"type": "mrkdwn", "text": "*Usual*\n€ 3"}],
        },
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "found by Meterwatch </script>"}]},
    ]
    body = {"channel": "C1", "attachments": [{"color": colour, "blocks": blocks}]}
    return {
        "at": "2026-11-03T13:44:00+00:00",
        "kind": "slack",
        "destination": "#ai",
        "body": body,
        "ts": "1",
        **more,
    }


def teams(text, style="warning"):
    headline = {"type": "TextBlock", "text": text, "weight": "Bolder", "wrap": True}
    card = {
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "Container", "style": style, "bleed": True, "items": [headline]},
            {"type": "FactSet", "facts": [{"title": "Now", "value": "€ 8 120 of € 10 000"}]},
        ],
        "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "https://portal.azure.com/"}],
    }
    body = {"type": "message", "attachments": [{"content": card}]}
    return {"at": "2026-11-03T13:44:00+00:00", "kind": "teams", "destination": "Platform", "body": body}


def ready():
    try:
        check_tools()
    except CannotDrawError as problem:
        return str(problem)
    return ""


def png(data):
    """Its width, its height and its rows as they are stored."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    position, packed, width, height = 8, b"", 0, 0
    while position < len(data):
        length, name = int.from_bytes(data[position : position + 4]), data[position + 4 : position + 8]
        chunk = data[position + 8 : position + 8 + length]
        if name == b"IHDR":
            width, height = int.from_bytes(chunk[:4]), int.from_bytes(chunk[4:8])
        packed += chunk if name == b"IDAT" else b""
        position += length + 12
    stored = zlib.decompress(packed)
    row = len(stored) // height
    return width, height, {stored[start : start + row] for start in range(0, len(stored), row)}


@pytest.mark.skipif(bool(ready()), reason=ready())
def test_two_recorded_messages_become_a_picture(tmp_path, capsys):
    messages, out = tmp_path / "messages.json", tmp_path / "new" / "alerts.png"
    messages.write_text(json.dumps([slack("Critical: a loop"), teams("Warning: a budget")]))

    assert main(["--messages", str(messages), "--out", str(out)]) == 0

    width, height, rows = png(out.read_bytes())
    assert width == 2400
    assert 400 < height < 2000
    assert len(rows) > 150  # an empty page has but a few different ones
    assert "Drew 2 messages" in capsys.readouterr().out


@pytest.mark.skipif(bool(ready()), reason=ready())
def test_a_message_that_cannot_be_drawn_is_said_in_a_line(tmp_path, capsys):
    messages = tmp_path / "messages.json"
    messages.write_text(json.dumps([{**teams("x"), "body": {}}]))

    assert main(["--messages", str(messages), "--out", str(tmp_path / "alerts.png")]) == 2

    assert capsys.readouterr().err == "No picture: a message cannot be drawn by the public renderers\n"


def test_what_is_missing_is_said_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main([]) == 2

    line = capsys.readouterr().err
    assert line.startswith("No picture: not found: Node")
    assert "Chromium" in line
    assert line.count("\n") == 1


def test_the_critical_version_is_chosen_of_a_message_that_has_been_resolved_since():
    resolved = {"at": "2026-11-03T15:00:00+00:00", "body": {"text": "Resolved"}}
    messages = [slack("Warning"), slack("Critical", versions=[resolved]), teams("Critical"), teams("Warning")]

    left, right = choose(messages, None)

    assert left["body"] == messages[1]["body"]
    assert right is messages[3]


def test_a_reply_in_a_thread_is_never_chosen_by_itself():
    messages = [slack("Critical", ts="2", thread_ts="1"), slack("Info")]
    assert [message["body"] for message in choose(messages, None)] == [messages[1]["body"]]


def test_messages_can_be_picked_by_number():
    messages = [slack("one"), slack("two"), teams("three")]
    assert choose(messages, [2, 0]) == [messages[2], messages[0]]
    with pytest.raises(CannotDrawError, match="there are 3 messages"):
        choose(messages, [3])


def test_nothing_to_choose_from_is_said():
    with pytest.raises(CannotDrawError, match="no Slack or Teams message"):
        choose([], None)
