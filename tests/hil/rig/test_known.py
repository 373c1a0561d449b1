"""What the suite knows by name: units that are another kind's, and what leaves tests out unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.rig.remarks import remarks
from hil.rig.schema import RigConfig
from hil.rig.shipped import shipped_rigs


def load(folder: Path, text: str) -> RigConfig:
    path = folder / "mine.toml"
    path.write_text(f'extends = "laptop.toml"\n{text}', "utf-8")
    return load_rig(path)


@pytest.mark.parametrize("name", shipped_rigs())
def test_the_shipped_rigs_use_what_the_suite_knows(name: str) -> None:
    assert [*remarks(load_rig(name))] == []


@pytest.mark.parametrize(
    ("text", "place", "reason", "remedy"),
    [
        (
            '[limits.cell_overvoltage]\nthreshold = "3.65 A"\nrelease = "3.45 A"\nwarning = "3.6 A"\n',
            "limits.cell_overvoltage.threshold",
            "'3.65 A' is of kind current",
            "this limit is one of voltage, such as '3.65 V'",
        ),
        (
            '[limits.temperature_spread]\nthreshold = "10 degC"\n',
            "limits.temperature_spread.threshold",
            "'10 degC' is of kind temperature",
            "this limit is one of temperature difference",
        ),
        (
            '[roles]\n"soc" = "pack/BMS_CellExtremes.MaxVoltage"\n',
            "roles.soc",
            "BMS_CellExtremes.MaxVoltage is in 'V', no ratio",
            "a signal in %, or leave this role out",
        ),
    ],
)
def test_a_unit_of_another_kind_is_a_mistake(
    tmp_path: Path, text: str, place: str, reason: str, remedy: str
) -> None:
    with pytest.raises(RigFileErrors) as caught:
        load(tmp_path, text)
    told = [line for line in str(caught.value).splitlines() if place in line]
    assert told, str(caught.value)
    assert reason in told[0]
    assert remedy in told[0]


def test_a_flag_of_its_own_is_no_stranger(tmp_path: Path) -> None:
    rig = load(tmp_path, '[roles]\n"fault.fuse_blown" = "pack/BMS_Faults.Fault_CellOvervoltage"\n')
    assert [*remarks(rig)] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[roles]\n"sox" = "pack/BMS_Status.Soc"\n', "roles.sox: the suite knows no such role (did you mean"),
        (
            '[roles]\n"fault.cell_overvoltag" = "pack/BMS_Status.Soc"\n',
            "did you mean 'fault.cell_overvoltage'?",
        ),
        (
            '[limits.cell_overvolt]\nthreshold = "3.65 V"\n',
            "limits.cell_overvolt: the suite knows no such limit (did you mean 'cell_overvoltage'?)",
        ),
        (
            '[limits.charge]\nextra = { end_curent = "8 A" }\n',
            "limits.charge.extra.end_curent: no test of the suite reads it (did you mean 'end_current'?)",
        ),
        (
            '[limits.interlock]\nextra = { done = "1 s" }\n',
            "limits.interlock.extra.done: no test of the suite reads it",
        ),
        ("[roles]\nstate = false\n", "roles: 'state' is missing"),
        ('[wires.pack]\n"CM_Voltages_{frame:02}" = false\n', "wires: no cell voltage is wired"),
        (
            "[wires.pack.BMS_Contactors]\nMainMinus = false\n",
            "wires: 'contactor.main_minus.command' is wired to nothing",
        ),
    ],
)
def test_what_leaves_tests_out_unsaid_is_told(tmp_path: Path, text: str, told: str) -> None:
    assert any(told in line for line in remarks(load(tmp_path, text)))


@pytest.mark.parametrize("constants", ["", '[constants]\n"a/VCU.Alive" = 3\n"a/VCU.Chk" = 0\n'])
def test_counters_that_nothing_fills_in_are_told(tmp_path: Path, constants: str) -> None:
    (tmp_path / "a.dbc").write_text(
        'VERSION ""\nBU_: BMS X\nBO_ 1 VCU: 8 X\n SG_ Alive : 0|4@1+ (1,0) [0|15] "" BMS\n'
        ' SG_ Chk : 8|8@1+ (1,0) [0|255] "" BMS\nBO_ 2 BMS_Said: 8 BMS\n'
        ' SG_ Alive : 0|4@1+ (1,0) [0|15] "" X\n'
        'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;\nBA_DEF_DEF_ "GenMsgCycleTime" 10;\n'
    )
    rig = load(tmp_path, f'[bus.a]\nbitrate = "500 kbit/s"\ndbc = ["a.dbc"]\n{constants}')
    told = [line for line in remarks(rig) if "nothing fills in" in line]
    assert len(told) == (0 if constants else 1)
    assert all("a/VCU: nothing fills in Alive and Chk, the BMS may refuse it" in line for line in told)
