"""The simulated tenant as a child process, with a handle to steer it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import requests

from sim.estate import START, Estate
from sim.estates import EstateName, EstatePlan

PROJECT = Path(__file__).resolve().parents[1]
SIGNATURE = "simulated-signature"
SECONDS_TO_WAIT = 10.0


class RunningTenant:
    """A tenant that is listening at `url`. Not for several threads at once."""

    def __init__(self, url: str, plan: EstatePlan) -> None:
        self.url = url
        self.arm = url  # base_url of the management clients
        self.metrics = url + "/metrics/{region}"  # template of the metrics endpoints
        self.logs = url + "/logs"  # api.loganalytics.io: its paths begin with /v1
        self.prices = url + "/prices"  # prices.azure.com
        self.login = url + "/login"  # login.microsoftonline.com
        self.slack_api = url + "/slack/api"
        self.plan = plan
        self.session = requests.Session()
        self.session.trust_env = False
        self.gone: list[str] = []

    @cached_property
    def estate(self) -> Estate:
        """The same estate as in the child, built here from the same plan when first asked for."""
        return self.plan.build()

    def slack_webhook(self, name: str) -> str:
        return f"{self.url}/slack/services/T000/B000/{quote(name)}"

    def teams_webhook(self, name: str) -> str:
        """A flow's address. Keep its query as it is: the `sig` in it is the authorisation."""
        return (
            f"{self.url}/teams/{quote(name)}/workflows/0f1e2d3c/triggers/manual/paths/invoke"
            f"?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig={SIGNATURE}"
        )

    def set_clock(self, now: datetime) -> None:
        self.put("clock", {"now": now.isoformat()})

    def set_faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Replace the faults in force; see `sim.mishaps.Mishap` for what each may hold."""
        self.put("faults", list(faults))

    def set_options(self, **options: Any) -> None:
        """Replace the options; see `sim.options.Options`. Those left out go back to their defaults."""
        self.put("options", msgspec.to_builtins(options))

    def set_scenario(self, name: str) -> None:
        """Replace options, faults and missing roles by those of `sim.scenarios`, and restore what is removed.

        "calm" is the tenant as it started. The clock and the counted requests stay.
        """
        self.put("scenario", {"name": name})
        self.gone = []

    def take_role(self, role: str, scope: str = "/") -> None:
        """From now on the role is missing on an ARM id and below; see `sim.roles` for the names."""
        self.put("roles", {"role": role, "scope": scope, "assigned": False})

    def assign_role(self, role: str, scope: str = "/") -> None:
        """Give back a role that was taken on the scope or below it."""
        self.put("roles", {"role": role, "scope": scope, "assigned": True})

    def remove(self, *identities: str) -> None:
        """Accounts, deployments or subscriptions, by ARM id, that are gone from now on."""
        self.gone += identities
        self.put("removed", self.gone)

    def restore(self, *identities: str) -> None:
        """Undo `remove`; of everything when nothing is named."""
        folded = {one.lower() for one in identities}
        self.gone = [one for one in self.gone if folded and one.lower() not in folded]
        self.put("removed", self.gone)

    def requests(self) -> dict[str, Any]:
        """`counts` by route and `apis` by API since the start or the last reset; `recent`, oldest first."""
        return dict(self.get("requests"))

    def reset_requests(self) -> None:
        self.put("requests/reset", None)

    def messages(self) -> list[dict[str, Any]]:
        """Every accepted message in order; see `sim.messages.Message`."""
        return list(self.get("messages"))

    def rejected(self) -> list[dict[str, Any]]:
        """Every message that was not taken, and why; see `sim.messages.Rejected`."""
        return list(self.get("rejected"))

    def put(self, name: str, value: Any) -> None:
        answer = self.session.put(f"{self.url}/sim/{name}", json=value, timeout=SECONDS_TO_WAIT)
        if not answer.ok:
            raise ValueError(answer.text)

    def get(self, name: str) -> Any:
        answer = self.session.get(f"{self.url}/sim/{name}", timeout=SECONDS_TO_WAIT)
        answer.raise_for_status()
        return answer.json()


@contextmanager
def running_tenant(
    seed: int = 7,
    start: datetime = START,
    quiet_days: int | None = None,
    days: int | None = None,
    port: int = 0,
    estate: EstateName = "story",
    scale: float = 1.0,
) -> Iterator[RunningTenant]:
    """A tenant in a child process, ended when the block is left and also when this process dies.

    See `sim.estates.EstatePlan` for what the estate is made of.
    """
    plan = EstatePlan(estate, seed, start, quiet_days, days, scale)
    command = [sys.executable, "-m", "sim", "--with-parent", f"--port={port}", *plan.arguments()]
    child = subprocess.Popen(  # noqa: S603 - our own module, by our own interpreter
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        line = child.stdout.readline() if child.stdout else ""
        if not line:
            raise RuntimeError(f"the simulated tenant ended with {child.wait(SECONDS_TO_WAIT)}")
        running = RunningTenant(json.loads(line)["url"], plan)
        with running.session:
            yield running
    finally:
        child.kill()
        child.communicate()
