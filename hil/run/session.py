"""One run: a world per test on one time line, one record, one trace."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import HilError, OutputError, RigTroubleError
from hil.host.inline import InlineHost
from hil.report.record import Recorder
from hil.responses.trace import TraceWriter, open_trace
from hil.rig.journal import Journal, Silent
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from hil.run.facts import run_facts
from hil.run.lifeline import let_finish
from hil.run.output import RECORD_NAME


@dataclass(frozen=True)
class TestInfo:
    """What the record says of a test before it runs.

    Attributes:
        name: Its node id.
        cases: Numbers of the catalogue of cases that it covers.
    """

    __test__ = False  # pytest, this is no test class

    name: str
    title: str = ""
    cases: Sequence[int] = ()
    requirements: Sequence[str] = ()


@dataclass(frozen=True)
class RunOptions:
    """How a run is done.

    Attributes:
        out: Folder of record and trace; ``None`` writes neither.
        seed: Of all noise; one seed gives the same record and trace, byte for byte.
        trace: ``blf``, ``asc`` or ``log``.
        heartbeat: File of the supervisor's sign of life, if there is one.
    """

    out: Path | None = None
    seed: int = 1
    trace: str = "blf"
    heartbeat: Path | None = None


class Session:
    """Worlds, record and trace of one run.

    Args:
        config: The rig file.
        options: How to run it.

    Attributes:
        trouble: The rig's own trouble, which ends the run; the first one counts.
        interrupted: The user stopped the run.

    Raises:
        RigTroubleError: If the firmware cannot be loaded or the output cannot be written; the record, if
            there is one, says so and is closed.
    """

    def __init__(self, config: RigConfig, options: RunOptions) -> None:
        self.config = config
        self.verdicts: Counter[str] = Counter()
        self.trouble: HilError | None = None
        self.interrupted = False
        self._options = options
        self._now_ns = 0
        self._begun_ns = 0
        self._host: InlineHost | None = None
        self._rig: Rig | None = None
        self._recorder: Recorder | None = None
        self._journal: Journal = Silent()
        self._trace: TraceWriter | None = None
        self._heartbeat = Heartbeat(options.heartbeat)
        try:
            self._open_outputs()
            self._firmware = self._load()
        except RigTroubleError as error:
            self.note(error)
            self.close()
            raise

    @property
    def over(self) -> bool:
        """Whether no more tests are to run."""
        return self.interrupted or self.trouble is not None

    def announce(self, test: TestInfo) -> None:
        """A test starts; worlds start at whole seconds, so that no test moves another's frames."""
        begun_ns = self._begun_ns = -(-self._now_ns // NS_PER_S) * NS_PER_S
        self._write(
            lambda to: to.test(test.name, begun_ns, test.title, test.cases, test.requirements)
        )

    def open(self, test: str) -> Rig:
        """A fresh world for a test, its BMS not yet switched on."""
        seed = zlib.crc32(f"{self._options.seed} {test}".encode())
        self._host = InlineHost(
            self.config, self._firmware, self._heartbeat, self._trace, seed, self._begun_ns
        )
        self._rig = Rig(self.config, self._host, self._journal, test)
        return self._rig

    def close_world(self) -> None:
        """Mend the faults, draw the plot, go to the safe state, switch off."""
        rig, host = self._rig, self._host
        self._rig = self._host = None
        if rig is None or host is None:
            return
        try:
            rig.finish()
        finally:
            host.stop()
            self._now_ns = host.now_ns

    def conclude(self, test: str, verdict: Verdict, reason: str) -> None:
        """A test ended."""
        now_ns = max(self._now_ns, self._begun_ns)
        self.verdicts[verdict.value] += 1
        sim_ns = now_ns - self._begun_ns
        self._write(lambda to: to.verdict(test, verdict.value, reason, now_ns, sim_ns))

    def note(self, error: HilError) -> None:
        """The rig itself is in trouble; the run ends. Trouble that follows from the first is left out."""
        if self.trouble is None:
            self.trouble = error
            self._write(lambda to: to.trouble(error))

    def interrupt(self) -> None:
        """The user stops the run; what ran is kept, and no second Ctrl-C may prevent that."""
        self.interrupted = True
        if self._options.heartbeat is not None:
            let_finish()

    def close(self) -> None:
        """End the run: the trace's end, the record's last line."""
        if self._trace is not None:
            trace, self._trace = self._trace, None
            try:
                trace.close()
            except OutputError as error:
                self.note(error)
        counts, code, now_ns = dict(sorted(self.verdicts.items())), self._exit_code(), self._now_ns
        self._write(lambda to: to.end(counts, code, now_ns, interrupted=self.interrupted))
        self._write(lambda to: to.close())
        self._recorder = None
        self._heartbeat.close()

    def _exit_code(self) -> int:
        if self.interrupted:
            return 130
        if self.trouble is not None:
            return self.trouble.exit_code
        return exit_code_of(self.verdicts)

    def _write(self, event: Callable[[Recorder], None]) -> None:
        """Add to the record; one that cannot be written is the rig's trouble and is left as it is."""
        recorder = self._recorder
        if recorder is None:
            return
        try:
            event(recorder)
        except OutputError as error:
            self._recorder = None
            with suppress(OutputError):
                recorder.close()
            self.trouble = self.trouble or error

    def _open_outputs(self) -> None:
        options, config = self._options, self.config
        if options.out is None:
            return
        self._journal = self._recorder = recorder = Recorder(options.out / RECORD_NAME)
        recorder.run(**run_facts(config, options.out, options.seed, options.trace))
        self._trace = open_trace(options.out / "trace", options.trace, list(config.buses))

    def _load(self) -> Firmware:
        """Load the firmware; its initialisers run, so this too is a call of foreign code."""
        beat = self._heartbeat.view
        beat[0] += 1
        try:
            return Firmware(self.config.bms.firmware)
        finally:
            beat[0] += 1


def exit_code_of(verdicts: Counter[str] | dict[str, int]) -> int:
    """The exit code that verdicts amount to; a run in which nothing passed proves nothing."""
    if verdicts.get(Verdict.ERROR, 0) or verdicts.get(Verdict.INVALID, 0):
        return 3
    if verdicts.get(Verdict.FAIL, 0):
        return 1
    return 0 if verdicts.get(Verdict.PASS, 0) else 3
