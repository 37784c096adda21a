"""What polling a large estate costs, and how that grows: `python -m bench.scale [--scale 0.1]`.

Polls the simulated tenant's large estate (200 subscriptions, 2,000 accounts, 10,000 deployments) through the
app's own flows, over HTTP and with the real SDK clients, and prints for the first look, an ordinary round
of usage, the first one of an hour, and the first two of spend: the calls to each API against the least that
the API's limits allow, CPU, memory, rows written, and the longest job. Each size has a process of its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cli.run import ports_for
from shared.core.rows import Change, Row
from shared.flows.poll import left_over, plan, poll_scope
from shared.flows.ports import Ports, Store
from shared.formats.metric_names import ACCOUNTS, GRAIN, PROJECTS, QUESTIONS
from sim.arm_api import LARGE_PAGE
from sim.estate import Estate, projects_of
from sim.process import RunningTenant, running_tenant

ROOT = Path(__file__).resolve().parents[1]
SCALES = (0.1, 1.0)
SPEND = ("first spend", "spend")  # the first one reads the month before too
MOST_RESOURCES = 50  # in a metrics batch
MEGABYTE = 1024


@dataclass
class Counting:
    """A store that counts the rows it writes."""

    store: Store
    rows: int = 0

    def get(self, partition: str, key: str) -> Row | None:
        return self.store.get(partition, key)

    def scan(self, partition: str, prefix: str = "") -> Iterator[Row]:
        return self.store.scan(partition, prefix)

    def commit(self, partition: str, changes: Sequence[Change]) -> list[str]:
        self.rows += len(changes)
        return self.store.commit(partition, changes)


@dataclass
class Round:
    """What one round took."""

    name: str
    jobs: int
    calls: Mapping[str, int]
    least: Mapping[str, int]
    cpu: float  # seconds of this process
    longest: float  # seconds of one job
    rows: int
    memory: float  # megabytes at the most, so far
    troubles: Sequence[str] = field(default_factory=list)


def least_calls(estate: Estate, name: str) -> dict[str, int]:
    """The calls that a round needs at the least; {} for one whose least depends on what it finds.

    A batch of metrics holds 50 resources of one subscription and region.
    """
    if name in SPEND:
        each = len(estate.subscriptions)
        return {"costs": 2 * each if name == "first spend" else each, "budgets": each, "alerts": each}
    if name == "first look":
        return {}
    accounts: Counter[tuple[str, str]] = Counter()
    projects: Counter[tuple[str, str]] = Counter()
    for account in estate.accounts:
        accounts[account.subscription, account.plan.region] += 1
        projects[account.subscription, account.plan.region] += len(projects_of(account))
    batches = {
        ACCOUNTS: sum(-(-count // MOST_RESOURCES) for count in accounts.values()),
        PROJECTS: sum(-(-count // MOST_RESOURCES) for count in projects.values()),
    }
    rare = name != "ordinary"
    asked = sum(batches[one.namespace] for one in QUESTIONS if rare or one.every <= GRAIN)
    pages = -(-len(estate.subscriptions) // LARGE_PAGE)
    least = {"metrics": asked, "subscriptions": pages}
    if name != "ordinary":  # the accounts are listed every hour
        by_subscription = Counter(account.subscription for account in estate.accounts)
        least["accounts"] = sum(-(-count // LARGE_PAGE) for count in by_subscription.values())
    return least


def run_round(name: str, ports: Ports, tenant: RunningTenant, timer: str, now: datetime) -> Round:
    """Plans and runs one round of a timer, job after job."""
    tenant.set_clock(now)
    tenant.reset_requests()
    counting = Counting(ports.store)
    troubles: list[str] = []

    def log(event: Mapping[str, object]) -> None:
        if event.get("trouble"):
            troubles.append(str(event["trouble"]))

    watched = replace(ports, store=counting, log=log)
    began, longest = time.process_time(), 0.0
    jobs, count, rounds_end = plan(watched, timer, now), 0, now + timedelta(hours=1)
    while jobs or left_over(watched, rounds_end):
        for job in jobs:
            started = time.monotonic()
            poll_scope(watched, job, now)
            longest = max(longest, time.monotonic() - started)
        count += len(jobs)
        print(f"  {name}: {count:,} jobs", end="\r", file=sys.stderr, flush=True)
        # What had to wait for its place in Azure's budget of calls is taken up, as `tend` has it.
        now += timedelta(minutes=1)
        tenant.set_clock(now)
        jobs = left_over(watched, now)
    return Round(
        name,
        count,
        tenant.requests()["counts"],
        least_calls(tenant.estate, name),
        time.process_time() - began,
        longest,
        counting.rows,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE,
        sorted(set(troubles))[:3],
    )


def measure(scale: float) -> list[Round]:
    """The rounds of one size, in this process."""
    with running_tenant(estate="large", scale=scale) as tenant, TemporaryDirectory() as folder:
        ports = ports_for(tenant, Path(folder))
        live = tenant.estate.live
        first = run_round("first look", ports, tenant, "usage", live)
        ordinary = run_round("ordinary", ports, tenant, "usage", live + timedelta(minutes=5))
        hourly = run_round("hourly", ports, tenant, "usage", live + timedelta(minutes=75))
        spend = [
            run_round(name, ports, tenant, "spend", live + timedelta(hours=hour))
            for hour, name in enumerate(SPEND, start=2)
        ]
        return [first, ordinary, hourly, *spend]


def show(scale: float, rounds: Sequence[Mapping[str, Any]], tenth: Mapping[str, Mapping[str, Any]]) -> None:
    """A table of one size; with `tenth`, how much more each figure is than at a tenth of it."""
    print(f"\n{scale:g} of the estate: {int(200 * scale):,} subscriptions, {int(2_000 * scale):,} accounts,")
    print(f"  {int(10_000 * scale):,} deployments")
    for one in rounds:
        before = tenth.get(one["name"])
        print(f"  {one['name']} round: {one['jobs']:,} jobs")
        for api, calls in sorted(one["calls"].items()):
            least = one["least"].get(api)
            against = f", least {least:,}, ratio {calls / least:.2f}" if least else ""
            print(f"    calls to {api:<16} {calls:>8,}{against}{_grown(before, ('calls', api), calls)}")
        for label, key, unit in (
            ("CPU", "cpu", "s"),
            ("longest job", "longest", "s"),
            ("rows written", "rows", ""),
            ("peak memory", "memory", "MB"),
        ):
            print(f"    {label:<25} {one[key]:>8,.1f} {unit}{_grown(before, (key,), one[key])}")
        for trouble in one["troubles"]:
            print(f"    trouble: {trouble}")


def _grown(before: Any, path: Sequence[str], now: float) -> str:
    for step in path:
        before = (before or {}).get(step)
    return f", {now / before:.1f} times a tenth's" if before else ""


def in_a_process(scale: float) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "bench.scale", "--only", str(scale)]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return list(json.loads(finished.stdout))


def main(given: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--scale", type=float, action="append", help="of the estate; repeatable")
    parser.add_argument("--only", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.only:
        print(json.dumps([asdict(one) for one in measure(options.only)]))
        return
    tenth: dict[str, Mapping[str, Any]] = {}
    for scale in options.scale or SCALES:
        print(f"polling {scale:g} of the large estate", file=sys.stderr)
        rounds = in_a_process(scale)
        show(scale, rounds, tenth)
        tenth = tenth or {one["name"]: one for one in rounds}


if __name__ == "__main__":
    main(sys.argv[1:])
