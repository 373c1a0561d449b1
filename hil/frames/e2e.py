"""End-to-end protection: alive counters and checksums, filled in at send, checked on arrival."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from hil.errors import UsageError
from hil.frames.profiles import (
    FREE,
    HEADERS,
    J1939,
    MOST_OWN_BITS,
    NO_EXTRAS,
    Extras,
    Field,
    Guard,
    Header,
    Identity,
    IsSealed,
    Place,
    Run,
    Seal,
    bits_at,
    guard_of,
    runs_of,
)

CounterFault = Literal["frozen", "skip", "repeat", "crc"]
Finding = Literal["ok", "crc", "repeated", "skipped", "length", "invalid"]

_ROLES = ("Counter", "Checksum")


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


def _own_runs(checksum: Place, rest: tuple[Place, ...]) -> tuple[Run, ...]:
    """Where the bits of a user's checksum are.

    Raises:
        ValueError: If they are too many, or two are in one place.
    """
    at = [bit for place in (checksum, *rest) for bit in bits_at(place)]
    if len(at) > MOST_OWN_BITS:
        raise ValueError(f"a checksum of one's own has up to {MOST_OWN_BITS} bits, not {len(at)}")
    if len(set(at)) < len(at):
        raise ValueError("two signals of the checksum overlap")
    return runs_of((checksum, *rest))


@dataclass(frozen=True)
class E2E:
    """How a message is protected.

    Attributes:
        profile: One of AUTOSAR's (``P1``, ``P2``, ``P4`` to ``P7``, ``P11``), ``J1850``, ``XOR``, ``SUM``,
            ``TSC1``, ``XBR``, or ``COUNTER`` for a counter without a checksum.
        counter_byte: Byte of the counter, ``counter_shift`` its lowest bit there.
        counter_mask: Its bits, shifted down; 0: there is no counter.
        counter_bytes: More than one: it is big-endian, from ``counter_byte`` on.
        modulus: Number of counter values.
        checksum_byte: First byte of the checksum, ``checksum_shift`` its lowest bit there; of a user's one
            the byte of its lowest bit.
        checksum_bits: Its length; 0: there is none.
        checksum_runs: Where all bits of a user's one are.
        extras: What only some profiles need.
    """

    profile: str
    data_id: int
    length: int
    counter_byte: int
    counter_shift: int
    counter_mask: int
    modulus: int
    counter_bytes: int = 1
    checksum_byte: int = 0
    checksum_shift: int = 0
    checksum_bits: int = 0
    checksum_runs: tuple[Run, ...] = ()
    extras: Extras = NO_EXTRAS

    @classmethod
    def of(
        cls,
        profile: str,
        data_id: int,
        length: int,
        counter: Place | None,
        checksum: Place | None = None,
        extras: Extras = NO_EXTRAS,
    ) -> E2E:
        """The protection that a DBC's attributes describe.

        Args:
            profile: Of attribute ``E2EProfile``.
            data_id: Of attribute ``E2EDataId``.
            length: Bytes of the message.
            counter: Where the counter signal is, for a profile that leaves that open.
            checksum: Where the checksum signal is, for the same; of several, that with its highest bits.
            extras: Of attributes ``E2EDataIdMode`` and ``E2EDataIdList``, and the message's identifier.

        Raises:
            ValueError: If the profile is unknown, the message too short for it, the data identifier
                out of range, or a counter or checksum is missing or crosses a byte.
        """
        if profile not in HEADERS and profile not in FREE and extras.own is None:
            known = ", ".join((*HEADERS, *FREE))
            raise ValueError(f"profile {profile!r} is not one of {known}, nor one of the bus's checksums")
        _check_extras(profile, extras)
        if profile not in HEADERS:
            if not 0 <= data_id <= 0xFFFF:
                raise ValueError(f"data identifier {data_id} does not fit into 16 bits")
            return cls._free(profile, length, counter, checksum, extras)
        header = HEADERS[profile]
        if not 0 <= data_id < 1 << header.id_bits:
            raise ValueError(f"data identifier {data_id} does not fit into {header.id_bits} bits")
        if length <= header.end:
            raise ValueError(f"profile {profile} needs more than {length} bytes")
        return cls(
            profile,
            data_id,
            length,
            counter_byte=header.counter.byte,
            counter_shift=0,
            counter_mask=(1 << header.counter.bits) - 1,
            modulus=header.modulus,
            counter_bytes=(header.counter.bits + 7) // 8,
            checksum_byte=header.checksum.byte,
            checksum_bits=header.checksum.bits,
            extras=extras,
        )

    @classmethod
    def _free(
        cls, profile: str, length: int, counter: Place | None, checksum: Place | None, extras: Extras
    ) -> E2E:
        """A profile whose counter and checksum are where the DBC has them."""
        if counter is None and (profile == "COUNTER" or profile in J1939):
            raise ValueError("no signal of this message has E2ERole Counter")
        byte, shift = _within_byte(counter, "counter") if counter else (0, 0)
        mask = (1 << counter[1]) - 1 if counter else 0
        counted = cls(profile, 0, length, byte, shift, mask, modulus=mask + 1)
        if profile == "COUNTER":
            return counted
        if checksum is None:
            raise ValueError("no signal of this message has E2ERole Checksum")
        if extras.own is not None:
            return counted._with_own(_own_runs(checksum, extras.rest), extras)
        bits = checksum[1]
        at, lowest = _within_byte(checksum, "checksum")
        if profile not in J1939 and bits != 8:
            raise ValueError(f"the checksum of {profile} has 8 bits, not {bits}")
        if profile in J1939 and (length, byte, shift, mask, at, lowest, bits) != (8, 7, 0, 0xF, 7, 4, 4):
            raise ValueError(f"{profile} has its counter in the low, its checksum in the high half of byte 7")
        return replace(
            counted,
            modulus=8 if profile == "TSC1" else counted.modulus,
            checksum_byte=at,
            checksum_shift=lowest,
            checksum_bits=3 if profile == "TSC1" else bits,
            extras=extras,
        )

    def _with_own(self, runs: tuple[Run, ...], extras: Extras) -> E2E:
        """With a user's checksum, whose bits are there."""
        return replace(
            self,
            checksum_byte=runs[0].at // 8,
            checksum_shift=runs[0].at % 8,
            checksum_bits=sum(run.bits for run in runs),
            checksum_runs=runs,
            extras=extras,
        )

    def check_places(
        self, counter: Place | None, checksum: Place | None, others: Iterable[tuple[str, Place]] = ()
    ) -> None:
        """Compare where the signals are with where the profile has them.

        Args:
            counter: Of the signal with ``E2ERole`` Counter.
            checksum: Of that with Checksum.
            others: Name and place of the signals without a role.

        Raises:
            ValueError: If a signal is missing or elsewhere: a value of another one would be
                overwritten.
        """
        header = HEADERS.get(self.profile)
        if header is None:
            return
        for role, place, field in zip(
            _ROLES, (counter, checksum), (header.counter, header.checksum), strict=True
        ):
            if place is None:
                raise ValueError(f"no signal of this message has E2ERole {role}")
            _check_place(role, place, field)
        taken = self._filled_in(header)
        for name, place in others:
            if taken & _bits_of(place):
                raise ValueError(f"{name} lies where the profile has length or data identifier")

    def _filled_in(self, header: Header) -> int:
        """The bits besides counter and checksum that the profile writes."""
        bits = sum((1 << field.bits) - 1 << 8 * field.byte for field in header.fixed)
        return bits | (0xF0 << 8 if self.extras.mode == "Nibble" else 0)

    @property
    def has_checksum(self) -> bool:
        """Whether there is more than a counter."""
        return self.checksum_bits > 0

    @property
    def wrong_bits(self) -> int:
        """Bits of the checksum's byte ``checksum_byte`` that make it wrong if they are inverted."""
        bits = self.checksum_runs[0].bits if self.checksum_runs else self.checksum_bits
        within = (1 << min(bits, 8 - self.checksum_shift)) - 1
        return ((0x5A if within == 0xFF else 0x05) & within) << self.checksum_shift

    def protector(self) -> Protector:
        """A sender's side, its counter at 0."""
        return Protector(self)

    def checker(self) -> Checker:
        """A receiver's side that has seen nothing yet."""
        return Checker(self)

    def counter_of(self, data: bytes) -> int:
        """The counter that a frame carries."""
        if self.counter_bytes > 1:
            return int.from_bytes(data[self.counter_byte : self.counter_byte + self.counter_bytes], "big")
        return data[self.counter_byte] >> self.counter_shift & self.counter_mask

    @property
    def seal(self) -> Seal:
        """Fills in the checksum of a frame whose counter is set."""
        return self._guard[0]

    @property
    def is_sealed(self) -> IsSealed:
        """Whether a frame's checksum is right, and what else the profile says about the message."""
        return self._guard[1]

    @cached_property
    def _guard(self) -> Guard:
        identity = Identity(self.data_id, self.length, self.extras)
        return guard_of(self.profile, identity, self.checksum_byte, self.checksum_runs)


