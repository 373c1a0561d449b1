"""``hil parity A B``: two rigs, or two runs, side by side."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from hil.cli.arguments import seed


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "parity",
        help="compare two rigs, or two runs",
        description="Run the suite on two rigs and show verdicts and reaction times side by side. In the "
        "place of a rig the folder of an earlier run, or its record.jsonl, is taken as it is.",
        epilog="exit codes: 0 the same verdicts, and no reaction farther apart than one cycle of the message "
        "that shows it, the uncertainty of the stamps and the spread that its test states; 1 something "
        "differs; 3 the same but for tests in which the rig itself was in trouble; else as hil run",
    )
    parser.add_argument("a", metavar="A", help="rig file, shipped rig (laptop), folder or record of a run")
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("--out", type=Path, default=Path("hil-out/parity"), metavar="DIR",
                        help="for what is run: a/ and b/ in it (default hil-out/parity)")  # fmt: skip
    parser.add_argument("--seed", type=seed, default=1, metavar="N", help="of all noise (default 1)")
    parser.add_argument("-k", dest="select", metavar="EXPR", help="only tests that match, as pytest")
    parser.add_argument("--json", action="store_true", help="on stdout, all reactions by themselves, in ns")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run what is to be run, compare.

    Raises:
        UsageError: If a record cannot be read.
    """
    from hil.report import parity
    from hil.report.record import read_events
    from hil.run.output import RECORD_NAME

    records = []
    for side in ("a", "b"):
        given = getattr(arguments, side)
        record = _record(given, RECORD_NAME)
        if record is None:
            code = _run(given, arguments.out / side, arguments)
            record = arguments.out / side / RECORD_NAME
            if code not in (0, 1, 3) or not record.exists():
                return code or 2
        records.append(read_events(record))
    found = parity.compare(*records)
    if arguments.json:
        print(json.dumps(parity.as_data(found), indent=2))
    else:
        width = shutil.get_terminal_size((110, 24)).columns
        print(parity.render(found, width, sys.stdout.encoding or "utf-8"), end="")
    if found.ok:
        return 0
    return 3 if found.ok_so_far else 1


def _record(given: str, name: str) -> Path | None:
    """The record of an earlier run; ``None`` if it is a rig."""
    path = Path(given)
    if path.is_dir():
        return path / name
    return path if path.suffix == ".jsonl" else None


def _run(rig: str, out: Path, arguments: argparse.Namespace) -> int:
    from hil.cli import main

    command = ["run", rig, "--out", str(out), "--seed", str(arguments.seed)]
    command += ["-k", arguments.select] if arguments.select else []
    command += ["--debug"] if arguments.debug else []
    if not arguments.json:
        return main(command)
    with _stdout_is_stderr():
        return main(command)


@contextmanager
def _stdout_is_stderr() -> Iterator[None]:
    """What a run prints must not get into the JSON; its test process writes to the descriptor."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
