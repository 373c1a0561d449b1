"""``hil sim``: what a cell, a pack, a storage or a vehicle does, without BMS and CAN."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.errors import UsageError
    from hil.sim.charging import Warmth
    from hil.sim.profile import Profile
    from hil.sim.scenario import Scenario
    from hil.sim.stationary import Site
    from twins.pack import PackConfig

_EPILOG = """examples:
  hil sim cell winston-lyp-100 --profile p.csv
  hil sim pack winston-lyp-160 --series 96 --strings 2 --profile p.csv --spread capacity=2%
  hil sim storage --outage 2h --load 20kW
  hil sim storage --load load.csv --peak 20kW
  hil sim --list

A profile is a CSV file with a header of names and units, such as 'time [s],current [A]' or
'time [min],power [kW]'. A value holds from its row to the time of the next; > 0 discharges.
The run writes trace.csv, page.html and summary.json into a folder. Ctrl-C ends it early: what ran is
written, and the exit code is 130.
"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sim",
        usage="hil sim WHAT [CELL] [options]",
        help="simulate a cell, a pack, a storage or a vehicle",
        description="Simulate the twins alone, without BMS and CAN.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", metavar="WHAT", nargs="?", help="cell, pack or storage: see --list")
    parser.add_argument("cell", metavar="CELL", nargs="?", help="a name, or a .toml file")
    parser.add_argument("--list", action="store_true", help="what there is to simulate")
    _add_output(parser)
    _add_battery(parser)
    _add_profile(parser)
    _add_storage(parser)
    _add_charge(parser)
    parser.set_defaults(run=run)


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/sim-<what>-<time>/")
    group.add_argument("--format", choices=("csv", "parquet"), default="csv", help="default: csv")
    group.add_argument("--every", metavar="TIME", help="between recorded rows, such as 10s")
    group.add_argument("--step", metavar="TIME", help="longest step (default 1s)")
    group.add_argument("--json", action="store_true", help="the summary as JSON on stdout, no progress bar")


