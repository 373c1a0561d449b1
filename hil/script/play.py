"""Plays a script's test on a rig: step by step, each at its time."""

from __future__ import annotations

from contextlib import ExitStack
from operator import methodcaller

from hil.checks.verdict import BmsFailure
from hil.errors import HilError, UsageError
from hil.rig.rig import Rig
from hil.script.amount import Amount
from hil.script.arguments import arguments_of
from hil.script.file import StepSection, TestSection

# what pytest shows of a failure is not this file
__tracebackhide__ = methodcaller("errisinstance", (BmsFailure, HilError))


def play(rig: Rig, test: TestSection) -> None:
    """Play a test; its times count from now.

    Raises:
        BmsFailure: If the BMS does not do what a step expects.
        NotOfferedError: If BMS or rig lack what the test needs.
        UsageError: If a step asks for what is not there, or comes when its time is over.
    """
    _Player(rig).play(test)


class _Player:
    """A test on its way."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._begun_ns = rig.now_ns
        self._open: dict[str, ExitStack] = {}  # named faults, until they end

    def play(self, test: TestSection) -> None:
        """All steps."""
        self._rig.require(*test.needs)
        with ExitStack() as faults:
            for number, step in enumerate(test.step, start=1):
                self._wait_for(number, step)
                if step.note:
                    self._rig.step(step.note)
                try:
                    self._act(step, faults)
                    self._check(step)
                except UsageError as error:
                    place = error.place or f"test {test.name!r}, step {number}"
                    raise UsageError(error.reason, place=place, key=error.key, remedy=error.remedy) from error

    def _wait_for(self, number: int, step: StepSection) -> None:
        if step.at is None:
            return
        left_ns = self._begun_ns + step.at - self._rig.now_ns
        if left_ns < 0:
            raise UsageError(
                f"step {number} is to begin at {step.at / 1e9:g} s, but the steps before it took until "
                f"{(step.at - left_ns) / 1e9:.6g} s",
                key="at",
                remedy="let it begin later, or leave `at` out: then it follows at once",
            )
        self._rig.run_for(left_ns)

    def _act(self, step: StepSection, faults: ExitStack) -> None:
        """What the step does."""
        rig = self._rig
        for name, value in (step.request or {}).items():
            rig.request(name, value)
        for port, amount in (step.set or {}).items():
            rig.set(port, amount.said(rig.limits))
        if step.fault is not None:
            self._break(step, step.fault, faults)
        elif step.end is not None:
            self._open.pop(step.end).close()
            rig.mark(f"{step.end} ended")
        elif step.wait is not None:
            rig.run_for(self._span(step.wait))
        else:
            self._move(step)

    def _move(self, step: StepSection) -> None:
        """Bring the BMS somewhere."""
        rig = self._rig
        if step.reach is not None:
            {"operate": rig.operate, "charge": rig.charge, "standby": rig.standby}[step.reach]()
        elif step.reset:
            rig.reset_faults()
        elif step.power is not None:
            rig.power_on(cold=step.power == "cold")

    def _break(self, step: StepSection, name: str, faults: ExitStack) -> None:
        arguments = arguments_of(step, self._rig.limits)
        lasts = None if step.for_ is None else self._span(step.for_)
        own = faults.enter_context(ExitStack())
        own.enter_context(self._rig.fault(name, for_=lasts, **arguments))
        if step.name is not None:
            self._open[step.name] = own

    def _check(self, step: StepSection) -> None:
        """What the step expects."""
        rig = self._rig
        for role, value in (step.expect or {}).items():
            assert step.within is not None  # looked at when it was read
            rig.expect(role, value, within=self._span(step.within))
        for what, judge in ((step.stays, rig.stays), (step.never, rig.never)):
            for role, value in (what or {}).items():
                assert step.through is not None  # looked at when it was read
                judge(role, value, for_=self._span(step.through))

    def _span(self, span: Amount) -> int:
        return span.span(self._rig.limits)
