"""`meterwatch config check [FILE]` and `meterwatch config schema`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from shared.formats.config_errors import Problems
from shared.formats.watch_file import Watch, json_schema, parse_watch
from shared.posting import secret_problems
from shared.settings import Settings


def main(arguments: Sequence[str]) -> int:
    """0: the file is right; 1: it is not, or a secret that is set is none, said why; 2: it cannot be read."""
    parser = argparse.ArgumentParser(prog="meterwatch config", description="Check a watch.yaml.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    check = verbs.add_parser("check", help="print every mistake of a file, or what it means")
    check.add_argument("file", nargs="?", type=Path, default=Path("watch.yaml"))
    verbs.add_parser("schema", help="print the file's JSON schema, for editors")
    options = parser.parse_args(arguments)
    if options.verb == "schema":
        print(json.dumps(json_schema(), indent=2))
        return 0
    return _check(options.file)


class Unreadable(Exception):
    """A file that is no watch.yaml: a line for each mistake. `status` is the exit code that says so."""

    def __init__(self, file: Path, mistakes: Sequence[object], status: int) -> None:
        super().__init__("\n".join(f"{file}: {mistake}" for mistake in mistakes))
        self.status = status


def read_watch(file: Path) -> Watch:
    """What a file means; raises Unreadable."""
    try:
        return parse_watch(file.read_text(encoding="utf-8"))
    except OSError as unread:
        raise Unreadable(file, [f"cannot be read: {unread.strerror}"], 2) from None
    except UnicodeDecodeError:
        raise Unreadable(file, ["cannot be read: it is not UTF-8 text"], 2) from None
    except Problems as found:
        raise Unreadable(file, found.problems, 1) from None


def _check(file: Path) -> int:
    try:
        watch = read_watch(file)
    except Unreadable as unread:
        print(unread, file=sys.stderr)
        return unread.status
    settings, _ = Settings.examine(os.environ)
    if wrong := secret_problems(settings, watch):
        print("\n".join(f"{file} is right, but {one}" for one in wrong), file=sys.stderr)
        return 1
    print(f"{file} is right: {_meaning(watch)}")
    return 0


def _meaning(watch: Watch) -> str:
    subscriptions = (
        f"{len(watch.subscriptions)} subscriptions" if watch.subscriptions else "every subscription"
    )
    counts = f"{len(watch.budgets)} budgets, {len(watch.limits)} limits, {len(watch.channels)} channels"
    nobody = "" if watch.channels else "; with no channel, nobody is told"
    return f"it watches {subscriptions} with {counts}{nobody}"
