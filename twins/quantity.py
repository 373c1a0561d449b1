"""Values of parameter files: a number with its unit and its source, checked and turned into SI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

UNITS: Final[dict[str, dict[str, float]]] = {  # dimension: unit as written and its size in SI
    "mass": {"kg": 1.0, "t": 1000.0, "lb": 0.45359237},
    "ratio": {"1": 1.0, "%": 0.01},
    "per speed": {"s/m": 1.0, "h/km": 3.6},
    "area": {"m2": 1.0},
    "length": {"m": 1.0, "mm": 1e-3, "km": 1000.0, "mi": 1609.344},
    "acceleration": {"m/s2": 1.0},
    "speed": {"m/s": 1.0, "km/h": 1.0 / 3.6, "mph": 0.44704},
    "power": {"W": 1.0, "kW": 1e3, "hp": 745.69987},
    "energy": {"Wh": 3600.0, "kWh": 3.6e6},
    "rotation": {"rpm": math.pi / 30.0},
    "angular speed": {"rad/s": 1.0},
    "frequency": {"Hz": 1.0, "kHz": 1e3},
    "time": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0},
    "torque": {"Nm": 1.0, "lb-ft": 1.3558179},
    "voltage": {"V": 1.0},
    "current": {"A": 1.0},
    "resistance": {"Ohm": 1.0, "mOhm": 1e-3},
    "rate": {"C": 1.0},
    "temperature": {"degC": 1.0},
}


class ParameterError(ValueError):
    """A parameter file is wrong, or there is none: file, key, reason."""


@dataclass(frozen=True)
class Rule:
    """What a key of a file holds: its dimension, and its range in SI."""

    dimension: str
    low: float = 0.0
    high: float = math.inf
    open_below: bool = True  # whether `low` itself is out


@dataclass(frozen=True)
class Value:
    """One value in SI, and where it is from."""

    value: float
    source: str

    @property
    def provisional(self) -> bool:
        """Whether it is a judgement that no publication stands behind."""
        return self.source.startswith("provisional")


def quantity(raw: object, key: str, rule: Rule, path: Traversable | Path) -> Value:
    """One value of a file, in SI.

    Raises:
        ParameterError: it is no table of value, unit and source, or out of its range.
    """
    source, unit = sourced(raw, key, path), raw["unit"] if isinstance(raw, Mapping) else ""
    units = UNITS[rule.dimension]
    if unit not in units:
        raise ParameterError(f"{path}: {key}: the unit is {unit!r}, must be {' or '.join(units)}")
    number = number_of(raw["value"] if isinstance(raw, Mapping) else raw, key, path) * units[unit]
    below = number <= rule.low if rule.open_below and rule.low == 0.0 else number < rule.low
    if below or number > rule.high:
        lowest = "above" if rule.open_below else "at least"
        upper = f", at most {rule.high:g}" if math.isfinite(rule.high) else ""
        raise ParameterError(f"{path}: {key}: is {number:g} in SI, must be {lowest} {rule.low:g}{upper}")
    return Value(number, source)


def sourced(raw: object, key: str, path: Traversable | Path) -> str:
    """The source of a value, whose table is whole.

    Raises:
        ParameterError: something in it is missing or not known.
    """
    if not isinstance(raw, Mapping):
        raise ParameterError(f"{path}: {key}: must be a table of value, unit and source")
    allowed = {"value", "unit", "source"}
    for field in sorted(allowed - set(raw)):
        raise ParameterError(f"{path}: {key}: needs {field!r}")
    for field in sorted(set(raw) - allowed):
        raise ParameterError(f"{path}: {key}.{field}: is not known; it has {', '.join(sorted(allowed))}")
    source = str(raw["source"]).strip()
    if not source:
        raise ParameterError(f"{path}: {key}: has no source")
    return source


def number_of(raw: object, key: str, path: Traversable | Path) -> float:
    """A finite number.

    Raises:
        ParameterError: it is none.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ParameterError(f"{path}: {key}: {raw!r} is not a finite number")
    return float(raw)
