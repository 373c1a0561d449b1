"""End-to-end protection: known vectors, the autosar-e2e package as oracle, faults and findings."""

import e2e
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UsageError
from hil.frames.e2e import E2E, CounterFault, Finding

CRC_VECTORS = [  # AUTOSAR CRC library: data, SAE-J1850, 8H2F, CCITT-FALSE
    ("00000000", 0x59, 0x12, 0x84C0),
    ("F20183", 0x37, 0xC2, 0xD374),
    ("0FAA0055", 0x79, 0xC6, 0x2023),
    ("00FF5511", 0xB8, 0x77, 0xB8F9),
    ("332255AABBCCDDEEFF", 0xCB, 0x11, 0xF53F),
    ("926B55", 0x8C, 0x33, 0x0745),
    ("FFFFFFFF", 0x74, 0x6C, 0x1D0F),
    ("313233343536373839", 0x4B, 0xDF, 0x29B1),
]


@pytest.mark.parametrize(("data", "j1850", "h2f", "ccitt"), CRC_VECTORS)
def test_the_crc_functions_that_the_profiles_use(
    data: str, j1850: int, h2f: int, ccitt: int
) -> None:
    octets = bytes.fromhex(data)
    assert e2e.crc.calculate_crc8(octets) == j1850
    assert e2e.crc.calculate_crc8_h2f(octets) == h2f
    assert e2e.crc.calculate_crc16(octets) == ccitt


def test_another_source_of_j1850() -> None:
    assert e2e.crc.calculate_crc8(bytes.fromhex("00C0DFACAA0740")) == 0x6C


def protected(scheme: E2E, counter: int, payload: bytes) -> str:
    protector = scheme.protector()
    for _ in range(counter):
        protector.protect(bytearray(payload))
    data = bytearray(payload)
    protector.protect(data)
    return data.hex()


def test_profile_1_vectors() -> None:
    scheme = E2E.of("P1", 0x123, 8, None)
    assert protected(scheme, 0, bytes(8)) == "cc00000000000000"
    assert protected(scheme, 1, bytes(8)) == "9101000000000000"


def test_profile_2_vector() -> None:
    assert protected(E2E.of("P2", 0, 8, None), 1, bytes(8)) == "4501000000000000"


@pytest.mark.parametrize(("counter", "expected"), [(0, "1cca000000000000"), (1, "cf8d010000000000")])
def test_profile_5_vectors(counter: int, expected: str) -> None:
    assert protected(E2E.of("P5", 0x1234, 8, None), counter, bytes(8)) == expected


@pytest.mark.parametrize(("profile", "byte"), [("P1", 1), ("P2", 1), ("P5", 2)])
@given(
    data_id=st.integers(0, 0xFFFF),
    payload=st.binary(min_size=8, max_size=8),
    count=st.integers(0, 40),
)
def test_agrees_with_the_package(
    profile: str, byte: int, data_id: int, payload: bytes, count: int
) -> None:
    scheme = E2E.of(profile, data_id, 8, None)
    ours = bytes.fromhex(protected(scheme, count, payload))
    theirs = bytearray(payload)
    theirs[byte] = ours[byte]
    if profile == "P1":
        e2e.p01.e2e_p01_protect(theirs, data_id, increment_counter=False)
    elif profile == "P2":
        e2e.p02.e2e_p02_protect(theirs, bytes([data_id & 255]) * 16, increment_counter=False)
    else:
        e2e.p05.e2e_p05_protect(theirs, data_id, increment_counter=False)
    assert ours == bytes(theirs)
    assert scheme.counter_of(ours) == count % scheme.modulus
    assert scheme.is_sealed(ours)


