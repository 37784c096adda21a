"""`meterwatch check` and `meterwatch config`, as a person types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.__main__ import COMMANDS, main
from sim.blueprint import SANDBOX

ROOT = Path(__file__).resolve().parents[2]


def check(tenant, *arguments):
    ours = {
        "METERWATCH_CREDENTIAL": "simulated",
        "METERWATCH_ARM_ENDPOINT": tenant.arm,
        "METERWATCH_METRICS_ENDPOINT": tenant.metrics,
    }
    return typed(["check", *arguments], ours)


def typed(arguments, ours):
    nobody = {
        name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "METERWATCH_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**nobody, **ours},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_prints_what_it_sees_and_tells_nobody(tenant):
    before = len(tenant.messages())
    done = check(tenant, "--config", "sim/watch.yaml")

    assert done.returncode == 0, done.stderr
    assert "3 subscriptions can be read" in done.stdout
    assert "3 AI accounts" in done.stdout
    assert "readings, the newest up to" in done.stdout
    assert "would be told" in done.stdout
    assert len(tenant.messages()) == before


def test_check_of_one_subscription_asks_no_other(tenant):
    done = check(tenant, "--subscription", SANDBOX)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\nsubscription ") == 1


def test_check_says_of_each_source_that_does_not_answer_why(tenant):
    tenant.set_faults([{"path_contains": "getBatch", "status": 403}])
    done = check(tenant, "--subscription", SANDBOX)
    tenant.set_faults([])

    assert done.returncode == 1
    assert "usage   no answer: metrics of 1 accounts" in done.stdout
    assert "403" in done.stdout
    assert "spend" in done.stdout


def test_check_without_a_login_says_in_one_line_what_to_do():
    done = typed(["check"], {})

    assert done.returncode == 2
    assert done.stderr.strip().count("\n") == 0
    assert "az login" in done.stderr


def test_config_check_names_every_mistake_at_once(tmp_path):
    wrong = tmp_path / "watch.yaml"
    wrong.write_text(
        "chanels: {}\nbudgets:\n- {name: ai, amount: much}\nlimits:\n- {name: x, meter: y, above: 1}\n"
    )
    done = typed(["config", "check", str(wrong)], {})

    assert done.returncode == 1
    for place in ("$.chanels", "$.budgets[0].amount: 'much'; expected a number", "$.limits[0].meter: 'y'"):
        assert place in done.stderr


@pytest.mark.parametrize("name", ["watch.yaml", "sim/watch.yaml"])
def test_config_check_passes_what_ships(name, capsys):
    assert main(["config", "check", str(ROOT / name)]) == 0
    assert "is right" in capsys.readouterr().out


def test_config_check_says_what_cannot_be_read(tmp_path, capsys):
    assert main(["config", "check", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml cannot be read" in capsys.readouterr().err


def test_config_schema_is_json(capsys):
    assert main(["config", "schema"]) == 0
    assert "WatchFile" in json.loads(capsys.readouterr().out)["$defs"]


def test_an_unknown_command_is_refused_with_the_known_ones(capsys):
    assert main(["chekc"]) == 2
    said = capsys.readouterr().err
    assert "'chekc'" in said
    assert all(name in said for name in COMMANDS)


def test_no_command_prints_what_can_be_typed(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().out
    assert main(["--help"]) == 0
