"""`meterwatch check`: polls Azure once and prints what it saw and what it would tell. Tells nobody.

Nothing of it is kept: it works on a store of its own in a temporary folder.
"""

import argparse
import json
import logging
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

from cli.check_lines import print_sources, print_told
from cli.check_poll import REAL, TOLD, Clock, poll
from cli.check_report import document, is_answered
from cli.config import Unreadable, read_watch
from cli.recording import Recording
from shared.core.faults import Fault, SignInFault, SourceFault
from shared.core.freshness import Watermark
from shared.flows.estate import watched
from shared.flows.ports import Ports
from shared.formats.moments import parse_moment
from shared.formats.watch_file import Watch
from shared.settings import Settings, SettingsError
from shared.wiring import build_without_channels

WATCH_FILE = Path("watch.yaml")
OPEN = "retail prices"  # the one API that is asked without a login
DEFAULTS = "the defaults, since there is no watch.yaml here"


def main(arguments: Sequence[str]) -> int:
    """0: all sources answered; 1: some did not; 2: it could not begin."""
    options = _options(arguments)
    try:
        # The JSON document has standard output to itself.
        return _run(options, sys.stderr if options.json else sys.stdout)
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
    parser.add_argument("--json", action="store_true", help="print all that was found as one JSON document")
    parser.add_argument("--at", type=_moment, help="take this for the time, to play recorded answers")
    return parser.parse_args(arguments)


def _guid(text: str) -> str:
    """A subscription's id in lower case; argparse says so when it is none."""
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.lower()):
        return text.lower()
    raise argparse.ArgumentTypeError(f"{text!r}, expected a subscription's id, which is a GUID")


def _moment(text: str) -> datetime:
    """A time; argparse says so when it is none."""
    if moment := parse_moment(text):
        return moment
    raise argparse.ArgumentTypeError(f"{text!r}, expected a time such as 2026-09-01T12:00:00Z")


def _run(options: argparse.Namespace, out: TextIO) -> int:
    watch = _watch(options.config, options.subscription or ())
    by = str(options.config or DEFAULTS)
    print(f"by {by}", file=out)
    with TemporaryDirectory() as folder:
        settings = Settings.read({**os.environ, "METERWATCH_STORE": str(Path(folder) / "check.db")})
        recording = Recording()
        ports = recording.noting(build_without_channels(settings, watch))
        now = options.at or datetime.now(UTC)
        status, marks = _check(ports, recording, now, TOLD if options.at else REAL, out)
        if options.json:
            print(json.dumps(document(ports, recording, marks, by, now), indent=1))
    return status


def _watch(config: Path | None, subscriptions: Sequence[str]) -> Watch:
    watch = read_watch(config) if config else Watch()
    if not subscriptions:
        return watch
    return replace(watch, subscriptions=tuple(subscriptions), management_groups=())


def _check(
    ports: Ports, recording: Recording, now: datetime, clock: Clock, out: TextIO
) -> tuple[int, list[Watermark]]:
    """The exit code, and how each source of each subject did."""
    logging.getLogger("azure").propagate = False  # what matters of it is printed, in our words
    logging.getLogger("azure").addHandler(logging.NullHandler())
    if unable := _unable(ports, out):
        print(f"meterwatch check: {unable}", file=sys.stderr)
        return 2, []
    marks = poll(ports, recording, now, clock)
    if nobody := _nobody_signed_in(recording):
        print(f"meterwatch check: {nobody}", file=sys.stderr)
        return 2, marks
    print_sources(ports, recording, marks, out)
    print_told(ports, out)
    return (0 if all(is_answered(mark) for mark in marks) else 1), marks


def _unable(ports: Ports, out: TextIO) -> str:
    """Why there is nothing to check; "" when there is something."""
    if ports.watch.subscriptions or ports.watch.management_groups:
        return ""
    try:
        ports.azure.subscriptions()
    except (SourceFault, SignInFault) as fault:
        return str(fault)
    found = watched(ports)
    print(f"subscriptions that can be read: {len(found)}", file=out)
    return "" if found else "no subscription can be read: the login needs Reader on one"


def _nobody_signed_in(recording: Recording) -> str:
    """What to do about a login that failed for all alike; "" when it did not."""
    why = {call.why for call in recording.calls if not call.answered and call.kind == "sign-in"}
    answered = any(call.answered for call in recording.calls if call.api != OPEN)
    return why.pop() if len(why) == 1 and not answered else ""
