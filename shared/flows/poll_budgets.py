"""Azure's own budgets and cost alerts of one subscription.

cost alerts -> accept (what a lost webhook would have said)
native budgets -> their spend -> budgets -> accept
"""

from collections.abc import Callable
from datetime import datetime

from shared.core.faults import NotPermitted, NotThere, SourceFault
from shared.core.freshness import Watermark
from shared.core.rows import Put
from shared.flows import calls
from shared.flows.accept import accept
from shared.flows.accounts import load_accounts
from shared.flows.native import EVERY, judge_natives, list_natives, load_natives
from shared.flows.ports import Ports
from shared.formats import records
from shared.formats.cost_alerts import parse_alerts

ASKED = "cost alerts"  # the row that says when they were


def poll_budgets(ports: Ports, subscription: str, mark: Watermark, now: datetime) -> list[str]:
    """Takes in what Azure has told, and judges its budgets sooner than it does; answers the nudges.

    What one call refuses stops no other; the first fault is raised when all is done.
    """
    scope = f"/subscriptions/{subscription}"
    nudges, faults = look_at(
        ports,
        subscription,
        now,
        lambda: tell_azures(ports, subscription, scope, now),
        lambda: _list(ports, subscription, scope, now),
    )
    if faults:
        raise faults[0]
    return nudges


def look_at(
    ports: Ports, subject: str, now: datetime, *steps: Callable[[], list[str]]
) -> tuple[list[str], list[SourceFault]]:
    """Takes the steps, then judges the native budgets of the subject: the nudges, and what went wrong."""
    nudges: list[str] = []
    faults: list[SourceFault] = []
    for step in steps:
        try:
            nudges += step()
        except SourceFault as fault:
            faults.append(fault)
    if ports.watch.spend.native_budgets:
        alerts, troubles = judge_natives(ports, subject, now)
        nudges += accept(ports, alerts, now)
        faults += troubles
    return nudges, faults


def tell_azures(ports: Ports, subject: str, scope: str, now: datetime) -> list[str]:
    """Takes in what Cost Management has told by now, asked for once in a round."""
    partition = records.state_partition(subject)
    row = ports.store.get(partition, ASKED)
    if row and now - records.decode(row.body, datetime) < calls.pace(ports):
        return []
    nudges = accept(ports, parse_alerts(calls.cost_alerts(ports, scope, now), now), now)
    ports.store.commit(partition, [Put(ASKED, records.encode(now))])
    return nudges


def _list(ports: Ports, subscription: str, scope: str, now: datetime) -> list[str]:
    if not ports.watch.spend.native_budgets:
        return []
    return list_natives(ports, subscription, scope, now) + _list_groups(ports, subscription, scope, now)


def _list_groups(ports: Ports, subscription: str, scope: str, now: datetime) -> list[str]:
    """The budgets of the resource groups that hold AI accounts, where the subscription's list has none.

    Whether that list has those of groups is not documented; that of a management group has.
    """
    natives = load_natives(ports, subscription)
    below = {one.scope for one in natives.budgets} - natives.listed_at.keys()
    if any(one.startswith(f"{scope}/") for one in below):
        return []
    accounts = load_accounts(ports, subscription)
    nudges: list[str] = []
    for group in sorted({account.id.partition("/providers/")[0] for account in accounts}):
        try:
            nudges += list_natives(ports, subscription, group, now, EVERY)
        except (NotPermitted, NotThere) as refused:
            ports.log({"event": "source", "source": "budgets", "trouble": str(refused)})
    return nudges