@pytest.mark.parametrize("profile", ["P1", "P2", "P5"])
@given(data=st.data())
def test_one_wrong_bit_is_always_found(profile: str, data: st.DataObject) -> None:
    scheme = E2E.of(profile, 0x2A5, 8, None)
    payload = data.draw(st.binary(min_size=8, max_size=8))
    octets = bytearray.fromhex(protected(scheme, 3, payload))
    bit = data.draw(st.integers(0, 63))
    octets[bit // 8] ^= 1 << bit % 8
    assert scheme.checker().check(bytes(octets)) == "crc"


SCHEMES = [
    E2E.of("P1", 0x123, 8, None),
    E2E.of("P2", 0x45, 8, None),
    E2E.of("P5", 0x1234, 8, None),
    E2E.of("COUNTER", 0, 8, (32, 4, True)),
    E2E.of("COUNTER", 0, 8, (15, 2, False)),
]
NAMES = [f"{scheme.profile}-{scheme.modulus}" for scheme in SCHEMES]


@pytest.mark.parametrize("scheme", SCHEMES, ids=NAMES)
def test_good_frames_are_good_over_the_wrap(scheme: E2E) -> None:
    protector, checker = scheme.protector(), scheme.checker()
    for _ in range(600):
        data = bytearray(b"\xa5" * 8)
        protector.protect(data)
        assert checker.check(bytes(data)) == "ok"


def findings(scheme: E2E, fault: CounterFault, count: int) -> list[Finding]:
    """What a checker says of frames under a fault, after three good ones."""
    protector, checker = scheme.protector(), scheme.checker()
    found = []
    for place in range(3 + count):
        if place == 3:
            protector.fault = fault
        data = bytearray(8)
        protector.protect(data)
        found.append(checker.check(bytes(data)))
    assert found[:3] == ["ok"] * 3
    protector.fault = None
    data = bytearray(8)
    protector.protect(data)
    assert checker.check(bytes(data)) == ("skipped" if fault == "crc" else "ok")
    return found[3:]


@pytest.mark.parametrize("scheme", SCHEMES[:4], ids=NAMES[:4])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("frozen", ["repeated"] * 4),
        ("skip", ["skipped"] * 4),
        ("repeat", ["repeated", "ok", "repeated", "ok"]),
    ],
)
def test_a_lying_counter_is_found(
    scheme: E2E, fault: CounterFault, expected: list[str]
) -> None:
    assert findings(scheme, fault, 4) == expected


@pytest.mark.parametrize("scheme", SCHEMES[:3], ids=NAMES[:3])
def test_a_wrong_checksum_is_found(scheme: E2E) -> None:
    assert findings(scheme, "crc", 4) == ["crc"] * 4


def test_each_fault_begins_afresh() -> None:
    protector, checker = SCHEMES[0].protector(), SCHEMES[0].checker()

    def send(fault: CounterFault | None) -> str:
        protector.fault = fault
        data = bytearray(8)
        protector.protect(data)
        return checker.check(bytes(data))

    assert [send(fault) for fault in (None, "repeat", None, "repeat", None)] == [
        "ok",
        "repeated",
        "ok",
        "repeated",
        "ok",
    ]


def test_a_counter_that_the_profile_does_not_have() -> None:
    data = bytearray(8)
    data[1] = 15
    e2e.p01.e2e_p01_protect(data, 0x123, increment_counter=False)
    assert SCHEMES[0].checker().check(bytes(data)) == "invalid"


@pytest.mark.parametrize("length", [0, 7, 9])
def test_a_frame_of_another_length(length: int) -> None:
    assert SCHEMES[0].checker().check(bytes(length)) == "length"


def test_a_checksum_that_is_not_there_cannot_be_wrong() -> None:
    with pytest.raises(UsageError, match="no checksum"):
        SCHEMES[3].protector().fault = "crc"


@pytest.mark.parametrize(
    ("profile", "data_id", "length", "counter", "reason"),
    [
        ("P9", 0, 8, None, "is not one of"),
        ("P1", 0, 2, None, "more than 2 bytes"),
        ("P5", 0x10000, 8, None, "does not fit into 16 bits"),
        ("COUNTER", 0, 8, None, "E2ERole Counter"),
        ("COUNTER", 0, 8, (6, 4, True), "crosses a byte"),
    ],
)
def test_what_cannot_be(
    profile: str, data_id: int, length: int, counter: tuple[int, int, bool] | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        E2E.of(profile, data_id, length, counter)
