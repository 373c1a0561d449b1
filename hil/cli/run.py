"""``hil run RIG``: the suite against a rig, a report at the end."""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.cli.arguments import count, seed, share
from hil.run.traces import CHOICES

if TYPE_CHECKING:
    from hil.errors import OutputError
    from hil.report.record import Event
    from hil.rig.schema import RigConfig
    from hil.run.resume import Earlier
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
    _what_is_run(parser)
    _what_is_kept(parser)
    _who_runs_what(parser)
    parser.add_argument("--part", action="store_true", help=argparse.SUPPRESS)  # of a run with --jobs
    parser.set_defaults(run=run)


def _what_is_run(parser: argparse.ArgumentParser) -> None:
    """Which tests, and how."""
    parser.add_argument("-k", dest="select", metavar="EXPR", help="only tests that match, as pytest")
    parser.add_argument(
        "--script",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="play a fault script (TOML) in the suite's place; may be given several times",
    )
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of all noise (default 1)")
    parser.add_argument(
        "--repeat",
        type=count,
        default=1,
        metavar="N",
        help="run each test N times, each time with the next seed and, in virtual time, another phase of the "
        "BMS's cycles to the rig's; the report has min, median and max of each reaction (default 1)",
    )
    parser.add_argument(
        "--plant",
        default="",
        metavar="SOCKET",
        help="in real time: use the plant that listens there, do not start one",
    )


