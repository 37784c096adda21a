"""What a message says of several incidents: the worst of them one by one, all of them counted."""

from collections.abc import Sequence
from datetime import datetime

from shared.core.model import Detail, Incident, Notification
from shared.core.wording import SEVERITY_WORDS, lasted
from shared.core.wording import counted as counted_by_severity

MOST_MEMBERS = 9  # that are told one by one; more are counted by their rule
WORST, RULES = 4, 5  # of many: how many one by one, how many rules


def of_several(notification: Notification) -> list[Detail]:
    """How many there are, then a line for each, the worst first; of many only the worst, and counts."""
    ones = notification.incidents
    found = [Detail("In all", counted(ones))]
    if len(ones) <= MOST_MEMBERS:
        return found + [_line(one, notification.at) for one in ones]
    return found + [_line(one, notification.at) for one in ones[:WORST]] + _by_rule(ones)


def counted(incidents: Sequence[Incident]) -> str:
    """ "3 open (1 critical, 2 warning), 2 over"."""
    still = [one.alert.severity for one in incidents if one.open]
    over = len(incidents) - len(still)
    open_ones = counted_by_severity(still).replace(" (", " open (", 1)
    parts = [open_ones if still else "", f"{over:,} over" if over else ""]
    return ", ".join(filter(None, parts))


def _line(incident: Incident, now: datetime) -> Detail:
    held = f"; {incident.acknowledged_by} has it" if incident.open and incident.acknowledged_by else ""
    return Detail(_state(incident, now), incident.alert.what + held)


def _state(incident: Incident, now: datetime) -> str:
    if not incident.open:
        ended = incident.resolved_at or now
        return f"Over after {lasted(ended - incident.opened_at)}"
    return f"{SEVERITY_WORDS[incident.alert.severity]} for {lasted(now - incident.alert.since)}"


def _by_rule(incidents: Sequence[Incident]) -> list[Detail]:
    """All of them, counted by what rule or source they are of, the largest first."""
    rules: dict[str, list[Incident]] = {}
    for one in incidents:
        rules.setdefault(f"{one.alert.kind} {one.alert.rule}", []).append(one)
    largest = sorted(rules.items(), key=lambda rule: -len(rule[1]))
    found = [Detail(f"All of {name}", counted(ones)) for name, ones in largest[:RULES]]
    rest = [one for _, ones in largest[RULES:] for one in ones]
    return found + ([Detail(f"{len(largest) - RULES:,} more rules", counted(rest))] if rest else [])
