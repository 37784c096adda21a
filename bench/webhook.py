"""How soon the webhook answers while 50 calls a second arrive: `python -m bench.webhook [--seconds 20]`.

Drives the worker core that Azure runs, with the whole app in it, warm, on SQLite and on Azurite's tables,
each in a process of its own. Calls are sent when their time has come, whether or not those before them were
answered, and what is counted runs from that time: a call that waits for others is late. Three quarters are
new incidents, the rest are repetitions and ends of earlier ones, beside 2,000 incidents that stand already.
A bare answer is a call that is refused at the door: the same road without a store, at the same pace.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.flows.accept import accept
from shared.formats.azure_alert import parse
from shared.wiring import ports
from tests.app_apart import open_app, workers
from tests.azurite import running_azurite

ROOT = Path(__file__).resolve().parents[1]
SUBSCRIPTION = "7c0e4a2b-51d3-4f0a-9a6e-2f4b8d1c9e01"
STANDING = 2_000  # incidents of the same subscription, before the first call
WATCH = "channels: {on-call: {kind: teams, secret: TEAMS}}"
TEAMS = "https://x.environment.api.powerplatform.com/powerautomate/workflows/1?sig=nothing"
SHARES = (0.50, 0.90, 0.99, 1.0)
GOAL = 1.0  # seconds, at the 99th percentile
NUMBERS = count(start=1_000, step=100_000)  # no two lots of calls are about the same incidents
STORES = ("sqlite", "tables")


def body(number: int, kind: str) -> bytes:
    """A metric alert in the common schema; the same number is the same alert."""
    now = datetime.now(UTC).isoformat()
    rule = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/microsoft.insights/metricAlerts"
    target = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts"
    essentials = {
        "alertId": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/{number}",
        "alertRule": f"tokens-{number}",
        "severity": "Sev2",
        "signalType": "Metric",
        "monitorCondition": "Resolved" if kind == "end" else "Fired",
        "monitoringService": "Platform",
        "alertTargetIDs": [f"{target}/chat-{number % 20}"],
        "alertRuleID": f"{rule}/tokens-{number}",
        "firedDateTime": now,
        "resolvedDateTime": now if kind == "end" else None,
        "description": "a description of usual length, as people write them " * 4,
    }
    criterion = {"metricName": "TokenTransaction", "operator": "GreaterThan", "threshold": "1000"}
    context = {"condition": {"allOf": [{**criterion, "metricValue": 1234.5}]}}
    data = {"essentials": essentials, "alertContext": context}
    return json.dumps({"schemaId": "azureMonitorCommonAlertSchema", "data": data}).encode()


def bodies(number_of_calls: int) -> list[bytes]:
    """Of four calls one goes back to an incident of half a second ago."""
    kinds = {1: "again", 3: "end"}
    first = next(NUMBERS)
    return [
        body(number - 25, kinds[number % 8]) if number % 8 in kinds else body(number, "new")
        for number in range(first, first + number_of_calls)
    ]


async def at_a_pace(calls: Sequence[Callable[[], Any]], rate: float) -> tuple[list[float], Counter[int]]:
    """Seconds from when each call was due to its answer, and how many answers had each status."""
    began = time.monotonic() + 0.1

    async def one(number: int, call: Callable[[], Any]) -> tuple[float, int]:
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        result = await call()
        return time.monotonic() - due, result.returned.status

    ended = await asyncio.gather(*(one(*each) for each in enumerate(calls)))
    return [seconds for seconds, _ in ended], Counter(status for _, status in ended)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{share:.0%}": ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in SHARES}


def settings_of(store: str, folder: Path, stack: ExitStack) -> dict[str, str]:
    """The app's settings for a store; starts what it needs, until the stack is left."""
    (folder / "watch.yaml").write_text(WATCH)
    tables = store == "tables"
    return {
        "METERWATCH_STORE": "tables" if tables else str(folder / "app.db"),
        "AzureWebJobsStorage": stack.enter_context(running_azurite()).connection_string if tables else "",
        "METERWATCH_WATCH_FILE": str(folder / "watch.yaml"),
        "METERWATCH_WEBHOOK_AUTH": "key",
        "TEAMS": TEAMS,
    }


def measure(store: str, seconds: float, rate: float) -> dict[str, Any]:
    """One store, in this process."""
    with ExitStack() as stack:
        open_app(settings_of(store, Path(stack.enter_context(TemporaryDirectory())), stack))
        (worker,) = workers
        stack.callback(worker.close)
        now = datetime.now(UTC)
        accept(ports(), (parse(body(-number, "new"), now) for number in range(1, STANDING + 1)), now)

        def calls(function: str, number: float) -> list[Callable[[], Any]]:
            return [partial(worker.http_soon, function, "POST", body=text) for text in bodies(int(number))]

        worker.run(at_a_pace(calls("azure_alert", rate), rate))  # until it is warm
        bare, _ = worker.run(at_a_pace(calls("azure_alert_secure", seconds * rate / 2), rate))
        cpu = time.process_time()
        times, statuses = worker.run(at_a_pace(calls("azure_alert", seconds * rate), rate))
        cpu = time.process_time() - cpu
    return {
        "store": store,
        "bare": percentiles(bare),
        "taken": percentiles(times),
        "statuses": statuses,
        "cpu": cpu / sum(statuses.values()),
    }


def show(found: Mapping[str, Any], rate: float) -> None:
    counts = ", ".join(f"{number} of {status}" for status, number in found["statuses"].items())
    print(f"\n{found['store']}: {rate:g} calls a second, {STANDING:,} incidents standing; answers: {counts}")
    for name, bare in found["bare"].items():
        taken = found["taken"][name]
        ratio = taken / bare
        print(
            f"  {name:>4}  {1000 * taken:8.1f} ms   a bare answer {1000 * bare:7.1f} ms   ratio {ratio:.1f}"
        )
    print(f"  CPU of the app {1000 * found['cpu']:.1f} ms a call")
    print(f"  the 99th percentile is {'within' if found['taken']['99%'] <= GOAL else 'BEYOND'} {GOAL:g} s")


def in_a_process(store: str, seconds: float, rate: float) -> dict[str, Any]:
    asked = ["--only", store, "--seconds", str(seconds), "--rate", str(rate)]
    command = [sys.executable, "-m", "bench.webhook", *asked]
    finished = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(finished.stdout.splitlines()[-1]))


def main(given: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.webhook", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="that calls arrive")
    parser.add_argument("--rate", type=float, default=50, help="calls a second")
    parser.add_argument("--only", choices=STORES, help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.only:
        print(json.dumps(measure(options.only, options.seconds, options.rate)))
        return
    for store in STORES:
        show(in_a_process(store, options.seconds, options.rate), options.rate)


if __name__ == "__main__":
    main(sys.argv[1:])
