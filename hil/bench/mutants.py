"""Bugs put into the reference BMS by hand: a suite that does not notice them proves nothing.

Each mutant is built from the shipped sources with one text replaced, and the suite must fail in a test that
is about the broken function.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bench import Figure
from hil.errors import UsageError
from hil.report.record import read_events
from hil.rig.shipped import find_rig, shipped_sources


@dataclass(frozen=True)
class Failure:
    """What the record says of a test that did not pass."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Mutant:
    """One bug.

    Attributes:
        name: What is broken.
        file: Source file of the reference BMS.
        old: Text that must occur in it exactly once.
        new: What stands there instead.
        reason: Part of the name of a test that must fail.
        select: Tests to run, as ``-k`` takes it.
    """

    name: str
    file: str
    old: str
    new: str
    reason: str
    select: str = ""


MUTANTS = (
    Mutant(
        "overvoltage debounce three times as long",
        "config.c",
        "3650,   3450,   500 - MARGIN,",
        "3650,   3450,   3 * (500 - MARGIN),",
        "test_past_the_limit_the_contactors_open[cell_overvoltage]",
        "overvoltage",
    ),
    Mutant(
        "weld check removed",
        "conditions.c",
        "(feedback & ~command) != 0 || contactor_link_is_welded(b)",
        "false",
        "test_a_welded_contactor_is_found",
        "contactor",
    ),
    Mutant(
        "one cell never looked at",
        "measure.c",
        "look_at(&e, k, b->in.cell_mV[k]);",
        "look_at(&e, k, b->in.cell_mV[k == 40 ? 41 : k]);",
        "test_every_single_cell_is_protected",
        "cell",
    ),
    Mutant(
        "checksums not checked",
        "e2e.c",
        "== frame->data[0];",
        "== frame->data[0] || true;",
        "test_a_message_with_broken_protection_is_rejected",
        "protection or rejected",
    ),
    Mutant(
        "interlock not debounced",
        "config.c",
        "[FAULT_INTERLOCK]                  = FLAG(100 - 15),",
        "[FAULT_INTERLOCK]                  = FLAG(0),",
        "test_bursts_on_the_interlock_are_rejected",
        "interlock",
    ),
)


def compiler() -> str | None:
    """The C compiler of this machine, if there is one."""
    return next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)


def build(mutant: Mutant, folder: Path) -> Path:
    """Compile the reference BMS with a bug.

    Raises:
        UsageError: If there is no compiler, or the text to replace is not there exactly once.
    """
    cc = compiler()
    if cc is None:
        raise UsageError("no C compiler here", remedy="install gcc to build mutants")
    source = folder / "source"
    source.mkdir()
    for file in shipped_sources():
        shutil.copy(file, source)
    path = source / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise UsageError(
            f"{mutant.old!r} occurs {text.count(mutant.old)} times", place=mutant.file, key=mutant.name
        )
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    library = folder / "mutant.so"
    options = ["-std=c11", "-O2", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([cc, *options, *map(str, sorted(source.glob("*.c")))], check=True)
    return library


def failing(library: Path, folder: Path, arguments: Sequence[str] = ()) -> dict[str, Failure]:
    """Run the suite against a library; the tests that did not pass, by name."""
    text = find_rig("laptop").read_text(encoding="utf-8")
    rig = folder / "mutant.toml"
    quoted = library.as_posix()
    rig.write_text(text.replace('library = "reference_bms"', f'library = "{quoted}"'), "utf-8")
    command = [sys.executable, "-P", "-c", "import sys; from hil.cli import main; sys.exit(main())"]
    out = folder / "out"
    subprocess.run(
        [*command, "run", str(rig), "--out", str(out), "--trace", "log", *arguments],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    events = read_events(out / "record.jsonl")
    return {
        event["test"]: Failure(event["verdict"], event["reason"])
        for event in events
        if event["event"] == "verdict" and event["verdict"] not in ("pass", "skipped")
    }


def accused(mutant: Mutant, found: Mapping[str, Failure]) -> bool:
    """Whether tests about the bug failed, all by a check: an error of the rig or a crash says nothing."""
    about = [failure for test, failure in found.items() if mutant.reason in test]
    return bool(about) and all(f.verdict == "fail" and f.reason.startswith("expected: ") for f in about)


def caught(mutant: Mutant) -> bool:
    """Whether the suite notices the bug in a test that is about it."""
    with tempfile.TemporaryDirectory(prefix="hil-mutant-") as name:
        folder = Path(name)
        arguments = ["-k", mutant.select] if mutant.select else []
        found = failing(build(mutant, folder), folder, arguments)
    return accused(mutant, found)


def run() -> list[Figure]:
    """How many of the bugs the suite notices."""
    count = sum(caught(mutant) for mutant in MUTANTS)
    total = len(MUTANTS)
    ok = count == total > 0
    return [Figure("hand-made bugs in the BMS noticed", count, f"of {total}", f"{total}", ok)]
