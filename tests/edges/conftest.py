from collections.abc import Iterator

import pytest

from tests.azurite import Azurite, running_azurite, why_no_azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One emulator for all tests; each test takes a table or queue of its own."""
    if why := why_no_azurite():
        pytest.skip(why)
    with running_azurite() as running:
        yield running
