"""Lines of the rig file that `hil new` writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.new.guess import bms_node, guess
from hil.new.sources import Source, read_buses, together
from hil.new.write import rig_text

HEAD = 'VERSION ""\nNS_ :\nBS_:\nBU_: BMS VCU BOX\n'
COMMAND = 'BO_ 1 BMS_Contactors: 8 BMS\n SG_ Contactor_Plus_Cmd : 0|{} "" BOX\n'
FEEDBACK = 'BO_ 2 BOX_Box: 8 BOX\n SG_ Contactor_Plus_Fb : 0|1@1+ (1,0) [0|1] "" BMS\n'
BIT = "1@1+ (1,0) [0|1]"


@pytest.fixture
def written(tmp_path: Path):
    """The lines of a rig file from the messages and value tables of a DBC file."""

    def lines(dbc: str) -> list[str]:
        path = tmp_path / "a.dbc"
        path.write_text(HEAD + dbc, "utf-8")
        buses = read_buses({"pack": [path]})
        database = together(buses)
        return rig_text(Source("mine", buses, database, guess(database, bms_node(database)))).splitlines()

    return lines


@pytest.mark.parametrize(
    ("layout", "table", "more", "values"),
    [
        (BIT, "", "", "open = 0, closed = 1"),
        (BIT, '0 "Open" 1 "Closed"', "", "open = 0, closed = 1"),
        (BIT, '0 "Off" 1 "Energised"', "", "open = 0, closed = 1"),
        (BIT, '0 "De-energized" 1 "Energized"', "", "open = 0, closed = 1"),
        (BIT, '0 "Energized" 1 "DeEnergized"', "scale = -1, offset = 1", "closed = 0, open = 1"),
        ("2@1+ (1,0) [0|3]", '1 "Open" 2 "Closed"', "scale = 1, offset = -1", "open = 1, closed = 2"),
        ("2@1+ (0.5,0) [0|1.5]", '0 "Open" 1 "Closed"', "scale = 2, offset = 0", "open = 0, closed = 0.5"),
    ],
)
def test_a_contactor_closes_where_its_value_table_says_so(written, layout, table, more, values) -> None:
    port = '"contactor.main_plus.command"'
    place = '{ signal = "pack/BMS_Contactors.Contactor_Plus_Cmd", values'
    lines = written(COMMAND.format(layout) + (f"VAL_ 1 Contactor_Plus_Cmd {table} ;\n" if table else ""))
    assert f"Contactor_Plus_Cmd = {f'{{ port = {port}, {more} }}' if more else port}" in lines
    assert f'"contactor.main_plus" = {place} = {{ {values} }} }}' in lines


def test_what_a_value_table_does_not_tell_of_a_contactor_is_marked(written) -> None:
    text = COMMAND.format(BIT) + 'VAL_ 1 Contactor_Plus_Cmd 0 "Ruhe" 1 "Bestromt" ;\n'
    todo = "  # TODO: that 1 is closed is a guess; the DBC file has 0 Ruhe, 1 Bestromt"
    lines = written(text)
    assert f'Contactor_Plus_Cmd = "contactor.main_plus.command"{todo}' in lines
    (role,) = (line for line in lines if line.startswith('"contactor.main_plus"'))
    assert role.endswith(f"values = {{ open = 0, closed = 1 }} }}{todo}")


@pytest.mark.parametrize(
    ("table", "end"),
    [
        ('0 "Open" 1 "Closed"', '"contactor.main_plus.feedback"'),
        ('0 "Closed" 1 "Open"', '{ port = "contactor.main_plus.feedback", scale = -1, offset = 1 }'),
        (
            '0 "A" 1 "B"',
            '"contactor.main_plus.feedback"  # TODO: that 1 is closed is a guess; the DBC file has 0 A, 1 B',
        ),
    ],
)
def test_what_comes_back_of_a_contactor_is_as_its_value_table_says(written, table, end) -> None:
    lines = written(COMMAND.format(BIT) + FEEDBACK + f"VAL_ 2 Contactor_Plus_Fb {table} ;\n")
    assert f"Contactor_Plus_Fb = {end}" in lines


def test_values_are_those_that_a_signal_has_once_decoded(written) -> None:
    lines = written(
        'BO_ 1 BMS_Status: 8 BMS\n SG_ BMS_State : 0|8@1+ (0.1,0) [0|25.5] "" VCU\n'
        'BO_ 3 VCU_Request: 8 VCU\n SG_ Mode : 0|8@1+ (1,-5) [-5|250] "" BMS\n'
        'VAL_ 1 BMS_State 1 "Init" 2 "Standby" 3 "Operate" 7 "Fault" ;\n'
        'VAL_ 3 Mode 5 "Standby" 6 "Operate" ;\n'
    )
    names = "values = { standby = 0, operate = 1 }"
    assert f'mode = {{ signal = "pack/VCU_Request.Mode", {names}, default = "standby" }}' in lines
    names = "values = { init = 0.1, standby = 0.2, operate = 0.3, fault = 0.7 }"
    assert f'"state" = {{ signal = "pack/BMS_Status.BMS_State", {names} }}' in lines


@pytest.mark.parametrize(("told", "more"), [(4, ""), (8, "  # TODO: 4 of 8 cells; ")])
def test_fewer_cells_than_the_bms_tells_of_are_marked(written, told, more) -> None:
    """A message of J1939 is in its DBC file once, however many modules send it."""
    cell = ' SG_ Cell{} : {}|8@1+ (0.02,0) [0|5] "V" {}\n'
    to_bms = "BO_ 1 CMU_Cells: 8 BOX\n" + "".join(cell.format(n, 8 * n, "BMS") for n in range(4))
    of_bms = "BO_ 2 BMS_Cells: 8 BMS\n" + "".join(cell.format(n + 1, 8 * n, "BOX") for n in range(told))
    (line,) = (line for line in written(to_bms + of_bms) if '"cell_monitor.voltage[*]"' in line)
    assert line.startswith(f'"Cell{{index0}}" = "cell_monitor.voltage[*]"{more}')
    assert bool(more) == ("#" in line)
