"""`meterwatch run`: from a simulated tenant to a page, as a person starts it."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from cli.run import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A run of five days: long enough for the loop and the new model."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "mine.txt").write_text("not the run's", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "cli", "run", "--no-serve", "--days", "5", "--out", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, folder


def test_it_ends_by_itself_and_leaves_the_page_as_a_file(ran):
    done, folder = ran

    assert done.returncode == 0, done.stderr
    assert "<!doctype html>" in (folder / "index.html").read_text(encoding="utf-8")
    assert json.loads((folder / "messages.json").read_text(encoding="utf-8"))
    assert str(folder / "index.html") in done.stdout


def test_it_tells_each_alert_with_its_simulated_time_in_order(ran):
    done, _ = ran
    told = [line for line in done.stdout.splitlines() if " -> " in line]

    assert re.match(
        r"\w{3} \d+ \w{3} \d\d:\d\d UTC  .* Critical: agents-reason .* -> finops, on-call", told[0]
    )
    assert any("New model: gpt-5.4" in line for line in told)


def test_it_shows_how_far_it_is(ran):
    done, _ = ran

    assert "starting the simulated tenant" in done.stdout
    assert len(re.findall(r"^-- ", done.stderr, re.MULTILINE)) == 6


def test_the_page_shows_the_planted_faults_the_incidents_and_every_message(ran):
    _, folder = ran
    page = (folder / "index.html").read_text(encoding="utf-8")

    assert "runaway loop" in page
    assert "agents-reason" in page
    assert "Slack" in page
    assert "Teams" in page
    assert "not told" not in page.split("new model")[0].split("runaway loop")[1]


def test_it_touches_only_its_own_files(ran):
    _, folder = ran

    assert (folder / "mine.txt").read_text(encoding="utf-8") == "not the run's"


def test_the_page_is_served_until_somebody_ends_it(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-m", "cli", "run", "--days", "1", "--port", "0", "--out", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout
        lines = iter(child.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
        with urllib.request.urlopen(address, timeout=10) as answer:
            assert b"Meterwatch" in answer.read()
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=10) == 0
    finally:
        child.kill()
        child.communicate()


def test_an_option_that_is_not_known_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--no-such-option"])

    assert ended.value.code == 2
    assert "--no-such-option" in capsys.readouterr().err
