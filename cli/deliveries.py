"""`meterwatch deliveries`: the messages that were given up, and how they are told again."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from cli.store import to_the_second, with_store
from shared.flows.dead_letters import closed_gates, dead_letters, replay
from shared.flows.ports import Ports
from shared.formats.loose import one_line

PROG = "meterwatch deliveries"


def main(arguments: Sequence[str]) -> int:
    """0: done; 2: the store cannot be used."""
    options = _options(arguments)
    return with_store(PROG, partial(_list if options.verb == "list" else _replay, channel=options.channel))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROG, description="Messages that were given up.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser(
        "list", help="a line for each, and for each channel that takes nothing any more"
    )
    again = verbs.add_parser("replay", help="tell them again, and try closed channels at once")
    for verb in (listing, again):
        verb.add_argument("--channel", default="", help="only those of this channel")
    return parser.parse_args(arguments)


def _list(ports: Ports, channel: str) -> int:
    for gate, _ in closed_gates(ports, channel):
        since = to_the_second(gate.closed_since) if gate.closed_since else ""
        print(f"{gate.channel} is closed since {since}: {one_line(gate.why)}")
    letters = dead_letters(ports, channel)
    for one, _ in letters:
        what = f"{one.address.channel}  {one.reason}  {one_line(one.headline)}  ({one_line(one.error)})"
        print(f"{one.incident}  {to_the_second(one.at)}  {what}")
    if not letters:
        print("no message was given up")
    return 0


def _replay(ports: Ports, channel: str) -> int:
    done = replay(ports, channel, datetime.now(UTC))
    opened = f"; opened: {', '.join(done.opened)}" if done.opened else ""
    print(f"{done.letters} messages put again{opened}; the app tells them within five minutes")
    return 0
