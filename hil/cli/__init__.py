"""CLI: the command ``hil``; one file per subcommand, listed here."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from hil.cli import (
    bench,
    bms,
    characterise,
    check,
    doctor,
    explore,
    fit_cell,
    mutants,
    new,
    parity,
    plant,
    replay,
    run,
    sim,
    streams,
    watch,
)
from hil.errors import HilError, RigTroubleError
from hil.run.pipe import discard_stdout

_DEBUG = "show the traceback of an error"
_COMMANDS = (
    *(run, check, new, doctor, parity, plant, watch, bms, replay, sim, fit_cell),
    *(mutants, characterise, explore, bench),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``hil``.

    Returns:
        0 all passed, 1 the BMS failed a test, 2 the rig file or the usage is wrong, 3 the rig's own
        trouble, 130 interrupted.
    """
    streams.prepare()
    parser = _parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    own, rest = _split(given)
    parsed = parser.parse_args(own)
    parsed.pytest_arguments = rest
    if rest and parsed.command != "run":
        parser.error("only `hil run` takes arguments after --")
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
    except HilError as error:
        if parsed.debug:
            traceback.print_exc()
        print(f"hil: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("hil: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of the output, a pager say, has gone
        discard_stdout()
        return 0
    except OSError as error:
        if parsed.debug or not streams.is_of_output(error):
            raise
        discard_stdout()
        print(f"hil: standard output cannot be written: {error.strerror}", file=sys.stderr)
        return RigTroubleError.exit_code
    return code


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hil",
        description="Test a battery-management system against a digital twin of its battery.",
        epilog="exit codes: 0 all passed, 1 the BMS failed a test, 2 rig file or usage wrong, "
        "3 the rig's own trouble, 130 interrupted",
    )
    parser.add_argument("--debug", action="store_true", help=_DEBUG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_parser(commands)
    for subparser in commands.choices.values():
        subparser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=_DEBUG)
    return parser
