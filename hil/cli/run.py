"""``hil run RIG``: the suite against a rig, a report at the end."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hil.report.record import Event
    from hil.run.supervisor import Ending


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        usage="hil run [options] RIG [-- pytest arguments]",
        help="run the suite and write a report",
        description="Run the test suite against the BMS of a rig file, and write report.html, junit.xml, "
        "record.jsonl and the bus trace.",
        epilog="Test files and folders after -- run in place of the suite; all that stands there goes to "
        "pytest. To see the names of the tests: hil run RIG -- --collect-only",
    )
    parser.add_argument("rig", metavar="RIG", help="rig file, or name of a shipped rig (laptop)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all noise (default 1)")
    parser.add_argument(
        "--trace", choices=("blf", "asc", "log"), default="blf", help="format of the bus trace"
    )
    parser.add_argument("-k", dest="select", metavar="EXPR", help="only tests that match, as pytest")
    parser.add_argument(
        "--plant",
        default="",
        metavar="SOCKET",
        help="in real time: use the plant that listens there, do not start one",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the suite.

    Raises:
        HilError: If the rig file is wrong, or the output cannot be written.
    """
    from hil.rig.load import load_rig
    from hil.run.output import make_folder
    from hil.run.session import RunOptions
    from hil.run.supervisor import run_tests

    config = load_rig(arguments.rig)
    out = make_folder(arguments.out, config.name)
    options = RunOptions(out, arguments.seed, arguments.trace, plant=arguments.plant)
    given = ["-k", arguments.select] if arguments.select else []
    ending = run_tests(
        config.path, options, [*given, *arguments.pytest_arguments], debug=arguments.debug
    )
    return _finish(out, ending, config.bms.name)


def _finish(out: Path, ending: Ending, firmware: str) -> int:
    """Complete the record, write the reports, say how it went."""
    from hil.errors import OutputError, UsageError
    from hil.report.record import read_events
    from hil.run.output import RECORD_NAME, remove_outputs, write_reports
    from hil.run.pipe import discard_stdout
    from hil.run.supervisor import complete_record

    lost: OutputError | None = None
    try:
        events = complete_record(out, ending, firmware)
    except (UsageError, KeyboardInterrupt):
        remove_outputs(out)
        raise
    except OutputError as error:
        lost, events = error, read_events(out / RECORD_NAME)
    if not events and lost is None:  # pytest was asked for something else, such as --collect-only
        remove_outputs(out)
        return 0
    unwritten = write_reports(out, events)
    lost = lost or unwritten
    if ending.in_firmware:
        print()  # it left the progress in the middle
    try:
        _say(out, events)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
    if lost is not None:
        raise lost
    return 130 if ending.interrupted else _exit_code(events)


def _say(out: Path, events: list[Event]) -> None:
    from hil.report import table
    from hil.run.output import REPORT_NAME

    width = shutil.get_terminal_size((100, 24)).columns
    color, encoding = sys.stdout.isatty(), sys.stdout.encoding or "utf-8"
    print(table.render(events, width, color=color, encoding=encoding))
    if (out / REPORT_NAME).exists():
        print(f"report: {out / REPORT_NAME}")


def _exit_code(events: list[Event]) -> int:
    return next((int(event["exit_code"]) for event in events if event["event"] == "end"), 3)
