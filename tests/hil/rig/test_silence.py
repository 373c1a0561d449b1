"""Why nothing is heard of a role: silence, wrong checksums, foreign identifiers, values without meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hil.checks.verdict import BmsFailure
from hil.frames.restbus import Entry
from hil.rig.load import load_rig
from tests.hil.scripted import STANDBY, every, scripted_rig, small_rig, status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hil.rig.rig import Rig
    from hil.rig.schema import RigConfig
    from tests.hil.scripted import Line


def came(rig: Rig, *, role: str = "state", within: str = "500 ms") -> str:
    with pytest.raises(BmsFailure) as caught:
        rig.expect(role, "operate" if role == "state" else 3.3, within=within)
    return caught.value.result.actual


def protected(laptop: RigConfig, count: int, *, fault: str = "", bad: Sequence[int] = ()) -> list[Line]:
    """Frames of a protected BMS_Status, ten ms apart: all with a fault, some with a bit that is wrong."""
    entry = Entry(laptop.buses["pack"].database.messages["BMS_Status"], {})
    if fault:
        entry.protector.fault = fault
    lines = []
    for number in range(count):
        data = bytearray(entry.pack())
        data[-1] ^= number in bad
        lines.append((10.0 * (number + 1), bytes(data)))
    return lines


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("crc", "; 40 frames of BMS_Status came, all with a wrong checksum"),
        ("frozen", "; 39 frames of BMS_Status came with a counter that stands still"),
    ],
)
def test_frames_that_are_not_believed_are_no_silence(laptop, fault, told):
    rig, _, _ = scripted_rig(laptop, protected(laptop, 40, fault=fault))
    assert came(rig).endswith(f"by 500 ms{told}")


def test_some_that_are_not_believed_are_told_beside_those_that_are(laptop):
    rig, _, _ = scripted_rig(laptop, protected(laptop, 40, bad=(3, 4, 5)))
    said = came(rig)
    assert said.startswith("37 frames, the last one ")
    assert said.endswith("; 3 frames of BMS_Status came with a wrong checksum")


def test_several_flaws_are_counted(laptop):
    lines = protected(laptop, 10, fault="crc") + every(20, 260, bytes(5), since_ms=200)
    rig, _, _ = scripted_rig(laptop, lines)
    told = "13 frames of BMS_Status came that are not to be believed"
    assert came(rig).endswith(f"; {told}: 10 with a wrong checksum, 3 with a wrong length")


def test_frames_that_came_before_do_not_count(laptop):
    rig, _, _ = scripted_rig(laptop, protected(laptop, 10, fault="crc"))
    rig.run_for("500 ms")
    assert "checksum" not in came(rig)


def test_a_short_frame_is_told_where_there_is_no_protection(small):
    rig, _, _ = scripted_rig(small, every(20, 400, b"\1"))
    assert came(rig).endswith("; 20 frames of BMS_Status came, all with too few bytes")


def test_every_check_says_so(laptop):
    rig, _, _ = scripted_rig(laptop, protected(laptop, 400, fault="crc"))
    for check in (
        lambda: rig.stays("state", "standby", for_="200 ms"),
        lambda: rig.value("state"),
        lambda: rig.agrees("state", 1.0, 0.1),
        rig.power_on,
    ):
        with pytest.raises(BmsFailure, match="BMS_Status came, all with a wrong checksum"):
            check()


def test_frames_of_other_pages(small):
    state = small.roles["state"]
    paged = replace(state, reading=replace(state.reading, when=((0, 9.0, 9.0),)))
    rig, _, _ = scripted_rig(replace(small, roles={"state": paged}), every(20, 400, status()))
    assert came(rig).endswith("; 20 frames of BMS_Status came, none of them with it")


def test_a_value_that_is_not_available_is_told_so(tmp_path: Path):
    path = small_rig(tmp_path).path
    with (tmp_path / "bms.dbc").open("a") as dbc:
        dbc.write('BA_ "SigNotAvailable" SG_ 256 Highest 65535;\n')
    rig, _, _ = scripted_rig(load_rig(path), every(20, 400, status(highest_mv=65535)))
    said = came(rig, role="cell.voltage_max")
    assert said == "20 frames, the last one not available, by 500 ms"


def test_a_state_that_has_no_name_is_told_by_its_number(small):
    rig, _, _ = scripted_rig(small, every(20, 400, status(13)))
    assert came(rig) == "20 frames, the last one 13, which has no name, by 500 ms"


def test_silence(small):
    rig, _, _ = scripted_rig(small)
    assert came(rig) == "no frame with state, by 500 ms; nothing of the BMS came on any bus"


def test_identifiers_that_nobody_knows(small):
    rig, world, _ = scripted_rig(small, every(20, 400, status(STANDBY)))
    world.bms._identifier = 0x123
    assert came(rig).endswith("; on bus 'can0' it sends 0x123, which no DBC file has")


def test_nothing_is_said_of_what_the_rig_sends(small):
    """The rig's own message may well be silent: that is what a test has done."""
    rig, _, _ = scripted_rig(small)
    with rig.fault("frame.missing", message="CMU_Cells"), pytest.raises(BmsFailure) as caught:
        rig.stays("cell_monitor.voltage[1]", 3.3, for_="200 ms")
    assert "BMS" not in caught.value.result.actual
