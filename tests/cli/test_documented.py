"""Every command that docs/operate.md shows does what it is shown for."""

import re
import shlex
from pathlib import Path

import pytest

from cli.__main__ import main
from shared.core.model import Severity
from tests.telling import NOW, WATCH, Chat, incidents, limit, ports_telling, tell

OPERATE = (Path(__file__).resolve().parents[2] / "docs" / "operate.md").read_text(encoding="utf-8")
NAMED = "MW-1A2B3C4D"  # the incident of the examples


def shown():
    blocks = re.findall(r"```sh\n(.*?)```", OPERATE, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def test_commands_are_shown():
    verbs = {tuple(shlex.split(line)[1:3]) for line in shown()}

    assert {("incidents", "list"), ("deliveries", "replay"), ("routes", "test")} <= verbs
    assert len(verbs) == 10


@pytest.mark.parametrize("line", shown())
def test_a_command_that_is_shown_works(line, tmp_path, monkeypatch, capsys):
    store = tmp_path / "told.db"
    (tmp_path / "watch.yaml").write_text(WATCH)
    monkeypatch.setenv("METERWATCH_STORE", str(store))
    monkeypatch.chdir(tmp_path)
    with ports_telling(Chat(), store) as ports:
        tell(ports, [limit(severity=Severity.CRITICAL)], NOW)
        (incident,) = incidents(ports)
        program, *arguments = shlex.split(line.replace(NAMED, incident.id), comments=True)

        assert program == ".venv/bin/meterwatch"
        assert main(arguments) == 0
        assert capsys.readouterr().out
