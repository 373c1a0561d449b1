"""DBC files that the rig cannot follow are refused, all mistakes at once."""

from pathlib import Path

import pytest

from hil.bus.frame import CLASSIC, FAST, FD
from hil.errors import RigFileErrors
from hil.frames.database import load_database

HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: A B\n'
TAIL = """
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ BO_ "GenMsgStartDelayTime" INT 0 65535;
BA_DEF_ BO_ "E2EProfile" ENUM "None","P1","P2","P5","COUNTER";
BA_DEF_ BO_ "E2EDataId" INT 0 100000;
BA_DEF_ SG_ "E2ERole" ENUM "None","Counter","Checksum";
BA_DEF_ SG_ "SigNotAvailable" INT -1 2147483647;
BA_DEF_ SG_ "GenSigStartValue" FLOAT -2147483648 4294967295;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "GenMsgStartDelayTime" 0;
BA_DEF_DEF_ "E2EProfile" "None";
BA_DEF_DEF_ "E2EDataId" 0;
BA_DEF_DEF_ "E2ERole" "None";
BA_DEF_DEF_ "SigNotAvailable" -1;
BA_DEF_DEF_ "GenSigStartValue" 0;
"""


def write(folder: Path, messages: str, attributes: str = "", name: str = "x.dbc") -> Path:
    path = folder / name
    path.write_text(HEAD + messages + "\n" + TAIL + attributes, encoding="utf-8")
    return path


def mistakes(*paths: Path) -> list[str]:
    with pytest.raises(RigFileErrors) as caught:
        load_database(paths)
    return [str(error) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (
            'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n SG_ T : 4|8@1+ (1,0) [0|0] "" B',
            "overlapping",
        ),
        ('BO_ 1 M: 1 A\n SG_ S : 4|8@1+ (1,0) [0|0] "" B', "does not fit in message"),
        ("BO_ one M: 8 A", "does not parse"),
        ('BA_DEF_ "E2E" ENUM "None","XOR";\nBA_ "E2E" "XOR";', "a text where the number of its ENUM value"),
        ("\0\1\2 garbage", "it is no text"),
    ],
    ids=["overlap", "too long", "no number", "name", "garbage"],
)
def test_one_mistake(tmp_path: Path, messages: str, reason: str) -> None:
    found = mistakes(write(tmp_path, messages))
    assert len(found) == 1
    assert reason in found[0]
    assert "x.dbc" in found[0]


@pytest.mark.parametrize(
    ("signals", "attributes", "reason"),
    [
        ('SG_ S : 0|8@1+ (0,0) [0|0] "" B', "", "S: the factor is 0"),
        ('SG_ S : 0|8@1+ (1e999,0) [0|0] "" B', "", "S: its values are too large for any number"),
        ('SG_ S : 0|8@1+ (1,1e999) [0|0] "" B', "", "S: its values are too large for any number"),
        ('SG_ S : 0|8@1+ (1e307,1e308) [0|0] "" B', "", "S: its values are too large for any number"),
        ('SG_ S : 0|8@1+ (1,0) [9|3] "" B', "", "S: the range is empty: 9 to 3"),
        (
            'SG_ P M : 0|8@1+ (2,0) [0|0] "" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] "" B',
            "",
            "P: a multiplexor is a whole number",
        ),
        (
            'SG_ S : 0|24@1- (1,0) [0|0] "" B',
            "SIG_VALTYPE_ 1 S : 1;",
            "S: a floating-point number has no 24 bits",
        ),
        (
            'SG_ P M : 0|8@1+ (1,0) [0|0] "" B\n SG_ Q m1M : 8|8@1+ (1,0) [0|0] "" B\n'
            ' SG_ S m2 : 16|8@1+ (1,0) [0|0] "" B',
            "SG_MUL_VAL_ 1 Q P 1-1;\nSG_MUL_VAL_ 1 S Q 2-2;",
            "nested multiplexing, by P and Q,",
        ),
    ],
    ids=["factor", "huge factor", "huge offset", "huge together", "range", "multiplexor", "float", "nested"],
)
def test_a_message_that_cannot_be_used_keeps_no_other_one_out(
    tmp_path: Path, signals: str, attributes: str, reason: str
) -> None:
    other = 'BO_ 2 N: 8 A\n SG_ T : 0|8@1+ (1,0) [0|0] "" B'
    messages = load_database([write(tmp_path, f"BO_ 1 M: 8 A\n {signals}\n\n{other}", attributes)]).messages
    flaw = messages["M"].flaw
    assert flaw is not None
    assert flaw[0].startswith(reason)
    assert messages["N"].flaw is None
    assert messages["N"].decode(b"\x05" + bytes(7)) == (5,)


