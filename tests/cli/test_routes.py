"""`meterwatch routes test`: where an alert would go, why, in which manner, and what mutes it."""

import pytest

from cli.__main__ import main
from shared.core.acts import Wish
from shared.core.model import Act
from shared.flows.respond import respond
from tests.builders import HOUR
from tests.telling import NOW, Chat, incidents, limit, ports_telling, tell

WATCH = """
channels:
  finops: {kind: slack, secret: A, channel: C1}
  oncall: {kind: teams, secret: B}
  boss: {kind: teams, secret: C}
routes:
  - name: production
    channels: [oncall]
    environment: prod
    at_least: warning
    hours: {zone: Europe/Berlin, days: [mon, tue, wed, thu, fri], start: "08:00", end: "18:00"}
    escalation: {after: 30m, channels: [boss]}
    wait: 2m
    continue: true
  - name: money
    channels: [finops]
    kinds: [budget, anomaly]
silences:
  - {rules: [noisy], end: 2026-12-31T00:00:00Z, why: known}
"""


@pytest.fixture
def file(tmp_path):
    found = tmp_path / "watch.yaml"
    found.write_text(WATCH)
    return found


@pytest.fixture(autouse=True)
def _no_store(monkeypatch):
    monkeypatch.delenv("METERWATCH_STORE", raising=False)
    monkeypatch.delenv("AzureWebJobsStorage", raising=False)


@pytest.fixture
def typed(capsys, file):
    def run(*arguments, config=file):
        status = main(["routes", "test", "--config", str(config), *arguments])
        found = capsys.readouterr()
        return status, found.out, found.err

    return run


def test_the_tree_is_walked_with_the_reason_of_each_step(typed):
    status, out, _ = typed("--kind", "anomaly", "--severity", "critical")

    assert status == 0
    assert "production: no, tag environment is not set, not prod" in out
    assert "money: matches (finops)" in out
    assert "finops (slack), by money" in out
    assert "oncall (" not in out


def test_the_manner_of_each_channel_is_said(typed):
    _, out, _ = typed("--tag", "Environment=Prod", "--rule", "ptu", "--at", "2026-09-08T03:00Z")

    for words in (
        "oncall (teams), by production",
        "resource none, rule ptu",
        "after 2 min, and not before its hours begin, Tue 8 Sep 06:00 UTC",
        "repeated        after 1 d, then 3 d",
        "escalated       to boss, not acknowledged for 30 min",
    ):
        assert words in out
    assert "open now" in typed("--tag", "environment=prod", "--at", "2026-09-08T09:00Z")[1]


def test_what_is_told_once_is_never_repeated(typed):
    assert "repeated        never" in typed("--kind", "budget", "--severity", "critical")[1]


def test_nobody_told_is_an_exit_code_of_its_own(typed):
    status, out, _ = typed("--kind", "limit", "--owner", "ann")

    assert status == 1
    assert "nobody is told: no route leads to a channel" in out


def test_what_the_file_mutes_is_said_and_that_no_store_was_looked_at(typed):
    at = ("--at", "2026-09-08T03:00Z")
    assert "muted now: silenced by watch.yaml until Thu 31 Dec" in typed("--rule", "noisy", *at)[1]
    assert "nothing in the file mutes it now; no store was looked at" in typed("--rule", "calm", *at)[1]


def test_an_incident_of_the_store_is_looked_at_with_the_silences_of_people(typed, tmp_path, monkeypatch):
    store = tmp_path / "told.db"
    monkeypatch.setenv("METERWATCH_STORE", str(store))
    with ports_telling(Chat(), store) as ports:
        tell(ports, [limit(tags={"environment": "prod"})], NOW)
        (incident,) = incidents(ports)
        at = ("--incident", incident.id, "--at", "2026-09-08T14:30Z")
        assert "nothing mutes it now" in typed(*at)[1]
        respond(ports, incident.id, Wish(Act.SILENCE, "ann", "a test", HOUR), NOW)

        status, out, _ = typed(*at)
        assert status == 0
        assert "warning limit, rule ptu, at chat in rg" in out
        assert "muted now: silenced by ann until Tue 8 Sep 15:05 UTC: a test" in out


def test_an_incident_needs_a_store_and_has_to_be_there(typed, tmp_path, monkeypatch):
    assert typed("--incident", "MW-1") == (
        2,
        "",
        "meterwatch routes: AzureWebJobsStorage is not set, which METERWATCH_STORE=tables needs\n",
    )
    monkeypatch.setenv("METERWATCH_STORE", str(tmp_path / "empty.db"))
    assert typed("--incident", "MW-1") == (2, "", "meterwatch routes: there is no incident MW-1\n")


def test_a_file_that_is_none_is_said_to_be_none(typed, tmp_path):
    status, _, err = typed(config=tmp_path / "none.yaml")

    assert status == 2
    assert "none.yaml: cannot be read" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tag", "prod"], "'prod', expected name=value"),
        (["--at", "tomorrow"], "'tomorrow', expected a time"),
        (["--kind", "surprise"], "surprise"),
        (["--severity", "bad"], "bad"),
    ],
)
def test_a_description_that_is_none_is_refused(typed, capsys, arguments, said):
    with pytest.raises(SystemExit) as ended:
        typed(*arguments)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err
