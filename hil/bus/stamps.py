"""Other clocks' stamps on the one time line, CLOCK_MONOTONIC: the kernel's and an adapter's."""

from __future__ import annotations

import time

from hil.clock import NS_PER_MS, NS_PER_S, NS_PER_US

JUMP_NS = 2 * NS_PER_MS
_SLEW = 1_000  # 1 / the most that NTP slews the wall clock and a little more: 1 ms in a second
_PAIR_NS = 200 * NS_PER_US  # the wall clock read within that long belongs to the monotonic one


class WallClock:
    """The kernel stamps frames by the wall clock, which can be set: its offset is sampled anew.

    Attributes:
        offset_ns: CLOCK_MONOTONIC minus wall clock, as last sampled.
        jumps: How often it was set by more than 2 ms.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self._sampled_ns, self.offset_ns = self._read()

    def sample(self) -> tuple[int, bool]:
        """Read both clocks, after the frames whose stamps are to be converted.

        Returns:
            CLOCK_MONOTONIC now, and whether the wall clock has been steady since the last sample:
            otherwise stamps from between cannot be trusted.
        """
        now_ns, offset_ns = self._read()
        allowed_ns = JUMP_NS + (now_ns - self._sampled_ns) // _SLEW
        steady = abs(offset_ns - self.offset_ns) <= allowed_ns
        if not steady:
            self.jumps += 1
        self.offset_ns, self._sampled_ns = offset_ns, now_ns
        return now_ns, steady

    @staticmethod
    def _read() -> tuple[int, int]:
        """CLOCK_MONOTONIC and the offset; of a few tries the one into which the least came between."""
        best_ns, offset_ns = 1 << 62, 0
        before_ns = time.monotonic_ns()
        for _ in range(3):
            wall_ns = time.time_ns()
            after_ns = time.monotonic_ns()
            if after_ns - before_ns < best_ns:
                best_ns, offset_ns = after_ns - before_ns, (before_ns + after_ns) // 2 - wall_ns
            if best_ns <= _PAIR_NS:
                break
            before_ns = after_ns
        return after_ns, offset_ns


_TRUSTED_NS = NS_PER_S  # a stamp further than this from the moment of receipt is wrong
_DRIFT = 5_000  # 1 / how far an adapter's clock may run away: 200 ppm


class DeviceClock:
    """An adapter stamps frames by a clock of its own, which runs around and drifts.

    Every frame bounds the offset between the clocks from above: it cannot have been received
    before it was stamped. The least bound of late, less what may have drifted since, is the offset.
    The result still holds the shortest way from adapter to program, which nobody can see.

    Args:
        wrap_ns: After how long the adapter's clock starts again at 0; 0: never.
    """

    def __init__(self, wrap_ns: int = 0) -> None:
        self._wrap_ns = wrap_ns
        self._offset_ns: int | None = None
        self._received_ns = 0

    def monotonic_ns(self, stamp_ns: int, received_ns: int) -> int:
        """When a frame was stamped, on CLOCK_MONOTONIC; ``received_ns`` if that cannot be."""
        offset_ns = self._offset_ns
        if offset_ns is None:
            self._offset_ns, self._received_ns = received_ns - stamp_ns, received_ns
            return received_ns
        offset_ns += (received_ns - self._received_ns) // _DRIFT
        bound_ns = received_ns - stamp_ns
        if self._wrap_ns:  # the turn of the adapter's clock that comes nearest
            turns = (bound_ns - offset_ns + self._wrap_ns // 2) // self._wrap_ns
            bound_ns -= turns * self._wrap_ns
        if abs(bound_ns - offset_ns) > _TRUSTED_NS:
            return received_ns
        self._offset_ns, self._received_ns = min(offset_ns, bound_ns), received_ns
        return received_ns - bound_ns + self._offset_ns
