"""How long frames and parts of them take on a virtual bus of one bit rate, or of two (CAN FD).

Times are counted in bits of the faster rate; a classic bus has only one.
"""

from __future__ import annotations

from hil.bus.frame import FdFrame, Frame
from hil.bus.wire_time import FD_TAIL_BITS, INTERMISSION_BITS, TAIL_BITS, fd_frame_bits, frame_bits
from hil.clock import NS_PER_S
from hil.errors import BusError

_LONGEST_BITS = 256  # more than any classic frame with its error frame
_LONGEST_FD_BITS = 900  # the same of CAN FD, all of it slow


class Rates:
    """The bit rates of a bus.

    Args:
        bitrate: Bits per second.
        data_bitrate: Of the data of CAN FD frames, a whole multiple of the other; 0: on a classic bus.
        place: The bus, for errors.

    Attributes:
        slow: Bits of the faster rate in one of the slower.
        intermission: How long it is.
        ns: How many nanoseconds so many bits of the faster rate are, by their number.

    Raises:
        BusError: If there are no such rates.
    """

    def __init__(self, bitrate: int, data_bitrate: int, place: str) -> None:
        if bitrate <= 0:
            raise BusError(f"bit rate {bitrate} is not above 0", place=place)
        if data_bitrate % bitrate:
            reason = f"data bit rate {data_bitrate} is no whole multiple of {bitrate}"
            raise BusError(reason, place=place)
        self.slow = data_bitrate // bitrate or 1
        self.intermission = INTERMISSION_BITS * self.slow
        longest = _LONGEST_FD_BITS * self.slow if data_bitrate else _LONGEST_BITS
        self.ns = [bits * NS_PER_S // (data_bitrate or bitrate) for bits in range(longest)]
        self._has_fd = data_bitrate > 0

    def fd_time(self, frame: FdFrame) -> int:
        """How long a CAN FD frame is, intermission included.

        Raises:
            ValueError: If there is no such frame, or the bus is classic.
        """
        if not self._has_fd:
            raise ValueError("CAN FD frames do not run on a classic CAN bus")
        slow, fast = fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)
        return (slow + FD_TAIL_BITS) * self.slow + fast * (1 if frame.fast else self.slow)

    def body(self, frame: Frame) -> int:
        """How many bits of a frame, of whatever rate, come before its CRC delimiter."""
        if isinstance(frame, FdFrame):
            return sum(fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)) - 1
        bits = frame_bits(frame.id, frame.extended, frame.data, frame.remote)
        return bits - TAIL_BITS - INTERMISSION_BITS

    def time_of(self, frame: Frame, bits: int) -> int:
        """How long the first ``bits`` bits of a frame are."""
        if not isinstance(frame, FdFrame) or not frame.fast:
            return bits * self.slow
        slow, fast = fd_frame_bits(frame.id, frame.extended, frame.data, frame.fast)
        in_data = min(max(bits - slow, 0), fast)
        return (bits - in_data) * self.slow + in_data
