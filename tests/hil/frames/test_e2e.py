"""End-to-end protection: known vectors, the autosar-e2e package as oracle, faults and findings."""

import e2e
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import UsageError
from hil.frames.e2e import E2E, CounterFault, Finding
from hil.frames.profiles import Extras

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


@pytest.mark.parametrize(
    ("mode", "first", "second"),
    [("Both", "cc00", "9101"), ("Alt", "ce00", "0201"), ("Low", "ce00", "9301"), ("Nibble", "2a10", "7711")],
)
def test_profile_1_with_each_mode_of_the_data_identifier(mode: str, first: str, second: str) -> None:
    scheme = E2E.of("P1", 0x123, 8, None, extras=Extras(mode))
    assert protected(scheme, 0, bytes(8)) == first + "000000000000"
    assert protected(scheme, 1, bytes(8)) == second + "000000000000"


def test_profile_2_with_a_list_of_data_identifiers() -> None:
    scheme = E2E.of("P2", 0, 8, None, extras=Extras(id_list=bytes(range(16))))
    assert protected(scheme, 1, bytes(range(8))) == "6101020304050607"
    assert protected(scheme, 2, bytes(range(8))) == "bc02020304050607"


@pytest.mark.parametrize(
    ("profile", "data_id", "length", "frames"),
    [  # of the tests of autosar-e2e, which follow the examples of PRS_E2EProtocol
        ("P4", 0x0A0B0C0D, 16, ["001000000a0b0c0d862b055600000000", "001000010a0b0c0da58e680700000000"]),
        ("P6", 0x1234, 8, ["b155000800000000", "f4f5000801000000"]),
        (
            "P7",
            0x0A0B0C0D,
            24,
            [
                "1fb2e737fcedbcd900000018000000000a0b0c0d00000000",
                "7bde7268b8e9bc2700000018000000010a0b0c0d00000000",
            ],
        ),
        ("P11", 0x123, 8, ["cc00000000000000", "9101000000000000"]),
    ],
)
def test_vectors_of_profiles_4_6_7_and_11(
    profile: str, data_id: int, length: int, frames: list[str]
) -> None:
    scheme = E2E.of(profile, data_id, length, None)
    assert [protected(scheme, counter, bytes(length)) for counter in (0, 1)] == frames
    assert [scheme.counter_of(bytes.fromhex(frame)) for frame in frames] == [0, 1]


def test_profile_11_with_a_nibble_of_the_data_identifier() -> None:
    scheme = E2E.of("P11", 0x123, 8, None, extras=Extras("Nibble"))
    assert protected(scheme, 1, bytes(8)) == "7711000000000000"
    other = E2E.of("P11", 0x223, 8, None, extras=Extras("Nibble"))
    assert other.checker().check(bytes.fromhex("7711000000000000")) == "crc"


@pytest.mark.parametrize("profile", ["P4", "P6", "P7"])
def test_a_frame_of_another_message_is_refused(profile: str) -> None:
    """Length and data identifier stand in the header, so its checksum alone does not tell."""
    theirs, ours = E2E.of(profile, 0x2345, 32, None), E2E.of(profile, 0x1234, 32, None)
    frame = bytes.fromhex(protected(theirs, 0, bytes(32)))
    assert theirs.checker().check(frame) == "ok"
    assert ours.checker().check(frame) == "crc"


COUNTER, BYTE_7, HIGH_7, LOW_7 = (0, 4, True), (56, 8, True), (60, 4, True), (56, 4, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [(row[0], row[1]) for row in CRC_VECTORS if len(row[0]) == 8],
)
def test_crc_8_over_all_other_bytes(data: str, expected: int) -> None:
    scheme = E2E.of("J1850", 0, 5, None, (32, 8, True))
    assert protected(scheme, 0, bytes.fromhex(data + "ee")) == f"{data.lower()}{expected:02x}"


