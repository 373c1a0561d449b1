"""What a test holds: the rig, with a BMS on its bus and a plant around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.checks.check import CheckResult, Value, bounded
from hil.checks.verdict import BmsFailure
from hil.clock import NS_PER_MS
from hil.errors import HilError, NotOfferedError, UsageError
from hil.faults.catalogue import make_fault
from hil.host.asking import ask
from hil.host.contract import Host
from hil.host.stimulus import Stimulus
from hil.rig.broken import Broken
from hil.rig.hooked import Hooked
from hil.rig.journal import Journal
from hil.rig.judge import Judge, Reactions
from hil.rig.messages import Messages
from hil.rig.observe import Observer, number_of
from hil.rig.plot import PlotBuilder
from hil.rig.promises import Limits
from hil.rig.roles import Role
from hil.rig.schema import RigConfig
from hil.rig.timing import latest
from hil.units import time_ns

if TYPE_CHECKING:
    from hil.rig.driving import Driven
    from twins.cycles import Cycle

# what pytest shows of a failure is the line of the test
__tracebackhide__ = methodcaller("errisinstance", (BmsFailure, HilError))

Duration = int | str  # nanoseconds, or a text such as "500 ms"

_FAULT_ROLE = "fault."
_SETTLE_LIMIT = "5 s"  # for a mode change where the rig file promises nothing


class Rig:
    """The rig during one test. Current is positive where it discharges the pack.

    Args:
        config: The rig file.
        host: Where plant and buses run.
        journal: Is told what happens.
        test: Name of the test.
        hooks: Of the run; default: the rig file's, for this test alone.

    Attributes:
        limits: What the BMS promises, from the rig file. A test that takes one here proves the requirement
            behind it; one that only keeps clear of it takes it by ``limits.beside``.
        cells: Cells that it watches, those of all strings.
        series: Cells in series.
        taps: Sense wires: of each string one more than cells.
        temperature_sensors: Number of its temperature sensors.
        messages: Who sends what, and when it came.
    """

    def __init__(
        self, config: RigConfig, host: Host, journal: Journal, test: str, hooks: Hooked | None = None
    ) -> None:
        self.config = config
        self._hooks = Hooked(config.hooks) if hooks is None else hooks
        host = self._hooks.limited(host)
        self.limits = Limits(config.limits, partial(journal.proves, test))
        pack = config.plant.pack
        self.series = pack.series
        self.cells = pack.strings * pack.series
        self.taps = pack.strings * (pack.series + 1)
        self.temperature_sensors = config.plant.sensors.temperature_count
        self.messages = Messages(config, host)
        self._host = host
        self._journal = journal
        self._test = test
        self._observer = observer = Observer(config, host)
        self._judge = Judge(host, observer)
        self._reactions = Reactions(None)
        self._broken = Broken(host)
        self._untold: list[Stimulus] = []
        self._shown: tuple[int, int] | None = None  # frame of the expectation just met, and its cycle
        self._stopped = ""  # where the last request ended before its last step
        self._plots = PlotBuilder(host, observer)

    # -- time ---------------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The present instant of the run."""
        return self._host.now_ns

    def run_for(self, duration: Duration) -> None:
        """Let time pass; of a promised time as much as it may take at most."""
        self._shown = None
        self._host.run_until(self.now_ns + latest(_ns(duration)))

    def settle(self, least: Duration) -> None:
        """Let all that the BMS must hear come again: after a fault, before a reset.

        That is two cycles of the slowest message in ``limits.frame_timeout``, but not less than ``least``.
        """
        promise, cycles = self.config.limits.get("frame_timeout"), self.messages.of_rig()
        watched = [cycles.get(name, 0) for name in promise.messages] if promise is not None else []
        self.run_for(max(_ns(least), 2 * max(watched, default=0)))

    def cycle_ns(self, role: str) -> int:
        """In what time a role is on the bus again: its message's cycle, times its pages."""
        return self._observer.cycle_ns(self._role(role))

    def resolution(self, role: str) -> float:
        """The least step of a role or a wired port on the bus, in its unit: less cannot be told."""
        return self._observer.resolution(self._role(role))

    def power_on(self, *, cold: bool = True, reaches: str = "standby") -> None:
        """Switch the BMS on and wait for its first state; ``cold`` forgets its fault memory.

        Args:
            cold: Whether it starts with an empty fault memory.
            reaches: The state to wait for: ``"fault"`` for one whose memory forbids standby; ``""``: none.

        Raises:
            BmsFailure: If it is not there in the time that ``limits.startup`` promises.
        """
        self.step("power on")
        self._host.power_on(cold=cold)
        self.mark("powered")  # a program that plays the BMS has started by now
        self._hooks.call("wake", self)
        if reaches and "state" in self.config.roles:
            self._reach(reaches, self._promised("startup", "delay"))

    def on_wire(self, stimulus: Stimulus) -> int:
        """Wait until a frame carries the stimulus; returns that frame's bus timestamp in ns."""
        return self._judge.on_wire(stimulus)

    def mark(self, text: str) -> Stimulus:
        """The present instant as the zero of reactions to come: after an ``expect``, its frame.

        What that frame shows may be older than it by a cycle, which adds to the uncertainty of the reactions.
        """
        zero_ns, cycle_ns = self._shown or (self.now_ns, 0)
        return self._stimulated(Stimulus("mark", text, zero_ns, uncertainty_ns=cycle_ns))

    def crosses(
        self,
        name: str,
        *,
        above: float | None = None,
        below: float | None = None,
        within: Duration = "5 s",
    ) -> Stimulus:
        """Wait until a role or a wired port passes a level on the bus: the zero of reactions to come.

        For stimuli that are physical, such as a real current, and show in a sensor's frame.

        Raises:
            UsageError: If not exactly one level is given, or it is not passed in time.
        """
        if (above is None) == (below is None):
            raise UsageError("crosses() takes either above or below")
        role = self._role(name)
        start_ns = self._reactions.stimulus.applied_ns if self._reactions.stimulus else self.now_ns
        seen = self._observer.first(
            role,
            start_ns,
            self.now_ns + _ns(within),
            lambda value: value > above if above is not None else value < (below or 0.0),
        )
        level = f"above {above:g}" if above is not None else f"below {below:g}"
        if seen is None:
            self._judge.refuse_crowd(f"{name} {level} {role.unit}", [role.bus])
            raise UsageError(f"{name} does not come {level} {role.unit} by what the test did")
        stimulus = Stimulus(name, f"{name} {level} {role.unit} on the bus", seen[0])
        return self._stimulated(stimulus)

    # -- what the rig does to the BMS ---------------------------------------------------------

    def request(self, name: str, value: Value) -> Stimulus:
        """Ask something of the BMS, as the vehicle would; by the steps of the rig file, time passes.

        Steps end where the BMS does not come to say what one waits for: who needs it there checks that.

        Raises:
            NotOfferedError: If the rig file has no such request.
            UsageError: If the name is nearly that of one it has, or it has no such value.
        """
        role = self._observer.request(name)
        if self._hooks.has("request"):
            return self._asked_by("request", name, value)
        number, manner = number_of(role, value), self.config.manner(name)
        if not isinstance(value, str):
            manner.written(role, number)
        steps = manner.steps.get(number, ())
        if steps:
            self.step(f"{name} = {role.name_of(number)}, by {len(steps)} steps")
        stimulus, self._stopped = ask(self.config, self._host, name, number)
        if self._stopped:
            self.step(self._stopped)
        return self._stimulated(stimulus)

    def set(self, port: str, value: float | str) -> Stimulus:
        """Write a set point of a twin: a number in SI units (temperatures in degC), or a text with a unit."""
        return self._stimulated(self._host.set(port, value))

    @contextmanager
    def fault(self, name: str, /, *, for_: Duration | None = None, **arguments: Any) -> Iterator[Stimulus]:
        """Break something, until the block ends; or for this long, if that is shorter.

        Raises:
            UsageError: If there is no such fault, or it does not take these arguments.
        """
        fault = make_fault(name, arguments)
        lasts_ns = None if for_ is None else _ns(for_)
        with self._broken.struck(self._struck(arguments)):
            stimulus = self._stimulated(self._broken.inject(fault, lasts_ns))
            try:
                yield stimulus
            finally:
                if self._broken.mend([fault]):
                    self.step(f"{fault.text}: over")

    @contextmanager
    def faults(self, *broken: tuple[str, Mapping[str, Any]]) -> Iterator[list[Stimulus]]:
        """Break several things at one instant, until the block ends: names, each with its arguments.

        The first of them is the stimulus of the reactions to come.

        Raises:
            UsageError: If there is no such fault, or it does not take these arguments; none is broken then.
        """
        made = [make_fault(name, dict(arguments)) for name, arguments in broken]
        with self._broken.struck(None):
            stimuli = self._broken.inject_all(made)
            for stimulus in reversed(stimuli):
                self._stimulated(stimulus)
            try:
                yield stimuli
            finally:
                left = self._broken.mend(made)
                if left:
                    self.step(f"{len(left)} faults, the first {left[0].text}: over")

    def drive(self, cycle: Cycle | Path | str, for_: Duration | None = None) -> Driven:
        """Drive a cycle with the rig's vehicle, once or for this long, by the drive's set points.

        The BMS must let it: see :meth:`operate`. Takes a name (``"ece-15"``), a CSV file or a cycle.

        Raises:
            NotOfferedError: If the rig file has no vehicle.
            UsageError: If there is no such cycle, or it is wrong.
        """
        from hil.rig.driving import drive, open_cycle  # noqa: PLC0415 - only who drives needs it

        opened = open_cycle(cycle)
        driven = drive(self._host, self.config, opened, None if for_ is None else _ns(for_))
        self.step(f"drove {driven.distance_m:.0f} m of {driven.wanted_m:.0f} m of {opened.name}")
        return driven

    def operate(self) -> None:
        """Ask for driving, and wait until the BMS is there, through its precharge.

        Raises:
            BmsFailure: If it does not come there in the time that ``limits.precharge`` promises.
        """
        self.request("mode", "operate")
        self._reach("operate", self._promised("precharge", "timeout"))

    def charge(self) -> None:
        """Plug the charger in, ask for charging, and wait until the BMS charges.

        Raises:
            BmsFailure: If it does not come there in the time that ``limits.precharge`` promises.
        """
        self._host.set("charger.plugged", 1.0)
        self.request("mode", "charge")
        self._reach("charge", self._promised("precharge", "timeout"))

    def standby(self) -> None:
        """Ask for standby, and wait until the BMS is there.

        Raises:
            BmsFailure: If it does not come there in the time that ``limits.standby`` promises.
        """
        self.request("mode", "standby")
        self._reach("standby", self._promised("standby", "delay"))

    def reset_faults(self) -> None:
        """Ask for standby and reset, as the service tool would, and wait until the fault is gone.

        Raises:
            BmsFailure: If the BMS stays in its fault.
        """
        self.request("mode", "standby")
        self.pulse_reset()
        self._reach("standby", self._promised("standby", "delay"))

    def _reach(self, state: str, within_ns: int) -> None:
        """A step on the way to what a test is about: recorded as a check only where it fails."""
        result = self._judge.expect(self._role("state"), state, within_ns, self._reactions, already=True)
        if not result.ok:
            self._record(replace(result, actual="; ".join(filter(None, (result.actual, self._stopped)))))
        after = result.actual.partition(" after ")[2]
        self.step(f"{state} reached, {after} after it was asked for" if after else f"still in {state}")

    def pulse_reset(self) -> Stimulus:
        """A rising edge of the reset request, on the wire; ends at rest."""
        if self._hooks.has("reset"):
            return self._asked_by("reset")
        self.step("reset requested")
        ask(self.config, self._host, "reset", 0.0)
        self.run_for("110 ms")
        stimulus = self.request("reset", True)
        self._judge.on_wire(stimulus)
        self.run_for("110 ms")
        ask(self.config, self._host, "reset", 0.0)
        return stimulus

    def _asked_by(self, hook: str, *arguments: Value) -> Stimulus:
        """Let a hook ask in place of the rig: the zero of reactions is the last stimulus that it makes."""
        before = self._reactions
        self._hooks.call(hook, self, *arguments)
        stimulus = self._reactions.stimulus
        if self._reactions is before or stimulus is None:
            raise self._hooks.error(hook, "has asked nothing of the BMS: it calls rig.request() or rig.set()")
        return stimulus

    def _promised(self, limit: str, field: str) -> int:
        promise = self.config.limits.get(limit)
        if promise is None or not promise.has(field):
            return _ns(_SETTLE_LIMIT)
        return promise.time(field)

    # -- what the BMS says --------------------------------------------------------------------

    def expect(
        self,
        role: str,
        value: Value,
        within: Duration,
        since: Stimulus | None = None,
        *,
        already: bool = False,
        through: Sequence[str] = (),
    ) -> CheckResult:
        """The role takes the value within a time after the last stimulus (or ``since``) was on the wire.

        Judged on frames that arrived after it; a pulse of one frame is seen. A value that held before the
        stimulus and goes on to hold is no reaction to it and fails, unless it may hold ``already``.

        Args:
            role: A role, or a wired port.
            value: What it is to be.
            within: The limit; the tolerance of one that the rig file promises is added to it.
            since: The stimulus, if not the last one.
            already: Whether it may have held before.
            through: Wired ports whose next frame the BMS waits for before it reacts. Where in their cycles
                the stimulus falls is chance, so that the reaction varies by that much from run to run; it
                does not make the limit wider.

        Raises:
            BmsFailure: If it does not.
        """
        if since is not None and since is not self._reactions.stimulus:
            self._reactions = Reactions(since)
        asked, role = role, self._flag(role, value)
        result = self._judge.expect(self._role(role), value, _ns(within), self._reactions, already)
        if result.reaction_ns is not None:
            result = replace(result, spread=self._spread_ms(through))
        self._plots.expected(role, self._reactions.stimulus, result)
        if self._broken.cell is not None and asked.startswith(_FAULT_ROLE):
            cell, state = self._broken.cell
            place = {"fault": asked.removeprefix(_FAULT_ROLE), "state": state}
            self._journal.cell(self._test, cell, place, result)
        self._record(result)
        if result.t_ns is not None:
            self._shown = result.t_ns, self._observer.cycle_ns(self._role(role))
        return result

    def _flag(self, role: str, value: Value) -> str:
        """Of a BMS that has one flag for all faults that one stands for each, while none is there before.

        Raises:
            NotOfferedError: If one is there already, so that it says nothing of one more.
        """
        roles = self.config.roles
        if role in roles or not role.startswith(_FAULT_ROLE) or "fault" not in roles:
            return role
        stimulus = self._reactions.stimulus
        before = self._observer.last_before(roles["fault"], stimulus.applied_ns if stimulus else self.now_ns)
        if value and before is not None and before[1]:
            raise NotOfferedError(f"this BMS has one flag for all faults, which is set before {role!r}")
        return "fault"

    def _spread_ms(self, through: Sequence[str]) -> float:
        """By how much a reaction varies that waits for frames of these ports; those not wired have none."""
        return sum(self.cycle_ns(port) for port in through if self.has(port)) / NS_PER_MS

    def stays(self, role: str, value: Value, for_: Duration) -> CheckResult:
        """Every frame of the time to come carries the value; at least of two of its cycles.

        Raises:
            BmsFailure: If one does not, or none comes.
        """
        return self._record(self._judge.stays(self._role(role), value, _ns(for_)))

    def never(self, role: str, value: Value, for_: Duration) -> CheckResult:
        """No frame of the time to come carries the value; at least of two of its cycles.

        Raises:
            BmsFailure: If one does, or none comes at all.
        """
        return self._record(self._judge.never(self._role(role), value, _ns(for_)))

    def agrees(
        self,
        role: str,
        truth: float,
        tolerance: float,
        unit: str | None = None,
        since: Stimulus | None = None,
    ) -> CheckResult:
        """The role's next frame agrees with the truth to a tolerance; or its last one after ``since``.

        Raises:
            BmsFailure: If it does not, or none comes.
        """
        found = self._role(role)
        unit = found.unit if unit is None else unit
        return self._record(self._judge.agrees(found, truth, tolerance, unit, since))

    def bounded(
        self,
        what: str,
        value: float,
        *,
        low: float | None = None,
        high: float | None = None,
        unit: str = "",
    ) -> CheckResult:
        """A number that the test has found lies between bounds.

        Raises:
            BmsFailure: If it does not.
            UsageError: If no bound is given.
        """
        return self._record(bounded(what, value, low, high, unit, self.now_ns))

    def value(self, role: str) -> float:
        """The role's next frame's number.

        Raises:
            BmsFailure: If none comes within three cycles.
        """
        found = self._role(role)
        seen = self._judge.fresh(found)
        if seen is None:
            silence = self._record(self._judge.silence(found))
            raise BmsFailure(silence)
        return seen[1]

    def history(self, role: str, since_ns: int = 0) -> list[tuple[int, float]]:
        """All frames of a role since an instant: bus timestamp in ns, and number."""
        return self._observer.since(self._role(role), since_ns)

    def truth(self, port: str) -> float:
        """What really is: a twin port's value."""
        return self._host.read(port)

    def has(self, *names: str) -> bool:
        """Whether the BMS has all these roles, requests or limits, or the rig sends these ports."""
        config = self.config
        return all(
            name in config.roles
            or name in config.requests
            or name in config.limits
            or self._observer.wire(name) is not None
            for name in names
        )

    def require(self, *names: str) -> None:
        """Skip the test where the BMS does not have one of these roles, requests or limits.

        Raises:
            NotOfferedError: If it lacks one.
        """
        lacking = [name for name in names if not self.has(name)]
        if lacking:
            raise NotOfferedError(f"the rig file gives this BMS no {', '.join(lacking)}")

    def track(self, role: str, port: str, scale: float = 1.0) -> None:
        """Let the report draw a role beside the truth, a twin port times ``scale``."""
        self._plots.track(self._role(role), port, scale)

    def step(self, text: str) -> None:
        """Note in the record what the test does."""
        self._tell_stimuli()
        self._journal.step(self._test, self.now_ns, text)

    # -- between the test and the record ------------------------------------------------------

    def finish(self) -> None:
        """Mend what is broken, draw the plot; the host goes to its safe state after this."""
        self._broken.mend_all()
        self._tell_stimuli(all_of_them=True)
        plot = self._plots.build(self.now_ns)
        if plot is not None:
            self._journal.plot(self._test, plot)

    def _role(self, name: str) -> Role:
        return self._observer.role(name)

    def _stimulated(self, stimulus: Stimulus) -> Stimulus:
        self._shown = None
        self._reactions = Reactions(stimulus)
        self._untold.append(stimulus)
        self._tell_stimuli()
        return stimulus

    def _tell_stimuli(self, *, all_of_them: bool = False) -> None:
        """Put stimuli into the record once it is known when they were on the wire; at the end, all."""
        for stimulus in self._untold:
            if all_of_them or stimulus.on_wire_ns is not None:
                self._journal.stimulus(self._test, stimulus)
        self._untold = [s for s in self._untold if s.on_wire_ns is None and not all_of_them]

    def _struck(self, arguments: Mapping[str, Any]) -> tuple[int, str] | None:
        """The cell that a fault strikes, and the state of the BMS by its last frame."""
        cell = arguments.get("cell")
        if cell is None or "state" not in self.config.roles:
            return None
        role = self._role("state")
        latest = self._observer.since(role, self.now_ns - 2 * self._observer.cycle_ns(role))
        seen = latest[-1] if latest else self._observer.held(role, self.now_ns)
        return int(cell), "" if seen is None else role.name_of(seen[1])

    def _record(self, result: CheckResult) -> CheckResult:
        self._shown = None
        self._tell_stimuli()
        self._journal.check(self._test, result)
        if not result.ok:
            raise BmsFailure(result)
        return result


def _ns(duration: Duration) -> int:
    """A duration in nanoseconds; a bare number of milliseconds is a slip, so numbers are ns only."""
    if isinstance(duration, str):
        return time_ns(duration)
    if 0 < duration < NS_PER_MS // 1000:
        raise UsageError(f"a duration of {duration} ns is no bus time", remedy='write "500 ms" with its unit')
    if duration < 0:
        raise UsageError(f"a duration of {duration} ns: time does not run back")
    return duration
