"""`meterwatch check`: polls Azure once and prints what it saw and what it would tell. Tells nobody.

Nothing of it is kept: it works on a store of its own in a temporary folder.
"""

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from cli.config import Unreadable, read_watch
from shared.core.faults import Fault, SignInFault
from shared.core.freshness import Watermark
from shared.core.model import Address, Incident, Notification, Reason
from shared.flows.estate import load_estate, watched
from shared.flows.keep import load_mark
from shared.flows.poll import SOURCES, plan, poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.message import compose
from shared.formats.watch_file import Watch
from shared.settings import Settings, SettingsError
from shared.wiring import build_without_channels

WATCH_FILE = Path("watch.yaml")


def main(arguments: Sequence[str]) -> int:
    """0: all sources answered; 1: some did not; 2: it could not begin."""
    options = _options(arguments)
    try:
        watch = _watch(options.config, options.subscription or ())
        with TemporaryDirectory() as folder:
            settings = Settings.read({**os.environ, "METERWATCH_STORE": str(Path(folder) / "check.db")})
            return _check(build_without_channels(settings, watch), datetime.now(UTC))
    except SignInFault:
        print("not signed in to Azure: run `az login` and try again", file=sys.stderr)
    except Unreadable as unread:
        print(unread, file=sys.stderr)
    except (Fault, SettingsError, OSError) as fault:
        print(f"meterwatch check: {fault}", file=sys.stderr)
    return 2


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="meterwatch check", description="Poll once and tell nobody.")
    found = WATCH_FILE if WATCH_FILE.exists() else None
    parser.add_argument("--config", type=Path, default=found, help="watch.yaml, or else the defaults")
    parser.add_argument("--subscription", type=_guid, action="append", help="only this one; repeatable")
    return parser.parse_args(arguments)


def _guid(text: str) -> str:
    """A subscription's id in lower case; argparse says so when it is none."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.lower()):
        return text.lower()
    raise argparse.ArgumentTypeError(f"{text!r}, expected a subscription's id, which is a GUID")


def _watch(config: Path | None, subscriptions: Sequence[str]) -> Watch:
    watch = read_watch(config) if config else Watch()
    print(f"by {config}" if config else "by the defaults, since there is no watch.yaml here")
    return replace(watch, subscriptions=tuple(subscriptions)) if subscriptions else watch


def _check(ports: Ports, now: datetime) -> int:
    logging.getLogger("azure").propagate = False  # what matters of it is printed, in our words
    logging.getLogger("azure").addHandler(logging.NullHandler())
    subscriptions = _subscriptions(ports)
    if not subscriptions:
        print("no subscription can be read: the login needs Reader on one", file=sys.stderr)
        return 1
    for source in SOURCES:
        for job in plan(ports, source):
            poll_scope(ports, job, now)
    answered = [_print_subscription(ports, one, now) for one in subscriptions]
    _print_told(ports)
    return 0 if all(answered) else 1


def _subscriptions(ports: Ports) -> tuple[str, ...]:
    if ports.watch.subscriptions:
        return ports.watch.subscriptions
    ports.azure.subscriptions()  # where it fails, it is to fail here, with its reason
    found = watched(ports)
    print(f"subscriptions that can be read: {len(found)}")
    return found


def _print_subscription(ports: Ports, subscription: str, now: datetime) -> bool:
    print(f"\nsubscription {subscription}")
    marks = [load_mark(ports, source, subscription) for source in SOURCES]
    if marks[0].answered_at:
        accounts = load_estate(ports, subscription, now)
        deployments = sum(len(account.deployments) for account in accounts)
        print(f"  estate  {len(accounts)} AI accounts, {deployments} deployments")
    for mark in marks:
        print(f"  {mark.source:<7} {_seen(ports, mark)}")
    return all(mark.answered_at for mark in marks)


def _seen(ports: Ports, mark: Watermark) -> str:
    if not mark.answered_at:
        return f"no answer: {mark.trouble}"
    prefix = {"usage": "usage|", "spend": "cost|"}[mark.source]
    rows = ports.store.scan(records.readings_partition(mark.subscription), prefix)
    readings = [reading for row in rows for reading in records.unpack(row.body)]
    if not readings:
        return "answered; no readings"
    newest = max(reading.end for reading in readings)
    return f"{len(readings):,} readings, the newest up to {min(newest, mark.answered_at):%Y-%m-%d %H:%M} UTC"


def _print_told(ports: Ports) -> None:
    rows = list(ports.store.scan(records.ALERTS, "incident|"))
    incidents = [one for row in rows if (one := records.decode(row.body, Incident)).open]
    print(f"\nwould be told: {len(incidents)}" if incidents else "\nnothing would be told")
    for one in incidents:
        message = compose(Notification((one,), Address("", ""), 1, Reason.OPENED, one.opened_at))
        heard = ", ".join(address.channel for address in one.addresses)
        print(f"  {message.headline}  -> {heard or 'nobody: no route leads to a channel'}")
