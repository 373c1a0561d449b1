"""The scenario that the arguments of ``hil sim`` ask for; loaded once there are any."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path

import numpy as np

from hil.errors import UnitError, UsageError
from hil.sim.charging import Charging, Supply, Warmth
from hil.sim.driving import Driving, Trip, with_payload
from hil.sim.profile import Profile, read_profile
from hil.sim.scenario import Scenario
from hil.sim.stationary import Site, Stationary
from hil.sim.under_profile import Manner, UnderProfile
from hil.units import parse
from twins import cycles, vehicle
from twins.cell.limits import limits_of
from twins.cell.parameters import load as load_cell
from twins.charger_presets import PRESETS
from twins.pack import PackConfig
from twins.storage import InverterConfig, Rules
from twins.vehicle import VehicleParameters

_SHORTEST_S = 1e-6
_SPREADS = ("capacity", "resistance", "soc", "self_discharge")
_START = {"soc", "temperature", "ambient", "window"}
_PACK = {"series", "parallel", "strings", "spread", "seed"}
_PROFILE = {"cell", "profile", "charging_is_positive", "gaps", "at_limit", "fuse"}
_STORAGE = {"cell", "load", "hours", "outage", "outage_at", "peak", "reserve", "inverter", "gaps"}
_CHARGE = {"charge", "to"}
_TAKES = {
    "cell": _START | _PROFILE,
    "pack": _START | _PACK | _PROFILE | _CHARGE,
    "storage": _START | _PACK | _STORAGE,
}
_VEHICLE = _START | _CHARGE | {"cycle", "payload", "hours", "seed"}


def make_scenario(arguments: argparse.Namespace) -> Scenario:
    """Look at what is asked for.

    Raises:
        UsageError: It makes no sense, or a file that it names is wrong.
    """
    makers: dict[str, Callable[[argparse.Namespace], Scenario]] = {
        "cell": _under_profile,
        "pack": _pack,
        "storage": _storage,
        **dict.fromkeys(vehicle.names(), _vehicle),
    }
    if arguments.what is None:
        raise UsageError("nothing to simulate", key="WHAT", remedy="hil sim --list shows what there is")
    if arguments.what.endswith(".toml"):
        makers[arguments.what] = _vehicle
    if arguments.what not in makers:
        near = difflib.get_close_matches(arguments.what, makers, 1, 0.0)[0]
        raise UsageError(f"there is no {arguments.what!r}", key="WHAT", remedy=f"did you mean {near!r}?")
    _refuse_strangers(arguments, _TAKES.get(arguments.what, _VEHICLE))
    return makers[arguments.what](arguments)


def _refuse_strangers(arguments: argparse.Namespace, takes: set[str]) -> None:
    """An option that would be ignored is a mistake."""
    others = _VEHICLE.union(*_TAKES.values()) - takes
    for name in sorted(others):
        if getattr(arguments, name) not in (None, False):
            key = "CELL" if name == "cell" else f"--{name.replace('_', '-')}"
            raise UsageError(f"is not for {arguments.what!r}", key=key, remedy="leave it out")


def _under_profile(arguments: argparse.Namespace) -> Scenario:
    if arguments.cell is None:
        raise UsageError("which cell?", key="CELL", remedy="hil sim --list shows the cells")
    if arguments.profile is None:
        raise UsageError("what shall it do?", key="--profile", remedy="give a CSV file of current or power")
    config = _pack_config(arguments)
    sign = -1.0 if arguments.charging_is_positive else 1.0
    profile = read_profile(arguments.profile, gaps=arguments.gaps == "hold", sign=sign)
    if profile.ignored:
        print(f"hil sim: {profile.path}: not read: {', '.join(profile.ignored)}", file=sys.stderr)
    step_s, every_s = _stepping(arguments)
    fuse = inf if arguments.fuse is None else _quantity(arguments.fuse, "current", "--fuse")
    if not fuse > 0.0:
        raise UsageError(f"{arguments.fuse} is no fuse", key="--fuse", remedy="more than zero, such as 400A")
    manner = Manner(step_s, every_s, arguments.at_limit or "stop", fuse)
    return UnderProfile(config, profile, manner)


def _pack(arguments: argparse.Namespace) -> Scenario:
    if arguments.charge is None:
        if arguments.to is not None:
            raise UsageError("is for a charger", key="--to", remedy="give --charge, or leave it out")
        return _under_profile(arguments)
    _refuse_profile(arguments)
    return _charging(arguments, None)


def _vehicle(arguments: argparse.Namespace) -> Scenario:
    """A vehicle that drives, or stands at a charger."""
    try:
        made = vehicle.load(arguments.what)
    except ValueError as error:
        raise UsageError(str(error)) from error
    arguments.cell = made.cell
    arguments.series, arguments.strings, arguments.parallel = made.series, made.strings, made.parallel
    if arguments.charge is not None:
        for name in ("cycle", "payload", "hours"):
            if getattr(arguments, name) is not None:
                raise UsageError("does not go with --charge", key=f"--{name}", remedy="leave it out")
        return _charging(arguments, made)
    if arguments.cycle is None:
        options = " or ".join(f"--charge {name}" for name in made.chargers)
        raise UsageError("what shall it do?", key="--cycle", remedy=f"such as --cycle yard, or {options}")
    return _driving(arguments, made)


def _driving(arguments: argparse.Namespace, made: VehicleParameters) -> Scenario:
    payload_kg, hours = arguments.payload, arguments.hours
    if payload_kg is not None and not 0.0 <= payload_kg < 1e6:
        raise UsageError(f"{payload_kg:g} kg is no payload", key="--payload", remedy="0 or more")
    if hours is not None and not hours > 0.0:
        raise UsageError(f"{hours:g} is no length", key="--hours", remedy="more than zero; inf: until empty")
    drawn_hours = min(hours, 24.0) if hours is not None else 8.0
    try:
        seed = 1 if arguments.seed is None else arguments.seed
        cycle = cycles.load(arguments.cycle, seed=seed, hours=drawn_hours)
    except cycles.CycleError as error:
        raise UsageError(error.reason, place=error.place, remedy=error.remedy) from error
    except ValueError as error:
        raise UsageError(str(error), key="--cycle") from error
    if cycle.ignored:
        print(f"hil sim: {cycle.name}: not read: {', '.join(cycle.ignored)}", file=sys.stderr)
    trip = Trip(with_payload(cycle, payload_kg), hours, payload_kg)
    step_s = _positive(arguments.step, "100ms", "--step")
    if not 0.01 <= step_s <= 1.0:
        raise UsageError(f"{step_s:g} s is no step of a vehicle", key="--step", remedy="10ms to 1s")
    return Driving(made, _pack_config(arguments), trip, step_s, _stepping(arguments)[1])


def _charging(arguments: argparse.Namespace, made: VehicleParameters | None) -> Scenario:
    arguments.soc = arguments.soc or "0%"
    supply, config = _supply(arguments.charge, made), _pack_config(arguments)
    return Charging(config, supply, _warmth(arguments, made), _target(arguments), *_stepping(arguments))


def _supply(name: str, made: VehicleParameters | None) -> Supply:
    """A charger that goes with the vehicle, or one of the presets."""
    own = made.chargers if made else {}
    if name in own:
        one = own[name]
        return Supply(f"its charger {name!r}", one.voltage_V, one.current_A, one.power_W, one.efficiency)
    if name not in PRESETS:
        known = ", ".join([*own, *PRESETS])
        raise UsageError(f"there is no charger {name!r}", key="--charge", remedy=f"one of {known}")
    preset = PRESETS[name]
    return Supply(name, preset.max_V, preset.max_A, preset.full_W, preset.efficiency, preset.rise_s)


def _refuse_profile(arguments: argparse.Namespace) -> None:
    for name in sorted(_PROFILE - {"cell"}):
        if getattr(arguments, name) not in (None, False):
            raise UsageError(
                "does not go with --charge", key=f"--{name.replace('_', '-')}", remedy="leave it out"
            )


def _target(arguments: argparse.Namespace) -> float:
    return 1.0 if arguments.to is None else _part(arguments.to, "--to")


def _warmth(arguments: argparse.Namespace, made: VehicleParameters | None) -> Warmth:
    """What its BMS or a careful one does; with the sheet's window what the sheet allows."""
    if arguments.window == "sheet":
        limits = limits_of(arguments.cell)
        lowest, highest = limits.lowest_degC, limits.highest_degC
        return Warmth(cold_degC=lowest, cool_degC=lowest, warm_degC=highest - 5.0, hot_degC=highest)
    if made is None:
        return Warmth()
    cold, warm, hot = (made[f"bms.{key}"] for key in ("cold", "warm", "hot"))
    return Warmth(cold_degC=cold, cool_degC=cold, warm_degC=warm, hot_degC=hot)


