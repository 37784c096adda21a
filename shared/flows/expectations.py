"""What people have called usual, for the baselines that learn from it."""

from collections.abc import Callable
from datetime import datetime

from shared.core.model import Period, Scope
from shared.core.muting import Expected
from shared.flows.ports import Ports
from shared.formats import records


def expectations(ports: Ports) -> Callable[[Scope, datetime], bool]:
    """Says of a deployment's hour, by its start, whether a person called it usual; reads the store once."""
    rows = ports.store.scan(records.ALERTS, "expected|")
    found = {
        one.scope: Period(one.start, one.end) for row in rows if (one := records.decode(row.body, Expected))
    }
    return lambda scope, start: scope in found and start in found[scope]
