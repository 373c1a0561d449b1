"""``hil sim``: what a cell, a pack, a storage or a vehicle does, without BMS and CAN."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.sim.scenario import Scenario

_EPILOG = """examples:
  hil sim cell winston-lyp-100 --profile p.csv
  hil sim pack winston-lyp-160 --series 96 --strings 2 --profile p.csv --spread capacity=2%
  hil sim storage --outage 2h --load 20kW
  hil sim storage --load load.csv --peak 20kW
  hil sim xe20 --cycle yard --hours 8
  hil sim rv --charge fast
  hil sim machines           published figures beside the twins', as a table in Markdown; minutes
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
    parser.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        help="cell, pack, storage or a vehicle, by name or .toml file: see --list; or machines",
    )
    parser.add_argument("cell", metavar="CELL", nargs="?", help="a name, or a .toml file")
    parser.add_argument("--list", action="store_true", help="what there is to simulate")
    _add_output(parser)
    _add_battery(parser)
    _add_profile(parser)
    _add_storage(parser)
    _add_charge(parser)
    _add_vehicle(parser)
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
        help="pack: capacity=2%%, resistance=5%%, soc=1%%, self-discharge=20%%",
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


def _add_vehicle(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("vehicle")
    group.add_argument("--cycle", metavar="CSV|NAME", help="what it drives: a file, or a name, see --list")
    group.add_argument("--payload", type=float, metavar="KG", help="default: the cycle's, else the rated one")


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


def run(arguments: argparse.Namespace) -> int:
    """Simulate.

    Raises:
        HilError: The usage or a file is wrong, or the output cannot be written.
    """
    if arguments.list:
        _list()
        return 0
    from hil.cli.sim_scenarios import make_scenario

    if arguments.what == "machines":
        return _machines()
    scenario = make_scenario(arguments)
    return _carry_out(scenario, arguments)


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


def _machines() -> int:
    """Ask every machine, and print what is published beside what its twin says."""
    from tqdm import tqdm

    from hil.sim.machines import compare, markdown, questions

    asked = list(questions())
    answered = [compare(one) for one in tqdm(asked, "machines", file=sys.stderr, disable=None, leave=False)]
    print(markdown(answered), end="")
    return 0


def _list() -> None:
    from twins import cycles, vehicle
    from twins.cell.parameters import load, names
    from twins.charger_presets import PRESETS

    print("cells, for `hil sim cell NAME` and `hil sim pack NAME`:")
    for name in names():
        print(f"  {name:20} {load(name).title}")
    print("\nchargers, for `hil sim pack … --charge NAME`:")
    for name, charger in PRESETS.items():
        print(f"  {name:20} {charger.max_A:g} A, {charger.full_W / 1e3:.4g} kW, {charger.max_V:g} V")
    print("\nstorage, a stationary one: `hil sim storage`")
    print("\nvehicles, for `hil sim NAME --cycle CSV|NAME` and `hil sim NAME --charge CHARGER`:")
    for name in vehicle.names():
        made = vehicle.load(name)
        chargers = ", ".join(made.chargers)
        print(f"  {name:20} {made.title}" + (f"; chargers: {chargers}" if chargers else ""))
    print(f"\ncycles, for `--cycle NAME`: {', '.join(cycles.names())}")
