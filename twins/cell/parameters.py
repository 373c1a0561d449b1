"""Cell parameters: TOML files of values, each with unit and source, become blocks for the C core.

A file may name a ``base``: what it does not say is taken from there. Resistances then scale with
the inverse of the capacity, mass with the capacity, and heat loss with its power 2/3 (the surface).
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np

from twins.cell import _cell

Array = np.ndarray[Any, np.dtype[np.float64]]

_OHM: Final = {"Ohm": 1.0, "mOhm": 1e-3}
_VOLT: Final = {"V": 1.0, "mV": 1e-3}
SCALARS: Final[dict[str, dict[str, float]]] = {  # key: accepted units and their size in SI
    "capacity": {"Ah": 1.0},
    "hysteresis": _VOLT,
    "gamma": {"1": 1.0},
    "tau1": {"s": 1.0},
    "tau2": {"s": 1.0},
    "mass": {"kg": 1.0},
    "specific_heat": {"J/(kg K)": 1.0},
    "loss": {"W/K": 1.0},
    "arrhenius": {"K": 1.0},
    "arrhenius_constant": {"1": 1.0},
    "arrhenius_cold": {"K": 1.0},
    "cold_below": {"degC": 1.0},
    "reference_temperature": {"degC": 1.0},
    "charge_efficiency": {"1": 1.0},
}
_ONE: Final = {"1": 1.0}
_KELVIN: Final = {"K": 1.0}
_CONDUCTANCE: Final = {"W/K": 1.0}
_MONTH_S: Final = 30 * 86400.0
LAWS: Final = ("none", "naumann-lfp", "blast-lfp", "wang-lfp", "schmalstieg-nmc", "rated")
REACTIONS: Final = ("sei", "anode", "cathode")
OPTIONAL: Final[dict[str, tuple[float, dict[str, float]]]] = {  # key: what it is if left out, and its units
    "tau1_arrhenius": (0.0, _KELVIN),  # time constants ~ exp(B (1/T - 1/Tref))
    "tau2_arrhenius": (0.0, _KELVIN),
    "surface_share": (0.3, _ONE),  # part of the heat capacity in the surface node
    "core_to_surface": (0.0, _CONDUCTANCE),  # 0: one body
    "to_neighbour": (0.0, _CONDUCTANCE),  # between the surfaces of cells side by side
    "to_coolant": (0.0, _CONDUCTANCE),
    "self_discharge": (0.0, {"1/s": 1.0, "%/month": 0.01 / _MONTH_S}),  # of the charge, at the reference
    "self_discharge_arrhenius": (0.0, _KELVIN),  # ~ exp(-B (1/T - 1/Tref)); doubling per 10 K is about 6000 K
    "peukert": (1.0, _ONE),
    "peukert_hours": (20.0, {"h": 1.0}),
    "side_rate": (0.0, {"1/h": 1.0}),  # side reaction of charging, in capacities per hour at side_voltage
    "side_voltage": (0.0, _VOLT),
    "side_slope": (0.05, _VOLT),  # it grows by e per this much
    "ageing": (0.0, {}),  # value: one of LAWS
    "calendar_scale": (1.0, _ONE),  # times what the law says
    "cycle_scale": (1.0, _ONE),
    "growth_scale": (1.0, _ONE),  # resistance growth
    "rated_cycles": (0.0, _ONE),  # law "rated": cycles to 80 % at rated_depth
    "rated_depth": (1.0, _ONE),
    "depth_exponent": (1.0, _ONE),  # cycles ~ depth^-exponent; 1: what counts is charge
    "rated_years": (0.0, {"a": 1.0}),  # storage to 80 % at the reference; 0: none
    "calendar_arrhenius": (0.0, _KELVIN),  # of rated_years
    **{f"{name}_rate": (0.0, {"1/s": 1.0}) for name in REACTIONS},  # runaway: A exp(-B/T) of what is left
    **{f"{name}_activation": (0.0, _KELVIN) for name in REACTIONS},
    **{f"{name}_heat": (0.0, {"J/kg": 1.0, "kJ/kg": 1e3}) for name in REACTIONS},  # per kg of cell
    "separator_melts": (1e4, {"degC": 1.0}),
    "separator_short": (1.0, _OHM),  # internal short that is left then
}
TABLES: Final[dict[str, dict[str, float]]] = {
    "ocv": _VOLT,
    "r0": _OHM,
    "r1": _OHM,
    "r2": _OHM,
    "entropic": {"V/K": 1.0, "mV/K": 1e-3},
}
POWERS: Final = {
    **dict.fromkeys(("r0", "r1", "r2", "separator_short"), -1.0),
    **dict.fromkeys(("loss", "to_neighbour", "to_coolant"), 2.0 / 3.0),
    "mass": 1.0,
    "core_to_surface": 1.0 / 3.0,
}
_POSITIVE_OPTIONS: Final = {
    *("surface_share", "peukert", "peukert_hours", "side_slope"),
    *("rated_depth", "depth_exponent", "separator_short"),
}
NOT_NEGATIVE: Final = {
    *("hysteresis", "gamma", "loss", "arrhenius", "arrhenius_constant", "arrhenius_cold"),
    *(OPTIONAL.keys() - _POSITIVE_OPTIONS),
}
ANY_SIGN: Final = {"entropic", "reference_temperature", "cold_below"}
AT_MOST_ONE: Final = {"arrhenius_constant", "charge_efficiency", "surface_share", "rated_depth"}
PLAUSIBLE: Final[dict[str, tuple[float, float, str]]] = {  # in SI: what is beyond is a slip
    "capacity": (1e-3, 1e5, "Ah"),
    "ocv": (-1.0, 25.0, "V"),
    "hysteresis": (0.0, 1.0, "V"),
    "tau1": (1e-6, 1e6, "s"),
    "tau2": (1e-6, 1e7, "s"),
    "mass": (1e-4, 1e4, "kg"),
    "specific_heat": (50.0, 1e5, "J/(kg K)"),
    "entropic": (-0.02, 0.02, "V/K"),
    "arrhenius": (0.0, 3e4, "K"),
    "reference_temperature": (-100.0, 200.0, "degC"),
    "charge_efficiency": (0.1, 1.0, ""),
    "peukert": (1.0, 3.0, ""),
    "self_discharge": (0.0, 1e-3, "1/s"),
    "side_voltage": (0.0, 25.0, "V"),
}
_MOST_DROP_V: Final = 20.0  # of a resistance at 1 C: mOhm written as Ohm are beyond
_BLOCK: Final = (  # the scalars of a `cell_type` of cell.h, in its order; * is worked out
    *("hysteresis", "gamma", "tau1", "tau2", "*heat_capacity", "loss", "arrhenius", "reference_temperature"),
    *("charge_efficiency", "*ocv_first", "*ocv_step", "arrhenius_constant", "arrhenius_cold", "cold_below"),
    *("tau1_arrhenius", "tau2_arrhenius", "surface_share", "core_to_surface", "to_neighbour", "to_coolant"),
    *("self_discharge", "self_discharge_arrhenius", "peukert", "peukert_hours"),
    *("side_rate", "side_voltage", "side_slope"),
    *("ageing", "calendar_scale", "cycle_scale", "growth_scale"),
    *("rated_cycles", "rated_depth", "depth_exponent", "rated_years", "calendar_arrhenius"),
    *(f"{name}_rate" for name in REACTIONS),
    *(f"{name}_activation" for name in REACTIONS),
    *(f"*{name}_J" for name in REACTIONS),
    *("separator_melts", "separator_short"),
)
HEAD: Final = len(_BLOCK)  # doubles of a cell type before its tables


OFF: Final = "not in the file: off"
_NO_AXIS: Final = np.zeros(0)


@dataclass(frozen=True)
class Entry:
    """One value of a file in SI: a number, or a table over SOC (OCV: a row per temperature)."""

    value: Array
    soc: Array
    temperature_degC: Array
    source: str


@dataclass(frozen=True)
class CellParameters:
    """One cell type."""

    name: str
    title: str
    entries: Mapping[str, Entry]
    window_V: Mapping[str, tuple[float, float]]  # profile: lowest and highest cell voltage
    block: Array  # a `cell_type` of cell.h

    @property
    def capacity_Ah(self) -> float:
        """Nominal capacity."""
        return float(self.entries["capacity"].value)


def names() -> list[str]:
    """The cells that are shipped."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if ".toml" in p.name)


