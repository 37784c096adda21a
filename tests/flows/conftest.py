"""A simulated tenant for the tests of a file, which stands still unless a test moves its clock."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from sim.process import RunningTenant, running_tenant


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
