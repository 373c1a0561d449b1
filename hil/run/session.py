"""One run: a world per test on one time line, one record, one trace."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.bms.heartbeat import Heartbeat
from hil.checks.verdict import Verdict
from hil.clock import NS_PER_S
from hil.errors import HealthError, HilError, OutputError
from hil.host.contract import Host
from hil.report.record import Recorder
from hil.responses.trace import TraceWriter, open_trace
from hil.rig.hooked import Hooked
from hil.rig.journal import Journal, Silent
from hil.rig.rig import Rig
from hil.rig.schema import RigConfig
from hil.rig.silence import Silence
from hil.run.facts import run_facts
from hil.run.hosts import Hosts, VirtualHosts
from hil.run.lifeline import let_finish
from hil.run.lines import not_run
from hil.run.output import RECORD_NAME
from hil.run.traces import NONE

_GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, lie as evenly as can be, however many there are
MOST_IN_A_ROW = 3  # tests in which the BMS crashed or hung: the rest is not run
_LEAD_NS = NS_PER_S  # as long as the longest cycles
_STARTED = 4  # even, and beyond the signs of life that loading firmware gives


@dataclass(frozen=True)
class TestInfo:
    """What the record says of a test before it runs.

    Attributes:
        name: Its node id.
        cases: Numbers of the catalogue of cases that it covers.
        place: Of a run that is one share of several, its place among the tests of all.
        repeats: Of a repetition: the test's node id without its number.
        repetition: That number, from 1.
    """

    __test__ = False  # pytest, this is no test class

    name: str
    title: str = ""
    cases: Sequence[int] = ()
    requirements: Sequence[str] = ()
    place: int | None = None
    repeats: str = ""
    repetition: int = 1


@dataclass(frozen=True)
class RunOptions:
    """How a run is done.

    Attributes:
        out: Folder of record and trace; ``None`` writes neither.
        seed: Of all noise; one seed gives the same record and trace, byte for byte.
        trace: ``blf``, ``asc``, ``log`` or ``none``.
        heartbeat: File of the supervisor's sign of life, if there is one.
        plant: Where a plant process listens, in real time; empty: one is started for the run.
        settled: Tests that are not run, because an earlier part of the run has their verdict.
        done: How many tests of this run have ended already, in processes before this one.
        repeat: How often each test is run.
        share: ``K/N``: only the K-th of N shares of the other tests; empty: all.
        durations: An earlier run, by which shares are dealt; ``None``: by the suite's table.
        library: The firmware that is tested in place of the rig file's; ``None``: that one.
    """

    out: Path | None = None
    seed: int = 1
    trace: str = "blf"
    heartbeat: Path | None = None
    plant: str = ""
    settled: frozenset[str] = frozenset()
    done: int = 0
    repeat: int = 1
    share: str = ""
    durations: Path | None = None
    library: Path | None = None


class Session:
    """Worlds, record and trace of one run.

    Args:
        config: The rig file.
        options: How to run it.

    Attributes:
        trouble: The rig's own trouble, which ends the run; the first one counts.
        interrupted: The user stopped the run.
        stopped: Why the tests that are left are not run, though nobody stopped the run.

    Raises:
        RigTroubleError: If firmware or plant cannot be started or the output cannot be written; the record,
            if there is one, says so and is closed.
        UsageError: If the plant to attach to is another rig's, or held by somebody else.
    """

    def __init__(self, config: RigConfig, options: RunOptions) -> None:
        self.config = config
        self.verdicts: Counter[str] = Counter()
        self.trouble: HilError | None = None
        self.interrupted = False
        self.stopped = ""
        self._tests = self._ended_in_a_row = 0
        self._options = options
        self._now_ns = 0
        self._begun_ns = 0
        self._host: Host | None = None
        self._hosts: Hosts | None = None
        self._rig: Rig | None = None
        self._test = ""
        self._announced = TestInfo("")
        self._recorder: Recorder | None = None
        self._journal: Journal = Silent()
        self._trace: TraceWriter | None = None
        self._heartbeat = Heartbeat(options.heartbeat)
        self._hooks = Hooked(config.hooks, self._heartbeat.hook_until)
        try:
            self._hosts = self._virtual() if config.time == "virtual" else self._real()
        except HilError as error:
            self.note(error)
            self.close()
            raise

    def begin(self, tests: int) -> int:
        """So many tests are about to be run; how many ended in processes before this one."""
        done = self._options.done
        self._tests = tests
        self._heartbeat.told(done + tests)
        return done

    @property
    def over(self) -> bool:
        """Whether no more tests are to run."""
        return self.interrupted or self.trouble is not None or bool(self.stopped)

    def announce(self, test: TestInfo) -> None:
        """A test starts."""
        self._announced = test
        begun_ns = self._begun_ns = self._worlds.begin_ns(self._now_ns)
        more: dict[str, Any] = {} if test.place is None else {"place": test.place}
        if test.repeats:
            more |= {"repeats": test.repeats, "repetition": test.repetition, "seed": self._seed(test)}
        self._write(
            lambda to: to.test(test.name, begun_ns, test.title, test.cases, test.requirements, more)
        )

    def _seed(self, test: TestInfo) -> int:
        """Each repetition has the noise of the next seed."""
        return self._options.seed + test.repetition - 1

    def open(self, test: str) -> Rig:
        """A fresh world for a test, its BMS not yet switched on.

        The cycles of the BMS lie to those of the rig as in no other repetition.
        """
        told = self._announced
        lead_ns = int((told.repetition - 1) * _GOLDEN % 1 * _LEAD_NS)
        seed = zlib.crc32(f"{self._seed(told)} {told.repeats or test}".encode())
        self._host = self._worlds.open(seed, self._begun_ns, lead_ns)
        self._rig = Rig(self.config, self._host, self._journal, test, self._hooks)
        self._test = test
        return self._rig

    def hook(self, name: str, *arguments: str) -> None:
        """Call a hook of the rig file that belongs to a test as a whole.

        Raises:
            HookError: If it raises or hangs.
        """
        if self._rig is not None:
            self._hooks.call(name, self._rig, *arguments)

    def close_world(self, *, failed: bool = False, broken: bool = False) -> None:
        """Mend the faults, draw the plot, go to the safe state, switch off.

        Args:
            failed: Whether the test failed, which is doubted earlier.
            broken: Whether the BMS broke the ground under it, see :class:`hil.errors.BmsError`.

        Raises:
            HealthError: If the rig was out of its budget, so that the test says nothing about the BMS.
        """
        rig, host = self._rig, self._host
        self._rig = self._host = None
        if rig is None or host is None:
            return
        silence = Silence(self.config, host)
        excused = broken or (failed and any(map(silence.crowd, self.config.buses)))
        try:
            rig.finish()
        finally:
            try:
                host.stop()
            finally:
                self._now_ns = host.now_ns
        safe = self._worlds.safe()
        if safe:
            self._journal.step(self._test, self._now_ns, safe)
        self._judge_health(self._test, failed=failed, excused=excused)

    def _judge_health(self, test: str, *, failed: bool, excused: bool) -> None:
        """What the rig does badly is excused in a test that failed by a flood, or the death, of the BMS."""
        health = self._worlds.health()
        if health is None:
            return
        budget = self.config.health
        beyond = health.beyond(budget.of_a_failure() if failed else budget)
        self._write(lambda to: to.health(test, health.as_dict(), beyond))
        if beyond and not excused:
            raise HealthError("; ".join(beyond))

    def run_again(self, test: TestInfo, reason: str) -> None:
        """A test was invalid and is run once more: what the record has of it so far does not count."""
        self.conclude(test.name, Verdict.INVALID, reason, counts=False)
        self.announce(test)
        self._journal.step(test.name, self._begun_ns, f"run again, for it was invalid: {reason}")

    def conclude(self, test: str, verdict: Verdict, reason: str, *, counts: bool = True) -> None:
        """A test ended."""
        now_ns = max(self._now_ns, self._begun_ns)
        if counts:
            self.verdicts[verdict.value] += 1
        sim_ns = now_ns - self._begun_ns
        self._write(lambda to: to.verdict(test, verdict.value, reason, now_ns, sim_ns))

    def count_end_of_bms(self, *, ended: bool) -> None:
        """Whether the BMS's process died in a test that was not skipped; with too many the run stops."""
        row = self._ended_in_a_row = self._ended_in_a_row + 1 if ended else 0
        left = self._tests - sum(self.verdicts.values())
        if row >= MOST_IN_A_ROW and left > 0:
            self.stopped = f"the BMS's process died or hung in {row} tests in a row: {not_run(left)}"

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
        if self._hosts is not None:
            hosts, self._hosts = self._hosts, None
            hosts.close()
        if self._trace is not None:
            trace, self._trace = self._trace, None
            try:
                trace.close()
            except OutputError as error:
                self.note(error)
        counts, code, now_ns = dict(sorted(self.verdicts.items())), self._exit_code(), self._now_ns
        self._write(
            lambda to: to.end(counts, code, now_ns, interrupted=self.interrupted, stopped=self.stopped)
        )
        self._write(lambda to: to.close())
        self._recorder = None

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

    @property
    def _worlds(self) -> Hosts:
        if self._hosts is None:
            raise AssertionError("a run that is closed opens no worlds")
        return self._hosts

    def _open_outputs(self, plant: Mapping[str, Any] | None = None) -> None:
        options, config = self._options, self.config
        if options.out is None:
            return
        self._journal = self._recorder = recorder = Recorder(options.out / RECORD_NAME)
        recorder.run(**run_facts(config, options.out, options.seed, options.trace, plant, options.repeat))
        if options.trace != NONE:
            self._trace = open_trace(options.out / "trace", options.trace, list(config.buses))

    def _virtual(self) -> Hosts:
        """The record comes first: firmware that crashes while it is loaded is in it."""
        self._open_outputs()
        return VirtualHosts(self.config, self._heartbeat, self._trace)

    def _real(self) -> Hosts:
        """The plant comes first, for the record begins with what that says of itself."""
        from hil.run.plant import RealHosts  # noqa: PLC0415 - real time is not for every system

        try:
            hosts = RealHosts(self.config, self._options.out, self._options.plant)
        except HilError:
            self._open_outputs()
            raise
        self._heartbeat.view[0] += _STARTED  # the supervisor's sign that tests run
        try:
            self._open_outputs(hosts.facts)
        except HilError:
            hosts.close()
            raise
        if self._trace is not None:
            hosts.trace_to(self._trace)
        return hosts


def exit_code_of(verdicts: Counter[str] | dict[str, int]) -> int:
    """The exit code that verdicts amount to; a run in which nothing passed proves nothing."""
    if verdicts.get(Verdict.ERROR, 0) or verdicts.get(Verdict.INVALID, 0):
        return 3
    if verdicts.get(Verdict.FAIL, 0):
        return 1
    return 0 if verdicts.get(Verdict.PASS, 0) else 3
