"""Checksums of one's own: sent, checked on arrival, and told of where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileError, RigFileErrors
from hil.frames.database import Message, load_database
from hil.frames.e2e import E2E
from hil.frames.profiles import Extras
from hil.rig.checksums import load_checksums

DBC = """VERSION ""
BS_:
BU_: BMS VCU
BO_ 291 Request: 4 VCU
 SG_ Check : 24|8@1+ (1,0) [0|255] "" BMS
 SG_ Counter : 16|4@1+ (1,0) [0|15] "" BMS
 SG_ Wanted : 0|16@1+ (1,0) [0|65535] "" BMS
BA_DEF_ BO_ "E2EProfile" ENUM "None","VENDOR";
BA_DEF_ SG_ "E2ERole" ENUM "None","Counter","Checksum";
BA_DEF_DEF_ "E2EProfile" "None";
BA_DEF_DEF_ "E2ERole" "None";
BA_ "E2EProfile" BO_ 291 1;
BA_ "E2ERole" SG_ 291 Counter 1;
BA_ "E2ERole" SG_ 291 Check 2;
"""
VENDOR = "def VENDOR(data, identifier):\n    return ~(sum(data) + identifier) & 0xFF\n"


def _request(folder: Path, source: str) -> Message:
    (folder / "a.dbc").write_text(DBC)
    (folder / "checksums.py").write_text(source)
    checksums = load_checksums(folder / "checksums.py")
    return load_database([folder / "a.dbc"], checksums).messages["Request"]


def test_it_is_sent_and_compared(tmp_path: Path) -> None:
    e2e = _request(tmp_path, VENDOR).e2e
    assert e2e is not None
    data = bytearray(b"\x34\x12\x00\xee")
    e2e.protector().protect(data)
    assert data[3] == ~(0x34 + 0x12 + data[2] + 291) & 0xFF
    assert e2e.is_sealed(bytes(data))
    data[0] ^= 1
    assert not e2e.is_sealed(bytes(data))


def test_without_the_function_the_profile_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "a.dbc").write_text(DBC)
    with pytest.raises(
        RigFileErrors, match=r"profile 'VENDOR' is not one of .* nor one of the bus's checksums"
    ):
        load_database([tmp_path / "a.dbc"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "defines no function"),
        ("import math\n_x = math.sqrt\n", "defines no function"),
        ("def VENDOR(data:\n", r"does not run: SyntaxError: .* \(line 1\)"),
        ("\nx = 1 / 0\n", r"does not run: ZeroDivisionError: .* \(line 2\)"),
        ("def VENDOR(data): return 0\n", "takes other arguments"),
        ("def P1(data, identifier): return 0\n", "is the name of a profile"),
    ],
)
def test_what_is_wrong_with_the_file_is_told(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "checksums.py").write_text(source)
    with pytest.raises(RigFileError, match=said) as raised:
        load_checksums(tmp_path / "checksums.py")
    assert "checksums.py" in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RigFileError, match="cannot be read: No such file"):
        load_checksums(tmp_path / "checksums.py")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("1 / 0", r"VENDOR: raised ZeroDivisionError: division by zero \(line 2\)"),
        ("256", "VENDOR: gave 256, which is no byte"),
        ("None", "VENDOR: gave None, which is no byte"),
        ("exit(3)", r"VENDOR: raised SystemExit"),
        ("sum(0 for _ in iter(int, 1))", r"VENDOR: did not return within 1 s \(line 2\)"),
    ],
)
def test_a_function_that_goes_wrong_is_to_blame_itself(tmp_path: Path, body: str, said: str) -> None:
    e2e = _request(tmp_path, f"def VENDOR(data, identifier):\n    return {body}\n").e2e
    assert e2e is not None
    with pytest.raises(RigFileError, match=said):
        e2e.seal(bytearray(4))


@pytest.mark.parametrize(
    ("signal", "at", "expected"),
    [
        ("16|16@1+ (1,0) [0|65535]", 2, "cdab"),
        ("23|16@0+ (1,0) [0|65535]", 2, "abcd"),
        ("32|32@1+ (1,0) [0|4294967295]", 4, "cdab3412"),
        ("39|32@0+ (1,0) [0|4294967295]", 4, "1234abcd"),
        ("16|24@1+ (1,0) [0|16777215]", 2, "cdab34"),
    ],
)
def test_a_wide_one_stands_as_its_signal_does(tmp_path: Path, signal: str, at: int, expected: str) -> None:
    """In as many bytes, in that order; it gets zeros in their place, and a wrong bit in any is found."""
    source = (
        "def VENDOR(data, identifier):\n"
        f"    assert not any(data[{at}:{at + len(expected) // 2}]), data\n"
        f"    return 0x1234ABCD + data[0] & (1 << {4 * len(expected)}) - 1\n"
    )
    (tmp_path / "checksums.py").write_text(source)
    dbc = DBC.replace("24|8@1+ (1,0) [0|255]", signal).replace("Request: 4", "Request: 8")
    dbc = dbc.replace("Counter : 16|4", "Counter : 8|4")
    dbc = dbc.replace("Wanted : 0|16@1+ (1,0) [0|65535]", "Wanted : 0|8@1+ (1,0) [0|9]")
    (tmp_path / "a.dbc").write_text(dbc)
    checksums = load_checksums(tmp_path / "checksums.py")
    e2e = load_database([tmp_path / "a.dbc"], checksums).messages["Request"].e2e
    assert e2e is not None
    data = bytearray(8)
    e2e.protector().protect(data)
    assert data[at : at + len(expected) // 2].hex() == expected
    assert e2e.checker().check(bytes(data)) == "ok"
    for bit in range(4 * len(expected)):
        wrong = bytearray(data)
        wrong[at + bit // 8] ^= 1 << bit % 8
        assert not e2e.is_sealed(bytes(wrong))
    protector = e2e.protector()
    protector.fault = "crc"
    protector.protect(data)
    assert e2e.checker().check(bytes(data)) == "crc"


def test_a_number_that_does_not_fit_a_wide_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "checksums.py").write_text("def VENDOR(data, identifier):\n    return 1 << 16\n")
    checksum = load_checksums(tmp_path / "checksums.py")["VENDOR"]
    with pytest.raises(RigFileError, match=r"gave 65536, which is no number of 16 bits \(& 0xFFFF\)"):
        checksum(b"", 0, 16)
    assert checksum(b"", 0, 24) == 1 << 16


SPREAD = """VERSION ""
BS_:
BU_: BMS VCU
BO_ 291 Request: 6 VCU
 SG_ Wanted : 0|16@1+ (1,0) [0|65535] "" BMS
 SG_ High : 20|4@1+ (1,0) [0|15] "" BMS
 SG_ Counter : 16|4@1+ (1,0) [0|15] "" BMS
 SG_ Middle : 29|8@0+ (1,0) [0|255] "" BMS
 SG_ Low : 40|4@1+ (1,0) [0|15] "" BMS
