"""`meterwatch check`: polls Azure once and prints what it saw and what it would tell. Tells nobody.

Nothing of it is kept: it works on a store of its own in a temporary folder.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.core.faults import Fault, SignInFault
from shared.core.freshness import Watermark
from shared.core.model import Incident, Notification, Reason
from shared.flows.estate import load_estate, watched
from shared.flows.keep import load_mark
from shared.flows.poll import SOURCES, plan, poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.config_errors import Problems
from shared.formats.message import compose
from shared.formats.watch_file import Watch, parse_watch
from shared.settings import Settings, SettingsError
from shared.wiring import build_without_channels


def main(arguments: Sequence[str]) -> int:
    """0: all sources answered; 1: some did not; 2: it could not begin."""
    parser = argparse.ArgumentParser(prog="meterwatch check", description="Poll once and tell nobody.")
    parser.add_argument("--config", type=Path, help="a watch.yaml; without one, the defaults")
    parser.add_argument("--subscription", action="append", help="only this one; repeatable")
    options = parser.parse_args(arguments)
    logging.getLogger("azure").propagate = False  # what matters of it is printed, in our words
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        watch = _watch(options.config, options.subscription or [])
        with TemporaryDirectory() as folder:
            settings = Settings.read({**os.environ, "METERWATCH_STORE": str(Path(folder) / "check.db")})
            return _check(build_without_channels(settings, watch), datetime.now(UTC))
    except SignInFault:
        print("not signed in to Azure: run `az login` and try again", file=sys.stderr)
    except (Fault, SettingsError, Problems, OSError) as fault:
        print(f"meterwatch check: {fault}", file=sys.stderr)
    return 2


def _watch(config: Path | None, subscriptions: Sequence[str]) -> Watch:
    watch = parse_watch(config.read_text(encoding="utf-8") if config else "")
    chosen = tuple(one.lower() for one in subscriptions)
    return replace(watch, subscriptions=chosen) if chosen else watch


def _check(ports: Ports, now: datetime) -> int:
    subscriptions = _subscriptions(ports)
    print(f"{len(subscriptions)} subscriptions can be read")
    for source in SOURCES:
        for job in plan(ports, source):
            poll_scope(ports, job, now)
    answered = [_print_subscription(ports, one, now) for one in subscriptions]
    _print_told(ports)
    return 0 if all(answered) and answered else 1


def _subscriptions(ports: Ports) -> tuple[str, ...]:
    if not ports.watch.subscriptions:
        ports.azure.subscriptions()  # where it fails, it is to fail here, with its reason
    return watched(ports)


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
    incidents = [records.decode(row.body, Incident) for row in ports.store.scan(records.ALERTS, "incident|")]
    print(f"\n{len(incidents)} would be told" if incidents else "\nnothing would be told")
    for one in incidents:
        message = compose(Notification(one, "", 1, Reason.OPENED, queued_at=one.opened_at))
        print(f"  {message.headline}")
