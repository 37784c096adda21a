"""A poll that is killed anywhere: whoever takes it up ends where an undisturbed one does."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from shared.core.freshness import LEASE
from shared.core.model import Incident, Kind
from shared.flows.accounts import load_accounts
from shared.flows.estate import watched
from shared.flows.keep import known_names, load_baselines, load_mark
from shared.flows.metrics import load_memory
from shared.flows.poll import left_over, poll_scope
from shared.flows.ports import Ports
from shared.formats import records
from tests.small_azure import NEWER, OLDER, SmallAccount, SmallAzure
from tests.telling import MINUTE, NOW, SCOPE, WATCH, Chat, Killed, Mortal, changes, incidents, ports_telling

ONE = SCOPE.resource.split("/")[2]
LIMIT = WATCH + "  - {name: used, meter: tokens in, above: 10}\nprices: {enabled: false}\n"
HOUR = timedelta(hours=1)
LATER = NOW + 65 * MINUTE


def estate_before() -> SmallAzure:
    azure = SmallAzure(
        ONE,
        SmallAccount("aif", ["chat", "mail"], kind="AIServices", projects=["web"], emits=NEWER | OLDER),
        SmallAccount("old", ["chat"], "eastus", emits=OLDER),
        SmallAccount("gone", ["chat"], tags={"owner": "somebody"}),
    )
    azure.began = (NOW - 6 * HOUR).replace(minute=0)
    return azure


def estate_later() -> SmallAzure:
    """An account is gone, one is new, a deployment is new, and a region has forgotten some metrics."""
    azure = estate_before()
    foundry, old, _ = azure.held
    foundry.deployments.append("trial")
    azure.held = [foundry, old, SmallAccount("new", ["chat"], "eastus", emits=OLDER)]
    azure.unknown["eastus"] = {name.lower() for name in NEWER}
    return azure


def job(now: Any) -> str:
    return json.dumps({"source": "usage", "subject": ONE, "round": now.isoformat()})


def outcome(ports: Ports) -> dict[str, Any]:
    """All that is left in the store of a poll, but for when it was."""
    rows = ports.store.scan(records.readings_partition(ONE))
    readings = [one for row in rows for one in records.unpack(row.body)]
    mark, _ = load_mark(ports, "usage", ONE)
    return {
        "readings": Counter((one.scope, one.meter, one.start, one.end, one.value) for one in readings),
        "baselines": load_baselines(ports, ONE),
        "incidents": sorted(map(said, incidents(ports))),
        "changes": Counter(changes(ports)),
        "told": len(list(ports.store.scan(records.ALERTS, "waiting|"))),
        "accounts": load_accounts(ports, ONE),
        "families": load_memory(ports, ONE).families,
        "names": set(known_names(ports, ONE, "estate") or ()),
        "claimed": mark.claimed_until,
        "trouble": mark.trouble,
    }


def said(incident: Incident) -> tuple[str, bool, str]:
    return incident.alert.key, incident.open, incident.alert.why


def killed_at(ports: Ports, calls: int, now: Any) -> bool:
    """Runs a poll that dies at that call, and then what comes of it; whether the first one died."""
    mortal = Mortal(calls)
    dying = replace(
        ports, store=mortal.standing_before(ports.store), azure=mortal.standing_before(ports.azure)
    )
    try:
        poll_scope(dying, job(now), now)
    except Killed:
        # The queue hands the job out again; where it was claimed, `tend` takes it up after the lease.
        poll_scope(ports, job(now), now)
        for message in left_over(ports, now + LEASE):
            poll_scope(ports, message, now + LEASE)
        return True
    return False


Opened = Callable[[Path, SmallAzure], Ports]


@pytest.fixture
def opened():
    """Ports on a file; all are closed in the end."""
    contexts = []

    def at(file: Path, azure: Any) -> Ports:
        contexts.append(ports_telling(Chat(), file, LIMIT))
        ports = replace(contexts[-1].__enter__(), azure=azure)
        watched(ports)
        return ports

    yield at
    for context in contexts:
        context.__exit__(None, None, None)


def tell_all_endings(
    opened: Opened, folder: Path, first: Path | None, azure: Callable[[], Any], now: Any
) -> int:
    """Kills a poll at its every call, each time on a copy of the store; answers how many calls there are."""

    def copied(name: str) -> Ports:
        if first:
            copy(first, folder / name)
        return opened(folder / name, azure())

    undisturbed = copied("undisturbed")
    poll_scope(undisturbed, job(now), now)
    expected, calls = outcome(undisturbed), 0
    while killed_at(ports := copied(str(calls)), calls, now):
        assert outcome(ports) == expected, f"killed at call {calls}"
        calls += 1
    return calls


def test_a_first_round_that_is_killed_at_any_call_and_taken_up_ends_the_same(opened, tmp_path):
    assert tell_all_endings(opened, tmp_path, None, estate_before, NOW) > 30


def test_a_later_round_that_is_killed_at_any_call_and_taken_up_ends_the_same(opened, tmp_path):
    first = tmp_path / "first"
    ports = opened(first, estate_before())
    poll_scope(ports, job(NOW), NOW)
    ports.store.close()

    assert tell_all_endings(opened, tmp_path, first, estate_later, LATER) > 40


def test_the_later_round_has_something_of_everything_to_lose(opened, tmp_path):
    ports = opened(tmp_path / "file", estate_before())
    poll_scope(ports, job(NOW), NOW)
    poll_scope(replace(ports, azure=estate_later()), job(LATER), LATER)

    found = incidents(ports)
    assert {one.alert.why for one in found if not one.open} == {"the account was removed"}
    assert {one.alert.what for one in found if one.alert.kind is Kind.NEWCOMER} == {
        "New account: new",
        "New deployment: trial in aif",
    }
    assert len([one for one in found if one.alert.kind is Kind.LIMIT and one.open]) == 5
    assert load_memory(ports, ONE).unknown