def _storage(arguments: argparse.Namespace) -> Scenario:
    arguments.cell = arguments.cell or "winston-lyp-400"
    arguments.series = 100 if arguments.series is None else arguments.series
    try:
        inverter = InverterConfig(_quantity(arguments.inverter or "50kW", "power", "--inverter"))
        rules = Rules(
            peak_W=inf if arguments.peak is None else _quantity(arguments.peak, "power", "--peak"),
            reserve=_quantity(arguments.reserve or "30%", "ratio", "--reserve"),
        )
    except ValueError as error:
        field, _, reason = str(error).partition(": ")
        key = {"rated_W": "--inverter", "peak_W": "--peak"}.get(field, f"--{field}")
        raise UsageError(reason, key=key) from error
    return Stationary(_pack_config(arguments), (inverter, rules), _site(arguments), *_stepping(arguments))


def _site(arguments: argparse.Namespace) -> Site:
    outage = None
    if arguments.outage is not None:
        begin = _positive(arguments.outage_at, "10min", "--outage-at")
        outage = (begin, begin + _positive(arguments.outage, "", "--outage"))
    elif arguments.outage_at is not None:
        raise UsageError("how long does it last?", key="--outage", remedy="such as 2h")
    load, said = _load(arguments, outage[1] if outage else 0.0)
    return Site(load, said, outage)


