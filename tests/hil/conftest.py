"""The rigs that the tests need, read once."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import small_rig

if TYPE_CHECKING:
    from tests.hil.served import Plant


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> RigConfig:
    """A BMS of four cells, as small as can be."""
    return small_rig(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def laptop() -> RigConfig:
    """The shipped rig."""
    return load_rig("laptop")


@pytest.fixture
def start(laptop: RigConfig, tmp_path: Path) -> Iterator[Callable[..., Plant]]:
    """Starts plants in threads, and ends them."""
    if sys.platform == "win32":
        pytest.skip("a plant in real time needs a Unix")
    from hil.host.doors import private_folder
    from tests.hil.served import Plant

    with contextlib.ExitStack() as stack:

        def make(rig: RigConfig = laptop, **options: Any) -> Plant:
            plant = Plant(rig, private_folder(tmp_path / "run"), **options)
            stack.callback(plant.end)
            return plant

        yield make
