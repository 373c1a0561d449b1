"""A contactor: contacts that follow their command after a while, bounce, arc, weld, or stick open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import simpy

from twins.config import ContactorConfig
from twins.port import Bank, Port

_COMMAND, _FEEDBACK = range(2)


class Circuitry(Protocol):
    """What a contactor tells of itself."""

    def move(self, contactor: Contactor, closed: bool) -> None:
        """The contacts touch or part at this instant; calls :meth:`Contactor.settle`."""

    def quench(self, contactor: Contactor) -> None:
        """Its arc goes out at this instant; calls :meth:`Contactor.quench`."""


class Contactor:
    """One contactor with its auxiliary contact, which tells the main contacts' true position.

    Attributes:
        closed: Where the contacts are.
        arcing: Whether an arc goes on between parted contacts.
        openings_under_load: How often the contacts have parted under current: what wears them.
        arc_J: Energy of its arcs so far.
    """

    def __init__(
        self, env: simpy.Environment, name: str, config: ContactorConfig, circuitry: Circuitry
    ) -> None:
        """Open."""
        self.name = name
        self.config = config
        self._env = env
        self._circuitry = circuitry
        self._bank = Bank([0.0, 0.0])
        self._movement = 0
        self._whole()
        self.ports = (
            Port(f"contactor.{name}.command", "", self._bank, _COMMAND, 0, 1, "in", self._command),
            Port(f"contactor.{name}.feedback", "", self._bank, _FEEDBACK, 0, 1),
        )

    def _whole(self) -> None:
        self.closed = self.arcing = self._commanded = self._welded = self._stuck_open = False
        self.openings_under_load = 0
        self.arc_J = 0.0
        self._closing_ns, self._bounces = self.config.closing_ns, self.config.bounces
        self._supply_V: float | None = None
        self._due_ns: int | None = None
        self._arc_due_ns: int | None = None
        self._heading = False  # of the movement under way
        self._gaps = 0  # times that the contacts still part in this closing

    def reset(self) -> None:
        """Open, whole, not commanded."""
        self._bank.held.clear()
        self._bank.publish([0.0, 0.0])
        self._whole()
        self._forget()

    # --- faults -----------------------------------------------------------------------------------

    def weld(self, on: bool) -> None:
        """Weld the contacts together, at once; mended, they follow the command again."""
        self._welded = on
        self._aim()

    def stick_open(self, on: bool) -> None:
        """Let the coil fail: closed contacts fall open; mended, they follow the command again."""
        self._stuck_open = on
        self._aim()

    def slow(self, closing_ns: int | None) -> None:
        """From the next command on, take this time to close; ``None``: as configured.

        Raises:
            ValueError: If it is negative.
        """
        if closing_ns is not None and closing_ns < 0:
            raise ValueError(f"a contactor does not close {-closing_ns} ns before its command")
        self._closing_ns = self.config.closing_ns if closing_ns is None else closing_ns

    def bounce(self, times: int | None) -> None:
        """From the next closing on, part so often again before staying closed; ``None``: as configured.

        Raises:
            ValueError: If it is negative.
        """
        if times is not None and times < 0:
            raise ValueError(f"contacts do not bounce {times} times")
        self._bounces = self.config.bounces if times is None else times

    @property
    def welded(self) -> bool:
        """Whether its contacts are welded."""
        return self._welded

    # --- what the plant tells it ------------------------------------------------------------------

    def settle(self, closed: bool) -> None:
        """The contacts are there now."""
        self.closed = closed
        self._bank.show(_FEEDBACK, float(closed))

    def part(self, current_A: float, strikes: bool) -> None:
        """The contacts are about to part with this current through them.

        Args:
            current_A: The magnitude.
            strikes: Whether an arc can stand: nothing else carries the current.
        """
        if current_A <= self.config.load_A:
            return
        self.openings_under_load += 1
        if strikes and self.config.arc_ns and self.config.arc_drop_V:
            self.arcing = True
            self._ring_arc(self.config.arc_ns)

    def quench(self) -> None:
        """The arc is out."""
        self.arcing = False
        self._arc_due_ns = None

    def touched(self, current_A: float) -> None:
        """The contacts have touched, and this current flows at once: too much of it welds them."""
        if self.config.weld_A and current_A > self.config.weld_A:
            self.weld(True)

    def supplied(self, voltage_V: float) -> None:
        """The coil's supply now has this voltage."""
        before = self._powered
        self._supply_V = voltage_V
        if self._powered != before:
            self._aim()

    def let_go(self) -> None:
        """Nobody commands it any more."""
        self._bank.show(_COMMAND, 0.0)
        if _COMMAND not in self._bank.held:
            self._command(0.0)

    @property
    def coil_thresholds_V(self) -> tuple[float, ...]:
        """The supply voltages at which it acts otherwise."""
        return (self.config.drop_out_V, self.config.pull_in_V) if self.config.pull_in_V else ()

    # --- movement ---------------------------------------------------------------------------------

    def _command(self, value: float) -> None:
        commanded = value >= 0.5
        if commanded != self._commanded:
            self._commanded = commanded
            self._aim()

    @property
    def _target(self) -> bool:
        return self._welded or (self._commanded and not self._stuck_open and self._powered)

    @property
    def _powered(self) -> bool:
        """A closed contactor holds with less than an open one needs to close."""
        if self._supply_V is None or not self.config.pull_in_V:
            return True
        needs_V = self.config.drop_out_V if self.closed else self.config.pull_in_V
        return self._supply_V >= needs_V

    def _aim(self) -> None:
        """Start to move to where the contacts should be; a movement under way is given up."""
        self._forget()
        target = self._target
        if target == self.closed:
            return
        if self._welded:
            self._circuitry.move(self, True)
        else:
            self._gaps = self._bounces if target else 0
            self._start(target, self._closing_ns if target else self.config.opening_ns)

    def _forget(self) -> None:
        self._movement += 1
        self._due_ns = None
        self._gaps = 0

    def _start(self, closed: bool, delay_ns: int) -> None:
        self._heading = closed
        self._due_ns = int(self._env.now) + delay_ns
        movement = self._movement

        def arrive(_event: simpy.Event) -> None:
            if movement == self._movement:
                self._due_ns = None
                self._arrive(closed)

        self._after(delay_ns, arrive)

    def _arrive(self, closed: bool) -> None:
        """The contacts are there; they may bounce off, and come back."""
        self._circuitry.move(self, closed)
        if closed and self._gaps:
            self._gaps -= 1
            self._start(False, self.config.bounce_ns)
        elif not closed and self._target:
            self._start(True, self.config.bounce_ns)

    def _ring_arc(self, delay_ns: int) -> None:
        self._arc_due_ns = due_ns = int(self._env.now) + delay_ns

        def go_out(_event: simpy.Event) -> None:
            if self._arc_due_ns == due_ns:
                self._circuitry.quench(self)

        self._after(delay_ns, go_out)

    def _after(self, delay_ns: int, ring: Callable[[simpy.Event], None]) -> None:
        timeout = self._env.timeout(delay_ns)
        assert timeout.callbacks is not None  # a fresh event has its list
        timeout.callbacks.append(ring)

    # --- forks ------------------------------------------------------------------------------------

    def save(self) -> dict[str, Any]:
        """The whole state; times count from now."""
        return {
            "bank": self._bank.save(),
            "position": [self.closed, self._commanded, self._welded, self._stuck_open, self.arcing],
            "worn": [self.openings_under_load, self.arc_J],
            "broken": [self._closing_ns, self._bounces],
            "supply_V": self._supply_V,
            "left_ns": self._left_ns(self._due_ns),
            "movement": [self._heading, self._gaps],
            "arc_left_ns": self._left_ns(self._arc_due_ns),
        }

    def _left_ns(self, due_ns: int | None) -> int | None:
        return None if due_ns is None else due_ns - int(self._env.now)

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave; a movement under way goes on."""
        self._bank.restore(state["bank"])
        self.closed, self._commanded, self._welded, self._stuck_open, self.arcing = state["position"]
        self.openings_under_load, self.arc_J = state["worn"]
        self._closing_ns, self._bounces = state["broken"]
        self._supply_V = state["supply_V"]
        self._forget()
        heading, gaps = state["movement"]
        if state["left_ns"] is not None:
            self._start(heading, state["left_ns"])
        self._gaps = gaps
        self._arc_due_ns = None
        if state["arc_left_ns"] is not None:
            self._ring_arc(state["arc_left_ns"])
