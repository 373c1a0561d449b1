"""The lines of the slcan protocol (Lawicel's, 1999): characters to frames and back.

====================  ==========================================================================
``tiiildd…``          data frame: 3 digits identifier, length, data; ``T``: 8 digits, extended
``riiil``             remote frame; ``R``: extended
``diiildd…``          CAN FD frame (CANable 2); ``D``: extended; ``b``, ``B``: with fast data
``…tttt``             behind a frame: the adapter's stamp, milliseconds below 60,000
``z``, ``Z``          a frame was taken
``Fxx``               status, :data:`STATUS`
``sannnnnn``          state and counters, ``ennn``: what was wrong with a frame (Linux's slcan)
carriage return       ends a line; alone: done
bell                  refused
====================  ==========================================================================

There is no checksum, so everything that can be checked is: digits, ranges, the very length.
"""

from __future__ import annotations

import re
from binascii import unhexlify

from hil.bus.can_error import (
    ACTIVE,
    BIT,
    BIT_0,
    BIT_1,
    BUS_ERROR,
    BUS_OFF,
    CONTROLLER,
    COUNTERS,
    FORM,
    NO_ACK,
    PROTOCOL,
    RX_OVERFLOW,
    RX_PASSIVE,
    RX_WARNING,
    STUFF,
    TX_OVERFLOW,
    TX_PASSIVE,
    TX_WARNING,
)
from hil.bus.frame import FD_LENGTHS, FdFrame, Frame

CR, BELL = b"\r", b"\a"
# commands S0 to S8
BITRATES = (10_000, 20_000, 50_000, 100_000, 125_000, 250_000, 500_000, 800_000, 1_000_000)
STAMP_DIGITS = 4
STAMP_WRAP_MS = 60_000
# bits of the answer to F
RX_FULL, TX_FULL, WARNING, OVERRUN, PASSIVE, LOST, BUS = 0x01, 0x02, 0x04, 0x08, 0x20, 0x40, 0x80

_LONGEST = 1 + 8 + 1 + 2 * 64 + 8  # of all lines
_ENDS = re.compile(rb"[\r\a]")
_HEX = rb"[0-9A-Fa-f]"
_FRAME = re.compile(
    rb"([trTRdbDB])((?<=[trdb])[0-7]HH|(?<=[TRDB])[01]H{7})(H)(H*)".replace(b"H", _HEX)
).fullmatch
# a frame at the end of a line whose beginning is lost or torn: none of these letters is a digit
_TAIL = re.compile(rb"[tTrR]H+\Z".replace(b"H", _HEX)).search
_STATE = re.compile(rb"s([awpb])(\d{3})(\d{3})").fullmatch
_ERROR = re.compile(rb"e([1-8])([abBcfoOs]+)").fullmatch


class Splitter:
    """Cuts a stream into lines, whatever its pieces.

    Attributes:
        torn: Lines that were too long, and thrown away.
    """

    def __init__(self) -> None:
        self.torn = 0
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """The lines that are complete now, each with whether a bell ended it."""
        if self._rest:
            data = self._rest + data
        lines = []
        start = 0
        for end in _ENDS.finditer(data):
            at = end.start()
            if self._skipping or at - start > _LONGEST:
                self.torn += not self._skipping
                self._skipping = False
            else:
                lines.append((data[start:at], data[at] == 7))
            start = at + 1
        self._keep(data[start:])
        return lines

    def _keep(self, rest: bytes) -> None:
        if self._skipping or len(rest) > _LONGEST:
            self.torn += not self._skipping
            self._skipping = True
            rest = b""
        self._rest = rest


def parse_frame(line: bytes, stamped: bool | None = None) -> tuple[Frame, int] | None:
    """The frame of a line, and its stamp in milliseconds, -1 without one; or nothing.

    Args:
        line: Without its end.
        stamped: Whether there must be a stamp, must not be, or (``None``) both are right.
    """
    found = _FRAME(line)
    if found is None:
        return None
    kind, digits, code, rest = found.groups()
    length = int(code, 16)
    if kind in b"dDbB":
        length = FD_LENGTHS[length]
    elif length > 8:
        return None
    end = 0 if kind in b"rR" else 2 * length
    stamp = _stamp(rest[end:], stamped)
    if stamp is None or len(rest) < end:
        return None
    extended = len(digits) == 8
    if kind in b"tT":
        return Frame(int(digits, 16), unhexlify(rest[:end]), extended), stamp
    if kind in b"rR":
        frame = Frame(int(digits, 16), bytes(length), extended)
        frame.remote = True
        return frame, stamp
    return FdFrame(int(digits, 16), unhexlify(rest[:end]), extended, "", kind in b"bB"), stamp