def test_all_mistakes_of_all_files_at_once(tmp_path: Path) -> None:
    broken = write(tmp_path, "BO_ one M: 8 A", name="broken.dbc")
    odd = write(
        tmp_path,
        'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n'
        'BO_ 2 N: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B',
        'BA_ "SigNotAvailable" SG_ 1 S 256;\nBA_ "SigNotAvailable" SG_ 2 S 257;\n',
        name="odd.dbc",
    )
    missing = tmp_path / "missing.dbc"
    found = mistakes(broken, odd, missing)
    assert len(found) == 4
    assert [name in "".join(found) for name in ("broken.dbc", "odd.dbc", "missing.dbc")] == [1] * 3


def test_a_message_twice(tmp_path: Path) -> None:
    one = write(tmp_path, "BO_ 1 M: 8 A", name="one.dbc")
    two = write(tmp_path, "BO_ 1 N: 8 A", name="two.dbc")
    found = mistakes(one, two)
    assert len(found) == 1
    assert "identifier 0x1 is also that of M" in found[0]


PROTECTED = """BO_ 1 M: 8 A
 SG_ Crc : 0|8@1+ (1,0) [0|255] "" B
 SG_ Counter : {start}|{length}@1+ (1,0) [0|14] "" B
"""
ROLES = """BA_ "E2EProfile" BO_ 1 {profile};
BA_ "E2EDataId" BO_ 1 {data_id};
BA_ "E2ERole" SG_ 1 Crc 2;
BA_ "E2ERole" SG_ 1 Counter 1;
"""


@pytest.mark.parametrize(
    ("start", "length", "profile", "data_id", "reason"),
    [
        (12, 4, 1, 5, "the Counter must be the low 4 bits from byte 1 on"),
        (16, 8, 3, 5, "the Checksum must be the low 16 bits from byte 0 on"),
        (8, 4, 1, 70000, "data identifier 70000"),
    ],
)
def test_protection_that_would_overwrite_other_bits(
    tmp_path: Path, start: int, length: int, profile: int, data_id: int, reason: str
) -> None:
    path = write(
        tmp_path,
        PROTECTED.format(start=start, length=length),
        ROLES.format(profile=profile, data_id=data_id),
    )
    assert reason in mistakes(path)[0]


def test_protection_without_its_signals(tmp_path: Path) -> None:
    path = write(tmp_path, "BO_ 1 M: 8 A", 'BA_ "E2EProfile" BO_ 1 1;\n')
    assert "no signal of this message has E2ERole Counter" in mistakes(path)[0]


def test_attributes(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        PROTECTED.format(start=8, length=4)
        + ' SG_ Current : 16|16@1- (0.1,5) [-1000|5000] "A" B\n'
        + ' SG_ Wide : 32|4@1+ (1,0) [0|100] "" B\n',
        ROLES.format(profile=1, data_id=291)
        + 'BA_ "GenMsgCycleTime" BO_ 1 50;\nBA_ "GenMsgStartDelayTime" BO_ 1 7;\n'
        + 'BA_ "SigNotAvailable" SG_ 1 Current 32768;\nBA_ "GenSigStartValue" SG_ 1 Current -50;\n',
    )
    message = load_database([path]).messages["M"]
    assert (message.cycle_ns, message.offset_ns) == (50_000_000, 7_000_000)
    assert message.e2e is not None
    assert (message.e2e.profile, message.e2e.data_id) == ("P1", 291)
    current, wide = message.signals["Current"], message.signals["Wide"]
    assert current.not_available == -32768 * 0.1 + 5  # bits 0x8000 of a signed signal
    assert current.start_value == 0.0  # raw -50
    assert (current.minimum, current.maximum) == (-1000, 32767 * 0.1 + 5)  # what the bits hold
    assert (wide.minimum, wide.maximum) == (0, 15)


LISTED = """BA_DEF_ BO_ "E2EDataIdMode" ENUM "Both","Alt","Low","Nibble";
BA_DEF_ BO_ "E2EDataIdList" STRING;
BA_DEF_DEF_ "E2EDataIdMode" "Both";
BA_DEF_DEF_ "E2EDataIdList" "";
"""


