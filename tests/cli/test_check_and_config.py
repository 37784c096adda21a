"""`meterwatch check` and `meterwatch config`, as a person types them."""

import json

import pytest

from cli.__main__ import COMMANDS, main
from sim.arm_shapes import TENANT
from sim.blueprint import SANDBOX
from tests.commands import ROOT, check, typed

NOWHERE = "00000000-0000-0000-0000-000000000000"


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


@pytest.fixture(autouse=True)
def _calm(tenant):
    yield
    tenant.set_scenario("calm")


def test_check_says_of_each_source_that_does_not_answer_why(tenant):
    tenant.take_role("Monitoring Reader")
    done = check(tenant, "--subscription", SANDBOX)

    assert done.returncode == 1
    assert f"usage   no answer: metrics of /subscriptions/{SANDBOX}" in done.stdout
    assert f"assign Monitoring Reader on subscription {SANDBOX} itself" in done.stdout
    assert "spend" in done.stdout
    assert "readings, the newest up to" in done.stdout


def test_a_scope_that_does_not_exist_has_one_line_and_the_others_go_on(tenant):
    done = check(tenant, "--subscription", NOWHERE, "--subscription", SANDBOX)

    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if NOWHERE in line and "no answer" in line)
    assert f"/subscriptions/{NOWHERE}: it does not exist, or the login cannot see it" in line
    assert "check the id in watch.yaml" in line
    assert "readings, the newest up to" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_management_group_that_is_misspelt_is_named(tenant, tmp_path):
    file = tmp_path / "watch.yaml"
    file.write_text(f"management_groups: [mg-contosso]\nsubscriptions: [{SANDBOX}]\n")
    done = check(tenant, "--config", str(file))

    assert done.returncode == 1
    assert "managementGroups/mg-contosso: it does not exist" in done.stdout
    assert "readings, the newest up to" in done.stdout


def test_the_subscriptions_of_a_management_group_are_polled_at_once(tenant, tmp_path):
    file = tmp_path / "watch.yaml"
    file.write_text("management_groups: [mg-contoso-sandbox]\n")
    done = check(tenant, "--config", str(file))

    assert done.returncode == 0, done.stdout
    assert f"\nsubscription {SANDBOX}\n" in done.stdout


def test_a_login_of_another_tenant_is_told_which_to_sign_in_to(tenant):
    tenant.set_options(wrong_issuer=True)
    done = check(tenant, "--subscription", SANDBOX)

    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if "another tenant" in line)
    assert f"/subscriptions/{SANDBOX}" in line
    assert f"az login --tenant {TENANT}" in line


APP = {
    "METERWATCH_CREDENTIAL": "default",
    "AZURE_TENANT_ID": TENANT,
    "AZURE_CLIENT_ID": "5f0d7c9e-3a41-4b8e-9c62-1d2e3f4a5b6c",
    "AZURE_CLIENT_SECRET": "nobody-may-see-this",
}


def test_an_app_signs_in_with_its_secret_at_an_authority_on_this_machine(tenant):
    done = check(tenant, "--subscription", SANDBOX, METERWATCH_LOGIN_ENDPOINT=tenant.login, **APP)

    assert done.returncode == 0, done.stdout + done.stderr
    assert tenant.requests()["counts"]["login"] > 0


@pytest.mark.parametrize(
    ("code", "words", "named"),
    [
        ("AADSTS700082", "the login has expired (AADSTS700082): run `az login`", ()),
        ("AADSTS7000222", "the client secret has expired (AADSTS7000222)", ()),
        (
            "AADSTS90002",
            f"there is no tenant {TENANT}",
            ("--subscription", SANDBOX, "--subscription", NOWHERE),
        ),
    ],
)
def test_a_login_that_fails_is_one_line_for_all_scopes(tenant, code, words, named):
    tenant.set_options(login_fault=code)
    done = check(tenant, *named, METERWATCH_LOGIN_ENDPOINT=tenant.login, **APP)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert APP["AZURE_CLIENT_SECRET"] not in done.stdout + done.stderr


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


CHANNELS = "channels: {finops: {kind: teams, secret: FINOPS_URL}, old: {kind: teams, secret: NOT_SET}}\n"


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("", 0, "is right"),
        ("@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/x)", 0, "is right"),
        ("https://a.environment.api.powerplatform.com/workflows/1?sig=hidden", 0, "is right"),
        ("https://contoso.webhook.office.com/webhookb2/hidden", 1, "FINOPS_URL is the URL of an Office 365"),
        ("https://10.0.0.4/workflows/1?sig=hidden", 1, "FINOPS_URL is no Workflows webhook"),
    ],
    ids=["not set", "in a vault", "a flow", "a connector", "a private address"],
)
def test_config_check_looks_at_the_secrets_that_are_set(tmp_path, monkeypatch, capsys, url, status, words):
    file = tmp_path / "watch.yaml"
    file.write_text(CHANNELS)
    monkeypatch.setenv("FINOPS_URL", url)

    assert main(["config", "check", str(file)]) == status
    said = "".join(capsys.readouterr())
    assert words in said
    assert "hidden" not in said
