"""Addresses of J1939 in a rig file: from a DBC file's patterns to messages with senders and receivers."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.frames.database import Database
from hil.rig.load import load_rig
from hil.rig.shipped import find_rig

MODULES = '"CMU{index:02}_Cells" = { pgn = 0xFF20, source = "0x90..0xA7" }'
COMMAND = "HVESSC1 = { source = 0x27, destination = 0xF3 }"


def loaded(folder: Path, *changes: tuple[str, str]) -> Database:
    """The messages of the truck rig with texts replaced."""
    text = find_rig("truck").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "truck.toml"
    path.write_text(text, "utf-8")
    return load_rig(path).buses["vehicle"].database


def mistakes(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(RigFileErrors) as caught:
        loaded(folder, *changes)
    return str(caught.value)


def test_each_source_makes_a_message_of_its_own(tmp_path: Path) -> None:
    messages = loaded(tmp_path).messages
    modules = [messages[f"CMU{index:02}_Cells"] for index in range(1, 25)]
    assert [message.id for message in modules] == [0x18FF2090 + k for k in range(24)]
    assert "CMU_Cells" not in messages


def test_a_destination_stands_in_the_identifier(tmp_path: Path) -> None:
    database = loaded(tmp_path)
    assert database.messages["HVESSC1"].id == 0x0C1BF327
    assert database.by_key[0x8C1BF327].name == "HVESSC1"


def test_everybody_and_another_priority(tmp_path: Path) -> None:
    new = "HVESSC1 = { source = 0x27, destination = 0xFF, priority = 6 }"
    assert loaded(tmp_path, (COMMAND, new)).messages["HVESSC1"].id == 0x181BFF27


def test_what_the_dbc_file_has_stays_where_nothing_is_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, ("INV_Status = { source = 0x8F }", "")).messages["INV_Status"].id == 0x0CFF40FE


def test_a_checksum_reckons_the_address_in(tmp_path: Path) -> None:
    first, second = (loaded(tmp_path).messages[f"CMU{k:02}_Cells"].e2e for k in (1, 2))
    assert first is not None
    assert second is not None
    frame = bytearray(8)
    first.protector().protect(frame)
    assert first.checker().check(bytes(frame)) == "ok"
    assert second.checker().check(bytes(frame)) == "crc"


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("HVESSS1 = {", "HVESSS9 = {", "bus 'vehicle' has no message 'HVESSS9' (did you mean 'HVESSS1'?)"),
        ("0xFF20", "0xFF99", "_Cells\".pgn: bus 'vehicle' has no message with PGN 0xFF99"),
        ("0xFF20", "0xEF01", "0xEF01 is no PGN"),
        ("0xFF20", "0xEF00", "PGN 0xEF00 is that of BMS_Contactors, VCU_Drive (name the message"),
        ("0x90..0xA7", "0x90-0xA7", "'0x90-0xA7' is no range of addresses (such as"),
        ("0x90..0xA7", "0xA7..0x90", "'0xA7..0x90' is no range of addresses"),
        ('"0x90..0xA7"', "0xFE", "source: 0xFE is no address of a sender (addresses go from 0 to 0xFD)"),
        ('"0x90..0xA7"', "[0x90, 0x90]", "an address stands twice"),
        ("CMU{index:02}_Cells\" = {", "CMU_Cells\" = {", "24 sources send messages of one name"),
        ("CMU{index:02}_Cells\" = {", "CMU{number}_Cells\" = {", "{number} is no placeholder"),
        ("INV_Status = { s", "INV_Status = { destination = 1, s", "PGN 0xFF40 goes to everybody"),
        ("destination = 0xF3", "destination = 0x1F3", "0x1F3 is no address of a receiver"),
        (COMMAND, "HVESSC1 = { source = 0x27, priority = 8 }", "HVESSC1.priority"),
        (COMMAND, "HVESSC1 = { sauce = 0x27 }", "did you mean 'source'?"),
        ("PDU_Status = { s", "PDU_Status = { pgn = 0xFF28, s", ""),
        (
            "HVESSD1 = { source = 0xF3 }",
            "HVESSD1 = { pgn = 0xF091, source = 0xF3 }",
            "HVESSD1 has the name or the identifier 0x0CF091F3 of",
        ),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, mistake: str) -> None:
    if not mistake:
        assert loaded(tmp_path, (old, new))
        return
    assert mistake in mistakes(tmp_path, (old, new))


def test_an_identifier_of_11_bits_has_no_addresses(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text('extends = "laptop.toml"\n[bus.pack.j1939]\nBMS_Status = { source = 1 }\n', "utf-8")
    with pytest.raises(RigFileErrors, match="BMS_Status has an identifier of 11 bits, J1939 of 29"):
        load_rig(path)


def test_a_name_of_trouble_codes_makes_roles_of_them_alone(tmp_path: Path) -> None:
    """The lamps and the bytes of the first code are no flags; who wants the lamps says so."""
    warnings = {name for name in load_rig("truck").roles if name.startswith("warning.")}
    assert len(warnings) == 24
    assert {name.replace("warning.", "fault.") for name in warnings} <= set(load_rig("truck").roles)
    text = find_rig("truck").read_text("utf-8")
    pattern = '"warning.{name}" = "vehicle/DM1.{name}"\n'
    assert pattern in text
    lamps = pattern + '"alarm.{name}" = "vehicle/DM1.{name}Lamp"\n'
    path = tmp_path / "truck.toml"
    path.write_text(text.replace(pattern, lamps), "utf-8")
    alarms = {name for name in load_rig(path).roles if name.startswith("alarm.")}
    assert alarms == {"alarm.protect", "alarm.amber_warning", "alarm.red_stop", "alarm.malfunction"}
