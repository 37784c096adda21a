"""Several workers on one Azure queue and table: nothing is sent twice, and each group in its order."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from shared.core.model import Scope, Severity
from shared.flows.accept import accept
from shared.flows.tend import due
from sim.process import running_tenant
from tests.azurite import running_azurite, why_no_azurite
from tests.delivery_worker import ports_for
from tests.telling import limit

ROOT = Path(__file__).resolve().parents[2]
GROUPS = 5
SEVERITIES = [Severity.INFO, Severity.WARNING, Severity.CRITICAL]

pytestmark = pytest.mark.skipif(why_no_azurite() is not None, reason=str(why_no_azurite()))


@pytest.fixture(scope="module")
def azurite():
    with running_azurite() as running:
        yield running


@pytest.fixture
def tenant():
    with running_tenant() as running:
        yield running


def named(body):
    (group,) = {*re.findall(r"group-(\d)", json.dumps(body))}
    return group


def number_of(body):
    (number,) = {*re.findall(r"message (\d+)", json.dumps(body))}
    return int(number)


@pytest.mark.parametrize("workers", [2, 4])
def test_workers_share_the_messages_without_sending_one_twice_and_keep_the_order(azurite, tenant, workers):
    table, queue = f"many{workers}", f"nudges{workers}"
    ports = ports_for(azurite.connection_string, table, tenant.url)
    nudges = QueueClient.from_connection_string(azurite.connection_string, queue)
    nudges.create_queue()
    worker = [sys.executable, "-m", "tests.delivery_worker"]
    given = [azurite.connection_string, table, queue, tenant.url]
    running = [subprocess.Popen([*worker, *given], cwd=ROOT) for _ in range(workers)]
    for severity in SEVERITIES:
        now = datetime.now(UTC)
        for group in range(GROUPS):
            scope = Scope(f"/subscriptions/s/resourcegroups/rg/accounts/group-{group}", "chat")
            one = replace(limit(severity=severity), key=f"limit|ptu|{group}", scope=scope, since=now, at=now)
            for nudge in accept(ports, [replace(one, what=f"PTU 97 % in group-{group}")], now) * 3:
                nudges.send_message(nudge)
    assert [one.wait(120) for one in running] == [0] * workers

    posted: dict[tuple[str, str], list[int]] = defaultdict(list)
    shown: dict[tuple[str, str], set[int]] = defaultdict(set)
    for message in tenant.messages():
        where = message["destination"], named(message["body"])
        posted[where].append(number_of(message["body"]))
        shown[where] |= {number_of(one["body"]) for one in (message, *message["versions"])}
    assert len(posted) == 2 * GROUPS
    # Each once and in order. What interrupts nobody is an edit, and has a number too: none is left out.
    assert all(numbers == sorted({*numbers}) for numbers in posted.values()), posted
    assert all(numbers == {*range(1, max(numbers) + 1)} for numbers in shown.values()), shown
    assert not [nudge for nudge in due(ports, datetime.now(UTC)) if nudge.startswith("teams")]
