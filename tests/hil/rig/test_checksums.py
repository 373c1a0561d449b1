"""Checksums of one's own: sent, checked on arrival, and told of where they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileError, RigFileErrors
from hil.frames.database import Message, load_database
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
def test_a_wide_one_stands_as_its_signal_does(
    tmp_path: Path, signal: str, at: int, expected: str
) -> None:
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


@pytest.mark.parametrize(
    "signal", ["20|16@1+ (1,0) [0|65535]", "16|12@1+ (1,0) [0|4095]", "24|4@1+ (1,0) [0|15]"]
)
def test_one_of_parts_of_bytes_is_refused(tmp_path: Path, signal: str) -> None:
    (tmp_path / "checksums.py").write_text(VENDOR)
    dbc = DBC.replace("24|8@1+ (1,0) [0|255]", signal).replace("Request: 4", "Request: 8")
    (tmp_path / "a.dbc").write_text(dbc.replace("16|4@1+", "48|4@1+"))
    with pytest.raises(RigFileErrors, match="a checksum of one's own has 8, 16, 24, 32, 64 bits, in whole"):
        load_database([tmp_path / "a.dbc"], load_checksums(tmp_path / "checksums.py"))
