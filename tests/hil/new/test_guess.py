"""What `hil new` guesses, against rig files that people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.frames.database import Database, load_database
from hil.new.guess import Guess, bms_node, cells_of, guess
from hil.new.rules import guessed_unit
from hil.new.words import number_of, words_of
from hil.rig.load import load_rig

FOREIGN = Path(__file__).with_name("foreign.dbc")


def _guess(database: Database) -> Guess:
    return guess(database, bms_node(database))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CM_Voltages_07", {"cm", "voltage", "7"}),
        ("UZelle_12", {"voltage", "cell", "12"}),
        ("Ucell3", {"voltage", "cell", "3"}),
        ("Fault_CellOvervoltage", {"fault", "cell", "over", "voltage"}),
        ("Ladestrom_Grenze", {"charge", "current", "limit"}),
        ("HVIL_geschlossen", {"interlock", "geschlossen"}),
    ],
)
def test_names_say_the_same_in_other_words(name: str, words: set[str]) -> None:
    assert words_of(name) == words


def test_the_number_of_a_name_is_its_last() -> None:
    assert number_of("M2_Cell_017_mV") == 17
    assert number_of("State") is None


def test_the_laptop_rig_is_found_from_its_dbc_files() -> None:
    config = load_rig("laptop")
    found = _guess(config.buses["pack"].database)
    assert found.bms == "BMS"
    assert cells_of(found) == 96
    wires = {(wire.message, wire.signal): wire.port for wire in config.wires}
    right = sum(found.ports.get(where) == port for where, port in wires.items())
    assert right >= 0.9 * len(wires)
    roles = {name: (role.message, role.signal) for name, role in config.roles.items()}
    right = sum(name in found.roles and found.roles[name][0] == where for name, where in roles.items())
    assert right >= 0.9 * len(roles)
    assert found.roles["state"][1] == {
        "init": 0, "standby": 1, "precharge": 2, "operate": 3, "charge": 4, "fault": 7,
    }  # fmt: skip


def test_a_german_big_endian_multiplexed_bms_is_understood() -> None:
    found = _guess(load_database([FOREIGN]))
    assert found.bms == "BCU"
    assert found.ports["SLV_Zellspannungen", "UZelle_12"] == "cell_monitor.voltage[12]"
    assert found.ports["SHUNT_Messung", "IBatt"] == "current_sensor.current"
    assert found.ports["SHUNT_Messung", "UZwischenkreis"] == "current_sensor.voltage_link"
    assert found.ports["FZG_Box", "K_Minus_Rueckmeldung"] == "contactor.main_minus.feedback"
    assert found.ports["BCU_Schuetze", "Schuetz_Vorladung"] == "contactor.precharge.command"
    assert found.requests["mode"] == (
        ("FZG_Anforderung", "Betriebsart"),
        {"standby": 0, "operate": 1, "charge": 2},
    )
    where = {role: place for role, (place, _) in found.roles.items()}
    assert where["fault.undertemperature_charge"] == ("BCU_Fehler", "Fehler_Untertemperatur_Laden")
    assert where["warning.isolation"] == ("BCU_Fehler", "Warnung_Isolation")
    assert where["limit.charge_current"] == ("BCU_Grenzen", "Ladestrom_Grenze")
    assert where["limit.discharge_current"] == ("BCU_Grenzen", "Entladestrom_Grenze")
    assert where["cell.voltage_min"] == ("BCU_Messwerte", "U_Zelle_min")
    assert all(message == "BCU_Diagnose" for message, _ in found.unknown)


def test_what_a_charger_gives_is_not_what_the_pack_measures(tmp_path: Path) -> None:
    """The shunt's current and the pack's voltage were taken from the charger's messages."""
    path = tmp_path / "lader.dbc"
    path.write_text(
        'VERSION ""\nNS_ :\nBS_:\nBU_: BMS LADER\n'
        "BO_ 1 LADER_Status: 8 LADER\n"
        ' SG_ I_Lader : 0|16@1+ (0.1,0) [0|100] "A" BMS\n'
        ' SG_ U_Lader : 16|16@1+ (0.1,0) [0|1000] "V" BMS\n'
        "BO_ 2 LADER_Soll: 8 BMS\n"
        ' SG_ I_Soll : 0|16@1+ (0.1,0) [0|100] "A" LADER\n'
        ' SG_ U_Soll : 16|16@1+ (0.1,0) [0|1000] "V" LADER\n'
    )
    found = _guess(load_database([path]))
    assert found.ports == {
        ("LADER_Status", "I_Lader"): "charger.current",
        ("LADER_Status", "U_Lader"): "charger.voltage",
        ("LADER_Soll", "I_Soll"): "charger.current_max",
        ("LADER_Soll", "U_Soll"): "charger.voltage_max",
    }
    assert "measured.pack_voltage" not in found.roles


