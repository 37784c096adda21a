"""Cost Management's limits: requests a minute by scope, tenant and client type, and query units.

By the simulated clock. A request that is refused does not count. The waits of all limits that are exhausted
come together.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sim.cost_query import days
from sim.options import Bucket
from sim.wire import Refusal, Request

PREFIX = "x-ms-ratelimit-microsoft.costmanagement-"
REMAINING = "x-ms-ratelimit-remaining-microsoft.costmanagement-"
A_MINUTE, AN_HOUR = timedelta(minutes=1), timedelta(hours=1)
A_SCOPE, A_TENANT, A_CLIENT = 4, 20, 2_000  # requests a minute
QPU_LIMITS = ((timedelta(seconds=10), 12), (A_MINUTE, 60), (AN_HOUR, 600))
DEFAULT_CLIENT_WAIT = 35  # seconds; the bucket of all who send no ClientType is always empty


class Window:
    """What was used in the last hour, as (when, how much)."""

    def __init__(self) -> None:
        self.used: deque[tuple[datetime, int]] = deque()

    def add(self, now: datetime, amount: int) -> None:
        while self.used and not timedelta() <= now - self.used[0][0] < AN_HOUR:
            self.used.popleft()
        self.used.append((now, amount))

    def recent(self, now: datetime, span: timedelta) -> int:
        return sum(amount for when, amount in self.used if timedelta() <= now - when < span)

    def wait(self, now: datetime, span: timedelta, limit: int, amount: int = 1) -> int:
        """Seconds until so much more may be used; what is above the limit by itself needs an empty window."""
        over = self.recent(now, span) + min(amount, limit) - limit
        for when, used in self.used:
            if over <= 0:
                break
            if timedelta() <= now - when < span:
                over -= used
                if over <= 0:
                    return max(1, round((span - (now - when)).total_seconds()))
        return 0


class Throttle:
    """Not safe to use from several threads."""

    def __init__(self) -> None:
        self.windows: dict[str, Window] = defaultdict(Window)

    def check(
        self, scope: str, request: Request, now: datetime, buckets: Collection[Bucket]
    ) -> Mapping[str, str]:
        """The headers that say what is left. Raises Refusal with 429 for one request too many."""
        client = request.headers.get("clienttype", "")
        names = {"entity": f"entity {scope.lower()}", "tenant": "tenant", "clienttype": f"client {client}"}
        limits = {"entity": A_SCOPE, "tenant": A_TENANT, "clienttype": A_CLIENT if client else 0}
        units = query_units(request.json(), now)
        waits = {name: self.wait(name, names, limits, units, now) for name in buckets}
        headers = {f"{PREFIX}{name}-retry-after": str(wait) for name, wait in waits.items() if wait}
        if not headers:
            for window in names.values():
                self.windows[window].add(now, 1)
            self.windows["qpu"].add(now, units)
        headers |= self.remaining(names, limits, units, now)
        if any(waits.values()):
            raise Refusal(429, "429", "Too many requests. Please retry.", headers)
        return headers

    def wait(
        self, bucket: Bucket, names: Mapping[str, str], limits: Mapping[str, int], units: int, now: datetime
    ) -> int:
        if bucket == "qpu":
            used = self.windows["qpu"]
            return max(used.wait(now, span, limit, units) for span, limit in QPU_LIMITS)
        if not limits[bucket]:
            return DEFAULT_CLIENT_WAIT
        return self.windows[names[bucket]].wait(now, A_MINUTE, limits[bucket])

    def remaining(
        self, names: Mapping[str, str], limits: Mapping[str, int], units: int, now: datetime
    ) -> dict[str, str]:
        left = {
            f"{REMAINING}{bucket}-requests": f"DefaultQuota:{self.left(name, A_MINUTE, limits[bucket], now)}"
            for bucket, name in names.items()
        }
        hour, minute = (self.left("qpu", span, limit, now) for span, limit in QPU_LIMITS[:0:-1])
        quotas = f"QueriesPerHour:{hour},QueriesPerMin:{minute}"
        return left | {f"{PREFIX}qpu-consumed": str(units), f"{PREFIX}qpu-remaining": quotas}

    def left(self, name: str, span: timedelta, limit: int, now: datetime) -> int:
        return max(0, limit - self.windows[name].recent(now, span))


def query_units(body: Any, now: datetime) -> int:
    """One for each month of data that is asked for, begun ones too."""
    first, last = days(body, now) if isinstance(body, dict) else (now.date(), now.date())
    return (last.year - first.year) * 12 + last.month - first.month + 1
