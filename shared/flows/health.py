"""Health, for probes: whether the app runs and can read its store. Says no more than that."""

from shared.core.faults import StoreAway
from shared.flows.intake import Reply
from shared.flows.ports import Ports
from shared.formats import records


def liveness(ports: Ports) -> Reply:
    """A word and an HTTP status."""
    try:
        ports.store.get(records.state_partition("-"), "anything")
    except StoreAway:
        return Reply(503, "the store is away")
    return Reply(200, "alive")