def test_mode_and_list_of_data_identifiers(tmp_path: Path) -> None:
    numbers = "000102030405060708090a0b0c0d0e0f"
    messages = PROTECTED.format(start=8, length=4)
    mode = ROLES.format(profile=1, data_id=291) + 'BA_ "E2EDataIdMode" BO_ 1 2;\n'
    found = load_database([write(tmp_path, messages, LISTED + mode, "mode.dbc")]).messages["M"].e2e
    assert found is not None
    assert found.extras.mode == "Low"
    listed = ROLES.format(profile=2, data_id=0) + f'BA_ "E2EDataIdList" BO_ 1 "{numbers}";\n'
    found = load_database([write(tmp_path, messages, LISTED + listed, "list.dbc")]).messages["M"].e2e
    assert found is not None
    assert found.extras.id_list == bytes(range(16))
    wrong = write(tmp_path, messages, LISTED + listed.replace("0f", "zz"), "wrong.dbc")
    reason = f"E2EDataIdList '{numbers[:-2]}zz' is no row of bytes"
    assert f"M: attribute E2EProfile: {reason}" in mistakes(wrong)[0]


def test_a_not_available_that_does_not_fit(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B',
        'BA_ "SigNotAvailable" SG_ 1 S 256;\n',
    )
    assert "M.S: attribute SigNotAvailable: 256 does not fit into 8 bits" in mistakes(path)[0]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_degrees_in_either_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x.dbc"
    text = HEAD + 'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "°C" B\n'
    path.write_bytes(text.encode(encoding))
    assert load_database([path]).messages["M"].signals["S"].unit == "°C"


def test_blanks_around_a_unit_are_none_of_it(tmp_path: Path) -> None:
    """They made it a unit of another kind."""
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] " degC " B')
    assert load_database([path]).messages["M"].signals["S"].unit == "degC"


FD_ATTRIBUTES = """
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","StandardCAN_FD","ExtendedCAN_FD";
BA_DEF_ BO_ "CANFD_BRS" ENUM "0","1";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_DEF_DEF_ "CANFD_BRS" "1";
"""


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ("", CLASSIC),
        ('BA_ "VFrameFormat" BO_ 1 2;\n', FD | FAST),
        ('BA_ "VFrameFormat" BO_ 1 2;\nBA_ "CANFD_BRS" BO_ 1 0;\n', FD),
    ],
)
def test_the_format_of_a_message(tmp_path: Path, attributes: str, wanted: int) -> None:
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B', FD_ATTRIBUTES + attributes)
    assert load_database([path]).messages["M"].format == wanted


DEFAULTS = """
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","StandardCAN_FD","ExtendedCAN_FD";
BA_DEF_ BO_ "CANFD_BRS" ENUM "0","1";
BA_DEF_ BO_ "GenMsgStartDelayTime" INT 0 65535;
BA_DEF_ SG_ "SigNotAvailable" INT -1 255;
BA_DEF_ BO_ "E2EProfile" STRING;
BA_DEF_ SG_ "E2ERole" STRING;
BA_DEF_DEF_ "E2EProfile" "";
BA_DEF_DEF_ "E2ERole" "";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN_FD";
BA_DEF_DEF_ "CANFD_BRS" "0";
BA_DEF_DEF_ "GenMsgStartDelayTime" 30;
BA_DEF_DEF_ "SigNotAvailable" 0;
BA_ "CANFD_BRS" BO_ 2 1;
BA_ "GenMsgStartDelayTime" BO_ 2 0;
BA_ "SigNotAvailable" SG_ 2 Byte 255;
"""


def test_the_defaults_of_a_file_hold_where_nothing_else_is_said(tmp_path: Path) -> None:
    """They were not read. What tools fill in by themselves for protection and "not available" is none."""
    signals = ' SG_ Byte : 0|8@1+ (0.5,1) [0|0] "" B\n SG_ Half : 8|4@1+ (1,0) [0|0] "" B\n'
    path = tmp_path / "x.dbc"
    path.write_text(f"{HEAD}BO_ 1 One: 8 A\n{signals}\nBO_ 2 Two: 8 A\n{signals}{DEFAULTS}", "utf-8")
    messages = load_database([path]).messages
    one, two = messages["One"], messages["Two"]
    assert (one.format, one.offset_ns) == (FD, 30_000_000)
    assert (two.format, two.offset_ns) == (FD | FAST, None)
    assert [signal.not_available for signal in one.signals.values()] == [None, None]
    assert [signal.not_available for signal in two.signals.values()] == [128.5, None]
    assert one.e2e is None
    assert {signal.e2e_role for signal in one.signals.values()} == {"None"}


