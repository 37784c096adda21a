"""Settings are read once, in one place, and what is wrong with them is said all at once, by name."""

import ast
import copy
import json
import pickle
from pathlib import Path

import pytest

from shared.formats.addresses import is_address
from shared.secret import Secret
from shared.settings import DEFAULTS, Settings, SettingsError
from shared.wiring import build, credential

ROOT = Path(__file__).resolve().parents[1]
ENOUGH = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
ARM_HERE = {"METERWATCH_ARM_ENDPOINT": "http://127.0.0.1:8080"}
FLOW = (
    "https://a.environment.api.powerplatform.com:443/powerautomate/workflows/1/triggers/x?sp=%2F&sig=hidden"
)
VAULT = "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/hidden-name)"
# Whoever starts the app hands it its environment; everything below is handed what it needs.
MAY_READ_THE_ENVIRONMENT = {
    "shared/wiring.py",
    "cli/check.py",
    "cli/config.py",
    "cli/picture.py",
    "cli/store.py",
}
SOURCES = [ROOT / "function_app.py"]
SOURCES += [path for folder in ("shared", "cli", "sim") for path in sorted((ROOT / folder).rglob("*.py"))]


def problems(**environment):
    with pytest.raises(SettingsError) as wrong:
        Settings.read({**ENOUGH, **environment})
    return list(wrong.value.problems)


def watch_file(folder, *channels):
    file = folder / "watch.yaml"
    file.write_text("channels:\n" + "\n".join(channels))
    return file


def environment_reads(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        f"{node.value.id}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    names |= {
        f"{node.module}.{name.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    return names & {"os.environ", "os.getenv", "os.environb", "os.getenvb"}


def test_nothing_but_what_starts_the_app_touches_the_environment():
    readers = {path.relative_to(ROOT).as_posix() for path in SOURCES if environment_reads(path)}

    assert readers == MAY_READ_THE_ENVIRONMENT


def test_an_environment_with_a_storage_account_is_enough():
    settings = Settings.read(ENOUGH)

    assert settings.store == "tables"
    assert settings.arm_endpoint == "https://management.azure.com"
    assert settings.slack_endpoint == "https://slack.com/api/"


def test_the_sample_can_be_read_as_it_stands():
    sample = json.loads((ROOT / "local.settings.sample.json").read_text(encoding="utf-8"))["Values"]

    assert build(Settings.read(sample)).watch.channels == ()


def test_blanks_around_a_value_are_not_part_of_it_and_a_blank_value_is_the_default():
    settings = Settings.read({**ENOUGH, "METERWATCH_STORE": " a.db\n", "METERWATCH_WATCH_FILE": "  "})

    assert (settings.store, settings.watch_file) == ("a.db", "watch.yaml")


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("arm_endpoint", "https://management.usgovcloudapi.net/", "https://management.usgovcloudapi.net"),
        ("slack_endpoint", "https://slack-gov.com/api", "https://slack-gov.com/api/"),
    ],
)
def test_a_trailing_slash_changes_nothing(name, given, taken):
    settings = Settings.read({**ENOUGH, f"METERWATCH_{name.upper()}": given})

    assert getattr(settings, name) == taken


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({"AzureWebJobsStorage__accountName": "stmeter"}, "https://stmeter.table.core.windows.net"),
        ({"AzureWebJobsStorage__tableServiceUri": "https://t.example"}, "https://t.example"),
    ],
    ids=["account", "table service"],
)
def test_tables_without_a_key_are_found_by_the_account(environment, endpoint):
    assert Settings.read(environment).table_endpoint == endpoint


def test_a_sqlite_store_needs_no_storage_account():
    assert Settings.read({"METERWATCH_STORE": "meterwatch.db"}).store == "meterwatch.db"


def test_every_mistake_is_named_at_once():
    found = problems(
        AzureWebJobsStorage="",
        METERWATCH_CREDENTIAL="managed",
        METERWATCH_ARM_ENDPOINT="management.azure.com",
        METERWATCH_METRICS_ENDPOINT="https://westeurope.metrics.monitor.azure.com",
        METERWATCH_SLACK_ENDPOINT="ftp://slack.com",
        AZURE_CLIENT_ID=VAULT,
    )

    assert [problem.split()[0] for problem in found] == [
        "AZURE_CLIENT_ID",
        "METERWATCH_CREDENTIAL",
        "METERWATCH_ARM_ENDPOINT",
        "METERWATCH_SLACK_ENDPOINT",
        "METERWATCH_METRICS_ENDPOINT",
        "AzureWebJobsStorage",
    ]


