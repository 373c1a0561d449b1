"""Time that passes whatever goes wrong meanwhile: nothing may keep the rig from its safe state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from hil.errors import HilError


class Passing(Protocol):
    """What lets time pass."""

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Let time pass, to the instant or until something lies in ``found``."""


class Undeterred:
    """A host, or a clock, whose time goes on to the instant that was asked for.

    What ends a test there, such as a frame that cannot be made, would come again with the next frame.

    Args:
        host: Where time passes; all else is asked of it, too.

    Attributes:
        wrong: What went wrong meanwhile, in the order of time.
    """

    def __init__(self, host: Passing) -> None:
        self.wrong: list[HilError] = []
        self._host = host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def run_until(self, instant_ns: int, found: Sequence[object] = ()) -> bool:
        """Let time pass, to the instant or until something lies in ``found``."""
        while True:
            try:
                return self._host.run_until(instant_ns, found)
            except HilError as error:
                self.wrong.append(error)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """What goes wrong in it ends it alone."""
        try:
            yield
        except HilError as error:
            self.wrong.append(error)
