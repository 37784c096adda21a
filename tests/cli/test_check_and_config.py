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
    assert "subscriptions that can be read: 3" in done.stdout
    assert "3 AI accounts" in done.stdout
    assert "readings, the newest up to" in done.stdout
    assert "would be told" in done.stdout
    assert "by sim/watch.yaml" in done.stdout
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
    assert "none.yaml: cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["config", "check"], ["check", "--config"]], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff\x00", "not UTF-8"), (b"limits: 5\nbudgets: 6", "$.limits")]
)
def test_a_file_that_is_none_is_said_to_be_none(tmp_path, capsys, command, content, said):
    file = tmp_path / "watch.yaml"
    file.write_bytes(content)

    assert main([*command, str(file)]) > 0
    error = capsys.readouterr().err
    assert said in error
    assert all(line.startswith(str(file)) for line in error.splitlines())


def test_config_check_takes_watch_yaml_where_it_is_typed(tmp_path, monkeypatch, capsys):
    (tmp_path / "watch.yaml").write_text("newcomers: maybe")
    monkeypatch.chdir(tmp_path)

    assert main(["config", "check"]) == 1
    assert capsys.readouterr().err == "watch.yaml: $.newcomers: 'maybe'; expected true or false\n"


def test_check_refuses_what_is_no_subscription_in_one_line(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["check", "--subscription", "contoso-ai"])

    assert ended.value.code == 2
    assert "'contoso-ai', expected a subscription's id" in capsys.readouterr().err


def test_check_says_that_a_subscription_is_not_there(tenant):
    done = check(tenant, "--subscription", "00000000-0000-0000-0000-000000000000")

    assert done.returncode == 1
    assert "could not be found" in done.stdout
    assert "Traceback" not in done.stderr


def test_check_says_what_is_wrong_with_the_settings():
    done = typed(["check"], {"METERWATCH_CREDENTIAL": "managed", "METERWATCH_ARM_ENDPOINT": "azure"})

    assert done.returncode == 2
    assert "METERWATCH_CREDENTIAL" in done.stderr
    assert "METERWATCH_ARM_ENDPOINT" in done.stderr


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