def bases() -> list[str]:
    """The shipped cells that a file may name as its ``base``."""
    return [name for name in names() if _is_base(name)]


def _is_base(name: str) -> bool:
    return "base" not in _read(_folder() / f"{name}.toml")


def load(cell: str | Path) -> CellParameters:
    """The shipped cell of this name, or the cell in this file. A shipped one is read once, and shared.

    Raises:
        ValueError: there is no such cell, or its file is wrong: file, key and reason.
    """
    if isinstance(cell, Path) or cell.endswith(".toml"):
        return _load(Path(cell))
    if cell not in names():
        near = difflib.get_close_matches(cell, names(), 1, 0.0)
        raise ValueError(f"cell: there is no {cell!r}; did you mean {near[0]!r}?")
    return _shipped(cell)


@cache
def _shipped(name: str) -> CellParameters:
    return _load(_folder() / f"{name}.toml")


def _load(path: Traversable) -> CellParameters:
    data = _read(path)
    entries, window = _entries(data, path), _windows(data, path)
    if "base" in data:
        base = _base(data["base"], path)
        entries = _inherit(base.entries, entries, base.name)
        window = {**base.window_V, **window}
    for key in [*SCALARS, *TABLES]:
        if key not in entries:
            raise ValueError(f"{path}: {key}: is missing")
    off = {key: Entry(np.array(value), _NO_AXIS, _NO_AXIS, OFF) for key, (value, _) in OPTIONAL.items()}
    entries = {**off, **entries}
    if not entries["surface_share"].value < 1.0:
        raise ValueError(f"{path}: surface_share: must be less than 1: the core has the rest")
    if not window:
        raise ValueError(f"{path}: window: is missing")
    _check_together(entries, window, path)
    name = path.name.removesuffix(".toml")
    return CellParameters(name, str(data.get("title", name)), entries, window, _block(entries))