def _load(arguments: argparse.Namespace, outage_ends_s: float) -> tuple[Profile, str]:
    """A file's, or a constant one for as long as there is something to see."""
    text = arguments.load or "20kW"
    if text.lower().endswith(".csv") or Path(text).is_file():
        if arguments.hours is not None:
            raise UsageError("a file says itself how long it is", key="--hours", remedy="leave it out")
        profile = read_profile(Path(text), ("power",), gaps=arguments.gaps == "hold")
        return profile, f"{profile.path.name}, {len(profile.values)} values"
    power = _quantity(text, "power", "--load")
    hours = arguments.hours if arguments.hours is not None else outage_ends_s / 3600.0 + 1.0
    if not 0.0 < hours < 1e6:
        raise UsageError(f"{hours:g} is no length", key="--hours", remedy="more than zero")
    return Profile(Path(text), "power", np.array([0.0, 3600.0 * hours]), np.array([power]), [1]), text


def _stepping(arguments: argparse.Namespace) -> tuple[float, float | None]:
    """Longest step, and how far apart rows are, in s."""
    every = None if arguments.every is None else _positive(arguments.every, "", "--every")
    step = _positive(arguments.step, "1s", "--step")
    if step < _SHORTEST_S:
        raise UsageError(f"{arguments.step} would take for ever", key="--step", remedy="1us or more")
    return step, every


def _pack_config(arguments: argparse.Namespace) -> PackConfig:
    """The pack of the options.

    Raises:
        UsageError: One of them is out of its range, or the cell is no good.
    """
    ambient = _quantity(arguments.ambient or "25degC", "temperature", "--ambient")
    spread = dict(_spread(text) for text in arguments.spread or ())
    try:
        load_cell(arguments.cell)
        return PackConfig(
            arguments.cell,
            series=_count(arguments.series),
            strings=_count(arguments.strings),
            parallel=_count(arguments.parallel),
            soc=1.0 if arguments.soc is None else _part(arguments.soc, "--soc"),
            temperature_degC=_quantity(arguments.temperature, "temperature", "--temperature")
            if arguments.temperature
            else ambient,
            ambient_degC=ambient,
            spread_seed=1 if arguments.seed is None else arguments.seed,
            profile=arguments.window or "practice",
            **{f"{name}_spread": value for name, value in spread.items()},
        )
    except ValueError as error:
        raise _of_option(error, arguments) from error


def _of_option(error: ValueError, arguments: argparse.Namespace) -> UsageError:
    """A field of the configuration by the name of its option."""
    field, _, reason = str(error).partition(": ")
    field = field.removesuffix("_degC")
    if field == "temperature" and arguments.temperature is None:
        field = "ambient"  # it begins as warm as what is around it
    field = {"spread_seed": "seed"}.get(field, "spread" if field.endswith("_spread") else field)
    options = {"cell": "CELL"} | {name: f"--{name}" for name in _START | _PACK}
    return UsageError(reason, key=options[field]) if field in options else UsageError(str(error))


def _count(given: int | None) -> int:
    return 1 if given is None else given


def _part(text: str, option: str) -> float:
    """A state of charge: 80%, 80 or 0.8."""
    try:
        value = float(text)  # plain: 80 is a percentage, 0.8 a part
        value = value / 100.0 if value > 1.0 else value
    except ValueError:
        value = _quantity(text, "ratio", option)
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"{text} is no state of charge", key=option, remedy="0 % to 100 %")
    return value


def _spread(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    name = name.replace("-", "_")
    if name not in _SPREADS or not equals:
        raise UsageError(
            f"{text!r} is no spread",
            key="--spread",
            remedy="capacity=2%, resistance=5%, soc=1% or self-discharge=20%",
        )
    return name, _quantity(value, "ratio", "--spread")


def _quantity(text: str, kind: str, option: str) -> float:
    """A quantity in its base unit; a time in s.

    Raises:
        UsageError: It is none.
    """
    try:
        value = parse(text, kind).value
    except UnitError as error:
        raise UsageError(error.reason, key=option, remedy=error.remedy) from error
    return value * 1e-9 if kind == "time" else value


def _positive(text: str | None, default: str, option: str) -> float:
    value = _quantity(text or default, "time", option)
    if not value > 0.0:
        raise UsageError(f"{text} is no length of time", key=option, remedy="more than zero, such as 1s")
    return value
