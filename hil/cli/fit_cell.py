"""``hil fit-cell``: a cell file from a user's own tests."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.fit.assemble import CellTests
    from hil.fit.fitting import Outcome, Wish

_EPILOG = """example:
  hil fit-cell slow_25.csv dynamic_15.csv dynamic_25.csv --name my-cell
  hil sim cell hil-out/fit-…/my-cell.toml --profile p.csv

At least one slow test (full to empty and back at C/20 or less) and one dynamic test (changing
currents, rows 1 s apart). The header names columns and units:
  time [s],voltage [V],current [A],temperature [degC]
Discharging is positive. docs/cells.md tells the rest.
"""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "fit-cell",
        help="make a cell file from your own tests",
        description="Identify a cell's OCV, hysteresis and resistances from slow and dynamic tests.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA.csv", type=Path, nargs="+")
    parser.add_argument("--name", default="my-cell", help="of the cell file (default my-cell)")
    parser.add_argument("--title", help="what the cell is, in words (default: the name)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/fit-<name>-<time>/")
    parser.add_argument("--temperature", metavar="T", help="of files that do not say it, such as 25degC")
    parser.add_argument("--charge-positive", action="store_true", help="currents > 0 charge the cell")
    parser.add_argument(
        "--leave-out", metavar="T", action="append", default=[],
        help="do not fit the tests at this temperature, judge there; may be given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--window", nargs=2, metavar=("LOW", "HIGH"), help="lowest and highest voltage, such as 2.5V 3.65V"
    )
    parser.add_argument("--mass", metavar="M", help="such as 3.5kg; default: scaled from the cell it is like")
    parser.add_argument(
        "--like", metavar="CELL", help="shipped cell to take all else from; default: by voltage"
    )
    parser.add_argument("--json", action="store_true", help="what was found, on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit, and say how well.

    Raises:
        UsageError: A file or an option is wrong.
        OutputError: The folder cannot be written.
    """
    from hil.errors import UsageError
    from hil.fit import fitting
    from hil.fit.assemble import assemble
    from hil.fit.recording import read_recording
    from hil.run.output import make_folder
    from hil.units import value_of
    from twins.cell.fit import HINT, require_scipy

    try:
        require_scipy()
    except ImportError as error:
        raise UsageError("hil fit-cell needs SciPy", remedy=HINT) from error
    wish = _wish(arguments)
    celsius = value_of(arguments.temperature, "temperature") if arguments.temperature else None
    left_out = [value_of(text, "temperature") for text in arguments.leave_out]
    sign = -1.0 if arguments.charge_positive else 1.0
    tests = assemble([read_recording(path, temperature_degC=celsius, sign=sign) for path in arguments.data])
    if not arguments.json:
        print("\n".join(tests.told))
    names = (f"{arguments.name}.toml", "page.html")
    folder = make_folder(arguments.out, f"fit-{arguments.name}", names)
    outcome = fitting.run(
        tests, folder / names[0], wish, leave_out_degC=left_out, say=lambda line: print(line, file=sys.stderr)
    )
    _write_page(folder / names[1], outcome, tests)
    print(json.dumps(_data(outcome), indent=2) if arguments.json else _words(outcome, folder / names[1]))
    return 0


def _wish(arguments: argparse.Namespace) -> Wish:
    from hil.errors import UsageError
    from hil.fit.fitting import Wish
    from hil.units import value_of
    from twins.cell import parameters

    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", arguments.name):
        raise UsageError(
            f"{arguments.name!r} is no file name", key="--name", remedy="letters, digits, - and _"
        )
    window = None
    if arguments.window:
        window = value_of(arguments.window[0], "voltage"), value_of(arguments.window[1], "voltage")
        if not 0.0 <= window[0] < window[1]:
            raise UsageError("the lowest voltage is not below the highest", key="--window")
    mass = value_of(arguments.mass, "mass") if arguments.mass else None
    if mass is not None and mass <= 0.0:
        raise UsageError("must be positive", key="--mass")
    shipped = parameters.bases()
    if arguments.like is not None and arguments.like not in shipped:
        raise UsageError(
            f"{arguments.like!r} cannot be taken", key="--like", remedy=f"one of {', '.join(shipped)}"
        )
    return Wish(arguments.title or arguments.name, arguments.like, window, mass)


def _write_page(path: Path, outcome: Outcome, tests: CellTests) -> None:
    from hil.errors import OutputError
    from hil.fit.page import render

    try:
        path.write_text(render(outcome, tests), "utf-8")
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", place=str(path)) from error


def _words(outcome: Outcome, page: Path) -> str:
    width = max(len(one.trace.name) for one in outcome.judged)
    lines = ["", f"{'test':{width}}  {'degC':>6}  {'whole':>9}  {'10-95 %':>9}  {'largest':>9}"]
    for one in outcome.judged:
        figures = (one.rms_mV(), one.rms_mV(0.1, 0.95))
        said = "  ".join(f"{value:6.1f} mV" for value in figures)
        note = "  not fitted" if one.left_out else ""
        lines.append(
            f"{one.trace.name:{width}}  {one.trace.mean_degC:6.1f}  {said}  {one.largest_mV:6.0f} mV{note}"
        )
    lines += ["", *(f"{name}: {value}" for name, value in outcome.facts().items())]
    return "\n".join([*lines, "", f"cell file: {outcome.path}", f"page:      {page}"])


def _data(outcome: Outcome) -> dict[str, Any]:
    tests = [
        {
            "test": one.trace.name,
            "temperature_degC": one.trace.mean_degC,
            "fitted": not one.left_out,
            "rms_mV": one.rms_mV(),
            "rms_10_95_mV": one.rms_mV(0.1, 0.95) if one.reaches(0.1, 0.95) else None,
            "largest_mV": one.largest_mV,
        }
        for one in outcome.judged
    ]
    return {"cell_file": str(outcome.path), "tests": tests, "found": outcome.facts()}
