"""What roles and signals say now, out of the frames that somebody hears."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil.bus.frame import Frame
from hil.errors import UsageError
from hil.rig.live import Live, Row
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from tests.hil.scripted import FAULT, OPERATE, STATUS, small_rig, status

MS = 1_000_000


@pytest.fixture
def config(tmp_path: Path) -> RigConfig:
    return small_rig(tmp_path)


def said(live: Live) -> dict[str, str]:
    return {row.name: row.text for row in live.rows(0)}


def heard(data: bytes, t_ns: int = 0, identifier: int = STATUS) -> Frame:
    frame = Frame(identifier, data, False, "")
    frame.t_ns = t_ns
    return frame


def test_roles_are_named_as_tests_have_them(config: RigConfig) -> None:
    live = Live(config, ["*"])
    assert set(said(live).values()) == {""}
    live.hear("can0", heard(status(OPERATE, plus=1, highest_mv=3312), 5 * MS))
    live.hear("can1", heard(status(FAULT), 6 * MS))  # another bus
    assert said(live) == {
        "state": "operate",
        "contactor.main_plus": "closed",
        "fault.cell_overvoltage": "clear",
        "cell.voltage_max": "3.312 V",
    }
    live.hear("can0", heard(status(FAULT, fault=1), 8 * MS))
    assert live.rows(0)[0] == Row("state", "fault", 8 * MS)
    assert said(live)["fault.cell_overvoltage"] == "set"


def test_what_is_silent_for_too_long_is_absent(config: RigConfig) -> None:
    role = replace(config.roles["fault.cell_overvoltage"], absent_ns=100 * MS)
    live = Live(replace(config, roles={role.name: role}), ["*"])
    for now_ms, text in ((7000, ""), (7099, ""), (7100, "clear")):  # it may have been said before
        assert live.rows(now_ms * MS)[0].text == text
    live.hear("can0", heard(status(FAULT, fault=1), 7200 * MS))
    for now_ms, text in ((7200, "set"), (7299, "set"), (7300, "clear")):
        assert live.rows(now_ms * MS)[0] == Row(role.name, text, 7200 * MS)


def test_what_is_no_whole_frame_is_left_out(config: RigConfig) -> None:
    live = Live(config, ["state"])
    live.hear("can0", heard(status(OPERATE)))
    live.hear("can0", heard(b"\x07"))
    assert said(live) == {"state": "operate"}


def test_signals_of_any_sender_are_chosen_by_a_pattern(config: RigConfig) -> None:
    live = Live(config, signals=["VCU_*.Mode", "can0/CMU_Cells.V[12]", "CMU_Cells.V3"])
    live.hear("can0", heard(b"\x01" + bytes(7), 1, 272))
    live.hear("can0", heard(bytes.fromhex("e40c e40c ffff e40c"), 1, 513))
    assert said(live)["can0/VCU_Request.Mode"] == "Operate"
    assert said(live)["can0/CMU_Cells.V3"] == "not available"
    assert "can0/CMU_Cells.V4" not in said(live)


def test_an_array_is_one_row_unless_its_members_are_asked_for() -> None:
    config = load_rig("laptop")
    rows = Live(config, ["cell.voltage", "balancing"]).rows(0)
    assert [row.name for row in rows] == ["cell.voltage[1…96]", "balancing[1…96]"]
    members = Live(config, ["cell.voltage[1*]"]).rows(0)
    assert [row.name for row in members][:3] == ["cell.voltage[1]", "cell.voltage[10]", "cell.voltage[11]"]


def test_an_array_says_its_ends() -> None:
    config = load_rig("fd")
    live = Live(config, ["cell.voltage", "balancing"])
    by_message: dict[str, dict[str, float]] = {}
    for name, role in config.roles.items():
        if name.startswith("cell.voltage["):
            by_message.setdefault(role.message, {})[role.signal] = 3.3 + 0.001 * (role.index or 0)
    for message, values in by_message.items():
        layout = config.buses["pack"].database.messages[message]
        numbers = [values.get(signal.name, max(signal.minimum, 0.0)) for signal in layout.signals.values()]
        live.hear("pack", heard(bytes(layout.encode(numbers)), 7, layout.id))
    found = {row.name: row for row in live.rows(0)}
    assert found["cell.voltage[1…96]"].text == "3.301 … 3.396 V"
    assert found["balancing[1…96]"] == Row("balancing[1…96]", "", None)


@pytest.mark.parametrize(
    ("roles", "signals", "said"),
    [
        (["stat"], [], "--roles: 'stat' fits none (did you mean 'state'?)"),
        ([], ["VCU_Requst.Mode"], "--signals: 'VCU_Requst.Mode' fits none (did you mean"),
    ],
)
def test_a_pattern_that_fits_nothing_is_told(
    config: RigConfig, roles: list[str], signals: list[str], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Live(config, roles, signals)
    assert said in str(caught.value)
