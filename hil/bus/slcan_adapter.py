"""An slcan adapter as a twin: commands in, answers and frames out; and the wire between several.

It speaks Lawicel's protocol as the CANUSB manual has it: commands are refused with a bell when they
come at the wrong time. Adapters of one wire hear each other if their bit rates agree; otherwise
there are only error frames. With CAN FD it has the commands and lines that CANable 2 adds to that.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hil.bus.frame import FdFrame, Frame
from hil.bus.node import OFF, PASSIVE, WARNING
from hil.bus.slcan_lines import (
    BELL,
    BITRATES,
    BUS,
    CR,
    OVERRUN,
    STAMP_WRAP_MS,
    TX_FULL,
    Splitter,
    format_frame,
    parse_frame,
)
from hil.bus.slcan_lines import PASSIVE as PASSIVE_BIT
from hil.bus.slcan_lines import WARNING as WARNING_BIT
from hil.clock import NS_PER_MS

_OUT_LIMIT = 65_536  # bytes that wait for a program that does not read
_ALL = 0xFFFFFFFF
_DATA_BITRATES = {"2": 2_000_000, "5": 5_000_000}
_STATES = (("b", OFF), ("p", PASSIVE), ("w", WARNING), ("a", 0))


@dataclass(frozen=True, kw_only=True)
class Manners:
    """What kind of adapter it is.

    Attributes:
        answers: Whether it answers commands and acknowledges frames; some never do.
        stamps: Whether it can stamp frames.
        reports: Whether it tells errors and states by itself, as Linux's slcan understands.
        fd: Whether it can do CAN FD.
        buffer: Frames that it takes while the bus is busy.
        version: Hardware and firmware version, four digits.
        serial: Serial number, four characters.
    """

    answers: bool = True
    stamps: bool = True
    reports: bool = False
    fd: bool = False
    buffer: int = 16
    version: str = "1013"
    serial: str = "A123"


class Wire:
    """The CAN bus between adapters.

    Attributes:
        adapters: All that are plugged in.
        held: While true no frame gets through: somebody else sends without end.
        frames: Frames that went through.
        lock: Held by whoever touches wire or adapters while a thread serves them.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.adapters: list[Adapter] = []
        self.held = False
        self.frames = 0

    def carry(self) -> None:
        """Let all that wait try: each first frame once, and those behind it if it got through."""
        if self.held:
            return
        for adapter in self.adapters:
            while adapter.waiting and adapter.is_on and self._try(adapter):
                pass

    def _try(self, sender: Adapter) -> bool:
        rates = sender.rates_of(sender.waiting[0])
        others = [a for a in self.adapters if a is not sender and a.is_on]
        strangers = [a for a in others if a.rates_of(sender.waiting[0]) != rates]
        peers = [a for a in others if a.rates_of(sender.waiting[0]) == rates]
        if any(not stranger.listen_only for stranger in strangers):
            sender.fail("b")
            for other in others:
                other.fail("s")
            return False
        for stranger in strangers:
            stranger.fail("s")
        if all(peer.listen_only for peer in peers):
            sender.fail("a")
            return False
        frame = sender.waiting.popleft()
        sender.succeed()
        for peer in peers:
            peer.hear(frame)
        self.frames += 1
        return True


