"""``hil explore RIG``: random but plausible lives of a BMS, and what must hold in each of them."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.cli.arguments import seed
from hil.cli.line import Line

if TYPE_CHECKING:
    from hil.explore.search import Finding, Search, Tally
    from hil.mutants.mutant import Mutant
    from hil.rig.schema import RigConfig

_JSON, _TEXT = "explore.json", "explore.txt"


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "explore",
        help="search for a sequence of events that a BMS does not bear",
        description="Let a BMS live random but plausible lives in virtual time: driving, charging, rest, "
        "faults, resets, power cycles. What must hold in each of them is made from the limits and roles of "
        "the rig file. A life in which it does not is made as short as it goes, and saved as a test. "
        f"Writes {_JSON} and {_TEXT}.",
        epilog="exit codes: 0 everything held, with --bugs: one was found at least; 1 something did not; "
        "2 usage wrong; 3 the rig's own trouble; 130 interrupted (what was found is written)",
    )
    parser.add_argument("rig", metavar="RIG", help="a rig in virtual time (laptop)")
    parser.add_argument("--minutes", type=_minutes, default=10.0, metavar="N", help="how long (default 10)")
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of lives and noise (default 1)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument(
        "--bugs",
        metavar="all|NAME,…",
        help="the proof: explore the reference BMS with each of the bugs that take several events, for "
        "--minutes each; all of them, or those with a word in their name",
    )
    parser.set_defaults(run=run)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes above 0")
    return minutes


def run(arguments: argparse.Namespace) -> int:
    """Search.

    Raises:
        HilError: If the rig is in real time, with ``--bugs`` also if it tests another BMS than the shipped
            one, Hypothesis is not there, the rig itself breaks, or nothing can be written.
    """
    from hil.errors import UsageError
    from hil.explore.play import require_fork
    from hil.mutants.build import require_reference
    from hil.rig.load import load_rig
    from hil.run.output import make_folder
    from hil.run.supervisor import terminated_as_interrupted

    if find_spec("hypothesis") is None:
        remedy = 'pip install "bms-hil[explore]"'
        raise UsageError("hil explore needs the package hypothesis", remedy=remedy)
    require_fork()
    config = load_rig(arguments.rig)
    config.require_virtual("a search takes hundreds of lives")
    if arguments.bugs is not None:
        require_reference(config)
    out = make_folder(arguments.out, config.name, (_JSON, _TEXT))
    with terminated_as_interrupted():
        return (_explore if arguments.bugs is None else _prove)(config, arguments, out)


def _explore(config: RigConfig, arguments: argparse.Namespace, out: Path) -> int:
    from hil.explore import summary
    from hil.explore.write import test_file, test_name
    from hil.run.output import write_whole

    line = Line()
    begun_s = time.monotonic()

    def told(tally: Tally) -> None:
        seconds = time.monotonic() - begun_s
        line.show(f"{seconds:5.0f} s  {tally.lives} lives, {tally.bus_hours:.2f} h of bus time")

    search, lacking = _search(config, arguments.seed, told)

    def found(finding: Finding) -> None:
        line.clear()
        path = out / f"{test_name(finding.violation)}.py"
        write_whole(path, test_file(config.name, finding.violation, finding.script, arguments.seed))
        print(summary.finding(finding, path), flush=True)

    try:
        print(f"{config.title}: {arguments.minutes:g} min of lives, seed {arguments.seed}", flush=True)
        search.run(60.0 * arguments.minutes, found)
    finally:
        line.clear()
        facts = {"rig": config.name, "seed": arguments.seed, "minutes": arguments.minutes}
        text = summary.as_text(search.tally, lacking)
        write_whole(out / _JSON, summary.as_json(search.tally, lacking, facts))
        write_whole(out / _TEXT, text + "\n")
        print(f"\n{text}\n\nsummary: {out / _TEXT}", flush=True)
    return int(bool(search.tally.findings))


def _search(
    config: RigConfig, seed: int, told: Callable[[Tally], None], *, first_only: bool = False
) -> tuple[Search, dict[str, str]]:
    """The search, and what it does not check, with the reasons."""
    from hil.explore.menu import menu_of
    from hil.explore.play import Player
    from hil.explore.search import Search

    player = Player(config, seed)
    return Search(player, menu_of(config), seed, told, first_only=first_only), player.lacking()


def _prove(config: RigConfig, arguments: argparse.Namespace, out: Path) -> int:
    """Which of the bugs that take several events a search finds."""
    from hil.explore import summary
    from hil.explore.bugs import Hit, prove
    from hil.run.output import write_whole

    hits: list[Hit] = []
    mutants = _wanted(arguments.bugs)
    print(f"{config.title}: {len(mutants)} bugs, up to {arguments.minutes:g} min each", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="hil-bugs-") as folder:
            for hit in prove(config, mutants, arguments.seed, 60 * arguments.minutes, Path(folder), out):
                hits.append(hit)
                print(summary.hit(hit), flush=True)
    finally:
        write_whole(out / _JSON, summary.hits_as_json(hits))
        print(f"\n{sum(hit.is_found for hit in hits)} of {len(hits)} found; {out / _JSON}", flush=True)
    return 0 if any(hit.is_found for hit in hits) else 1


def _wanted(words: str) -> list[Mutant]:
    from hil.mutants.mutant import catalogue, chosen

    sequences = [mutant for mutant in catalogue() if mutant.sequence]
    return chosen(sequences, [] if words == "all" else [word.strip() for word in words.split(",")])
