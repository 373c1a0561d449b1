"""Makes the tests from the rig file: a test that asks for ``cell`` runs for some cells, and so on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from hil import RigConfig
from hil.pytest_plugin import rig_config
from hil.suite.protections import family_of
from hil.suite.ways import Way, ways

_USUAL_degC, _INSIDE_K = 25, 5


def _cells(config: RigConfig) -> list[int]:
    """First, middle and last: ends of the chain are where monitors differ."""
    count = config.plant.pack.strings * config.plant.pack.series
    return sorted({1, count // 2 + 1, count})


def _families(config: RigConfig) -> list[str]:
    """Messages that the BMS must watch; those that differ by a number only are one family."""
    limit = config.limits.get("frame_timeout")
    return sorted({family_of(message) for message in limit.messages}) if limit is not None else []


def _degrees(config: RigConfig) -> list[int]:
    """Temperatures of a pack in use: two well inside its warnings, frost and a usual day between them."""
    cold, hot = (config.limits.get(f"{side}temperature_discharge") for side in ("under", "over"))
    if cold is None or hot is None or not (cold.has("warning") and hot.has("warning")):
        return [_USUAL_degC]
    low, high = round(cold.warning) + _INSIDE_K, round(hot.warning) - _INSIDE_K
    return sorted({low, high, *(value for value in (0, _USUAL_degC) if low < value < high)})


def _ways(config: RigConfig) -> list[Way]:
    """Requests in each state, legal and illegal ones."""
    return list(ways(config))


_MAKERS: dict[str, Callable[[RigConfig], Sequence[object]]] = {
    "cell": _cells,
    "degrees": _degrees,
    "family": _families,
    "way": _ways,
}

_NONE = {  # why a rig file makes no test of a kind
    "cell": "the rig file has no cells",
    "degrees": "the rig file has no temperatures",
    "family": "the rig file promises no limit 'frame_timeout' of any message",
    "way": "the rig file has no modes that can be asked for in a state",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per cell, message and so on of the rig file."""
    config = rig_config(metafunc.config)
    for name, maker in _MAKERS.items():
        if name in metafunc.fixturenames:
            values = maker(config) if config is not None else []
            tests = [pytest.param(value, id=f"{name}-{value}") for value in values]
            none = pytest.param(None, id=f"no-{name}", marks=pytest.mark.skip(reason=_NONE[name]))
            metafunc.parametrize(name, tests or [none])
