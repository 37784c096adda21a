"""Settings into ports: the only place that picks real parts. Heavy imports happen here, inside functions."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from shared.edges.logs import guard_logs
from shared.flows.ports import Azure, Ports, Post, SlackSigned, Store
from shared.formats.addresses import is_this_machine
from shared.formats.config_errors import Problems
from shared.formats.links import Links
from shared.formats.watch_file import Watch, parse_watch
from shared.posting import Secrets, post_to, secrets_of
from shared.secret import Secret
from shared.settings import Settings, SettingsError

LOG = logging.getLogger("meterwatch")
APP = Path(__file__).resolve().parents[1]  # the host need not start the worker in the app's folder
QUEUES = ("meterwatch-jobs", "meterwatch-jobs-poison", "meterwatch-nudges", "meterwatch-nudges-poison")


@cache
def ports() -> Ports:
    """The ports of this process, from its environment; made once."""
    guard_logs({})
    settings, problems = Settings.examine(os.environ)
    return _build_whole(settings, problems)


def build(settings: Settings) -> Ports:
    """Ports from settings; raises SettingsError with all that is wrong in watch.yaml and the secrets."""
    return _build_whole(settings, [])


def _build_whole(settings: Settings, problems: list[str]) -> Ports:
    """Raises SettingsError with the problems and all that is wrong besides."""
    watch = Watch()
    secrets: Secrets = {}
    try:
        watch = _watch(settings)
        problems = [*problems, *_unsigned(settings, watch)]
        secrets = secrets_of(settings, watch)
    except SettingsError as wrong:
        problems = [*problems, *wrong.problems]
    if problems:
        raise SettingsError(problems)
    built = _build(settings, watch, post_to(settings, watch, secrets), secrets.values())
    return replace(
        built,
        links=_links(settings),
        slack_signed=_slack_signed(settings, watch),
        signs_in=settings.easy_auth and settings.webhook.expected.protected,  # else anybody can send the name
    )


def _watch(settings: Settings) -> Watch:
    file = APP / settings.watch_file
    try:
        return parse_watch(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unread:
        why = unread.strerror if isinstance(unread, OSError) else "it is not UTF-8 text"
        raise SettingsError([f"METERWATCH_WATCH_FILE is {settings.watch_file}: {why}"]) from None
    except Problems as found:
        raise SettingsError([f"{settings.watch_file}: {one}" for one in found.problems]) from None


def build_without_channels(settings: Settings, watch: Watch) -> Ports:
    """Ports that tell nobody, for a look at what there is; needs no channel's secret."""
    from shared.edges.chat import ChatPost

    return _build(settings, watch, ChatPost({}))


def _build(settings: Settings, watch: Watch, post: Post, secrets: Iterable[Secret] = ()) -> Ports:
    kept = (settings.client_secret, settings.storage_connection, settings.link_key, settings.signing_secret)
    guard_logs({part: secret.name for secret in (*kept, *secrets) for part in secret.parts})
    return Ports(
        store=_store(settings),
        azure=_azure(settings),
        post=post,
        watch=watch,
        new_id=lambda: uuid4().hex,
        log=log_line,
        wait=lambda span: time.sleep(span.total_seconds()),
        webhook=settings.webhook,
        depths=_depths(settings),
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
    if is_this_machine(settings.login_endpoint):
        from shared.edges.azure_login import ClientSecretLogin

        return ClientSecretLogin(
            settings.login_endpoint, settings.tenant_id, settings.client_id, settings.client_secret.reveal
        )
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(
        authority=settings.login_endpoint,
        managed_identity_client_id=settings.client_id or None,
        # It would take settings that are there and blank for those of an app, and fail.
        exclude_environment_credential=not settings.is_an_app,
    )


def _store(settings: Settings) -> Store:
    if settings.store != "tables":
        from shared.edges.sqlite import SqliteStore

        return SqliteStore(settings.store)
    from shared.edges.tables import TableStore

    if connection := settings.storage_connection.reveal():
        return TableStore.from_connection_string(connection)
    return TableStore.at(settings.table_endpoint, credential(settings))


def _depths(settings: Settings) -> Callable[[], Mapping[str, int | None]]:
    def depths() -> Mapping[str, int | None]:
        connection = settings.storage_connection.reveal()
        if settings.store != "tables" or not (connection or settings.queue_endpoint):
            return dict.fromkeys(QUEUES)  # on one machine what waits is the queue
        from shared.edges.queues import Queues

        if connection:
            return Queues.from_connection_string(connection, QUEUES).depths()
        return Queues.at(settings.queue_endpoint, credential(settings), QUEUES).depths()

    return depths


def _azure(settings: Settings) -> Azure:
    def make() -> Azure:
        from shared.edges.azure_api import AzureApi
        from shared.edges.azure_clients import Endpoints

        return AzureApi(
            credential(settings),
            Endpoints(
                settings.arm_endpoint,
                settings.metrics_endpoint,
                settings.logs_endpoint,
                settings.prices_endpoint,
            ),
        )

    return cast(Azure, _Later(make))


class _Later:
    """Stands for a part until it is first used: most calls of a worker never touch Azure's SDKs."""

    def __init__(self, make: Callable[[], object]) -> None:
        self._made = cache(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def _unsigned(settings: Settings, watch: Watch) -> list[str]:
    """What is missing to know that a button was pressed in Slack."""
    interactive = [name for name, entry in watch.channels if entry.interactive]
    if not interactive or settings.signing_secret.reveal():
        return []
    return [f"SLACK_SIGNING_SECRET is not set, which the interactive channel {interactive[0]} needs"]


def _links(settings: Settings) -> Links | None:
    if not settings.public_url:
        return None
    return Links(f"{settings.public_url}/api/respond", settings.link_key.reveal().encode())


def _slack_signed(settings: Settings, watch: Watch) -> SlackSigned | None:
    if not any(entry.interactive for _, entry in watch.channels):
        return None

    def signed(body: bytes, headers: Mapping[str, str], now: datetime) -> bool:
        from shared.edges.slack_signature import is_signed

        return is_signed(settings.signing_secret.reveal(), body, headers, now)

    return signed