def test_a_signal_far_into_a_long_frame(tmp_path: Path) -> None:
    lines = 'BO_ 1 M: 64 A\n SG_ Low : 496|16@1+ (0.001,0) [0|0] "" B\n SG_ High : 487|16@0- (1,0) [0|0] "" B'
    path = write(tmp_path, lines, FD_ATTRIBUTES + 'BA_ "VFrameFormat" BO_ 1 2;\n')
    message = load_database([path]).messages["M"]
    data = bytes(message.encode([-2.0, 3.456]))
    assert data == bytes(60) + b"\xff\xfe" + (3456).to_bytes(2, "little")
    assert message.decode(data) == (-2, pytest.approx(3.456))


def test_a_length_that_can_fd_does_not_have(tmp_path: Path) -> None:
    path = write(tmp_path, "BO_ 1 M: 9 A", FD_ATTRIBUTES + 'BA_ "VFrameFormat" BO_ 1 2;\n')
    flaw = load_database([path]).messages["M"].flaw
    assert flaw is not None
    assert flaw[0] == "no CAN FD frame has 9 bytes"
    assert flaw[1].startswith("it has one of 0, 1, 2")


LONG = 'BO_ {id} M: {length} A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\nBO_ 2 N: 8 A'
EXTENDED_ID = 0x98FF20F3


@pytest.mark.parametrize(
    ("ident", "length", "j1939", "reason"),
    [
        (1, 64, False, "a classic frame has no 64 bytes"),
        (EXTENDED_ID, 9, False, "a classic frame has no 9 bytes"),
        (1, 9, True, "a message of 11 bits has no 9 bytes"),
        (EXTENDED_ID, 1786, True, "1786 bytes: the transport protocol of J1939 carries up to 1785"),
    ],
)
def test_a_message_that_no_bus_carries_keeps_no_other_one_out(
    tmp_path: Path, ident: int, length: int, j1939: bool, reason: str
) -> None:
    path = write(tmp_path, LONG.format(id=ident, length=length))
    database = load_database([path], j1939=j1939)
    flaw = database.messages["M"].flaw
    assert flaw is not None
    assert flaw[0] == reason
    assert not database.messages["M"].is_sent
    assert database.messages["N"].flaw is None


@pytest.mark.parametrize("length", [9, 1785])
def test_on_a_bus_of_j1939_a_long_message_goes_in_parts(tmp_path: Path, length: int) -> None:
    path = write(tmp_path, LONG.format(id=EXTENDED_ID, length=length))
    message = load_database([path], j1939=True).messages["M"]
    assert message.flaw is None
    assert message.in_parts


def test_a_range_that_no_number_has_is_what_the_bits_hold(tmp_path: Path) -> None:
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ S : 0|8@1- (0.5,0) [-1e400|1e400] "" B')
    signal = load_database([path]).messages["M"].signals["S"]
    assert (signal.minimum, signal.maximum) == (-64.0, 63.5)


@pytest.mark.parametrize(
    ("kind", "value", "told"),
    [
        ("STRING", '"soon"', "attribute GenMsgDelayTime: 'soon' is no number"),
        ('ENUM "None","Often"', "1", "attribute GenMsgDelayTime: 'Often' is no number"),
        ('ENUM "None","Often"', "7", "attribute GenMsgDelayTime: its ENUM has no value number 7"),
        ("STRING", '"inf"', "attribute GenMsgDelayTime: 'inf' is no number"),
    ],
)
def test_an_attribute_that_is_no_number(tmp_path: Path, kind: str, value: str, told: str) -> None:
    """They ended in a traceback."""
    line = f'BA_DEF_ BO_ "GenMsgDelayTime" {kind};\nBA_ "GenMsgDelayTime" BO_ 1 {value};\n'
    path = write(tmp_path, 'BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B', line)
    assert any(f"x.dbc: M: {told}" in mistake for mistake in mistakes(path))


@pytest.mark.parametrize("value", ["100", "0x64", "100.0"])
def test_a_number_may_be_written_as_a_text(tmp_path: Path, value: str) -> None:
    line = f'BA_DEF_ BO_ "Gap" STRING;\nBA_ "Gap" BO_ 1 "{value}";\n'.replace("Gap", "GenMsgStartDelayTime")
    tail = "\n".join(line for line in TAIL.splitlines() if "GenMsgStartDelayTime" not in line)
    path = tmp_path / "x.dbc"
    path.write_text(f'{HEAD}BO_ 1 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] "" B\n{tail}\n{line}', "utf-8")
    assert load_database([path]).messages["M"].offset_ns == 100_000_000
