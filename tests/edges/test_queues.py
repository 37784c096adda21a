"""Depths of real queues in Azurite, and what is said when nobody answers."""

import pytest
from azure.storage.queue import QueueServiceClient

from shared.edges.queues import Queues
from tests.azurite import running_azurite, why_no_azurite


@pytest.fixture(scope="module")
def azurite():
    if why := why_no_azurite():
        pytest.skip(why)
    with running_azurite() as running:
        yield running


def test_the_depth_of_each_queue_is_its_number_of_messages(azurite):
    service = QueueServiceClient.from_connection_string(azurite.connection_string)
    queue = service.create_queue("jobs")
    for number in range(3):
        queue.send_message(str(number))

    depths = Queues.from_connection_string(azurite.connection_string, ("jobs", "not-there-yet")).depths()

    assert depths == {"jobs": 3, "not-there-yet": 0}


def test_what_cannot_be_asked_is_not_known():
    nowhere = "http://127.0.0.1:9/devstoreaccount1"
    text = f"AccountName=devstoreaccount1;AccountKey=eA==;QueueEndpoint={nowhere};"

    assert Queues.from_connection_string(text, ("jobs",)).depths() == {"jobs": None}