BA_DEF_ BO_ "E2EProfile" ENUM "None","VENDOR","XOR";
BA_DEF_ SG_ "E2ERole" ENUM "None","Counter","Checksum","Checksum1","Checksum2","Checksum3";
BA_DEF_DEF_ "E2EProfile" "None";
BA_DEF_DEF_ "E2ERole" "None";
BA_ "E2EProfile" BO_ 291 1;
BA_ "E2ERole" SG_ 291 Counter 1;
BA_ "E2ERole" SG_ 291 High 3;
BA_ "E2ERole" SG_ 291 Middle 4;
BA_ "E2ERole" SG_ 291 Low 5;
"""


def _spread(folder: Path, source: str, dbc: str = SPREAD) -> Message:
    (folder / "a.dbc").write_text(dbc)
    (folder / "checksums.py").write_text(source)
    return load_database([folder / "a.dbc"], load_checksums(folder / "checksums.py")).messages["Request"]


def test_its_bits_may_be_spread_over_several_signals(tmp_path: Path) -> None:
    """16 bits: a nibble, a big-endian byte across two bytes of the frame, and another nibble."""
    message = _spread(tmp_path, "def VENDOR(data, identifier):\n    return 0xABCD if data[2] < 16 else 0\n")
    assert message.e2e is not None
    data = bytearray(b"\x34\x12\xf0\xff\xff\xff")
    message.e2e.protector().protect(data)
    values = message.decode(data)
    assert {name: values[signal.index] for name, signal in message.signals.items()} == {
        "Wanted": 0x1234, "High": 0xA, "Counter": 0, "Middle": 0xBC, "Low": 0xD,
    }  # fmt: skip
    assert (data[3] & 0xC0, data[4] & 0x3F, data[5] & 0xF0) == (0xC0, 0x3F, 0xF0)  # of nobody
    assert message.e2e.is_sealed(bytes(data))


def test_each_of_its_bits_is_compared_and_none_is_reckoned_in(tmp_path: Path) -> None:
    source = (
        "def VENDOR(data, identifier):\n    return sum(3 * n * b for n, b in enumerate(data, 7)) & 0xFFFF\n"
    )
    e2e = _spread(tmp_path, source).e2e
    assert e2e is not None
    data = bytearray(b"\x34\x12\x00\x81\x42\x30")
    e2e.protector().protect(data)
    for bit in range(8 * len(data)):
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        assert not e2e.is_sealed(bytes(wrong)), bit
    whole = bytes(data)
    data[3] ^= 0x3F  # bits of the checksum
    e2e.seal(data)
    assert data == whole


def test_the_fault_of_a_wrong_checksum_makes_one_that_is_spread_wrong(tmp_path: Path) -> None:
    e2e = _spread(tmp_path, "def VENDOR(data, identifier):\n    return sum(data)\n").e2e
    assert e2e is not None
    protector, good, wrong = e2e.protector(), bytearray(6), bytearray(6)
    protector.protect(good)
    protector.fault = "crc"
    protector.protect(wrong)
    assert e2e.checker().check(bytes(wrong)) == "crc"
    assert good[5] >> 4 == wrong[5] >> 4  # and nothing else


def test_one_that_gives_more_than_all_its_signals_hold_is_told(tmp_path: Path) -> None:
    e2e = _spread(tmp_path, "def VENDOR(data, identifier):\n    return 65536\n").e2e
    assert e2e is not None
    with pytest.raises(RigFileError, match=r"VENDOR: gave 65536, which is no number of 16 bits"):
        e2e.protector().protect(bytearray(6))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Middle 4;", "Middle 0;", "no signal of this message has E2ERole Checksum2"),
        ("Middle 4;", "Middle 2;", "there are signals with E2ERole Checksum and with its parts"),
        ("Middle 4;", "Middle 3;", "two signals have E2ERole Checksum1"),
        ("BO_ 291 1;", "BO_ 291 2;", "profile XOR has its checksum in one signal"),
    ],
)
def test_what_is_wrong_with_its_parts_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SPREAD
    with pytest.raises(RigFileErrors, match=said):
        _spread(tmp_path, VENDOR, SPREAD.replace(old, new))


def test_two_whole_ones_in_different_places_are_told(tmp_path: Path) -> None:
    dbc = SPREAD.replace("High 3;", "High 2;").replace("Middle 4;", "Middle 0;").replace("Low 5;", "Low 2;")
    with pytest.raises(RigFileErrors, match="two signals have E2ERole Checksum: the parts of one are"):
        _spread(tmp_path, VENDOR, dbc)


def test_parts_of_several_groups_of_a_multiplexor_that_overlap_are_told() -> None:
    extras = Extras(own=lambda _data, _identifier, _bits: 0, rest=((20, 8, True),))
    with pytest.raises(ValueError, match="two signals of the checksum overlap"):
        E2E.of("VENDOR", 0, 8, None, (16, 8, True), extras)


def test_one_of_too_many_bits_is_told() -> None:
    extras = Extras(own=lambda _data, _identifier, _bits: 0, rest=((64, 1, True),))
    with pytest.raises(ValueError, match="a checksum of one's own has up to 64 bits, not 65"):
        E2E.of("VENDOR", 0, 16, None, (0, 64, True), extras)


@pytest.mark.parametrize(
    "signal", ["20|16@1+ (1,0) [0|65535]", "16|12@1+ (1,0) [0|4095]", "24|3@1+ (1,0) [0|7]"]
)
def test_one_signal_need_not_be_of_whole_bytes(tmp_path: Path, signal: str) -> None:
    dbc = DBC.replace("24|8@1+ (1,0) [0|255]", signal).replace("Request: 4", "Request: 8")
    source = "def VENDOR(data, identifier):\n    return 5 + data[0] % 2\n"
    message = _spread(tmp_path, source, dbc.replace("16|4@1+", "48|4@1+"))
    assert message.e2e is not None
    data = bytearray(8)
    protector = message.e2e.protector()
    protector.protect(data)
    assert message.decode(data)[message.signals["Check"].index] == 5
    protector.fault = "crc"
    protector.protect(data)
    assert message.e2e.checker().check(bytes(data)) == "crc"
