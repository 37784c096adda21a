"""The commands a person types: `meterwatch COMMAND`, or `python -m cli COMMAND`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("cli.run", "watch a simulated tenant and show what is told"),
    "check": ("cli.check", "poll Azure once; print what is seen and what would be told"),
    "config": ("cli.config", "check a watch.yaml, or print its JSON schema"),
    "incidents": ("cli.incidents", "list, show, export, acknowledge, silence or resolve incidents"),
    "deliveries": ("cli.deliveries", "list messages that were given up, and have them told again"),
    "routes": ("cli.routes", "show where an alert would go, and why"),
    "parse": ("cli.parse", "print the alert that each webhook body becomes, as JSON"),
    "judge": ("cli.judge", "judge a folder of series, write what would be told"),
    "picture": ("cli.picture", "draw recorded messages as Teams and Slack show them"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; answers its exit code.

    0: done; 1: it found something wrong; 2: it could not begin; 130: stopped by Ctrl-C.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if not given or given[0] in ("-h", "--help"):
        print(usage())
        return 0 if given else 2
    if given[0] not in COMMANDS:
        print(f"meterwatch: no command {given[0]!r}\n{usage()}", file=sys.stderr)
        return 2
    command: Callable[[Sequence[str]], int] = import_module(COMMANDS[given[0]][0]).main
    try:
        return command(given[1:])
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def usage() -> str:
    """What can be typed, a line a command."""
    lines = [f"  {name:<10} {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: meterwatch COMMAND [options]", *lines])


if __name__ == "__main__":
    sys.exit(main())
