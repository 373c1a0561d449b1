"""A signal that changes from frame to frame for as long as something is asked of the BMS."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Changing:
    """Values in turn, one for each span of time, whenever it is asked.

    A frame that is a little early or late has its turn all the same.

    Args:
        values: Physical; the first while nothing is asked.
        every_ns: From one to the next.
        slack_ns: How much earlier a reader may come: half the time between two of its frames.
        now_ns: Tells the present instant.
        is_asked: Tells whether anything is asked.
    """

    def __init__(
        self,
        values: Sequence[float],
        every_ns: int,
        slack_ns: int,
        now_ns: Callable[[], int],
        is_asked: Callable[[], bool],
    ) -> None:
        self._values = tuple(values)
        self._least_ns = every_ns - slack_ns
        self._now_ns = now_ns
        self._is_asked = is_asked
        self._turn = 0
        self._since_ns: int | None = None

    def __call__(self) -> float:
        """The value whose turn it is now."""
        if not self._is_asked():
            self._turn, self._since_ns = 0, None
            return self._values[0]
        now_ns = self._now_ns()
        if self._since_ns is None or now_ns - self._since_ns >= self._least_ns:
            self._turn = (self._turn + 1) % len(self._values)
            self._since_ns = now_ns
        return self._values[self._turn]