@pytest.mark.parametrize("name", DEFAULTS)
@pytest.mark.parametrize("text", [VAULT, VAULT.lower()], ids=["as written", "lower case"])
def test_a_key_vault_reference_is_refused_by_name_and_once(name, text):
    assert problems(**{name: text}) == [f"{name} is an unresolved Key Vault reference"]


@pytest.mark.parametrize(
    "text", ["rubbish", "AccountName=x", "AccountKey=eA==", "DefaultEndpointsProtocol=https;AccountName="]
)
def test_what_is_no_connection_string_is_refused_without_showing_it(text):
    assert problems(AzureWebJobsStorage=text) == [
        "AzureWebJobsStorage is not a connection string of a storage account"
    ]


@pytest.mark.parametrize("endpoint", ["https://management.azure.com", "http://10.0.0.4:8080"])
def test_the_simulated_login_goes_nowhere_but_to_this_machine(endpoint):
    found = problems(METERWATCH_CREDENTIAL="simulated", METERWATCH_ARM_ENDPOINT=endpoint)

    assert len(found) == 1
    assert "METERWATCH_ARM_ENDPOINT" in found[0]


ONE_ID = "461E8683-5575-4561-ac7f-899cc907d62a"


@pytest.mark.parametrize("name", ["AUDIENCE", "TENANT", "CALLER"])
@pytest.mark.parametrize("value", ["contoso.example", "hidden", ONE_ID + "0", f"https://{ONE_ID}"])
def test_an_id_of_the_webhook_that_is_none_is_named_and_not_shown(name, value):
    (problem,) = problems(**{f"METERWATCH_WEBHOOK_{name}": value})

    assert problem.startswith(f"METERWATCH_WEBHOOK_{name} is no id")
    assert value not in problem


def test_a_way_to_prove_oneself_that_nobody_knows_is_refused_and_not_shown():
    assert problems(METERWATCH_WEBHOOK_AUTH="hidden") == ["METERWATCH_WEBHOOK_AUTH is neither entra nor key"]


@pytest.mark.parametrize("audience", [ONE_ID, f"api://{ONE_ID}"], ids=["id", "address"])
def test_the_audience_of_the_webhook_may_be_given_in_both_forms(audience):
    webhook = Settings.read({**ENOUGH, "METERWATCH_WEBHOOK_AUDIENCE": audience}).webhook

    assert webhook.expected.audience == ONE_ID.lower()


@pytest.mark.parametrize(
    ("said", "protected"),
    [
        ("True", True),
        ("true", True),
        ("1", True),
        ("False", False),
        ("", False),
        ("0", False),
        ("yes", False),
    ],
)
def test_the_platform_says_whether_its_authentication_is_on(said, protected):
    webhook = Settings.read({**ENOUGH, "WEBSITE_AUTH_ENABLED": said}).webhook

    assert webhook.expected.protected is protected


@pytest.mark.parametrize(
    ("easy_auth", "protected"), [("on", ""), ("on", "False"), ("off", "True"), ("", "True")]
)
def test_the_name_that_the_platform_gives_counts_only_while_its_authentication_is_on(
    tmp_path, easy_auth, protected
):
    environment = {"METERWATCH_STORE": str(tmp_path / "a.db"), "METERWATCH_EASY_AUTH": easy_auth}

    assert not build(Settings.read({**environment, "WEBSITE_AUTH_ENABLED": protected})).signs_in


def test_the_platforms_name_counts_where_both_say_so(tmp_path):
    environment = {"METERWATCH_STORE": str(tmp_path / "a.db"), "METERWATCH_EASY_AUTH": "on"}

    assert build(Settings.read({**environment, "WEBSITE_AUTH_ENABLED": "True"})).signs_in


def test_the_webhook_is_strict_and_shut_by_default():
    webhook = Settings.read(ENOUGH).webhook

    assert not webhook.by_key
    assert not webhook.expected.protected
    assert webhook.expected.caller == ONE_ID.lower()


AN_APP = {"AZURE_TENANT_ID": "contoso.example", "AZURE_CLIENT_ID": "an-app", "AZURE_CLIENT_SECRET": "hidden"}


def test_a_login_on_this_machine_needs_an_app_and_its_secret():
    endpoint = {"METERWATCH_LOGIN_ENDPOINT": "http://127.0.0.1:8080/login"}

    assert problems(**endpoint, AZURE_CLIENT_ID="an-app") == [
        "not set: AZURE_TENANT_ID, AZURE_CLIENT_SECRET, which METERWATCH_LOGIN_ENDPOINT on this machine needs"
    ]
    assert Settings.read({**ENOUGH, **endpoint, **AN_APP}).tenant_id == "contoso.example"
    assert Settings.read({**ENOUGH, **endpoint, "METERWATCH_CREDENTIAL": "simulated", **ARM_HERE})


