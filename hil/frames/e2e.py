"""End-to-end protection: alive counters and checksums, filled in at send and checked on arrival.

The checksums of the AUTOSAR profiles come from the ``autosar-e2e`` package. Profile 1 is used in
its mode BOTH (both bytes of the data identifier), profile 2 with the data identifier's low byte as
its whole list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import e2e

CounterFault = Literal["frozen", "skip", "repeat", "crc"]
Finding = Literal["ok", "crc", "repeated", "skipped", "length"]

# profile: counter's byte, its mask, its modulus (AUTOSAR PRS_E2EProtocol)
_COUNTERS = {"P1": (1, 0x0F, 15), "P2": (1, 0x0F, 16), "P5": (2, 0xFF, 256)}


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
    def of(
        cls, profile: str, data_id: int, length: int, counter: tuple[int, int, bool] | None
    ) -> E2E:
        """The protection that a DBC's attributes describe.

        Args:
            profile: Of attribute ``E2EProfile``.
            data_id: Of attribute ``E2EDataId``.
            length: Bytes of the message.
            counter: Start bit, length and little-endian of the counter signal, for ``COUNTER``.

        Raises:
            ValueError: If the profile is unknown, or a counter is missing or crosses a byte.
        """
        if profile in _COUNTERS:
            byte, mask, modulus = _COUNTERS[profile]
            if length <= byte + 1:
                raise ValueError(f"profile {profile} needs more than {length} bytes")
            return cls(profile, data_id, length, byte, 0, mask, modulus)
        if profile != "COUNTER":
            raise ValueError(f"profile {profile!r} is not one of {', '.join(_COUNTERS)}, COUNTER")
        if counter is None:
            raise ValueError("no signal of this message has E2ERole Counter")
        start, bits, little = counter
        shift = start % 8 if little else start % 8 - bits + 1
        if shift < 0 or shift + bits > 8:
            raise ValueError("the counter crosses a byte")
        return cls(profile, 0, length, start // 8, shift, (1 << bits) - 1, 1 << bits)

    def protector(self) -> Protector:
        """A sender's side, its counter at 0."""
        return Protector(self)

    def checker(self) -> Checker:
        """A receiver's side that has seen nothing yet."""
        return Checker(self)

    def counter_of(self, data: bytes) -> int:
        """The counter that a frame carries."""
        return data[self.counter_byte] >> self.counter_shift & self.counter_mask

    def seal(self, data: bytearray) -> None:
        """Fill in the checksum."""
        if self.profile == "P1":
            e2e.p01.e2e_p01_protect(data, self.data_id, increment_counter=False)
        elif self.profile == "P2":
            ids = bytes([self.data_id & 0xFF]) * 16
            e2e.p02.e2e_p02_protect(data, ids, increment_counter=False)
        elif self.profile == "P5":
            e2e.p05.e2e_p05_protect(data, self.data_id, increment_counter=False)

    def is_sealed(self, data: bytes) -> bool:
        """Whether the checksum is right."""
        if self.profile == "P1":
            return bool(e2e.p01.e2e_p01_check(bytearray(data), self.data_id))
        if self.profile == "P2":
            ids = bytes([self.data_id & 0xFF]) * 16
            return bool(e2e.p02.e2e_p02_check(bytes(data), ids, length=0))
        if self.profile == "P5":
            return bool(e2e.p05.e2e_p05_check(bytes(data), self.data_id))
        return True


class Protector:
    """Fills in counter and checksum of each frame sent, wrongly if a fault says so."""

    def __init__(self, e2e: E2E) -> None:
        self._e2e = e2e
        self._next = 0
        self._clear = 0xFF ^ e2e.counter_mask << e2e.counter_shift
        self._repeating = False
        self.fault: CounterFault | None = None

    def protect(self, data: bytearray) -> None:
        """Protect a frame in place and advance the counter."""
        scheme, counter = self._e2e, self._next
        if self.fault is not None:
            counter = self._faulty()
        byte = scheme.counter_byte
        data[byte] = data[byte] & self._clear | counter << scheme.counter_shift
        scheme.seal(data)
        if self.fault == "crc":
            data[0] ^= 0x5A
        if self.fault != "frozen":
            self._next = (counter + 1) % scheme.modulus

    def _faulty(self) -> int:
        """The counter under a fault.

        ``frozen``: the last one for ever; ``repeat``: each twice; ``skip``: two steps at once.
        """
        modulus = self._e2e.modulus
        if self.fault == "frozen":
            return (self._next - 1) % modulus
        if self.fault == "skip":
            return (self._next + 1) % modulus
        if self.fault == "repeat":
            self._repeating = not self._repeating
            return (self._next - 1) % modulus if self._repeating else self._next
        return self._next


class Checker:
    """Checks counter and checksum of each frame received."""

    def __init__(self, e2e: E2E) -> None:
        self._e2e = e2e
        self._last: int | None = None

    def check(self, data: bytes) -> Finding:
        """What is wrong with a frame; the first one has nothing to compare its counter with."""
        scheme = self._e2e
        if len(data) != scheme.length:
            return "length"
        if not scheme.is_sealed(data):
            return "crc"
        counter, last = scheme.counter_of(data), self._last
        self._last = counter
        if last is None or counter == (last + 1) % scheme.modulus:
            return "ok"
        return "repeated" if counter == last else "skipped"