def test_what_nobody_could_understand_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "odd.dbc"
    path.write_text('VERSION ""\nNS_ :\nBS_:\nBU_: A B\nBO_ 1 X: 8 A\n SG_ Foo : 0|8@1+ (1,0) [0|255] "" B\n')
    found = _guess(load_database([path]))
    assert (found.ports, found.roles, found.requests) == ({}, {}, {})
    assert found.unknown == [("X", "Foo")]


def test_no_port_is_fed_twice_and_no_role_has_two_signals() -> None:
    for database in (load_rig("laptop").buses["pack"].database, load_database([FOREIGN])):
        ports = list(_guess(database).ports.values())
        assert len(ports) == len(set(ports))


def test_cells_from_0_are_cells_from_1() -> None:
    found = _guess(load_database([FOREIGN.with_name("newcomer.dbc")]))
    assert found.ports["CSC_CellU_A", "CellU_00"] == "cell_monitor.voltage[1]"
    assert found.ports["CSC_CellU_B", "CellU_23"] == "cell_monitor.voltage[24]"
    assert found.ports["CSC_ModTemp", "ModTemp_5"] == "cell_monitor.temperature[6]"
    assert found.roles["cell.voltage[24]"][0] == ("BPCM_CellU", "U_Cell23")
    assert cells_of(found) == 24
    assert not found.unknown


@pytest.mark.parametrize(
    ("name", "layout", "unit"),
    [
        ("Cell_U1", "0|16@1+ (1,0) [0|5000]", "mV"),
        ("Cell_U1", "0|16@1+ (0.001,0) [0|65.535]", "V"),
        ("PackVoltage", "0|16@1+ (0.1,0) [0|1000]", "V"),
        ("PackCurrent", "0|16@1+ (0.1,-3200) [-3200|3200]", "A"),
        ("ModuleTemp", "0|8@1+ (1,-40) [-40|215]", "degC"),
        ("IsolationPlus", "0|16@1+ (1,0) [0|65535]", "kOhm"),
        ("VoltageState", "0|8@1+ (1,0) [0|255]", ""),
        ("Cell_U1", "0|3@1+ (1,0) [0|7]", ""),
    ],
)
def test_a_unit_that_is_not_there_is_guessed(tmp_path: Path, name: str, layout: str, unit: str) -> None:
    path = tmp_path / "a.dbc"
    path.write_text(f'VERSION ""\nBS_:\nBU_: A\nBO_ 1 M: 8 A\n SG_ {name} : {layout} "" A\n')
    signal = load_database([path]).messages["M"].signals[name]
    assert guessed_unit(signal) == unit


@pytest.mark.parametrize(
    ("senders", "node"),
    [
        (["BMS_Gateway", "BMS", "VCU"], "BMS"),
        (["SECURITY", "BatECU"], "BatECU"),
        (["SECURITY", "MASTERBMS"], "MASTERBMS"),
        (["BMS_Gateway", "BMS_Master"], "BMS_Master"),  # it says a state
        (["A", "B"], "B"),
    ],
)
def test_the_bms_is_the_node_that_is_called_so_or_says_most(
    tmp_path: Path, senders: list[str], node: str
) -> None:
    path = tmp_path / "a.dbc"
    head = f'VERSION ""\nBS_:\nBU_: {" ".join(senders)}\n'
    for number, sender in enumerate(senders):
        name = "State" if number == len(senders) - 1 else "Foo"
        head += f'BO_ {number} M{number}: 8 {sender}\n SG_ {name} : 0|8@1+ (1,0) [0|0] "" {sender}\n'
    path.write_text(head)
    assert bms_node(load_database([path])) == node