def _check_extras(profile: str, extras: Extras) -> None:
    """What only some profiles have.

    Raises:
        ValueError: If this one has it not.
    """
    mode, id_list = extras.mode, extras.id_list
    modes = HEADERS[profile].modes if profile in HEADERS else ("Both",)
    if mode and mode not in modes:
        raise ValueError(f"profile {profile} has no mode {mode!r} of its data identifier")
    if id_list and profile != "P2":
        raise ValueError(f"profile {profile} has no list of data identifiers")
    if extras.rest and extras.own is None:
        raise ValueError(f"profile {profile} has its checksum in one signal")
    if id_list and len(id_list) != 16:
        raise ValueError(f"the list of data identifiers has {len(id_list)} bytes, not 16")


def _check_place(role: str, place: Place, field: Field) -> None:
    """A signal is where the profile has it.

    Raises:
        ValueError: If it is not.
    """
    if field.bits <= 8:
        if place[1] != field.bits or _within_byte(place, role) != (field.byte, 0):
            raise ValueError(f"the {role} must be the low {field.bits} bits from byte {field.byte} on")
    elif place != (8 * field.byte + (0 if field.little else 7), field.bits, field.little):
        order = "little" if field.little else "big"
        raise ValueError(
            f"the {role} must be the low {field.bits} bits from byte {field.byte} on, {order}-endian"
        )


