import pytest

from tests.sim.asking import Asking


@pytest.fixture
def azure() -> Asking:
    return Asking()
