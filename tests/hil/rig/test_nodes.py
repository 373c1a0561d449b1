"""``[nodes.NAME]``: what it resolves to, and each mistake with key, reason and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.rig.schema import RigConfig
from twins.charger_presets import PRESETS

BASE = '''extends = "laptop.toml"
charger = false
[bus.charge]
bitrate = "250 kbit/s"
dbc = ["gbt27930.dbc"]
[bus.qc]
bitrate = "500 kbit/s"
dbc = ["chademo.dbc"]
[wires.pack]
ELCON_Command = false
'''
STATION = '[nodes.dc]\nkind = "gbt27930"\nbus = "charge"\n'


def load(folder: Path, text: str, base: str = BASE) -> RigConfig:
    path = folder / "mine.toml"
    path.write_text(base + text, "utf-8")
    return load_rig(path)


def test_a_station_is_resolved(tmp_path: Path) -> None:
    rig = load(tmp_path, STATION + 'preset = "depot-84kw"\ninsulation_test = "1 s"\n')
    (node,) = rig.nodes
    assert (node.name, node.kind, node.bus, node.sender) == ("dc", "gbt27930", "charge", "CHG")
    assert node.messages == {"CHM", "CRM", "CTS", "CML", "CRO", "CCS", "CST", "CSD", "CEM"}
    assert node.insulation_ns == 1_000_000_000
    assert rig.plant.charger == PRESETS["depot-84kw"]


def test_the_charger_section_changes_a_nodes_preset(tmp_path: Path) -> None:
    base = BASE.replace("charger = false\n", "")  # the laptop rig's charger: 360 V, 100 A
    charger = load(tmp_path, STATION + 'preset = "depot-84kw"\n', base).plant.charger
    assert (charger.max_V, charger.max_A, charger.max_W) == (360.0, 100.0, 84e3)


def test_a_vehicle_is_resolved(tmp_path: Path) -> None:
    text = (
        '[nodes.ev]\nkind = "gbt27930-vehicle"\nbus = "charge"\nmax_voltage = "336 V"\n'
        'max_cell_voltage = "3.6 V"\nmax_current = "80 A"\nend_current = "8 A"\nend_soc = "90 %"\n'
    )
    (node,) = load(tmp_path, text).nodes
    assert (node.max_V, node.max_cell_V, node.max_A, node.end_A) == (336.0, 3.6, 80.0, 8.0)
    assert node.end_soc == pytest.approx(0.9)


def test_lines_of_a_connector_can_be_wired(tmp_path: Path) -> None:
    text = (
        '[nodes.qc]\nkind = "chademo"\nbus = "qc"\n'
        "[wires.pack.JB_Status]\nInterlock = 'nodes.qc.d1'\n"
        "[wires.pack.BMS_Contactors]\nPrecharge = 'nodes.qc.k'\n"
    )
    wires = {wire.port: (wire.signal, wire.direction) for wire in load(tmp_path, text).wires}
    assert wires["nodes.qc.d1"] == ("Interlock", "out")
    assert wires["nodes.qc.k"] == ("Precharge", "in")


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            '[nodes.dc]\nkind = "ccs"\nbus = "charge"\n',
            "nodes.dc.kind: 'ccs' is not known "
            "(expected 'gbt27930', 'gbt27930-vehicle', 'chademo', 'elcon', 'pylontech' or 'sma-victron')",
        ),
        ('[nodes.dc]\nkind = "gbt27930"\n', "nodes.dc.bus: is missing"),
        (
            STATION.replace('"charge"', '"charg"'),
            "nodes.dc.bus: there is no bus 'charg' (did you mean 'charge'?)",
        ),
        (STATION + 'presett = "depot-84kw"\n', "nodes.dc.presett: unknown key (did you mean 'preset'?)"),
        (
            STATION + 'preset = "depot-80kw"\n',
            "nodes.dc.preset: there is no charger preset 'depot-80kw' (did you mean 'depot-84kw'?)",
        ),
        (STATION + 'insulation_test = "3 V"\n', "nodes.dc.insulation_test: '3 V' is a voltage"),
        (STATION + 'max_current = "80 A"\n', "nodes.dc.max_current: a node of kind 'gbt27930' has none"),
        (
            '[nodes.ev]\nkind = "gbt27930-vehicle"\nbus = "charge"\ninsulation_test = "3 s"\n',
            "nodes.ev.insulation_test: a node of kind 'gbt27930-vehicle' has none",
        ),
        (
            STATION.replace('"charge"', '"pack"'),
            "nodes.dc: bus 'pack' has no message CHM, CRM, CTS that 'gbt27930' needs "
            "(add 'gbt27930.dbc' to bus.pack.dbc)",
        ),
        (
            STATION.replace('"charge"', '"qc"'),
            "nodes.dc.bus: bus 'qc' runs at 500 kbit/s, but 'gbt27930' has 250 kbit/s "
            "(give it a bus of its own)",
        ),
        (
            STATION + '[nodes.qc]\nkind = "chademo"\nbus = "qc"\n',
            "nodes.qc: drives the charger, as nodes.dc does (the plant has one charger)",
        ),
        (
            '[nodes.a]\nkind = "gbt27930-vehicle"\nbus = "charge"\n'
            '[nodes.b]\nkind = "gbt27930-vehicle"\nbus = "charge"\n',
            "nodes.b: sends the same messages as nodes.a (remove one)",
        ),
        (STATION + "[constants]\n'charge/CML.MaxVoltage' = 400\n", "but nodes.dc sends CML"),
    ],
)
def test_each_mistake_is_told(tmp_path: Path, text: str, mistake: str) -> None:
    with pytest.raises(RigFileErrors) as caught:
        load(tmp_path, text)
    assert mistake in str(caught.value)


def test_a_charger_has_one_master(tmp_path: Path) -> None:
    with pytest.raises(RigFileErrors, match=r"port charger\.control is written twice, also by nodes\.dc"):
        load(tmp_path, STATION, BASE.replace("ELCON_Command = false\n", ""))


def test_a_table_is_taken_away_by_false(tmp_path: Path) -> None:
    rig = load(tmp_path, "")
    assert not [wire for wire in rig.wires if wire.message == "ELCON_Command"]
    assert rig.plant.charger.max_A == 100.0