def test_a_login_elsewhere_may_be_any_that_the_sdk_knows():
    assert Settings.read({**ENOUGH, "METERWATCH_LOGIN_ENDPOINT": "https://login.microsoftonline.us"})


def test_settings_of_an_app_that_are_blank_are_no_app(monkeypatch):
    blank = dict.fromkeys(AN_APP, "")
    for environment, is_an_app in [
        (AN_APP, True),
        ({**AN_APP, "AZURE_CLIENT_SECRET": ""}, False),
        ({name: AN_APP[name] for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")}, True),  # by a certificate
        ({"AZURE_CLIENT_ID": "of an identity"}, False),
        (blank, False),
    ]:
        assert Settings.read({**ENOUGH, **environment}).is_an_app is is_an_app
    for name in blank:
        monkeypatch.setenv(name, "")
    assert credential(Settings.read({**ENOUGH, **blank}))


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, "DefaultAzureCredential"),
        (
            {"METERWATCH_LOGIN_ENDPOINT": "https://login.microsoftonline.us", **AN_APP},
            "DefaultAzureCredential",
        ),
        ({"METERWATCH_LOGIN_ENDPOINT": "http://[::1]:8080", **AN_APP}, "ClientSecretLogin"),
        ({"METERWATCH_CREDENTIAL": "simulated", **ARM_HERE}, "SimulatedLogin"),
    ],
    ids=["the sdk's", "a sovereign cloud's", "on this machine", "simulated"],
)
def test_the_credential_is_by_the_settings(environment, kind):
    assert type(credential(Settings.read({**ENOUGH, **environment}))).__name__ == kind


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("https://slack.com/api/", True),
        ("http://127.0.0.1:8707", True),
        ("http://localhost:1/x?sig=%2F", True),
        ("http://[::1]:8080", True),
        ("http://slack.com/api/", False),
        ("http://127.0.0.1.example.com", False),
        ("file:///etc/passwd", False),
        ("https://", False),
        ("https://[broken", False),
        ("https://host:port", False),
        ("https://host/a b", False),
        ("https://host/\u2019", False),
        ("slack.com", False),
        ("", False),
    ],
)
def test_a_secret_is_sent_to_https_or_to_this_machine(url, sound):
    assert is_address(url) is sound


def test_channel_secrets_that_are_missing_or_unresolved_are_named_at_once():
    settings = Settings.read({**ENOUGH, "TEAMS": VAULT, "BLANK": "  ", "SLACK": "xoxb-1"})

    with pytest.raises(SettingsError) as wrong:
        settings.secrets(["SLACK", "TEAMS", "BLANK", "ABSENT"])

    assert wrong.value.problems == ("not set: ABSENT, BLANK", "TEAMS is an unresolved Key Vault reference")


def test_channel_secrets_are_read_without_the_blanks_around_them():
    settings = Settings.read({**ENOUGH, "SLACK": " xoxb-1\n"})

    assert settings.secrets(["SLACK"])["SLACK"].reveal() == "xoxb-1"


def test_ports_name_what_is_wrong_with_each_secret_and_show_none(tmp_path):
    file = watch_file(
        tmp_path,
        "  a: {kind: teams, secret: TEAMS}",
        "  b: {kind: slack webhook, secret: HOOK}",
        "  c: {kind: slack, secret: TOKEN, channel: C1}",
        "  d: {kind: teams, secret: FINE}",
    )
    environment = {"TEAMS": "http://evil.example/hidden", "HOOK": "hidden", "TOKEN": "xoxb-hid den\u2019"}
    environment |= {"FINE": FLOW, "METERWATCH_WATCH_FILE": str(file)}

    with pytest.raises(SettingsError) as wrong:
        build(Settings.read({**ENOUGH, **environment}))

    assert [problem.split()[0] for problem in wrong.value.problems] == ["HOOK", "TEAMS", "TOKEN"]
    assert "hid" not in str(wrong.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"budgets: [{}]\nlimits: 5\n", "$.budgets[0].name"),
        (b"budgets: [{}]\nlimits: 5\n", "$.limits"),
    ],
    ids=["missing", "not text", "first mistake", "second mistake"],
)
def test_ports_say_what_is_wrong_with_the_watch_file(tmp_path, content, said):
    file = tmp_path / "watch.yaml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(SettingsError, match=r"watch\.yaml") as wrong:
        build(Settings.read({**ENOUGH, "METERWATCH_WATCH_FILE": str(file)}))

    assert said in str(wrong.value)


