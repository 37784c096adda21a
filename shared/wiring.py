"""Settings into ports: the only place that picks real parts. Heavy imports happen here, inside functions."""

import logging
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from shared.flows.ports import Azure, Ports, Post, Store
from shared.formats.watch_file import ChannelEntry, Watch, parse_watch
from shared.settings import Secret, Settings

LOG = logging.getLogger("meterwatch")


@cache
def ports() -> Ports:
    """The ports of this process, from its environment; made once."""
    for noisy in ("azure", "urllib3", "requests"):  # they log URLs, and ours are secrets
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return build(Settings.read(os.environ))


def build(settings: Settings) -> Ports:
    """Ports from settings; raises SettingsError or Problems with all that is wrong, OSError for no file."""
    watch = parse_watch(Path(settings.watch_file).read_text(encoding="utf-8"))
    return _build(settings, watch, _post(settings, watch))


def build_without_channels(settings: Settings, watch: Watch) -> Ports:
    """Ports that tell nobody, for a look at what there is; needs no channel's secret."""
    from shared.edges.chat import ChatPost

    return _build(settings, watch, ChatPost({}))


def _build(settings: Settings, watch: Watch, post: Post) -> Ports:
    return Ports(
        store=_store(settings),
        azure=_azure(settings),
        post=post,
        watch=watch,
        new_id=lambda: uuid4().hex,
        log=log_line,
    )


def log_line(event: Mapping[str, object]) -> None:
    """One line for one thing decided or sent: key=value, a value with blanks quoted."""
    LOG.info(
        "%s", " ".join(f"{key}={_quoted(value)}" for key, value in event.items() if value not in ("", None))
    )


def _quoted(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def credential(settings: Settings) -> Any:
    """What proves to Azure who we are."""
    if settings.credential == "simulated":
        from shared.edges.simulated_login import SimulatedLogin

        return SimulatedLogin()
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=settings.client_id or None)


def _store(settings: Settings) -> Store:
    if settings.store != "tables":
        from shared.edges.sqlite import SqliteStore

        return SqliteStore(settings.store)
    from shared.edges.tables import TableStore

    if connection := settings.storage_connection.reveal():
        return TableStore.from_connection_string(connection)
    return TableStore.at(settings.table_endpoint, credential(settings))


def _azure(settings: Settings) -> Azure:
    def make() -> Azure:
        from shared.edges.azure_api import AzureApi

        return AzureApi(credential(settings), settings.arm_endpoint, settings.metrics_endpoint)

    return cast(Azure, _Later(make))


class _Later:
    """Stands for a part until it is first used: most calls of a worker never touch Azure's SDKs."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def _post(settings: Settings, watch: Watch) -> Post:
    from shared.edges.chat import Address, ChatPost

    secrets = settings.secrets({entry.secret for _, entry in watch.channels})
    return ChatPost(
        {name: Address(*_address(entry, secrets[entry.secret], settings)) for name, entry in watch.channels}
    )


def _address(entry: ChannelEntry, secret: Secret, settings: Settings) -> tuple[str, dict[str, str]]:
    if entry.kind == "slack":
        return settings.slack_endpoint, {"Authorization": f"Bearer {secret.reveal()}"}
    return secret.reveal(), {}
