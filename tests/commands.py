"""Commands as a person types them, in a process of their own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sim.process import RunningTenant

ROOT = Path(__file__).resolve().parents[1]


def typed(arguments: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """A command run by somebody with these settings and no others."""
    ours = ("AZURE_", "METERWATCH_")
    nobody = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        cwd=ROOT,
        env={**nobody, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def pointed_at(url: str) -> dict[str, str]:
    """Settings for one server in the place of all of Azure."""
    return {
        "METERWATCH_CREDENTIAL": "simulated",
        "METERWATCH_ARM_ENDPOINT": url,
        "METERWATCH_METRICS_ENDPOINT": url + "/metrics/{region}",
        "METERWATCH_LOGS_ENDPOINT": url + "/logs",
        "METERWATCH_PRICES_ENDPOINT": url + "/prices",
    }


def check(tenant: RunningTenant, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`meterwatch check` of a simulated tenant, which need not be waited for when it says so."""
    now = datetime.now(UTC).isoformat()
    return typed(["check", "--at", now, *arguments], {**pointed_at(tenant.url), **settings})
