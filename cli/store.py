"""The app's own store for a command, by the settings of this environment. No channel is posted to."""

import os
import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta

from shared.core.faults import Fault
from shared.flows.ports import Ports
from shared.formats.watch_file import Watch
from shared.formats.watch_types import span
from shared.settings import Settings, SettingsError
from shared.wiring import build_without_channels


def ports_here(watch: Watch) -> Ports:
    """The app's ports by the settings of this environment, without its channels; raises SettingsError."""
    return build_without_channels(Settings.read(os.environ), watch)


def with_store(prog: str, act: Callable[[Ports], int]) -> int:
    """Runs a command on the store and answers its exit code; 2 and a line when the store cannot be used."""
    try:
        return act(ports_here(Watch()))
    except (Fault, SettingsError, OSError) as fault:
        print(f"{prog}: {fault}", file=sys.stderr)
        return 2


def a_span(text: str) -> timedelta:
    """A length of time such as 4h; argparse says so when it is none."""
    if re.fullmatch(r"[1-9][0-9]{0,4}[mhd]", text, re.ASCII):
        return span(text)
    raise ArgumentTypeError(f"{text!r}, expected a length of time such as 30m, 4h or 2d")


def to_the_second(at: datetime) -> str:
    """A time as it stands in an account: "2026-09-08 14:05:00 UTC"."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