@pytest.mark.parametrize(("profile", "expected"), [("XOR", 0x01 ^ 0x22 ^ 0xF0), ("SUM", 0x13)])
def test_xor_and_sum_over_all_other_bytes(profile: str, expected: int) -> None:
    scheme = E2E.of(profile, 0, 4, None, (15, 8, False))
    assert protected(scheme, 0, bytes([0x01, 0x77, 0x22, 0xF0])) == f"01{expected:02x}22f0"


@pytest.mark.parametrize(
    ("profile", "payload", "counter", "last"),
    [  # reckoned by hand from the formulas of SPN 4207 and SPN 3188, identifier 0x0C000003
        # 0x0C + 3 = 15; payload 10 + 0x20 + 0x30 = 90; counter 5: 110 = 0b1101110; (1 + 13 + 110) & 7 = 4
        ("TSC1", "0a203000000000ff", 5, 0x45),
        ("XBR", "0a203000000000ff", 5, 0x45),  # (110 >> 4 = 6) + 110 = 116; & 15 = 4
        ("TSC1", "ffffffffffffffff", 7, 0x57),  # 7 * 255 + 7 + 15 = 1807: (0 + 225 + 1807) & 7 = 0
    ],
)
def test_the_checksums_of_j1939(profile: str, payload: str, counter: int, last: int) -> None:
    scheme = E2E.of(profile, 0, 8, LOW_7, HIGH_7, Extras(frame_id=0x0C000003))
    frame = bytes.fromhex(protected(scheme, counter, bytes.fromhex(payload)))
    total = sum(frame[:7]) + counter + 15
    folded = (total >> 6 & 3) + (total >> 3) + total if profile == "TSC1" else (total >> 4) + total
    assert frame[7] == (folded & (7 if profile == "TSC1" else 15)) << 4 | counter
    if payload.startswith("0a"):
        assert frame[7] == last


def test_another_identifier_is_another_checksum() -> None:
    frame = bytes.fromhex(
        protected(E2E.of("XBR", 0, 8, LOW_7, HIGH_7, Extras(frame_id=0x0C000003)), 0, bytes(8))
    )
    other = E2E.of("XBR", 0, 8, LOW_7, HIGH_7, Extras(frame_id=0x0C000004))
    assert other.checker().check(frame) == "crc"


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


STRONG = [
    *(E2E.of(profile, 0x2A5, 8, None) for profile in ("P1", "P2", "P5", "P6", "P11")),
    *(E2E.of("P1", 0x2A5, 8, None, extras=Extras(mode)) for mode in ("Low", "Nibble")),
    *(E2E.of(profile, 0x2A5, 32, None) for profile in ("P4", "P7")),
    *(E2E.of(profile, 0, 8, COUNTER, BYTE_7) for profile in ("J1850", "XOR", "SUM")),
    E2E.of("XBR", 0, 8, LOW_7, HIGH_7, Extras(frame_id=0x0C000003)),
]


@pytest.mark.parametrize("scheme", STRONG, ids=lambda scheme: f"{scheme.profile}{scheme.extras.mode}")
@given(data=st.data())
def test_one_wrong_bit_is_always_found(scheme: E2E, data: st.DataObject) -> None:
    payload = data.draw(st.binary(min_size=scheme.length, max_size=scheme.length))
    octets = bytearray.fromhex(protected(scheme, 3, payload))
    bit = data.draw(st.integers(0, 8 * scheme.length - 1))
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
MORE = [
    E2E.of("P4", 0x0A0B0C0D, 16, None),
    E2E.of("P6", 0x1234, 16, None),
    E2E.of("P7", 0x0A0B0C0D, 24, None),
    E2E.of("P11", 0x123, 8, None),
    E2E.of("XOR", 0, 8, COUNTER, BYTE_7),
    E2E.of("TSC1", 0, 8, LOW_7, HIGH_7, Extras(frame_id=0x0C000003)),
]
ALL, ALL_NAMES = SCHEMES + MORE, NAMES + [scheme.profile for scheme in MORE]


