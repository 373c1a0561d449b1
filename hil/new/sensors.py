"""Sensors that show no more than the signals that carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from hil.clock import VirtualClock
from hil.frames.database import Database, Signal
from hil.new.guess import Guess
from hil.new.rules import guessed_unit
from hil.units import say, scale_between
from twins.config import PackConfig, PlantConfig, SensorConfig
from twins.plant import Plant
from twins.port import Port

_DEFAULT = SensorConfig()


@dataclass(frozen=True)
class _Kind:
    """Ports of a kind by how their names begin, their unit, and the keys and values of their range."""

    begin: str
    unit: str
    high: tuple[str, float]
    low: tuple[str, float] | None = None


_KINDS = (
    _Kind("cell_monitor.voltage[", "V", ("cell_max", _DEFAULT.cell_max_V)),
    _Kind(
        "cell_monitor.temperature[",
        "degC",
        ("temperature_max", _DEFAULT.temperature_max_degC),
        ("temperature_min", _DEFAULT.temperature_min_degC),
    ),
    _Kind("current_sensor.current", "A", ("current_max", _DEFAULT.current_max_A)),
    _Kind("current_sensor.voltage", "V", ("voltage_max", _DEFAULT.voltage_max_V)),
    _Kind("isolation.plus isolation.minus", "Ohm", ("isolation_max", _DEFAULT.isolation_max_Ohm)),
)


def sensors_text(found: Guess, database: Database) -> str:
    """The section ``[sensors]``: how many show temperatures, and the ranges that their signals hold."""
    count = sum(port.startswith("cell_monitor.temperature[") for port in found.ports.values())
    lines = [f"temperature_count = {count}"] if count else []
    for kind in _KINDS:
        held = [
            _held(database.messages[message].signals[signal], kind.unit)
            for (message, signal), port in found.ports.items()
            if port.startswith(tuple(kind.begin.split()))
        ]
        lines += _lines(kind, [ends for ends in held if ends])
    return "\n".join(["\n[sensors]", *lines, ""]) if lines else ""


def holds_less(signal: Signal, port: str, cells: int) -> bool:
    """Whether a signal holds less than a port shows whose range no section of the rig file changes.

    Args:
        signal: The signal that carries the port.
        port: Its name.
        cells: How many the pack has in series: numbers and counts of cells go up to that.
    """
    shown = _ports(max(cells, 1)).get(port)
    changeable = any(port.startswith(tuple(kind.begin.split())) for kind in _KINDS)
    if shown is None or shown.direction != "out" or changeable:
        return False
    held = _held(signal, shown.unit)
    if held is None:
        return False
    slack = abs(signal.scale) * (scale_between(signal.unit, shown.unit) or 1.0) / 2  # as hil check allows
    return shown.minimum < held[0] - slack or shown.maximum > held[1] + slack


@cache
def _ports(cells: int) -> Mapping[str, Port]:
    """Those of a plant that no rig file has changed but for its cells."""
    return Plant(VirtualClock(), PlantConfig(PackConfig("winston-lyp-100", series=cells, soc=0.5))).ports


def _held(signal: Signal, unit: str) -> tuple[float, float] | None:
    """What a signal holds, in a unit; ``None`` if it is in one of another kind."""
    scale = scale_between(signal.unit or guessed_unit(signal), unit)
    return None if scale is None else (signal.minimum * scale, signal.maximum * scale)


def _lines(kind: _Kind, held: Sequence[tuple[float, float]]) -> Iterator[str]:
    if not held:
        return
    low, high = max(ends[0] for ends in held), min(ends[1] for ends in held)
    if kind.begin == "current_sensor.current" and low < 0.0:
        high = min(high, -low)  # its range is the same both ways
    if 0.0 < high < kind.high[1]:
        yield _line(kind.high[0], high, kind)
        if kind.unit == "Ohm" and high < _DEFAULT.isolation_Ohm:
            yield _line("isolation", high, kind)
    if kind.low and kind.low[1] < low < high:
        yield _line(kind.low[0], low, kind)
    if kind.begin == "current_sensor.voltage" and low > -min(high, kind.high[1]):
        yield _line("voltage_min", min(low, 0.0), kind)


def _line(key: str, value: float, kind: _Kind) -> str:
    return f'{key} = "{say(value, kind.unit)}"  # what its signal holds'