def _add_battery(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("battery")
    group.add_argument("--soc", metavar="PERCENT", help="at the start (default 100 %%)")
    group.add_argument("--temperature", metavar="T", help="at the start, such as 25degC; default: ambient")
    group.add_argument("--ambient", metavar="T", help="default 25degC")
    group.add_argument(
        "--window", choices=("practice", "sheet"), help="of the cell's voltage (default practice)"
    )
    group.add_argument(
        "--series", type=int, metavar="N", help="pack: cells in a string (default 1; of the storage 100)"
    )
    group.add_argument("--parallel", type=int, metavar="N", help="pack: cells side by side (default 1)")
    group.add_argument("--strings", type=int, metavar="N", help="pack: strings side by side (default 1)")
    group.add_argument(
        "--spread",
        action="append",
        metavar="WHAT=PERCENT",
        help="pack: capacity=2%%, resistance=5%%, soc=1%%",
    )
    group.add_argument("--seed", type=int, metavar="N", help="pack: of the spread (default 1)")


def _add_profile(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cell and pack")
    group.add_argument("--profile", type=Path, metavar="CSV", help="current or power over time")
    group.add_argument("--charging-is-positive", action="store_true", help="in the profile")
    group.add_argument("--gaps", choices=("refuse", "hold"), help="of a sampled profile (default refuse)")
    group.add_argument(
        "--at-limit",
        choices=("stop", "hold"),
        help="at the end of the cells' window end the run, or hold the current within (default stop)",
    )
    group.add_argument("--fuse", metavar="CURRENT", help="that no row may exceed, such as 400A")


def _add_charge(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("charging")
    group.add_argument("--charge", metavar="CHARGER", help="in place of a profile: a charger, see --list")
    group.add_argument("--to", metavar="PERCENT", help="charge up to here (default 100 %%)")


def _add_storage(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("storage")
    group.add_argument(
        "--load", metavar="CSV|POWER", help="file of time and power, or a constant one (default 20kW)"
    )
    group.add_argument(
        "--hours", type=float, metavar="N", help="of a constant load; default: 1 h after the outage"
    )
    group.add_argument("--outage", metavar="TIME", help="how long the grid fails")
    group.add_argument("--outage-at", metavar="TIME", help="when (default 10min)")
    group.add_argument("--peak", metavar="POWER", help="the most that the grid shall give")
    group.add_argument("--reserve", metavar="PERCENT", help="that peak shaving leaves (default 30 %%)")
    group.add_argument("--inverter", metavar="POWER", help="rated power (default 50kW)")


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


def run(arguments: argparse.Namespace) -> int:
    """Simulate.

    Raises:
        HilError: The usage or a file is wrong, or the output cannot be written.
    """
    if arguments.list:
        _list()
        return 0
    scenario = _scenario(arguments)
    return _carry_out(scenario, arguments)


def _scenario(arguments: argparse.Namespace) -> Scenario:
    from hil.errors import UsageError

    makers: Mapping[str, Callable[[argparse.Namespace], Scenario]] = {
        "cell": _under_profile,
        "pack": _pack,
        "storage": _storage,
    }
    if arguments.what is None:
        raise UsageError("nothing to simulate", key="WHAT", remedy="hil sim --list shows what there is")
    if arguments.what not in makers:
        near = difflib.get_close_matches(arguments.what, makers, 1, 0.0)[0]
        raise UsageError(f"there is no {arguments.what!r}", key="WHAT", remedy=f"did you mean {near!r}?")
    _refuse_strangers(arguments, _TAKES[arguments.what])
    return makers[arguments.what](arguments)


def _refuse_strangers(arguments: argparse.Namespace, takes: set[str]) -> None:
    """An option that would be ignored is a mistake."""
    from hil.errors import UsageError

    others = set().union(*_TAKES.values()) - takes
    for name in sorted(others):
        if getattr(arguments, name) not in (None, False):
            key = "CELL" if name == "cell" else f"--{name.replace('_', '-')}"
            raise UsageError(f"is not for {arguments.what!r}", key=key, remedy="leave it out")


def _carry_out(scenario: Scenario, arguments: argparse.Namespace) -> int:
    from hil.sim import output
    from hil.sim.runner import run as run_scenario

    folder = output.prepare(arguments.out, scenario.name, arguments.format)
    ending = run_scenario(scenario, quiet=arguments.json)
    try:
        output.write(scenario, ending, folder, arguments.format)
    finally:
        if arguments.json:
            print(output.summary_json(scenario, ending))
        else:
            print(output.summary_text(scenario, ending))
    if reason := output.why(scenario, ending):
        print(f"hil sim: ended early: {reason}", file=sys.stderr)
    if not arguments.json:
        print(f"\npage: {folder / output.PAGE_NAME}")
    return 130 if ending.interrupted else 0


def _list() -> None:
    from twins.cell.parameters import load, names
    from twins.charger_presets import PRESETS

    print("cells, for `hil sim cell NAME` and `hil sim pack NAME`:")
    for name in names():
        print(f"  {name:20} {load(name).title}")
    print("\nchargers, for `hil sim pack … --charge NAME`:")
    for name, charger in PRESETS.items():
        print(f"  {name:20} {charger.max_A:g} A, {charger.full_W / 1e3:.4g} kW, {charger.max_V:g} V")
    print("\nstorage, a stationary one: `hil sim storage`")


def _under_profile(arguments: argparse.Namespace) -> Scenario:
    from math import inf

    from hil.errors import UsageError
    from hil.sim.profile import read_profile
    from hil.sim.under_profile import Manner, UnderProfile

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
    manner = Manner(
        step_s=step_s,
        every_s=every_s,
        at_limit=arguments.at_limit or "stop",
        fuse_A=inf if arguments.fuse is None else _quantity(arguments.fuse, "current", "--fuse"),
    )
    return UnderProfile(config, profile, manner)


def _pack(arguments: argparse.Namespace) -> Scenario:
    from hil.errors import UsageError
    from hil.sim.charging import Charging, Supply
    from twins.charger_presets import preset

    if arguments.charge is None:
        if arguments.to is not None:
            raise UsageError("is for a charger", key="--to", remedy="give --charge, or leave it out")
        return _under_profile(arguments)
    _refuse_profile(arguments)
    arguments.soc = arguments.soc or "0%"
    try:
        charger = preset(arguments.charge)
    except ValueError as error:
        raise UsageError(str(error), key="--charge") from error
    supply = Supply(
        arguments.charge, charger.max_V, charger.max_A, charger.full_W, charger.efficiency, charger.rise_s
    )
    config = _pack_config(arguments)
    return Charging(config, supply, _warmth(arguments), _target(arguments), *_stepping(arguments))


def _refuse_profile(arguments: argparse.Namespace) -> None:
    from hil.errors import UsageError

    for name in sorted(_PROFILE - {"cell"}):
        if getattr(arguments, name) not in (None, False):
            raise UsageError(
                "does not go with --charge", key=f"--{name.replace('_', '-')}", remedy="leave it out"
            )


def _target(arguments: argparse.Namespace) -> float:
    return 1.0 if arguments.to is None else _part(arguments.to, "--to")


def _warmth(arguments: argparse.Namespace) -> Warmth:
    """What a careful BMS does, or with the sheet's window what the sheet allows."""
    from hil.sim.charging import Warmth
    from twins.cell.limits import limits_of

    if arguments.window != "sheet":
        return Warmth()
    limits = limits_of(arguments.cell)
    lowest, highest = limits.lowest_degC, limits.highest_degC
    return Warmth(cold_degC=lowest, cool_degC=lowest, warm_degC=highest - 5.0, hot_degC=highest)


def _storage(arguments: argparse.Namespace) -> Scenario:
    from math import inf

    from hil.errors import UsageError
    from hil.sim.stationary import Stationary
    from twins.storage import InverterConfig, Rules

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
    from hil.errors import UsageError
    from hil.sim.stationary import Site

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
    import numpy as np

    from hil.errors import UsageError
    from hil.sim.profile import Profile, read_profile

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
    return _positive(arguments.step, "1s", "--step"), every


def _pack_config(arguments: argparse.Namespace) -> PackConfig:
    """The pack of the options.

    Raises:
        UsageError: One of them is out of its range, or the cell is no good.
    """
    from twins.cell.parameters import load
    from twins.pack import PackConfig

    ambient = _quantity(arguments.ambient or "25degC", "temperature", "--ambient")
    spread = dict(_spread(text) for text in arguments.spread or ())
    try:
        load(arguments.cell)
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
    from hil.errors import UsageError

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
    from hil.errors import UsageError

    try:
        value = float(text)  # plain: 80 is a percentage, 0.8 a part
        value = value / 100.0 if value > 1.0 else value
    except ValueError:
        value = _quantity(text, "ratio", option)
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"{text} is no state of charge", key=option, remedy="0 % to 100 %")
    return value


def _spread(text: str) -> tuple[str, float]:
    from hil.errors import UsageError

    name, equals, value = text.partition("=")
    if name not in ("capacity", "resistance", "soc") or not equals:
        raise UsageError(
            f"{text!r} is no spread", key="--spread", remedy="capacity=2%, resistance=5% or soc=1%"
        )
    return name, _quantity(value, "ratio", "--spread")


def _quantity(text: str, kind: str, option: str) -> float:
    """A quantity in its base unit; a time in s.

    Raises:
        UsageError: It is none.
    """
    from hil.errors import UnitError, UsageError
    from hil.units import parse

    try:
        value = parse(text, kind).value
    except UnitError as error:
        raise UsageError(error.reason, key=option, remedy=error.remedy) from error
    return value * 1e-9 if kind == "time" else value


def _positive(text: str | None, default: str, option: str) -> float:
    from hil.errors import UsageError

    value = _quantity(text or default, "time", option)
    if not value > 0.0:
        raise UsageError(f"{text} is no length of a step", key=option, remedy="more than zero, such as 1s")
    return value