def _check_together(
    entries: Mapping[str, Entry], window: Mapping[str, tuple[float, float]], path: Traversable
) -> None:
    """Values that are each possible, and absurd beside the others."""
    capacity_Ah, ocv = float(entries["capacity"].value), entries["ocv"].value
    for key in ("r0", "r1", "r2"):
        drop_V = float(entries[key].value.max()) * capacity_Ah
        if drop_V > _MOST_DROP_V:
            drops = f"would drop {drop_V:.4g} V at the current of one hour, {capacity_Ah:g} A"
            raise ValueError(f"{path}: {key}: {drops}; is the unit right?")
    for profile, (low, high) in window.items():
        if not (low < ocv.max() and ocv.min() < high):
            reason = f"{low:g} to {high:g} V is not where its ocv is, {ocv.min():.4g} to {ocv.max():.4g} V"
            raise ValueError(f"{path}: window.{profile}: {reason}")


def with_options(cell: CellParameters, changes: Mapping[str, float] | None) -> CellParameters:
    """The cell with some of its optional values (SI) changed, or with ``None`` all of them off."""
    values = {key: value for key, (value, _) in OPTIONAL.items()} if changes is None else changes
    own = {key: Entry(np.array(value), _NO_AXIS, _NO_AXIS, OFF) for key, value in values.items()}
    entries = {**cell.entries, **own}
    return replace(cell, entries=entries, block=_block(entries))


def _base(name: object, path: Traversable) -> CellParameters:
    if name not in names() or not _is_base(str(name)):
        raise ValueError(f"{path}: base: must name a shipped cell that has no base itself")
    return load(str(name))


def _folder() -> Traversable:
    return files("twins") / "cell" / "parameters"


def _read(path: Traversable) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is not TOML: {error}") from error
    known = {"title", "base", "window", *SCALARS, *TABLES, *OPTIONAL}
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.0)
            raise ValueError(f"{path}: {key}: is not known; did you mean {near[0]!r}?")
    return data


def _entries(data: Mapping[str, Any], path: Traversable) -> dict[str, Entry]:
    found = {}
    optional = {key: units for key, (_, units) in OPTIONAL.items()}
    for key, units in (SCALARS | TABLES | optional).items():
        if key in data:
            try:
                found[key] = _law(data[key]) if key == "ageing" else _entry(key, data[key], units)
            except (KeyError, TypeError, ValueError) as error:
                reason = f"needs {error.args[0]!r}" if isinstance(error, KeyError) else error
                raise ValueError(f"{path}: {key}: {reason}") from error
    return found


def _law(raw: object) -> Entry:
    """The ageing law by its name; the value of the entry is its number."""
    if not isinstance(raw, Mapping) or sorted(raw) != ["source", "value"]:
        raise TypeError("must be a table of value and source")
    if raw["value"] not in LAWS:
        raise ValueError(f"{raw['value']!r} is not known; there are {', '.join(LAWS)}")
    if not str(raw["source"]).strip():
        raise ValueError("has no source")
    return Entry(np.array(float(LAWS.index(raw["value"]))), _NO_AXIS, _NO_AXIS, str(raw["source"]))


def _entry(key: str, raw: object, units: Mapping[str, float]) -> Entry:
    if not isinstance(raw, Mapping):
        raise TypeError("must be a table of value, unit and source")
    table = key in TABLES
    allowed = {"unit", "source"} | ({"soc", "temperature", "values"} if table else {"value"})
    if unknown := sorted(set(raw) - allowed):
        raise ValueError(f"{unknown[0]!r} is not known here; it has {', '.join(sorted(allowed))}")
    if raw["unit"] not in units:
        raise ValueError(f"the unit is {raw['unit']!r}, must be {' or '.join(units)}")
    if not str(raw["source"]).strip():
        raise ValueError("has no source")
    value = np.asarray(raw["values" if table else "value"], np.float64) * units[raw["unit"]]
    soc = np.asarray(raw["soc"] if table else [], np.float64)
    temperature = np.asarray(raw.get("temperature", []), np.float64)
    _check_values(key, value)
    if table:
        _check_axes(key, value, soc, temperature)
    return Entry(value, soc, temperature, str(raw["source"]))