def test_a_watch_file_is_looked_for_beside_the_app_wherever_it_is_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert build(Settings.read({**ENOUGH, "METERWATCH_WATCH_FILE": "sim/watch.yaml", **CHATS})).watch.budgets


CHATS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "TEAMS_WEBHOOK_URL": FLOW,
    "SLACK_SIGNING_SECRET": "s" * 32,
}
SECRET = Secret("TOKEN", "xoxb-hidden")


@pytest.mark.parametrize(
    "show",
    [repr, str, ascii, "{}".format, "{!r:>30}".format, lambda one: f"{one}", lambda one: f"{[one]}"],
    ids=["repr", "str", "ascii", "format", "padded", "f-string", "in a list"],
)
def test_a_secret_shows_its_name_only(show):
    text = show(SECRET)

    assert "TOKEN" in text
    assert "hidden" not in text


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"])
def test_a_secret_cannot_be_copied_out(take):
    with pytest.raises(TypeError) as refused:
        take(SECRET)

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "quoted", "shown"),
    [
        ("xoxb-1", "token xoxb-1 is bad", "token <X> is bad"),
        ("https://h/flow-of-finance/run?sig=abc%2Ddefghijk", "at /flow-of-finance/run", "at /<X>/run"),
        ("https://h/flow-of-finance/run?sig=abc%2Ddefghijk", "sig abc-defghijk", "sig <X>"),
        ("https://h/flow-of-finance/run?sig=abc%2Ddefghijk", "a run of finance", "a run of finance"),
    ],
    ids=["all of it", "a part of the path", "decoded", "nothing of it"],
)
def test_a_secret_hides_itself_in_what_a_service_says(value, quoted, shown):
    assert Secret("X", value).hidden(quoted) == shown


def test_settings_show_no_secret_and_no_environment():
    text = repr(
        Settings.read(
            {
                "AzureWebJobsStorage": "AccountName=x;AccountKey=aGlkZGVu",
                "TEAMS": "hidden",
                "AZURE_CLIENT_SECRET": "hidden",
            }
        )
    )

    assert "aGlkZGVu" not in text
    assert "hidden" not in text


LINK_KEY = "k" * 32


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("METERWATCH_LINK_KEY", "hidden-short-key", "has 16 characters; expected at least 32"),
        ("METERWATCH_PUBLIC_URL", "http://hidden.example", "is not a URL"),
        ("METERWATCH_PUBLIC_URL", "hidden.azurewebsites.net", "is not a URL"),
        ("METERWATCH_EASY_AUTH", "yes", "is 'yes'; expected on or off"),
    ],
)
def test_what_signs_links_and_people_in_is_refused_by_name_and_never_shown(name, value, said):
    (problem,) = problems(**{"METERWATCH_LINK_KEY": LINK_KEY, name: value})

    assert problem.startswith(f"{name} {said}")
    assert "hidden" not in problem


def test_a_public_address_without_a_key_is_half_a_setting():
    (problem,) = problems(METERWATCH_PUBLIC_URL="https://app.example")

    assert problem == "METERWATCH_LINK_KEY is not set, which METERWATCH_PUBLIC_URL needs"


def test_links_lead_to_the_app_as_people_reach_it_and_show_no_key(tmp_path):
    given = {"METERWATCH_PUBLIC_URL": "https://app.example/", "METERWATCH_LINK_KEY": LINK_KEY}
    ports = build(Settings.read({"METERWATCH_STORE": str(tmp_path / "a.db"), **given}))

    assert ports.links is not None
    assert ports.links.address == "https://app.example/api/respond"
    assert LINK_KEY not in repr(ports)
    assert build(Settings.read({"METERWATCH_STORE": str(tmp_path / "a.db")})).links is None


INTERACTIVE = "  chat: {kind: slack, secret: TOKEN, channel: C1, interactive: true}"


def test_an_interactive_channel_needs_slacks_signing_secret_and_no_other_does(tmp_path):
    environment = {**ENOUGH, "TOKEN": "xoxb-1"}
    quiet = watch_file(tmp_path, INTERACTIVE.replace("true", "false"))
    assert build(Settings.read({**environment, "METERWATCH_WATCH_FILE": str(quiet)})).slack_signed is None

    file = watch_file(tmp_path, INTERACTIVE)
    environment["METERWATCH_WATCH_FILE"] = str(file)
    with pytest.raises(SettingsError) as wrong:
        build(Settings.read(environment))
    assert wrong.value.problems == (
        "SLACK_SIGNING_SECRET is not set, which the interactive channel chat needs",
    )
    assert build(Settings.read({**environment, "SLACK_SIGNING_SECRET": "s" * 32})).slack_signed is not None
