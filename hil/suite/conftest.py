"""Makes the tests from the rig file: a test that asks for ``cell`` runs for some cells, and so on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hil import RigConfig
from hil.pytest_plugin import rig_config



def _cells(config: RigConfig) -> list[int]:
    """First, middle and last: ends of the chain are where monitors differ."""
    count = config.plant.pack.series
    return sorted({1, count // 2 + 1, count})


def _timeouts(config: RigConfig) -> list[str]:
    """Messages of the rig that the BMS must miss when they stay away."""
    limit = config.limits.get("frame_timeout")
    return list(limit.messages) if limit is not None else []


def _protected(config: RigConfig) -> list[str]:
    """Messages of the rig that the BMS must watch and that are protected end to end."""
    watched = set(_timeouts(config))
    return [
        message.name
        for bus in config.buses.values()
        for message in bus.database.messages.values()
        if message.e2e is not None and message.name in watched
    ]


_MAKERS: dict[str, Callable[[RigConfig], list[int] | list[str]]] = {
    "cell": _cells,
    "missing_message": _timeouts,
    "protected_message": _protected,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per cell, message and so on of the rig file."""
    config = rig_config(metafunc.config)
    for name, maker in _MAKERS.items():
        if name in metafunc.fixturenames:
            values = maker(config) if config is not None else []
            metafunc.parametrize(name, values, ids=[f"{name}-{value}" for value in values])
