"""What the tests of flows stand on: a simulated tenant for those of a file, a chat and a store for each."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from shared.flows.ports import Ports
from sim.process import RunningTenant, running_tenant
from tests.telling import Chat, ports_telling


@pytest.fixture(scope="module")
def tenant() -> Iterator[RunningTenant]:
    with running_tenant() as running:
        yield running


@pytest.fixture
def live(tenant: RunningTenant) -> Iterator[datetime]:
    """When the tenant's live days begin, to which its clock is set. It is calm again after."""
    tenant.set_clock(tenant.estate.live)
    yield tenant.estate.live
    tenant.set_scenario("calm")


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def ports(tmp_path: Path, chat: Chat) -> Iterator[Ports]:
    """Ports that tell the chat, with SQLite as the store."""
    with ports_telling(chat, tmp_path / "told.db") as found:
        yield found
