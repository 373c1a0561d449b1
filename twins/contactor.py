"""A contactor: contacts that follow their command after a while, weld, or stick open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

from twins.config import ContactorConfig
from twins.port import Bank, Port

_COMMAND, _FEEDBACK = range(2)


class Contactor:
    """One contactor with its auxiliary contact, which tells the main contacts' true position.

    Attributes:
        closed: Where the contacts are.
        openings_under_load: How often the contacts have parted under current: what wears them.
    """

    def __init__(
        self,
        env: simpy.Environment,
        name: str,
        config: ContactorConfig,
        switch: Callable[[Contactor, bool], None],
    ) -> None:
        """Open; ``switch`` is called at the instant the contacts move, and calls :meth:`settle`."""
        self.name = name
        self.config = config
        self.closed = False
        self.openings_under_load = 0
        self._env = env
        self._switch = switch
        self._bank = Bank([0.0, 0.0])
        self._commanded = False
        self._welded = False
        self._stuck_open = False
        self._due_ns: int | None = None
        self._movement = 0
        self.ports = (
            Port(f"contactor.{name}.command", "", self._bank, _COMMAND, 0, 1, "in", self._command),
            Port(f"contactor.{name}.feedback", "", self._bank, _FEEDBACK, 0, 1),
        )

    def reset(self) -> None:
        """Open, whole, not commanded."""
        self._bank.held.clear()
        self._bank.publish([0.0, 0.0])
        self._commanded = self._welded = self._stuck_open = self.closed = False
        self.openings_under_load = 0
        self._forget()

    def weld(self, on: bool) -> None:
        """Weld the contacts together, at once; mended, they follow the command again."""
        self._welded = on
        self._aim()

    def stick_open(self, on: bool) -> None:
        """Let the coil fail: closed contacts fall open; mended, they follow the command again."""
        self._stuck_open = on
        self._aim()

    def settle(self, closed: bool) -> None:
        """The contacts are there now."""
        self.closed = closed
        self._bank.show(_FEEDBACK, float(closed))

    def save(self) -> dict[str, Any]:
        """The whole state; times count from now."""
        return {
            "bank": self._bank.save(),
            "position": [self.closed, self._commanded, self._welded, self._stuck_open],
            "openings": self.openings_under_load,
            "left_ns": None if self._due_ns is None else self._due_ns - int(self._env.now),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Back to what :meth:`save` gave; a movement under way goes on."""
        self._bank.restore(state["bank"])
        self.closed, self._commanded, self._welded, self._stuck_open = state["position"]
        self.openings_under_load = state["openings"]
        self._forget()
        if state["left_ns"] is not None:
            self._start(state["left_ns"])

    def _command(self, value: float) -> None:
        commanded = value >= 0.5
        if commanded != self._commanded:
            self._commanded = commanded
            self._aim()

    @property
    def _target(self) -> bool:
        return self._welded or (self._commanded and not self._stuck_open)

    def _aim(self) -> None:
        """Start to move to where the contacts should be; a movement under way is given up."""
        self._forget()
        target = self._target
        if target == self.closed:
            return
        if self._welded:
            self._switch(self, True)
        else:
            self._start(self.config.closing_ns if target else self.config.opening_ns)

    def _forget(self) -> None:
        self._movement += 1
        self._due_ns = None

    def _start(self, delay_ns: int) -> None:
        self._due_ns = int(self._env.now) + delay_ns
        movement = self._movement

        def arrive(_event: simpy.Event) -> None:
            if movement == self._movement:
                self._due_ns = None
                self._switch(self, self._target)

        timeout = self._env.timeout(delay_ns)
        assert timeout.callbacks is not None  # a fresh event has its list
        timeout.callbacks.append(arrive)
