"""Checksums and headers of end-to-end protection: AUTOSAR's profiles, and what else is found on vehicles.

The AUTOSAR profiles are those of the ``autosar-e2e`` package (PRS_E2EProtocol); it writes and compares
checksums, what its checks leave open, length and data identifier of a header, is compared here.

The others have counter and checksum where the DBC file says: ``J1850`` (CRC-8 SAE J1850), ``XOR`` and
``SUM`` over all other bytes, and the two checksums of SAE J1939 that reckon the identifier in, that of
message TSC1 (SPN 4206 and 4207) and that of XBR (SPN 3188 and 3189), both in the last of 8 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial, reduce
from operator import xor

from e2e import p01, p04, p06, p07, p11
from e2e.crc import calculate_crc8 as crc8
from e2e.crc import calculate_crc8_h2f as crc8_h2f
from e2e.crc import calculate_crc16 as crc16

Seal = Callable[[bytearray], None]
IsSealed = Callable[[bytes], bool]
Guard = tuple[Seal, IsSealed]
Place = tuple[int, int, bool]  # of a signal: start bit, length, little-endian
OwnChecksum = Callable[[bytes, int, int], int]
"""Of data with zeros in the checksum's place, and of the identifier; it fits the bits that come last."""


@dataclass(frozen=True)
class Field:
    """A field of a header, whole bytes or the low bits of one.

    Attributes:
        byte: Its first byte; ``bits`` its length.
        little: Whether its bytes come lowest first; of one byte it does not matter.
    """

    byte: int
    bits: int
    little: bool = False


