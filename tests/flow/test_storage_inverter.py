"""A rig with a stationary inverter beside the BMS: from the rig file to frames on its bus."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.errors import RigFileErrors
from hil.rig.load import load_rig
from hil.run.session import RunOptions, Session

RIG = """
extends = "laptop.toml"
charger = false

[rig]
name = "storage"

[bus.storage]
bitrate = "500 kbit/s"
dbc = ["{dbc}"]

[nodes.inverter]
kind = "{kind}"
bus = "storage"
rated_power = "{power}"

[wires.pack]
ELCON_Command = false
"""
FILES = {"pylontech": "storage_pylontech.dbc", "sma-victron": "storage_sma_victron.dbc"}


def rig_file(folder: Path, kind: str, dbc: str | None = None, power: str = "30 kW") -> Path:
    path = folder / "storage.toml"
    path.write_text(RIG.format(kind=kind, dbc=dbc or FILES[kind], power=power), "utf-8")
    return path


@pytest.mark.parametrize("kind", FILES)
def test_an_inverter_waits_for_a_battery_that_speaks_to_it(tmp_path: Path, kind: str) -> None:
    session = Session(load_rig(rig_file(tmp_path, kind)), RunOptions())
    rig = session.open("test")
    try:
        rig.power_on()
        rig.run_for("3 s")
        assert rig.truth("nodes.inverter.state") == 0.0
        assert rig.truth("charger.current") == 0.0
        rig.set("nodes.inverter.grid_lost", 1.0)
        rig.set("nodes.inverter.load", 5e3)
        rig.run_for("1 s")
        assert rig.truth("nodes.inverter.supplied") == 0.0
    finally:
        session.close_world()
        session.close()


@pytest.mark.parametrize(
    ("kind", "dbc", "power", "said"),
    [
        ("pylontech", "storage_sma_victron.dbc", "30 kW", "no message InverterAlive"),
        ("pylontech", None, "0 kW", "nodes.inverter.rated_power"),
        ("pylontech", None, "30 A", "nodes.inverter.rated_power"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, kind: str, dbc: str | None, power: str, said: str) -> None:
    with pytest.raises(RigFileErrors, match=said):
        load_rig(rig_file(tmp_path, kind, dbc, power))
