"""`meterwatch incidents`: what happened, who was told, who did what; and acts, as the buttons have them."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from cli.store import a_span, to_the_second, with_store
from shared.core.acts import EXPECTED_FOR, Wish
from shared.core.model import Act, Delivery, Incident, Transition
from shared.core.wording import named, said
from shared.flows.audit import Account, account_of, accounts, episodes
from shared.flows.ports import Ports
from shared.flows.respond import find, respond
from shared.formats import records
from shared.formats.loose import one_line

PROG = "meterwatch incidents"
ACTS = {"ack": Act.ACKNOWLEDGE, "silence": Act.SILENCE, "expected": Act.EXPECTED, "resolve": Act.RESOLVE}


def main(arguments: Sequence[str]) -> int:
    """0: done; 1: there is no such incident, or nothing to do; 2: the store cannot be used."""
    options = _options(arguments)
    verbs = {"list": _list, "show": _show, "export": _export}
    act = verbs.get(options.verb, _act)
    return with_store(PROG, partial(act, options=options))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=PROG, description="Look at incidents, and act on them.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="a line for each incident that is not over")
    listing.add_argument("--all", action="store_true", help="those that are over too")
    showing = verbs.add_parser("show", help="all that is known of one: its changes, who was told of it")
    showing.add_argument("id")
    for verb in (listing, showing):
        verb.add_argument("--json", action="store_true", help="as JSON")
    verbs.add_parser("export", help="all that is known of every incident, a line of JSON for each")
    for name, act in ACTS.items():
        verb = verbs.add_parser(name, help=f"{act} one, as the button does")
        verb.add_argument("id")
        verb.add_argument("--by", required=True, help="who you are")
        verb.add_argument("--why", required=True, help="for those who read it later")
        if act in (Act.SILENCE, Act.EXPECTED):
            verb.add_argument("--for", dest="span", type=a_span, default=EXPECTED_FOR, help="such as 4h; 24h")
    return parser.parse_args(arguments)


def _list(ports: Ports, options: argparse.Namespace) -> int:
    found = [one for one in episodes(ports.store) if options.all or one.resolved_at is None]
    if options.json:
        print(records.encode(found).decode())
        return 0
    for one in found:
        print(
            f"{one.id}  {one.state:<12}  {one.alert.severity.name.lower():<8}  "
            f"{to_the_second(one.opened_at)}  {one_line(one.alert.what)}"
        )
    if not found:
        print("no incident" if options.all else "no incident is open")
    return 0


def _show(ports: Ports, options: argparse.Namespace) -> int:
    incident = _found(ports, options.id)
    if incident is None:
        return 1
    account = account_of(ports.store, incident)
    if options.json:
        print(records.encode(account).decode())
        return 0
    print("\n".join(_lines(account)))
    return 0


def _export(ports: Ports, options: argparse.Namespace) -> int:
    for account in accounts(ports.store):
        print(records.encode(account).decode())
    return 0


def _act(ports: Ports, options: argparse.Namespace) -> int:
    wish = Wish(
        ACTS[options.verb],
        one_line(options.by, 80),
        one_line(options.why, 300),
        getattr(options, "span", EXPECTED_FOR),
    )
    if not wish.by:
        print(f"{PROG}: --by is empty; expected who you are", file=sys.stderr)
        return 2
    response = respond(ports, options.id, wish, datetime.now(UTC))
    if not response.done:
        print(f"nothing to do: {response.words}", file=sys.stderr)
        return 1
    print(f"{options.id} {response.words}; the app tells its channels within five minutes")
    return 0


def _found(ports: Ports, incident: str) -> Incident | None:
    found, _ = find(ports, incident)
    if found is None:
        print(f"{PROG}: there is no incident {incident}", file=sys.stderr)
    return found


def _lines(account: Account) -> list[str]:
    incident = account.incident
    alert = incident.alert
    measured = f", {said(alert.seen)} seen" if alert.seen else ""
    lines = [
        f"{incident.id}  {incident.state}, {alert.severity.name.lower()}  {one_line(alert.what)}",
        f"  where    {named(alert.scope)}, {alert.kind} rule {one_line(alert.rule)}{measured}",
        f"  owner    {one_line(alert.owner) or 'not known'}",
    ]
    if incident.acknowledged_by:
        lines.append(f"  held by  {one_line(incident.acknowledged_by)}")
    if incident.note:
        lines.append(f"  noted    {one_line(incident.note)}")
    lines += [f"  told in  {one.channel}, group {one.group}" for one in incident.addresses]
    changes = ["changes", *map(_change, account.transitions)]
    told = ["messages", *map(_message, account.deliveries)] if account.deliveries else ["nobody was told"]
    return [*lines, *changes, *told]


def _change(one: Transition) -> str:
    by = f", by {one_line(one.by)}" if one.by else ""
    return f"  {one.number:>3}  {to_the_second(one.at)}  {one.change}{by}: {one_line(one.why)}"


def _message(one: Delivery) -> str:
    repeat = ", may be a repeat" if one.may_repeat else ""
    trouble = f"; {one_line(one.error)}" if one.error else ""
    what = f"{one.address.channel}: {one.reason}, {one.status}{repeat}{trouble}"
    return f"  {one.sequence:>3}  {to_the_second(one.at)}  {what}"
