"""Settings: the environment read once into one frozen value. Nothing else reads the environment."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.formats.addresses import is_address, is_host, is_this_machine
from shared.formats.principal import Admission, Expected
from shared.secret import Secret

UNRESOLVED = "@microsoft.keyvault("
LEAST_KEY = 32  # characters of what signs links
ZEROS = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class SettingsError(Exception):
    """Settings that are missing or cannot be used; names all of them, and never a secret's value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


# Every setting the app reads, with its default. Channel secrets come on top, under the names that
# watch.yaml gives them.
DEFAULTS: Mapping[str, str] = {
    "METERWATCH_STORE": "tables",  # or the path of a SQLite file
    "METERWATCH_WATCH_FILE": "watch.yaml",
    "METERWATCH_CREDENTIAL": "default",  # or "simulated"
    "METERWATCH_ARM_ENDPOINT": "https://management.azure.com",
    "METERWATCH_METRICS_ENDPOINT": "https://{region}.metrics.monitor.azure.com",
    "METERWATCH_LOGS_ENDPOINT": "https://api.loganalytics.io",
    "METERWATCH_PRICES_ENDPOINT": "https://prices.azure.com",
    "METERWATCH_LOGIN_ENDPOINT": "https://login.microsoftonline.com",
    "METERWATCH_SLACK_ENDPOINT": "https://slack.com/api/",
    "METERWATCH_PUBLIC_URL": "",  # of this app, as people reach it; "" is no links to act by
    "METERWATCH_LINK_KEY": "",  # signs those links
    "METERWATCH_EASY_AUTH": "off",  # or "on": the platform signs visitors in, and says who they are
    "SLACK_SIGNING_SECRET": "",  # of the Slack app, when one of its channels is interactive
    "METERWATCH_CHAT_HOSTS": "",  # further hosts that messages may be posted to, with commas between
    "METERWATCH_WEBHOOK_AUTH": "entra",  # or "key"
    "METERWATCH_WEBHOOK_AUDIENCE": "",  # the client id of the app registration that guards the webhook
    "METERWATCH_WEBHOOK_TENANT": "",
    "METERWATCH_WEBHOOK_ROLE": "ActionGroupsSecureWebhook",
    "METERWATCH_WEBHOOK_CALLER": "461e8683-5575-4561-ac7f-899cc907d62a",  # Azure's action groups
    "AZURE_CLIENT_ID": "",  # of a user-assigned identity, or of an app; "" is the system's, or a login
    "AZURE_TENANT_ID": "",  # with the next: an app signs in with its secret
    "AZURE_CLIENT_SECRET": "",
    "AzureWebJobsStorage": "",  # a connection string; or, without keys:
    "AzureWebJobsStorage__tableServiceUri": "",
    "AzureWebJobsStorage__queueServiceUri": "",
    "AzureWebJobsStorage__accountName": "",
}
# Set by the platform, never by us: its authentication stands before the app.
PROTECTED = "WEBSITE_AUTH_ENABLED"
# Read by the Functions host for the triggers, not by us; listed so that the sample is whole.
HOST_SETTINGS = (
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    "POLL_USAGE_SCHEDULE",
    "POLL_SPEND_SCHEDULE",
    "TEND_SCHEDULE",
)
OF_AN_APP = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")  # that signs in with its secret
ENDPOINTS = (
    "METERWATCH_ARM_ENDPOINT",
    "METERWATCH_METRICS_ENDPOINT",
    "METERWATCH_LOGS_ENDPOINT",
    "METERWATCH_PRICES_ENDPOINT",
    "METERWATCH_LOGIN_ENDPOINT",
    "METERWATCH_SLACK_ENDPOINT",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Endpoints have no trailing slash, unless their default has."""

    store: str
    watch_file: str
    credential: str
    arm_endpoint: str
    metrics_endpoint: str  # {region} stands for the region's name
    logs_endpoint: str
    prices_endpoint: str
    login_endpoint: str  # the authority that signs us in
    slack_endpoint: str
    public_url: str
    link_key: Secret
    easy_auth: bool
    signing_secret: Secret
    chat_hosts: frozenset[str]  # besides those of Slack and of flows; they may be in a private network
    client_id: str
    tenant_id: str
    client_secret: Secret
    is_an_app: bool  # that signs in by itself, with a secret or else a certificate
    storage_connection: Secret
    table_endpoint: str
    queue_endpoint: str
    webhook: Admission
    _environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment; raises SettingsError naming everything that cannot be used."""
        settings, problems = cls.examine(environment)
        if problems:
            raise SettingsError(problems)
        return settings

    @classmethod
    def examine(cls, environment: Mapping[str, str]) -> tuple["Settings", list[str]]:
        """The settings as they stand, not to be used when there are problems, and the problems."""
        found = {name: environment.get(name, "").strip() or default for name, default in DEFAULTS.items()}
        account = found["AzureWebJobsStorage__accountName"]
        settings = cls(
            store=found["METERWATCH_STORE"],
            watch_file=found["METERWATCH_WATCH_FILE"],
            credential=found["METERWATCH_CREDENTIAL"],
            arm_endpoint=found["METERWATCH_ARM_ENDPOINT"].rstrip("/"),
            metrics_endpoint=found["METERWATCH_METRICS_ENDPOINT"].rstrip("/"),
            logs_endpoint=found["METERWATCH_LOGS_ENDPOINT"].rstrip("/"),
            prices_endpoint=found["METERWATCH_PRICES_ENDPOINT"].rstrip("/"),
            login_endpoint=found["METERWATCH_LOGIN_ENDPOINT"].rstrip("/"),
            slack_endpoint=found["METERWATCH_SLACK_ENDPOINT"].rstrip("/") + "/",
            public_url=found["METERWATCH_PUBLIC_URL"].rstrip("/"),
            link_key=Secret("METERWATCH_LINK_KEY", found["METERWATCH_LINK_KEY"]),
            easy_auth=found["METERWATCH_EASY_AUTH"] == "on",
            signing_secret=Secret("SLACK_SIGNING_SECRET", found["SLACK_SIGNING_SECRET"]),
            chat_hosts=frozenset(_listed(found["METERWATCH_CHAT_HOSTS"])),
            client_id=found["AZURE_CLIENT_ID"],
            tenant_id=found["AZURE_TENANT_ID"],
            client_secret=Secret("AZURE_CLIENT_SECRET", found["AZURE_CLIENT_SECRET"]),
            is_an_app=_is_an_app(environment),
            storage_connection=Secret("AzureWebJobsStorage", found["AzureWebJobsStorage"]),
            table_endpoint=found["AzureWebJobsStorage__tableServiceUri"]
            or (f"https://{account}.table.core.windows.net" if account else ""),
            queue_endpoint=found["AzureWebJobsStorage__queueServiceUri"]
            or (f"https://{account}.queue.core.windows.net" if account else ""),
            webhook=_admission(found, environment.get(PROTECTED, "")),
            _environment=dict(environment),
        )
        return settings, _problems(found)

    def secrets(self, names: Iterable[str]) -> dict[str, Secret]:
        """The channels' secrets by name; raises SettingsError naming all that are missing or unresolved."""
        found = self._values(names)
        missing = sorted(name for name, value in found.items() if not value)
        problems = ["not set: " + ", ".join(missing)] if missing else []
        problems += _unresolved(found)
        if problems:
            raise SettingsError(problems)
        return {name: Secret(name, value) for name, value in found.items()}

    def known_secrets(self, names: Iterable[str]) -> dict[str, Secret]:
        """Those of the channels' secrets that are set and resolved."""
        found = self._values(names).items()
        return {name: Secret(name, value) for name, value in found if value and not _is_unresolved(value)}

    def _values(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self._environment.get(name, "").strip() for name in names}


def _is_an_app(environment: Mapping[str, str]) -> bool:
    secret = environment.get("AZURE_CLIENT_SECRET", "a certificate in its place")
    tenant, client = environment.get("AZURE_TENANT_ID", ""), environment.get("AZURE_CLIENT_ID", "")
    return all(one.strip() for one in (tenant, client, secret))


def _problems(found: Mapping[str, str]) -> list[str]:
    """What is wrong, in the order of the settings. An unresolved reference has no second mistake."""
    unresolved = _unresolved(found)
    rest = {name: value for name, value in found.items() if not _is_unresolved(value)}
    return [
        *unresolved,
        *_credential_problems(rest),
        *_endpoint_problems(rest),
        *_link_problems(rest),
        *_chat_problems(rest),
        *_storage_problems(rest),
        *_webhook_problems(rest),
    ]


def _credential_problems(found: Mapping[str, str]) -> list[str]:
    credential = found.get("METERWATCH_CREDENTIAL", "default")
    if credential not in ("default", "simulated"):
        return [f"METERWATCH_CREDENTIAL is {credential!r}; expected default or simulated"]
    arm = found.get("METERWATCH_ARM_ENDPOINT", "")
    if credential == "simulated" and is_address(arm) and not is_this_machine(arm):
        return ["METERWATCH_CREDENTIAL=simulated is for METERWATCH_ARM_ENDPOINT on this machine only"]
    login = found.get("METERWATCH_LOGIN_ENDPOINT", "")
    missing = [name for name in OF_AN_APP if not found.get(name, "unresolved")]
    if credential == "default" and missing and is_address(login) and is_this_machine(login):
        return [f"not set: {', '.join(missing)}, which METERWATCH_LOGIN_ENDPOINT on this machine needs"]
    return []


def _endpoint_problems(found: Mapping[str, str]) -> list[str]:
    # The value is not shown: a webhook's URL, pasted into the wrong place, would be.
    problems = [
        f"{name} is not a URL; expected one such as {DEFAULTS[name] or 'https://name.table.core.windows.net'}"
        for name in ENDPOINTS
        if found.get(name) and not is_address(found[name].replace("{region}", "region"))
    ]
    if "{region}" not in found.get("METERWATCH_METRICS_ENDPOINT", "{region}"):
        problems.append("METERWATCH_METRICS_ENDPOINT has no {region}; expected it where the region's name is")
    return problems


def _link_problems(found: Mapping[str, str]) -> list[str]:
    problems = []
    url, key = found.get("METERWATCH_PUBLIC_URL", ""), found.get("METERWATCH_LINK_KEY", "")
    if url and not is_address(url):
        problems.append(
            "METERWATCH_PUBLIC_URL is not a URL; expected one such as https://name.azurewebsites.net"
        )
    if key and len(key) < LEAST_KEY:
        problems.append(f"METERWATCH_LINK_KEY has {len(key)} characters; expected at least {LEAST_KEY}")
    if url and not key and "METERWATCH_LINK_KEY" in found:
        problems.append("METERWATCH_LINK_KEY is not set, which METERWATCH_PUBLIC_URL needs")
    if found.get("METERWATCH_EASY_AUTH", "off") not in ("on", "off"):
        problems.append(f"METERWATCH_EASY_AUTH is {found['METERWATCH_EASY_AUTH']!r}; expected on or off")
    return problems


def _chat_problems(found: Mapping[str, str]) -> list[str]:
    # What is no host's name is not shown: it may be a whole webhook's URL.
    if all(map(is_host, _listed(found.get("METERWATCH_CHAT_HOSTS", "")))):
        return []
    return [
        "METERWATCH_CHAT_HOSTS is no list of hosts; expected names such as relay.contoso.com, no addresses"
    ]


def _listed(text: str) -> list[str]:
    return [one.strip().lower() for one in text.split(",") if one.strip()]


def _admission(found: Mapping[str, str], protected: str) -> Admission:
    return Admission(
        by_key=found["METERWATCH_WEBHOOK_AUTH"] == "key",
        expected=Expected(
            protected=protected.strip().lower() in ("true", "1"),
            audience=found["METERWATCH_WEBHOOK_AUDIENCE"].lower().removeprefix("api://"),
            tenant=found["METERWATCH_WEBHOOK_TENANT"].lower(),
            role=found["METERWATCH_WEBHOOK_ROLE"],
            caller=found["METERWATCH_WEBHOOK_CALLER"].lower(),
        ),
    )


def _webhook_problems(found: Mapping[str, str]) -> list[str]:
    """What is not set is no mistake: an app that polls only needs none of it, and its webhook is shut."""
    ids = {name: found.get(f"METERWATCH_WEBHOOK_{name}", "") for name in ("AUDIENCE", "TENANT", "CALLER")}
    # The values are not shown: one may be a key or a client's secret, pasted into the wrong place.
    problems = [
        f"METERWATCH_WEBHOOK_{name} is no id; expected one such as {ZEROS}"
        for name, value in ids.items()
        if value and not GUID.fullmatch(value.removeprefix("api://"))
    ]
    if found.get("METERWATCH_WEBHOOK_AUTH", "entra") not in ("entra", "key"):
        problems.append("METERWATCH_WEBHOOK_AUTH is neither entra nor key")
    return problems


def _storage_problems(found: Mapping[str, str]) -> list[str]:
    if found.get("METERWATCH_STORE") != "tables" or "AzureWebJobsStorage" not in found:
        return []
    others = ("AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__accountName")
    connection = found["AzureWebJobsStorage"]
    if connection and not _is_connection_string(connection):
        return ["AzureWebJobsStorage is not a connection string of a storage account"]
    if not connection and not any(found.get(name, "unresolved") for name in others):
        return ["AzureWebJobsStorage is not set, which METERWATCH_STORE=tables needs"]
    return []


def _is_connection_string(text: str) -> bool:
    parts = {part.partition("=")[0].strip().lower() for part in text.split(";") if "=" in part}
    if "usedevelopmentstorage" in parts:
        return True
    return bool(parts & {"accountname", "tableendpoint"} and parts & {"accountkey", "sharedaccesssignature"})


def _unresolved(found: Mapping[str, str]) -> list[str]:
    names = sorted(name for name, value in found.items() if _is_unresolved(value))
    return [f"{name} is an unresolved Key Vault reference" for name in names]


def _is_unresolved(value: str) -> bool:
    """The platform leaves the text of a reference in place when it may not read the vault."""
    return value.lower().startswith(UNRESOLVED)