@dataclass(frozen=True)
class Header:
    """What an AUTOSAR profile puts into a frame.

    Attributes:
        modulus: Number of counter values.
        fixed: Length and data identifier, where the profile sends them.
        id_bits: Of the data identifier.
        modes: How the data identifier can be reckoned in; the first is the usual one.
    """

    counter: Field
    checksum: Field
    modulus: int
    fixed: tuple[Field, ...] = ()
    id_bits: int = 16
    modes: tuple[str, ...] = ("Both",)

    @property
    def end(self) -> int:
        """Bytes up to its last one."""
        fields = (self.counter, self.checksum, *self.fixed)
        return max(field.byte + (field.bits + 7) // 8 for field in fields)


_NIBBLE, _BYTE, _CRC16 = Field(1, 4), Field(0, 8), Field(0, 16)

HEADERS = {
    "P1": Header(_NIBBLE, _BYTE, 15, modes=("Both", "Alt", "Low", "Nibble")),
    "P2": Header(_NIBBLE, _BYTE, 16),
    "P4": Header(Field(2, 16), Field(8, 32), 1 << 16, (Field(0, 16), Field(4, 32)), 32),
    "P5": Header(Field(2, 8), Field(0, 16, little=True), 256),
    "P6": Header(Field(4, 8), _CRC16, 256, (Field(2, 16),)),
    "P7": Header(Field(12, 32), Field(0, 64), 1 << 32, (Field(8, 32), Field(16, 32)), 32),
    "P11": Header(_NIBBLE, _BYTE, 15, modes=("Both", "Nibble")),
}
FREE = ("COUNTER", "J1850", "XOR", "SUM", "TSC1", "XBR")  # counter and checksum where the DBC has them
J1939 = ("TSC1", "XBR")
MOST_OWN_BITS = 64  # of a user's checksum


@dataclass(frozen=True)
class Extras:
    """What only some profiles need.

    Attributes:
        mode: How profiles 1 and 11 reckon the data identifier in; empty: as usual.
        id_list: Profile 2's data identifiers, one for each of its 16 counter values.
        frame_id: Identifier on the bus, for the checksums of J1939.
        own: A user's function, in place of a profile.
        rest: Where the bits of its checksum go on after its first signal, in order, the lowest ones last.
    """

    mode: str = ""
    id_list: bytes = b""
    frame_id: int = 0
    own: OwnChecksum | None = None
    rest: tuple[Place, ...] = ()


NO_EXTRAS = Extras()


@dataclass(frozen=True)
class Identity:
    """What tells a message from another one of the same content.

    Attributes:
        data_id: Data identifier.
        length: Bytes of the message.
    """

    data_id: int
    length: int
    extras: Extras

    @property
    def mode(self) -> str:
        """How the data identifier is reckoned in."""
        return self.extras.mode or "Both"


@dataclass(frozen=True)
class Run:
    """Bits of a user's checksum that lie side by side.

    Attributes:
        at: Their lowest one in the frame; bit ``8 * byte + n`` is bit *n* of that byte.
        bits: How many they are.
        low: Their lowest one in the checksum.
    """

    at: int
    bits: int
    low: int

    @property
    def mask(self) -> int:
        """So many ones."""
        return (1 << self.bits) - 1


def bits_at(place: Place) -> list[int]:
    """Where the bits of a signal are, the highest one first."""
    start, bits, little = place
    if little:
        return list(range(start + bits - 1, start - 1, -1))
    at = [start]
    while len(at) < bits:
        at.append(at[-1] - 1 if at[-1] % 8 else at[-1] + 15)
    return at


def runs_of(places: Iterable[Place]) -> tuple[Run, ...]:
    """How a number lies in one signal, or in several of which the first has its highest bits."""
    at = [bit for place in places for bit in bits_at(place)]
    runs: list[Run] = []
    for low, bit in enumerate(reversed(at)):
        if runs and bit == runs[-1].at + runs[-1].bits:
            runs[-1] = replace(runs[-1], bits=runs[-1].bits + 1)
        else:
            runs.append(Run(bit, 1, low))
    return tuple(runs)


def guard_of(profile: str, identity: Identity, byte: int, runs: tuple[Run, ...]) -> Guard:
    """How a frame gets its checksum once its counter is set, and whether it has the right one.

    Args:
        profile: One of ``HEADERS`` or ``FREE``.
        identity: Of the message.
        byte: Where the checksum is, of the profiles of ``FREE``.
        runs: Where it is, of a user's function.
    """
    if identity.extras.own is not None:
        return _own(identity.extras.own, identity.extras.frame_id, runs)
    if profile in _OF_AUTOSAR:
        return _OF_AUTOSAR[profile](identity)
    if profile in J1939:
        return _j1939(profile, identity.extras.frame_id)
    if profile == "COUNTER":
        return _nothing, _always
    return _of_byte(_PLAIN[profile](byte), byte)


def _nothing(_data: bytearray) -> None:
    """There is no checksum."""


def _always(_data: bytes) -> bool:
    return True


def _of_byte(checksum: Callable[[bytes], int], byte: int) -> Guard:
    """A checksum of 8 bits."""

    def seal(data: bytearray) -> None:
        data[byte] = checksum(data)  # type: ignore[arg-type]  # any buffer will do

    return seal, lambda data: checksum(data) == data[byte]


def _own(function: OwnChecksum, frame_id: int, runs: tuple[Run, ...]) -> Guard:
    """A user's checksum, wherever its bits are."""
    bits = sum(run.bits for run in runs)
    taken = sum(run.mask << run.at for run in runs)

    def sealed(data: bytes | bytearray) -> bytes:
        size = len(data)
        rest = int.from_bytes(data, "little") & ~taken
        number = function(rest.to_bytes(size, "little"), frame_id, bits)
        for run in runs:
            rest |= (number >> run.low & run.mask) << run.at
        return rest.to_bytes(size, "little")

    def seal(data: bytearray) -> None:
        data[:] = sealed(data)

    return seal, lambda data: sealed(data) == data


def _p1(identity: Identity) -> Guard:
    """Both bytes of the data identifier by the CRC alone, the other modes by the package.

    The package's CRC inverts before and after; the profile wants neither, hence the last argument, which
    continues a CRC, and the inversion of the result.
    """
    if identity.mode != "Both":
        mode = getattr(p01, f"E2E_P01_DATAID_{identity.mode.upper()}")
        return _nibbled(p01.e2e_p01_protect, p01.e2e_p01_check, identity, mode)
    start = crc8(identity.data_id.to_bytes(2, "little"), 0xFF, False)

    def seal(data: bytearray) -> None:
        data[0] = crc8(data[1:], start, False) ^ 0xFF  # type: ignore[arg-type]  # any buffer will do

    return seal, lambda data: crc8(data[1:], start, False) ^ 0xFF == data[0]


def _p11(identity: Identity) -> Guard:
    mode = getattr(p11, f"E2E_P11_DATAID_{identity.mode.upper()}")
    return _nibbled(p11.e2e_p11_protect, p11.e2e_p11_check, identity, mode)


def _nibbled(
    protect: Callable[..., None], check: Callable[..., bool], identity: Identity, mode: int
) -> Guard:
    """Profiles 1 and 11: in mode Nibble a part of the data identifier stands beside the counter."""
    seal = partial(protect, data_id=identity.data_id, data_id_mode=mode, increment_counter=False)
    right = partial(check, data_id=identity.data_id, data_id_mode=mode)
    if identity.mode != "Nibble":
        return seal, lambda data: right(bytearray(data))  # it takes buffers only that can be written
    nibble = identity.data_id >> 8 & 0x0F
    return seal, lambda data: data[1] >> 4 == nibble and right(bytearray(data))


def _p2(identity: Identity) -> Guard:
    identifiers = identity.extras.id_list or bytes([identity.data_id & 0xFF]) * 16
    tails = [bytes([one]) for one in identifiers]
    return _of_byte(lambda data: crc8_h2f(data[1:] + tails[data[1] & 0x0F]), 0)


def _p5(identity: Identity) -> Guard:
    identifier = identity.data_id.to_bytes(2, "little")

    def seal(data: bytearray) -> None:
        data[:2] = crc16(bytes(data[2:]) + identifier).to_bytes(2, "little")

    return seal, lambda data: crc16(data[2:] + identifier) == data[0] | data[1] << 8


def _p4(identity: Identity) -> Guard:
    length, data_id = identity.length.to_bytes(2, "big"), identity.data_id.to_bytes(4, "big")
    right = partial(p04.e2e_p04_check, data_id=identity.data_id)
    return (
        partial(p04.e2e_p04_protect, data_id=identity.data_id, increment_counter=False),
        lambda data: data[:2] == length and data[4:8] == data_id and right(data),
    )


def _p6(identity: Identity) -> Guard:
    length = identity.length.to_bytes(2, "big")
    right = partial(p06.e2e_p06_check, data_id=identity.data_id, length=identity.length)
    return (
        partial(
            p06.e2e_p06_protect, data_id=identity.data_id, length=identity.length, increment_counter=False
        ),
        lambda data: data[2:4] == length and right(data),
    )


def _p7(identity: Identity) -> Guard:
    length, data_id = identity.length.to_bytes(4, "big"), identity.data_id.to_bytes(4, "big")
    right = partial(p07.e2e_p07_check, data_id=identity.data_id)
    return (
        partial(p07.e2e_p07_protect, data_id=identity.data_id, increment_counter=False),
        lambda data: data[8:12] == length and data[16:20] == data_id and right(data),
    )


_OF_AUTOSAR: dict[str, Callable[[Identity], Guard]] = {
    "P1": _p1, "P2": _p2, "P4": _p4, "P5": _p5, "P6": _p6, "P7": _p7, "P11": _p11,
}  # fmt: skip


def _j1850(byte: int) -> Callable[[bytes], int]:
    return lambda data: crc8(data[:byte] + data[byte + 1 :])


def _xor(byte: int) -> Callable[[bytes], int]:
    return lambda data: reduce(xor, data, data[byte])


def _sum(byte: int) -> Callable[[bytes], int]:
    return lambda data: (sum(data) - data[byte]) & 0xFF


_PLAIN: dict[str, Callable[[int], Callable[[bytes], int]]] = {"J1850": _j1850, "XOR": _xor, "SUM": _sum}


def _tsc1(total: int) -> int:
    """SPN 4207: three bits, in a field of four."""
    return ((total >> 6 & 0x03) + (total >> 3) + total) & 0x07


def _xbr(total: int) -> int:
    """SPN 3188: four bits."""
    return ((total >> 4) + total) & 0x0F


def _j1939(profile: str, frame_id: int) -> Guard:
    """Over the first seven bytes, the counter and the identifier; the checksum above the counter."""
    identifier = sum(frame_id.to_bytes(4, "big"))
    fold = _tsc1 if profile == "TSC1" else _xbr

    def checksum(data: bytes) -> int:
        return fold(sum(data[:7]) + (data[7] & 0x0F) + identifier)

    def seal(data: bytearray) -> None:
        data[7] = data[7] & 0x0F | checksum(data) << 4  # type: ignore[arg-type]  # any buffer will do

    return seal, lambda data: checksum(data) == data[7] >> 4
