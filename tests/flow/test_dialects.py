"""The suite on the rigs whose BMS speaks other messages: a part of it that goes through every layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.conftest import Hil

PART = (
    "overvoltage_of_a_cell or none_is_swapped or temperature_sensor_is_read or broken_protection or on_time "
    "or (marked_invalid and not every_cell_marked) or fault_memory"
)
CHARGED = f"{PART} or charge_session_ends_full"  # by chargers of their own


@pytest.mark.parametrize(
    ("rig", "part", "least"),
    [("fd", PART, 37), ("modular", PART, 53), ("storage", CHARGED, 16), ("truck", CHARGED, 54)],
)
def test_a_part_of_the_suite_passes(hil: Hil, rig: str, part: str, least: int) -> None:
    run = hil("run", rig, "-k", part)
    assert set(run.verdicts) <= {"pass", "skipped"}, run.said
    assert run.verdicts.count("pass") >= least


SENDING = """
extends = "modular.toml"
[bus.pack.messages]
VCU_Command = { send = "on-change", heartbeat = "100 ms", min_interval = "20 ms" }
"SMC*" = { groups = "all" }
"""


def test_a_bms_hears_requests_on_a_change_and_all_groups_at_once(hil: Hil, tmp_path: Path) -> None:
    (tmp_path / "rig.toml").write_text(SENDING)
    run = hil("run", tmp_path / "rig.toml", "-k", "overvoltage_of_a_cell or none_is_swapped")
    assert set(run.verdicts) == {"pass"}, run.said


OTHER_UNITS = """
extends = "laptop.toml"
[bus.pack]
dbc = [{others}, "{own}"]
[roles]
"measured.current" = {{ signal = "pack/BMS_Measurements.Current", scale = -1 }}
soc = {{ signal = "pack/BMS_Status.Soc", scale = 100 }}
"contactor.main_plus" = {{ signal = "pack/BMS_Contactors.MainPlus", values = {{ open = 1, closed = 2 }} }}
[roles."fault.cell_overvoltage"]
signal = "pack/BMS_Faults.Fault_CellOvervoltage"
values = {{ clear = 0, set = 2 }}
[wires.pack.BMS_Contactors]
MainPlus = {{ port = "contactor.main_plus.command", offset = -1 }}
"""


def test_a_bms_that_says_it_in_other_units_passes_as_well(hil: Hil, tmp_path: Path) -> None:
    """The same frames by another DBC file: millivolts, a share, charging positive, 2 for closed and set."""
    text = (Path(__file__).parents[2] / "dbc" / "bms.dbc").read_text("utf-8")
    for old, new in (
        ('Voltage : 12|13@1+ (0.001,0) [0|8.191] "V"', 'Voltage : 12|13@1+ (1,0) [0|8191] "mV"'),
        ('Voltage : 25|13@1+ (0.001,0) [0|8.191] "V"', 'Voltage : 25|13@1+ (1,0) [0|8191] "mV"'),
        ('(0.05,0) [-1638.4|1638.35] "A"', '(-0.05,0) [-1638.35|1638.4] "A"'),
        ('Soc : 24|16@1+ (0.01,0) [0|100] "%"', 'Soc : 24|16@1+ (0.0001,0) [0|1] ""'),
        ("MainPlus : 16|1@1+ (1,0) [0|1]", "MainPlus : 16|1@1+ (1,1) [1|2]"),
        ('VAL_ 258 MainPlus 0 "Open" 1 "Closed" ;', ""),
        ("Fault_CellOvervoltage : 16|1@1+ (1,0) [0|1]", "Fault_CellOvervoltage : 16|1@1+ (2,0) [0|2]"),
        ('VAL_ 257 Fault_CellOvervoltage 0 "No" 1 "Yes" ;', ""),
    ):
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "other.dbc").write_text(text, "utf-8")
    others = ("cell_monitor", "junction_box", "current_sensor", "charger_elcon", "drive")
    listed = ", ".join(f'"{name}.dbc"' for name in others)
    (tmp_path / "rig.toml").write_text(OTHER_UNITS.format(others=listed, own="other.dbc"))
    part = "none_is_swapped or current_and_its_sign or soc_at_power_on or charge_session or precharge_closes"
    part += " or (cell_overvoltage and (past_the_limit or inside_the_limit or each_state))"
    run = hil("run", tmp_path / "rig.toml", "-k", part)
    assert set(run.verdicts) == {"pass"}, run.said
    assert len(run.verdicts) == 15


ONE_FLAG = """
extends = "laptop.toml"
[roles]
"fault.{name}" = false
"fault.crash" = false
[roles.state.values]
charge = false
precharge = false
operate = [3, 4]
[requests.mode.values]
charge = false
[limits]
overtemperature_charge = false
undertemperature_charge = false
charger = false
"""


def test_a_bms_with_one_flag_for_all_faults_that_does_not_charge_is_judged_as_well(
    hil: Hil, tmp_path: Path
) -> None:
    """All tests that look for a fault were skipped; those that ask for charging, or for its state, broke."""
    (tmp_path / "rig.toml").write_text(ONE_FLAG)
    part = "past_the_limit or (inside_the_limit and cell) or an_open_interlock or two_faults"
    part += " or charge_session or pulled or (same_fault and interlock)"
    run = hil("run", tmp_path / "rig.toml", "-k", part)
    assert set(run.verdicts) == {"pass", "skipped"}, run.said
    assert run.verdicts.count("pass") >= 12, run.said
    assert "'mode' of this BMS no value 'charge'" in run.said


@pytest.mark.parametrize(("clears", "verdict"), [("self", "fail"), ("reset", "skipped"), ("service", "fail")])
def test_a_fault_that_is_not_cleared_as_promised_fails(
    hil: Hil, tmp_path: Path, clears: str, verdict: str
) -> None:
    """The shipped BMS lets a reset clear it: what a fault said before it came was taken for its end."""
    (tmp_path / "rig.toml").write_text(
        f'extends = "laptop.toml"\n[limits.cell_overvoltage]\nclears = "{clears}"\n'
    )
    run = hil("run", tmp_path / "rig.toml", "-k", "cleared_as_promised")
    assert run.verdicts == [verdict], run.said
