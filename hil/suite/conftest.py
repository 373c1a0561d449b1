"""Makes the tests from the rig file: a test that asks for ``cell`` runs for some cells, and so on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil import RigConfig
from hil.pytest_plugin import rig_config
from hil.suite.protections import family_of


def _cells(config: RigConfig) -> list[int]:
    """First, middle and last: ends of the chain are where monitors differ."""
    count = config.plant.pack.strings * config.plant.pack.series
    return sorted({1, count // 2 + 1, count})


def _families(config: RigConfig) -> list[str]:
    """Messages that the BMS must watch; those that differ by a number only are one family."""
    limit = config.limits.get("frame_timeout")
    return sorted({family_of(message) for message in limit.messages}) if limit is not None else []


_MAKERS: dict[str, Callable[[RigConfig], list[int] | list[str]]] = {
    "cell": _cells,
    "family": _families,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per cell, message and so on of the rig file."""
    config = rig_config(metafunc.config)
    for name, maker in _MAKERS.items():
        if name in metafunc.fixturenames:
            values = maker(config) if config is not None else []
            metafunc.parametrize(name, values, ids=[f"{name}-{value}" for value in values])