def _bits_of(place: Place) -> int:
    """A signal's bits as a mask; bit ``8 * byte + n`` is bit *n* of that byte."""
    return sum(1 << bit for bit in bits_at(place))


class Protector:
    """Fills in counter and checksum of each frame sent, wrongly if a fault says so."""

    def __init__(self, e2e: E2E) -> None:
        self._e2e = e2e
        self._next = 0
        self._byte = e2e.counter_byte
        self._shift = e2e.counter_shift
        self._bytes = e2e.counter_bytes
        self._clear = 0xFF ^ (e2e.counter_mask << e2e.counter_shift & 0xFF)
        self._modulus = e2e.modulus
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
        if fault == "crc" and not self._e2e.has_checksum:
            raise UsageError("this message has a counter but no checksum that could be wrong")
        if fault is not None and fault != "crc" and not self._e2e.counter_mask:
            raise UsageError("this message has a checksum but no counter that could be wrong")
        self._fault = fault
        self._repeating = False

    @property
    def modulus(self) -> int:
        """After how many frames it begins anew."""
        return self._modulus

    def follow(self, data: bytes) -> None:
        """Let the next frame have the counter after that of this one."""
        self._next = (self._e2e.counter_of(data) + 1) % self._modulus

    def protect(self, data: bytearray) -> None:
        """Protect a frame in place and advance the counter."""
        counter = self._next if self._fault is None else self._faulty()
        byte = self._byte
        if self._bytes == 1:
            data[byte] = data[byte] & self._clear | counter << self._shift
        else:
            data[byte : byte + self._bytes] = counter.to_bytes(self._bytes, "big")
        self._seal(data)
        if self._fault is None:
            self._next = (counter + 1) % self._modulus
            return
        if self._fault == "crc":
            data[self._e2e.checksum_byte] ^= self._e2e.wrong_bits
        if self._fault != "frozen":
            self._next = (counter + 1) % self._modulus

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
        self._modulus = e2e.modulus
        self._one_byte = e2e.counter_bytes == 1
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
        if self._one_byte:
            counter = data[self._byte] >> self._shift & self._mask
        else:
            counter = self._e2e.counter_of(data)
        expected = self._expected
        if counter == expected:
            self._expected = (counter + 1) % self._modulus
            return "ok"
        if counter >= self._modulus:
            return "invalid"
        self._expected = (counter + 1) % self._modulus
        if expected is None:
            return "ok"
        return "repeated" if self._expected == expected else "skipped"
