"""One run: a world per test on one time line, one record, one trace."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.bms.heartbeat import Heartbeat
from hil.bms.library import Firmware
from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import HilError
from hil.host.inline import InlineHost
from hil.report.record import Recorder
from hil.responses.trace import TraceWriter, open_trace
from hil.rig.journal import Journal, Silent
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from hil.run.facts import run_facts

RECORD_NAME = "record.jsonl"


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

    Raises:
        RigTroubleError: If the firmware cannot be loaded or the output cannot be written.
    """

    def __init__(self, config: RigConfig, options: RunOptions) -> None:
        self.config = config
        self.verdicts: Counter[str] = Counter()
        self.exit_code = 0
        self.interrupted = False
        self._options = options
        self._now_ns = 0
        self._begun_ns = 0
        self._host: InlineHost | None = None
        self._rig: Rig | None = None
        self._recorder, self._trace = _outputs(config, options)
        self._journal: Journal = self._recorder or Silent()
        self._heartbeat = Heartbeat(options.heartbeat)
        self._firmware = Firmware(config.bms.library)

    def announce(self, test: TestInfo) -> None:
        """A test starts; worlds start at whole seconds, so that no test moves another's frames."""
        self._begun_ns = -(-self._now_ns // NS_PER_S) * NS_PER_S
        if self._recorder is not None:
            self._recorder.test(
                test.name, self._begun_ns, test.title, test.cases, test.requirements
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
        if self._recorder is not None:
            sim_ns = now_ns - self._begun_ns
            self._recorder.verdict(test, verdict.value, reason, now_ns, sim_ns)

    def trouble(self, error: HilError) -> None:
        """The rig itself is in trouble; the run ends."""
        self.exit_code = max(self.exit_code, error.exit_code)
        if self._recorder is not None:
            self._recorder.trouble(error)

    def close(self) -> None:
        """End the run: the record's last line, the trace's end."""
        if self._recorder is not None:
            self.exit_code = self.exit_code or exit_code_of(self.verdicts)
            self._recorder.end(
                dict(sorted(self.verdicts.items())),
                130 if self.interrupted else self.exit_code,
                self._now_ns,
                interrupted=self.interrupted,
            )
            self._recorder.close()
            self._recorder = None
        if self._trace is not None:
            trace, self._trace = self._trace, None
            trace.close()
        self._heartbeat.close()


def exit_code_of(verdicts: Counter[str] | dict[str, int]) -> int:
    """The exit code that verdicts amount to; a run in which nothing passed proves nothing."""
    if verdicts.get(Verdict.ERROR, 0) or verdicts.get(Verdict.INVALID, 0):
        return 3
    if verdicts.get(Verdict.FAIL, 0):
        return 1
    return 0 if verdicts.get(Verdict.PASS, 0) else 3


def _outputs(
    config: RigConfig, options: RunOptions
) -> tuple[Recorder | None, TraceWriter | None]:
    if options.out is None:
        return None, None
    recorder = Recorder(options.out / RECORD_NAME)
    recorder.run(**run_facts(config, options.out, options.seed, options.trace))
    return recorder, open_trace(options.out / "trace", options.trace, list(config.buses))
