"""Runs the suite on one broken BMS: the tests that are about the bug, then all others, until one fails."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from threading import Event

from hil.errors import HilError, UsageError
from hil.mutants.build import Workshop, require_reference
from hil.mutants.mutant import Mutant
from hil.report.record import read_events
from hil.rig.load import load_rig
from hil.run.deaths import run_on
from hil.run.session import RunOptions
from hil.run.supervisor import Manner, complete_record
from hil.run.traces import NONE


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed for the right reason"
    OTHERWISE = "killed for another reason"
    SURVIVED = "survived"
    TIMED_OUT = "timed out"
    NOT_BUILT = "did not build"


@dataclass(frozen=True)
class Failure:
    """What the record says of a test that did not pass."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Found:
    """One row of the kill matrix.

    Attributes:
        test: The test that saw the bug; empty if none did.
        reason: What that test said, or why there is none.
        seconds: Of this machine's time.
    """

    mutant: Mutant
    fate: Fate
    test: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        """Killed for the right reason, or rightly not killed."""
        return self.fate is (Fate.SURVIVED if self.mutant.equivalent else Fate.KILLED)


class Stopped(Exception):
    """The hunt was called off."""


class Hunt:
    """Runs a rig's suite against mutants.

    Raises:
        RigFileError: If there is no such rig, or it is wrong.
        UsageError: If the rig does not test the reference BMS.

    Args:
        rig: The rig file that the reference BMS passes.
        workshop: Where mutants are built.
        limit_s: How long one run of tests may take.

    Attributes:
        stop: Set to call the hunt off.
    """

    def __init__(self, rig: Path, workshop: Workshop, limit_s: float) -> None:
        config = load_rig(rig)
        require_reference(config)
        self._rig = config.path
        self.workshop = workshop
        self._limit_s = limit_s
        self.stop = Event()

    def hunt(self, mutant: Mutant, folder: Path) -> Found:
        """Build it and test it.

        Args:
            mutant: The bug.
            folder: Where that is done; made for it, and gone afterwards.

        Raises:
            Stopped: If :attr:`stop` was set meanwhile.
        """
        with _made(folder):
            return self._found(mutant, folder)

    def hunt_equivalent(self, mutants: Sequence[Mutant], folder: Path) -> list[Found]:
        """Test equivalent ones with all of them in one BMS, and one by one if the suite sees something.

        What no test sees takes the whole suite, minutes for each. Together two of them could hide each other
        only by cancelling each other out in every test, and each alone is still given as no bug.

        Args:
            mutants: Those for which no requirement forbids what they change.
            folder: Where that is done; made for it, and gone afterwards.

        Raises:
            Stopped: If :attr:`stop` was set meanwhile.
        """
        begun = time.monotonic()
        if len(mutants) > 1:
            with _made(folder):
                seen = self._sees(mutants, folder)
            each_s = (time.monotonic() - begun) / len(mutants)
            if not seen:
                return [Found(m, Fate.SURVIVED, reason=m.equivalent, seconds=each_s) for m in mutants]
        return [self.hunt(mutant, folder) for mutant in mutants]

    def _sees(self, mutants: Sequence[Mutant], folder: Path) -> bool:
        """Whether the suite sees these bugs, or cannot be run on them to its end."""
        try:
            library = self.workshop.build_together(mutants, folder)
        except UsageError:  # said of the one that it is about
            return True
        return self.failures(library, "", folder / "run") != {}

    def _found(self, mutant: Mutant, folder: Path) -> Found:
        begun = time.monotonic()
        try:
            library = self.workshop.build(mutant, folder)
        except UsageError as error:
            return Found(mutant, Fate.NOT_BUILT, reason=str(error))
        fate, test, reason = self._judge(mutant, library, folder)
        return Found(mutant, fate, test, reason, time.monotonic() - begun)

    def failures(
        self, library: Path, select: str, out: Path, *, may_be_none: bool = False
    ) -> dict[str, Failure] | None:
        """What the chosen tests found in a library; ``None`` if they did not end in time.

        Raises:
            UsageError: If no test was run, though there must be one.
            Stopped: If the hunt was called off.
        """
        if not self._run(library, select, out):
            return None
        return failures_of(out, may_be_none=may_be_none)

    def _judge(self, mutant: Mutant, library: Path, folder: Path) -> tuple[Fate, str, str]:
        stages = [(mutant.kill, True), (f"not ({mutant.kill})", False)] if mutant.kill else [("", False)]
        for number, (select, about) in enumerate(stages):
            out = folder / f"run{number}"
            failures = self.failures(library, select, out, may_be_none=about)
            if failures is None:
                return Fate.TIMED_OUT, "", f"after {self._limit_s:g} s"
            for test, failure in failures.items():
                right = about and is_check(failure)
                return (Fate.KILLED if right else Fate.OTHERWISE), test, failure.reason
        return Fate.SURVIVED, "", mutant.equivalent or "no test saw it"

    def _run(self, library: Path, select: str, out: Path) -> bool:
        """Run the tests until the first that fails; whether they ended in time.

        Raises:
            Stopped: If the hunt was called off.
        """
        out.mkdir()
        end_s = time.monotonic() + self._limit_s
        manner = Manner(silent=True, is_over=lambda: self.stop.is_set() or time.monotonic() > end_s)
        arguments = [*([f"-k{select}"] if select else []), "-x"]
        ending = run_on(self._rig, RunOptions(out, trace=NONE, library=library), arguments, manner)
        if self.stop.is_set():
            raise Stopped
        if ending.interrupted:
            return False
        with suppress(HilError):  # a run without a record proves nothing, see failures_of
            complete_record(out, ending, library)
        return True


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder that is gone afterwards."""
    folder.mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def failures_of(out: Path, *, may_be_none: bool = False) -> dict[str, Failure]:
    """The tests of a run that neither passed nor were skipped, by name.

    Args:
        out: Folder of the run.
        may_be_none: Whether there may be no test at all, as where a rig has none that is about a bug.

    Raises:
        UsageError: If no test gave a verdict: a mutant that nothing looked at is not a survivor.
    """
    record = out / "record.jsonl"
    events = read_events(record) if record.is_file() else []
    verdicts = [event for event in events if event["event"] == "verdict"]
    if not verdicts and not may_be_none:
        raise UsageError("no test was run", place=str(out), remedy="try the same with: hil run RIG")
    return {
        event["test"]: Failure(event["verdict"], event["reason"])
        for event in verdicts
        if event["verdict"] not in ("pass", "skipped")
    }


def is_check(failure: Failure) -> bool:
    """Whether a check failed, and no crash, hang or error of the rig."""
    return failure.verdict == "fail" and failure.reason.startswith("expected: ")
