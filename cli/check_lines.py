"""What a check found, in lines for a person."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from cli.check_report import headline, incidents_of, is_answered, trouble_of
from cli.recording import Job, Recording
from shared.core.freshness import OF_A_SUBSCRIPTION, Watermark
from shared.flows.accounts import load_accounts
from shared.flows.ports import Ports


def print_sources(ports: Ports, recording: Recording, marks: Sequence[Watermark], out: TextIO) -> None:
    """A paragraph for each subscription and for what is of none, with a line for each source."""
    kept = _kept(ports, recording)
    by_subject: dict[str, list[Watermark]] = defaultdict(list)
    for mark in marks:
        by_subject[_heading(mark)].append(mark)
    for heading, ones in by_subject.items():
        print(f"\n{heading}", file=out)
        if accounts := load_accounts(ports, ones[0].subject):
            deployments = sum(len(account.deployments) for account in accounts)
            print(f"  estate  {len(accounts)} AI accounts, {deployments} deployments", file=out)
        for line in _lines(recording, ones, kept):
            print(f"  {line}", file=out)


def _heading(mark: Watermark) -> str:
    of = "subscription" if mark.source in OF_A_SUBSCRIPTION else f"{mark.source} of"
    return f"{of} {mark.subject}"


@dataclass(frozen=True, slots=True)
class _Kept:
    readings: int
    newest: datetime


def _kept(ports: Ports, recording: Recording) -> dict[Job, _Kept]:
    found: dict[Job, _Kept] = {}
    for job, reading in recording.readings(ports.store):
        before = found.get(job, _Kept(0, reading.end))
        found[job] = _Kept(before.readings + 1, max(before.newest, reading.end))
    return found


def _lines(recording: Recording, marks: Sequence[Watermark], kept: dict[Job, _Kept]) -> Iterator[str]:
    """One line a source, but one for all whose trouble has one way out."""
    troubles: dict[str, list[Watermark]] = defaultdict(list)
    for mark in marks:
        if is_answered(mark):
            yield f"{mark.source:<7} {_seen(mark, kept.get((mark.source, mark.subject)))}"
        elif trouble_of(mark, recording) == "broken":
            troubles[mark.trouble].append(mark)
        else:
            # What was asked stands before the colon, and what is the matter behind it.
            troubles[mark.trouble.partition(": ")[2] or mark.trouble].append(mark)
    for ones in troubles.values():
        sources = ", ".join(mark.source for mark in ones)
        yield f"{sources:<7} no answer: {ones[0].trouble}"


def _seen(mark: Watermark, kept: _Kept | None) -> str:
    if kept is None or mark.answered_at is None:
        return "answered"
    newest = min(kept.newest, mark.answered_at)
    return f"{kept.readings:,} readings, the newest up to {newest:%Y-%m-%d %H:%M} UTC"


def print_told(ports: Ports, out: TextIO) -> None:
    """A line for each message that would be sent, and to whom."""
    incidents = incidents_of(ports)
    print(f"\nwould be told: {len(incidents)}" if incidents else "\nnothing would be told", file=out)
    for one in incidents:
        heard = ", ".join(address.channel for address in one.addresses)
        channels = heard or "nobody: no route leads to a channel"
        print(f"  {headline(one)}  -> {channels}", file=out)
