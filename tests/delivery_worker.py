"""`python -m tests.delivery_worker CONNECTION TABLE QUEUE TENANT`: one of several workers of one queue.

Delivers what the nudges of an Azure queue name, until the queue has been empty for a while.
"""

import os
import sys
import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

from azure.storage.queue import QueueClient

from shared.edges.chat import Address, ChatPost
from shared.edges.tables import TableStore
from shared.flows.deliver import deliver
from shared.flows.ports import Ports
from shared.formats.watch_file import parse_watch

QUIET = 4.0  # seconds without a message, after which there will be none
WATCH = """
channels:
  slack: {kind: slack, secret: A, channel: C1, most_per_hour: 500}
  teams: {kind: teams, secret: B, most_per_hour: 500}
limits:
  - {name: ptu, meter: PTU utilisation, above: 90}
"""


def ports_for(connection: str, table: str, tenant: str) -> Ports:
    ids = count()
    nobody: Any = None
    chat = ChatPost(
        {
            "slack": Address(f"{tenant}/slack/api/", {"Authorization": "Bearer xoxb-simulated"}),
            "teams": Address(f"{tenant}/teams/flow/workflows/0/triggers/manual/paths/invoke?sig=simulated"),
        }
    )
    return Ports(
        TableStore.from_connection_string(connection, table),
        nobody,
        chat,
        parse_watch(WATCH),
        lambda: f"{os.getpid()}-{next(ids)}",
        wait=lambda span: time.sleep(span.total_seconds()),
    )


def main(connection: str, table: str, queue: str, tenant: str) -> None:
    ports = ports_for(connection, table, tenant)
    nudges = QueueClient.from_connection_string(connection, queue)
    last = time.monotonic()
    while time.monotonic() - last < QUIET:
        for message in nudges.receive_messages(messages_per_page=4, visibility_timeout=30, max_messages=4):
            last = time.monotonic()
            deliver(ports, message.content, datetime.now(UTC))
            nudges.delete_message(message)
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
