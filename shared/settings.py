"""Settings: the environment read once into one frozen value. Nothing else reads the environment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

UNRESOLVED = "@Microsoft.KeyVault("


class SettingsError(Exception):
    """Settings that are missing or cannot be used; names all of them, and never a secret's value."""


class Secret:
    """A value that must not be shown: its text forms say only its name."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.name})"


# Every setting the app reads, with its default. Channel secrets come on top, under the names that
# watch.yaml gives them.
DEFAULTS: Mapping[str, str] = {
    "METERWATCH_STORE": "tables",  # or the path of a SQLite file
    "METERWATCH_WATCH_FILE": "watch.yaml",
    "METERWATCH_CREDENTIAL": "default",  # or "simulated"
    "METERWATCH_ARM_ENDPOINT": "https://management.azure.com",
    "METERWATCH_METRICS_ENDPOINT": "https://{region}.metrics.monitor.azure.com",
    "METERWATCH_SLACK_ENDPOINT": "https://slack.com/api/",
    "AZURE_CLIENT_ID": "",  # of a user-assigned identity; "" is the system-assigned one, or a login
    "AzureWebJobsStorage": "",  # a connection string; or, without keys:
    "AzureWebJobsStorage__tableServiceUri": "",
    "AzureWebJobsStorage__accountName": "",
}
# Read by the Functions host for the triggers, not by us; listed so that the sample is whole.
HOST_SETTINGS = ("FUNCTIONS_WORKER_RUNTIME", "POLL_USAGE_SCHEDULE", "POLL_SPEND_SCHEDULE", "TEND_SCHEDULE")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Endpoints have no trailing slash, unless their default has."""

    store: str
    watch_file: str
    credential: str
    arm_endpoint: str
    metrics_endpoint: str  # {region} stands for the region's name
    slack_endpoint: str
    client_id: str
    storage_connection: Secret
    table_endpoint: str
    _environment: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings of an environment; raises SettingsError naming everything that cannot be used."""
        found = {name: environment.get(name, "").strip() or default for name, default in DEFAULTS.items()}
        problems = [f"{name} is an unresolved Key Vault reference" for name in _unresolved(found)]
        if found["METERWATCH_CREDENTIAL"] not in ("default", "simulated"):
            problems.append(
                f"METERWATCH_CREDENTIAL is {found['METERWATCH_CREDENTIAL']!r}; expected default or simulated"
            )
        account = found["AzureWebJobsStorage__accountName"]
        tables = found["AzureWebJobsStorage__tableServiceUri"]
        tables = tables or (f"https://{account}.table.core.windows.net" if account else "")
        if found["METERWATCH_STORE"] == "tables" and not (found["AzureWebJobsStorage"] or tables):
            problems.append("AzureWebJobsStorage is not set, which METERWATCH_STORE=tables needs")
        if found["METERWATCH_CREDENTIAL"] == "simulated" and not _on_this_machine(
            found["METERWATCH_ARM_ENDPOINT"]
        ):
            problems.append(
                "METERWATCH_CREDENTIAL=simulated is for METERWATCH_ARM_ENDPOINT on this machine only"
            )
        if problems:
            raise SettingsError("; ".join(problems))
        return cls(
            store=found["METERWATCH_STORE"],
            watch_file=found["METERWATCH_WATCH_FILE"],
            credential=found["METERWATCH_CREDENTIAL"],
            arm_endpoint=found["METERWATCH_ARM_ENDPOINT"].rstrip("/"),
            metrics_endpoint=found["METERWATCH_METRICS_ENDPOINT"].rstrip("/"),
            slack_endpoint=found["METERWATCH_SLACK_ENDPOINT"].rstrip("/") + "/",
            client_id=found["AZURE_CLIENT_ID"],
            storage_connection=Secret("AzureWebJobsStorage", found["AzureWebJobsStorage"]),
            table_endpoint=tables,
            _environment=dict(environment),
        )

    def secrets(self, names: Iterable[str]) -> dict[str, Secret]:
        """The channels' secrets by name; raises SettingsError naming all that are missing or unresolved."""
        found = {name: self._environment.get(name, "").strip() for name in names}
        missing = sorted(name for name, value in found.items() if not value)
        problems = ["not set: " + ", ".join(missing)] if missing else []
        problems += [f"{name} is an unresolved Key Vault reference" for name in _unresolved(found)]
        if problems:
            raise SettingsError("; ".join(problems))
        return {name: Secret(name, value) for name, value in found.items()}


def _unresolved(found: Mapping[str, str]) -> list[str]:
    return sorted(name for name, value in found.items() if value.startswith(UNRESOLVED))


def _on_this_machine(endpoint: str) -> bool:
    return urlsplit(endpoint).hostname in ("127.0.0.1", "localhost")
