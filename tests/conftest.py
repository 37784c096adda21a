"""On a person's machine a test that lacks something is skipped; in CI, where all is installed, it fails."""

import os
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from cli.run import environment_for
from shared.edges.sqlite import SqliteStore
from sim.process import RunningTenant, running_tenant
from tests.worker import Worker

ROOT = Path(__file__).resolve().parents[1]

IN_CI = os.environ.get("CI", "") not in {"", "0", "false"}
AnyReport = TypeVar("AnyReport", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return no_skip_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return no_skip_in_ci((yield))


def no_skip_in_ci(report: AnyReport) -> AnyReport:
    expected_to_fail = hasattr(report, "wasxfail")
    if IN_CI and report.skipped and not expected_to_fail:
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI must not skip a test. {reason}"
    return report


@pytest.fixture(scope="session")
def tenant() -> Iterator[RunningTenant]:
    """A simulated tenant whose live days hold the real now: the functions read the real clock."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = today - timedelta(days=today.weekday() + 35)
    with running_tenant(start=monday) as running:
        running.set_clock(datetime.now(UTC))
        yield running


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app") / "meterwatch.db"


@pytest.fixture(scope="session")
def store(store_path: Path) -> Iterator[SqliteStore]:
    """The store of the app in `worker`, to look into."""
    opened = SqliteStore(store_path)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def worker(tenant: RunningTenant, store_path: Path) -> Iterator[Worker]:
    """The worker core with our app in it, pointed at the tenant. There can be one in a process."""
    os.environ.update(environment_for(tenant, store_path.parent))
    started = Worker(ROOT)
    yield started
    started.close()