@pytest.mark.parametrize("scheme", ALL, ids=ALL_NAMES)
def test_good_frames_are_good_over_the_wrap(scheme: E2E) -> None:
    protector, checker = scheme.protector(), scheme.checker()
    for _ in range(600):
        data = bytearray(b"\xa5" * scheme.length)
        protector.protect(data)
        assert checker.check(bytes(data)) == "ok"


def findings(scheme: E2E, fault: CounterFault, count: int) -> list[Finding]:
    """What a checker says of frames under a fault, after three good ones."""
    protector, checker = scheme.protector(), scheme.checker()
    found = []
    for place in range(3 + count):
        if place == 3:
            protector.fault = fault
        data = bytearray(scheme.length)
        protector.protect(data)
        found.append(checker.check(bytes(data)))
    assert found[:3] == ["ok"] * 3
    protector.fault = None
    data = bytearray(scheme.length)
    protector.protect(data)
    assert checker.check(bytes(data)) == ("skipped" if fault == "crc" else "ok")
    return found[3:]


@pytest.mark.parametrize("scheme", SCHEMES[:4] + MORE, ids=NAMES[:4] + [scheme.profile for scheme in MORE])
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


@pytest.mark.parametrize("scheme", SCHEMES[:3] + MORE, ids=NAMES[:3] + [scheme.profile for scheme in MORE])
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


def test_a_counter_that_is_not_there_cannot_be_wrong() -> None:
    scheme = E2E.of("XOR", 0, 8, None, BYTE_7)
    with pytest.raises(UsageError, match="no counter"):
        scheme.protector().fault = "frozen"
    checker = scheme.checker()
    frames = [bytes.fromhex(protected(scheme, 0, bytes([k] * 8))) for k in (1, 1, 2)]
    assert [checker.check(frame) for frame in frames] == ["ok"] * 3


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
        ("P4", 0, 12, None, "needs more than 12 bytes"),
        ("P6", 0x10000, 8, None, "does not fit into 16 bits"),
        ("P7", 1 << 32, 32, None, "does not fit into 32 bits"),
        ("XOR", 0, 8, (0, 4, True), "E2ERole Checksum"),
        ("TSC1", 0, 8, None, "E2ERole Counter"),
    ],
)
def test_what_cannot_be(
    profile: str, data_id: int, length: int, counter: tuple[int, int, bool] | None, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        E2E.of(profile, data_id, length, counter)


@pytest.mark.parametrize(
    ("profile", "counter", "checksum", "extras", "reason"),
    [
        ("SUM", COUNTER, (56, 4, True), Extras(), "has 8 bits, not 4"),
        ("TSC1", COUNTER, HIGH_7, Extras(), "high half of byte 7"),
        ("P5", None, None, Extras("Low"), "no mode 'Low'"),
        ("P1", None, None, Extras(id_list=bytes(16)), "no list of data identifiers"),
        ("P2", None, None, Extras(id_list=bytes(15)), "15 bytes, not 16"),
    ],
)
def test_what_a_profile_does_not_have(
    profile: str,
    counter: tuple[int, int, bool] | None,
    checksum: tuple[int, int, bool] | None,
    extras: Extras,
    reason: str,
) -> None:
    with pytest.raises(ValueError, match=reason):
        E2E.of(profile, 0, 8, counter, checksum, extras)


def test_where_a_profile_has_its_signals() -> None:
    scheme = E2E.of("P4", 1, 16, None)
    counter, checksum = (23, 16, False), (71, 32, False)
    scheme.check_places(counter, checksum, [("Value", (103, 16, False))])
    with pytest.raises(ValueError, match="Checksum must be the low 32 bits from byte 8 on, big-endian"):
        scheme.check_places(counter, (64, 32, True))
    with pytest.raises(ValueError, match="Value lies where the profile has length or data identifier"):
        scheme.check_places(counter, checksum, [("Value", (56, 8, True))])
    nibble = E2E.of("P11", 0x123, 8, None, extras=Extras("Nibble"))
    with pytest.raises(ValueError, match="Value lies"):
        nibble.check_places((8, 4, True), (0, 8, True), [("Value", (12, 8, True))])
