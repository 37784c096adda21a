"""`meterwatch incidents` and `meterwatch deliveries` on a store in which something has happened."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cli.__main__ import main
from shared.core.model import Severity, State
from shared.flows.deliver import deliver
from shared.flows.tend import due
from shared.formats import records
from shared.formats.channel import Answer
from tests.telling import MINUTE, NOW, Chat, deliveries, incidents, limit, ports_telling, tell

REFUSED = Answer(200, {}, '{"ok": false, "error": "metadata_too_large"}')
CLOSED = Answer(200, {}, '{"ok": false, "error": "channel_not_found"}')


@pytest.fixture
def chat():
    return Chat()


@pytest.fixture
def ports(tmp_path, chat, monkeypatch):
    """The store that the commands look at too."""
    file = tmp_path / "told.db"
    monkeypatch.setenv("METERWATCH_STORE", str(file))
    with ports_telling(chat, file) as found:
        yield found


@pytest.fixture
def typed(capsys):
    def run(*arguments):
        status = main(list(arguments))
        found = capsys.readouterr()
        return status, found.out, found.err

    return run


def named(ports, key="limit|ptu|chat"):
    return next(one.id for one in incidents(ports) if one.alert.key == key)


def everything(ports):
    return [(row.key, row.version) for row in ports.store.scan(records.ALERTS)]


def test_list_has_a_line_for_each_incident_that_is_not_over(ports, typed):
    tell(ports, [limit(), limit(key="other", severity=Severity.CRITICAL)], NOW)
    tell(ports, [limit(key="other", firing=False)], NOW + MINUTE)

    status, out, _ = typed("incidents", "list")
    assert status == 0
    (line,) = out.splitlines()
    assert line.split()[:3] == [named(ports), "triggered", "warning"]
    assert "2026-09-08 14:05:00 UTC  PTU utilisation 97 %" in line
    assert len(typed("incidents", "list", "--all")[1].splitlines()) == 2


def test_list_says_that_there_is_none(ports, typed):
    assert typed("incidents", "list") == (0, "no incident is open\n", "")
    assert typed("incidents", "list", "--all") == (0, "no incident\n", "")
    assert json.loads(typed("incidents", "list", "--json")[1]) == []


def test_show_has_the_changes_the_addresses_and_the_messages(ports, typed):
    tell(ports, [limit()], NOW)
    tell(ports, [limit(firing=False)], NOW + 10 * MINUTE)

    status, out, _ = typed("incidents", "show", named(ports))
    assert status == 0
    for words in (
        "resolved, warning  PTU utilisation 97 %",
        "told in  slack, group ",
        "1  2026-09-08 14:05:00 UTC  opened: PTU",
        "2  2026-09-08 14:15:00 UTC  resolved: above the limit",
        "slack: opened, delivered",
        "teams: resolved, accepted",
    ):
        assert words in out


def test_show_as_json_is_a_line_of_export(ports, typed):
    tell(ports, [limit(), limit(key="other")], NOW)
    tell(ports, [limit(firing=False)], NOW + MINUTE)
    tell(ports, [limit()], NOW + 2 * MINUTE)

    lines = [json.loads(line) for line in typed("incidents", "export")[1].splitlines()]
    shown = json.loads(typed("incidents", "show", named(ports), "--json")[1])
    assert shown in lines
    assert len(lines) == 3
    assert {line["incident"]["state"] for line in lines} == {"resolved", "triggered"}
    assert all(line["transitions"] for line in lines)
    assert sum(len(line["deliveries"]) for line in lines) == len(deliveries(ports))


def test_an_incident_that_is_none_is_said_to_be_none(ports, typed):
    for verb in (["show"], ["ack", "--by", "ann", "--why", "mine"]):
        status, out, err = typed("incidents", verb[0], "MW-00000000", *verb[1:])
        assert (status, out) == (1, "")
        assert "there is no incident MW-00000000" in err


def test_a_person_acts_and_the_app_finds_what_is_to_be_told(ports, typed):
    tell(ports, [limit()], NOW)
    incident = named(ports)
    status, out, _ = typed("incidents", "ack", incident, "--by", "ann", "--why", "I look into it")

    assert status == 0
    assert out == f"{incident} acknowledged: I look into it; the app tells its channels within five minutes\n"
    assert incidents(ports)[0].acknowledged_by == "ann"
    assert len(due(ports, NOW)) == 2


def test_silence_resolve_and_expected_are_acts_too(ports, typed):
    tell(ports, [limit()], NOW)
    person = ("--by", "ann", "--why", "a test")
    assert (
        typed("incidents", "silence", named(ports), *person, "--for", "4h")[1]
        .split(": ")[1]
        .startswith("for 4 h")
    )
    assert "expected: for 1 d" in typed("incidents", "expected", named(ports), *person)[1]
    assert "resolved: ended by ann: a test" in typed("incidents", "resolve", named(ports), *person)[1]

    assert incidents(ports)[0].state is State.RESOLVED


def test_an_act_twice_changes_nothing_and_says_so(ports, typed):
    tell(ports, [limit()], NOW)
    typed("incidents", "ack", named(ports), "--by", "ann", "--why", "mine")
    before = everything(ports)

    status, _, err = typed("incidents", "ack", named(ports), "--by", "bob", "--why", "mine")
    assert (status, err) == (1, "nothing to do: ann has it already\n")
    assert everything(ports) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ack", "MW-1"], "--by"),
        (["ack", "MW-1", "--by", "ann"], "--why"),
        (
            ["silence", "MW-1", "--by", "a", "--why", "b", "--for", "ever"],
            "'ever', expected a length of time",
        ),
        (["vanish", "MW-1"], "vanish"),
        ([], "verb"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything(typed, capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        typed("incidents", *arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_nobody_acts_without_a_name(ports, typed):
    status, _, err = typed("incidents", "ack", "MW-1", "--by", " ", "--why", "x")

    assert status == 2
    assert "--by is empty" in err


@pytest.mark.parametrize("command", [["incidents", "list"], ["incidents", "export"], ["deliveries", "list"]])
def test_settings_without_a_store_are_said_in_one_line(typed, monkeypatch, command):
    monkeypatch.delenv("METERWATCH_STORE", raising=False)
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)
    status, out, err = typed(*command)

    assert (status, out) == (2, "")
    assert "AzureWebJobsStorage is not set" in err
    assert err.count("\n") == 1


def test_a_store_that_is_none_is_said_in_one_line(typed, monkeypatch, tmp_path):
    monkeypatch.setenv("METERWATCH_STORE", str(tmp_path / "no" / "such" / "folder.db"))
    status, _, err = typed("incidents", "list")

    assert status == 2
    assert err.count("\n") == 1


# Dead letters


def given_up(ports, chat, *answers):
    """An incident whose first message to Slack was given up."""
    chat.script["slack"] = [*answers]
    tell(ports, [limit()], NOW)
    return named(ports)


def test_a_dead_letter_is_listed_with_its_reason(ports, chat, typed):
    incident = given_up(ports, chat, REFUSED)

    status, out, _ = typed("deliveries", "list")
    assert status == 0
    (line,) = [one for one in out.splitlines() if incident in one]
    assert "slack  opened" in line
    assert "metadata_too_large" in line
    assert typed("deliveries", "list", "--channel", "teams")[1] == "no message was given up\n"


def test_a_replayed_dead_letter_is_told_as_its_incident_stands_and_only_once(ports, chat, typed):
    incident = given_up(ports, chat, REFUSED)
    tell(ports, [limit(severity=Severity.CRITICAL, what="now it is worse")], NOW + MINUTE)
    chat.posts.clear()

    assert typed("deliveries", "replay", "--channel", "slack")[1].startswith("1 messages put again; the app")
    for nudge in due(ports, NOW + 20 * MINUTE):
        deliver(ports, nudge, NOW + 20 * MINUTE)
    told = [call for call in chat.of("slack") if incident in json.dumps(call.body)]
    assert told
    assert "now it is worse" in json.dumps(told[-1].body)
    assert typed("deliveries", "replay")[1].startswith("0 messages put again")
    assert typed("deliveries", "list")[1] == "no message was given up\n"


def test_what_ended_since_its_message_was_given_up_is_told_late(ports, chat, typed):
    given_up(ports, chat, REFUSED)
    chat.script["slack"] = [REFUSED]
    tell(ports, [limit(firing=False)], NOW + 10 * MINUTE)
    typed("deliveries", "replay")
    chat.posts.clear()
    for nudge in due(ports, NOW + 20 * MINUTE):
        deliver(ports, nudge, NOW + 20 * MINUTE)

    assert any("Resolved" in json.dumps(call.body) for call in chat.of("slack"))


def test_a_replay_of_one_channel_leaves_the_others(ports, chat, typed):
    given_up(ports, chat, REFUSED)
    before = everything(ports)

    assert typed("deliveries", "replay", "--channel", "teams")[1].startswith("0 messages")
    assert everything(ports) == before


def test_a_replay_opens_a_channel_that_was_closed(ports, chat, typed):
    given_up(ports, chat, CLOSED)
    listed = typed("deliveries", "list")[1]
    assert "slack is closed since 2026-09-08 14:05:00 UTC: Slack answered channel_not_found" in listed

    assert "opened: slack" in typed("deliveries", "replay")[1]
    for nudge in due(ports, NOW + MINUTE):
        deliver(ports, nudge, NOW + MINUTE)
    assert any(one.address.channel == "slack" and one.status == "delivered" for one in deliveries(ports))


def test_times_of_commands_are_now(ports, typed):
    tell(ports, [limit()], NOW)
    typed("incidents", "ack", named(ports), "--by", "ann", "--why", "mine")

    at = incidents(ports)[0].acknowledged_at
    assert at is not None
    assert datetime.now(UTC) - at < timedelta(minutes=1)
