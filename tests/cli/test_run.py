"""`meterwatch run`: from a simulated tenant to a page, as a person starts it."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.run import main

ROOT = Path(__file__).resolve().parents[2]
SECRETS = (b"simulated-signature", b"xoxb-simulated")
# A shell that starts the tests in the background has its children ignore Ctrl-C.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from cli.__main__ import main
sys.exit(main())
"""


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

    at = (f"2026 {line.partition(' UTC')[0]} +0000" for line in told)
    times = [datetime.strptime(one, "%Y %a %d %b %H:%M %z") for one in at]
    assert times == sorted(times)
    loop = r"\w{3} \d+ \w{3} \d\d:\d\d UTC  .* (Warning|Critical): agents-reason .* -> finops, on-call"
    assert any(re.match(loop, line) for line in told)
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


def test_no_file_that_it_leaves_holds_a_secret(ran):
    _, folder = ran
    left = [file for file in folder.iterdir() if file.name != "mine.txt"]

    assert {"index.html", "messages.json", "meterwatch.db"} <= {file.name for file in left}
    assert not [file.name for file in left for secret in SECRETS if secret in file.read_bytes()]


def test_an_alert_is_told_no_earlier_than_the_one_before(ran):
    done, _ = ran
    times = re.findall(r"^\w{3} (\d+ \w{3} \d\d:\d\d) UTC  .* -> ", done.stdout, re.MULTILINE)
    moments = [datetime.strptime(f"2026 {text}", "%Y %d %b %H:%M").replace(tzinfo=UTC) for text in times]

    assert len(moments) > 3
    assert moments == sorted(moments)


def test_a_folder_that_cannot_be_one_is_said_in_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")

    assert main(["--out", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("days", ["0", "-1", "x", "61"])
def test_days_that_cannot_be_are_refused(days, capsys):
    with pytest.raises(SystemExit):
        main(["--days", days])

    assert "expected 1 to 60" in capsys.readouterr().err


def test_stopped_half_way_it_ends_without_a_traceback(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "run", "--no-serve", "--out", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout
        assert next(line for line in child.stdout if "replaying" in line)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    finally:
        child.kill()
        child.wait()

    assert child.returncode == 130
    assert "stopped" in said
    assert "Traceback" not in said


def test_the_page_is_served_until_somebody_ends_it(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "run", "--days", "1", "--port", "0", "--out", str(tmp_path)],
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