class Adapter:
    """One adapter, without its serial line.

    Attributes:
        out: Characters for the program, to be taken by whoever carries them.
        waiting: Frames that it has taken and not sent yet.
        bitrate: As it was told; 0 before.
        btr: Registers as it was told instead.
        data_bitrate: Of CAN FD data, as it was told; 0: it takes such frames for errors.
        is_open: Whether it was told to go on the bus.
        listen_only: Whether it neither sends nor acknowledges.
        tec: Transmit error counter.
        rec: Receive error counter.
        mangle: Changes lines that it gives to the program: a bad cable.
    """

    def __init__(
        self,
        wire: Wire,
        manners: Manners | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.manners = manners or Manners()
        self.mangle: Callable[[bytes], bytes] | None = None
        self.wire = wire
        self._monotonic_ns = monotonic_ns
        self.out = bytearray()
        self.power_up()

    def power_up(self) -> None:
        """As it is when it is plugged in."""
        self.out.clear()
        self.waiting: deque[Frame] = deque()
        self.bitrate = self.data_bitrate = 0
        self.btr = ""
        self.is_open = self.listen_only = False
        self.tec = self.rec = 0
        self._told_state = "a"
        self._status = 0
        self._stamped = False
        self._polled: deque[bytes] | None = None  # frames wait until they are asked for
        self._code, self._mask = 0, _ALL
        self._splitter = Splitter()

    @property
    def is_on(self) -> bool:
        """Whether it takes part in the bus."""
        return self.is_open and self.tec < OFF

    def rates_of(self, frame: Frame) -> tuple[int, int]:
        """At which bit rates it reads and writes such a frame."""
        return self.bitrate, self.data_bitrate if isinstance(frame, FdFrame) else 0

    def feed(self, data: bytes) -> None:
        """Characters from the program; answers go to :attr:`out`."""
        for line, refused in self._splitter.feed(data):
            if not refused:
                answer = self._obey(line)
                if self.manners.answers or line[:1] in b"VN":
                    self.out += answer

    def hear(self, frame: Frame) -> None:
        """A frame of another adapter."""
        self.rec = max(0, self.rec - 1)
        if not self._accepts(frame):
            return
        line = format_frame(frame)
        if self._stamped:
            stamp = self._monotonic_ns() // NS_PER_MS % STAMP_WRAP_MS
            line = line[:-1] + b"%04X\r" % stamp
        if self.mangle is not None:
            line = self.mangle(line)
        if self._polled is not None:
            self._polled.append(line)
        elif len(self.out) > _OUT_LIMIT:
            self._status |= OVERRUN
        else:
            self.out += line

    def succeed(self) -> None:
        """Its frame went through."""
        self.tec = max(0, self.tec - 1)

    def fail(self, kind: str) -> None:
        """An error on the bus: ``a`` nobody acknowledged, ``b`` of a sent bit, ``s`` heard."""
        self._status |= BUS
        if kind == "s":
            self.rec = min(self.rec + 1, PASSIVE)
        elif kind == "b" or self.tec < PASSIVE:  # a passive node is not punished for being alone
            self.tec += 8
        if self.manners.reports:
            self.out += f"e1{kind}\r".encode()
            self._report_state()

    def _report_state(self) -> None:
        worst = max(self.tec, self.rec)
        state = next(state for state, limit in _STATES if worst >= limit)
        if state != self._told_state:
            self._told_state = state
            self.out += f"s{state}{min(self.rec, 256):03}{min(self.tec, 256):03}\r".encode()

    def _accepts(self, frame: Frame) -> bool:
        """The SJA1000's two filters of 16 bits: a mask's ones do not care.

        Standard frames: identifier, remote bit, and 4 bits that are ignored here; extended ones:
        the upper 16 bits of the identifier.
        """
        bits = frame.id >> 13 if frame.extended else frame.id << 5 | frame.remote << 4
        ignored = 0 if frame.extended else 0x0F
        return any(
            (bits ^ self._code >> shift) & ~(self._mask >> shift | ignored) & 0xFFFF == 0
            for shift in (16, 0)
        )

    def _obey(self, line: bytes) -> bytes:
        command = line[:1]
        if not command:
            return CR
        if command in b"tTrR" or (command in b"dDbB" and self.data_bitrate):
            return self._transmit(line)
        always = {b"V": self.manners.version, b"N": self.manners.serial}
        if line in always:
            return line + always[line].encode() + CR
        obey = (self._when_open if self.is_open else self._when_closed).get(command)
        return obey(line[1:].decode("latin-1")) if obey is not None else BELL

    @property
    def _when_open(self) -> dict[bytes, Callable[[str], bytes]]:
        return {b"C": self._close, b"F": self._tell_status, b"P": self._poll, b"A": self._poll_all}

    @property
    def _when_closed(self) -> dict[bytes, Callable[[str], bytes]]:
        return {
            b"S": self._set_bitrate,
            b"s": self._set_registers,
            b"Y": self._set_data_bitrate,
            b"O": lambda rest: self._open(rest, listen_only=False),
            b"L": lambda rest: self._open(rest, listen_only=True),
            b"Z": self._set_stamps,
            b"X": self._set_polling,
            b"M": lambda digits: self._set_filter("_code", digits),
            b"m": lambda digits: self._set_filter("_mask", digits),
        }

    def _transmit(self, line: bytes) -> bytes:
        parsed = parse_frame(line, stamped=False)
        if parsed is None or not self.is_open or self.listen_only:
            return BELL
        if len(self.waiting) >= self.manners.buffer or self.tec >= OFF:
            self._status |= TX_FULL
            return BELL
        self.waiting.append(parsed[0])
        self.wire.carry()
        if self._polled is not None:
            return CR
        return b"z\r" if line[:1].islower() else b"Z\r"

    def _close(self, rest: str) -> bytes:
        if rest:
            return BELL
        self.is_open = False
        self.waiting.clear()
        return CR

    def _open(self, rest: str, listen_only: bool) -> bytes:
        if rest or not (self.bitrate or self.btr):
            return BELL
        self.is_open, self.listen_only = True, listen_only
        self.tec = self.rec = self._status = 0
        self._told_state = "a"
        return CR

    def _set_bitrate(self, digit: str) -> bytes:
        if digit not in tuple("012345678"):
            return BELL
        self.bitrate, self.btr = BITRATES[int(digit)], ""
        return CR

    def _set_registers(self, digits: str) -> bytes:
        """BTR0 and BTR1 of an SJA1000 at 16 MHz."""
        if not _is_hex(digits, 4):
            return BELL
        btr0, btr1 = bytes.fromhex(digits)
        quanta = 1 + (btr1 & 0x0F) + 1 + (btr1 >> 4 & 0x07) + 1
        self.bitrate, self.btr = 8_000_000 // ((btr0 & 0x3F) + 1) // quanta, digits
        return CR

    def _set_data_bitrate(self, digit: str) -> bytes:
        if digit not in _DATA_BITRATES or not self.manners.fd:
            return BELL
        self.data_bitrate = _DATA_BITRATES[digit]
        return CR

    def _set_stamps(self, digit: str) -> bytes:
        if digit not in ("0", "1") or not self.manners.stamps:
            return BELL
        self._stamped = digit == "1"
        return CR

    def _set_polling(self, digit: str) -> bytes:
        if digit not in ("0", "1"):
            return BELL
        self._polled = deque() if digit == "0" else None
        return CR

    def _set_filter(self, name: str, digits: str) -> bytes:
        if not _is_hex(digits, 8):
            return BELL
        setattr(self, name, int(digits, 16))
        return CR

    def _tell_status(self, rest: str) -> bytes:
        if rest:
            return BELL
        worst = max(self.tec, self.rec)
        status = self._status | (WARNING_BIT if worst >= WARNING else 0)
        status |= PASSIVE_BIT if worst >= PASSIVE else 0
        self._status = 0
        return b"F%02X\r" % status

    def _poll(self, rest: str) -> bytes:
        if rest or self._polled is None:
            return BELL
        return self._polled.popleft() if self._polled else CR

    def _poll_all(self, rest: str) -> bytes:
        if rest or self._polled is None:
            return BELL
        lines = b"".join(self._polled)
        self._polled.clear()
        return lines + b"A\r"


def _is_hex(digits: str, length: int) -> bool:
    return len(digits) == length and all(digit in "0123456789abcdefABCDEF" for digit in digits)
