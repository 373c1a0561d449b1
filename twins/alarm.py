"""An event that is used again and again."""

from __future__ import annotations

from collections.abc import Callable

from simpy import Environment
from simpy.events import Event


class Alarm(Event):
    """Calls a function at an instant, again and again; a fraction of the cost of new timeouts.

    Set it by :meth:`simpy.Environment.schedule`, or cheaper by the rig's clock.

    Args:
        env: The one time line.
        ring: What to call; its argument is this alarm.
    """

    def __init__(self, env: Environment, ring: Callable[[Event], None]) -> None:
        self.ring = ring
        super().__init__(env)
        self._ok = True
        self._value = None

    @property
    def callbacks(self) -> list[Callable[[Event], None]]:
        """What SimPy calls; unlike other events', it is not used up."""
        return [self.ring]

    @callbacks.setter
    def callbacks(self, _used_up: object) -> None:
        """SimPy clears the list of an event that it processes: not this one."""

    def cancel(self) -> None:
        """Never ring again."""
        self.ring = _silence


def _silence(_event: Event) -> None:
    """What a cancelled alarm calls."""
