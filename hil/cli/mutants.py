"""``hil mutants RIG``: whether the suite catches bugs that were put into the reference BMS."""

from __future__ import annotations

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import count as count_from
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.cli.arguments import count

if TYPE_CHECKING:
    from hil.mutants.hunt import Found
    from hil.mutants.mutant import Mutant

_FILES = ("mutants.json", "mutants.html")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "mutants",
        help="prove that the suite catches bugs in a BMS",
        description="Put bugs into the reference BMS, one at a time, and run the suite on each until a test "
        "fails. Writes mutants.json and mutants.html. A bug is killed for the right reason if a check fails "
        "in a test that is about it. Those that no requirement forbids are put in together, and one by one "
        "if a test sees them.",
        epilog="exit codes: 0 all were killed for the right reason but those that no requirement forbids, "
        "1 some were not, 2 usage wrong, 130 interrupted (what was found is written)",
    )
    parser.add_argument("rig", metavar="RIG", help="a rig of the reference BMS in virtual time (laptop)")
    parser.add_argument("-j", "--jobs", type=count, default=1, metavar="N", help="at a time (default 1)")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="in name, limit or source file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument("--limit", type=float, default=400.0, metavar="S", help="of one run (default 400)")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="default: the shipped one")
    parser.add_argument("--list", action="store_true", help="show the bugs, run nothing")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Hunt the mutants.

    Raises:
        HilError: If the rig does not test the reference BMS, there is no compiler, or nothing can be written.
    """
    from hil.errors import UsageError
    from hil.mutants import matrix
    from hil.mutants.mutant import catalogue, chosen
    from hil.rig.load import load_rig
    from hil.run.output import make_folder, write_whole
    from hil.run.supervisor import terminated_as_interrupted

    mutants = chosen(catalogue(arguments.catalogue), arguments.only)
    if arguments.list:
        for mutant in mutants:
            print(f"{mutant.name}  ({mutant.violates}, {mutant.file})")
        return 0
    if not mutants:
        raise UsageError("there are no mutants: nothing is proven", place=str(arguments.catalogue))
    config = load_rig(arguments.rig)
    out = make_folder(arguments.out, config.name, _FILES)
    rows: list[Found] = []
    print(f"{config.title}: {len(mutants)} bugs in its BMS, one at a time")
    try:
        with terminated_as_interrupted():  # runs that are under way must not be left behind
            _hunt(config.path, mutants, arguments, rows)
    finally:
        if rows:
            write_whole(out / "mutants.json", matrix.as_json(config.name, rows))
            write_whole(out / "mutants.html", matrix.as_page(config.name, rows))
            print(f"\n{matrix.summary(rows)}\n\nmatrix: {out / 'mutants.html'}")
    return 0 if all(found.good for found in rows) else 1


def _hunt(rig: Path, mutants: list[Mutant], arguments: argparse.Namespace, rows: list[Found]) -> None:
    """Fill the rows as mutants meet their fate."""
    from hil.mutants import matrix
    from hil.mutants.build import Workshop
    from hil.mutants.hunt import Hunt

    with tempfile.TemporaryDirectory(prefix="hil-mutants-") as name:
        hunt = Hunt(rig, Workshop(Path(name) / "unbroken"), arguments.limit)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            folders = (Path(name) / str(number) for number in count_from(1))
            equivalent = [mutant for mutant in mutants if mutant.equivalent]
            # first, for they take longest
            waiting = [pool.submit(hunt.hunt_equivalent, equivalent, next(folders))]
            waiting += [
                pool.submit(lambda mutant, folder: [hunt.hunt(mutant, folder)], mutant, next(folders))
                for mutant in mutants
                if not mutant.equivalent
            ]
            try:
                for future in as_completed(waiting):
                    for found in future.result():
                        rows.append(found)
                        print(matrix.line(found, len(rows), len(mutants)), flush=True)
            finally:
                hunt.stop.set()
                pool.shutdown(cancel_futures=True)
