"""Several worker processes on one Azure queue and table share the jobs of a round; none is done twice."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from azure.storage.queue import QueueClient

from cli.run import environment_for, ports_for
from shared.edges.tables import TableStore
from shared.flows.keep import load_mark
from shared.flows.poll import plan
from sim.process import running_tenant
from tests.azurite import running_azurite, why_no_azurite

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 3

pytestmark = pytest.mark.skipif(why_no_azurite() is not None, reason=str(why_no_azurite()))


@pytest.fixture(scope="module")
def azurite():
    with running_azurite() as running:
        yield running


def test_a_round_that_two_timers_planned_is_polled_once_by_three_workers(azurite, tmp_path):
    with running_tenant(estate="large", scale=0.02) as tenant:
        now = tenant.estate.live
        table, queue = "polled", "jobs"
        store = TableStore.from_connection_string(azurite.connection_string, table)
        ports = replace(ports_for(tenant, tmp_path), store=store)
        jobs = QueueClient.from_connection_string(azurite.connection_string, queue)
        jobs.create_queue()
        for message in plan(ports, "usage", now) + plan(ports, "usage", now):
            jobs.send_message(message)
        tenant.reset_requests()
        worker = [sys.executable, "-m", "tests.polling_worker", azurite.connection_string, table, queue]
        given = [now.isoformat(), json.dumps(dict(environment_for(tenant, tmp_path)))]
        running = [subprocess.Popen([*worker, *given], cwd=ROOT) for _ in range(WORKERS)]
        assert [one.wait(120) for one in running] == [0] * WORKERS

        asked = Counter(
            (one["path"], one["query"])
            for one in tenant.requests()["recent"]
            if one["route"] in ("accounts", "deployments")
        )
        subscriptions = [plan.id for plan in tenant.estate.subscriptions]
        listed = {path for path, _ in asked}
        assert len(listed) == len(subscriptions) + len(tenant.estate.accounts)
        assert set(asked.values()) == {1}  # each page of each list once
        marks = [load_mark(ports, "usage", one)[0] for one in subscriptions]
        assert all((mark.answered_at, mark.round, mark.claimed_until) == (now, now, None) for mark in marks)
