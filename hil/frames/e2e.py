"""End-to-end protection: alive counters and checksums, filled in at send, checked on arrival.

The checksums of the AUTOSAR profiles come from the ``autosar-e2e`` package. Profile 1 is used in
its mode BOTH (both bytes of the data identifier), profile 2 with the data identifier's low byte as
its whole list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from e2e.crc import calculate_crc8 as crc8
from e2e.crc import calculate_crc8_h2f as crc8_h2f
from e2e.crc import calculate_crc16 as crc16

from hil.errors import UsageError

CounterFault = Literal["frozen", "skip", "repeat", "crc"]
Finding = Literal["ok", "crc", "repeated", "skipped", "length", "invalid"]

# profile: counter's byte, its mask, its modulus (AUTOSAR PRS_E2EProtocol)
_COUNTERS = {"P1": (1, 0x0F, 15), "P2": (1, 0x0F, 16), "P5": (2, 0xFF, 256)}


Place = tuple[int, int, bool]  # of a signal: start bit, length, little-endian


def _within_byte(place: Place, role: str) -> tuple[int, int]:
    """Byte of a signal, and its lowest bit there.

    Raises:
        ValueError: If it crosses a byte.
    """
    start, bits, little = place
    shift = start % 8 if little else start % 8 - bits + 1
    if shift < 0 or shift + bits > 8:
        raise ValueError(f"the {role} crosses a byte")
    return start // 8, shift


@dataclass(frozen=True)
class E2E:
    """How a message is protected.

    Attributes:
        profile: ``P1``, ``P2``, ``P5``, or ``COUNTER`` for a counter without a checksum.
        counter_byte: Byte of the counter, ``counter_shift`` its lowest bit there.
        counter_mask: Its bits, shifted down.
        modulus: Number of counter values.
    """

    profile: str
    data_id: int
    length: int
    counter_byte: int
    counter_shift: int
    counter_mask: int
    modulus: int

    @classmethod
    def of(cls, profile: str, data_id: int, length: int, counter: Place | None) -> E2E:
        """The protection that a DBC's attributes describe.

        Args:
            profile: Of attribute ``E2EProfile``.
            data_id: Of attribute ``E2EDataId``.
            length: Bytes of the message.
            counter: Where the counter signal is, for ``COUNTER``.

        Raises:
            ValueError: If the profile is unknown, the message too short for it, the data identifier
                out of range, or a counter is missing or crosses a byte.
        """
        if not 0 <= data_id <= 0xFFFF:
            raise ValueError(f"data identifier {data_id} does not fit into 16 bits")
        if profile in _COUNTERS:
            byte, mask, modulus = _COUNTERS[profile]
            if length <= byte + 1:
                raise ValueError(f"profile {profile} needs more than {length} bytes")
            return cls(profile, data_id, length, byte, 0, mask, modulus)
        if profile != "COUNTER":
            raise ValueError(f"profile {profile!r} is not one of {', '.join(_COUNTERS)}, COUNTER")
        if counter is None:
            raise ValueError("no signal of this message has E2ERole Counter")
        byte, shift = _within_byte(counter, "counter")
        mask = (1 << counter[1]) - 1
        return cls(profile, 0, length, byte, shift, mask, mask + 1)

    def check_places(self, counter: Place | None, checksum: Place | None) -> None:
        """Compare where the signals are with where the profile has them.

        Raises:
            ValueError: If a signal is missing or elsewhere: a value of another one would be
                overwritten.
        """
        if self.profile == "COUNTER":
            return
        bits = self.counter_mask.bit_length()
        for role, place, byte, length in (
            ("Counter", counter, self.counter_byte, bits),
            ("Checksum", checksum, 0, 16 if self.profile == "P5" else 8),
        ):
            if place is None:
                raise ValueError(f"no signal of this message has E2ERole {role}")
            if length == 16:
                right = place == (0, 16, True)
            else:
                right = place[1] == length and _within_byte(place, role) == (byte, 0)
            if not right:
                raise ValueError(f"the {role} must be the low {length} bits from byte {byte} on")

    def protector(self) -> Protector:
        """A sender's side, its counter at 0."""
        return Protector(self)

    def checker(self) -> Checker:
        """A receiver's side that has seen nothing yet."""
        return Checker(self)

    def counter_of(self, data: bytes) -> int:
        """The counter that a frame carries."""
        return data[self.counter_byte] >> self.counter_shift & self.counter_mask

    @cached_property
    def seal(self) -> Callable[[bytearray], None]:
        """Fills in the checksum of a frame whose counter is set."""
        checksum = self._checksum
        if self.profile == "P5":

            def seal(data: bytearray) -> None:
                value = checksum(data)  # type: ignore[arg-type]  # any buffer will do
                data[:2] = value.to_bytes(2, "little")

        elif self.profile == "COUNTER":

            def seal(data: bytearray) -> None:
                """There is no checksum."""

        else:

            def seal(data: bytearray) -> None:
                data[0] = checksum(data)  # type: ignore[arg-type]  # any buffer will do

        return seal

    @cached_property
    def is_sealed(self) -> Callable[[bytes], bool]:
        """Whether a frame's checksum is right."""
        checksum = self._checksum
        if self.profile == "P5":
            return lambda data: checksum(data) == data[0] | data[1] << 8
        if self.profile == "COUNTER":
            return lambda data: True  # noqa: ARG005 - there is no checksum
        return lambda data: checksum(data) == data[0]

    @property
    def _checksum(self) -> Callable[[bytes], int]:
        """The checksum of a frame, by the CRC functions of ``autosar-e2e``.

        They invert before and after; profile 1 wants neither, hence the last argument, which
        continues a CRC, and the inversion of the result.
        """
        identifier = self.data_id.to_bytes(2, "little")
        if self.profile == "P5":
            return lambda data: crc16(data[2:] + identifier)
        if self.profile == "P2":
            low = identifier[:1]
            return lambda data: crc8_h2f(data[1:] + low)
        start = crc8(identifier, 0xFF, False)
        return lambda data: crc8(data[1:], start, False) ^ 0xFF


