"""`python -m tests.polling_worker CONNECTION TABLE QUEUE NOW SETTINGS`: one of several workers of one queue.

Runs the jobs of an Azure queue against the tenant that SETTINGS (JSON) point at, until the queue has been
empty for a while. NOW is the tenant's clock.
"""

import json
import sys
import time
from dataclasses import replace
from datetime import datetime

from azure.storage.queue import QueueClient

from shared.edges.tables import TableStore
from shared.flows.poll import poll_scope
from shared.settings import Settings
from shared.wiring import build

QUIET = 3.0  # seconds without a message, after which there will be none


def main(connection: str, table: str, queue: str, now: str, settings: str) -> None:
    store = TableStore.from_connection_string(connection, table)
    ports = replace(build(Settings.read(json.loads(settings))), store=store, log=lambda event: None)
    jobs = QueueClient.from_connection_string(connection, queue)
    last = time.monotonic()
    while time.monotonic() - last < QUIET:
        for message in jobs.receive_messages(messages_per_page=2, visibility_timeout=60, max_messages=2):
            poll_scope(ports, message.content, datetime.fromisoformat(now))
            jobs.delete_message(message)
            last = time.monotonic()
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
