"""``hil run RIG``: the suite against a rig, a report at the end."""

from __future__ import annotations

import argparse
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.report.record import Event
    from hil.run.supervisor import Ending

_EXIT_USAGE = 4  # of pytest: its command line is wrong
_EXIT_NO_TESTS = 5


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run the suite and write a report",
        description="Run the test suite against the BMS of a rig file; what stands after -- goes to "
        "pytest. Writes report.html, junit.xml, record.jsonl and the bus trace.",
    )
    parser.add_argument("rig", metavar="RIG", help="rig file, or name of a shipped rig (laptop)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all noise (default 1)")
    parser.add_argument(
        "--trace", choices=("blf", "asc", "log"), default="blf", help="format of the bus trace"
    )
    parser.add_argument("-k", dest="select", metavar="EXPR", help="only tests that match, as pytest")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the suite.

    Raises:
        HilError: If the rig file is wrong, or the output cannot be written.
    """
    from hil.rig.load import load_rig
    from hil.run.session import RunOptions
    from hil.run.supervisor import run_tests

    config = load_rig(arguments.rig)
    out = _folder(arguments.out, config.name)
    options = RunOptions(out, arguments.seed, arguments.trace)
    given = ["-k", arguments.select] if arguments.select else []
    ending = run_tests(config.path, options, [*given, *arguments.pytest_arguments])
    return _finish(out, ending)


def _finish(out: Path, ending: Ending) -> int:
    from hil.errors import UsageError
    from hil.report import html, junit, table
    from hil.run.supervisor import complete_record

    if ending.code == _EXIT_USAGE:
        raise UsageError("pytest refused its arguments, see above")
    if ending.code == _EXIT_NO_TESTS:
        raise UsageError("no test matches", key="-k", remedy="see the names in hil run --help")
    events = complete_record(out, ending)
    _write(out / "junit.xml", junit.render(events))
    _write(out / "report.html", html.render(events))
    width = shutil.get_terminal_size((100, 24)).columns
    color, encoding = sys.stdout.isatty(), sys.stdout.encoding or "utf-8"
    print(table.render(events, width, color=color, encoding=encoding))
    print(f"\nreport: {out / 'report.html'}")
    return _exit_code(events, ending)


def _exit_code(events: list[Event], ending: Ending) -> int:
    if ending.interrupted:
        return 130
    return int(next(e["exit_code"] for e in reversed(events) if e["event"] == "end"))


def _folder(given: Path | None, rig: str) -> Path:
    """The output folder, made and proven writable.

    Raises:
        OutputError: If it is not.
    """
    from hil.errors import OutputError

    now = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    out = given or Path("hil-out") / f"{rig}-{now}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}",
            place=str(out),
            key="--out",
            remedy="give a folder that you may write to",
        ) from error
    return out


def _write(path: Path, text: str) -> None:
    from hil.errors import OutputError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"cannot be written: {error.strerror}", place=str(path), remedy="make room for it"
        ) from error
