"""A process killed after each I/O step of accept and deliver: nothing is lost, and a repeat says so."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from sim.process import running_tenant
from tests.azurite import running_azurite, why_no_azurite

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tenant():
    with running_tenant() as running:
        yield running


def killed_runs(store: str, tenant: Any) -> list[dict[str, Any]]:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.crash_points", store, tenant.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in finished.stdout.splitlines()]


def posts(tenant: Any) -> dict[str, list[str]]:
    """What interrupted somebody in each chat (new messages and lines of a thread), as text."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in tenant.messages():
        found[one["destination"]].append(json.dumps(one["body"], ensure_ascii=False).replace("\u034f", ""))
    return found


def check(tenant: Any, runs: list[dict[str, Any]]) -> None:
    """Every run ended as an undisturbed one would, and what arrived twice says so."""
    told = posts(tenant)
    assert [run["ended"] for run in runs] == [-9] * (len(runs) - 1) + [0]
    for run in runs:
        assert (run["again"], run["waiting"], run["open"], run["incidents"]) == (0, 0, 0, 1), run
        for channel in (f"C{run['run']}", f"T{run['run']}"):
            texts = told[channel]
            assert any("Resolved" in text for text in texts), (run, channel)
            assert any("Critical" in text for text in texts), (run, channel)
            seen = set()
            for text in texts:
                plain = text.replace(" · may repeat an earlier message", "")
                assert plain not in seen or "may repeat" in text, (run, channel, text)
                seen.add(plain)


def test_killed_after_any_step_on_sqlite_nothing_is_lost(tenant, tmp_path):
    runs = killed_runs(str(tmp_path), tenant)

    assert len(runs) > 60
    check(tenant, runs)


@pytest.mark.skipif(why_no_azurite() is not None, reason=str(why_no_azurite()))
def test_killed_after_any_step_on_azure_tables_nothing_is_lost(tenant):
    with running_azurite() as azurite:
        runs = killed_runs(azurite.connection_string, tenant)

    assert len(runs) > 60
    check(tenant, runs)