def _what_is_kept(parser: argparse.ArgumentParser) -> None:
    """Folders, and the trace."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: hil-out/<rig>-<time>/")
    parser.add_argument(
        "--trace", choices=CHOICES, default="blf", help="format of the bus trace (default blf)"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        metavar="DIR",
        help="go on with the run in that folder: only tests without a verdict, or that were invalid or an "
        "error, are run; the report is of all",
    )


def _who_runs_what(parser: argparse.ArgumentParser) -> None:
    """How the tests are dealt out."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="in virtual time: run so many tests at a time, each with a bus and a BMS of its own (default 1)",
    )
    parser.add_argument(
        "--share",
        type=share,
        metavar="K/N",
        help="only the K-th of N shares of the tests, which take about equally long: for a run that several "
        "computers share",
    )
    parser.add_argument(
        "--durations",
        type=Path,
        metavar="RUN",
        help="folder or record of an earlier run, by which -j and --share deal the tests; default: by a "
        "table that comes with the suite",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the suite.

    Raises:
        HilError: If the rig file is wrong, or the output cannot be written.
    """
    from hil.rig.load import load_rig
    from hil.run.deaths import run_on
    from hil.run.lifeline import hold_on
    from hil.run.output import make_folder
    from hil.run.session import RunOptions
    from hil.run.supervisor import Manner, only_lists

    if arguments.part:
        hold_on()
    config = load_rig(arguments.rig)
    scripts = _scripts(arguments.script)
    if arguments.jobs > 1 and not only_lists(arguments.pytest_arguments):
        return _run_parts(arguments, config)
    _check_durations(arguments.durations)
    earlier = _earlier(arguments, config)
    out = make_folder(arguments.out, config.name) if earlier is None else earlier.out
    settled = frozenset() if earlier is None else earlier.settled
    options = RunOptions(
        out,
        arguments.seed,
        arguments.trace,
        plant=arguments.plant,
        settled=settled,
        repeat=arguments.repeat,
        share=arguments.share or "",
        durations=arguments.durations,
    )
    given = [f"-k{arguments.select}"] if arguments.select else []  # one word: it is no name of a file
    given += map(str, scripts)
    chosen, manner = [*given, *arguments.pytest_arguments], Manner(debug=arguments.debug)
    ending = run_on(config.path, options, chosen, manner)
    return _finish(arguments, out, ending, config.bms.name, earlier)


def _run_parts(arguments: argparse.Namespace, config: RigConfig) -> int:
    """Several tests at a time, in processes of their own.

    Raises:
        UsageError: If that cannot be, or there was nothing to run.
        OutputError: If the whole cannot be written; the parts are kept.
    """
    from hil.errors import UsageError
    from hil.run.output import RECORD_NAME, make_folder, remove_outputs, write_record
    from hil.run.parts import joined, run_parts

    for given, what in (
        (config.time == "real", "a bus has one rig on it: a rig in real time runs one test at a time"),
        (arguments.resume is not None, "a run that is gone on with runs one test at a time"),
        (arguments.share, "a share of the tests is one part already"),
    ):
        if given:
            raise UsageError(what, key="--jobs", remedy="leave it out")
    _check_durations(arguments.durations)
    out = make_folder(arguments.out, config.name)
    chosen = [*_chosen(arguments), "--part", *["--debug"] * arguments.debug]
    rest = arguments.pytest_arguments
    parts = run_parts([str(config.path), *chosen], rest, out, arguments.jobs, _say_now)
    events = joined(parts, out)
    if not events:
        remove_outputs(out)
        print(parts[0].complaint, file=sys.stderr)
        return parts[0].code
    for part in parts:
        if part.complaint and (part.events() or part.code != UsageError.exit_code):  # else it had no test
            print(f"{part.out.name}: {part.complaint}", file=sys.stderr)
    write_record(out / RECORD_NAME, events)
    is_interrupted = any(part.code == 130 for part in parts)
    return _report(out, events, None, arguments if is_interrupted else None)


def _check_durations(run: Path | None) -> None:
    """Read the run that shares are dealt by, once, before anything is switched on.

    Raises:
        UsageError: If it cannot be read, or no test in it has ended.
    """
    if run is not None:
        from hil.run.durations import Durations

        Durations.of_run(run)


def _say_now(line: str) -> None:
    print(line, flush=True)


def _scripts(paths: list[Path]) -> list[Path]:
    """The fault scripts, each read once before anything is switched on.

    Raises:
        HilError: If one cannot be read, or something is wrong in it.
    """
    if paths:
        from hil.errors import UsageError
        from hil.script.file import read_script

        for path in paths:
            if path.suffix != ".toml":
                raise UsageError(f"{path} is no fault script", remedy="the name of one ends in .toml")
            read_script(path)
    return paths


def _earlier(arguments: argparse.Namespace, config: RigConfig) -> Earlier | None:
    """The run to go on with."""
    if arguments.resume is None:
        return None
    from hil.errors import UsageError
    from hil.run.resume import Earlier

    if arguments.out is not None:
        raise UsageError(
            "--resume writes into the folder of the earlier run", key="--out", remedy="leave it out"
        )
    return Earlier.of(arguments.resume, config, arguments.seed, arguments.trace, arguments.repeat)


def _finish(
    arguments: argparse.Namespace, out: Path, ending: Ending, firmware: str, earlier: Earlier | None
) -> int:
    """Complete the record, write the reports, say how it went; of a part its record is enough."""
    from hil.errors import OutputError, UsageError
    from hil.report.record import read_events
    from hil.run.output import RECORD_NAME, remove_outputs
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
    if earlier is not None:
        events, out = earlier.joined(events), earlier.folder
        lost = lost or _write(earlier, events)
    if arguments.part and lost is None:
        return _exit_code(events)
    if ending.in_firmware and not ending.is_of_bms():
        print()  # it left the progress in the middle
    return _report(out, events, lost, arguments if ending.interrupted else None)


def _go_on(arguments: argparse.Namespace, out: Path) -> str:
    """How a run that was interrupted is gone on with."""
    words = ["hil", "run", arguments.rig, *_chosen(arguments), "--resume", str(out)]
    return shlex.join([*words, "--", *arguments.pytest_arguments] if arguments.pytest_arguments else words)


def _chosen(arguments: argparse.Namespace) -> list[str]:
    """The options that say what is run and how, as they were given; what is the default is left out."""
    words = []
    for option, value, default in (
        ("-k", arguments.select, None),
        ("--seed", arguments.seed, 1),
        ("--repeat", arguments.repeat, 1),
        ("--trace", arguments.trace, "blf"),
        ("--plant", arguments.plant, ""),
        ("--share", arguments.share, None),
        ("--durations", arguments.durations, None),
        *(("--script", script, None) for script in arguments.script),
    ):
        words += [option, str(value)] if value != default else []
    return words


def _report(
    out: Path, events: list[Event], lost: OutputError | None, interrupted: argparse.Namespace | None
) -> int:
    """Write the reports and say how it went; ``interrupted``: the command, if it was."""
    from hil.run.output import write_reports
    from hil.run.pipe import discard_stdout

    unwritten = write_reports(out, events)
    lost = lost or unwritten
    try:
        _say(out, events)
        if interrupted is not None:
            print(f"go on:  {_go_on(interrupted, out)}")
        sys.stdout.flush()
    except OSError:  # nobody reads it, or its disk is full; the reports are written
        discard_stdout()
    if lost is not None:
        raise lost
    return _exit_code(events) if interrupted is None else 130


def _write(earlier: Earlier, events: list[Event]) -> OutputError | None:
    from hil.errors import OutputError

    try:
        earlier.write(events)
    except OutputError as error:
        return error
    return None


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