def _check_values(key: str, value: Array) -> None:
    if not np.isfinite(value).all():
        raise ValueError("is not finite")
    lowest = 0.0 if key in NOT_NEGATIVE else 1e-12
    if key not in ANY_SIGN and value.min() < lowest:
        raise ValueError("must not be negative" if lowest == 0.0 else "must be positive")
    if key in AT_MOST_ONE and value.max() > 1.0:
        raise ValueError("must not be more than 1")
    low, high, unit = PLAUSIBLE.get(key, (-np.inf, np.inf, ""))
    if not (low <= value.min() and value.max() <= high):
        wrong = value.min() if value.min() < low else value.max()
        said = " ".join(part for part in (f"{wrong:g}", unit) if part)
        raise ValueError(f"{said} is absurd, a cell has {low:g} to {high:g}; is the unit right?")


def _check_axes(key: str, value: Array, soc: Array, temperature: Array) -> None:
    if soc.size < 2 or soc[0] != 0.0 or soc[-1] != 1.0 or not (np.diff(soc) > 0.0).all():
        raise ValueError("soc must rise from 0 to 1")
    if key == "ocv":
        if temperature.size < 1 or not (np.diff(temperature) > 0.0).all():
            raise ValueError("temperature must rise")
        if not (temperature[0] >= -100.0 and temperature[-1] <= 200.0):
            raise ValueError("temperature must be -100 to 200 degC; is it in K?")
        if (np.diff(value, axis=-1) <= 0.0).any():
            raise ValueError("must rise with soc")
    shape = (temperature.size, soc.size) if key == "ocv" else (soc.size,)
    if value.shape != shape:
        raise ValueError(f"values have the shape {value.shape}, the axes {shape}")


def _windows(data: Mapping[str, Any], path: Traversable) -> dict[str, tuple[float, float]]:
    found = {}
    for profile, raw in data.get("window", {}).items():
        key = f"window.{profile}"
        if profile not in {"practice", "sheet"}:
            raise ValueError(f"{path}: {key}: is not known; there are practice and sheet")
        for field in ("minimum", "maximum", "unit", "source"):
            if field not in raw:
                raise ValueError(f"{path}: {key}: needs {field!r}")
        if raw["unit"] != "V" or not 0.0 <= raw["minimum"] < raw["maximum"]:
            raise ValueError(f"{path}: {key}: needs minimum < maximum in V")
        found[profile] = (float(raw["minimum"]), float(raw["maximum"]))
    return found


def _inherit(base: Mapping[str, Entry], own: Mapping[str, Entry], name: str) -> dict[str, Entry]:
    ratio = float(own["capacity"].value / base["capacity"].value) if "capacity" in own else 1.0
    inherited = {
        key: Entry(
            entry.value * ratio ** POWERS.get(key, 0.0),
            entry.soc,
            entry.temperature_degC,
            f"scaled from {name}: {entry.source}" if key in POWERS else f"{name}: {entry.source}",
        )
        for key, entry in base.items()
    }
    return {**inherited, **own}


def _block(entries: Mapping[str, Entry]) -> Array:
    """A `cell_type` of cell.h: tables on its grid, straight lines between the file's points."""
    value = {key: float(entries[key].value) for key in [*SCALARS, *OPTIONAL]}
    grid = np.linspace(0.0, 1.0, _cell.GRID + 1)
    temperature = entries["ocv"].temperature_degC
    rows = np.linspace(temperature[0], temperature[-1], _cell.OCV_ROWS)
    value["*heat_capacity"] = value["mass"] * value["specific_heat"]
    value |= {f"*{name}_J": value["mass"] * value[f"{name}_heat"] for name in REACTIONS}
    value |= {"*ocv_first": float(rows[0]), "*ocv_step": max(float(rows[1] - rows[0]), 1.0)}
    block = np.zeros(_cell.TYPE_SIZE)
    block[:HEAD] = [value[key] for key in _BLOCK]
    ocv = np.array([np.interp(grid, entries["ocv"].soc, row) for row in entries["ocv"].value])
    tables = [np.interp(rows, temperature, column) for column in ocv.T]
    size = _cell.OCV_ROWS * grid.size
    block[HEAD : HEAD + size] = np.array(tables).T.ravel()
    for n, key in enumerate(("r0", "r1", "r2", "entropic")):
        at = HEAD + size + n * grid.size
        block[at : at + grid.size] = np.interp(grid, entries[key].soc, entries[key].value)
    _cell.prepare(block)
    return block
