"""Vehicle parameters: TOML files of values, each with unit and source, become blocks for the C core.

A file names a ``base``: what it does not say is taken from there. A source that begins with
``provisional`` marks a judgement that no publication stands behind.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from twins.drive.motor import InductionMotor, scaled
from twins.pack import PackConfig
from twins.quantity import UNITS, ParameterError, Rule, Value, number_of, quantity, sourced
from twins.vehicle import _vehicle

Array = np.ndarray[Any, np.dtype[np.float64]]

AIR_kg_m3: Final = 1.225  # ICAO standard atmosphere at sea level, 15 degC


def _share(*, open_below: bool = False) -> Rule:
    return Rule("ratio", 0.0, 1.0, open_below)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "body.mass": Rule("mass"),
        "body.payload": Rule("mass", open_below=False),
        "body.rotating": Rule("ratio", 0.0, 1.0, open_below=False),
        "body.rolling": Rule("ratio", 0.0, 0.2),
        "body.rolling_growth": Rule("per speed", open_below=False),
        "body.drag": Rule("ratio", 0.0, 5.0, open_below=False),
        "body.area": Rule("area"),
        "body.wheel_radius": Rule("length", 0.0, 3.0),
        "body.grip": Rule("ratio", 0.0, 2.0),
        "body.brake": Rule("acceleration"),
        "body.top_speed": Rule("speed", 0.0, 100.0),
        "body.auxiliaries": Rule("power", open_below=False),
        "gearbox.efficiency": _share(open_below=True),
        "gearbox.shift_up": Rule("rotation"),
        "gearbox.shift_down": Rule("rotation", open_below=False),
        "gearbox.shift_time": Rule("time", open_below=False),
        "drive.torque": Rule("torque"),
        "drive.power": Rule("power"),
        "drive.regeneration": Rule("power", open_below=False),
        "drive.speed": Rule("rotation"),
        "drive.rise_time": Rule("time"),
        "drive.idle": Rule("power", open_below=False),
        "drive.loss_by_speed": _share(),
        "drive.loss_by_power": _share(),
        "drive.loss_by_torque": _share(open_below=True),
        "braking.drive_share": _share(),
        "braking.drive_off": Rule("speed", open_below=False),
        "braking.drive_on": Rule("speed"),
        "driver.preview": Rule("time", 0.05, 10.0),
        "driver.acceleration": Rule("acceleration"),
        "driver.deceleration": Rule("acceleration"),
        "bms.discharge": Rule("rate"),
        "bms.charge": Rule("rate", open_below=False),
        "bms.path": Rule("resistance", 0.0, 10.0, open_below=False),
        "bms.empty": _share(),
        "bms.low": _share(),
        "bms.high": _share(),
        "bms.cold": Rule("temperature", -60.0, 100.0),
        "bms.warm": Rule("temperature", -60.0, 100.0),
        "bms.hot": Rule("temperature", -60.0, 150.0),
    }
)
_GENERATOR: Final = {"power": Rule("power"), "on": _share(), "off": _share()}
_CHARGER: Final = {
    "voltage": Rule("voltage"),
    "current": Rule("current"),
    "power": Rule("power"),
    "efficiency": _share(open_below=True),
}
_SECTIONS: Final = {key.split(".")[0] for key in RULES} | {"pack", "charger", "generator", "published"}


@dataclass(frozen=True)
class Charger:
    """A charger that goes with a vehicle: what it can at its output, and output over input."""

    voltage_V: float
    current_A: float
    power_W: float
    efficiency: float
    source: str


@dataclass(frozen=True)
class Generator:
    """A generator set on the DC link: it starts when the charge falls to `on`, and stops at `off`."""

    power_W: float
    on: float
    off: float


@dataclass(frozen=True)
class VehicleParameters:
    """One vehicle.

    Attributes:
        values: Every value of the file and its bases by ``section.key``, in SI.
        gears: Motor over wheel speed, slowest gear first.
        published: What its maker or the press said of it, in SI: energy J, range m, speed m/s, …
    """

    name: str
    title: str
    values: Mapping[str, Value]
    gears: tuple[float, ...]
    cell: str
    series: int
    strings: int
    parallel: int
    chargers: Mapping[str, Charger]
    generator: Generator | None
    published: Mapping[str, Value]

    def __getitem__(self, key: str) -> float:
        """The value of ``section.key`` in SI."""
        return self.values[key].value

    @property
    def mass_kg(self) -> float:
        """Ready to drive, without payload."""
        return self["body.mass"]

    @property
    def payload_kg(self) -> float:
        """The rated payload."""
        return self["body.payload"]

    @property
    def provisional(self) -> list[str]:
        """Keys of the values that no publication stands behind."""
        return sorted(key for key, value in self.values.items() if value.provisional)

    def pack_config(self, **changes: Any) -> PackConfig:
        """The pack; ``changes`` are fields of `PackConfig`, such as ``soc=0.9``."""
        pack = {"series": self.series, "strings": self.strings, "parallel": self.parallel}
        return PackConfig(**{"cell": self.cell, **pack, **changes})

    @property
    def link_V(self) -> float:
        """Usual voltage of the pack: 3.24 V a cell, as 324 V of 100."""
        return 3.24 * self.series

    def motor(self) -> InductionMotor:
        """An induction motor for this vehicle, scaled from per-unit values."""
        return scaled(self["drive.power"], self["drive.torque"], self.link_V)

    def block(self, motor: InductionMotor | None = None) -> Array:
        """A `vehicle_type` of vehicle.h; without a motor its drive is a polynomial of losses."""
        return _block(self, motor)


def names() -> list[str]:
    """The vehicles that are shipped."""
    shipped = (p.name for p in _folder().iterdir() if p.name.endswith(".toml"))
    return sorted(name.removesuffix(".toml") for name in shipped if not name.startswith("_"))


def load(vehicle: str | Path) -> VehicleParameters:
    """The shipped vehicle of this name, or the vehicle in this file.

    Raises:
        ParameterError: there is no such vehicle, or its file is wrong.
    """
    path = _find(vehicle)
    data = _merged(path)
    values = {key: _value(data, key, rule, path) for key, rule in RULES.items()}
    cell, series, strings, parallel = _pack(data, path)
    name = path.name.removesuffix(".toml")
    made = VehicleParameters(
        name,
        str(data.get("title", name)),
        MappingProxyType(values),
        _gears(data, path),
        cell,
        series,
        strings,
        parallel,
        _chargers(data, path),
        _generator(data, path),
        _published(data, path),
    )
    _check_together(made, path)
    return made


def _folder() -> Traversable:
    return files("twins") / "vehicle" / "parameters"


def _find(vehicle: str | Path) -> Traversable:
    if isinstance(vehicle, Path) or str(vehicle).endswith(".toml"):
        return Path(vehicle)
    if vehicle not in names():
        near = difflib.get_close_matches(vehicle, names(), 1, 0.0)
        raise ParameterError(f"vehicle: there is no {vehicle!r}; did you mean {near[0]!r}?")
    return _folder() / f"{vehicle}.toml"


def _read(path: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ParameterError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path}: is not TOML: {error}") from error


def _merged(path: Traversable, depth: int = 0) -> dict[str, Any]:
    """The file over its bases, section by section."""
    data = _read(path)
    _check_keys(data, path)
    base = data.pop("base", None)
    if base is None:
        return data
    shipped = sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))
    if base not in shipped or depth > 3:
        raise ParameterError(f"{path}: base: must name a shipped file: {', '.join(shipped)}")
    under = _merged(_folder() / f"{base}.toml", depth + 1)
    for section, own in data.items():
        below = under.get(section)
        mixes = isinstance(own, dict) and isinstance(below, dict) and section != "published"
        under[section] = below | own if mixes else own
    return under


def _check_keys(data: Mapping[str, Any], path: Traversable) -> None:
    for section, content in data.items():
        known: set[str] = _SECTIONS | {"title", "base"}
        if section not in known:
            raise ParameterError(f"{path}: {section}: is not known; {_meant(section, known)}")
        if section in {"title", "base"}:
            continue
        if not isinstance(content, Mapping):
            raise ParameterError(f"{path}: {section}: must be a table")
        known = {key.split(".")[1] for key in RULES if key.startswith(section + ".")}
        known |= {"gearbox": {"ratios"}, "generator": set(_GENERATOR)}.get(section, set())
        for key in content:
            if known and key not in known:
                raise ParameterError(f"{path}: {section}.{key}: is not known; {_meant(key, known)}")


def _meant(word: str, known: set[str]) -> str:
    return f"did you mean {difflib.get_close_matches(word, sorted(known), 1, 0.0)[0]!r}?"


def _value(data: Mapping[str, Any], key: str, rule: Rule, path: Traversable) -> Value:
    section, _, name = key.partition(".")
    if name not in data.get(section, {}):
        raise ParameterError(f"{path}: {key}: is missing")
    return quantity(data[section][name], key, rule, path)


def _gears(data: Mapping[str, Any], path: Traversable) -> tuple[float, ...]:
    key = "gearbox.ratios"
    raw = data.get("gearbox", {}).get("ratios")
    if raw is None:
        raise ParameterError(f"{path}: {key}: is missing")
    sourced(raw, key, path)
    listed = raw["value"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= _vehicle.GEARS:
        raise ParameterError(f"{path}: {key}: must be a list of 1 to {_vehicle.GEARS} ratios")
    ratios = tuple(number_of(ratio, key, path) for ratio in listed)
    if ratios[-1] <= 0.0 or any(b >= a for a, b in pairwise(ratios)):
        raise ParameterError(f"{path}: {key}: must fall and be positive: slowest gear first")
    return ratios


def _pack(data: Mapping[str, Any], path: Traversable) -> tuple[str, int, int, int]:
    raw = data.get("pack")
    if raw is None:
        raise ParameterError(f"{path}: pack: is missing")
    allowed = {"cell", "series", "strings", "parallel", "source"}
    for field in sorted(set(raw) - allowed):
        raise ParameterError(f"{path}: pack.{field}: is not known; {_meant(field, allowed)}")
    for field in ("cell", "series", "source"):
        if not raw.get(field):
            raise ParameterError(f"{path}: pack.{field}: is missing")
    counts = (raw["series"], raw.get("strings", 1), raw.get("parallel", 1))
    for field, count in zip(("series", "strings", "parallel"), counts, strict=True):
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 100_000:
            raise ParameterError(f"{path}: pack.{field}: must be a whole number, 1 to 100000, not {count!r}")
    return str(raw["cell"]), *counts


def _chargers(data: Mapping[str, Any], path: Traversable) -> Mapping[str, Charger]:
    chargers = {}
    for name, raw in data.get("charger", {}).items():
        values = _whole(raw, f"charger.{name}", _CHARGER, path)
        source = "; ".join(dict.fromkeys(value.source for value in values.values()))
        voltage, current, power, efficiency = (values[key].value for key in _CHARGER)
        chargers[name] = Charger(voltage, current, power, efficiency, source)
    return MappingProxyType(chargers)


def _generator(data: Mapping[str, Any], path: Traversable) -> Generator | None:
    if "generator" not in data:
        return None
    values = _whole(data["generator"], "generator", _GENERATOR, path)
    power, on, off = (values[key].value for key in _GENERATOR)
    if not on < off:
        raise ParameterError(f"{path}: generator.off: must be above generator.on")
    return Generator(power, on, off)


def _whole(raw: object, place: str, rules: Mapping[str, Rule], path: Traversable) -> dict[str, Value]:
    if not isinstance(raw, Mapping):
        raise ParameterError(f"{path}: {place}: must be a table")
    for field in sorted(set(raw) - set(rules)):
        raise ParameterError(f"{path}: {place}.{field}: is not known; {_meant(field, set(rules))}")
    for field in rules:
        if field not in raw:
            raise ParameterError(f"{path}: {place}.{field}: is missing")
    return {field: quantity(raw[field], f"{place}.{field}", rule, path) for field, rule in rules.items()}


def _published(data: Mapping[str, Any], path: Traversable) -> Mapping[str, Value]:
    found = {}
    for name, raw in data.get("published", {}).items():
        key = f"published.{name}"
        unit = raw.get("unit") if isinstance(raw, Mapping) else None
        dimension = next((d for d, units in UNITS.items() if unit in units), "")
        if not dimension:
            raise ParameterError(f"{path}: {key}: needs a value with a known unit, not {unit!r}")
        found[name] = quantity(raw, key, Rule(dimension), path)
    return MappingProxyType(found)


def _check_together(made: VehicleParameters, path: Traversable) -> None:
    """What each value alone cannot show."""
    try:
        made.pack_config()
    except ValueError as error:
        raise ParameterError(f"{path}: pack.{error}") from error
    rules = (
        ("braking.drive_on", "braking.drive_off"),
        ("bms.hot", "bms.warm"),
        ("bms.warm", "bms.cold"),
        ("bms.low", "bms.empty"),
        ("bms.high", "bms.low"),
        ("gearbox.shift_up", "gearbox.shift_down"),
    )
    for upper, lower in rules:
        if not made[upper] > made[lower]:
            raise ParameterError(f"{path}: {upper}: must be above {lower}")


def _block(v: VehicleParameters, motor: InductionMotor | None) -> Array:
    """In the order of `vehicle_type`; a loss is a share of the rated power at the rated point."""
    power, torque = v["drive.power"], v["drive.torque"]
    gears = [*v.gears, *[0.0] * (_vehicle.GEARS - len(v.gears))]
    rated_rad_s = power / torque
    block = np.array(
        [
            *(v["body.mass"], v["body.mass"] * v["body.rotating"]),
            *(v["body.rolling"], v["body.rolling_growth"]),
            *(0.5 * AIR_kg_m3 * v["body.drag"] * v["body.area"], v["body.wheel_radius"], v["body.grip"]),
            *(v["body.brake"], v["braking.drive_share"], v["braking.drive_off"], v["braking.drive_on"]),
            *(v["body.top_speed"], v["driver.preview"], v["driver.acceleration"], v["driver.deceleration"]),
            *(float(len(v.gears)), *gears, v["gearbox.efficiency"], v["gearbox.shift_up"]),
            *(v["gearbox.shift_down"], v["gearbox.shift_time"], v["body.auxiliaries"]),
            *(torque, power, v["drive.regeneration"], v["drive.speed"], torque / v["drive.rise_time"]),
            *(v["drive.idle"], v["drive.loss_by_speed"] * power / rated_rad_s, v["drive.loss_by_power"]),
            *(v["drive.loss_by_torque"] * power / (torque * torque), 0.0 if motor is None else 1.0),
            *([0.0] * len(fields(InductionMotor)) if motor is None else motor.block()),
        ]
    )
    if block.size != _vehicle.TYPE_SIZE:
        raise RuntimeError(f"a vehicle type has {_vehicle.TYPE_SIZE} doubles, not {block.size}")
    return block
