"""The rigs that the tests need, read once."""

from __future__ import annotations

import pytest

from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import small_rig


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> RigConfig:
    """A BMS of four cells, as small as can be."""
    return small_rig(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def laptop() -> RigConfig:
    """The shipped rig."""
    return load_rig("laptop")