def _stamp(digits: bytes, wanted: bool | None) -> int | None:
    """The stamp behind a frame; -1 without one, ``None`` if it is wrong."""
    if not digits:
        return None if wanted else -1
    if wanted is False or len(digits) != STAMP_DIGITS:
        return None
    stamp = int(digits, 16)
    return stamp if stamp < STAMP_WRAP_MS else None


def torn_tail(line: bytes) -> bytes | None:
    """What may be a whole frame at the end of a line that is none: the one before lost its end."""
    found = _TAIL(line, 1)
    return found.group() if found else None


def format_frame(frame: Frame) -> bytes:
    """The line that sends a frame, with its end.

    Raises:
        ValueError: If identifier or data does not fit.
    """
    data = frame.data
    if not 0 <= frame.id < 1 << (29 if frame.extended else 11):
        raise ValueError(f"identifier 0x{frame.id:X} does not fit")
    if isinstance(frame, FdFrame):
        kind = "b" if frame.fast else "d"
        code = _fd_code(len(data))
        text = f"{code:X}{data.hex().upper()}\r"
    elif len(data) > 8:
        raise ValueError(f"{len(data)} data bytes do not fit into a classic frame")
    else:
        kind = "r" if frame.remote else "t"
        text = f"{len(data)}\r" if frame.remote else f"{len(data)}{data.hex().upper()}\r"
    if frame.extended:
        return f"{kind.upper()}{frame.id:08X}{text}".encode()
    return f"{kind}{frame.id:03X}{text}".encode()


def _fd_code(length: int) -> int:
    if length not in FD_LENGTHS:
        raise ValueError(f"{length} bytes are no length of a CAN FD frame")
    return FD_LENGTHS.index(length)


def parse_trouble(line: bytes) -> Frame | None:
    """A line of state, error or status as SocketCAN's error frame; nothing if it is none.

    A status without an error in it is an error frame with identifier 0.
    """
    if line[:1] == b"F":
        return _of_status(line)
    state = _STATE(line)
    if state is not None:
        return _of_state(state.group(1), int(state.group(2)), int(state.group(3)))
    errors = _ERROR(line)
    if errors is not None and int(errors.group(1)) == len(errors.group(2)):
        return _of_errors(errors.group(2))
    return None


def _of_status(line: bytes) -> Frame | None:
    if re.fullmatch(rb"F[0-9A-Fa-f]{2}", line) is None:
        return None
    status = int(line[1:], 16)
    controller = 0
    if status & (RX_FULL | OVERRUN):
        controller |= RX_OVERFLOW
    if status & TX_FULL:
        controller |= TX_OVERFLOW
    if status & PASSIVE:  # of which counter it does not say
        controller |= TX_PASSIVE
    elif status & WARNING:
        controller |= TX_WARNING
    identifier = (CONTROLLER if controller else 0) | (BUS_ERROR if status & BUS else 0)
    return _trouble(identifier, controller)


def _of_state(state: bytes, rec: int, tec: int) -> Frame:
    if state == b"b":
        return _trouble(BUS_OFF | COUNTERS, 0, tec=tec, rec=rec)
    flags = {b"a": (ACTIVE, ACTIVE), b"w": (RX_WARNING, TX_WARNING), b"p": (RX_PASSIVE, TX_PASSIVE)}
    of_rec, of_tec = flags[state]
    controller = (of_rec if rec >= tec else 0) | (of_tec if tec >= rec else 0)
    return _trouble(CONTROLLER | COUNTERS, controller, tec=tec, rec=rec)


_KINDS = {b"b": BIT_0, b"B": BIT_1, b"c": BIT, b"f": FORM, b"s": STUFF}


def _of_errors(letters: bytes) -> Frame:
    identifier, controller, protocol, place = PROTOCOL | BUS_ERROR, 0, 0, 0
    for value in letters:
        letter = bytes((value,))
        protocol |= _KINDS.get(letter, 0)
        if letter == b"a":
            identifier, place = identifier | NO_ACK, 0x19
        elif letter == b"c":
            place = 0x08
        elif letter in b"oO":
            identifier |= CONTROLLER
            controller |= RX_OVERFLOW if letter == b"o" else TX_OVERFLOW
    return _trouble(identifier, controller, protocol, place)


def _trouble(
    identifier: int, controller: int, protocol: int = 0, place: int = 0, tec: int = 0, rec: int = 0
) -> Frame:
    data = bytes((0, controller, protocol, place, 0, 0, min(tec, 255), min(rec, 255)))
    frame = Frame(identifier, data)
    frame.error = True
    return frame
