"""Text from outside: whatever an alert says, a channel shows it as text, and a log keeps its lines."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.core.model import Address, Incident, Notification, Reason, State
from shared.edges.sqlite import SqliteStore
from shared.flows.intake import take
from shared.flows.ports import Ports
from shared.formats.azure_alert import parse
from shared.formats.channels import KINDS
from shared.formats.watch_file import parse_watch

AZURE = Path(__file__).parent.parent / "fixtures" / "azure"
RECEIVED = datetime(2026, 9, 21, 4, 12, tzinfo=UTC)
WRAPPED = ("budget-native-encoded-twice", "budget-native-runbook")  # a text, which would no longer be JSON
NAMES = sorted(
    name
    for path in AZURE.glob("*.expected.json")
    if (name := path.name.removesuffix(".expected.json")) not in WRAPPED
)
HOSTILE = (
    "<!channel> <@U012345> <https://evil.example|click> *bold* [click](https://evil.example) "
    "<img src=x onerror=alert(1)>\r\nevent=forged\x00\x1b[31m\u202e\ud800"
)


SLACK = r"<[!@#a-z]"  # mentions and links; the app itself writes none
MARKUP = {"slack": SLACK, "slack webhook": SLACK, "teams": r"\]\(|<\w|\*|`"}


def texts(part: Any) -> Iterator[str]:
    """All that a channel reads for mark-up."""
    if isinstance(part, dict):
        yield from (part[name] for name in ("text", "value", "title") if isinstance(part.get(name), str))
    for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from texts(inner)


def with_hostile_text(tree: Any, longer: int = 1) -> Any:
    """Every text of a body with hostile text behind it, but for what says of which kind it is."""
    if isinstance(tree, dict):
        return {
            name: value
            if name in ("schemaId", "monitoringService", "conditionType", "signalType", "eventSource")
            else with_hostile_text(value, longer)
            for name, value in tree.items()
        }
    if isinstance(tree, list):
        return [with_hostile_text(one, longer) for one in tree]
    return f"{tree} {HOSTILE * longer}" if isinstance(tree, str) else tree


def hostile(name: str, longer: int = 1) -> bytes:
    return json.dumps(with_hostile_text(json.loads((AZURE / f"{name}.json").read_bytes()), longer)).encode()


def notification_of(body: bytes) -> Notification:
    alert = parse(body, RECEIVED)
    incident = Incident("MW-1A2B3C4D", State.TRIGGERED, opened_at=RECEIVED, alert=alert, transitions=1)
    return Notification((incident,), Address("finops", "group"), 1, Reason.OPENED, at=RECEIVED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", MARKUP)  # the others carry data or plain text
def test_no_markup_of_an_alert_is_markup_in_a_channel(kind, name):
    calls = KINDS[kind].render(notification_of(hostile(name)), "C0123456789", "")
    shown = [text for call in calls for text in texts(call.body)]

    assert shown
    for text in shown:
        assert not re.search(MARKUP[kind], text)
        assert not set(text) & set("\0\r\x1b\u202e\ud800")


@pytest.mark.parametrize("name", NAMES)
def test_texts_of_any_length_make_a_message_of_bounded_length(name):
    for kind, channel in KINDS.items():
        calls = channel.render(notification_of(hostile(name, 500)), "C0123456789", "")
        assert all(len(json.dumps(call.body)) < 60_000 for call in calls), kind


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_the_log_stays_one_line(name, tmp_path):
    logged: list[dict[str, Any]] = []
    nobody: Any = None
    store = SqliteStore(tmp_path / "text.db")
    ports = Ports(
        store,
        azure=nobody,
        post=nobody,
        watch=parse_watch(""),
        new_id=lambda: "id",
        log=lambda event: logged.append(dict(event)),
    )

    assert take(ports, hostile(name), RECEIVED).status == 202
    store.close()
    assert logged
    assert [text for event in logged for text in map(str, event.values()) if not text.isprintable()] == []