class Protector:
    """Fills in counter and checksum of each frame sent, wrongly if a fault says so."""

    def __init__(self, e2e: E2E) -> None:
        self._e2e = e2e
        self._next = 0
        self._byte = e2e.counter_byte
        self._shift = e2e.counter_shift
        self._clear = 0xFF ^ e2e.counter_mask << e2e.counter_shift
        self._after = (*range(1, e2e.modulus), 0)
        self._seal = e2e.seal
        self._repeating = False
        self._fault: CounterFault | None = None

    @property
    def fault(self) -> CounterFault | None:
        """What is wrong with the frames sent.

        ``frozen``: the last counter for ever; ``repeat``: each twice; ``skip``: two steps at once;
        ``crc``: a wrong checksum.
        """
        return self._fault

    @fault.setter
    def fault(self, fault: CounterFault | None) -> None:
        if fault == "crc" and self._e2e.profile == "COUNTER":
            raise UsageError("this message has a counter but no checksum that could be wrong")
        self._fault = fault
        self._repeating = False

    def protect(self, data: bytearray) -> None:
        """Protect a frame in place and advance the counter."""
        counter = self._next if self._fault is None else self._faulty()
        byte = self._byte
        data[byte] = data[byte] & self._clear | counter << self._shift
        self._seal(data)
        if self._fault is None:
            self._next = self._after[counter]
            return
        if self._fault == "crc":
            data[0] ^= 0x5A
        if self._fault != "frozen":
            self._next = self._after[counter]

    def _faulty(self) -> int:
        """The counter under a fault."""
        modulus = self._e2e.modulus
        if self._fault == "frozen":
            return (self._next - 1) % modulus
        if self._fault == "skip":
            return (self._next + 1) % modulus
        if self._fault == "repeat":
            self._repeating = not self._repeating
            return (self._next - 1) % modulus if self._repeating else self._next
        return self._next


class Checker:
    """Checks counter and checksum of each frame received."""

    def __init__(self, e2e: E2E) -> None:
        self._e2e = e2e
        self._length = e2e.length
        self._is_sealed = e2e.is_sealed
        self._byte = e2e.counter_byte
        self._shift = e2e.counter_shift
        self._mask = e2e.counter_mask
        self._after = (*range(1, e2e.modulus), 0)
        self._expected: int | None = None

    def check(self, data: bytes) -> Finding:
        """What is wrong with a frame; the first one has nothing to compare its counter with.

        ``length``, ``crc`` and ``invalid`` (a counter that the profile does not have) say that
        nothing of the frame is to be believed; ``repeated`` that it is not new; ``skipped`` that
        frames before it are missing.
        """
        if len(data) != self._length:
            return "length"
        if not self._is_sealed(data):
            return "crc"
        counter = data[self._byte] >> self._shift & self._mask
        expected = self._expected
        if counter == expected:
            self._expected = self._after[counter]
            return "ok"
        if counter >= self._e2e.modulus:
            return "invalid"
        self._expected = self._after[counter]
        if expected is None:
            return "ok"
        return "repeated" if self._expected == expected else "skipped"
